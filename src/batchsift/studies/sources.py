"""Where the data of a cell come from."""

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from batchsift.data import MultiLabelData, concatenated, load
from batchsift.studies.record import CellConfig
from batchsift.training.prepare import Prepared, prepare, warn_of_single_batch
from batchsift.training.provenance import fingerprint
from batchsift.training.settings import Settings

# Settings that filters and splits do not look at: cells that differ in them alone share what was prepared.
_OF_TRAINING = (
    "epochs",
    "batch_size",
    "learning_rate",
    "weight_decay",
    "warmup_share",
    "decay_share",
    "device",
    "threads",
)


class Source(Protocol):
    """Makes data ready for a cell, in whichever process it runs."""

    def prepared(self, config: CellConfig) -> Prepared:
        """The data of that cell, filtered and split."""


@dataclass(frozen=True, eq=False)
class GivenSource:
    """Data that were prepared before.

    Args:
        given: For all cells.
    """

    given: Prepared

    def prepared(self, config: CellConfig) -> Prepared:
        """What was given."""
        return self.given


@dataclass(frozen=True)
class FileSource:
    """A data set of a name, or files; loaded again where a cell needs it, once a process.

    Args:
        places: A name, or one or more paths to be put together.
        name: What the data set is called; its own name if None.
        options: Keywords of `batchsift.data.load` and their values.
    """

    places: tuple[str, ...]
    name: str | None = None
    options: tuple[tuple[str, Any], ...] = ()

    def load(self) -> MultiLabelData:
        """The data set.

        Raises:
            OSError: where a file cannot be read.
            ValueError: for what is wrong with its content.
        """
        options: dict[str, Any] = {k: list(v) if isinstance(v, tuple) else v for k, v in self.options}
        parts = [load(place, **options) for place in self.places]
        whole = concatenated(parts) if len(parts) > 1 else parts[0]
        return replace(whole, name=self.name) if self.name else whole

    def prepared(self, config: CellConfig) -> Prepared:
        """The data of that cell, filtered and split.

        Raises:
            OSError: where a file cannot be read any more.
            ValueError: where its content has changed, or cannot go through the protocol.
        """
        of_data = {k: v for k, v in vars(config.training).items() if k not in _OF_TRAINING}
        settings = Settings(**of_data)
        ready = replace(_prepared(self, config.data_fingerprint, settings, config.seed), settings=config.training)
        warn_of_single_batch(ready)
        return ready


def source_of(
    places: Sequence[str], folder: Path, *, name: str | None = None, options: dict[str, Any] | None = None
) -> FileSource:
    """A source as it is written down.

    Args:
        places: A name, or paths relative to the folder.
        folder: Of the file they are written in.
        name: What to call the data set.
        options: Keywords of `batchsift.data.load`.
    """
    found = tuple(str(folder / place) if _is_path(place, folder) else place for place in places)
    plain = {key: tuple(value) if isinstance(value, list) else value for key, value in (options or {}).items()}
    return FileSource(found, name, tuple(sorted(plain.items())))


def _is_path(place: str, folder: Path) -> bool:
    return bool(Path(place).suffix) or os.sep in place or "/" in place or (folder / place).exists()


@lru_cache(maxsize=2)
def _loaded(source: FileSource, expected: str) -> MultiLabelData:
    data = source.load()
    if fingerprint(data) != expected:
        raise ValueError(f"{data.name} is not what it was when the study was started: its content has changed")
    return data


@lru_cache(maxsize=4)
def _prepared(source: FileSource, expected: str, settings: Settings, seed: int) -> Prepared:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the batch size, which is said for each cell
        return prepare(_loaded(source, expected), settings, seed=seed)
