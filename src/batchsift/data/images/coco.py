"""The instances files of COCO (Lin et al., ECCV 2014): images, categories, and a box or a mask for each object.

A picture has a label where it has an object of that category. A *crowd* (`iscrowd`: 1) is one annotation around many
objects of a category: they are there, so that it counts as an object, unless `crowd="ignore"` asks for *unknown* where
there is nothing but crowds. Labels come in the order of the category numbers, those of no object included.

Shape suffixes: N samples, L labels.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from batchsift.data.images.dataset import ImageData
from batchsift.data.images.locating import find_files
from batchsift.messages import shown

READS = {".json": "read_coco"}
CROWD = ("positive", "ignore")
UNLABELLED = ("keep", "drop")


def read_coco(
    path: str | Path,
    *,
    images: str | Path | None = None,
    crowd: str = "positive",
    unlabelled: str = "keep",
    broken: str = "error",
) -> ImageData:
    """Read a COCO instances file.

    Args:
        path: The `.json` file.
        images: The folder that the file names are relative to. By default the file's own folder, or the place where
            COCO has them: of `annotations/instances_val2017.json`, `val2017` or `images/val2017` beside `annotations`.
        crowd: What a label is where crowds alone say it: `"positive"`, or `"ignore"` for unknown (NaN).
        unlabelled: What becomes of pictures without an object: `"keep"`, without labels, or `"drop"`.
        broken: What to do where pictures are missing: `"error"`, or `"skip"`, which leaves them out with a warning.

    Raises:
        FileNotFoundError: The file or some pictures are not there.
        ValueError: It is no such file; a number occurs twice; an annotation names an unknown image or category.
    """
    path = Path(path)
    for option, value, known in (("crowd", crowd, CROWD), ("unlabelled", unlabelled, UNLABELLED)):
        if value not in known:
            raise ValueError(f"{option}={value!r}; expected one of {', '.join(map(repr, known))}")
    content = _content(path)
    categories = _by_number(path, "category", content["categories"], "name")
    pictures = _by_number(path, "image", content["images"], "file_name")
    names = _label_names(path, categories)
    labels_NL = _labels(path, content["annotations"], list(pictures), in_order(categories), crowd)
    files = list(pictures.values())
    if unlabelled == "drop":
        kept = np.flatnonzero((labels_NL == 1).any(axis=1))
        files, labels_NL = [files[row] for row in kept], labels_NL[kept]
    if not files:
        raise ValueError(f"{path}: no picture is left; expected at least one{' with an object' * bool(pictures)}")
    folders = [Path(images)] if images is not None else _places(path)
    found, rows = find_files(files, folders, broken=broken, source=path)
    return ImageData(found, labels_NL[rows], names, path.stem)


def part_in_name(path: Path) -> str:
    """Return the word for a part in the place of an instances file.

    >>> part_in_name(Path("annotations/instances_val2017.json")), part_in_name(Path("valid/_annotations.coco.json"))
    ('val2017', 'valid')
    """
    match = re.fullmatch(r"instances_(.+)", path.stem)
    return match[1] if match else path.parent.name if path.name == "_annotations.coco.json" else path.stem


def _content(path: Path) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no JSON: {error}") from error
    keys = ("images", "annotations", "categories")
    if not isinstance(content, dict) or not all(isinstance(content.get(key), list) for key in keys):
        what = f"the keys {', '.join(sorted(content))}" if isinstance(content, dict) else f"a {type(content).__name__}"
        raise ValueError(f"{path} holds {what}; expected a COCO instances file, with lists of {', '.join(keys)}")
    return content


def _by_number(path: Path, kind: str, entries: Iterable[Any], key: str) -> dict[int | str, str]:
    """Return what each number stands for."""
    found: dict[int | str, str] = {}
    for position, entry in enumerate(entries):
        if not isinstance(entry, dict) or "id" not in entry or key not in entry:
            raise ValueError(f"{path}: {kind} {position} (counted from 0) has no 'id' or no {key!r}")
        number = entry["id"]
        if isinstance(number, bool) or not isinstance(number, int | str):
            raise ValueError(
                f"{path}: {kind} {position} (counted from 0) has the id {shown(number)}; expected a number"
            )
        if number in found:
            raise ValueError(f"{path}: two {kind} entries have the id {number!r}: {found[number]!r} and {entry[key]!r}")
        found[number] = str(entry[key])
    return found


def in_order(numbers: Iterable[int | str]) -> list[int | str]:
    """Return numbers of categories in their order, and after them those that are texts.

    >>> in_order([10, "a", 9])
    [9, 10, 'a']
    """
    return sorted(numbers, key=lambda number: (isinstance(number, str), number))


def _label_names(path: Path, categories: Mapping[int | str, str]) -> tuple[str, ...]:
    if not categories:
        raise ValueError(f"{path}: there are no categories; expected at least one")
    numbers: dict[str, int | str] = {}
    for number in in_order(categories):
        name = categories[number]
        if name in numbers:
            raise ValueError(f"{path}: the categories {numbers[name]} and {number} are both called {name!r}")
        numbers[name] = number
    return tuple(numbers)


def _labels(
    path: Path, annotations: Iterable[Any], pictures: Sequence[int | str], categories: Sequence[int | str], crowd: str
) -> Any:
    """Return `(N, L)` of 0, 1 and NaN."""
    row_of = {number: row for row, number in enumerate(pictures)}
    column_of = {number: column for column, number in enumerate(categories)}
    seen: set[Any] = set()
    object_NL = np.zeros((len(pictures), len(categories)), dtype=bool)
    crowd_NL = np.zeros_like(object_NL)
    for position, entry in enumerate(annotations):
        if not isinstance(entry, dict) or not {"image_id", "category_id"} <= entry.keys():
            raise ValueError(f"{path}: annotation {position} (counted from 0) has no 'image_id' or no 'category_id'")
        number = entry.get("id", f"number {position}, counted from 0,")
        if isinstance(number, bool) or not isinstance(number, int | str):
            raise ValueError(
                f"{path}: annotation {position} (counted from 0) has the id {shown(number)}; expected a number"
            )
        if number in seen:
            raise ValueError(f"{path}: two annotations have the id {number}")
        seen.add(number)
        for key, known, kind in (("image_id", row_of, "images"), ("category_id", column_of, "categories")):
            if not isinstance(entry[key], int | str) or entry[key] not in known:
                raise ValueError(
                    f"{path}: annotation {number} has the {key} {shown(entry[key])}, which is none of the {kind}"
                )
        marked_NL = crowd_NL if entry.get("iscrowd") else object_NL
        marked_NL[row_of[entry["image_id"]], column_of[entry["category_id"]]] = True
    if crowd == "positive":
        return (object_NL | crowd_NL).astype(np.uint8)
    return np.where(crowd_NL & ~object_NL, np.nan, object_NL)


def _places(path: Path) -> list[Path]:
    """Return the folders in which the pictures of a file may be."""
    root = path.parent.parent if path.parent.name == "annotations" else path.parent
    part = part_in_name(path)
    return [path.parent, root / part, root / "images" / part, root / "images", root]
