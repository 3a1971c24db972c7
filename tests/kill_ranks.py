"""Kills ranks of a training at random moments: it ends as one that was never killed.

    python -m tests.kill_ranks --kills 40

Each start has another number of processes, and saves after every few blocks. One process is killed (KILL, TERM or INT)
in the middle of its work, of an exchange, or while it saves or loads; the others must end by themselves, and say why.
The run then goes on from what was saved last; a third one in a row is left alone until it ends.
"""

import argparse
import datetime
import multiprocessing
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist

import batchsift as bs

sys.path.insert(0, str(Path(__file__).parent / "selection"))

from equal_in_processes import EPOCHS, LOGITS, B, N, build

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
EVERY, IN_A_ROW = 4, 3
BLOCKS = -(-N // B)  # of an epoch
PATIENCE = 120  # seconds; ranks that one has left alone end at once
WHY = "another process of this training has ended"
FORK = multiprocessing.get_context("fork")  # importing torch costs seconds


@dataclass(frozen=True)
class Moment:
    """When a rank is killed.

    Attributes:
        rank: Which.
        part: In [-0.1, 1): of the blocks that are left when it begins, how many it observes before; negative: it loads.
        seconds: How long after that; less than a few blocks take.
        number: The signal.
    """

    rank: int
    part: float
    seconds: float
    number: signal.Signals


class Ranks:
    """The processes of a training, forked from this one.

    Args:
        folder: For what they save and write.
        count: How many there are.
        moment: When one of them is to be killed, if any.
    """

    def __init__(self, folder, count, moment=None):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        self.folder, self.moment, self._is_due = folder, moment, FORK.Value("b", 0, lock=False)
        self._processes = [FORK.Process(target=self._be, args=(rank, count, address)) for rank in range(count)]
        for process in self._processes:
            process.start()

    def _be(self, rank, count, address):
        os.dup2(os.open(self._wrote(rank), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        torch.set_num_threads(1)
        timeout = datetime.timedelta(seconds=PATIENCE)
        dist.init_process_group("gloo", address, rank=rank, world_size=count, timeout=timeout)
        selector = build("d2ace", {})
        if count > 1:
            bs.shard(selector, sharded=True, exchange_every=3)
        is_victim = self.moment is not None and rank == self.moment.rank
        self._is_due.value |= is_victim and self.moment.part < 0
        train(selector, self.folder, self._notice if is_victim else lambda _: None)
        dist.destroy_process_group()

    def _notice(self, part):
        self._is_due.value |= part >= self.moment.part

    def _wrote(self, rank):
        return self.folder.with_name(f"{self.folder.name}.{rank}")

    def kill(self):
        """Kill the one that is to be killed when its moment has come; gives whether it was still there."""
        victim = self._processes[self.moment.rank]
        deadline = time.monotonic() + PATIENCE
        while not self._is_due.value and victim.is_alive() and time.monotonic() < deadline:
            time.sleep(0.0005)
        time.sleep(self.moment.seconds)
        if victim.is_alive():
            os.kill(victim.pid, self.moment.number)
        victim.join(PATIENCE)
        return victim.exitcode != 0

    def ended(self):
        """Wait for all to end by themselves; gives the exit code of each, and what it wrote."""
        deadline = time.monotonic() + PATIENCE / 2  # sooner than a time-out would end them
        for process in self._processes:
            process.join(max(0, deadline - time.monotonic()))
        left = [rank for rank, process in enumerate(self._processes) if process.is_alive()]
        for rank in left:
            self._processes[rank].kill()
        if left:
            raise SystemExit(f"ranks {left} did not end by themselves; {self.moment}")
        return [(one.exitcode, self._wrote(rank).read_text()) for rank, one in enumerate(self._processes)]


def train(selector, folder, notice):
    """Train from what was saved last to the end; `notice` is told which part of what is left is done."""
    if (folder / "state").exists() or (folder / "state.before").exists():
        bs.load_state(selector, folder / "state")
    left = len(list(selector.batches())) + (EPOCHS - 1 - selector.epoch) * BLOCKS
    done = 0
    notice(0 if left > 0 else 1)
    while selector.epoch < EPOCHS:
        for block, indices in enumerate(selector.batches(), start=1):
            selector.observe(indices, LOGITS[selector.epoch][indices])
            done += 1
            notice(done / left)
            if block % EVERY == 0:
                bs.save_state(selector, folder / "state")
        selector.end_epoch()
        bs.save_state(selector, folder / "state")
    bs.save_state(selector, folder / "end")


class Trials:
    """Trainings that are killed, against one that is not.

    Args:
        place: A folder for all of it.
        seed: Of the moments.
    """

    def __init__(self, place, seed=0):
        self.place, self.random, self.counts = place, random.Random(seed), Counter()
        self.expected = self._fresh("undisturbed")
        began = time.monotonic()
        self._let_end(self.expected, 3)
        self.seconds = time.monotonic() - began

    def _fresh(self, name):
        shutil.rmtree(self.place / name, ignore_errors=True)
        (self.place / name).mkdir()
        return self.place / name

    @staticmethod
    def _let_end(folder, count):
        for code, text in Ranks(folder, count).ended():
            if code:
                raise SystemExit(f"left alone, a rank of {count} ended with {code}:\n{text}")

    def run(self, most):
        """Kill a training up to so often, let it end, and compare."""
        folder = self._fresh("killed")
        for _ in range(most):
            count = self.random.choice([2, 3, 4])
            seconds = self.random.uniform(0, 3 * self.seconds / (EPOCHS * BLOCKS))
            part, number = self.random.uniform(-0.1, 1), self.random.choice(SIGNALS)
            self._kill(Ranks(folder, count, Moment(self.random.randrange(count), part, seconds, number)))
        if not (folder / "end").exists():
            self._let_end(folder, self.random.choice([1, 2, 3, 4]))
        self._compare(folder)
        self.counts["trainings"] += 1

    def _kill(self, ranks):
        moment, was_there = ranks.moment, ranks.kill()
        endings = ranks.ended()
        if not was_there:
            self.counts["ended before"] += 1
        else:
            self.counts["kills"] += 1
            self.counts[moment.number.name] += 1
        for rank, (code, text) in enumerate(endings):
            if rank == moment.rank and was_there:
                continue
            if code and WHY in text:
                self.counts["said why"] += 1
            elif code or not (ranks.folder / "end").exists():
                raise SystemExit(f"rank {rank} ended with {code} after {moment}:\n{text}")
            else:
                self.counts["had done its work"] += 1

    def _compare(self, folder):
        """Check that the same was saved at the end: what is kept of samples to the bit, probabilities to 1e-12."""
        (expected, rows), (found, rows_found) = (_saved(one / "end") for one in (self.expected, folder))
        torch.testing.assert_close(found["probabilities"], expected["probabilities"], rtol=1e-12, atol=0)
        if rows != rows_found or not torch.equal(found["plan"], expected["plan"]):
            raise SystemExit("it ended with another plan, or other observations")


def _saved(folder):
    """What is common in a folder of `save_state`, and its other files."""
    common = torch.load(folder / "common.pt", weights_only=True)["state"]
    return common, {one.name: one.read_bytes() for one in folder.iterdir() if one.name != "common.pt"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        trials = Trials(Path(name), options.seed)
        print(f"{trials.seconds:.1f} s undisturbed", flush=True)
        while trials.counts["kills"] < options.kills:
            trials.run(min(IN_A_ROW, options.kills - trials.counts["kills"]))
            print(", ".join(f"{name}: {count}" for name, count in sorted(trials.counts.items())), flush=True)
    print(f"{trials.counts['kills']} kills, every training ended as one that was never killed")


if __name__ == "__main__":
    main()
