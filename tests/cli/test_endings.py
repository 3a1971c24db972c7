"""How commands end: with one line, whatever goes wrong."""

import errno
import os

import pytest
import torch

from batchsift.cli import describe as verb

CSV = "x,y,z\n" + "1.5,0,1\n2.5,1,0\n" * 60


@pytest.fixture
def table(tmp_path):
    (tmp_path / "t.csv").write_text(CSV)
    return tmp_path / "t.csv"


@pytest.mark.parametrize("verb_name", ["describe", "train", "compare"])
def test_a_full_disk_ends_in_one_line(batchsift, table, monkeypatch, verb_name):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    short = () if verb_name == "describe" else ("--epochs", 1, "--min-positives", 0, "--batch-size", 8)
    short += ("--methods", "random", "--folds", 2) if verb_name == "compare" else ()
    code, _, err = batchsift(verb_name, table, "--labels", 2, *short)
    assert code == 2, err
    assert code == 2
    assert "No space left" in err.splitlines()[-1]
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (RuntimeError("oh\x1b"), 1, "this is a bug of batchsift: RuntimeError: oh\\x1b"),
        (KeyError("k"), 1, "this is a bug of batchsift: KeyError: 'k'"),
        (MemoryError(), 1, "not enough memory"),
        (OSError(errno.EIO, "broken"), 2, "broken"),
    ],
)
def test_what_nothing_explains_is_one_line(batchsift, table, monkeypatch, error, code, says):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(verb.ReadingOptions, "load", fail)
    monkeypatch.delenv("BATCHSIFT_TRACEBACK", raising=False)
    ended, out, err = batchsift("describe", table)
    assert (ended, out) == (code, "")
    assert says in err
    assert len(err.splitlines()) == 1


def test_a_bug_shows_where_it_is_on_demand(batchsift, table, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("oh")

    monkeypatch.setattr(verb.ReadingOptions, "load", fail)
    monkeypatch.setenv("BATCHSIFT_TRACEBACK", "1")
    with pytest.raises(RuntimeError, match="oh"):
        batchsift("describe", table)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("x = " + "[" * 5000 + "]" * 5000, "s.toml"),
        (
            'data = ["digits"]\nmethods = ["random"]\nfolds = 1000000',
            "folds: this should be less than or equal to 1000",
        ),
    ],
)
def test_study_files_that_cannot_be_are_answered_at_once(batchsift, tmp_path, content, says):
    (tmp_path / "s.toml").write_text(content)
    code, _, err = batchsift("study", "run", "s.toml")
    assert code == 2
    assert says in err
    assert "Traceback" not in err


def test_too_many_folds_of_a_comparison(batchsift, table):
    code, _, err = batchsift("compare", table, "--labels", 1, "--folds", 1_000_000)
    assert (code, len(err.splitlines())) == (2, 1)
    assert "at most 1000" in err


def test_a_truncated_model_is_refused(batchsift, table, tmp_path):
    torch.save({"a": torch.zeros(100)}, tmp_path / "model.pt")
    content = (tmp_path / "model.pt").read_bytes()
    (tmp_path / "model.pt").write_bytes(content[: len(content) // 2])
    code, _, err = batchsift("predict", tmp_path, table)
    assert (code, len(err.splitlines())) == (2, 1)
    assert "model.pt" in err


def test_a_name_of_a_file_is_shown_and_not_obeyed(batchsift):
    code, _, err = batchsift("describe", "x\x1b[31m.csv", "--labels", 1)
    assert code == 2
    assert "\x1b" not in err
    assert "\\x1b[31m" in err
