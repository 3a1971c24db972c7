"""The command: runs what is missing, keeps compact tables, writes the page, runs a kept cell again."""

import argparse
import sys
from pathlib import Path

from batchsift.studies.executor import run_task
from batchsift.studies.store import Store
from benchmarks.evidence import page, plan, results, running

OUT = Path("results/evidence")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evidence", description="The papers' claims.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, what in (("run", "run what the store lacks"), ("keep", "write tables and page from the store")):
        options = verbs.add_parser(verb, help=what)
        options.add_argument("--out", type=Path, default=OUT, help="the store of the runs")
        if verb == "run":
            options.add_argument("--parts", nargs="+", choices=plan.PARTS, default=list(plan.PARTS))
            options.add_argument("--jobs", type=int, default=1, help="processes")
    verbs.add_parser("page", help="write the page from the tables")
    verbs.add_parser("cell", help="run a kept cell again").add_argument("key")
    given = parser.parse_args()
    if given.verb == "run":
        store = Store(given.out)
        with store.locked():
            for name in given.parts:
                running.run(store, plan.PARTS[name], given.jobs)
    elif given.verb == "keep":
        results.keep(Store(given.out))
        page.write()
    elif given.verb == "page":
        page.write()
    else:
        run_again(given.key)


def run_again(key: str) -> None:
    """Run a kept cell again, and say how far its metrics are from those that are kept."""
    for part in plan.PARTS.values():
        row = results.PartResults.read(part).row_of(key)
        if row is None:
            continue
        way = next(each for each in part.rows if each.name == row["row"])
        rate = float(row["learning_rate"]) if part.rates else None
        cell = running.cell(part, row["data"], row["model"], way, int(row["fold"]), rate)
        if cell.task.config.key != key:
            sys.exit(f"{key} was run with other settings or other data: now it is {cell.task.config.key}")
        record = run_task(cell.task)
        if record.error is not None:
            sys.exit(record.error.traceback)
        for metric in plan.METRICS:
            now = f"{record.result.metrics[metric]:.{results.DIGITS}g}"
            print(f"{metric}: kept {row[metric]}, now {now}{'' if now == row[metric] else '  DIFFERENT'}")
        return
    sys.exit(f"no kept cell has the key {key!r}: see {results.FOLDER}")


if __name__ == "__main__":
    main()
