import subprocess
import sys

import numpy as np
import pytest

from batchsift import data

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
    with pytest.raises(ValueError, match=r"cannot load 'digit': .*\(digits\).*\.arff; did you mean 'digits'\?"):
        data.load("digit")


@pytest.mark.parametrize("source", ["wine", "table.xlsx", "", "some/folder"])
def test_an_unknown_source_is_refused_with_what_is_supported(source):
    with pytest.raises(ValueError, match=r"expected a name \(digits\) or a path ending in \.arff$"):
        data.load(source)


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*missing\.arff"):
        data.load(tmp_path / "missing.arff")


def test_importing_the_room_imports_nothing_heavy():
    heavy = "{'arff', 'iterstrat', 'sklearn', 'scipy', 'pandas'}"
    code = f"import sys, batchsift.data; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
