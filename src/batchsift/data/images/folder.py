"""A folder of pictures: what lies in it, and the reader that is for it.

| `format=` | what the folder holds |
| --- | --- |
| `table` | a `.csv`, `.tsv` (also `.gz`) or `.parquet` file that names pictures; of several `labels.*`, or one a part |
| `coco` | `instances_*.json`, also in `annotations/`; `*.coco.json`, also in folders of parts; other `.json` of COCO |
| `voc` | `Annotations/*.xml` |
| `labels` | folders of pictures, each called as its label; where there is nothing of the above |
"""

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from batchsift.data.images.coco import part_in_name, read_coco
from batchsift.data.images.dataset import ImageData
from batchsift.data.images.parts import part_named
from batchsift.data.images.pictures import ImageFiles, is_picture_file
from batchsift.files import stem
from batchsift.messages import first_few

FORMATS = ("table", "coco", "voc", "labels")
_TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet")


def formats_in(folder: Path) -> list[str]:
    """Return the formats that what lies in a folder may be read as; folders of labels only where nothing else is.

    Args:
        folder: A folder.

    Returns:
        Some of `FORMATS`.
    """
    tables = _tables(folder)
    found = {
        "table": any(map(_may_name_pictures, tables)),
        "coco": bool(_coco(folder)),
        "voc": any((folder / "Annotations").glob("*.xml")),
    }
    if any(found.values()):
        return [form for form, is_there in found.items() if is_there]
    if any(is_picture_file(name) for part in _folders(folder) for _, _, names in os.walk(part) for name in names):
        return ["labels"]
    # Its reader says what it misses in a table that names no pictures.
    return ["table"] if tables else []


def read_image_folder(path: str | Path, *, format: str | None = None, **options: Any) -> ImageData:  # noqa: A002
    """Read a folder of pictures by the reader that is for it.

    Args:
        path: The folder; the data set is named after it.
        format: One of `table`, `coco`, `voc` and `labels`; by default the one that the folder has.
        options: Options of that reader.

    Raises:
        FileNotFoundError: Some pictures are not there.
        ValueError: There is nothing to read, or more than one thing; an option does not go with the format; or
            something in it is wrong.
    """
    path = Path(path)
    if format is not None and format not in FORMATS:
        raise ValueError(f"format={format!r}; expected one of {', '.join(map(repr, FORMATS))}")
    if format is None and "file_column" in options:
        format = "table"  # noqa: A001
    found = formats_in(path) if format is None else [format]
    if len(found) > 1:
        ways = " or ".join(f"format={form!r}" for form in found)
        raise ValueError(f"{path} can be read as {' and as '.join(found)}: say which by {ways}")
    if not found:
        raise ValueError(
            f"{path} holds neither a table that names pictures, nor COCO's instances_*.json, nor VOC's Annotations, "
            "nor folders of pictures named after labels"
        )
    reader = _READERS[found[0]]
    allowed = [name for name in list(inspect.signature(_FUNCTIONS[found[0]]()).parameters)[1:] if name != "format"]
    if unwelcome := [f"{option}={value!r}" for option, value in options.items() if option not in allowed]:
        instead = f"; what goes with it: {', '.join(f'{option}=' for option in allowed)}" if allowed else ""
        raise ValueError(f"{' and '.join(unwelcome)} came with {path}, read as {found[0]}; leave it out{instead}")
    return replace(reader(path, options), name=path.resolve().name)


def _read_table(folder: Path, options: Mapping[str, Any]) -> ImageData:
    tables = _tables(folder)
    named = [table for table in tables if table.name.startswith("labels.")]
    chosen = tables if len(tables) == 1 else named
    parts = {part_named(stem(table)): table for table in tables}
    if not named and len(parts) == len(tables) > 1 and "" not in parts:
        return _put_together({part: _FUNCTIONS["table"]()(table, **options) for part, table in parts.items()}, folder)
    if len(chosen) != 1:
        names = first_few([table.name for table in tables]) or "none"
        raise ValueError(
            f"{folder} holds several tables: {names}; expected one, one called labels.csv, or train.csv, val.csv and "
            "the like: give the path of one, and images="
            if tables
            else f"{folder} holds no table; expected a file that ends in {', '.join(_TABLES)}"
        )
    data: ImageData = _FUNCTIONS["table"]()(chosen[0], **options)
    return data


def _read_coco(folder: Path, options: Mapping[str, Any]) -> ImageData:
    files = _coco(folder)
    if not files:
        raise ValueError(f"{folder} holds no instances_*.json; expected one, here or in annotations")
    if len(files) == 1:
        return read_coco(files[0], **options)
    words = {file: part_named(part_in_name(file)) for file in files}
    if "" in words.values() or len(set(words.values())) < len(words):
        raise ValueError(
            f"{folder} holds {first_few([str(file.relative_to(folder)) for file in files])}, which are not one each of "
            "train, val and test: give the path of one of them, and images= where its pictures are"
        )
    return _put_together({word: read_coco(file, **options) for file, word in words.items()}, folder)


def _put_together(parts: Mapping[str, ImageData], folder: Path) -> ImageData:
    """Return one data set of several with files; each is a part."""
    names = {part: data.label_names for part, data in parts.items()}
    (first, expected), *others = names.items()
    for part, found in others:
        if found != expected:
            raise ValueError(f"{folder}: the labels of {part} are not those of {first}; expected the same in both")
    files: list[str] = []
    for data in parts.values():
        if not isinstance(data.pictures, ImageFiles):
            raise TypeError(f"got {type(data.pictures).__name__}; expected files")
        files += [os.path.relpath(data.pictures.name_of(row), folder) for row in range(data.num_samples)]
    split = np.repeat(list(parts), [data.num_samples for data in parts.values()])
    return ImageData(
        ImageFiles.of(folder, files), np.concatenate([data.labels for data in parts.values()]), expected, split=split
    )


def _read_voc(folder: Path, options: Mapping[str, Any]) -> ImageData:
    data: ImageData = _FUNCTIONS["voc"]()(folder, **options)
    return data


def _read_labels(folder: Path, options: Mapping[str, Any]) -> ImageData:
    data: ImageData = _FUNCTIONS["labels"]()(folder, **options)
    return data


def _reader(module: str, function: str) -> Callable[[], Callable[..., Any]]:
    """Return what imports a reader once it is needed."""
    return lambda: getattr(import_module(f"batchsift.data.images.{module}"), function)


_FUNCTIONS: Mapping[str, Callable[[], Callable[..., Any]]] = {
    "table": _reader("tables", "read_image_table"),
    "coco": lambda: read_coco,
    "voc": _reader("voc", "read_voc"),
    "labels": _reader("label_folders", "read_label_folders"),
}
_READERS: Mapping[str, Callable[[Path, Mapping[str, Any]], ImageData]] = {
    "table": _read_table,
    "coco": _read_coco,
    "voc": _read_voc,
    "labels": _read_labels,
}


def is_table(file: Path) -> bool:
    """Return whether a path is of a file that may be a table of pictures, by its name."""
    return file.is_file() and not file.name.startswith(".") and file.name.lower().endswith(_TABLES)


def _tables(folder: Path) -> list[Path]:
    """Return the tables in a folder; files that begin with a dot are notes of operating systems."""
    return sorted(file for file in folder.iterdir() if is_table(file))


def _coco(folder: Path) -> Sequence[Path]:
    patterns = ("instances_*.json", "annotations/instances_*.json", "*.coco.json", "*/_annotations.coco.json")
    found = sorted({file for pattern in patterns for file in folder.glob(pattern)})
    others = sorted({*folder.glob("*.json"), *folder.glob("annotations/*.json")})
    return found or [file for file in others if _begins_as_coco(file)]


def _begins_as_coco(file: Path) -> bool:
    with file.open("rb") as opened:
        start = opened.read(2**16)
    return any(key in start for key in (b'"images"', b'"annotations"', b'"categories"'))


def _may_name_pictures(table: Path) -> bool:
    try:
        return bool(import_module("batchsift.data.images.tables").names_pictures(table))
    except ValueError:
        return True  # a damaged one: its reader says where


def _folders(folder: Path) -> list[Path]:
    return [entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith((".", "__MACOSX"))]
