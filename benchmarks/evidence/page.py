"""Writing: `docs/evidence.md` from `page.md` beside this file, with a table after each of its comments."""

from pathlib import Path

from batchsift.studies.config import AGAIN
from benchmarks.does_it_help.page import replaced
from benchmarks.evidence import tables
from benchmarks.evidence.plan import PARTS
from benchmarks.evidence.results import PartResults

TEMPLATE = Path(__file__).with_name("page.md")
PAGE = Path(__file__).parents[2] / "docs" / "evidence.md"
NOT_RUN = "Not run yet."


def parts() -> dict[str, str]:
    """Return what is written, by the word in the comment before it."""
    results = {name: PartResults.read(part) for name, part in PARTS.items()}
    papers = [results[name] for name in ("papers", "papers-paca", "papers-large")]
    found = {"what ran": tables.what_ran(list(results.values())), "published": tables.published(papers)}
    for part in results.values():
        name = part.part.name
        for when, column in tables.WHEN.items():
            for model in part.part.models:
                there = model in part.models
                found[f"{name} {model} {when}"] = tables.gains(part, model, column) if there else iter([NOT_RUN])
        rows = [row.name for row in part.part.rows if row.models is None and row.name != AGAIN and not row.change]
        for what, make in (("ranks", tables.ranks), ("speeds", tables.speeds)):
            found[f"{name} {what}"] = make(part, rows) if len(part) and rows else iter([NOT_RUN])
        found[f"{name} scores"] = tables.scores(part, "macro_auc") if len(part) else iter([NOT_RUN])
    return {name: "\n".join(lines) for name, lines in found.items()}


def write() -> None:
    """Put the tables in place."""
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, part in parts().items():
        text = replaced(text, name, part)
    PAGE.write_text(text, encoding="utf-8")
