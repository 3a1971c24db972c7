"""Files that are no text: what their arrays, headers, members and bytes may be."""

import contextlib
import datetime
import decimal
import functools
import io
import struct
import tempfile
import warnings
import zipfile
from pathlib import Path
from random import Random
from typing import Any

import h5py
import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
from scipy import sparse
from scipy.io import savemat

X = np.array([[0.5, 1, 0], [2, np.nan, -1], [0, 0, 7], [1e3, 2, 2]])
Y = np.array([[1, 0], [0, 1], [1, 1], [0, 0]])
WORDS = [
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\0\0\0\0",
    b"\0\0\0\x80",
    b"\0\0\1\0",
    b"\1\0\0\0",
    b"\0" * 8,
    b"\xff" * 8,
]


def damaged(random: Random, content: bytes, count: int) -> bytes:
    """Return bytes after some changes: bits, runs, and words that are sizes or offsets in many formats."""
    changed = bytearray(content)
    for _ in range(count):
        if not changed:
            break
        way, place, other = random.randrange(8), random.randrange(len(changed)), random.randrange(len(changed))
        if way <= 1:
            changed[place] ^= 1 << random.randrange(8)
        elif way == 2:
            changed[place] = random.choice([0, 1, 2, 127, 128, 255, 32, 10])
        elif way == 3:
            del changed[place : place + random.choice([1, 4, 8, 100, len(changed)])]
        elif way == 4:
            changed[place:place] = changed[other : other + random.choice([1, 4, 8, 50])]
        elif way == 5:
            word = random.choice(WORDS)
            changed[place : place + len(word)] = word
        elif way == 6:
            changed[place : place + 8] = changed[other : other + 8]
        else:
            place = place // 4 * 4
            old = int.from_bytes(changed[place : place + 4], "little")
            changed[place : place + 4] = struct.pack("<I", (old + random.choice([-1, 1, 4, 256, 2**16, -8])) % 2**32)
    return bytes(changed)


def strange_array(random: Random, like: Any) -> np.ndarray:
    """Return an array that does not stand where another one should."""
    array = np.array(like)
    kinds = [
        lambda: array.astype(random.choice(["f2", "f4", "i1", "u1", ">f8", ">i4", "?", "c16", "U9", "S9", "i8", "u8"])),
        lambda: array.astype(random.choice(["M8[s]", "m8[s]"])) if array.dtype.kind in "iu" else array.astype("M8[s]"),
        array.ravel,
        lambda: array[None],
        lambda: array[..., None],
        lambda: array.T,
        lambda: array[:0],
        lambda: array[:, :0] if array.ndim > 1 else array[:0],
        lambda: array[:-1],
        lambda: np.array(7),
        lambda: np.array("text"),
        lambda: np.array(["a", "a"]),
        lambda: np.array(["a", "b"]),
        lambda: np.array([b"a", b"\xff"]),
        lambda: np.array(["x\x1b", "=1+1", "\n"]),
        lambda: np.zeros(0),
        lambda: np.full(array.shape, np.inf),
        lambda: np.full(array.shape, np.nan),
        lambda: np.full(array.shape, 1e160),
        lambda: array * -1,
        lambda: np.full(array.shape, 2**62),
        lambda: np.zeros(array.shape, dtype=[("a", "f8"), ("b", "i4")]),
        lambda: np.zeros(array.shape, dtype="V8"),
        lambda: np.zeros(array.shape, dtype="S0"),
        lambda: np.arange(array.size).reshape(array.shape) - 1,
        lambda: np.asfortranarray(array),
        lambda: np.zeros((10_000_000,), dtype="S0"),
        lambda: array.astype(np.longdouble),
    ]
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        try:
            return random.choice(kinds)()
        except (ValueError, TypeError, IndexError):
            return array.ravel()


def _saved(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def npy(random: Random, count: int, *, labels: bool = False) -> bytes:
    """Return an `.npy` file."""
    array: Any = Y if labels else X
    if count and random.random() < 0.4:
        array = strange_array(random, array)
        array = array.astype(object) if random.random() < 0.05 else array
        count -= 1
    content = _saved(array)
    for _ in range(count):
        content = _header_changed(random, content) if random.random() < 0.5 else damaged(random, content, 1)
    return content


def _header_changed(random: Random, content: bytes) -> bytes:
    """Change what the header of an array says of its type and shape."""
    size = struct.unpack("<H", content[8:10])[0]
    header, body = content[10 : 10 + size].rstrip(b" \n"), content[10 + size :]
    old, new = random.choice(
        [
            (
                b"'<f8'",
                random.choice(
                    [
                        b"'<i8'",
                        b"'>f8'",
                        b"'|O'",
                        b"'<U2'",
                        b"'<f2'",
                        b"'S0'",
                        b"7",
                        b"[('a','<f8')]",
                        b"'nope'",
                        b"'V0'",
                    ]
                ),
            ),
            (
                b"'<i8'",
                random.choice(
                    [b"'<f8'", b"'|O'", b"'|b1'", b"'<u8'", b"'M8[s]'", b"'<c16'", b"''", b"None", b"'<i8,<i8'"]
                ),
            ),
            (b"False", random.choice([b"True", b"7", b"None", b"'x'"])),
            (
                b"(4,",
                random.choice(
                    [
                        b"(-4,",
                        b"(0,",
                        b"(4.0,",
                        b"(99999999999,",
                        b"(True,",
                        b"(None,",
                        b"((4,),",
                        b"(1,4,",
                        b"(2**9,",
                        b"(5,",
                        b"(",
                    ]
                ),
            ),
            (b"shape", random.choice([b"shap", b"shape\\x00", b"descr"])),
            (b"}", random.choice([b"", b"}}", b", 'x': 1}", b"}" + b" " * 60_000])),
            (b"{", random.choice([b"[", b"{" * 100, b"(" * 300, b"__import__('os'){"])),
        ]
    )
    header = header.replace(old, new, 1) + b"\n"
    version = random.choice([b"\1\0"] * 4 + [b"\2\0", b"\3\0", b"\xff\xff", b"\0\0"])
    length = struct.pack("<I" if version in (b"\2\0", b"\3\0") else "<H", min(len(header), 2**16 - 1))
    return b"\x93NUMPY" + version + length + header + body


def _zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def _members_changed(random: Random, members: dict[str, bytes], count: int) -> bytes:
    for _ in range(count):
        name = random.choice(list(members))
        way = random.randrange(6)
        if way == 0:
            del members[name]
        elif way == 1:
            members[random.choice(["x.npy", "X", "../y.npy", name.upper(), f"{name}/"])] = members.pop(name)
        elif way == 2:
            members[name] = random.choice([b"", b"\0" * 100, random.choice(list(members.values()))])
        else:
            members[name] = damaged(random, members[name], 1)
        if not members:
            break
    return _zipped(members)


def npz(random: Random, count: int) -> bytes:
    """Return an `.npz` file with features, labels and names."""
    arrays: dict[str, Any] = {
        "X": X,
        "y": Y,
        "feature_names": np.array(["a", "b", "c"]),
        "label_names": np.array(["red", "round"]),
    }
    members = {f"{name}.npy": _saved(array) for name, array in arrays.items()}
    for _ in range(count):
        name = random.choice(list(members))
        way = random.random()
        if way < 0.5:
            members[name] = _saved(strange_array(random, arrays[name.removesuffix(".npy")]))
        elif way < 0.7:
            members[name] = _header_changed(random, members[name])
        elif way < 0.85:
            return _members_changed(random, members, 1)
        else:
            return damaged(random, _zipped(members), 1)
    return _zipped(members)


def sparse_npz(random: Random, count: int, *, labels: bool = False) -> bytes:
    """Return a sparse matrix as scipy saves it."""
    dense = Y if labels else np.nan_to_num(X)
    kind = random.choice(["csr", "csc", "coo", "bsr", "dia"])
    matrix: Any = sparse.csr_array(dense).asformat(kind)
    file = io.BytesIO()
    sparse.save_npz(file, matrix, compressed=False)
    with zipfile.ZipFile(io.BytesIO(file.getvalue())) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for _ in range(count):
        name = random.choice(list(members))
        way = random.random()
        if way < 0.6:
            members[name] = _saved(_strange_part(random, np.lib.format.read_array(io.BytesIO(members[name]))))
        elif way < 0.7:
            members[name] = _header_changed(random, members[name])
        elif way < 0.85:
            return _members_changed(random, members, 1)
        else:
            return damaged(random, _zipped(members), 1)
    return _zipped(members)


def _strange_part(random: Random, part: np.ndarray) -> np.ndarray:
    if part.dtype.kind in "iu" and part.size and random.random() < 0.7:
        part = part.astype(np.int64).copy()
        part.flat[random.randrange(part.size)] = random.choice([-1, 0, 1, 3, 4, 5, 100, 2**31, 2**40, -(2**62), 2**62])
        return part
    if part.dtype.kind in "SU":
        return np.array(random.choice(["csr", b"csc", b"lil", b"", b"\xff", "coo", 7, b"dia", b"bsr"]))
    return strange_array(random, part)


# --- MATLAB -----------------------------------------------------------------------------------------------------------


def mat(random: Random, count: int) -> bytes:
    """Return a `.mat` file that scipy wrote."""
    values: dict[str, Any] = {"data": random.choice([X, sparse.csc_array(np.nan_to_num(X))]), "target": Y}
    version = random.choice(["5", "5", "4"])
    if version == "5":
        values["label_names"] = random.choice([np.array(["red  ", "round"]), np.array(["a", "bc"], dtype=object)])
    spoilt = 0
    if count and random.random() < 0.4:
        spoilt, name = 1, random.choice(list(values))
        like = values[name].toarray() if sparse.issparse(values[name]) else values[name]
        cell = np.empty((2, 2), dtype=object)
        cell[:] = [[like, "x"], [1, cell.copy()]]
        values[name] = random.choice(
            [
                strange_array(random, like),
                cell,
                {"a": like},
                "text",
                "",
                [],
                [["a", 1]],
                True,
                sparse.csc_array((2, 10**6)),
            ]
        )
    file = io.BytesIO()
    with warnings.catch_warnings(action="ignore"):
        try:
            savemat(file, values, do_compression=random.random() < 0.3, format=version)
        except Exception:  # what the format cannot hold
            savemat(file, {"data": X, "target": Y})
    return damaged(random, file.getvalue(), count - spoilt)


def hdf5(random: Random, count: int) -> bytes:
    """Return a `.mat` file of version 7.3."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.mat"
        with h5py.File(path, "w", userblock_size=512) as file:
            file["data"], file["target"] = X.T, Y.T
            if random.random() < 0.5:
                names = file.create_dataset("label_names", (1, 2), dtype=h5py.ref_dtype)
                for place, word in enumerate(["red", "round"]):
                    file[f"#refs#/{place}"] = np.array([[ord(c)] for c in word], dtype="u2")
                    names[0, place] = file[f"#refs#/{place}"].ref
            if random.random() < 0.3:
                del file["data"]
                matrix = sparse.csc_array(np.nan_to_num(X))
                group = file.create_group("data")
                group.attrs["MATLAB_sparse"] = np.uint64(4)
                group["data"], group["ir"], group["jc"] = matrix.data, matrix.indices, matrix.indptr
            spoilt = 0
            if count and random.random() < 0.5:
                spoilt = 1
                with contextlib.suppress(RuntimeError, TypeError, ValueError, OSError, KeyError):  # what cannot be
                    _spoil(random, file)
        return damaged(random, path.read_bytes(), count - spoilt)


def _spoil(random: Random, file: Any) -> None:
    name = random.choice(["data", "target", "label_names", "data/ir", "data/jc", "data/data"])
    like = X.T if name.startswith("data") else Y.T
    if name in file:
        like = file[name][()] if isinstance(file[name], h5py.Dataset) and name.startswith("data/") else like
        del file[name]
    way = random.randrange(9)
    if way == 0:
        file[name] = h5py.SoftLink(random.choice(["/target", "/nowhere", f"/{name}"]))
    elif way == 1:
        file[name] = h5py.ExternalLink("/etc/passwd", "/x")
    elif way == 2:
        file.create_dataset(name, (10**6, 10**6), dtype="f8", chunks=(1000, 1000))
    elif way == 3:
        file[name] = np.array(["a", "bb"], dtype=h5py.string_dtype())
    elif way == 4:
        file.create_dataset(name, data=h5py.Empty("f8"))
    elif way == 5:
        file.create_group(name).attrs["MATLAB_sparse"] = random.choice(
            [np.int64(-1), np.int64(2**40), "x", np.zeros(3)]
        )
    elif way == 6:
        file.create_dataset(name, data=like).attrs[random.choice(["MATLAB_class", "MATLAB_empty"])] = random.choice(
            [b"char", 1, "x", np.zeros(2)]
        )
    elif way == 7:
        references = file.create_dataset(name, (1, 2), dtype=h5py.ref_dtype)
        if "target" in file:
            references[0, 0] = file["target"].ref
    else:
        strange = strange_array(random, like)
        file[name] = strange if strange.dtype.kind not in "UMm" else np.array([b"a", b"b"])


# --- Arrow, Parquet, Excel --------------------------------------------------------------------------------------------


def _columns() -> dict[str, Any]:
    return {
        "size": pa.array([0.5, 1, None, 7]),
        "hue": pa.array(["r", "g", "g", "r"]).dictionary_encode(),
        "v": pa.array([[1.0, 2], [0, 1], [3, 3], [1, 0]]),
        "red": pa.array([1, 0, 1, 0]),
        "round": pa.array([False, True, None, False]),
        "tags": pa.array([["a", "b"], [], ["b"], ["a"]]),
    }


def _strange_column(random: Random) -> Any:
    now = datetime.datetime(2021, 3, 4)
    return random.choice(
        [
            lambda: pa.nulls(4),
            lambda: pa.array([{"a": 1}, None, {"a": 2}, {}]),
            lambda: pa.array([[("k", 1)], [], None, []], type=pa.map_(pa.string(), pa.int64())),
            lambda: pa.array([decimal.Decimal("1.5")] * 3 + [None]),
            lambda: pa.array([decimal.Decimal(10) ** 70] * 4, type=pa.decimal256(76, 0)),
            lambda: pa.array([now, None, now, datetime.datetime(9999, 1, 1)], type=pa.timestamp("us", tz="Asia/Tokyo")),
            lambda: pa.array([2**62, -(2**62), None, 0], type=pa.timestamp("s")),
            lambda: pa.array([now.time()] * 4),
            lambda: pa.array([now.date(), None, now.date(), datetime.date(1, 1, 1)]),
            lambda: pa.array([datetime.timedelta(days=1)] * 4),
            lambda: pa.array([b"a", b"\xff", None, b""]),
            lambda: pa.array([[[1], [2, 3]], [], None, [[]]]),
            lambda: pa.array([[1, None], [2, 3], None, []]),
            lambda: pa.array([float("inf"), 1, 2, float("nan")]),
            lambda: pa.array([2**63, 2**64 - 1, 0, None], type=pa.uint64()),
            lambda: pa.array([None] * 4, type=pa.string()).dictionary_encode(),
            lambda: pa.array([1, 0, 1, None], type=pa.int8()).dictionary_encode(),
            lambda: pa.array(["\x1b", "=1+1", "\r", "a" * 5000]),
            lambda: pa.array([1, 2, 3, 4], type=pa.float16()),
            lambda: pa.array([[1, 2]] * 4, type=pa.list_(pa.int8(), 2)),
            lambda: pa.array([["a", "a"], ["a"], [None], [""]]),
            lambda: pa.array([[0, 1], [1, 0], [1], [0, 0]]),
            lambda: pa.array([-1, 1, 0, 7]),
        ]
    )()


def _table(random: Random, is_strange: bool) -> Any:
    columns = _columns()
    if is_strange:
        name = random.choice(list(columns))
        way = random.randrange(8)
        if way == 0:
            del columns[name]
        elif way == 1:
            columns[random.choice(["", "id", "x\x1b", "red ", "__index_level_0__", "0"])] = columns.pop(name)
        else:
            columns[name] = _strange_column(random)
    table = pa.table(columns)
    if is_strange and random.random() < 0.1:
        table = table.slice(0, 0)
    if is_strange and random.random() < 0.15:
        notes = [
            b"{}",
            b"x",
            b'{"columns": 7}',
            b'{"index_columns": ["red"], "columns": []}',
            b'{"index_columns":[{"kind":"range"}]}',
        ]
        table = table.replace_schema_metadata({b"pandas": random.choice(notes)})
    if is_strange and len(table) and random.random() < 0.05:
        table = table.append_column("red", pa.array([1, 0, 0, 0]))
    return table


def parquet(random: Random, count: int) -> bytes:
    """Return a file of Parquet."""
    is_strange = bool(count) and random.random() < 0.5
    file = io.BytesIO()
    try:
        pa.parquet.write_table(
            _table(random, is_strange), file, compression=random.choice(["none", "snappy", "zstd", "gzip"])
        )
    except (pa.ArrowException, ValueError, NotImplementedError):  # what the format cannot hold
        return b"PAR1PAR1"
    return damaged(random, file.getvalue(), count - is_strange)


def feather(random: Random, count: int) -> bytes:
    """Return a file of Feather or Arrow IPC."""
    is_strange = bool(count) and random.random() < 0.5
    table, file = _table(random, is_strange), io.BytesIO()
    kind = random.choice(["uncompressed", "lz4", "zstd", "stream"])
    try:
        if kind == "stream":
            with pa.ipc.new_stream(file, table.schema) as writer:
                writer.write_table(table)
        else:
            pa.feather.write_feather(table, file, compression=kind)
    except (pa.ArrowException, ValueError, NotImplementedError):
        return b"ARROW1"
    return damaged(random, file.getvalue(), count - is_strange)


@functools.cache
def _book() -> bytes:
    return _written_book([])


def _written_book(changes: list[tuple[int, int, Any]]) -> bytes:
    book = openpyxl.Workbook()
    rows: list[list[Any]] = [
        ["size", "hue", "red", "round", "tags"],
        [0.5, "r", 1, 0, "a|b"],
        [1, "g", 0, True, "b"],
        [None, "g", 1, None, ""],
        [7, "r", 0, 0, "a"],
    ]
    for row, column, value in changes:
        rows[row][column] = value
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def excel(random: Random, count: int) -> bytes:
    """Return a file of Excel."""
    values = [
        None,
        "",
        "red",
        "=1+1",
        "#DIV/0!",
        datetime.datetime(2021, 3, 4),
        datetime.time(1, 2),
        datetime.timedelta(1),
    ]
    values += [True, 1e300, -1, 2, "x" * 5000, "1" * 400, 10**15, "[1, 0]", " ", "nan", decimal.Decimal("0.5")]
    if not count:
        return _book()
    way = random.random()
    if way < 0.35:
        return _written_book([(random.randrange(5), random.randrange(5), random.choice(values)) for _ in range(count)])
    if way < 0.5:
        return damaged(random, _book(), count)
    with zipfile.ZipFile(io.BytesIO(_book())) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for _ in range(count):
        if not members:
            break
        name = random.choice([*members, *["xl/worksheets/sheet1.xml"] * 4])
        if name in members and random.random() < 0.8:
            members[name] = _xml_changed(random, members[name])
        elif name in members:
            return _members_changed(random, members, 1)
    return _zipped(members)


def _xml_changed(random: Random, content: bytes) -> bytes:
    from . import text

    if random.random() < 0.1:
        bomb = (
            b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "'
            + b"&a;" * 99
            + b'"><!ENTITY c "'
            + b"&b;" * 99
            + b'">]>'
        )
        return content.replace(b"<worksheet", bomb + b"<worksheet", 1).replace(b"<v>1</v>", b"<v>&c;</v>")
    values = [
        b"A1",
        b"XFD1048576",
        b"AAAA1",
        b"A0",
        b"A99999999",
        b"s",
        b"n",
        b"e",
        b"d",
        b"inlineStr",
        b"-1",
        b"999999999",
        b"1e999",
    ]
    if random.random() < 0.5:
        old = random.choice(
            [b"A1", b"B2", b't="n"', b't="s"', b"<v>0</v>", b"<v>1</v>", b"A1:E5", b'r="3"', b'sheetId="1"', b"rId1"]
        )
        return content.replace(old, random.choice([random.choice(values), b"<v>" + random.choice(values) + b"</v>"]), 1)
    return text.changed(random, content, 1, b'<>/=" ', header=0)
