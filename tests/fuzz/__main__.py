"""Mutated files of every reader, for as long as you like.

    python -m tests.fuzz --minutes 60
    python -m tests.fuzz --reader csv --cases 100000 --first 5000
    python -m tests.fuzz --reader csv --first 123 --cases 1

Each case is refused clearly, loaded and valid, or a failure: another exception, a crash, a hang, data that cannot be.
Its number makes it again.
"""

import argparse
import sys
import time
from collections import Counter, defaultdict

from .cases import MAKERS
from .pool import attempts

_SHOWN = 3  # examples of one kind of failure


def main() -> int:
    """From the command line."""
    parser = argparse.ArgumentParser(description="Tries mutated files of every reader.")
    parser.add_argument("--minutes", type=float, default=None)
    parser.add_argument("--cases", type=int, default=None, help="of each reader")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--reader", action="append", choices=list(MAKERS), help="all of them by default")
    arguments = parser.parse_args()
    count = arguments.cases if arguments.cases is not None else 10**12 if arguments.minutes is not None else 1000
    end = time.monotonic() + 60 * arguments.minutes if arguments.minutes is not None else float("inf")
    found: dict[str, Counter[str]] = defaultdict(Counter)
    kinds: Counter[str] = Counter()
    try:
        for reader, seed, outcome, how in attempts(arguments.reader or list(MAKERS), arguments.first, count):
            found[reader][outcome] += 1
            if outcome == "failed":
                kind = f"{reader}: {how.partition(': ')[0]}"
                kinds[kind] += 1
                if kinds[kind] <= _SHOWN:
                    print(f"{reader} {seed}: {how}", flush=True)
            if time.monotonic() > end:
                break
    except KeyboardInterrupt:
        pass
    print(f"{'reader':<14}{'loaded':>10}{'refused':>10}{'failed':>10}")
    for reader, counts in found.items():
        print(f"{reader:<14}" + "".join(f"{counts[outcome]:>10}" for outcome in ("loaded", "refused", "failed")))
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main())
