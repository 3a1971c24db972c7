"""Divisions into training and test samples that come with the data."""

import os
import re
from inspect import signature
from pathlib import Path
from typing import Any

from batchsift.data.dataset import concatenated
from batchsift.data.splits.splitting import PublishedSplit

_PART = re.compile(r"(?P<before>.*[-_])(train|test)(?P<after>(\.[^.]+)+)")


def published_split(source: str | os.PathLike[str], *, offline: bool | None = None, **options: Any) -> PublishedSplit:
    """Return the fixed split of a named data set, or of two files such as `birds-train.arff` and `birds-test.arff`.

    Args:
        source: A name in the catalogue, the path of either file, or that of a `.mat` file with both parts.
        offline: Refuse to download; None asks the environment variable BATCHSIFT_OFFLINE.
        options: Options of `load`, which reads files.

    Raises:
        ValueError: The data set has no published split, or the file's name has neither -train nor -test before its
            ending.
        FileNotFoundError: One of the files is not there.
        OSError: A download failed.
    """
    from batchsift.data import catalog  # noqa: PLC0415 (only names need it)
    from batchsift.data.loading import load_features  # noqa: PLC0415
    from batchsift.data.readers.mat import read_parts  # noqa: PLC0415

    if isinstance(source, str) and catalog.known(source):
        return catalog.published_split(source, offline=offline)
    path = Path(source)
    if path.suffix.lower() == ".mat" and set(options) <= set(signature(read_parts).parameters):
        parts = read_parts(path, **options)
        if len(parts) > 1:
            return PublishedSplit.divided_at(parts[0].num_samples, concatenated(parts))
    match = _PART.fullmatch(path.name)
    if match is None:
        raise ValueError(
            f"{path} is neither a name in the catalogue nor a file whose name ends in -train or -test; divide the data "
            "with folds, holdout or train_validation_test"
        )
    train, test = (
        load_features(path.with_name(f"{match['before']}{part}{match['after']}"), offline=offline, **options)
        for part in ("train", "test")
    )
    data = concatenated([train, test], name=match["before"].rstrip("-_"))
    return PublishedSplit.divided_at(train.num_samples, data)
