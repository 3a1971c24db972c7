"""`.dat` files of KEEL, and labels of -1 and 1."""

import numpy as np
import pytest

from batchsift.data import load

HEADER = """@relation toys
@attribute Width real [0.0, 1.0]
@attribute Count integer[1,10]
@attribute Shop {north, south}
@attribute red {0,1}
@attribute round {0, 1}
"""
ROWS = "@data\n0.5, 3, north, 1, 0\n0.25, <null>, south, 0, 1\n1.0, 4, <null>, 1, ?\n"


@pytest.mark.parametrize(
    "roles",
    [
        "@inputs Width, Count, Shop\n@outputs red, round\n",
        "@input Width,Count,Shop\n@Output red,round\n",
        "@outputs red, round\n",
    ],
)
@pytest.mark.parametrize("name", ["toys.dat", "toys.txt", "toys.arff", "TOYS.DAT"])
def test_inputs_and_outputs(write, roles, name):
    data = load(write(HEADER + roles + ROWS, name))
    assert data.feature_names == ("Width", "Count", "Shop=north", "Shop=south")
    assert data.label_names == ("red", "round")
    nan = np.nan
    np.testing.assert_array_equal(data.features, [[0.5, 3, 1, 0], [0.25, nan, 0, 1], [1, 4, nan, nan]])
    np.testing.assert_array_equal(data.labels, [[1, 0], [0, 1], [1, nan]])


def test_labels_that_are_asked_for_win(write):
    path = write(HEADER + "@inputs Width, Count, Shop\n@outputs red, round\n" + ROWS, "toys.dat")
    with pytest.warns(UserWarning, match="labels=1 takes the last 1 attribute as labels, but @outputs names 2"):
        data = load(path, labels=1)
    assert data.label_names == ("round",)


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        ("@inputs Width\n@outputs red, round\n", "neither @inputs nor @outputs names 'Count', 'Shop'"),
        ("@outputs red, rounds\n", "@outputs name 'rounds', which is no attribute; did you mean 'round'"),
        ("@outputs red, red\n", "stands twice in @inputs and @outputs"),
        ("@outputs\n", "line 7, column 1: @outputs: nothing follows; expected names"),
        ("@outputs red\n@outputs round\n", "line 8, column 1: @outputs: a second line of this kind"),
    ],
)
def test_roles_that_are_wrong(write, roles, message):
    with pytest.raises(ValueError, match=message):
        load(write(HEADER + roles + ROWS, "toys.dat"))


MINUS = "@relation r\n@attribute x numeric\n@attribute a {-1,1}\n@attribute b numeric\n@data\n"


def test_minus_one_is_said_not_guessed(write):
    path = write(MINUS + "1,-1,-1\n2,1,1\n3,?,-1\n")
    with pytest.raises(
        ValueError, match=r"line 6, column 3: the label 'a' is '-1'; expected 0, 1 or .*give negative=-1"
    ):
        load(path, labels=2)
    np.testing.assert_array_equal(load(path, labels=2, negative=-1).labels, [[0, 0], [1, 1], [np.nan, 0]])
    for row, message in (
        ("1,-1,0", "the label 'b' is '0'; expected -1, 1 or"),
        ("{0 1,1 1}", "the row leaves out the label 'b', which means 0; expected -1, 1 or"),
    ):
        with pytest.raises(ValueError, match=message):
            load(write(MINUS + row + "\n"), labels=2, negative=-1)
    with pytest.raises(ValueError, match="negative=1; expected the number that says"):
        load(path, labels=2, negative=1)


def test_all_rows_that_are_wrong_come_in_one_message(write, monkeypatch):
    rows = ["1,0,1", "x,0,1", "1,0", "1,7,1", "2,1,0"]
    path = write("@relation r\n@attribute x numeric\n@attribute a {0,1}\n@attribute b {0,1}\n@data\n" + "\n".join(rows))
    with pytest.raises(
        ValueError, match=r"set\.arff, line 7, column 1: .*; line 8, column 4: .*; line 9, column 3: "
    ) as caught:
        load(path, labels=2)
    assert "reading stopped" not in str(caught.value)
    monkeypatch.setattr("batchsift.data.arff.source.CHUNK_BYTES", 10)
    with pytest.raises(ValueError, match=r"line 7, column 1: .*; line 8, column 4: .*; line 9, column 3: "):
        load(path, labels=2)
    many = write("@relation r\n@attribute x numeric\n@attribute a {0,1}\n@data\n" + "x,0\n" * 1000)
    with pytest.raises(
        ValueError, match=r"line 14, column 1: .*; there may be more, since reading stopped here$"
    ) as caught:
        load(many, labels=1)
    assert str(caught.value).count("column 1") == 10
