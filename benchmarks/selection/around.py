"""Around the training: importing and building, and taking batches from memory."""

import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

import torch
from torch.utils.data import DataLoader, TensorDataset

import batchsift as bs
from benchmarks.selection import beside
from benchmarks.selection.clock import Clock
from benchmarks.selection.selecting import Training, method_of
from benchmarks.selection.sizes import BATCH_SIZE, Size, labels_of

ROUNDS = 5


@dataclass(frozen=True)
class Startup:
    """Median seconds: a fresh interpreter that imports torch, one that imports batchsift, and building the selector."""

    torch: float
    batchsift: float
    construct: float


def startup(method: str, size: Size, device: str) -> Startup:
    """With the neighbours given."""
    labels_NL = labels_of(size)
    imports = [(_seconds_to_run("import torch"), _seconds_to_run("from batchsift import *")) for _ in range(ROUNDS)]
    built = [Training(method_of(method, size), labels_NL, [], device).construction for _ in range(ROUNDS)]
    alone, whole = (statistics.median(times) for times in zip(*imports, strict=True))
    return Startup(alone, whole, statistics.median(built))


def _seconds_to_run(code: str) -> float:
    def spent() -> float:
        return (
            sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) if Clock.read is time.process_time else Clock.read()
        )

    start = spent()
    subprocess.run([sys.executable, "-c", code], check=True)
    return spent() - start


@dataclass(frozen=True)
class Loading:
    """Median seconds an epoch of rows in memory: walked through, and trained on (MLP), from `batches()` or a loader."""

    batches: float
    loader: float
    batches_training: float
    loader_training: float


def loading(size: Size, device: str) -> Loading:
    """With the rows on the device; for the loader they stay on the CPU and travel block by block, as usual."""
    clock, labels_NL = Clock(device), labels_of(size)
    model, block = beside.mlp(size.labels)
    x = torch.rand(size.samples, block.shape[1])
    y = labels_NL.float()
    model = model.to(device)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    selector = bs.Selector(labels_NL, method="random", batch_size=BATCH_SIZE, device=device)
    loader = DataLoader(bs.WithIndices(TensorDataset(x, y)), batch_size=BATCH_SIZE, sampler=selector)
    near = (x.to(device), y.to(device))

    def from_memory():
        for indices in selector.batches():
            rows = indices.to(device)
            yield indices, near[0][rows], near[1][rows]

    def from_loader():
        for indices, (inputs, targets) in loader:
            yield indices, inputs.to(device), targets.to(device)

    def walk(source) -> None:
        for _ in source():
            pass

    def train(source) -> None:
        for indices, inputs, targets in source():
            logits = model(inputs)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            selector.observe(indices, logits)
        selector.end_epoch()

    works = [(walk, from_memory), (walk, from_loader), (train, from_memory), (train, from_loader)]
    rounds = [[clock.seconds(lambda w=work, s=source: w(s)) for work, source in works] for _ in range(3)]
    return Loading(*(statistics.median(times) for times in zip(*rounds, strict=True)))
