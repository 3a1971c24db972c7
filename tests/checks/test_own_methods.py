"""The common checks are for anyone's method: one made of the protocol alone, one on `BaseMethod`; and they do fail."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

import batchsift as bs
from batchsift.methods import BaseMethod, Method
from batchsift.testing import CHECKS, check_method, remembering, selecting
from batchsift.trackers import LatestValue


class Surprise:
    """By the protocol alone: samples whose latest prediction is far from the labels, without a warm-up."""

    name = "surprise"

    def setup(self, labels, epochs, features):
        if hasattr(self, "labels"):
            raise ValueError("make another Surprise: this one is in use")
        self.labels = labels.double()
        self.known = ~self.labels.isnan()
        self.wrong = torch.zeros_like(self.labels)

    def observe(self, indices, logits):
        for i, row in zip(indices.tolist(), logits.double(), strict=True):
            distance = (row.sigmoid() - self.labels[i]).abs()
            self.wrong[i] = torch.where(self.known[i], distance, 0.0)

    def probabilities(self, epoch):
        weight = 1 + self.wrong.sum(1).round(decimals=9)
        return weight / weight.sum()

    def plan(self, epoch, batch_size, num_batches, generator):
        return None

    def signals(self):
        return {"wrong": self.wrong.clone()}

    def scores(self):
        return {"wrong": self.wrong.sum(1)}

    def state_dict(self):
        return {"wrong": self.wrong.clone()}

    def load_state_dict(self, state):
        self.wrong = state["wrong"].clone()


@dataclass(kw_only=True, eq=False)
class Confident(BaseMethod):
    """On `BaseMethod`: the tracker is all the state there is."""

    name: ClassVar[str] = "confident"
    strength: float = 2.0
    latest: LatestValue = field(init=False, repr=False)

    def setup(self, labels: Any, epochs: int | None, features: Any = None) -> None:
        super().setup(labels, epochs, features)
        self.latest = LatestValue(self.labels.positive_NL, 0.0, torch.float64)

    def observe(self, indices_B, logits_BL):
        from batchsift.trackers import distinct_rows

        for rows in distinct_rows(indices_B):
            self.latest.update(indices_B[rows], (logits_BL[rows].double().sigmoid() - 0.5).abs())

    def signals(self):
        return {"confidence": self.labels.masked(self.latest.value_NL)}

    def scores(self):
        return {"confidence": self.signals()["confidence"].sum(1)}

    def probabilities(self, epoch):
        weight = 1 + self.strength * self.scores()["confidence"].round(decimals=9)
        return weight / weight.sum()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
@pytest.mark.parametrize("factory", [Surprise, Confident])
def test_check(factory, check):
    check(factory)


def test_the_protocol_is_enough():
    assert isinstance(Surprise(), Method)
    assert isinstance(Confident(), Method)
    assert not issubclass(Surprise, BaseMethod)


def test_all_at_once():
    check_method(bs.Random)


class RemembersTheOrder(Surprise):
    """Depends on the position of a sample."""

    def probabilities(self, epoch):
        weight = torch.arange(1, len(self.labels) + 1, dtype=torch.float64)
        return weight / weight.sum()


class ForgetsItsState(Surprise):
    """Saves nothing."""

    def load_state_dict(self, state):
        pass


class SharesItsState(Surprise):
    """Gives away its own tensor."""

    def state_dict(self):
        return {"wrong": self.wrong}


class LooksAtUnlabeledCells(Surprise):
    """Does not mask."""

    def observe(self, indices, logits):
        for i, row in zip(indices.tolist(), logits.double(), strict=True):
            self.wrong[i] = (row.sigmoid() - self.labels[i].nan_to_num(0.5)).abs()


class TakesTheFirstOfTwo(Surprise):
    """Ignores that a sample comes again in the same call."""

    def observe(self, indices, logits):
        order = list(range(len(indices)))[::-1]
        super().observe(indices[order], logits[order])


class UsesGlobalRandomness(Surprise):
    """Shuffles by NumPy's global state."""

    def plan(self, epoch, batch_size, num_batches, generator):
        return torch.from_numpy(np.random.permutation(len(self.labels)))


class ServesAnyone(Surprise):
    """Can be set up again."""

    def setup(self, labels, epochs, features):
        self.__dict__.pop("labels", None)
        super().setup(labels, epochs, features)


class DoesNotShuffle(Surprise):
    """Walks through the file."""

    def plan(self, epoch, batch_size, num_batches, generator):
        return torch.arange(num_batches * batch_size) % len(self.labels)


class CountsItsCalls(Surprise):
    """Probabilities change when they are asked for."""

    calls = 0

    def probabilities(self, epoch):
        self.calls += 1
        weight = 1 + self.wrong.sum(1) ** (1 / self.calls)
        return weight / weight.sum()


@pytest.mark.parametrize(
    ("faulty", "check"),
    [
        (RemembersTheOrder, selecting.check_order_of_samples),
        (RemembersTheOrder, selecting.check_indistinguishable_samples),
        (ForgetsItsState, remembering.check_resume),
        (SharesItsState, remembering.check_states_are_copies),
        (LooksAtUnlabeledCells, remembering.check_unlabeled_cells),
        (TakesTheFirstOfTwo, remembering.check_twice_in_one_call),
        (UsesGlobalRandomness, selecting.check_random_states),
        (ServesAnyone, selecting.check_one_selector),
        (DoesNotShuffle, selecting.check_warm_up),
        (DoesNotShuffle, selecting.check_frozen),
        (CountsItsCalls, selecting.check_pure_probabilities),
    ],
)
def test_the_checks_find_faults(faulty, check):
    with pytest.raises(AssertionError, match=r"."):
        check(faulty)
    with pytest.raises(AssertionError, match=r"check_\w+: ."):
        check_method(faulty)
