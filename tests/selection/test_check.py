"""A training that does not follow the plan warns once; whatever follows it does not (a warning fails a test)."""

import json
from itertools import islice

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

import batchsift as bs
from batchsift.selection import device
from batchsift.selection.device import DeviceObserver
from scripts import TWO_PROCESSES, run_script
from selection import following_in_processes

N, L, B, EPOCHS = 43, 3, 8, 3
LABELS = (torch.arange(N)[:, None] % torch.tensor([2, 3, 5]) == 0).float()
FEATURES = torch.randn(N, 4, generator=torch.Generator().manual_seed(1))
LOGITS = torch.randn(N, L, generator=torch.Generator().manual_seed(2))
DATASET = bs.WithIndices(TensorDataset(FEATURES))


@pytest.fixture(params=["on the CPU", "on a device", "on a device with its indices"])
def build(request, monkeypatch):
    """Makes selectors whose state is on the CPU, or pretends to be on a device."""
    if request.param.endswith("indices"):
        monkeypatch.setattr(device, "on_host", lambda _: False)

    def make(method="uncertainty", **options):
        given = {"features": FEATURES, "batch_size": B, "epochs": EPOCHS, "seed": 3} | options
        selector = bs.Selector(LABELS, method=method, **given)
        if "device" in request.param:
            selector._observer = DeviceObserver(selector._progress)
            selector._observer.start(selector._progress.position)
        return selector

    return make


def observe(selector, blocks, **options):
    for indices in map(torch.as_tensor, blocks):
        selector.observe(indices, LOGITS[indices], **options)


def indices_of(loader):
    return (indices for indices, _ in loader)


def train(selector, loader):
    for _ in range(EPOCHS):
        observe(selector, indices_of(loader))
        selector.end_epoch()


# What does not follow the plan


def shuffled_loader(selector):
    train(selector, DataLoader(DATASET, B, shuffle=True, generator=torch.Generator().manual_seed(0)))


def loader_without_a_sampler(selector):
    train(selector, DataLoader(DATASET, B))


def distributed_sampler(selector):
    sampler = DistributedSampler(DATASET, num_replicas=2, rank=0, shuffle=False)
    observe(selector, islice(indices_of(DataLoader(DATASET, B, sampler=sampler)), 2))
    selector.end_epoch()


def loader_that_begins_again(selector):
    """The loop is left for an evaluation, say, and entered again without an end of the epoch."""
    loader = DataLoader(DATASET, B, sampler=selector)
    observe(selector, islice(indices_of(loader), 2))
    observe(selector, islice(indices_of(loader), 2))
    selector.end_epoch()


def loader_that_goes_on_after_the_end_of_an_epoch(selector):
    blocks = indices_of(DataLoader(DATASET, B, sampler=selector))
    observe(selector, islice(blocks, 3))
    selector.end_epoch()
    observe(selector, islice(blocks, 2))
    selector.end_epoch()


@pytest.mark.parametrize(
    ("training", "message"),
    [
        (shuffled_loader, r"block 1 of 6 was to be of the samples \[.*, \.\.\.\].*which is no block of the plan"),
        (loader_without_a_sampler, r"observed was one of \[0, 1, 2, 3, \.\.\.\].*batch_size=8, sampler=selector"),
        (distributed_sampler, "without shuffle=True, DistributedSampler"),
        (loader_that_begins_again, r"block 3 of 6.*which was observed already.*only then\..*in_plan=False"),
        (loader_that_goes_on_after_the_end_of_an_epoch, "plan of epoch 1: .* anew after every end_epoch"),
    ],
)
def test_what_does_not_follow_the_plan_warns_once(build, training, message):
    with pytest.warns(UserWarning, match=message) as caught:
        training(build())
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_blocks_that_were_to_be_drawn_first(build):
    with pytest.warns(UserWarning, match=r"samples \[-1, -1, -1, -1, \.\.\.\], observed was one of \[0, 1") as caught:
        train(build(bs.Hard(refresh="step", warmup=0)), DataLoader(DATASET, B))
    assert len(caught) == 1


def test_the_first_block_is_enough():
    selector = bs.Selector(LABELS, method="random", batch_size=B)
    with pytest.warns(UserWarning, match="does not follow the plan of epoch 0"):
        observe(selector, [range(B)])


@given(seed=st.integers(0, 10**6), exchanged=st.integers(0, N // B - 1))
@settings(max_examples=25, deadline=None)
def test_one_sample_of_one_block_is_enough(seed, exchanged):
    """It stands in another block of the plan, so that every sample still comes once."""
    selector = bs.Selector(LABELS, method="random", batch_size=B, seed=seed)
    blocks = list(selector.batches())
    other = (exchanged + 1) % (N // B)
    blocks[exchanged][0], blocks[other][0] = blocks[other][0].item(), blocks[exchanged][0].item()
    with pytest.warns(UserWarning, match=f"block {min(exchanged, other) + 1} of 6.*is no block of the plan") as caught:
        observe(selector, blocks)
    assert len(caught) == 1


@pytest.mark.parametrize("observed", [1, 2, 4])
def test_skipping_after_a_resume_what_the_selector_skips_itself(build, observed):
    first, resumed = build(), build()
    observe(first, islice(first.batches(), observed))
    resumed.load_state_dict(first.state_dict())
    observe(resumed, islice(indices_of(DataLoader(DATASET, B, sampler=resumed)), observed, None))
    with pytest.warns(
        UserWarning, match=rf"from sample {observed * B} of the plan on were skipped.*skip_first"
    ) as caught:
        resumed.end_epoch()
    assert len(caught) == 1
    observe(resumed, resumed.batches())
    resumed.end_epoch()


@pytest.mark.processes
def test_two_processes(tmp_path):
    run_script(*TWO_PROCESSES, following_in_processes.__file__, tmp_path)
    for rank in range(2):
        said = json.loads((tmp_path / f"{rank}.json").read_text())
        for training in ("not_shared", "not_shared_but_cut_by_a_distributed_sampler"):
            (message,) = said.pop(training)
            assert message.startswith("2 processes train, but the blocks of the plan are not shared"), training
            assert "batchsift.shard(selector)" in message
        (message,) = said.pop("shared_and_cut_again_by_a_distributed_sampler")
        assert "which is no block of the plan" in message
        assert "batch_size=4, sampler=selector" in message
        assert said == {"shared": [], "meant_not_to_be_shared": [], "shared_in_another_order": []}


# What does


@given(seed=st.integers(0, 10**6), method=st.sampled_from(["random", "d2ace", "info_batch", "repeat_factor"]))
@settings(max_examples=25, deadline=None)
def test_blocks_in_any_order_and_samples_in_any_order_within_them(seed, method):
    selector = bs.Selector(LABELS, method=method, features=FEATURES, batch_size=B, epochs=EPOCHS, seed=seed)
    generator = torch.Generator().manual_seed(seed)

    def shuffled(items):
        return [items[i] for i in torch.randperm(len(items), generator=generator)]

    for _ in range(EPOCHS):
        blocks = [torch.stack(shuffled(block)) for block in selector.batches()]
        observe(selector, shuffled(blocks))
        selector.end_epoch()


@pytest.mark.parametrize("last_batch", ["short", "drop", "fill"])
@pytest.mark.parametrize("num_batches", [None, 1, 9])
@pytest.mark.parametrize("method", ["random", "uncertainty", "balanced_pass"])
def test_a_loader_however_an_epoch_is_cut(build, method, num_batches, last_batch):
    selector = build(method, num_batches=num_batches, last_batch=last_batch)
    train(selector, DataLoader(DATASET, B, sampler=selector))


@pytest.mark.processes
def test_a_loader_that_keeps_no_order(build):
    selector = build()
    for left_after in (None, 3):
        observe(
            selector,
            islice(indices_of(DataLoader(DATASET, B, sampler=selector, num_workers=2, in_order=False)), left_after),
        )
        selector.end_epoch()


def test_blocks_that_are_equal_count_as_many_times_as_they_are_planned():
    selector = bs.Selector(torch.ones(4, 1), method="random", batch_size=4, num_batches=3)
    blocks = list(selector.batches())
    for block in [block.flip(0) for block in blocks[::-1]]:
        selector.observe(block, torch.zeros(4, 1))
    selector.end_epoch()
    assert selector.counts.tolist() == [3] * 4


def test_epochs_that_end_early_and_the_short_block_that_comes_early(build):
    selector = build(epochs=6)
    for blocks in (3, 1, 5):
        observe(selector, islice(indices_of(DataLoader(DATASET, B, sampler=selector)), blocks))
        selector.end_epoch()
    *whole, short = selector.batches()
    observe(selector, [whole[1], short, whole[0], *whole[2:]])
    selector.end_epoch()
    selector.end_epoch()


@pytest.mark.parametrize("observed", [1, 3, 5])
def test_resuming_and_then_ending_early(build, observed):
    first = build()
    observe(first, islice(first.batches(), observed))
    for more in (0, 1):
        resumed = build()
        resumed.load_state_dict(first.state_dict())
        if more:
            observe(resumed, islice(resumed.batches(), more))
        resumed.end_epoch()
        observe(resumed, resumed.batches())
        resumed.end_epoch()


@pytest.mark.parametrize("method", [bs.Hard, bs.HardImbalanced])
def test_blocks_drawn_step_by_step(build, method):
    selector = build(method(refresh="step"))
    for _ in range(EPOCHS):
        observe(selector, selector.batches())
        selector.end_epoch()


def test_observations_beside_the_plan(build):
    selector = build()
    for _ in range(EPOCHS):
        for indices in DataLoader(range(N), B, shuffle=True, generator=torch.Generator().manual_seed(0)):
            observe(selector, [indices], in_plan=False)
        selector.end_epoch()


def test_micro_batches_of_a_block(build):
    selector = build()
    for block in selector.batches():
        selector.observe(block, torch.cat([LOGITS[part] for part in block.split(3)]))
    selector.end_epoch()


def test_indices_on_the_device_and_not_by_turns(monkeypatch):
    selector = bs.Selector(LABELS, method="uncertainty", batch_size=B, epochs=EPOCHS)
    selector._observer = DeviceObserver(selector._progress)
    selector._observer.start(selector._progress.position)
    blocks = list(selector.batches())
    for number, block in enumerate([blocks[0], blocks[2], blocks[1], *blocks[3:]]):
        monkeypatch.setattr(device, "on_host", lambda _, number=number: number % 3 > 0)
        observe(selector, [block])
    assert not selector.state_dict()["in_order"]
    selector.end_epoch()
    assert selector.counts.tolist() == [1] * N
