"""Trying one case: it must be refused clearly, or loaded and valid.

    python -m tests.fuzz.trying FOLDER

reads lines `reader seed changes` and answers each with a line of JSON, so that what ends this process, or takes too
long, is known by the answer that is missing.
"""

import faulthandler
import json
import os
import resource
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from batchsift.data import MultiLabelData, from_arrays, from_frame, from_hf, load
from batchsift.data.images import ImageData

from . import cases

MEMORY_BYTES = 3 << 30  # beside what the process has at its start
MOST_BYTES = "100000000"  # BATCHSIFT_MAX_BYTES
LONGEST_MESSAGE = 20_000


class ImpossibleError(Exception):
    """There can be no such case."""


class InvalidError(Exception):
    """Data were loaded that no data set may be."""


def attempt(reader: str, seed: int, folder: Path, changes: int | None = None) -> tuple[str, str]:
    """Return what becomes of a case: "loaded", "refused" or "failed", and how."""
    case = cases.make(reader, Random(f"{reader} {seed}"), changes)
    for name, content in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            check_valid(_loaded(case, folder))
    except (ValueError, FileNotFoundError, TypeError) as error:
        return _refused(error, str(folder) if case.files else "")
    except ImpossibleError:
        return "refused", "not made"
    except BaseException as error:
        return "failed", _told(error)
    foreign = [warning for warning in caught if warning.category is not UserWarning and not _is_ours(warning.category)]
    return ("failed", f"{foreign[0].category.__name__}: {foreign[0].message}") if foreign else ("loaded", "")


def _loaded(case: cases.Case, folder: Path) -> Any:
    if case.how == "arrays":
        return from_arrays(**case.table)
    if case.how == "hf":
        return _from_hf(**case.table)
    if case.table is not None:
        return from_frame(case.table, **case.options)
    places = {key: folder / case.options[key] for key in ("labels_file", "images") if key in case.options}
    return load(folder / case.source, **{**case.options, **places})


def _from_hf(rows: dict[str, Any], kinds: dict[str, Any], options: dict[str, Any]) -> Any:
    import datasets

    def kind(name: str) -> Any:
        said = kinds[name]
        if isinstance(said, list):
            return datasets.ClassLabel(names=said)
        if isinstance(said, int):
            return datasets.List(datasets.Value("float32"), length=said)
        if said == "classes":
            return datasets.List(datasets.ClassLabel(names=["a", "b"]))
        return datasets.List(datasets.Value("string")) if said == "list" else datasets.Value(said or "string")

    try:
        data = datasets.Dataset.from_dict(rows, features=datasets.Features({name: kind(name) for name in rows}))
    except Exception as error:  # the data set itself cannot be
        raise ImpossibleError from error
    return from_hf(data, **options)


def check_valid(data: Any) -> None:
    """Check that a data set is one, whatever it was read from.

    Raises:
        InvalidError: It is not.
    """
    labels, names = data.labels, data.label_names
    _check(isinstance(data, (MultiLabelData, ImageData)), type(data))
    _check(labels.ndim == 2 and labels.size > 0 and labels.dtype in (np.uint8, np.float32), labels.shape, labels.dtype)
    _check(bool(((labels == 0) | (labels == 1) | np.isnan(labels)).all()), labels)
    _check_names(names, labels.shape[1])
    _check(isinstance(data.name, str), data.name)
    if isinstance(data, ImageData):
        _check(len(data.pictures) == len(labels), len(data.pictures))
        _check(all(Path(data.pictures.name_of(row)).is_file() for row in range(len(labels))))
        return
    features = data.features
    _check(
        features.ndim == 2 and 0 not in features.shape and features.dtype == np.float64, features.shape, features.dtype
    )
    _check(len(features) == len(labels) if isinstance(features, np.ndarray) else features.shape[0] == len(labels))
    _check(not np.isinf(features if isinstance(features, np.ndarray) else features.data).any(), "infinite")
    _check_names(data.feature_names, features.shape[1])
    if not isinstance(features, np.ndarray):
        indices = features.indices
        _check(len(indices) == 0 or 0 <= indices.min() <= indices.max() < features.shape[1], "indices")


def _check_names(names: Any, count: int) -> None:
    _check(isinstance(names, tuple) and len(names) == len(set(names)) == count, names)
    _check(all(type(name) is str for name in names), names)


def _check(is_so: bool, *told: Any) -> None:
    if not is_so:
        raise InvalidError(" ".join(map(str, told)))


def _refused(error: Exception, place: str) -> tuple[str, str]:
    message = str(error)
    # Errors of other libraries that are a kind of ValueError are no refusals of ours.
    is_clear = type(error) in (ValueError, FileNotFoundError, TypeError) or _is_ours(type(error))
    if not is_clear or not message or len(message) > LONGEST_MESSAGE or _is_foreign(error):
        return "failed", _told(error)
    if place and place not in message and not any(name in message for name in ("t.", "x.csv", "y.", "labels.csv")):
        return "failed", f"a message without the file: {_told(error)}"
    return "refused", message.replace(place, "") if place else message


def _is_ours(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "batchsift"


def _is_foreign(error: Exception) -> bool:
    """Return whether an error was raised outside this package, and came out as it was."""
    frames = traceback.extract_tb(error.__traceback__)
    return "batchsift" not in frames[-1].filename.replace("/tests/", "")


def _told(error: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "batchsift" in frame.filename]
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return f"{type(error).__name__} at {where}: {str(error)[:300]}"


def main() -> None:
    """Answer each line of standard input."""
    faulthandler.enable()
    os.environ["BATCHSIFT_MAX_BYTES"] = MOST_BYTES
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_BYTES, resource.RLIM_INFINITY))
    for line in sys.stdin:
        reader, seed, changes = line.split()
        with tempfile.TemporaryDirectory(dir=sys.argv[1]) as folder:
            answer = attempt(reader, int(seed), Path(folder), None if changes == "-" else int(changes))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
