import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from batchsift import data
from batchsift.data import catalog

ARFF = "@relation r\n@attribute x numeric\n@attribute a {0,1}\n@data\n0.5,1\n1.5,0\n"


def test_digits():
    loaded = data.load("digits")
    assert loaded.name == "digits"
    np.testing.assert_array_equal(loaded.labels, data.digits().labels)


def test_labels_do_not_go_with_an_embedded_set():
    with pytest.raises(ValueError, match="labels=3 came with 'digits'"):
        data.load("digits", labels=3)


@pytest.mark.parametrize("kind", [str, lambda path: path])
@pytest.mark.parametrize("name", ["set.arff", "SET.ARFF"])
def test_arff(tmp_path, kind, name):
    (tmp_path / name).write_text(ARFF)
    loaded = data.load(kind(tmp_path / name), labels=1)
    assert loaded.label_names == ("a",)
    assert loaded.features.tolist() == [[0.5], [1.5]]


def test_an_unknown_name_is_refused_with_the_nearest():
    for source, near in (("digit", "digits"), ("emotion", "emotions"), ("corel5K2", "Corel5k")):
        with pytest.raises(ValueError, match=rf"cannot load '{source}': .*; did you mean '{near}'\?"):
            data.load(source)


@pytest.mark.parametrize("source", ["wine", "table.xyz", "", "some/folder"])
def test_an_unknown_source_is_refused_with_what_is_supported(source):
    message = r"expected 'digits', one of the \d+ names that `batchsift datasets` lists, or a path ending in \.arff, .*"
    with pytest.raises(ValueError, match=message):
        data.load(source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (np.zeros((2, 2)), r"cannot load a ndarray; .*from_arrays\(X, y, \.\.\.\)"),
        ((np.zeros((2, 2)), [[1], [0]]), r"cannot load a tuple; .*from_arrays"),
        (type("Dataset", (), {"select_columns": None})(), r"cannot load a Dataset; use from_hf\("),
        ({"train": type("Dataset", (), {"select_columns": None})()}, r"cannot load a dict; use from_hf\("),
        (None, "cannot load a NoneType; expected a name, a path"),
    ],
)
def test_what_has_a_door_of_its_own(source, message):
    with pytest.raises(TypeError, match=message):
        data.load(source)


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*missing\.arff"):
        data.load(tmp_path / "missing.arff")


def test_importing_the_room_imports_nothing_heavy():
    heavy = "{'arff', 'iterstrat', 'sklearn', 'scipy', 'pandas'}"
    code = f"import sys, batchsift.data; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


TABLE = "x,a,b\n0.5,1,0\n1.5,0,1\n"


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("set.arff", {"delimiter": "|"}, r"delimiter='\|' came with set\.arff; .*what goes with it: labels="),
        ("set.arff", {"label_column": "a", "delimiter": "|"}, r"label_column='a' and delimiter='\|' came with"),
        ("set.npz", {"labels": 2}, r"labels=2 came with set\.npz; leave it out; what goes with it: drop="),
        ("set.csv", {}, r"set\.csv: say which columns are labels by one of labels=N"),
    ],
)
def test_options_that_do_not_go_with_a_file(tmp_path, name, options, message):
    (tmp_path / name).write_text(TABLE)
    with pytest.raises(ValueError, match=message):
        data.load(tmp_path / name, **options)


def test_every_kind_of_file_by_one_door(tmp_path):
    (tmp_path / "set.arff").write_text(ARFF)
    (tmp_path / "set.csv").write_text(TABLE)
    frame = pd.read_csv(tmp_path / "set.csv")
    frame.to_parquet(tmp_path / "set.parquet")
    np.savez(tmp_path / "set.npz", X=[[0.5], [1.5]], y=[[1, 0], [0, 1]], feature_names=["x"], label_names=["a", "b"])
    for source, options in (
        (tmp_path / "set.csv", {"labels": 2}),
        (str(tmp_path / "set.parquet"), {"label_columns": "a,b"}),
        (tmp_path / "set.npz", {}),
        (frame, {"labels": 2}),
    ):
        loaded = data.load(source, **options)
        assert loaded.features.tolist() == [[0.5], [1.5]]
        assert loaded.labels.tolist() == [[1, 0], [0, 1]]
        assert (loaded.feature_names, loaded.label_names) == (("x",), ("a", "b"))


def test_a_name_of_the_catalogue(monkeypatch):
    monkeypatch.setattr(catalog, "load", lambda name, *, offline: f"loaded {name} {offline}")
    assert data.load("emotions") == "loaded emotions None"
    assert data.load("emotions", offline=True) == "loaded emotions True"
    with pytest.raises(ValueError, match="labels=6 came with 'emotions', which knows its labels"):
        data.load("emotions", labels=6)
