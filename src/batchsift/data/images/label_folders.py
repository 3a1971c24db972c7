"""Folders named after labels: `cat/1.jpg`, `dog/1.jpg`, also below `train/`, `val/`, `test/`.

A picture that lies in several folders has several labels. It counts as one picture if both the name and the content
are the same; files of one name and of different content are different pictures. Contents are compared only where names
and sizes are equal. All cells are known.

Shape suffixes: N samples, L labels.
"""

import filecmp
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from batchsift.data.images.dataset import ImageData
from batchsift.data.images.parts import part_named
from batchsift.data.images.pictures import ImageFiles, is_picture_file


def read_label_folders(path: str | Path) -> ImageData:
    """Read a folder with one folder of pictures for each label.

    Args:
        path: The folder. If its folders are called as parts are (train, val, valid, test, ...), the folders of labels
            are looked for in them.

    Raises:
        FileNotFoundError: There is no folder with pictures in it.
        ValueError: Pictures lie beside the folders of labels, or in folders of parts, where no label is; or there is
            one folder alone, of a label that every picture would have.
    """
    path = Path(path)
    parts = folders_of_parts(path)
    label_names = sorted({folder.name for parent in parts or [path] for folder in _folders(parent)})
    column_of = {name: column for column, name in enumerate(label_names)}
    files: list[str] = []
    split: list[str] = []
    columns: list[set[int]] = []
    for parent in parts or [path]:
        if stray := [file.name for file in parent.iterdir() if is_picture_file(file.name)]:
            raise ValueError(
                f"{parent} holds the picture {stray[0]!r} beside folders; expected pictures in the folders of their "
                "labels alone"
            )
        for file, labels in _pictures(parent):
            files.append(file.relative_to(path).as_posix())
            split.append(part_named(parent.name) if parts else "")
            columns.append({column_of[label] for label in labels})
    if not files:
        raise FileNotFoundError(f"there are no folders with pictures in {path}")
    if len(label_names) == 1:
        raise ValueError(
            f"{path} holds one folder of pictures, {label_names[0]!r}: a label that every picture has; expected two or "
            "more, or a table that names pictures"
        )
    labels_NL = np.zeros((len(files), len(label_names)), dtype=np.uint8)
    for row, found in enumerate(columns):
        labels_NL[row, sorted(found)] = 1
    return ImageData(
        ImageFiles.of(path, files),
        labels_NL,
        tuple(label_names),
        path.resolve().name,
        np.array(split) if parts else None,
    )


def folders_of_parts(path: Path) -> list[Path]:
    """Return the folders in a folder, if all of them are called as parts are; else nothing."""
    folders = _folders(path)
    return folders if all(part_named(folder.name) for folder in folders) else []


def _folders(path: Path) -> list[Path]:
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith((".", "__MACOSX")))


def _pictures(parent: Path) -> Iterator[tuple[Path, set[str]]]:
    """Yield a file of each picture in the folders of a folder, and the labels it has, in the order of the names."""
    found: dict[str, list[tuple[Path, set[str]]]] = defaultdict(list)
    for folder in _folders(parent):
        for file in sorted(folder.rglob("*")):
            if is_picture_file(file.name) and file.is_file():
                name = file.relative_to(folder).as_posix()
                same = next((labels for other, labels in found[name] if filecmp.cmp(other, file, shallow=False)), None)
                if same is None:
                    found[name].append((file, {folder.name}))
                else:
                    same.add(folder.name)
    for name in sorted(found):
        yield from found[name]
