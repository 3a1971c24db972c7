"""A selector at work without a model: epochs of observations whose time is taken part by part."""

import dataclasses
import statistics
from dataclasses import dataclass

import torch

import batchsift as bs
from batchsift.selection.plan import Blocks, make_plan
from batchsift.trackers import Tracker
from benchmarks.selection.clock import Clock
from benchmarks.selection.sizes import BATCH_SIZE, Size, neighbors_of

EPOCHS = 100  # of the pretended training: the pressure falls slowly


@dataclass(frozen=True)
class EpochSeconds:
    """Seconds of one epoch: walking through the blocks and observing them, ending it, and, within that, the plan."""

    observe: float
    end: float
    plan: float

    @property
    def total(self) -> float:
        """All selection work of an epoch; the plan is drawn within `end`."""
        return self.observe + self.end


def medians(epochs: list[EpochSeconds]) -> EpochSeconds:
    """Part by part."""
    return EpochSeconds(
        **{
            part.name: statistics.median(getattr(e, part.name) for e in epochs)
            for part in dataclasses.fields(EpochSeconds)
        }
    )


def method_of(name: str, size: Size, storage: str = "float32", **options):
    """A method with its defaults, but without warm-up, and with neighbours at hand if it needs them."""
    fields = {field.name for field in dataclasses.fields(bs.methods.create(name)) if field.init}
    given = {"warmup": 0, "storage": getattr(torch, storage)}
    if "neighbors" in fields:
        given["neighbors"] = neighbors_of(size)
    return bs.methods.create(name, **{key: value for key, value in {**given, **options}.items() if key in fields})


class Training:
    """A training whose model costs nothing: it hands out random logits."""

    def __init__(self, method, labels_NL: torch.Tensor, pool: list[torch.Tensor], device: str = "cpu") -> None:
        self.clock, self.pool = Clock(device), pool
        start = self.clock.now()
        self.selector = bs.Selector(labels_NL, method=method, batch_size=BATCH_SIZE, epochs=EPOCHS, device=device)
        self.construction = self.clock.now() - start

    def observe(self) -> None:
        """Every block of the epoch."""
        pool = self.pool
        for number, indices in enumerate(self.selector.batches()):
            self.selector.observe(indices, pool[number % len(pool)][: len(indices)])

    def _plan(self) -> None:
        selector = self.selector
        blocks = Blocks.of(selector.num_samples, BATCH_SIZE, None, "short")
        make_plan(selector.method, selector.epoch, selector.probabilities, blocks, seed=0, drawing="systematic")

    def epoch(self) -> EpochSeconds:
        """One epoch; the next one's plan is drawn once more to time it alone."""
        observe = self.clock.seconds(self.observe)
        end = self.clock.seconds(self.selector.end_epoch)
        return EpochSeconds(observe, end, self.clock.seconds(self._plan))

    def state_bytes(self) -> int:
        """What the trackers hold."""
        trackers = [value for value in vars(self.selector.method).values() if isinstance(value, Tracker)]
        tensors = [value for tracker in trackers for value in vars(tracker).values()]
        return sum(tensor.nbytes for tensor in tensors if isinstance(tensor, torch.Tensor))
