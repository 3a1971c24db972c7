"""`batchsift describe`: what a data set is like."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from batchsift.cli.endings import mistakes_explained, plain_endings, show_paths
from batchsift.cli.options import AsJson, Data, ReadingOptions, takes_groups
from batchsift.files import folder_of, write


@takes_groups
def describe(
    *,
    data: Data,
    reading: ReadingOptions,
    out: Annotated[Path | None, typer.Option(help="Folder; results/<data> by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Describe a data set: labels, imbalance, duplicates, as a table, JSON and a picture."""
    from rich.console import Console

    from batchsift.data.describe import describe as described
    from batchsift.report.console.description import description_figure, description_report
    from batchsift.report.console.plots import image

    with plain_endings(), mistakes_explained():
        found = described(reading.load(data))
        document = json.dumps(found.document(), indent=1, allow_nan=False, ensure_ascii=False)
        files = {"description.json": document.encode(), "labels.png": image(description_figure(found), "png")}
        written = write(out or folder_of("results", found.name), files)
    if as_json:
        sys.stdout.write(document + "\n")
    else:
        Console(highlight=False).print(description_report(found))
    show_paths(written, as_json=as_json)
