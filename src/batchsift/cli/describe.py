"""`batchsift describe`: what a data set is like."""

import json
import re
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from batchsift.cli.endings import mistakes_explained, plain_endings
from batchsift.cli.source import Data, Delimiter, Drop, LabelColumn, LabelColumns, Labels, Reading
from batchsift.data.describe import describe
from batchsift.files import write
from batchsift.report.console.description import description_figure, description_report
from batchsift.report.console.plots import image


def describe_data(  # noqa: PLR0917 (typer makes options of them)
    data: Data,
    labels: Labels = None,
    label_columns: LabelColumns = None,
    label_column: LabelColumn = None,
    delimiter: Delimiter = None,
    drop: Drop = None,
    out: Annotated[Path | None, typer.Option(help="Folder; results/<data> by default.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Describe a data set: labels, imbalance, duplicates, as a table, JSON and a picture."""
    with plain_endings(), mistakes_explained():
        source = Reading(labels, label_columns, label_column, delimiter, drop).load(data)
        found = describe(source)
        document = json.dumps(found.document(), indent=1, allow_nan=False, ensure_ascii=False)
        folder = out or Path("results") / re.sub(r"[^\w.-]+", "-", found.name)
        files = {"description.json": document.encode(), "labels.png": image(description_figure(found), "png")}
        written = write(folder, files)
    console = Console(highlight=False)
    if as_json:
        sys.stdout.write(document + "\n")
    else:
        console.print(description_report(found))
    for path in written:
        (sys.stderr if as_json else sys.stdout).write(f"{path}\n")
