import os
from pathlib import Path

import numpy as np
import pytest

from batchsift.data import published_split


def write(path, rows):
    path.write_text("width,red,round\n" + "".join(f"{row}\n" for row in rows))
    return path


@pytest.mark.parametrize("mark", ["-", "_"])
@pytest.mark.parametrize("given", ["train", "test"])
def test_two_files_make_a_data_set_and_its_split(tmp_path, mark, given):
    write(tmp_path / f"toy{mark}train.csv", ["0.5,1,1", "1.5,0,1"])
    write(tmp_path / f"toy{mark}test.csv", ["2.5,1,0"])
    split = published_split(tmp_path / f"toy{mark}{given}.csv", labels=2)
    assert split.data.name == "toy"
    assert (split.train.tolist(), split.test.tolist()) == ([0, 1], [2])
    np.testing.assert_array_equal(split.data.features[split.test], [[2.5]])


def test_other_files_and_sets_without_a_split_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"neither a name in the catalogue nor a file whose name ends in -train"):
        published_split(write(tmp_path / "toy.csv", ["0.5,1,1"]), labels=2)
    with pytest.raises(ValueError, match="CAL500 has no published split"):
        published_split("cal500")
    with pytest.raises(FileNotFoundError, match=r"toy-test\.csv"):
        published_split(write(tmp_path / "toy-train.csv", ["0.5,1,1"]), labels=2)


@pytest.mark.skipif("BATCHSIFT_DATA" not in os.environ, reason="BATCHSIFT_DATA names no folder of data sets")
def test_birds_as_published():
    split = published_split(Path(os.environ["BATCHSIFT_DATA"]) / "arff" / "birds-test.arff")
    assert (len(split.train), len(split.test)) == (322, 323)
    assert round(split.data.cardinality, 3) == 1.014
