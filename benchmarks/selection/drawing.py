"""Drawing the plan of an epoch from probabilities: systematically, and every block afresh."""

import statistics

import torch

from batchsift.functional.sampling import draw_blocks, probabilities_by_range
from batchsift.functional.systematic import draw_systematically
from benchmarks.selection.clock import Clock
from benchmarks.selection.sizes import BATCH_SIZE, Size
from benchmarks.selection.stability import Pair

ROUNDS = 7
PRESSURE = 8.0  # D2ACE's, after the warm-up


def drawing(size: Size) -> Pair:
    """Median seconds of a plan drawn independently, and of one drawn systematically."""
    generator, clock = torch.Generator().manual_seed(0), Clock()
    probability_N = probabilities_by_range(torch.rand(size.samples, generator=generator), PRESSURE)
    blocks = (probability_N, BATCH_SIZE, size.batches)
    draws = [lambda: draw_blocks(*blocks, generator), lambda: draw_systematically(*blocks, size.samples, generator)]
    rounds = [[clock.seconds(draw) for draw in draws] for _ in range(ROUNDS)]
    return Pair(*(statistics.median(times) for times in zip(*rounds, strict=True)))
