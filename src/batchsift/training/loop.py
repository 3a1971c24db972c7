"""The loop all training goes through: an epoch of selected batches, predictions, and what a run keeps to itself.

Shapes: N samples, B batch, L labels.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from batchsift.models import BaseModel
from batchsift.selection.selector import Selector
from batchsift.training.parts import Part, SparseRows

PREDICTION_ROWS = 4096  # of one forward pass without gradients: bounds memory


class DivergedError(ArithmeticError):
    """The model's predictions are no longer finite."""


class Stopwatch:
    """Adds up the seconds spent inside it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._start = 0.0

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._start

    def each(self, items: Iterator[Tensor]) -> Iterator[Tensor]:
        """The same items; the time it takes to make them counts."""
        while True:
            with self:
                item = next(items, None)
            if item is None:
                return
            yield item


def train_epoch(
    network: BaseModel,
    optimizer: torch.optim.Optimizer,
    selector: Selector,
    train: Part,
    selection: Stopwatch,
) -> float:
    """One epoch of selected batches: the mean loss of the samples drawn."""
    network.train()
    total, rows = torch.zeros((), device=train.features.device), 0
    for indices_B in selection.each(selector.batches()):
        on_device_B = indices_B.to(train.features.device)
        loss, logits_BL = network.training_loss(train.features[on_device_B], train.labels[on_device_B])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total, rows = total + loss.detach() * len(indices_B), rows + len(indices_B)
        with selection:
            selector.observe(indices_B, logits_BL)
    return float(total / rows)


@torch.no_grad()
def predicted(network: BaseModel, features: Tensor | SparseRows) -> Tensor:
    """What the model predicts in evaluation mode: `(N, L)` in [0, 1], on the CPU.

    Raises:
        DivergedError: when a prediction is not a number.
    """
    network.eval()
    probs_NL = torch.cat([network(rows).sigmoid() for rows in features.split(PREDICTION_ROWS)]).cpu()
    if probs_NL.isnan().any():
        raise DivergedError("training diverged: the predictions are no longer numbers; lower the learning rate")
    return probs_NL


@contextmanager
def own_threads(threads: int) -> Iterator[None]:
    """Sets the number of threads of torch, BLAS and OpenMP, and puts back what the caller had."""
    before = torch.get_num_threads()
    with threadpool_limits(threads):
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)


@contextmanager
def own_generator(device: torch.device, seed: int) -> Iterator[None]:
    """Seeds the device's and the CPU's generator, and puts back what the caller had.

    `torch.manual_seed` would reach every accelerator, hence one by one.
    """
    on_cuda = device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if on_cuda else []):
        torch.default_generator.manual_seed(seed)
        if on_cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
