"""The folders of PASCAL VOC (Everingham et al., IJCV 2010): an XML file for each picture, with its objects.

`Annotations/*.xml` name the pictures in `JPEGImages/`; `ImageSets/Main/{train,val,test}.txt`, where they are, say which
part a picture belongs to. An object marked `difficult` is left out of the challenge's scores: a label that nothing but
difficult objects say is *unknown* (NaN). Labels are the names that occur, sorted.

Shape suffixes: N samples, L labels.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from batchsift.data.images.dataset import ImageData
from batchsift.data.images.locating import find_files
from batchsift.data.images.parts import part_named
from batchsift.messages import first_few


def read_voc(
    path: str | Path, *, images: str | Path | None = None, unlabelled: str = "keep", broken: str = "error"
) -> ImageData:
    """Read a folder as PASCAL VOC has it.

    Args:
        path: The folder with `Annotations`, such as `VOCdevkit/VOC2007`.
        images: The folder of the pictures; `JPEGImages` by default.
        unlabelled: What becomes of pictures without an object: `"keep"`, without labels, or `"drop"`.
        broken: What to do where pictures are missing: `"error"`, or `"skip"`, which leaves them out with a warning.

    Raises:
        FileNotFoundError: The folder or some pictures are not there.
        ValueError: A file is no such XML, there is no object at all, or a picture is in two lists.
    """
    path = Path(path)
    files = sorted((path / "Annotations").glob("*.xml"))
    if not files:
        raise FileNotFoundError(f"there are no .xml files in {path / 'Annotations'}")
    if unlabelled not in ("keep", "drop"):
        raise ValueError(f"unlabelled={unlabelled!r}; expected one of 'keep', 'drop'")
    read = [_objects(file) for file in files]
    label_names = sorted({name for _, objects in read for name in objects})
    if not label_names:
        raise ValueError(f"none of the {len(files)} files in {path / 'Annotations'} has an object")
    column_of = {name: column for column, name in enumerate(label_names)}
    labels_NL = np.zeros((len(files), len(label_names)), dtype=np.float32)
    for row, (_, objects) in enumerate(read):
        for name, is_certain in objects.items():
            labels_NL[row, column_of[name]] = 1.0 if is_certain else np.nan
    # A picture whose every object is difficult is not one without objects.
    kept = np.array([bool(objects) or unlabelled == "keep" for _, objects in read]).nonzero()[0]
    names = [read[row][0] for row in kept]
    found, rows = find_files(
        names, [Path(images) if images is not None else path / "JPEGImages"], broken=broken, source=path / "Annotations"
    )
    kept = kept[rows]
    split = _split(path / "ImageSets" / "Main", [files[row].stem for row in kept])
    return ImageData(found, labels_NL[kept], tuple(label_names), path.resolve().name, split)


def _objects(file: Path) -> tuple[str, Mapping[str, bool]]:
    """Return the picture's file, and for each name of an object whether one of that name is not difficult."""
    try:
        root = ElementTree.parse(file).getroot()  # nosec B314 # expat limits entities and opens none from outside
    except ElementTree.ParseError as error:
        raise ValueError(f"{file} is no XML: {error}") from error
    picture = (root.findtext("filename") or "").strip()
    if root.tag != "annotation" or not picture:
        raise ValueError(f"{file}: expected an <annotation> with the <filename> of a picture, got <{root.tag}>")
    objects: dict[str, bool] = {}
    for number, entry in enumerate(root.iterfind("object"), start=1):
        name = (entry.findtext("name") or "").strip()
        difficult = (entry.findtext("difficult") or "0").strip()
        if not name or difficult not in ("0", "1"):
            raise ValueError(
                f"{file}: object {number} is called {name!r} and has difficult={difficult!r}; expected a name, and 0 "
                "or 1"
            )
        objects[name] = objects.get(name, False) or difficult == "0"
    return picture, objects


def _split(folder: Path, names: Sequence[str]) -> npt.NDArray[np.str_] | None:
    """Return the part of each picture by the lists of a folder; None where there is no list of any of them."""
    part_of: dict[str, str] = {}
    for word in ("train", "val", "test"):
        file = folder / f"{word}.txt"
        try:
            listed = file.read_text(encoding="utf-8").split() if file.is_file() else []
        except UnicodeDecodeError as error:
            raise ValueError(f"{file} is not UTF-8, as a list of pictures must be: {error}") from error
        twice = [name for name in listed if part_of.get(name, part_named(word)) != part_named(word)]
        if twice:
            raise ValueError(f"{file} lists {first_few(twice)}, which another list of {folder} has too")
        part_of |= dict.fromkeys(listed, part_named(word))
    parts = np.array([part_of.get(name, "") for name in names])
    return parts if (parts != "").any() else None
