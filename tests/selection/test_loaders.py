"""What people do with a DataLoader and a model: the plan stays whole."""

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import batchsift as bs

N, B = 42, 8
X = torch.randn(N, 4, generator=torch.Generator().manual_seed(0))
Y = (X[:, :3] > 0).float()


def build(**options):
    return bs.Selector(Y, method="d2ace", features=X, batch_size=B, epochs=6, seed=0, **options)


def train(selector, model=None, epochs=4, **loader_options):
    """All blocks that were observed, epoch by epoch."""
    if model is None:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = torch.nn.Linear(4, 3)
    loader = DataLoader(bs.WithIndices(TensorDataset(X, Y)), batch_size=B, sampler=selector, **loader_options)
    seen = []
    for _ in range(epochs):
        seen.append([])
        for indices, (x, y) in loader:
            selector.observe(indices, model(x), y)
            seen[-1].append(indices.tolist())
        selector.end_epoch()
    return seen


@pytest.mark.parametrize(
    "options",
    [
        {"num_workers": 2, "persistent_workers": True},
        {"num_workers": 2, "prefetch_factor": 4},
        {"num_workers": 1, "multiprocessing_context": "fork"},
    ],
)
def test_workers_change_nothing(options):
    assert train(build(), **options) == train(build())


def test_drop_last_leaves_out_the_short_block():
    assert [[len(block) for block in epoch] for epoch in train(build(), drop_last=True)] == [[B] * 5] * 4


def test_without_order_every_block_arrives_once():
    expected = train(build(), epochs=1)
    seen = train(build(), epochs=1, num_workers=2, in_order=False)
    assert sorted(seen[0]) == sorted(expected[0])


def test_compiled_model():
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 3)
    assert train(build(), torch.compile(model, backend="eager")) == train(build(), model)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast(dtype):
    selector = build()
    torch.manual_seed(0)
    with torch.autocast("cpu", dtype=dtype):
        train(selector, torch.nn.Linear(4, 3))
    assert all(signal.isfinite().all() for signal in selector.signals().values())


def test_gradient_accumulation_over_blocks_and_within_a_block():
    over, within = build(), build()
    model = torch.nn.Linear(4, 3)
    for block in over.batches():
        over.observe(block, model(X[block]))
    for block in within.batches():
        halves = [model(X[part]) for part in block.split(3)]
        within.observe(block, torch.cat(halves))
    assert torch.equal(over.counts, within.counts)
    torch.testing.assert_close(over.signals()["loss"], within.signals()["loss"])


def test_a_data_set_shuffled_behind_the_library_is_noticed():
    selector = build()
    dataset = bs.WithIndices(TensorDataset(X.roll(1, 0), Y.roll(1, 0)))
    indices, (_, y) = next(iter(DataLoader(dataset, batch_size=B, sampler=selector)))
    with pytest.raises(ValueError, match="off by one"):
        selector.observe(indices, torch.zeros(B, 3), y)


def test_another_batch_size_is_noticed():
    selector = build()
    indices, _ = next(iter(DataLoader(bs.WithIndices(TensorDataset(X, Y)), batch_size=B + 1, sampler=selector)))
    with pytest.raises(ValueError, match=r"observed 9 rows.*must be 8"):
        selector.observe(indices, torch.zeros(B + 1, 3))
