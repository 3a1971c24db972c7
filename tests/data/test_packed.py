"""Text files that are packed, damaged, or unpack to far more than they hold."""

import bz2
import gzip
import io
import lzma
import sys
import zipfile

import pytest
import zstandard

from batchsift.data import load
from batchsift.data.limits import check_bytes, check_shape, max_bytes
from batchsift.data.packed import inner_name, opened

TABLE = b"x,a\n" + b"0.5,1\n1.5,0\n" * 50


def zipped(content, name="inner.csv"):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


PACKINGS = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.compress,
    ".zip": zipped,
}


@pytest.fixture(params=sorted(PACKINGS))
def packing(request):
    return request.param


@pytest.mark.parametrize("name", ["set.csv{}", "set{}", "SET.CSV{}", "set.csv"])
def test_every_packing_by_every_name(write, packing, name):
    path = write(PACKINGS[packing](TABLE), name.format(packing))
    data = load(path, labels=1)
    assert (data.num_samples, data.feature_names, data.label_names) == (100, ("x",), ("a",))
    assert data.name.lower() == "set"


@pytest.mark.parametrize("ending", [".arff", ".jsonl", ".svm", ".xmc", ".dat"])
def test_every_kind_of_text(write, packing, ending):
    text = {
        ".arff": "@relation r\n@attribute x numeric\n@attribute a {0,1}\n@data\n0.5,1\n",
        ".jsonl": '{"x": 0.5, "a": 1}\n',
        ".svm": "1 1:0.5\n",
        ".xmc": "1 1 1\n0 0:0.5\n",
        ".dat": "@relation r\n@attribute x real\n@attribute a {0,1}\n@inputs x\n@outputs a\n@data\n0.5, 1\n",
    }[ending].encode()
    content = zipped(text, f"inner{ending}") if packing == ".zip" else PACKINGS[packing](text)
    options = {"labels": 1} if ending in (".arff", ".jsonl") else {}
    for name in (f"set{ending}{packing}", f"set{packing}"):
        data = load(write(content, name), **options)
        assert (data.num_samples, data.num_features, data.num_labels, data.labels.tolist()) == (1, 1, 1, [[1]])


def test_frames_that_follow_each_other_are_one_file(write):
    for name, pack in (("set.csv.gz", gzip.compress), ("set.csv.zst", zstandard.compress)):
        assert load(write(pack(TABLE) + pack(b"2.5,0\n"), name), labels=1).num_samples == 101


def test_a_damaged_one_is_refused_by_name(write, packing):
    whole = PACKINGS[packing](TABLE)
    for content in (whole[: len(whole) // 2], whole[:-5], b"no such file", b""):
        path = write(content, f"set.csv{packing}")
        with pytest.raises(ValueError, match=r"is damaged: it is no complete|: 0 column") as caught:
            load(path, labels=1)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("ending", [".csv", ".arff", ".jsonl", ".svm", ".txt"])
def test_a_bomb_stops_at_a_limit_that_can_be_raised(write, packing, ending, monkeypatch):
    text = {
        ".csv": b"x,a\n" + b"0,1\n" * 50_000,
        ".arff": b"@relation r\n@attribute x numeric\n@attribute a {0,1}\n@data\n" + b"0,1\n" * 50_000,
        ".jsonl": b'{"x": 0, "a": 1}\n' * 10_000,
        ".svm": b"1 1:1\n" * 30_000,
        ".txt": b"x\ta\n" + b"0\t1\n" * 50_000,
    }[ending]
    options = {} if ending == ".svm" else {"labels": 1}
    content = zipped(text, f"inner{ending}") if packing == ".zip" else PACKINGS[packing](text)
    path = write(content, f"set{ending}{packing}")
    monkeypatch.setenv("BATCHSIFT_MAX_BYTES", "100000")
    with pytest.raises(ValueError, match=r"unpacks to more than 100,000; .* set BATCHSIFT_MAX_BYTES") as caught:
        load(path, **options)
    assert str(path) in str(caught.value)
    monkeypatch.setenv("BATCHSIFT_MAX_BYTES", "10000000")
    assert load(path, **options).num_samples >= 10_000


def test_what_comes_out_is_counted_as_it_comes(write, monkeypatch):
    path = write(gzip.compress(bytes(50_000_000)), "zeros.gz")
    monkeypatch.setenv("BATCHSIFT_MAX_BYTES", "1000000")
    with opened(path) as file:
        for _ in range(9):
            assert file.read(100_000) == bytes(100_000)
        with pytest.raises(ValueError, match="unpacks to more than"):
            file.read(200_000)
    monkeypatch.delenv("BATCHSIFT_MAX_BYTES")
    with opened(path) as file:
        assert len(file.read()) == 50_000_000


def test_archives(write):
    path = write(b"", "set.zip")
    for names, message in (
        (("a.csv", "b.csv"), "holds 2 files: 'a.csv', 'b.csv'; expected one"),
        ((), "holds no file"),
    ):
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, TABLE)
        with pytest.raises(ValueError, match=message):
            load(path, labels=1)
    with zipfile.ZipFile(path, "w") as archive:
        archive.mkdir("folder")
        archive.writestr("folder/a.csv", TABLE)
        archive.writestr("__MACOSX/folder/._a.csv", "what macOS adds")
    assert inner_name(path) == "a.csv"
    assert load(path, labels=1).num_samples == 100
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("set.npz", TABLE)
    with pytest.raises(ValueError, match=r"packed files such as set\.npz are not read; unpack it first"):
        load(path)
    with pytest.raises(ValueError, match=r"packed files of \.parquet are not read; unpack it first"):
        load(write(gzip.compress(TABLE), "set.parquet.gz"), labels=1)


def test_zstandard_that_is_not_installed(write, monkeypatch):
    path = write(zstandard.compress(TABLE), "set.csv.zst")
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(ImportError, match=r"reading set\.csv\.zst needs the package zstandard: pip install zstandard"):
        load(path, labels=1)


def test_limits(write, monkeypatch):
    path = write(b"x" * 1000, "set")
    assert max_bytes(path) == (1 << 30) + 20_000
    check_bytes(path, 1 << 30, "all")
    with pytest.raises(ValueError, match=r"set holds 1,000 bytes, and all would take 2,147,483,648; expected at most"):
        check_bytes(path, 1 << 31, "all")
    check_shape(path, 2**40, 2, what="features")
    with pytest.raises(ValueError, match="features of 6 x 1099511627776 would take"):
        check_shape(path, 6, 2**40, what="features")
    monkeypatch.setenv("BATCHSIFT_MAX_BYTES", "1 GB")
    with pytest.raises(ValueError, match="BATCHSIFT_MAX_BYTES='1 GB' in the environment; expected a whole number"):
        check_bytes(path, 1, "all")
