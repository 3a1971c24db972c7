from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import batchsift as bs
from scripts import TWO_PROCESSES, run_script

pytest.importorskip("accelerate", reason="needs batchsift[accelerate]")

from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState
from accelerate.utils import DataLoaderConfiguration

from batchsift.integrations.accelerate import prepare_loader
from integrations.accelerate_training import (
    EPOCHS,
    FEATURES,
    LABELS,
    B,
    N,
    Run,
    make_loader,
    make_selector,
)

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")


@pytest.fixture
def make_accelerator():
    """Accelerators of tests must not share the state that they keep for the whole process."""

    def make(**options):
        AcceleratorState._reset_state(reset_partial_state=True)
        GradientState._reset_state()
        return Accelerator(cpu=True, **options)

    yield make
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()


@pytest.fixture
def accelerator(make_accelerator):
    return make_accelerator()


def assert_planned(blocks, logits, twin):
    """The blocks are those of a selector without any loader that is shown the same logits."""
    for epoch in range(EPOCHS):
        assert blocks[epoch] == [block.tolist() for block in twin.batches()]
        for block, shown in zip(blocks[epoch], logits[epoch], strict=True):
            twin.observe(block, shown)
        twin.end_epoch()


@pytest.mark.parametrize("workers", [0, 2])
def test_blocks_are_those_of_a_selector_alone(accelerator, workers):
    run = Run(accelerator, make_selector(), num_workers=workers)
    assert_planned(run.blocks, run.logits, make_selector())
    assert run.selector.counts.sum() == EPOCHS * N


def test_bfloat16(make_accelerator):
    run = Run(make_accelerator(mixed_precision="bf16"), make_selector())
    assert_planned(run.blocks, run.logits, make_selector())


def test_accumulation_steps_at_the_end_of_an_epoch(make_accelerator):
    run = Run(make_accelerator(gradient_accumulation_steps=4), make_selector())
    assert_planned(run.blocks, run.logits, make_selector())
    assert run.steps[0] == run.steps[3] == [False, False, False, True, False, True]


@pytest.mark.parametrize("seen", [1, 3, 6])
@pytest.mark.parametrize("workers", [0, 2])
def test_resume_is_exact(make_accelerator, tmp_path, seen, workers):
    whole = Run(make_accelerator(), make_selector(), num_workers=workers)
    Run(make_accelerator(), make_selector(), save=(tmp_path, 1, seen), kill=True)
    run = Run(make_accelerator(), make_selector(), resume=tmp_path, num_workers=workers)
    assert run.blocks == {1: whole.blocks[1][seen:], 2: whole.blocks[2], 3: whole.blocks[3]}
    assert all(map(torch.equal, run.weights, whole.weights))
    assert torch.equal(run.selector.probabilities, whole.selector.probabilities)
    assert list(run.selector) == list(whole.selector)


def test_resume_within_accumulation(make_accelerator, tmp_path):
    whole = Run(make_accelerator(gradient_accumulation_steps=2), make_selector())
    Run(make_accelerator(gradient_accumulation_steps=2), make_selector(), save=(tmp_path, 2, 4), kill=True)
    run = Run(make_accelerator(gradient_accumulation_steps=2), make_selector(), resume=tmp_path)
    assert run.steps[2] == whole.steps[2][4:]
    assert all(map(torch.equal, run.weights, whole.weights))


def test_preparing_again_changes_nothing(accelerator):
    loader = prepare_loader(accelerator, make_loader(make_selector()))
    assert accelerator.prepare(loader) is loader
    assert len(loader) == 6


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"split_batches": True}, "split_batches=True would not follow the plan"),
        ({"dispatch_batches": True}, "dispatch_batches=True would not follow the plan"),
        ({"use_stateful_dataloader": True}, "the selector keeps the position"),
    ],
)
def test_settings_that_do_not_follow_the_plan(make_accelerator, setting, message):
    if "use_stateful_dataloader" in setting:
        pytest.importorskip("torchdata.stateful_dataloader")
    accelerator = make_accelerator(dataloader_config=DataLoaderConfiguration(**setting))
    with pytest.raises(ValueError, match=message):
        prepare_loader(accelerator, make_loader(make_selector()))


def test_loaders_that_do_not_follow_the_plan(accelerator):
    with pytest.raises(ValueError, match="is SequentialSampler, not a Selector"):
        prepare_loader(accelerator, DataLoader(TensorDataset(FEATURES, LABELS), batch_size=B))
    with pytest.raises(ValueError, match=r"use Selector\(..., batch_size=4\), all processes together"):
        prepare_loader(accelerator, make_loader(make_selector(), batch_size=4))
    with pytest.raises(ValueError, match='last_batch="drop"'):
        prepare_loader(accelerator, make_loader(make_selector(), drop_last=True))
    with pytest.raises(ValueError, match="prepared already"):
        prepare_loader(accelerator, prepare_loader(accelerator, make_loader(make_selector())))


def observe_all(selector, loader):
    for indices, _ in loader:
        selector.observe(indices, torch.zeros(len(indices), 3))


def test_a_shuffled_loader_is_noticed(accelerator):
    selector = make_selector()
    loader = accelerator.prepare(make_loader(None, shuffle=True, generator=torch.Generator().manual_seed(0)))
    with pytest.warns(UserWarning, match="does not follow the plan of epoch 0: block 1 of 6") as caught:
        observe_all(selector, loader)
    assert [caught[0].filename, len(caught)] == [__file__, 1]


@pytest.mark.parametrize("seen", [2, 4])
def test_first_batches_that_are_skipped_twice_are_noticed(make_accelerator, tmp_path, seen):
    """As Accelerate's guide on checkpoints says for loaders that do not know where they were."""
    Run(make_accelerator(), make_selector(), save=(tmp_path, 0, seen), kill=True)
    accelerator, selector = make_accelerator(), make_selector()
    loader = prepare_loader(accelerator, make_loader(selector))
    accelerator.load_state(str(tmp_path))
    observe_all(selector, accelerator.skip_first_batches(loader, seen))
    with pytest.warns(UserWarning, match=r"leave out skip_first_batches\(\)") as caught:
        selector.end_epoch()
    assert [caught[0].filename, len(caught)] == [__file__, 1]


def test_a_data_set_longer_than_the_labels_is_said(accelerator):
    longer = TensorDataset(torch.zeros(N + 1, 5), torch.zeros(N + 1, 3))
    with pytest.warns(UserWarning, match=f"has {N + 1} samples, the labels of the selector {N}") as caught:
        prepare_loader(accelerator, DataLoader(bs.WithIndices(longer), B, sampler=make_selector()))
    assert caught[0].filename == __file__


# torchdata's StatefulDataLoader saves a sampler's state_dict and loads it when the next iterator is made: with workers
# that state is older than what was trained on.


def stateful_loader(selector, workers):
    stateful = pytest.importorskip("torchdata.stateful_dataloader")
    dataset = bs.WithIndices(TensorDataset(FEATURES, LABELS))
    return stateful.StatefulDataLoader(dataset, B, sampler=selector, num_workers=workers)


@pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning")
@pytest.mark.parametrize("workers", [0, 2])
def test_stateful_loader_whose_state_is_left_alone(workers):
    selector = make_selector()
    plan = list(selector)
    for seen, (indices, _) in enumerate(stateful_loader(selector, workers)):
        selector.observe(indices, torch.zeros(len(indices), 3))
        if seen == 1:
            break
    resumed = make_selector()
    resumed.load_state_dict(selector.state_dict())
    blocks = [indices.tolist() for indices, _ in stateful_loader(resumed, workers)]
    assert [index for block in blocks for index in block] == plan[2 * B :]


@pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning")
@pytest.mark.parametrize("workers", [0, 2])
def test_stateful_loader_cannot_set_the_selector_back(workers):
    selector = make_selector()
    loader = stateful_loader(selector, workers)
    for indices, _ in loader:
        selector.observe(indices, torch.zeros(len(indices), 3))
        break
    resumed = make_selector()
    resumed_loader = stateful_loader(resumed, workers)
    resumed_loader.load_state_dict(loader.state_dict())
    with pytest.raises(ValueError, match="do not load the state of a StatefulDataLoader"):
        next(iter(resumed_loader))


@pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning")
def test_stateful_loader_is_refused(accelerator):
    with pytest.raises(ValueError, match="StatefulDataLoader keeps a position of its own"):
        prepare_loader(accelerator, stateful_loader(make_selector(), 2))


def test_two_processes(tmp_path):
    run_script(*TWO_PROCESSES, Path(__file__).with_name("accelerate_distributed.py"), tmp_path)
    left, right = (torch.load(tmp_path / f"rank{rank}.pt") for rank in range(2))
    for last_batch in ("fill", "drop"):
        mine, other = left[last_batch], right[last_batch]
        blocks, logits = (
            {epoch: list(map(join, mine[what][epoch], other[what][epoch])) for epoch in range(EPOCHS)}
            for what, join in (("blocks", list.__add__), ("logits", lambda a, b: torch.cat([a, b])))
        )
        assert_planned(blocks, logits, make_selector(last_batch=last_batch))
        assert all(len(set(block)) == B for epoch in blocks.values() for block in epoch)
        assert torch.equal(mine["plan"], other["plan"])
        assert torch.equal(mine["probabilities"], other["probabilities"])
        for rank in (mine, other):
            assert rank["resumed_blocks"] == {1: rank["blocks"][1][2:], 2: rank["blocks"][2], 3: rank["blocks"][3]}
            assert torch.equal(rank["resumed_probabilities"], rank["probabilities"])
            assert all(map(torch.equal, rank["resumed_weights"], rank["weights"]))
            assert rank["parted_blocks"] == rank["resumed_blocks"]
            assert torch.equal(rank["parted_probabilities"], rank["probabilities"])
    assert 'use last_batch="fill" or last_batch="drop"' in left["short"]
    for rank in (left, right):
        (message,) = rank["prepared by Accelerate alone"]
        assert message.startswith("2 processes train, but the blocks of the plan are not shared among them")
        assert "prepare_loader(accelerator, loader) instead of accelerator.prepare(loader)" in message
