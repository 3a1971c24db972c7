"""Loading a data set from whatever names or holds it: a name, a file or a frame."""

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from batchsift.data.dataset import MultiLabelData
from batchsift.data.digits import digits
from batchsift.data.readers import readers
from batchsift.messages import did_you_mean

_EMBEDDED: Mapping[str, Callable[[], MultiLabelData]] = {"digits": digits}


def load(
    source: Any,
    labels: int | None = None,
    *,
    label_columns: str | Sequence[str] | None = None,
    label_column: str | None = None,
    delimiter: str | None = None,
    drop: str | Sequence[str] | None = None,
    dates: str | None = None,
    offline: bool | None = None,
) -> MultiLabelData:
    """Load a data set by its name, from a file or from a data frame.

    Args:
        source: "digits", the embedded set; a name from the catalogue, or `openml:<number>`, which is
            downloaded unless it is in the cache; a path with an ending that one of the `readers` knows, or of a folder
            of Parquet files; a pandas data frame, or a table of Arrow or polars.
        labels: How many of the last columns are labels.
        label_columns: Which columns are labels: names or patterns such as `"y_*"`, in a list or separated by commas.
        label_column: The one column that holds all labels of a sample as delimited tags.
        delimiter: What parts the tags of `label_column`; by default the one of `|`, `;` and `,` that occurs.
        drop: Columns to leave out, by names or patterns.
        dates: What becomes of columns of dates in tables: `"features"` (by default), `"drop"`, or, for dates such as
            03/04/2021, `"day-first"` or `"month-first"`.
        offline: Refuse to download; None asks the environment variable BATCHSIFT_OFFLINE.

    Raises:
        FileNotFoundError: The file is not there.
        TypeError: `source` is a matrix or a Hugging Face data set, for which there are `from_arrays` and `from_hf`.
        OSError: A download failed or is refused; `batchsift.data.catalog.download.DownloadError` says why.
        ValueError: `source` is neither a known name nor a file of a known kind, an option does not go with it, or its
            content is wrong.
    """
    given = {
        "labels": labels,
        "label_columns": label_columns,
        "label_column": label_column,
        "delimiter": delimiter,
        "drop": drop,
        "dates": dates,
    }
    options: dict[str, Any] = {option: value for option, value in given.items() if value is not None}
    if hasattr(source, "iloc") or (hasattr(source, "to_pandas") and not hasattr(source, "select_columns")):
        from batchsift.data.readers.frames import from_frame  # noqa: PLC0415 (pandas)

        return from_frame(source, **options)
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(_no_source(source))
    source = os.fspath(source)
    if source in _EMBEDDED:
        _refuse(options, (), f"{source!r}, which knows its labels")
        return _EMBEDDED[source]()
    for ending, reader in readers().items():
        if source.lower().endswith(ending):
            return _read_file(source, *reader, options)
    catalog = import_module("batchsift.data.catalog")
    if catalog.known(source):
        _refuse(options, (), f"{source!r}, which knows its labels")
        named: MultiLabelData = catalog.load(source, offline=offline)
        return named
    if _is_folder_of_parquet(source):
        return _read_file(source, *readers()[".parquet"], options)
    raise ValueError(_unknown(source, catalog.names()))


def _read_file(source: str, module: str, function: str, options: Mapping[str, Any]) -> MultiLabelData:
    if not Path(source).is_file() and not _is_folder_of_parquet(source):
        raise FileNotFoundError(f"there is no file {source}")
    read = getattr(import_module(module), function)
    # What a reader takes beside the path are the options that go with its files.
    _refuse(options, list(inspect.signature(read).parameters)[1:], Path(source).name)
    try:
        data: MultiLabelData = read(source, **options)
    except ValueError as error:
        if source in str(error) or Path(source).name in str(error):
            raise
        raise ValueError(f"{source}: {error}") from error
    return data


def _refuse(options: Mapping[str, Any], allowed: Sequence[str], source: str) -> None:
    unwelcome = [f"{option}={value!r}" for option, value in options.items() if option not in allowed]
    if unwelcome:
        instead = f"; what goes with it: {', '.join(f'{option}=' for option in allowed)}" if allowed else ""
        raise ValueError(f"{' and '.join(unwelcome)} came with {source}; leave it out{instead}")


def _is_folder_of_parquet(source: str) -> bool:
    folder = Path(source)  # of an empty name it is the working directory, which nobody means
    if not source or not folder.is_dir():
        return False
    return any(folder.glob("*.parquet")) or any(folder.glob("*/*.parquet"))


def _no_source(source: Any) -> str:
    kind, parts = type(source).__name__, source.values() if isinstance(source, Mapping) else [source]
    if any(hasattr(part, "select_columns") for part in parts):
        return f"cannot load a {kind}; use from_hf(dataset, features=..., labels=...), with one split"
    if hasattr(source, "shape") or isinstance(source, (tuple, list)):
        return f"cannot load a {kind}; matrices in memory go to from_arrays(X, y, ...)"
    return f"cannot load a {kind}; expected a name, a path or a pandas data frame"


def _unknown(source: str, names: Sequence[str]) -> str:
    hint = did_you_mean(source, (*_EMBEDDED, *names))
    return (
        f"cannot load {source!r}: expected 'digits', one of the {len(names)} names that `batchsift datasets` lists, or "
        f"a path ending in {', '.join(readers())}{hint and f'; {hint}'}"
    )
