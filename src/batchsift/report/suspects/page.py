"""From the suspects of a training run to a page that needs nothing else and reaches for nothing else."""

import csv
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from markupsafe import Markup

from batchsift.data import ImageData, MultiLabelData
from batchsift.files import from_csv, write
from batchsift.messages import visible
from batchsift.report.rendering import render_page
from batchsift.report.suspects.thumbnails import Thumbnail, thumbnails
from batchsift.training.model import SUMMARY, SUSPECTS
from batchsift.training.recording import Suspect

PAGE = "suspects.html"


@dataclass(frozen=True)
class Row:
    """A suspect as the page shows it.

    Args:
        sample: Its row in the data set.
        label: The number of its label among those of the page.
        given: The value it has.
        probability: The mean predicted probability.
        rank: Its place among the suspects of its label.
        score: What it is ranked by.
    """

    sample: int
    label: int
    given: int
    probability: float
    rank: int
    score: float


def write_suspects_page(folder: Path, data: MultiLabelData | ImageData | None = None) -> Path | None:
    """Write the page of a training run beside its list of suspects; return its path.

    Nothing is written, and None returned, where an earlier version left another list, or none.

    Args:
        folder: The folder of a finished run.
        data: What it was trained on: pictures are shown.

    Raises:
        OSError: The list cannot be read, or the page not be written.
    """
    if not (folder / SUSPECTS).is_file():
        return None
    with (folder / SUSPECTS).open(encoding="utf-8", newline="") as file:
        found = [{key: from_csv(value) for key, value in row.items()} for row in csv.DictReader(file)]
    if not found or not {field.name for field in fields(Suspect)} <= found[0].keys():
        return None
    summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    shown = thumbnails(data, [int(row["sample"]) for row in found]) if isinstance(data, ImageData) else {}
    return write(folder, {PAGE: render(found, summary, shown).encode()})[0]


def render(
    found: list[dict[str, str]], summary: dict[str, Any], pictures: Mapping[int, Thumbnail] | None = None
) -> str:
    """Return the page.

    Args:
        found: The rows of the list of suspects.
        summary: The summary of the run.
        pictures: The pictures of the samples, by their rows; none where samples are no pictures.
    """
    counts = Counter(row["label"] for row in found)
    names = sorted(counts, key=lambda name: (name.casefold(), name))
    number = {name: place for place, name in enumerate(names)}
    rows = [
        Row(
            sample=int(row["sample"]),
            label=number[row["label"]],
            given=int(row["given"]),
            probability=float(row["probability"]),
            rank=int(row["rank"]),
            score=float(row["score"]),
        )
        for row in found
    ]
    return render_page(
        "batchsift.report.suspects",
        "suspects.html.j2",
        rows=rows,
        pictures={row: Thumbnail(visible(one.name), one.source) for row, one in (pictures or {}).items()},
        names=[shown_name(name) for name in names],
        counts=[counts[name] for name in names],
        # Exact names for the file of marks: a browser changes some characters of a page, but none of this.
        exact=Markup(json.dumps(names).replace("<", "\\u003c")),  # nosec B704 # JSON without a "<"
        config={key: shown_name(str(summary["config"][key])) for key in ("data", "model", "method")},
    )


def shown_name(name: str) -> str:
    r"""Return a name as the page shows it.

    >>> shown_name("red\n"), shown_name("")
    ('red\\n', '(empty)')
    """
    return visible(name) or "(empty)"
