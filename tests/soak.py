"""Trains for hours: random saves, loads and shapes, held against undisturbed trainings; memory must stay flat.

A round is one training: a method, a storage type, sizes of labels, blocks and epochs that are drawn, all samples. It is
done twice, once undisturbed, once saved and loaded at random blocks, into the same selector or a new one. At the end
both must have the same state to the bit. Methods come by turns; memory is what the process holds when a round is over.
The first turn through all methods is the warm-up.

python -m tests.soak --hours 1 --samples 200000
"""

import argparse
import ctypes
import gc
import io
import os
import random
import statistics
import sys
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import torch

import batchsift as bs
from tests.states import METHODS, same

NEIGHBORS = {"d2ace": 6, "hard_imbalanced": 5}  # given: a search among all samples in each round would be all it does
MEGABYTE = 2**20


def resident_megabytes():
    """Return the memory that the process holds, after what is free was given back."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


@dataclass
class Round:
    """One training, drawn.

    Args:
        method: A name of `METHODS`.
        samples: N.
        draw: Draws the rest.
    """

    method: str
    samples: int
    draw: random.Random

    def __post_init__(self):
        draw = self.draw
        self.num_labels, self.epochs = draw.choice([1, 3, 8, 20]), draw.choice([2, 3])
        self.batch_size = draw.choice([self.samples // 7, self.samples // 40, self.samples // 40 + 1])
        stepwise = "by step" in self.method
        self.options = {
            "last_batch": draw.choice(["short", "drop", "fill"]),
            "drawing": "systematic" if stepwise else draw.choice(["systematic", "independent"]),
            "suspects": draw.random() < 0.7,
            "num_batches": draw.choice([None, None, 9]),
        }
        generator = torch.Generator().manual_seed(draw.randrange(2**31))
        self.labels = (torch.rand(self.samples, self.num_labels, generator=generator) < 0.3).float()
        self.labels[:2] = torch.tensor([[1.0], [0.0]])
        self.labels[torch.rand(self.samples, generator=generator) < draw.choice([0, 0.01])] = float("nan")
        kind = self.method.partition(",")[0]
        size = (self.samples, NEIGHBORS.get(kind, 1))
        neighbors_NK = torch.randint(self.samples - 1, size, generator=generator)
        neighbors_NK += neighbors_NK >= torch.arange(self.samples)[:, None]  # nobody is a neighbor of itself
        self.more = {"neighbors": neighbors_NK} if kind in NEIGHBORS else {}

    def selector(self):
        settings = {"batch_size": self.batch_size, "epochs": self.epochs, "seed": 1}
        return bs.Selector(self.labels, method=METHODS[self.method](**self.more), **settings, **self.options)

    def logits(self, indices, epoch):
        waves = torch.arange(1, self.num_labels + 1)
        return 4 * torch.sin(indices[:, None] * waves + epoch)

    def train(self, disturb=None):
        """Train a selector to the end and return its state; after a block it may be another one."""
        selector, epoch = self.selector(), 0
        while epoch < self.epochs:
            blocks = selector.batches()
            for block in blocks:
                selector.observe(block, self.logits(block, epoch))
                other = None if disturb is None else disturb(selector)
                if other is not None:
                    selector = other
                    break
            else:
                selector.end_epoch()
                epoch += 1
        return selector.state_dict()


@dataclass
class Soak:
    """Rounds, and what was seen.

    Args:
        samples: N.
        seed: Decides everything that is drawn.
    """

    samples: int
    seed: int = 0
    megabytes: list[float] = field(default_factory=list)
    resumed: int = 0
    blocks: int = 0
    wrong: list[str] = field(default_factory=list)

    def turn(self):
        """Do a round of every method."""
        for method in METHODS:
            self._round(method)
            self.megabytes.append(resident_megabytes())

    def _round(self, method):
        number = len(self.megabytes)
        draw = random.Random(f"{self.seed} {number}")
        one = Round(method, self.samples, draw)

        def disturb(selector):
            self.blocks += 1
            if draw.random() > 0.1:
                return None
            self.resumed += 1
            file = io.BytesIO()
            torch.save(selector.state_dict(), file)
            file.seek(0)
            target = selector if draw.random() < 0.3 else one.selector()
            target.load_state_dict(torch.load(file, weights_only=True))
            return target

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of warm-ups as long as the training
            if not same(one.train(), one.train(disturb)):
                self.wrong.append(f"round {number}, {method}: {one.options}, {one.num_labels} labels")

    def growth(self):
        """Return how much more memory the last turn ended with than the first after the warm-up, as a share."""
        size = len(METHODS)
        turns = [
            statistics.median(self.megabytes[start : start + size]) for start in range(0, len(self.megabytes), size)
        ]
        return turns[-1] / turns[1] - 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--samples", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    soak, began, turns = Soak(given.samples, given.seed), time.monotonic(), 0
    while turns < 3 or time.monotonic() - began < 3600 * given.hours:
        soak.turn()
        turns += 1
        words = f"{soak.blocks} blocks, {soak.resumed} resumed, {len(soak.wrong)} wrong"
        print(f"turn {turns}, {time.monotonic() - began:.0f} s: {words}, {soak.megabytes[-1]:.0f} MB", flush=True)
    print(*soak.wrong, sep="\n")
    print(f"memory grew by {soak.growth():+.2%} from turn 2 to turn {turns}")
    sys.exit(bool(soak.wrong) or soak.growth() > 0.01)


if __name__ == "__main__":
    main()
