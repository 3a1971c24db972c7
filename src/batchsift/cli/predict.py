"""`batchsift predict`: what a trained model says of other samples."""

import csv
import io
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from numpy.typing import NDArray

from batchsift.cli.endings import mistakes_explained, plain_endings
from batchsift.cli.source import Delimiter, Drop, LabelColumn, LabelColumns, Labels, Reading
from batchsift.data.matching import matching_features
from batchsift.data.tables import read_frame
from batchsift.experiments.store import write
from batchsift.experiments.trained import TrainedModel
from batchsift.experiments.training import MODEL

TABLES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")


def predict_labels(  # noqa: PLR0917 (typer makes options of them)
    run: Annotated[Path, typer.Argument(help="The folder of 'batchsift train'.", show_default=False)],
    data: Annotated[
        str, typer.Argument(help="A file like that of the training; a table needs no labels.", show_default=False)
    ],
    labels: Labels = None,
    label_columns: LabelColumns = None,
    label_column: LabelColumn = None,
    delimiter: Delimiter = None,
    drop: Drop = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="Print 1 for probabilities above this, else 0, instead of them.", show_default=False),
    ] = None,
    device: Annotated[str, typer.Option(help="Where to compute: cpu, cuda, ...")] = "cpu",
    out: Annotated[
        Path | None, typer.Option(help="A .csv file; standard output by default.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Predict the probability of every label for every sample: a CSV with one column a label."""
    with plain_endings("interrupted; nothing was written"), mistakes_explained():
        if threshold is not None and not 0 <= threshold < 1:
            raise ValueError(f"--threshold must be in [0, 1), got {threshold}")
        _check_out(out, data, run)
        model = TrainedModel.load(run / MODEL if run.is_dir() or not run.suffix else run)
        if data.lower().endswith(TABLES):
            features: Any = matching_features(read_frame(data), model.feature_names)
        else:
            source = Reading(labels, label_columns, label_column, delimiter, drop).load(data)
            features = model.aligned(source)
        probs_NL = model.predict(features, device)
        predicted = probs_NL if threshold is None else (probs_NL > threshold).astype(int)
        if as_json:
            document = {"labels": model.label_names, "predictions": predicted.tolist()}
            text = json.dumps(document, ensure_ascii=False) + "\n"
        else:
            text = _csv(model.label_names, predicted)
        if out is None:
            sys.stdout.write(text)
        else:
            write(out.parent, {out.name: text.encode()})
            sys.stderr.write(f"{out}: predictions for {len(predicted)} x {len(model.label_names)} (samples x labels)\n")


def _check_out(out: Path | None, data: str, run: Path) -> None:
    """What predictions are made from, and with, is not written over."""
    if out is None or not out.exists():
        return
    if out.resolve() == Path(data).resolve() or run.resolve() in (out.resolve(), out.resolve().parent):
        raise ValueError(f"--out {out} would overwrite what the predictions are made from; name another file")


def _csv(label_names: tuple[str, ...], predicted: NDArray[Any]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(label_names)
    writer.writerows([f"{value:.6g}" for value in row] for row in predicted.tolist())
    return text.getvalue()
