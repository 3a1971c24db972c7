"""A valid file (or table in memory) of every reader, and what may happen to it.

`make(reader, random)` gives a case that was changed, `make(reader, random, changes=0)` one as it should be.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from . import binary, memory, packing, text


@dataclass
class Case:
    """What a reader is given.

    Attributes:
        files: Names and contents of files in an empty folder.
        source: Which of them is loaded; "." is the folder.
        options: Options of `load`; the values of `labels_file` and `images` are names of files.
        table: A frame or a data set in memory, instead of files.
        how: What is called with it.
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    source: str = "."
    options: Mapping[str, Any] = field(default_factory=dict)
    table: Any = None
    how: str = "load"


def make(reader: str, random: Random, changes: int | None = None) -> Case:
    """Return a case for a reader, after some changes; one to three of them by default."""
    count = random.choice([1, 1, 1, 2, 3]) if changes is None else changes
    return MAKERS[reader](random, count)


PICTURE = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0:~\x9bU\0\0\0\nIDATx\x9cc`\0\0\0\x02\0\x01H\xaf\xa4q"
    b"\0\0\0\0IEND\xaeB`\x82"
)
PICTURES = {f"{name}.png": PICTURE for name in "abcd"}
CSV = (
    b"size,hue,tall,red,round,tags,file\n"
    b"0.5,r,yes,1,0,a|b,a.png\n"
    b"1.5,g,no,0,1,b,b.png\n"
    b"-2e3,g,yes,1,,,c.png\n"
    b",r,no,0,0,a,d.png\n"
)
XML = (
    "<annotation><folder>x</folder><filename>{0}.png</filename><size><width>1</width></size>"
    "<object><name>cat</name><difficult>0</difficult></object>"
    "<object><name>dog</name><difficult>1</difficult></object></annotation>"
)
COCO = {
    "info": {"year": 2014},
    "images": [{"id": i, "file_name": name, "width": 1, "height": 1} for i, name in enumerate(PICTURES)],
    "categories": [{"id": 7, "name": "cat", "supercategory": "x"}, {"id": 3, "name": "dog"}],
    "annotations": [
        {"id": 1, "image_id": 0, "category_id": 7, "iscrowd": 0, "bbox": [0, 0, 1, 1]},
        {"id": 2, "image_id": 1, "category_id": 3, "iscrowd": 1},
        {"id": 3, "image_id": 1, "category_id": 7},
    ],
}
ROWS = [
    {"size": 0.5, "hue": "r", "v": [1, 2.5], "red": 1, "round": 0, "tags": ["a", "b"]},
    {"size": -1, "hue": "g", "v": [0, 1], "red": 0, "round": True, "tags": []},
    {"size": None, "hue": "g", "v": [3, 3], "red": 1, "round": None, "tags": ["b"]},
    {"size": 7, "hue": "r", "v": [1, 0], "red": 0, "round": 0, "tags": ["a"]},
]
SPARSE = b"1,3 1:0.5 3:-1 # note\n2 2:1e3\n 1:1\n1 1:1 2:2 3:3\n3 qid:7 2:0.25\n"
XMC = b"5 3 4\n0,1 0:1 2:3\n 1:2.5\n3 0:nan\n\n0 2:-1\n"
ARFF = (
    b"@relation 'r: -C 2'\n@attribute red {0,1}\n@attribute round {0,1}\n@attribute size numeric\n"
    b"@attribute 'the hue' {r,'dark g',b}\n@attribute note string\n@data\n0,1,0.5,r,'a b'\n"
    b"1,?,-2e3,'dark g',x\n1,1,?,b,y\n"
)
SPARSE_ARFF = (
    b"@relation r\n@attribute a numeric\n@attribute b {x,y}\n@attribute c numeric\n@attribute l {0,1}\n"
    b"@attribute m {0,1}\n@data\n{0 1.5,3 1}\n{}\n{1 y,2 -3,4 1}\n{2 ?,3 1,4 1}\n"
)
KEEL = (
    b"@relation r\n@attribute x real [0.0, 1.0]\n@attribute k integer [0, 9]\n@attribute hue {r, g}\n"
    b"@attribute a {0, 1}\n@attribute b {0, 1}\n@inputs x, k, hue\n@outputs a, b\n@data\n0.5, 1, r, 1, 0\n"
    b"<null>, 2, g, 0, 1\n0.25, 9, g, 1, 1\n"
)
_OF_COLUMNS = ({"label_columns": "red,round"}, {"label_columns": "red,round", "drop": "tags,file"}, {"labels": 2})
_TABLE_OPTIONS = (*_OF_COLUMNS, {"label_column": "tags", "drop": "file"})


def _table_options(random: Random) -> Mapping[str, Any]:
    return random.choice(_TABLE_OPTIONS[:2] if random.random() < 0.6 else _TABLE_OPTIONS)


def _text(content: bytes, name: str, marks: bytes, *, options: Any = None, header: int = 1) -> Callable[..., Case]:
    def make_text(random: Random, count: int) -> Case:
        changed = text.changed(random, content, count, marks, header=header)
        return Case({name: changed}, name, (options(random) if count else options(Random(0))) if options else {})

    return make_text


def _tsv(random: Random, count: int) -> Case:
    return Case(
        {"t.tsv": text.changed(random, CSV.replace(b",", b"\t"), count, b"\t\n|")},
        "t.tsv",
        _table_options(random) if count else _OF_COLUMNS[1],
    )


def _arff(content: bytes, options: Mapping[str, Any]) -> Callable[..., Case]:
    return _text(content, "t.arff", b" ,\n{}'@", options=lambda _: options, header=6)


def _json_lines(random: Random, count: int) -> Case:
    rows = json.loads(json.dumps(ROWS))
    on_tree = random.random() < 0.6
    for _ in range(count if on_tree else 0):
        rows[random.randrange(len(rows))] = memory.changed_tree(random, random.choice(rows))
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    content = content if on_tree else text.changed(random, content, count, b',:"{}[]\n', header=0)
    options = random.choice(({"label_columns": "red,round", "drop": "tags"}, {"label_column": "tags"}))
    return Case({"t.jsonl": content}, "t.jsonl", options if count else {"label_columns": "red,round", "drop": "tags"})


def _packed(random: Random, count: int) -> Case:
    ending = random.choice(list(packing.PACKERS))
    inner = text.changed(random, CSV, random.choice([0, 1]) if count else 0, b",\n|")
    content = packing.packed(random, inner, ending, count)
    return Case({f"t.csv{ending}": content}, f"t.csv{ending}", _table_options(random) if count else _OF_COLUMNS[1])


def _npz(random: Random, count: int) -> Case:
    return Case({"t.npz": binary.npz(random, count)}, "t.npz")


def _sparse_npz(random: Random, count: int) -> Case:
    features, labels = binary.sparse_npz(random, count), binary.sparse_npz(random, 0, labels=True)
    if count and random.random() < 0.3:
        features, labels = binary.sparse_npz(random, 0), binary.sparse_npz(random, count, labels=True)
    return Case({"t_X.npz": features, "t_y.npz": labels}, "t_X.npz")


def _npy(random: Random, count: int) -> Case:
    which = random.randrange(2)
    features = binary.npy(random, count if which else 0)
    return Case({"t_X.npy": features, "t_y.npy": binary.npy(random, 0 if which else count, labels=True)}, "t_X.npy")


def _stored(ending: str, write: Callable[[Random, int], bytes]) -> Callable[..., Case]:
    def make_stored(random: Random, count: int) -> Case:
        return Case(
            {f"t{ending}": write(random, count)},
            f"t{ending}",
            {"label_columns": "red,round", "drop": "tags"}
            if not count or random.random() < 0.7
            else {"label_column": "tags"},
        )

    return make_stored


def _mat(random: Random, count: int) -> Case:
    return Case({"t.mat": binary.mat(random, count)}, "t.mat")


def _hdf5(random: Random, count: int) -> Case:
    return Case({"t.mat": binary.hdf5(random, count)}, "t.mat")


def _coco(random: Random, count: int) -> Case:
    tree = json.loads(json.dumps(COCO))
    on_tree = random.random() < 0.7
    for _ in range(count if on_tree else 0):
        tree = memory.changed_tree(random, tree)
    content = json.dumps(tree).encode()
    content = content if on_tree else text.changed(random, content, count, b',:"{}[]', header=0)
    options = {"crowd": random.choice(["positive", "ignore"]), "unlabelled": random.choice(["keep", "drop"])}
    return Case({"t.json": content, **PICTURES}, "t.json", options)


def _voc(random: Random, count: int) -> Case:
    lists = {"VOC/ImageSets/Main/train.txt": b"a\nb\n", "VOC/ImageSets/Main/val.txt": b"c\n"}
    files = {f"VOC/Annotations/{name}.xml": XML.format(name).encode() for name in "abcd"} | lists
    for _ in range(count):
        name = random.choice(list(files))
        files[name] = text.changed(random, files[name], 1, b'<>/="\n', header=0)
    return Case({**files, **{f"VOC/JPEGImages/{name}": PICTURE for name in PICTURES}}, "VOC")


def _image_table(random: Random, count: int) -> Case:
    content = text.changed(random, CSV.replace(b"tags", b"split").replace(b"a|b", b"train"), count, b",\n")
    options: Mapping[str, Any] = {"label_columns": "red,round", "drop": "size,hue,tall,split", "images": "."}
    if count and random.random() < 0.5:
        options = random.choice([{**options, "uncertain": "ignore"}, {"images": ".", "labels": 2}, {"images": "."}])
    return Case({"t.csv": content, **PICTURES}, "t.csv", options)


def _image_folder(random: Random, count: int) -> Case:
    content = text.changed(random, b"file,cat,dog\na.png,1,0\nb.png,0,1\nc.png,1,\nd.png,0,0\n", count, b",\n")
    return Case({"p/labels.csv": content, **{f"p/{name}": PICTURE for name in PICTURES}}, "p")


def _two_files(random: Random, count: int) -> Case:
    features, labels = b"id,size,hue\n1,0.5,r\n2,1,g\n3,2,g\n4,,r\n", b"id,red,round\n1,1,0\n2,0,1\n3,1,\n4,0,0\n"
    kind = random.randrange(3) if count else 0
    if kind == 0:
        features = text.changed(random, features, count, b",\n")
    elif kind == 1:
        labels = text.changed(random, labels, count, b",\n")
    else:
        return Case(
            {"x.csv": features, "y.npy": binary.npy(random, count, labels=True)}, "x.csv", {"labels_file": "y.npy"}
        )
    return Case({"x.csv": features, "y.csv": labels}, "x.csv", {"labels_file": "y.csv"})


def _frame(random: Random, count: int) -> Case:
    options = _table_options(random) if count else _OF_COLUMNS[1]
    return Case(table=memory.frame(random, count), options=options)


def _arrays(random: Random, count: int) -> Case:
    return Case(table=memory.arrays(random, count), how="arrays")


def _hf(random: Random, count: int) -> Case:
    return Case(table=memory.hf_columns(random, count), how="hf")


MAKERS: Mapping[str, Callable[[Random, int], Case]] = {
    "csv": _text(CSV, "t.csv", b",\n|", options=_table_options),
    "tsv": _tsv,
    "arff": _arff(ARFF, {}),
    "arff_sparse": _arff(SPARSE_ARFF, {"labels": 2}),
    "keel": _text(KEEL, "t.dat", b" ,\n{}[]@", header=8),
    "npz": _npz,
    "npz_sparse": _sparse_npz,
    "npy": _npy,
    "mat": _mat,
    "hdf5": _hdf5,
    "libsvm": _text(SPARSE, "t.svm", b" ,:\n", header=0),
    "xmc": _text(XMC, "t.xmc", b" ,:\n"),
    "jsonl": _json_lines,
    "parquet": _stored(".parquet", binary.parquet),
    "feather": _stored(".feather", binary.feather),
    "excel": _stored(".xlsx", binary.excel),
    "packed": _packed,
    "coco": _coco,
    "voc": _voc,
    "image_table": _image_table,
    "image_folder": _image_folder,
    "two_files": _two_files,
    "frame": _frame,
    "arrays": _arrays,
    "hf": _hf,
}
