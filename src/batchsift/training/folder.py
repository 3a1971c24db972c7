"""The folder a training run for use leaves.

checkpoint.pt   while training lasts: everything needed to go on exactly; gone when it is over
model.pt        the model with the weights of the best epoch (`TrainedModel.load`)
selector.pt     what the selector knows at the end (`Selector.load_state_dict`)
training.json   configuration, metrics, versions, timings; written last
epochs.csv      one row an epoch
suspects.csv    the labels that are most likely wrong
search/         the scores of trials, where settings were searched
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from batchsift.data import ImageData, MultiLabelData
from batchsift.entries import check_keys, part, whole_number
from batchsift.files import csv_text, json_text, make_jsonable, write
from batchsift.selection.selector import Selector
from batchsift.training.checkpoint import read_config
from batchsift.training.configuration import check_same_run, warn_of_versions
from batchsift.training.contents import content_of
from batchsift.training.found import Found
from batchsift.training.loop import read_records
from batchsift.training.model import SUMMARY, SUSPECTS, TrainedModel
from batchsift.training.provenance import fingerprint, versions
from batchsift.training.recording import EpochRecord, Suspect, check_numbers, check_scored, read_epochs
from batchsift.training.tensor_files import load_tensors, save_tensors

_KEYS_OF_SUMMARY = ("config", "best_epoch", "epochs", "validation", "test", "versions")  # others may be younger
MODEL, SELECTOR, CHECKPOINT = "model.pt", "selector.pt", "checkpoint.pt"


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """What a training run ends with.

    Attributes:
        folder: The folder its files lie in.
        model: The model with the weights of the best epoch.
        epochs: The records of the epochs.
        best_epoch: The first epoch with the highest validation Macro-AUC.
        validation: Metrics of that epoch on the validation part; none of thresholds, which were chosen there.
        test: Metrics on the test data, if there were any, the F1s at the chosen thresholds among them.
        resumed_from: The epoch this call began with; the number of epochs if there was nothing left to do.
    """

    folder: Path
    model: TrainedModel
    epochs: tuple[EpochRecord, ...]
    best_epoch: int
    validation: Mapping[str, float]
    test: Mapping[str, float] | None
    resumed_from: int


def load_model(run: str | os.PathLike[str]) -> TrainedModel:
    """Load the model that a training run left.

    Args:
        run: The folder of the run, or a `model.pt` by itself.

    Raises:
        FileNotFoundError: Where there is no such folder or file.
        ValueError: Where the run is not finished, or the file is damaged or of another kind or version.
    """
    path = path_of_model(run)
    folder = path.parent if path.name == MODEL else None
    if folder is None or (folder / SUMMARY).is_file():
        if folder is not None:
            _check_own_model(path, read_summary(folder))
        return replace(TrainedModel.load(path), folder=folder)
    if (folder / CHECKPOINT).is_file():
        checkpoint = load_tensors(folder / CHECKPOINT)
        with content_of(folder / CHECKPOINT, "remove it to train from the beginning"):
            check_keys(checkpoint, ("epochs",), others=True)
            done, config = len(read_records(checkpoint)), read_config(checkpoint)
        raise ValueError(
            f"the training in {folder} is not finished ({done} of {config['training']['epochs']} epochs): train again "
            "with the same settings and the same folder, and it goes on from there"
        )
    return TrainedModel.load(path)


def path_of_model(run: str | os.PathLike[str]) -> Path:
    """Return the file of a model: of a run by its folder, or of a model by itself.

    >>> path_of_model("runs/toys").as_posix(), path_of_model("toys.pt").as_posix()
    ('runs/toys/model.pt', 'toys.pt')
    """
    path = Path(run)
    return path / MODEL if path.is_dir() or not path.suffix else path


def read_summary(folder: Path) -> dict[str, Any]:
    """Return what the training in a folder wrote down.

    Raises:
        ValueError: The file is damaged.
    """
    path = folder / SUMMARY
    try:
        summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not a JSON document: {error}; remove it to train again") from error
    with content_of(path, "remove it to train again"):
        check_keys(summary, _KEYS_OF_SUMMARY, others=True)
        for key in ("config", "versions"):
            with part(key):
                check_keys(summary[key], (), others=True)
        with part("epochs"):
            epochs = read_epochs(summary["epochs"])
            if not epochs:
                raise ValueError("must be at least one")
            check_scored(epochs)
        whole_number(summary, "best_epoch", 0, len(epochs) - 1)
        for key in ("validation", "test"):
            with part(key):
                check_numbers({} if key == "test" and summary[key] is None else summary[key])
    return summary


def read_result(
    folder: Path, identity: Mapping[str, Any], tested_on: Mapping[str, Any] | None = None
) -> TrainingResult | None:
    """Return what the folder holds of a finished run; None if it holds none.

    Args:
        folder: The folder; it may be missing.
        identity: The identity of the run, see `Configuration.identity`.
        tested_on: The identity of the test data, see `identity_of`; None for none. The result has scores on these or
            none.

    Raises:
        ValueError: Where the folder holds another run, or the model of another one.
    """
    if not (folder / SUMMARY).is_file():
        return None
    summary = read_summary(folder)
    check_same_run(folder, summary["config"], identity)
    warn_of_versions(folder, summary["versions"])
    epochs = tuple(read_epochs(summary["epochs"]))
    return TrainingResult(
        folder=folder,
        model=load_model(folder),
        epochs=epochs,
        best_epoch=summary["best_epoch"],
        validation=summary["validation"],
        test=summary["test"] if tested_on is not None and summary.get("tested_on") == tested_on else None,
        resumed_from=len(epochs),
    )


def identity_of(data: MultiLabelData | ImageData) -> dict[str, str]:
    """Return what tells test data from others, as JSON can hold it."""
    return {"data": data.name, "data_fingerprint": fingerprint(data)}


def write_test(folder: Path, scores: Mapping[str, float], tested_on: Mapping[str, Any]) -> None:
    """Write the scores of a finished run on other test data into its summary.

    Args:
        folder: The folder of the run.
        scores: The metrics.
        tested_on: The identity of the data.

    Raises:
        OSError: Where the folder cannot be written.
    """
    summary = {**read_summary(folder), "test": scores, "tested_on": tested_on}
    write(folder, {SUMMARY: json_text(make_jsonable(summary)).encode()})


def _check_own_model(path: Path, summary: Mapping[str, Any]) -> None:
    """Check that a model is the one that the training beside it left.

    Raises:
        ValueError: It is another one.
    """
    if path.is_file() and summary.get("model_sha256", _hash_of(path)) != _hash_of(path):
        raise ValueError(
            f"{path} is not the model that the training beside it left: it is damaged, or was put there from another "
            f"run. Remove {path.parent / SUMMARY} to train again, or load a copy of the file from a folder of its own"
        )


def _hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_result(
    result: TrainingResult,
    identity: Mapping[str, Any],
    *,
    selector: Selector,
    suspects: Sequence[Suspect],
    found: Found,
    tested_on: Mapping[str, Any] | None,
    num_train: int,
    num_validation: int,
    seconds: float,
) -> None:
    """Write the files of a finished run, the summary last.

    Args:
        result: The result, which names the folder.
        identity: The identity of the run, see `Configuration.identity`.
        selector: The selector at the end of training.
        suspects: The suspects, the worst first.
        found: What a search chose of the settings.
        tested_on: The identity of the test data, if there were any.
        num_train: The number of samples that were trained on.
        num_validation: The number of samples of the validation part.
        seconds: The seconds all epochs took, those before an interruption included.

    Raises:
        OSError: Where the folder cannot be written.
    """
    folder = result.folder
    result.model.save(folder / MODEL)
    save_tensors(folder / SELECTOR, selector.state_dict())
    tables = {
        "epochs.csv": [_row(record) for record in result.epochs],
        SUSPECTS: [asdict(one) for one in suspects],
    }
    for name in [name for name, rows in tables.items() if not rows]:
        (folder / name).unlink(missing_ok=True)  # of another run that was killed before its end
    write(folder, {name: _csv(rows).encode() for name, rows in tables.items() if rows})
    chosen_L = result.model.thresholds_L
    summary = {
        "config": identity,
        "search": found.document() if found else None,
        "best_epoch": result.best_epoch,
        "epochs": [record.document() for record in result.epochs],
        "validation": result.validation,
        "test": result.test,
        "tested_on": tested_on,
        "model_sha256": _hash_of(folder / MODEL),
        "thresholds": None if chosen_L is None else dict(zip(result.model.label_names, chosen_L.tolist(), strict=True)),
        "num_train": num_train,
        "num_validation": num_validation,
        "seconds": seconds,
        "versions": versions(),
    }
    write(folder, {SUMMARY: json_text(make_jsonable(summary)).encode()})


def _row(record: EpochRecord) -> dict[str, float]:
    return {
        "epoch": record.epoch,
        "learning_rate": record.learning_rate,
        "loss": record.loss,
        **{key: value for key, value in record.summary.items() if key != "epoch"},
        **{f"validation_{key}": value for key, value in record.validation.items()},
    }


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    return csv_text([list(row.values()) for row in rows], list(rows[0]))
