"""The command: asks for measurements, one process each, and reports them."""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import batchsift as bs
from benchmarks.selection import asked, report, tables
from benchmarks.selection.claims import claims
from benchmarks.selection.findings import Findings
from benchmarks.selection.jobs import ROOT, Job, Limits, run
from benchmarks.selection.sizes import QUICK, SIZES, Size

PAGE, PLOT = ROOT / "docs" / "performance.md", ROOT / "docs" / "performance.png"


def arguments_of(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.selection", description="What batch selection costs.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--quick", action="store_true", help="two sizes (the default)")
    what.add_argument("--full", action="store_true", help=f"everything; writes {PAGE.relative_to(ROOT)} and its plot")
    what.add_argument("--check", action="store_true", help="what is claimed; exit code 1 if a claim does not hold")
    parser.add_argument("--sizes", nargs="+", type=Size.of, help="such as 82000x80, or 20000x174x26 (26 positives)")
    parser.add_argument("--methods", nargs="+", choices=bs.methods.names(), default=bs.methods.names())
    parser.add_argument("--device", default="cpu", help="where the state lives: cpu, or cuda")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "performance", help="where to write")
    parser.add_argument(
        "--cpu-time", action="store_true", help="processor time instead of wall time, where others use the machine too"
    )
    parser.add_argument("--resume", action="store_true", help="keep what an earlier run measured in --out")
    parser.add_argument("--seconds", type=float, help="limit of one measurement")
    parser.add_argument("--memory", type=float, default=10, help="limit of one measurement, in GiB")
    return parser.parse_args(given)


def carry_out(jobs: Sequence[Job], given: argparse.Namespace, found: Findings) -> None:
    """Run the jobs one after the other, and say so."""
    thorough = given.full or given.check
    seconds = given.seconds or (600 if thorough else 20)
    limits = Limits(seconds, int(given.memory * 2**30), given.device, not thorough, given.cpu_time)
    for number, job in enumerate(jobs, 1):
        start = time.perf_counter()
        outcome = run(job, limits, given.out, resume=given.resume)
        found.outcomes[job.key] = outcome
        took = f"{time.perf_counter() - start:.0f} s" + (f", {outcome.reason}" if outcome.reason else "")
        print(f"[{number}/{len(jobs)}] {job.key}: {took}", file=sys.stderr, flush=True)


def check(found: Findings) -> int:
    """Print every claim; the exit code."""
    made = claims(found)
    print(tables.claim_table(made))
    return int(not all(claim.holds or claim.stretch for claim in made))


def write(found: Findings, given: argparse.Namespace, sizes: Sequence[Size], sources: Sequence[str]) -> None:
    """The table and the plot; after a full run the page too."""
    clock = "processor time" if given.cpu_time else "wall time"
    measured = report.measured_part(found, sizes, given.methods, sources, clock)
    (given.out / "table.md").write_text(measured + "\n", encoding="utf-8")
    report.plot(found, sizes, given.methods, given.out / "plot.png")
    print(measured)
    print(f"\nwritten: {given.out / 'table.md'}, {given.out / 'plot.png'}", file=sys.stderr)
    if given.full:
        tables.into_page(PAGE, measured)
        shutil.copyfile(given.out / "plot.png", PLOT)


def main() -> int:
    given = arguments_of()
    sizes = given.sizes or (SIZES if given.full else QUICK)
    shared = os.environ.get("BATCHSIFT_DATA")
    sources = ["digits", *([str(Path(shared) / "arff" / "yeast.arff")] if shared else [])]
    found = Findings()
    if given.check:
        carry_out(asked.claimed(), given, found)
        return check(found)
    jobs = asked.everything(sizes, given.methods, sources) if given.full else asked.basic(sizes, given.methods)
    carry_out([*jobs, asked.HOST_WAITS] if given.full and given.device.startswith("cuda") else jobs, given, found)
    write(found, given, sizes, sources)
    return 0


if __name__ == "__main__":
    sys.exit(main())
