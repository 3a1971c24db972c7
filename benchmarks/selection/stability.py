"""How the cost holds up: beside a busy core, with twice the samples, with ten times the labels, on a GPU."""

import os
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass

import torch

from benchmarks.selection.selecting import Training, medians, method_of
from benchmarks.selection.sizes import Size, labels_of, logits_pool

ROUNDS = 5


@dataclass(frozen=True)
class Pair:
    """Median seconds an epoch of two things measured in turns."""

    first: float
    second: float

    @property
    def ratio(self) -> float:
        """How many times longer the second takes."""
        return self.second / self.first


def training_of(method: str, size: Size, device: str, **options) -> Training:
    """One that is past its first epoch."""
    chosen = method_of(method, size, **options)
    training = Training(chosen, labels_of(size), logits_pool(size, device), device)
    training.epoch()
    return training


def growth(method: str, small: Size, large: Size, device: str, rounds: int = ROUNDS) -> Pair:
    """Two sizes."""
    trainings = [training_of(method, size, device) for size in (small, large)]
    epochs = [[training.epoch() for training in trainings] for _ in range(rounds)]
    return Pair(*(medians(list(each)).total for each in zip(*epochs, strict=True)))


class BusyCore:
    """A process that keeps one core busy inside a `with`, and sleeps outside."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self._process.pid, {max(os.sched_getaffinity(0))})
        self.__exit__()

    def __enter__(self) -> None:
        self._process.send_signal(signal.SIGCONT)
        time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def end(self) -> None:
        """Let go of the core for good."""
        self._process.kill()
        self._process.wait()


@dataclass(frozen=True)
class Contention(Pair):
    """Seconds on the wall, with nothing of ours beside it and with the last core busy.

    Attributes:
        single: As `second`, on one thread: what remains of many threads where one of them is always late.
    """

    single: float


def contention(method: str, size: Size, device: str, rounds: int = ROUNDS) -> Contention:
    """The same epochs in turns, with the threads torch has now."""
    training, busy, threads = training_of(method, size, device), BusyCore(), torch.get_num_threads()
    quiet, crowded, single = [], [], []
    try:
        for _ in range(rounds):
            quiet.append(training.epoch())
            with busy:
                crowded.append(training.epoch())
                torch.set_num_threads(1)
                single.append(training.epoch())
                torch.set_num_threads(threads)
    finally:
        busy.end()
    return Contention(*(medians(epochs).total for epochs in (quiet, crowded, single)))


def host_waits(method: str, size: Size, device: str) -> int:
    """How often observing an epoch made the host wait for the GPU, as far as torch can tell."""
    training = training_of(method, size, device)
    torch.cuda.set_sync_debug_mode("warn")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        training.observe()
    torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(each.message) for each in caught)
