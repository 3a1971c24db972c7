"""`batchsift describe`: what a data set is like."""

import io
from pathlib import Path
from typing import Annotated

import typer

from batchsift.cli.endings import mistakes_explained, plain_endings, show_json, show_paths
from batchsift.cli.options import AsJson, Data, takes_groups
from batchsift.cli.reading import ReadingOptions
from batchsift.files import folder_of, json_text, write


@takes_groups
def describe(
    *,
    data: Data,
    reading: ReadingOptions,
    out: Annotated[Path | None, typer.Option(help="Folder; results/<data> by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Describe a data set: labels, imbalance, duplicates, as a table, JSON and a picture; pictures on a sheet."""
    from batchsift.data.images import ImageData, contact_sheet
    from batchsift.report.console.description import description_figure, description_report
    from batchsift.report.console.plots import image
    from batchsift.report.console.terminal import Terminal

    with plain_endings(), mistakes_explained():
        loaded = reading.load(data)
        description = loaded.describe()
        document = description.document()
        picture = image(description_figure(description), "png")
        files = {"description.json": json_text(document).encode(), "labels.png": picture}
        if isinstance(loaded, ImageData):
            sheet = io.BytesIO()
            contact_sheet(loaded).save(sheet, "PNG")
            files["pictures.png"] = sheet.getvalue()
        written = write(out or folder_of("results", description.name), files)
    if as_json:
        show_json(document)
    else:
        Terminal().print(description_report(description))
    show_paths(written, as_json=as_json)
