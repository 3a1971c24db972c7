"""Loading a data set from whatever names or holds it: a name, a file, a folder or a frame."""

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from batchsift.data.dataset import MultiLabelData
from batchsift.data.digits import digits
from batchsift.data.images.dataset import ImageData, check_no_pictures
from batchsift.data.packed import check_unpacked, inner_name
from batchsift.data.readers import Reader, readers
from batchsift.data.readers.text import kind_of
from batchsift.files import PACKED
from batchsift.messages import did_you_mean

_EMBEDDED: Mapping[str, Callable[[], MultiLabelData]] = {"digits": digits}
# A table that one of these options comes with names pictures.
_OF_PICTURES = ("images", "file_column", "uncertain", "blanks", "broken")


def load(
    source: Any,
    labels: int | None = None,
    *,
    label_columns: str | Sequence[str] | None = None,
    label_column: str | None = None,
    delimiter: str | None = None,
    drop: str | Sequence[str] | None = None,
    dates: str | None = None,
    labels_file: str | os.PathLike[str] | None = None,
    negative: float | None = None,
    sheet: str | None = None,
    variables: str | Sequence[str] | None = None,
    label_rows: str | None = None,
    images: str | os.PathLike[str] | None = None,
    file_column: str | None = None,
    uncertain: str | None = None,
    blanks: str | None = None,
    unlabelled: str | None = None,
    crowd: str | None = None,
    broken: str | None = None,
    format: str | None = None,  # noqa: A002 (it is what users call it)
    offline: bool | None = None,
) -> MultiLabelData | ImageData:
    """Load a data set by its name, from a file, a folder or a data frame.

    Args:
        source: "digits", the embedded set; a name from the catalogue, or `openml:<number>`, which is
            downloaded unless it is in the cache; a path with an ending that one of the `readers` knows, of any other
            text file, of a folder of Parquet files, or of a folder of pictures; a pandas data frame, or a table of
            Arrow or polars.
        labels: How many of the last columns are labels.
        label_columns: Which columns are labels: names or patterns such as `"y_*"`, in a list or separated by commas.
        label_column: The one column that holds all labels of a sample as delimited tags.
        delimiter: What parts the tags of `label_column`; by default the one of `|`, `;` and `,` that occurs.
        drop: Columns to leave out, by names or patterns.
        dates: What becomes of columns of dates in tables: `"features"` (by default), `"drop"`, or, for dates such as
            03/04/2021, `"day-first"` or `"month-first"`.
        labels_file: The file with the labels, where `source` has the features alone.
        negative: The number that says that a sample does not have a label, such as -1 where labels are -1 and 1.
        sheet: The sheet of a file of Excel that has several.
        variables: The variables of a `.mat` file with features and labels, `"X,Y"`, or with two parts of them.
        label_rows: What the rows of the labels in a `.mat` file or its like are, "samples" or "labels", where there are
            as many of the one as of the other.
        images: The folder that the pictures of a table or a COCO file are in.
        file_column: The column of a table that names pictures.
        uncertain: What -1 and empty cells mean in a table that names pictures: "ignore", "positive", "negative" or
            "error"; see `read_image_table`.
        blanks: The same for empty cells alone.
        unlabelled: What becomes of pictures without an object (COCO, VOC): "keep" or "drop".
        crowd: What a label is that only crowds of COCO say: "positive" or "ignore".
        broken: What to do where pictures are missing: "error" or "skip".
        format: How to read a folder of pictures: "table", "coco", "voc" or "labels"; needed where it could be several.
        offline: Refuse to download; None asks the environment variable BATCHSIFT_OFFLINE.

    Returns:
        `ImageData` where samples are pictures in files; `MultiLabelData` for everything else.

    Raises:
        FileNotFoundError: The file is not there, or pictures are not.
        TypeError: `source` is a matrix or a Hugging Face data set, for which there are `from_arrays` and `from_hf`.
        OSError: A download failed or is refused; `batchsift.data.catalog.download.DownloadError` says why.
        ImportError: The file needs a package that is not installed.
        ValueError: `source` is neither a known name nor a file of a known kind, an option does not go with it, its
            content is wrong, or it would become too large for its size.
    """
    given = {
        "labels": labels,
        "label_columns": label_columns,
        "label_column": label_column,
        "delimiter": delimiter,
        "drop": drop,
        "dates": dates,
        "labels_file": labels_file,
        "negative": negative,
        "sheet": sheet,
        "variables": variables,
        "label_rows": label_rows,
        "images": images,
        "file_column": file_column,
        "uncertain": uncertain,
        "blanks": blanks,
        "unlabelled": unlabelled,
        "crowd": crowd,
        "broken": broken,
        "format": format,
    }
    options: dict[str, Any] = {option: value for option, value in given.items() if value is not None}
    if hasattr(source, "iloc") or (hasattr(source, "to_pandas") and not hasattr(source, "select_columns")):
        from batchsift.data.readers.frames import from_frame  # noqa: PLC0415 (pandas)

        _refuse(options, [name for name in inspect.signature(from_frame).parameters if name != "name"][1:], "a frame")
        return from_frame(source, **options)
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(_no_source(source))
    source = os.fspath(source)
    if source in _EMBEDDED:
        _refuse(options, (), f"{source!r}, which knows its labels")
        return _EMBEDDED[source]()
    reader = _reader_by_name(source)
    if reader is not None:
        return _read_file(source, reader, options)
    catalog = import_module("batchsift.data.catalog")
    if catalog.known(source):
        _refuse(options, (), f"{source!r}, which knows its labels")
        named: MultiLabelData = catalog.load(source, offline=offline)
        return named
    return _read_path(source, options, catalog.names())


def load_features(source: Any, **options: Any) -> MultiLabelData:
    """Load a data set that has features.

    Args:
        source: As for `load`.
        options: Options of `load`.

    Raises:
        ValueError: The samples are pictures; or as `load`.
        FileNotFoundError: As `load`.
        TypeError: As `load`.
        OSError: As `load`.
    """
    check_no_pictures(source)
    data = load(source, **options)
    check_no_pictures(data, source)
    return cast("MultiLabelData", data)


def load_decodable(source: Any, **options: Any) -> MultiLabelData | ImageData:
    """Load a data set; where `broken` is given, pictures are decoded once, so that none of them is broken later.

    Args:
        source: As for `load`.
        options: Options of `load`.

    Raises:
        PictureError: `broken="error"`, and pictures cannot be decoded; names them.
        ValueError: As `load`.
        FileNotFoundError: As `load`.
        TypeError: As `load`.
        OSError: As `load`.
    """
    data = load(source, **options)
    if isinstance(data, ImageData) and options.get("broken") is not None:
        from batchsift.data.images.checking import check_images  # noqa: PLC0415 (Pillow)

        return check_images(data, broken=options["broken"])
    return data


def names_table(source: str) -> bool:
    """Return whether a text names a file, or a folder of files, that is read as a table, whether it has labels or not.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is packed, and damaged or of a kind that is not read so.
    """
    if source in _EMBEDDED or _is_folder_of_parquet(source):
        return source not in _EMBEDDED
    reader = _reader_by_name(source)
    if reader is None and Path(source).is_file() and not import_module("batchsift.data.catalog").known(source):
        reader = _reader_by_content(Path(source))
    return reader is not None and reader.function == "read_table"


def _reader_by_name(source: str) -> Reader | None:
    """Return the reader for an ending; text may have one more, of a packing."""
    name = source.lower()
    bare = next((name.removesuffix(packed) for packed in PACKED if name.endswith(packed)), name)
    for ending, reader in readers().items():
        if name.endswith(ending) or (reader.is_text and bare.endswith(ending)):
            return reader
        if bare.endswith(ending) and Path(source).is_file():
            raise ValueError(f"{source}: packed files of {ending} are not read; unpack it first")
    return None


def _reader_by_content(path: Path) -> Reader:
    """Return the reader for a file whose own name does not say what it is."""
    within = inner_name(path)
    by_name = _reader_by_name(within) if within != path.name else None
    if by_name is not None and not by_name.is_text:
        raise ValueError(f"{path}: packed files such as {within} are not read; unpack it first")
    return by_name or readers()[kind_of(path)]


def _read_path(source: str, options: Mapping[str, Any], names: Sequence[str]) -> MultiLabelData | ImageData:
    """Load a folder, or a file whose name does not say what it is."""
    if "format" not in options and _is_folder_of_parquet(source):
        return _read_file(source, readers()[".parquet"], options)
    if Path(source).is_file():
        return _read_file(source, _reader_by_content(Path(source)), options)
    if source and Path(source).is_dir():
        from batchsift.data.images.folder import read_image_folder  # noqa: PLC0415

        return read_image_folder(source, **options)
    raise ValueError(_unknown(source, names))


def _read_file(source: str, reader: Reader, options: Mapping[str, Any]) -> MultiLabelData | ImageData:
    if not Path(source).is_file() and not _is_folder_of_parquet(source):
        raise FileNotFoundError(f"there is no file {source}")
    read = reader.imported()
    if "labels_file" in options:
        from batchsift.data.readers.two_files import read_two  # noqa: PLC0415 (pandas)

        read = read_two
    elif reader.function == "read_table" and not options.keys().isdisjoint(_OF_PICTURES):
        from batchsift.data.images.tables import read_image_table  # noqa: PLC0415 (pandas)

        read = read_image_table
    # What a reader takes beside the path are the options that go with its files.
    _refuse(options, list(inspect.signature(read).parameters)[1:], Path(source).name)
    if reader.is_text:
        check_unpacked(Path(source))
    try:
        data: MultiLabelData | ImageData = read(source, **options)
    except ValueError as error:
        if read.__name__ == "read_table" and _names_pictures(source):
            raise ValueError(
                f"{error}. The table names pictures: load its folder, or say where they are by images="
            ) from error
        if source in str(error) or Path(source).name in str(error):
            raise
        raise ValueError(f"{source}: {error}") from error
    return data


def _names_pictures(source: str) -> bool:
    from batchsift.data.images.tables import names_pictures  # noqa: PLC0415 (pandas)

    try:
        return names_pictures(Path(source))
    except ValueError:
        return False


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
        return (
            f"cannot load a {kind}; use from_hf(dataset, features=..., labels=...), with one split, or "
            "images.images_from_hf(dataset, labels=...) for pictures"
        )
    if hasattr(source, "shape") or isinstance(source, (tuple, list)):
        return f"cannot load a {kind}; matrices in memory go to from_arrays(X, y, ...)"
    return f"cannot load a {kind}; expected a name, a path or a pandas data frame"


def _unknown(source: str, names: Sequence[str]) -> str:
    hint = did_you_mean(source, (*_EMBEDDED, *names))
    return (
        f"cannot load {source!r}: expected 'digits', one of the {len(names)} names that `batchsift datasets` lists, or "
        f"a path ending in {', '.join(readers())} (or of another text file that is there){hint and f'; {hint}'}"
    )
