from pathlib import Path

import pytest
import torch

import batchsift as bs
import distributed_run as run
from scripts import TWO_PROCESSES, processes, run_script

PROCESSES = 2
ELASTIC = Path(__file__).with_name("elastic_in_processes.py")
SHARED = [("d2ace", "fill"), ("uncertainty", "drop"), ("random", "fill")]


def whole_run(method, last_batch):
    """The same training in one process, which observes whole blocks and, beside the plan, what each rank did."""
    selector = run.build(method, last_batch)
    seen = []
    for _ in range(4):
        for indices in selector.batches():
            logits = run.logits_for(indices, selector.epoch)
            for first_of_share in (0, 3):
                if indices[first_of_share] % 7 == 0:
                    logits[first_of_share] = float("nan")
            selector.observe(indices, logits)
            seen.append(indices.tolist())
        beside = indices[[0, 3]]
        selector.observe(beside, run.logits_for(beside, 9), in_plan=False)
        selector.end_epoch()
    return selector, seen


@pytest.fixture(scope="module")
def folder_of_ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    run_script(*TWO_PROCESSES, run.__file__, folder, *map(":".join, SHARED))
    return folder


@pytest.mark.processes
@pytest.mark.filterwarnings("ignore:rows of logits that are not finite:UserWarning")
@pytest.mark.parametrize(("method", "last_batch"), SHARED)
def test_two_processes_are_one(folder_of_ranks, method, last_batch):
    files = [folder_of_ranks / f"{method}:{last_batch}.{rank}.pt" for rank in range(PROCESSES)]
    ranks = [torch.load(file, weights_only=True) for file in files]
    whole, blocks = whole_run(method, last_batch)
    assert [left + right for left, right in zip(*(rank["seen"] for rank in ranks), strict=True)] == blocks
    for rank in ranks:
        assert torch.equal(rank["probabilities"], whole.probabilities)
        assert rank["signals"].keys() == whole.signals().keys()
        assert all(torch.equal(rank["signals"][name], value) for name, value in whole.signals().items())
        assert torch.equal(rank["counts"], whole.counts)
        assert all(
            torch.equal(rank["suspects"][name], value) for name, value in vars(whole.suspects(run.N * run.L)).items()
        )
        assert rank["summary"] == whole.summary()
        assert rank["length"] == len(whole) // PROCESSES
    plans = [torch.tensor(rank["plan"]).view(-1, run.B // PROCESSES) for rank in ranks]
    assert torch.cat(plans, dim=1).flatten().tolist() == list(whole)


def test_shares_of_a_plan_are_slices_of_its_blocks():
    labels = torch.ones(8, 1)

    def build():
        return bs.Selector(labels, method="random", batch_size=4, seed=1, last_batch="drop")

    blocks = [block.tolist() for block in build().batches()]
    left, right = bs.shard(build(), 0, 2), bs.shard(build(), 1, 2)
    assert [block.tolist() for block in left.batches()] == [block[:2] for block in blocks]
    assert list(right) == blocks[0][2:] + blocks[1][2:]
    assert len(left) == 4
    with pytest.raises(ValueError, match=r"observed 4 rows where the plan has a block of 2.*must be 2"):
        left.observe(blocks[0], torch.zeros(4, 1))
    left.observe(blocks[0][:2], torch.zeros(2, 1))


def test_one_process_changes_nothing():
    selector = bs.Selector(torch.ones(5, 1), method="random", batch_size=2)
    assert bs.shard(selector) is selector
    assert len(list(selector)) == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 4}, r'last_batch="fill"'),
        ({"batch_size": 5, "last_batch": "fill"}, "divisible by the 2 processes"),
    ],
)
def test_blocks_that_cannot_be_shared_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        bs.shard(bs.Selector(torch.ones(10, 1), method="random", **options), 0, 2)


def test_a_share_of_a_share_is_refused():
    selector = bs.shard(bs.Selector(torch.ones(8, 1), method="random", batch_size=4, last_batch="fill"), 0, 2)
    assert bs.shard(selector, 0, 2) is selector
    with pytest.raises(ValueError, match="sharded already"):
        bs.shard(selector, 0, 4)


def test_processes_without_a_group_are_told(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="init_process_group"):
        bs.shard(bs.Selector(torch.ones(8, 1), method="random", batch_size=4, last_batch="fill"))


@pytest.mark.processes
@pytest.mark.parametrize("number", [2, 3, 4])
def test_every_method_in_parts_is_one_process(number):
    run_script(*processes(number), Path(__file__).with_name("equal_in_processes.py"))


@pytest.mark.processes
def test_processes_that_disagree_are_named_in_all_of_them():
    run_script(*processes(3), Path(__file__).with_name("disagreeing_processes.py"))


def test_parts_need_processes():
    selector = bs.Selector(torch.ones(8, 1), method="random", batch_size=4, last_batch="fill")
    with pytest.raises(ValueError, match="needs a process group"):
        bs.shard(selector, 0, 2, sharded=True)


@pytest.fixture(scope="module")
def folder_saved_by_three(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    run_script(*processes(3), ELASTIC, folder, "save")
    return folder


@pytest.mark.processes
@pytest.mark.parametrize("number", [1, 2, 4, 5])
def test_what_three_saved_goes_on_in_any_number(folder_saved_by_three, number):
    run_script(*processes(number), ELASTIC, folder_saved_by_three, "resume")
