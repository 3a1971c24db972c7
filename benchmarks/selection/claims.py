"""What is claimed, what was measured, and whether it holds."""

import operator
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.selection import asked
from benchmarks.selection.around import Startup
from benchmarks.selection.asked import TENFOLD, TWICE
from benchmarks.selection.balancing import Balancing
from benchmarks.selection.findings import Findings
from benchmarks.selection.sizes import LARGE, MAIN, Size
from benchmarks.selection.stability import Contention, Pair

BALANCED = {MAIN: 0.5, LARGE: 10.0}  # seconds an epoch
D2ACE_ARRAYS = 6  # a window of five predictions, and the flip average


@dataclass(frozen=True)
class Claim:
    """A number that must not be below, or above, its target.

    Attributes:
        text: What the number is.
        least: Whether the target is a lower limit.
        target: The limit.
        measured: None where it could not be measured.
        unit: Behind the number.
        stretch: Hoped for, not promised.
    """

    text: str
    least: bool
    target: float
    measured: float | None
    unit: str = "times"
    stretch: bool = False

    @property
    def holds(self) -> bool:
        """Whether it was measured, and is within the limit."""
        compare: Callable[[float, float], bool] = operator.ge if self.least else operator.le
        return self.measured is not None and compare(self.measured, self.target)

    @property
    def verdict(self) -> str:
        """In a word or two."""
        if self.measured is None:
            return "not measured"
        return ("yes" if self.holds else "no") + (" (stretch)" if self.stretch else "")

    @property
    def limit(self) -> str:
        """The target in words."""
        return f"{'at least' if self.least else 'at most'} {self.target:g} {self.unit}"

    @property
    def value(self) -> str:
        """The number in words."""
        if self.measured is None:
            return "-"
        return f"{self.measured:.3g} {self.unit}" if self.measured < 1000 else f"{self.measured:,.0f} {self.unit}"


def state_bytes(size: Size, itemsize: int = 4) -> int:
    """D2ACE's trackers."""
    return D2ACE_ARRAYS * size.cells * itemsize


def share(selection: float, training: float) -> float:
    """Of an epoch that consists of both, in per cent."""
    return 100 * selection / (selection + training)


def balancing_claims(found: Findings, size: Size) -> list[Claim]:
    """What is claimed of a pass in balanced blocks."""
    dealt, what = found.of(asked.balancing(size), Balancing), f"balanced blocks, {size}"
    return [
        Claim(f"{what}: planning an epoch", False, BALANCED[size], dealt and dealt.seconds, "s"),
        Claim(f"{what}: peak memory over plan and labels", False, 2, dealt and dealt.memory),
        Claim(f"{what}: variance of label sums over a shuffled pass'", False, 0.2, dealt and dealt.variance),
    ]


def claims(found: Findings) -> list[Claim]:
    """All of them, from what was measured."""
    main, large, cnn = found.cell("d2ace", MAIN), found.cell("d2ace", LARGE), found.cnn(MAIN)
    startup = found.of(asked.STARTUP, Startup)
    two_threads = found.of(asked.contention(2), Contention)
    drawing = found.of(asked.DRAWING, Pair)
    pairs = {
        "one thread, the other core busy": (3, found.of(asked.contention(1), Contention)),
        "two threads, one core busy": (3, two_threads),
        f"{TWICE[1]} beside {TWICE[0]}": (2.4, found.of(asked.growth(TWICE), Pair)),
        f"{TENFOLD[1]} beside {TENFOLD[0]}": (12, found.of(asked.growth(TENFOLD), Pair)),
    }
    balanced = found.cell("balanced_pass", MAIN)
    at_main = f"D2ACE, {MAIN}: selection of an epoch"
    return [
        Claim(f"{at_main}, faster than the loop-written twin", True, 300, main and main.twin / main.total),
        Claim(
            f"{at_main}, faster than the twin's loops over N x L alone (no correlation)",
            True,
            300,
            main and main.twin_loops / main.total,
        ),
        Claim(f"{at_main}, over the elementary operations alone", False, 6, main and main.total / main.elementary),
        Claim(f"D2ACE, {LARGE}: peak memory over the state", False, 1.3, large and large.peak / state_bytes(LARGE)),
        *(
            Claim(f"D2ACE, {name}: slower", False, target, pair and pair.ratio)
            for name, (target, pair) in pairs.items()
        ),
        Claim(
            "D2ACE, two threads, one core busy: over one thread beside it",
            False,
            3,
            two_threads and two_threads.second / two_threads.single,
        ),
        Claim(f"plan of {LARGE}, faster than NumPy's choice", True, 50, large and large.choice / large.plan),
        Claim(f"systematic plan of {LARGE}, beside the independent one", False, 1.5, drawing and drawing.ratio),
        *(claim for size in BALANCED for claim in balancing_claims(found, size)),
        Claim(
            f"BalancedPass, {MAIN}: share of an epoch with the CNN",
            False,
            1,
            balanced and cnn and share(balanced.total, cnn),
            "%",
        ),
        Claim(f"{at_main}, share of an epoch with the CNN", False, 1, main and cnn and share(main.total, cnn), "%"),
        Claim(f"{at_main}, share of an epoch with the MLP", False, 10, main and share(main.total, main.mlp), "%"),
        Claim(
            f"import (torch included) and construction, {MAIN}",
            False,
            2,
            startup and startup.batchsift + startup.construct,
            "s",
        ),
        Claim(
            f"D2ACE, {MAIN}: end of epoch without the plan, over the copy floor",
            False,
            4,
            main and (main.end - main.plan) / main.end_floor,
            stretch=True,
        ),
    ]
