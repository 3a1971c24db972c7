"""Sources: where the data of a cell come from, whichever process runs it."""

import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from batchsift.data import ImageData, MultiLabelData, concatenated
from batchsift.data.loading import load_decodable
from batchsift.studies.config import CellConfig
from batchsift.training.picture_model import pictures_of
from batchsift.training.pictures import takes_pictures
from batchsift.training.prepare import Prepared, prepare, warn_of_single_batch
from batchsift.training.provenance import fingerprint
from batchsift.training.settings import Settings

# Settings that filters and splits do not look at: cells that differ in them alone share what was prepared.
_TRAINING_ONLY = (
    "epochs",
    "batch_size",
    "learning_rate",
    "weight_decay",
    "warmup_share",
    "decay_share",
    "loss",
    "scaling",
    "center_sparse",
    "drawing",
    "device",
    "threads",
    "pictures",
)


class Source(Protocol):
    """Makes data ready for a cell, in whichever process it runs."""

    def prepare(self, config: CellConfig) -> Prepared:
        """Return the data of that cell, filtered and split."""

    def in_memory(self) -> "Source":
        """Return a source of the same data that needs no file: for machines that do not have it."""


@dataclass(frozen=True, eq=False)
class GivenSource:
    """Data in memory that were prepared before.

    Args:
        given: The prepared data, the same for all cells; trained with the settings of each.
    """

    given: Prepared

    def prepare(self, config: CellConfig) -> Prepared:
        """Return the given data, with the settings of that cell."""
        return replace(self.given, settings=config.training)

    def in_memory(self) -> Source:
        """Return this source."""
        return self


class UnpreparedSource(ABC):
    """Data that are filtered and split where a cell needs them: once a process, for equal sources hold equal data."""

    @abstractmethod
    def load(self) -> MultiLabelData | ImageData:
        """Load the data set."""

    def in_memory(self) -> Source:
        """Load the data set, and return a source of it that needs no file."""
        return MemorySource(self.load())

    def prepare(self, config: CellConfig) -> Prepared:
        """Return the data of that cell, filtered and split.

        Raises:
            OSError: A file cannot be read any more.
            ValueError: Its content has changed, or cannot go through the protocol.
        """
        data_settings = {k: v for k, v in vars(config.training).items() if k not in _TRAINING_ONLY}
        settings = Settings(**data_settings)
        filtered = _prepared(self, config.data_fingerprint, settings, config.seed, takes_pictures(config.model))
        ready = replace(filtered, settings=config.training)
        warn_of_single_batch(ready)
        return ready


@dataclass(frozen=True, eq=False)
class MemorySource(UnpreparedSource):
    """A data set in memory, equal to no other.

    Args:
        data: The data set.
    """

    data: MultiLabelData | ImageData

    def load(self) -> MultiLabelData | ImageData:
        """Return the data set."""
        return self.data


@dataclass(frozen=True)
class FileSource(UnpreparedSource):
    """A named data set, or files.

    Args:
        places: A name, or one or more paths to be put together.
        name: The name of the data set in the study; its own name if None.
        options: Keywords of `batchsift.data.load` and their values.
    """

    places: tuple[str, ...]
    name: str | None = None
    options: tuple[tuple[str, Any], ...] = ()

    def load(self) -> MultiLabelData | ImageData:
        """Load the data set.

        Raises:
            OSError: A file cannot be read.
            ValueError: Its content is wrong.
        """
        options: dict[str, Any] = {k: list(v) if isinstance(v, tuple) else v for k, v in self.options}
        parts = [load_decodable(place, **options) for place in self.places]
        whole = parts[0]
        if len(parts) > 1:
            if any(isinstance(part, ImageData) for part in parts):
                raise ValueError(f"{', '.join(self.places)}: pictures are not put together; put them into one folder")
            whole = concatenated([part for part in parts if isinstance(part, MultiLabelData)])
        return replace(whole, name=self.name) if self.name else whole


def source_of(
    places: Sequence[str], folder: Path, *, name: str | None = None, options: dict[str, Any] | None = None
) -> FileSource:
    """Return the source that an entry of a study file describes.

    Args:
        places: A name, or paths relative to the folder.
        folder: The folder of the study file.
        name: The name to give the data set.
        options: Keywords of `batchsift.data.load`; a `labels_file` and `images` are relative to the folder too.
    """
    paths = tuple(str(folder / place) if _is_path(place, folder) else place for place in places)
    plain: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in (options or {}).items()
    }
    for option in ("labels_file", "images"):
        if option in plain:
            plain[option] = str(folder / plain[option])
    return FileSource(paths, name, tuple(sorted(plain.items())))


def _is_path(place: str, folder: Path) -> bool:
    return bool(Path(place).suffix) or os.sep in place or "/" in place or (folder / place).exists()


@lru_cache(maxsize=2)
def _loaded(source: UnpreparedSource, expected: str) -> MultiLabelData | ImageData:
    data = source.load()
    if fingerprint(data) != expected:
        raise ValueError(f"{data.name} is not what it was when the study was started: its content has changed")
    return data


@lru_cache(maxsize=4)
def _prepared(
    source: UnpreparedSource,
    expected: str,
    settings: Settings,
    seed: int,
    pictures: bool,
) -> Prepared:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the batch size, which is said for each cell
        data = _loaded(source, expected)
        return prepare(pictures_of(data) if pictures else data, settings, seed=seed)
