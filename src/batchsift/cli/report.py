"""`batchsift report`: one HTML page of a study."""

from pathlib import Path
from typing import Annotated

import typer

from batchsift.cli.endings import mistakes_explained, plain_endings, say, show_json
from batchsift.cli.options import AsJson
from batchsift.image_metrics import ALL_METRICS
from batchsift.studies.config import ALPHA
from batchsift.verbs.words import split_words


def report(
    *,
    place: Annotated[
        str, typer.Argument(metavar="DIR", help="Folder or address of a study or a comparison: what went to --out.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="The page; DIR/report.html by default, ./report.html of a study at an address.")
    ] = None,
    metric: Annotated[
        str, typer.Option(help=f"Metrics to make claims of, separated by commas: {', '.join(ALL_METRICS)}.")
    ] = "",
    alpha: Annotated[float, typer.Option(help="Level of the tests; intervals are of 1 - alpha.")] = ALPHA,
    as_json: AsJson = False,
) -> None:
    """Write a study's report: one HTML page that opens from disk."""
    from batchsift.report.page import report as make_report
    from batchsift.report.page import write_report
    from batchsift.studies.store import is_address

    names = [name for name in split_words(metric) if name]
    with plain_endings(), mistakes_explained():
        study_report = make_report(place, metrics=names, alpha=alpha)
        page = write_report(study_report, out or Path("." if is_address(place) else place) / "report.html")
    if as_json:
        show_json({"page": str(page), **study_report.document()})
        return
    for part in study_report.scopes:
        for card in part.cards:
            say(f"{part.title}, {card.claims.method}: {' '.join(card.claims.summary)}\n")
    say(f"{page}\n")
