import hashlib
import json
from types import SimpleNamespace

import pooch
import pytest

from batchsift.data import catalog
from batchsift.data.catalog import File, download, table
from local_server import Answer, LocalServer

HEAD = "@relation 'toy: -C 2'\n@attribute red {0,1}\n@attribute round {0,1}\n@attribute width numeric\n@data\n"
TRAIN, TEST = f"{HEAD}1,1,0.5\n0,1,1.5\n".encode(), f"{HEAD}1,0,2.5\n".encode()
WHOLE = f"{HEAD}1,1,0.5\n0,1,1.5\n1,0,2.5\n".encode()


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Serves two data sets: Toy, with checksums and a split, and Bare, without either."""
    monkeypatch.setenv("BATCHSIFT_CACHE", str(tmp_path))
    monkeypatch.delenv("BATCHSIFT_OFFLINE", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "RETRIES", 1)
    monkeypatch.setattr(download, "TIMEOUTS", (2.0, 2.0))
    monkeypatch.setattr(pooch.core, "time", SimpleNamespace(sleep=lambda seconds: None))
    with LocalServer({"toy.arff": WHOLE, "train.arff": TRAIN, "test.arff": TEST}) as server:

        def file(part, path, checked=True):
            checksum = "sha256:" + hashlib.sha256(server.files[path]).hexdigest() if checked else None
            return File(part=part, address=server.address(path), checksum=checksum, bytes=len(server.files[path]))

        def entry(name, *files, **facts):
            known = {"samples": 3, "features": 1, "labels": 2, "cardinality": 4 / 3} | facts
            words = {"domain": "toys", "licence": "free", "citation": "Toymaker", "facts": "a table"}
            return catalog.Entry(name=name, files=files, **known, **words)

        toy = entry("Toy", file("whole", "toy.arff"), file("train", "train.arff"), file("test", "test.arff"))
        entries = {"Toy": toy, "Bare": entry("Bare", file("whole", "toy.arff", checked=False))}
        entries["Lie"] = entry("Lie", file("whole", "toy.arff", checked=False), samples=4)
        monkeypatch.setattr(table, "_entries", lambda: entries)
        monkeypatch.setattr(table, "_index", lambda: {name.casefold(): name for name in entries})
        yield server


def listed(out, name):
    return next(each for each in json.loads(out)["datasets"] if each["name"] == name)


def test_all_data_sets_are_listed(batchsift, tmp_path, monkeypatch):
    monkeypatch.setenv("BATCHSIFT_CACHE", str(tmp_path))
    code, out, errors = batchsift("datasets")
    assert (code, errors) == (0, "")
    rows = [line.split() for line in out.splitlines() if line]
    assert {row[0].rstrip("*") for row in rows} >= set(catalog.names())
    assert next(row for row in rows if row[0] == "yeast*")[1:5] == ["2417", "103", "14", "4.237"]
    assert "recorded" in next(row for row in rows if row[0] == "rcv1subset1*")
    assert str(tmp_path) in out


def test_json_is_one_document_with_citations_and_sources(batchsift, server):
    code, out, errors = batchsift("datasets", "--json")
    assert (code, errors) == (0, "")
    toy, bare = (listed(out, name) for name in ("Toy", "Bare"))
    assert (toy["name"], toy["citation"], toy["licence"], toy["published_split"]) == ("Toy", "Toymaker", "free", True)
    assert (toy["checksums"], bare["checksums"]) == ("published", "recorded when first downloaded")
    assert not toy["cached"]


def test_fetch_downloads_with_a_bar_and_says_where(batchsift, server, tmp_path):
    code, out, errors = batchsift("datasets", "fetch", "TOY")
    assert code == 0
    assert out.splitlines() == ["Toy: licence free; cite Toymaker", f"  {tmp_path / 'Toy' / 'Toy.arff'}"]
    assert "downloading Toy.arff" in errors
    assert "100%" in errors or "━" in errors
    assert (tmp_path / "Toy" / "Toy.arff").read_bytes() == WHOLE
    code, out, errors = batchsift("datasets", "fetch", "toy")
    assert (code, "downloading" in errors, server.paths_asked) == (0, False, ["toy.arff"])
    assert listed(batchsift("datasets", "--json")[1], "Toy")["cached"]


def test_a_fetch_that_broke_can_be_run_again(batchsift, server, tmp_path):
    server.files["toy.arff"] = WHOLE + b"% a comment that fills lines\n" * 5000
    checked = File(
        part="whole",
        address=server.address("toy.arff"),
        checksum="sha256:" + hashlib.sha256(server.files["toy.arff"]).hexdigest(),
    )
    table._entries()["Toy"] = catalog.Entry(**{**vars(table._entries()["Toy"]), "files": (checked,)})
    server.answers = [Answer(cut=50_000), Answer(status=500)]
    code, out, errors = batchsift("datasets", "fetch", "toy")
    assert (code, out) == (2, "")
    assert "could not be fetched in 2 attempts" in errors
    assert batchsift("datasets", "fetch", "toy")[0] == 0
    assert (tmp_path / "Toy" / "Toy.arff").read_bytes() == server.files["toy.arff"]


def test_published_parts_are_fetched_on_request(batchsift, server):
    code, out, _ = batchsift("datasets", "fetch", "toy", "--split", "--json")
    document = json.loads(out)
    assert code == 0
    assert sorted(document["datasets"][0]["files"]) == ["test", "train", "whole"]
    code, out, errors = batchsift("datasets", "fetch", "toy", "bare", "--split")
    assert (code, out) == (2, "")
    assert "Bare has no published split" in errors


def test_what_has_no_checksum_is_read_before_it_is_trusted(batchsift, server, tmp_path):
    code, _, errors = batchsift("datasets", "fetch", "bare")
    assert code == 0
    assert "sha256:" in errors
    assert "recorded and checked from now on" in " ".join(errors.split())
    code, out, errors = batchsift("datasets", "fetch", "lie")
    assert (code, out) == (2, "")
    assert "4 x 1 x 2 were expected" in " ".join(errors.split())
    assert not list((tmp_path / "Lie").glob("Lie*"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["toys"], "did you mean 'Toy'"),
        (["toy", "what"], "no data set 'what'"),
    ],
)
def test_mistakes_are_said_before_anything_is_downloaded(batchsift, server, arguments, message):
    code, out, errors = batchsift("datasets", "fetch", *arguments)
    assert (code, out) == (2, "")
    assert message in errors
    assert "Traceback" not in errors
    assert server.paths_asked == []


def test_what_cannot_be_had_is_one_message(batchsift, server, monkeypatch):
    del server.files["toy.arff"]
    code, out, errors = batchsift("datasets", "fetch", "toy")
    assert (code, out) == (2, "")
    assert "404" in errors
    assert "Traceback" not in errors
    monkeypatch.setenv("BATCHSIFT_OFFLINE", "1")
    assert "switched off" in batchsift("datasets", "fetch", "toy")[2]


def test_an_interruption_says_that_nothing_is_lost(batchsift, server, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(catalog, "fetch", interrupted)
    code, _, errors = batchsift("datasets", "fetch", "toy")
    assert code == 130
    assert "files that are whole are kept" in errors
