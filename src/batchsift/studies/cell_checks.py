"""Checks of what the document of a cell holds, before it is believed: files may be damaged, or written by others.

Shapes: L labels.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from batchsift.entries import check_keys, described, part, real_number, whole_number
from batchsift.metrics import METRICS
from batchsift.training.recording import QUANTILES, check_number_list, check_numbers, check_scored, read_epochs

_COUNTS = ("num_samples", "num_features", "num_labels", "removed_samples", "num_train", "num_validation", "num_test")
_SECONDS = ("selection_seconds", "recording_seconds", "total_seconds")
_LARGEST = 1000  # of any metric, where there are not more labels
_OF_SUSPECTS = ("sample", "label", "given", "probability", "rank", "score")


def check_head(document: Any, key: str) -> None:
    """Check what every cell has, of one that should be found under a key.

    Raises:
        ValueError: It is something else; the message names the key of the document.
    """
    check_keys(document, ("status", "key", "config"), others=True)
    if document["status"] not in ("done", "failed"):
        raise ValueError(f"status: must be done or failed, got {described(document['status'])}")
    if document["key"] != key:
        raise ValueError(f"key: must be {key}, got {described(document['key'])}")
    with part("config"):
        check_keys(document["config"], (), others=True)


def check_facts(data: Any, names: Sequence[str]) -> None:
    """Check what is said of the data set, which has these entries.

    Raises:
        ValueError: It is something else.
    """
    check_keys(data, names)
    for name in _COUNTS:
        whole_number(data, name)
    for name in ("label_names", "removed_labels", "label_counts"):
        wanted = int if name == "label_counts" else str
        if not isinstance(data[name], list | tuple) or any(type(value) is not wanted for value in data[name]):
            raise ValueError(f"{name}: must be a list, got {described(data[name])}")
    for name in ("label_names", "label_counts"):
        if len(data[name]) != data["num_labels"]:
            raise ValueError(f"{name}: must be {data['num_labels']}, got {len(data[name])}")
    if not isinstance(data["name"], str):
        raise ValueError(f"name: must be a text, got {described(data['name'])}")
    if data["num_train"] + data["num_validation"] < 1:
        raise ValueError("num_train: there was nothing to train on")


def check_result(document: Mapping[str, Any], names: Sequence[str]) -> None:
    """Check what a finished cell has.

    Args:
        document: The document.
        names: The entries of what is said of the data set.

    Raises:
        ValueError: It is something else; the message names the key.
    """
    parts = ("data", "timings", "metrics", "last_metrics", "label_metrics", "draws", "suspects", "epochs", "best_epoch")
    check_keys(document, parts, others=True)
    with part("data"):
        check_facts(document["data"], names)
    num_labels = document["data"]["num_labels"]
    with part("timings"):
        check_keys(document["timings"], _SECONDS, others=True)
        for name in _SECONDS:
            real_number(document["timings"], name, 0)
    for name in ("metrics", "last_metrics"):
        with part(name):
            check_keys(document[name], ("macro_auc",), others=True)
            _check_metrics(document[name], num_labels)
    with part("epochs"):
        check_scored(records := read_epochs(document["epochs"]))
        for record in records:
            with part(f"epoch {record.epoch}: validation"):
                _check_metrics(document["epochs"][record.epoch]["validation"], num_labels)
    whole_number(document, "best_epoch", 0, len(document["epochs"]) - 1)
    with part("label_metrics"):
        check_keys(document["label_metrics"], (), others=True)
        for name, values in document["label_metrics"].items():
            check_number_list(name, values, num_labels)
    with part("draws"):
        check_keys(document["draws"], ("quantiles",), others=True)
        check_number_list("quantiles", document["draws"]["quantiles"], len(QUANTILES))
    with part("suspects"):
        if not isinstance(document["suspects"], list | tuple):
            raise ValueError(f"must be a list, got {described(document['suspects'])}")
        for suspect in document["suspects"]:
            _check_suspect(suspect)


def _check_metrics(values: Any, num_labels: int) -> None:
    """Check metrics by name: numbers that one can be, widely; made-up runs may leave [0, 1] by a little."""
    check_numbers(values)
    most = max(num_labels, _LARGEST)
    for name, value in values.items():
        if name in METRICS and value is not None and not -most <= value <= most:
            raise ValueError(f"{name}: must be from 0 to 1, or a number of labels; got {described(value)}")


def _check_suspect(suspect: Any) -> None:
    is_older = isinstance(suspect, Mapping) and "hardness" in suspect
    check_keys(suspect, ("sample", "label", "hardness") if is_older else _OF_SUSPECTS, others=is_older)
    whole_number(suspect, "sample")
    if not isinstance(suspect["label"], str):
        raise ValueError(f"label: must be a text, got {described(suspect['label'])}")
    check_numbers({name: value for name, value in suspect.items() if name != "label"})
