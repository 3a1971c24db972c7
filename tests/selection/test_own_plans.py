"""Orders of a method's own: shorter epochs, the frozen probabilities, weights; and how epochs are drawn otherwise."""

import pytest
import torch

import batchsift as bs
from batchsift.methods import BaseMethod

N, L, B = 23, 3, 5
LABELS = (torch.arange(N)[:, None] % torch.tensor([2, 3, 5]) == 0).to(torch.uint8)


class Some(BaseMethod):
    """Plans the first few samples."""

    name = "some"
    count = 12

    def plan(self, epoch, batch_size, num_batches, generator):
        return torch.arange(self.count)


class Plain:
    """The protocol alone, with everything that `plan` may ask for, and weights."""

    name = "plain"

    def setup(self, labels, epochs, features):
        self.asked = []
        self.seen = torch.zeros(len(labels), dtype=torch.float64)

    def observe(self, indices, logits):
        self.seen[indices] += 1

    def probabilities(self, epoch):
        weight = 1 + self.seen
        return weight / weight.sum()

    def plan(self, epoch, batch_size, num_batches, generator, probabilities, length):
        self.asked.append((epoch, batch_size, num_batches, length))
        self.given = probabilities
        return torch.arange(2 * batch_size)

    def importance_weights(self, probabilities, batch_size, num_batches, length):
        self.asked.append((batch_size, num_batches, length))
        return 1 / probabilities

    def signals(self):
        return {}

    scores = signals

    def state_dict(self):
        return {"seen": self.seen.clone()}

    def load_state_dict(self, state):
        self.seen = state["seen"].clone()


def select(method, **options):
    return bs.Selector(LABELS, method=method, batch_size=B, epochs=4, seed=2, **options)


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({}, [5, 5, 2]),
        ({"last_batch": "drop"}, [5, 5]),
        ({"last_batch": "fill"}, [5, 5, 5]),
        ({"num_batches": 4}, [5, 5, 5]),
        ({"num_batches": 4, "last_batch": "drop"}, [5, 5]),
        ({"num_batches": 2}, [5, 5]),
    ],
)
def test_an_epoch_may_be_shorter_than_the_data(options, sizes):
    selector = select(Some(), **options)
    for _ in range(2):
        blocks = list(selector.batches())
        assert [len(block) for block in blocks] == sizes
        assert torch.cat(blocks)[:10].tolist() == list(range(10))
        assert len(selector) == sum(sizes) == len(list(selector))
        for block in blocks:
            assert len(block.unique()) == len(block)
            selector.observe(block, torch.zeros(len(block), L))
        with pytest.raises(ValueError, match="have all been observed"):
            selector.observe(blocks[0], torch.zeros(B, L))
        selector.end_epoch()


def test_less_than_a_block_is_refused():
    method = Some()
    method.count = 4
    with pytest.raises(ValueError, match="at least a block of 5 indices, got 4"):
        select(method)


def test_a_plan_is_given_what_it_has_parameters_for():
    method = Plain()
    selector = select(method, last_batch="drop")
    assert method.asked == [(0, 5, 4, 20)]
    for block in selector.batches():
        selector.observe(block, torch.zeros(len(block), L))
    selector.end_epoch()
    assert torch.equal(method.given, selector.probabilities)
    assert method.given[0] > method.given[-1]


def test_weights_of_ones_own_come_from_the_frozen_probabilities():
    method = Plain()
    selector = select(method)
    first, *_ = selector.batches()
    selector.observe(first, torch.zeros(B, L))
    selector.observe(first, torch.zeros(B, L), in_plan=False)
    state, method.asked = selector.state_dict(), []
    assert selector.importance_weights([0, 22]).tolist() == [23, 23]
    assert method.asked == [(5, 5, 10)]
    other = select(Plain())
    other.load_state_dict(state)
    assert other.importance_weights([0, 22]).tolist() == [23, 23]


@pytest.mark.parametrize("wrong", [torch.ones(3), torch.full((N,), -1.0), torch.full((N,), torch.nan)])
def test_weights_of_ones_own_are_checked(wrong):
    class Wrong(Some):
        name = "wrong"

        def importance_weights(self, probabilities, batch_size, num_batches, length):
            return wrong

    with pytest.raises(ValueError, match=r"importance weights must be \(23,\) numbers.*from wrong"):
        select(Wrong()).importance_weights([0])


class Rising(BaseMethod):
    """Draws later samples more often."""

    name = "rising"

    def probabilities(self, epoch):
        weight = torch.arange(1.0, N + 1, dtype=torch.float64)
        return weight / weight.sum()


@pytest.mark.parametrize("options", [{}, {"last_batch": "drop"}, {"last_batch": "fill"}, {"num_batches": 9}])
def test_systematic_is_the_default(options):
    """Every sample comes as often as expected, rounded; independent draws do not keep to that."""
    by_default, systematic, independent = (
        select(Rising(), **options, **drawing)
        for drawing in ({}, {"drawing": "systematic"}, {"drawing": "independent"})
    )
    strays = 0
    for _ in range(20):
        plan = torch.tensor(list(by_default))
        assert plan.tolist() == list(systematic)
        expected = len(plan) * by_default.probabilities
        assert ((torch.bincount(plan, minlength=N) - expected).abs() < 1).all()
        assert all(len(block.unique()) == len(block) for block in torch.split(plan, B))
        other = torch.bincount(torch.tensor(list(independent)), minlength=N)
        strays += int(((other - expected).abs() >= 1).sum())
        for each in (by_default, systematic, independent):
            each.end_epoch()
    assert strays > 20


def test_shares_are_of_the_same_plan():
    whole = select(Rising(), num_batches=7)
    shares = [bs.shard(select(Rising(), num_batches=7), rank, 5) for rank in range(5)]
    for _ in range(3):
        blocks = [torch.cat(parts) for parts in zip(*(share.batches() for share in shares), strict=True)]
        assert [block.tolist() for block in blocks] == [block.tolist() for block in whole.batches()]
        whole.end_epoch()
        for share in shares:
            share._observer.start(share._planner.plan_epoch(whole.epoch))  # without a process group to exchange in


def test_equal_probabilities_make_a_pass():
    class Equal(BaseMethod):
        name = "equal"

    assert sorted(select(Equal())) == list(range(N))
    assert sorted(select(bs.Hard(warmup=0))) == list(range(N))
    assert len(set(select(Equal(), drawing="independent"))) < N
