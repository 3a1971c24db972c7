import bz2
import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import tomllib
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pooch
import pytest

from batchsift.data import catalog
from batchsift.data.catalog import File, download, entry, published_split, table
from batchsift.data.catalog import files as catalog_files
from batchsift.data.catalog.download import DownloadError
from batchsift.data.catalog.reading import check_facts, load
from local_server import Answer, LocalServer

PROTOCOL = {"CAL500", "birds", "enron", "scene", "yeast", "Corel5k", "rcv1subset1", "rcv1subset2", "rcv1subset3"}
PROTOCOL |= {"bibtex", "Arts1", "Business1", "mediamill"}
LABELS = """<labels xmlns="http://mulan.sourceforge.net/labels"><label name="red"/><label name="round"/></labels>"""


def arff(rows):
    head = "@relation toy\n@attribute width numeric\n@attribute red {0,1}\n@attribute round {0,1}\n@data\n"
    return (head + "".join(f"{row}\n" for row in rows)).encode()


TRAIN, TEST = arff(["0.5,1,1", "1.5,0,1", "2.5,0,0"]), arff(["3.5,1,0", "4.5,1,1"])
WHOLE = arff(["3.5,1,0", "0.5,1,1", "4.5,1,1", "1.5,0,1", "2.5,0,0"])


def sha256(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BATCHSIFT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("BATCHSIFT_OFFLINE", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "RETRIES", 1)
    monkeypatch.setattr(download, "TIMEOUTS", (2.0, 2.0))
    monkeypatch.setattr(pooch.core, "time", SimpleNamespace(sleep=lambda seconds: None))
    return tmp_path / "cache"


@pytest.fixture
def server():
    content = {"toy.arff": WHOLE, "toy-train.arff": TRAIN, "toy-test.arff": TEST, "toy.xml": LABELS.encode()}
    with LocalServer(content) as server:
        yield server


def toy(server, parts=("whole", "train", "test", "labels"), *, checked=True, **facts):
    paths = {"whole": "toy.arff", "train": "toy-train.arff", "test": "toy-test.arff", "labels": "toy.xml"}
    listed = tuple(
        File(
            part=part,
            address=server.address(paths[part]),
            checksum=sha256(server.files[paths[part]]) if checked else None,
        )
        for part in parts
    )
    known = {"samples": 5, "features": 1, "labels": 2, "cardinality": 1.2} | facts
    return catalog.Entry(
        name="Toy", domain="toys", licence="none", citation="nobody", facts="a table", files=listed, **known
    )


@pytest.fixture
def listed(monkeypatch):
    """Puts an entry in the place of the whole table."""

    def put(entry):
        monkeypatch.setattr(table, "_entries", lambda: {entry.name: entry})
        monkeypatch.setattr(table, "_index", lambda: {entry.name.casefold(): entry.name})
        return entry

    return put


# --- The table ----------------------------------------------------------------------------------------------


def test_the_sets_of_the_protocol_are_listed():
    assert {name for name in catalog.names() if entry(name).protocol} == PROTOCOL
    assert entry("yeast").shape == "2417 x 103 x 14"
    assert entry("rcv1subset1").has_published_split
    assert not entry("CAL500").has_published_split
    assert len(catalog.names()) >= 60


@pytest.mark.parametrize("name", catalog.names())
def test_every_entry_states_its_source_and_how_it_is_recognised(name):
    found = entry(name)
    assert found.citation
    assert found.licence
    assert "http" in found.facts or "R Journal" in found.facts
    assert all(file.address.startswith("https://") for file in found.files)
    pinned = [file for file in found.files if "githubusercontent" in file.address]
    assert all(re.search(r"/[0-9a-f]{40}/", file.address) and file.checksum for file in pinned)
    unchecked = [file for file in found.files if file.checksum is None]
    assert found.has_checksums == (not unchecked)
    assert not unchecked or name.startswith("rcv1subset")


def test_names_are_found_in_any_case_and_near_ones_suggested():
    assert entry("cAL500").name == "CAL500"
    assert entry("yahoo_business").name == "Business1"
    assert catalog.known("TMC2007_500")
    assert not catalog.known("digits")
    with pytest.raises(ValueError, match=r"no data set 'yaest' in the catalogue; did you mean 'yeast'"):
        entry("yaest")
    with pytest.raises(ValueError, match=r"`batchsift datasets` lists all"):
        entry("???")


def test_mistakes_in_the_table_are_refused():
    text = files("batchsift.data.catalog").joinpath("sets.toml").read_text("utf-8")

    def changed(old, new):
        assert old in text
        return table.entries_from(tomllib.loads(text.replace(old, new, 1)))

    for old, new, error, message in [
        ("samples = 502", "samples = 0", ValueError, "CAL500 is said to be 0 x 68"),
        ("samples = 502", "sample = 502", TypeError, "sample"),
        ('part = "whole"', 'part = "hole"', ValueError, "'hole'"),
        ('part = "train"', 'part = "labels"', ValueError, "birds consists of"),
        ("sha256:cfe6", "sha256:xyz", ValueError, "is none"),
        ('"mulan:cal500', '"dulan:cal500', KeyError, "dulan"),
        ('mulan = "https', 'mulan = "http', ValueError, "https"),
        ('facts = "mulan"', 'facts = "hearsay"', KeyError, "hearsay"),
        ('aliases = ["yahoo-arts"]', 'aliases = ["YEAST"]', ValueError, "yeast"),
        ("openml = 40592", "", ValueError, "neither"),
    ]:
        with pytest.raises(error, match=message):
            changed(old, new)


# --- Download and cache -------------------------------------------------------------------------------------


def test_loading_downloads_once_and_says_so(server, listed, cache, capsys):
    assert not catalog.is_cached(listed(toy(server)))
    data = load("TOY")
    assert (data.name, data.num_samples, data.cardinality) == ("Toy", 5, 1.2)
    np.testing.assert_array_equal(data.features[:, 0], [3.5, 0.5, 4.5, 1.5, 2.5])
    assert "downloading Toy.arff from 127.0.0.1:" in capsys.readouterr().err
    assert sorted(path.name for path in (cache / "Toy").iterdir() if path.name != ".lock") == ["Toy.arff", "Toy.xml"]
    assert catalog.is_cached(entry("toy"))
    again = load("toy")
    assert capsys.readouterr().err == ""
    assert server.paths_asked == ["toy.arff", "toy.xml"]
    np.testing.assert_array_equal(again.labels, data.labels)


def test_published_splits_come_from_their_own_files(server, listed):
    listed(toy(server))
    split = published_split("toy")
    assert (split.train.tolist(), split.test.tolist()) == ([0, 1, 2], [3, 4])
    np.testing.assert_array_equal(split.data.features[split.test, 0], [3.5, 4.5])
    assert server.paths_asked == ["toy-train.arff", "toy-test.arff", "toy.xml"]
    listed(toy(server, ("whole", "labels")))
    with pytest.raises(ValueError, match="Toy has no published split"):
        published_split("toy")


def test_a_set_published_in_two_parts_is_put_together(server, listed):
    listed(toy(server, ("train", "test", "labels")))
    np.testing.assert_array_equal(load("toy").features[:, 0], [0.5, 1.5, 2.5, 3.5, 4.5])


def test_damage_in_the_cache_is_mended_or_refused(server, listed, cache):
    listed(toy(server))
    load("toy")
    (cache / "Toy" / "Toy.arff").write_bytes(WHOLE.replace(b"4.5", b"4.6"))
    with pytest.raises(DownloadError, match=r"missing or damaged: Toy.arff.*switched off"):
        load("toy", offline=True)
    assert load("toy").features[2, 0] == 4.5
    assert load("toy", offline=True).num_samples == 5


def test_what_the_server_damages_is_never_used(server, listed, cache):
    listed(toy(server))
    server.answers = [Answer(body=WHOLE[:-20]), Answer(body=WHOLE[:-20])]
    with pytest.raises(DownloadError, match="wrong content"):
        load("toy")
    assert not list((cache / "Toy").glob("*.arff*"))


def test_an_interrupted_download_is_made_by_a_later_call(server, listed, cache):
    server.files["toy.arff"] = arff(["3.5,1,0"] * 4 + ["4.5,0,0"] * 20_000)
    listed(toy(server, samples=20_004, cardinality=4 / 20_004))
    server.answers = [Answer(cut=100_000), Answer(status=503)]
    with pytest.raises(DownloadError, match="2 attempts"):
        load("toy")
    assert not list((cache / "Toy").glob("*.arff*"))
    assert load("toy").num_samples == 20_004


def test_offline_is_refused_by_argument_and_environment(server, listed, monkeypatch):
    listed(toy(server))
    message = r"Toy is not in the cache .*\(missing or damaged: Toy.arff, Toy.xml\).*batchsift datasets fetch Toy"
    with pytest.raises(DownloadError, match=message):
        load("toy", offline=True)
    monkeypatch.setenv("BATCHSIFT_OFFLINE", "1")
    with pytest.raises(DownloadError, match=message):
        load("toy")
    with pytest.raises(DownloadError, match=r"batchsift datasets fetch Toy --split"):
        published_split("toy")
    monkeypatch.setenv("BATCHSIFT_OFFLINE", "0")
    assert load("toy").num_samples == 5


def test_a_cache_that_may_only_be_read_is_enough(server, listed, cache, monkeypatch):
    listed(toy(server))
    load("toy")
    monkeypatch.setattr(Path, "mkdir", lambda *args, **options: pytest.fail("wrote into the cache"))
    (cache / "Toy" / ".lock").unlink(missing_ok=True)
    assert load("toy").num_samples == 5
    assert not (cache / "Toy" / ".lock").exists()


def test_without_a_published_checksum_the_first_download_holds(server, listed, cache, capsys):
    listed(toy(server, checked=False))
    load("toy")
    digest = hashlib.sha256(WHOLE).hexdigest()
    assert f"no checksum is published for Toy.arff: sha256:{digest} is recorded" in capsys.readouterr().err
    assert (cache / "Toy" / "Toy.arff.sha256").read_text().strip() == digest
    (cache / "Toy" / "Toy.arff").unlink()
    server.files["toy.arff"] = WHOLE.replace(b"4.5", b"4.6")
    with pytest.raises(DownloadError, match=f"checksum is not sha256:{digest}"):
        load("toy")
    server.files["toy.arff"] = WHOLE
    assert load("toy").num_samples == 5


def test_a_file_put_there_by_hand_is_checked_like_any_other(server, listed, cache, capsys):
    (cache / "Toy").mkdir(parents=True)
    (cache / "Toy" / "Toy.arff").write_bytes(WHOLE)
    (cache / "Toy" / "Toy.xml").write_text(LABELS)
    listed(toy(server))
    assert load("toy", offline=True).num_samples == 5
    listed(toy(server, checked=False))
    assert load("toy", offline=True).num_samples == 5
    assert "put there by hand" in capsys.readouterr().err
    (cache / "Toy" / "Toy.arff").write_bytes(TRAIN)
    with pytest.raises(DownloadError, match=r"missing or damaged: Toy\.arff\)"):
        load("toy", offline=True)
    assert server.paths_asked == []


def fetching(entry):
    """A process that fetches a data set."""
    code = f"""
from batchsift.data.catalog import Entry, File, fetch
fetch({entry!r})
print(*fetch({entry!r}, offline=True).values())
"""
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_fetch_one_set_without_harm(server, cache):
    gate = threading.Event()
    server.answers = [Answer(gate=gate)]
    first = fetching(toy(server))
    while not server.paths_asked:
        assert first.poll() is None
        time.sleep(0.01)
    second = fetching(toy(server))
    assert second.stderr.readline() == "another process is fetching Toy; waiting for it\n"
    gate.set()
    for process in (first, second):
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    assert server.paths_asked == ["toy.arff", "toy.xml"]
    assert (cache / "Toy" / "Toy.arff").read_bytes() == WHOLE


def test_a_process_killed_while_fetching_leaves_nothing_wrong(server, listed, cache):
    server.files["toy.arff"] = arff(["3.5,1,0"] * 20_000)
    server.answers = [Answer(stall=30)]
    process = fetching(listed(toy(server, samples=20_000, cardinality=1.0)))
    unfinished = cache / "Toy" / "Toy.arff.unfinished"
    while not any(path.stat().st_size > 50_000 for path in unfinished.glob("*")):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.communicate(timeout=60)
    assert not (cache / "Toy" / "Toy.arff").exists()
    assert load("toy").num_samples == 20_000
    assert not unfinished.exists()


def test_the_cache_lies_where_the_platform_keeps_caches(monkeypatch):
    monkeypatch.delenv("BATCHSIFT_CACHE")
    assert catalog.cache_folder().name == "batchsift"
    monkeypatch.setenv("BATCHSIFT_CACHE", "~/elsewhere")
    assert catalog.cache_folder() == Path("~/elsewhere").expanduser()


# --- Reading ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("facts", [{"samples": 6}, {"features": 2}, {"labels": 3}])
def test_other_counts_than_the_published_ones_are_refused(server, listed, facts):
    listed(toy(server, **facts))
    with pytest.raises(ValueError, match=r"5 x 1 x 2 .*expected \(a table\).*not used"):
        load("toy")


def test_another_cardinality_than_the_published_one_is_said(server, listed):
    listed(toy(server, cardinality=1.22))
    with pytest.warns(UserWarning, match=r"cardinality of 1\.200; published is 1\.220 \(a table\)"):
        assert load("toy").num_samples == 5


def test_cardinalities_are_compared_to_the_digits_tables_give(server, listed):
    listed(toy(server, cardinality=1.205))
    assert load("toy").num_samples == 5
    listed(toy(server, cardinality=None))
    assert load("toy").num_samples == 5


def svm(rows):
    return bz2.compress("".join(f"{row}\n" for row in rows).encode())


def svm_entry(server, **facts):
    files = tuple(File(part=part, address=server.address(f"x_{part}_1.svm.bz2")) for part in ("train", "test"))
    known = {"samples": 5, "features": 4, "labels": 3, "cardinality": 1.0} | facts
    return catalog.Entry(
        name="Toy", domain="text", licence="none", citation="nobody", facts="a table", files=files, **known
    )


def test_libsvm_files_are_read_sparse_with_the_labels_of_both_parts(server, listed):
    server.files["x_train_1.svm.bz2"] = svm(["2,102 1:0.5 4:1.5", "2 2:1", " 3:1"])
    server.files["x_test_1.svm.bz2"] = svm(["7 1:2", "102 4:3"])
    listed(svm_entry(server))
    data = load("toy")
    assert data.is_sparse
    assert data.label_names == ("label2", "label7", "label102")
    np.testing.assert_array_equal(data.labels, [[1, 0, 1], [1, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1]])
    np.testing.assert_array_equal(
        data.features.toarray(), [[0.5, 0, 0, 1.5], [0, 1, 0, 0], [0, 0, 1, 0], [2, 0, 0, 0], [0, 0, 0, 3]]
    )
    assert published_split("toy").test.tolist() == [3, 4]


@pytest.mark.parametrize("rows", [["2 5:1"], ["2 0:1"], ["what 1:1"], ["2 1:x"]])
def test_other_libsvm_files_are_refused(server, listed, rows):
    server.files |= {"x_train_1.svm.bz2": svm(["2 1:1"]), "x_test_1.svm.bz2": svm(rows)}
    listed(svm_entry(server))
    with pytest.raises(ValueError, match=r"Toy-test.svm.bz2 is not in LIBSVM's multi-label format"):
        load("toy")


# --- The published files ------------------------------------------------------------------------------------

LOCAL = {
    "CAL500": ["cal500.arff", "cal500.xml"],
    "birds": ["birds-train.arff", "birds-test.arff", "birds.xml"],
    "enron": ["enron.arff", "enron.xml"],
    "scene": ["scene-train.arff", "scene-test.arff", "scene.xml"],
    "yeast": ["yeast.arff", "yeast.xml"],
    "Corel5k": ["Corel5k.arff", "Corel5k.xml"],
    "bibtex": ["bibtex.arff", "bibtex.xml"],
    "emotions": ["emotions.arff", "emotions.xml"],
}


@pytest.mark.skipif("BATCHSIFT_DATA" not in os.environ, reason="BATCHSIFT_DATA names no folder with published files")
@pytest.mark.parametrize("name", LOCAL)
def test_published_files_have_the_checksums_and_the_counts_of_the_catalogue(name, cache):
    found = entry(name)
    (cache / name).mkdir(parents=True)
    for file, local in zip((f for f in found.files if f.part in (*found.parts, "labels")), LOCAL[name], strict=True):
        shutil.copy(Path(os.environ["BATCHSIFT_DATA"]) / "arff" / local, catalog_files._cached_path(found, file))
    data = load(name, offline=True)
    check_facts(found, data, num_features=data.num_features)
    assert data.name == name
