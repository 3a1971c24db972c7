"""One method at one size: what it costs, and what stands beside it."""

import statistics
import time
from dataclasses import dataclass

import torch

from batchsift.methods import ScoredMethod
from benchmarks.selection import beside, floors, memory
from benchmarks.selection.selecting import Training, medians, method_of
from benchmarks.selection.sizes import Size, labels_of, logits_pool

ROUNDS = 5
QUICK_ROUNDS = 3
SECONDS = 60.0  # no further round is begun after so long
TWIN_ROWS, QUICK_TWIN_ROWS = 100, 25


@dataclass(frozen=True)
class Cell:
    """Times in seconds an epoch (medians over rounds), memory in bytes.

    Attributes:
        construct: Building the selector, once.
        observe: Walking through the blocks and observing them.
        end: Ending the epoch.
        plan: Drawing the plan, which is a part of `end`.
        state: What the trackers hold.
        peak: Resident growth from before the selector was built.
        observe_floor: The bytes that observing must move, over the copy bandwidth.
        end_floor: The same of the end of an epoch.
        twin: The loop-written twin; None where there is nothing to compute.
        twin_loops: The twin with its correlation switched off, D2ACE only: its loops over N x L alone.
        elementary: The elementary operations alone, D2ACE only.
        choice: Drawing by NumPy's `choice`, D2ACE only.
        mlp: A training epoch of the MLP, D2ACE only.
    """

    rounds: int
    construct: float
    observe: float
    end: float
    plan: float
    state: int
    peak: int
    observe_floor: float
    end_floor: float
    twin: float | None = None
    twin_loops: float | None = None
    elementary: float | None = None
    choice: float | None = None
    mlp: float | None = None

    @property
    def total(self) -> float:
        """All selection work of an epoch."""
        return self.observe + self.end


def measure(method: str, size: Size, device: str, storage: str = "float32", *, quick: bool = False) -> Cell:
    """In this process, which should be a fresh one. First memory, then the times, in turns with what stands beside."""
    chosen = method_of(method, size, storage)
    labels_NL, pool = labels_of(size), logits_pool(size, device)
    before = memory.resident(device)
    training = Training(chosen, labels_NL, pool, device)
    epochs = [training.epoch(), training.epoch()]
    peak = memory.peak(device) - before
    companions = _companions(size, pool, training, device) if method == "d2ace" else {}
    taken: dict[str, list[float]] = {name: [] for name in companions}
    epochs, start, rounds = [], time.perf_counter(), QUICK_ROUNDS if quick else ROUNDS
    while len(epochs) < rounds and (not epochs or time.perf_counter() - start < SECONDS):
        epochs.append(training.epoch())
        for name, companion in companions.items():
            taken[name].append(companion())
    moved = floors.bytes_moved(method, size, getattr(torch, storage).itemsize)
    bandwidth = floors.copy_bandwidth(device)
    rows = QUICK_TWIN_ROWS if quick else TWIN_ROWS
    scored = isinstance(chosen, ScoredMethod)
    middle = medians(epochs)
    return Cell(
        rounds=len(epochs),
        construct=training.construction,
        observe=middle.observe,
        end=middle.end,
        plan=middle.plan,
        state=training.state_bytes(),
        peak=peak,
        observe_floor=moved[0] / bandwidth,
        end_floor=moved[1] / bandwidth,
        twin=beside.twin_seconds(method, size, rows) if scored else None,
        twin_loops=beside.twin_seconds(method, size, rows, correlation=False) if method == "d2ace" else None,
        **{name: statistics.median(times) for name, times in taken.items()},
    )


def _companions(size: Size, pool: list[torch.Tensor], training: Training, device: str):
    """By name: runs something that stands beside D2ACE once, returns its seconds an epoch."""
    clock, probability_N = training.clock, training.selector.probabilities
    elementary = floors.elementary_operations(size, pool, device)
    step = beside.training_step(*beside.mlp(size.labels), size.labels, device)
    elementary(), step()
    return {
        "elementary": lambda: clock.seconds(elementary),
        "choice": lambda: beside.choice_seconds(probability_N, 3, size),
        "mlp": lambda: beside.epoch_seconds(step, 4, size, clock),
    }
