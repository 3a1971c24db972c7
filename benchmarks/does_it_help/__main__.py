"""The command: runs what is missing, shows the tables, and writes page and README from what is kept beside the code."""

import argparse
import json
import sys
from pathlib import Path

from batchsift.studies.store import Store
from benchmarks.does_it_help import page, plan, results, running, tables
from benchmarks.does_it_help.results import Results


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.does_it_help", description="Does selection help?")
    parser.add_argument("--sets", nargs="+", choices=plan.SETS, default=plan.SETS)
    parser.add_argument("--budgets", nargs="+", type=int, choices=plan.BUDGETS, default=plan.BUDGETS, help="epochs")
    parser.add_argument("--out", type=Path, default=Path("results/does_it_help"), help="the store of the runs")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--keep", action="store_true", help=f"write {results.FILE.name} from the store, then the page")
    parser.add_argument("--page", action="store_true", help="write the page from what is kept, and run nothing")
    given = parser.parse_args()
    if not given.page:
        store = Store(given.out)
        if not given.keep:
            running.run(store, given.sets, given.budgets, given.jobs)
        found = results.collect(store, given.sets, given.budgets)
        show(Results(found))
        if not given.keep:
            return
        results.FILE.write_text(json.dumps(found, separators=(",", ":")) + "\n", encoding="utf-8")
    page.write(Results.read())


def show(found: Results) -> None:
    """Print the tables of what was run, and how far its numbers are from those that are kept."""
    for budget in found.budgets:
        print("\n".join(tables.budget_table(found, budget)), end="\n\n")
        for metric in plan.METRICS:
            print("\n".join(tables.set_table(found, budget, metric)), end="\n\n")
    kept = Results.read() if results.FILE.exists() else Results({"budgets": {}})
    differences = [
        abs(found.values(budget, data, row.name, metric) - kept.values(budget, data, row.name, metric)).max()
        for budget in set(found.budgets) & set(kept.budgets)
        for data in set(found.sets(budget)) & set(kept.sets(budget))
        for row in plan.ROWS
        for metric in plan.METRICS
    ]
    if differences:
        print(f"largest difference to the numbers of the page: {max(differences):.2g}", file=sys.stderr)


if __name__ == "__main__":
    main()
