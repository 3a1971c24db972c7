"""From the files of a named data set to the data set; what is not as published is refused."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from batchsift.data.arff import read_arff
from batchsift.data.catalog import openml
from batchsift.data.catalog.files import FileProgress, Notice, fetch, forget, no_progress, say
from batchsift.data.catalog.table import Entry, entry, openml_id
from batchsift.data.dataset import MultiLabelData, concatenated
from batchsift.data.splits.splitting import PublishedSplit

_CARDINALITY_TOLERANCE = 0.01  # tables round to two or three digits


def load(
    name: str, *, offline: bool | None = None, on_progress: FileProgress = no_progress, notice: Notice = say
) -> MultiLabelData:
    """Load a named data set from the cache, downloading it first if needed.

    Args:
        name: A name of `names()`, in any case; or `openml:<number>` for any multi-label data set of OpenML.
        offline: Refuse to download; None asks the environment variable BATCHSIFT_OFFLINE.
        on_progress: Called with a file's name, the bytes that are there and those expected.
        notice: Takes a line for the user when something is downloaded; stderr by default.

    Raises:
        ValueError: There is no such data set, or what was downloaded is not what was published.
        DownloadError: It cannot be had or stored.
    """
    data_id = openml_id(name)
    if data_id is not None:
        return openml.read(data_id, name=name.strip().lower(), offline=offline, notice=notice)[0]
    found = entry(name)
    if found.openml is not None:
        data, num_attributes = openml.read(found.openml, name=found.name, offline=offline, notice=notice)
        check_facts(found, data, num_features=num_attributes)
        return data
    places = fetch(found, offline=offline, on_progress=on_progress, notice=notice)
    return _checked(found, [places[part] for part in found.parts])[0]


def published_split(name: str, *, offline: bool | None = None) -> PublishedSplit:
    """Return the division of a named data set into training and test samples that its source publishes.

    Args:
        name: A name of `names()`, in any case.
        offline: Refuse to download; None asks the environment variable BATCHSIFT_OFFLINE.

    Raises:
        ValueError: There is no such data set or division, or what was downloaded is not what was published.
        DownloadError: It cannot be had or stored.
    """
    found = entry(name)
    if not found.has_published_split:
        raise ValueError(f"{found.name} has no published split; divide it with folds, holdout or train_validation_test")
    places = fetch(found, parts=("train", "test"), offline=offline)
    data, num_train = _checked(found, [places["train"], places["test"]])
    return PublishedSplit.divided_at(num_train, data)


def check_facts(entry: Entry, data: MultiLabelData, *, num_features: int) -> None:
    """Refuse a data set whose counts are not those of the catalogue.

    Raises:
        ValueError: With what arrived and what was published.

    Warns:
        UserWarning: Another cardinality: published tables differ in it where counts agree.
    """
    published = (entry.samples, entry.columns or entry.features, entry.labels)
    arrived = (data.num_samples, num_features, data.num_labels)
    if arrived != published:
        raise ValueError(
            f"{entry.name} as it came from {entry.source} has {' x '.join(map(str, arrived))} samples, features and "
            f"labels; {' x '.join(map(str, published))} were expected ({entry.facts}). It is not used: the source has "
            "changed"
        )
    card = entry.cardinality
    if card is not None and abs(data.cardinality - card) > _CARDINALITY_TOLERANCE:
        warnings.warn(
            f"{entry.name} has a cardinality of {data.cardinality:.3f}; published is {card:.3f} ({entry.facts})",
            UserWarning,
            stacklevel=2,
        )


def _checked(entry: Entry, paths: Sequence[Path]) -> tuple[MultiLabelData, int]:
    """Return all samples of the parts, and how many the first has; forget what was taken on trust and is wrong."""
    try:
        if ".svm" in paths[0].suffixes:
            parts = read_svmlight(paths, num_features=entry.features)
        else:
            parts = [read_arff(path) for path in paths]
        data = concatenated(parts, name=entry.name)
        check_facts(entry, data, num_features=data.num_features)
    except ValueError:
        forget(entry)
        raise
    return data, parts[0].num_samples


def read_svmlight(paths: Sequence[Path], *, num_features: int) -> list[MultiLabelData]:
    """Read the parts of a data set in LIBSVM's multi-label format: `label,label,... feature:value ...`.

    Args:
        paths: Plain, or compressed (.gz, .bz2).
        num_features: D; features are counted from 1, and the format leaves out what is zero.

    Returns:
        The parts, sparse; their labels are those that occur in any of them, by number.

    Raises:
        ValueError: Something else, or a feature beyond `num_features`.
    """
    from sklearn.datasets import load_svmlight_file  # noqa: PLC0415 (slow to import)

    parts = []
    for path in paths:
        try:
            parts.append(load_svmlight_file(path, n_features=num_features, multilabel=True, zero_based=False))
        except (ValueError, EOFError, OSError) as error:
            raise ValueError(f"{path} is not in LIBSVM's multi-label format: {error}") from error
    numbers = sorted({number for _, label_lists in parts for labels in label_lists for number in labels})
    return [
        MultiLabelData(
            features=features,
            labels=np.array([np.isin(numbers, labels) for labels in label_lists]),
            feature_names=tuple(f"feature{number}" for number in range(1, num_features + 1)),
            label_names=tuple(f"label{number:g}" for number in numbers),
            name=path.name.partition(".")[0],
        )
        for path, (features, label_lists) in zip(paths, parts, strict=True)
    ]
