"""Writing: the tables of `docs/does_it_help.md` and of the README, each between two comments."""

from pathlib import Path

from benchmarks.does_it_help import plan, tables
from benchmarks.does_it_help.results import Results

ROOT = Path(__file__).parents[2]
PAGE, README = ROOT / "docs" / "does_it_help.md", ROOT / "README.md"
IN_README = (
    tables.RANDOM_WITH_WEIGHT,
    plan.AGAIN,
    "stratified",
    "balanced_pass",
    plan.RECIPE,
    "uncertainty",
    "d2ace",
    "uncertainty, independent",
    "d2ace, independent",
    "label_balanced",
)


def parts(results: Results) -> dict[str, str]:
    """Return what is written, by the word in the comment before it."""
    found = {"facts": facts(results), "steps": "\n".join(tables.steps_table(results))}
    for budget in plan.BUDGETS:
        if budget not in results.budgets:
            found |= {f"{kind} {budget}": "Not run yet." for kind in ("gains", "short", "sets")}
            continue
        found[f"gains {budget}"] = "\n".join(tables.budget_table(results, budget))
        found[f"short {budget}"] = "\n".join(tables.budget_table(results, budget, IN_README))
        found[f"sets {budget}"] = "\n".join(tables.set_table(results, budget, "macro_auprc"))
    return found


def write(results: Results) -> None:
    """Put the tables in place; the words around them stay."""
    for file in (PAGE, README):
        text = file.read_text(encoding="utf-8")
        for name, part in parts(results).items():
            text = replaced(text, name, part)
        file.write_text(text, encoding="utf-8")


def facts(results: Results) -> str:
    """Return what was run, and how many comparisons that is."""
    rows = len(plan.ROWS) - 1
    comparisons = rows * len(plan.METRICS) * len(results.budgets)
    sets = "; ".join(f"{tables.count_epochs(budget)}: {len(results.sets(budget))}" for budget in results.budgets)
    budgets = f"{len(results.budgets)} budget{'s' if len(results.budgets) > 1 else ''}"
    return (
        f"Data sets by budget: {sets}. {len(plan.SEEDS) * plan.FOLDS} pairs on each. {rows} rows against Random by "
        f"{len(plan.METRICS)} metrics at {budgets} are {comparisons} comparisons; the tests of a metric and budget are "
        f"adjusted for its {rows} rows (Holm), not for metrics and budgets."
    )


def replaced(text: str, name: str, part: str) -> str:
    """Return a text with another part between the comment of that name and the end; without the comment, as it is.

    Raises:
        ValueError: The comment is there, the end is not.
    """
    begin, end = f"<!-- {name} -->\n", "<!-- end -->"
    before, found, rest = text.partition(begin)
    if not found:
        return text
    _, closed, after = rest.partition(end)
    if not closed:
        raise ValueError(f"no {end} after {begin.strip()}")
    return f"{before}{begin}{part}\n{end}{after}"
