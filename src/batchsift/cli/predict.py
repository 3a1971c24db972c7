"""`batchsift predict`: what a trained model says of other samples."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batchsift.cli.endings import complain, mistakes_explained, plain_endings
from batchsift.cli.options import AsJson, takes_groups
from batchsift.cli.reading import ReadingOptions, as_options
from batchsift.files import csv_text, escaped_json, write
from batchsift.messages import visible
from batchsift.training.thresholds import check_thresholds
from batchsift.verbs.words import check_unknown_category

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from batchsift.data.schema import Unknown
    from batchsift.training.model import TrainedModel


@takes_groups
def predict(
    *,
    run: Annotated[Path, typer.Argument(help="The folder of 'batchsift train'.", show_default=False)],
    data: Annotated[
        str,
        typer.Argument(
            help="A file like that of the training; a table or a folder of pictures needs no labels.",
            show_default=False,
        ),
    ],
    reading: ReadingOptions,
    id_column: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A column of the table, to be copied before the labels.", show_default=False),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="Print 1 for probabilities above this, else 0, instead of them.", show_default=False),
    ] = None,
    thresholds: Annotated[
        str | None,
        typer.Option(
            help="Add 0/1 columns after the probabilities: 'f1' (thresholds that the validation part of the training "
            "chose), 'cost' (see --cost-ratio), or a number such as 0.5 for all labels.",
            show_default=False,
        ),
    ] = None,
    cost_ratio: Annotated[
        float | None,
        typer.Option(help="For --thresholds cost: how many false alarms a missed label costs.", show_default=False),
    ] = None,
    unknown_category: Annotated[
        str,
        typer.Option(
            help="What a value of a category is that did not occur in training: an 'error', or 'missing', as if its "
            "cell were empty."
        ),
    ] = "error",
    device: Annotated[str, typer.Option(help="Where to compute: cpu, cuda, ...")] = "cpu",
    workers: Annotated[int, typer.Option(help="Of pictures: processes that decode them.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="A .csv file; standard output by default.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Predict the probability of every label for every sample: a CSV, one column a label; on request 0 and 1 too."""
    from batchsift.data.loading import names_table

    with mistakes_explained():
        is_table = names_table(data)
        if workers < 0:
            raise ValueError(f"--workers must be at least 0, got {workers}")
        if threshold is not None and not 0 <= threshold < 1:
            raise ValueError(f"--threshold must be in [0, 1), got {threshold}")
        if threshold is not None and thresholds is not None:
            raise ValueError("--threshold prints 0 and 1 alone, --thresholds adds them to the probabilities: give one")
        if thresholds is not None or cost_ratio is not None:
            check_thresholds("f1" if thresholds is None else thresholds, cost_ratio)
        if id_column is not None and not is_table:
            raise ValueError(f"--id-column {id_column} came with {data}, which is no table")
        unknown = check_unknown_category(unknown_category, "--unknown-category")
    from batchsift.data.images import PictureError
    from batchsift.data.images.listing import pictures_in
    from batchsift.training.folder import load_model, path_of_model
    from batchsift.training.picture_model import pictures_of

    with plain_endings("interrupted; nothing was written"), mistakes_explained():
        _check_out(out, data, path_of_model(run))
        model = load_model(run)
        thresholds_L = None if thresholds is None else model.thresholds(thresholds, cost_ratio=cost_ratio)
        ids: dict[str, list[Any]] = {}
        features: Any
        try:
            if model.takes_pictures:
                features = pictures_of(pictures_in(data, reading.load, **reading.of_files()))
                ids["file"] = [features.pictures.name_of(row) for row in range(features.num_samples)]
            elif is_table:
                if id_column is not None:
                    ids[id_column] = _ids(data, id_column, model.label_names)
                features = _features(model, data, unknown)
            else:
                features = reading.load(data)
            probs_NL = model.predict_proba(features, device=device, workers=workers)
        except PictureError as error:
            raise ValueError(as_options(str(error))) from error
        predicted = probs_NL if threshold is None else (probs_NL > threshold).astype(int)
        text = (_json if as_json else _csv)(model.label_names, predicted, ids, thresholds_L)
        if out is None:
            # Into a file or a pipe goes what was predicted, byte by byte; a terminal would obey some of it.
            sys.stdout.write(visible(text, lines=True) if sys.stdout.isatty() else text)
        else:
            write(out.parent, {out.name: text.encode()})
            complain(f"{out}: predictions for {len(predicted)} x {len(model.label_names)} (samples x labels)")


def _features(model: "TrainedModel", data: str, unknown: "Unknown") -> "NDArray[Any]":
    """Return the features of a table, which needs no labels.

    Raises:
        ValueError: They are not those that the model was trained on.
    """
    from batchsift.data.readers.tables import read_frame

    try:
        return model.features_of(read_frame(data), unknown)
    except ValueError as error:
        raise ValueError(as_options(f"{data}: {error}")) from error


def _check_out(out: Path | None, data: str, model: Path) -> None:
    """Refuse to write over what predictions are made from, by whatever name, or over another file of the run."""
    from batchsift.training.model import SUMMARY

    if out is None or not out.exists():
        return
    run = model.resolve().parent
    is_of_run = (run / SUMMARY).exists() and out.resolve().parent == run
    if is_of_run or any(path.exists() and out.samefile(path) for path in (Path(data), model)):
        raise ValueError(f"--out {out} would overwrite the data or a file of the training run; name another file")


def _ids(data: str, column: str, label_names: Sequence[str]) -> list[Any]:
    """Return what the column holds, None where a cell is empty."""
    from batchsift.data.readers.tables import read_frame
    from batchsift.training.options import nearest

    frame = read_frame(data, texts=column)
    if column not in frame:
        raise ValueError(f"--id-column {column!r} is none of the columns of {data}{nearest(column, frame.columns)}")
    if column in label_names:
        raise ValueError(f"--id-column {column!r} is a label of the model: its name would head two columns")
    return [None if missing else value for value, missing in zip(frame[column], frame[column].isna(), strict=True)]


def _json(
    label_names: Sequence[str],
    predicted: "NDArray[Any]",
    ids: Mapping[str, Sequence[Any]],
    thresholds_L: "NDArray[Any] | None",
) -> str:
    document: dict[str, Any] = {"labels": label_names, "predictions": predicted.tolist()}
    if thresholds_L is not None:
        document["thresholds"] = thresholds_L.tolist()
        document["predicted"] = (predicted > thresholds_L).astype(int).tolist()
    for column in ids.values():
        document["ids"] = column
    return escaped_json(json.dumps(document, ensure_ascii=False, default=str)) + "\n"


def _csv(
    label_names: Sequence[str],
    predicted: "NDArray[Any]",
    ids: Mapping[str, Sequence[Any]],
    thresholds_L: "NDArray[Any] | None",
) -> str:
    columns = [*ids, *label_names]
    rows = [
        [*(column[number] for column in ids.values()), *(f"{value:.6g}" for value in row)]
        for number, row in enumerate(predicted.tolist())
    ]
    if thresholds_L is not None:
        columns += [f"predicted_{name}" for name in label_names]
        if len(set(columns)) < len(columns):
            raise ValueError("a label or id is called as the 0/1 column of another (predicted_...): take --json")
        labels = (predicted > thresholds_L).astype(int).tolist()
        rows = [[*row, *more] for row, more in zip(rows, labels, strict=True)]
    return csv_text(rows, columns)
