"""Kills a verb at random moments, starts it again until it ends, and compares what it leaves with an undisturbed run.

Moments are counted from the start of the process; the signals are INT, TERM and KILL by turns. A run is killed up to
three times before it is left alone.

python -m tests.kills --kills 200 --command train
python -m tests.kills --kills 200 --command train --forked    forks each process from one that has imported everything
"""

import argparse
import contextlib
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.starting import Server, Started
from tests.undisturbed import VERBS, contents, write_data

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
LONGEST = 300.0  # seconds that a run may take


class Trials:
    """Runs of one verb that are killed, in folders below one.

    Args:
        verb: A name of `VERBS`.
        place: A folder for all of it.
        start: Starts a command: `Started`, or `start` of a server.
        seed: Of the moments.
    """

    def __init__(self, verb, place, start=Started, seed=0):
        self.verb, self.place, self._start = VERBS[verb], Path(place), start
        self.random, self.kills, self.endings = random.Random(seed), 0, Counter()
        write_data(self.place / "start")
        folder = self._fresh("whole")
        start(self.verb.words(), folder, folder / "stderr").ended(LONGEST)  # files of modules are warm from here on
        shutil.rmtree(folder / self.verb.out)
        began = time.monotonic()
        code = start(self.verb.words(), folder, folder / "stderr").ended(LONGEST)
        self.seconds = time.monotonic() - began
        assert code == 0, (folder / "stderr").read_text()
        self.expected = contents(folder / self.verb.out)

    def _fresh(self, name):
        shutil.rmtree(self.place / name, ignore_errors=True)
        return Path(shutil.copytree(self.place / "start", self.place / name))

    def run(self, most=3):
        """Kill one run up to so many times, then let it end; return what is wrong, or None."""
        folder = self._fresh("killed")
        error = folder / "stderr"
        for _ in range(most):
            process, number = self._start(self.verb.words(), folder, error), SIGNALS[self.kills % len(SIGNALS)]
            code = process.ended(self.random.uniform(0, self.seconds))
            if code is None:
                process.signal(number)
                code = process.ended(LONGEST)
                self.kills += 1
                self.endings[f"{number.name} {code}"] += 1
            if code not in (0, 130, -number):
                return f"ended with {code} after {number.name}: {error.read_text()}"
            if code == 130 and "Traceback" in error.read_text():
                return f"a traceback after {number.name}: {error.read_text()}"
            if code == 0:
                break
        code = self._start(self.verb.words(), folder, error).ended(LONGEST)
        if code != 0:
            return f"not again, {code}: {error.read_text()}"
        left = contents(folder / self.verb.out)
        if left != self.expected:
            return f"another result: {[n for n in {**left, **self.expected} if left.get(n) != self.expected.get(n)]}"
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--command", choices=["train", "compare", "study"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--forked", action="store_true")
    given = parser.parse_args()
    wrong, runs, began = [], 0, time.monotonic()
    with contextlib.ExitStack() as stack:
        place, start = stack.enter_context(tempfile.TemporaryDirectory()), Started
        if given.forked:
            start = stack.enter_context(contextlib.closing(Server())).start
        trials = Trials(given.command, place, start, given.seed)
        print(f"{given.command}: {trials.seconds:.1f} s undisturbed", flush=True)
        while trials.kills < given.kills:
            problem = trials.run()
            runs += 1
            if problem:
                wrong.append(problem)
                print(problem.strip()[-2000:], flush=True)
            if runs % 10 == 0:
                print(f"  {trials.kills} kills, {runs} runs, {len(wrong)} wrong", flush=True)
        minutes = (time.monotonic() - began) / 60
    endings = dict(sorted(trials.endings.items()))
    print(f"{given.command}: {trials.kills} kills in {runs} runs, {len(wrong)} wrong, {endings}, {minutes:.0f} min")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
