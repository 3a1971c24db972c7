"""Features found again by name."""

import numpy as np
import pandas as pd
import pytest

from batchsift.data.readers.frames import from_frame
from batchsift.data.readers.matching import matching_features
from batchsift.data.readers.tables import read_frame

TRAINING = pd.DataFrame(
    {
        "size": [1.5, 2, 3, 4],
        "hue": ["r", "g", "g", "r"],
        "on": [True, False, True, True],
        "y_a": [1, 0, 1, 0],
        "y_b": [0, 1, 1, 0],
    }
)


def test_the_same_features_as_in_training_whatever_else_there_is():
    data = from_frame(TRAINING, label_columns="y_*")
    np.testing.assert_array_equal(matching_features(TRAINING, data.feature_names), data.features)
    turned = TRAINING[["on", "hue", "size"]].assign(comment=list("wxyz")).iloc[::-1]
    np.testing.assert_array_equal(matching_features(turned, data.feature_names), data.features[::-1])


def test_a_single_row_and_a_missing_value():
    data = from_frame(TRAINING, label_columns="y_*")
    row = pd.DataFrame({"size": [2.0], "hue": [None], "on": [False]})
    found = dict(zip(data.feature_names, matching_features(row, data.feature_names)[0], strict=True))
    assert (found["size"], found["on"]) == (2.0, 0.0)
    assert np.isnan([found["hue=g"], found["hue=r"]]).all()


def test_a_column_that_is_called_like_a_category_is_itself():
    frame = pd.DataFrame({"hue": ["x", "y"], "hue=g": [0.25, 0.5]})
    np.testing.assert_array_equal(matching_features(frame, ["hue=g"]), [[0.25], [0.5]])


def test_what_is_missing_or_new_is_named():
    with pytest.raises(ValueError, match=r"no feature 'weight', .*; the columns are 'size', 'hue'"):
        matching_features(TRAINING[["size", "hue"]], ["size", "weight"])
    with pytest.raises(ValueError, match="there is no feature 'hue', which"):
        matching_features(TRAINING[["size"]], ["size", "hue=g", "hue=r"])
    with pytest.raises(ValueError, match="no feature 'weight'"):
        matching_features(TRAINING[["size"]], ["weight"])
    with pytest.raises(
        ValueError, match=r"'hue', row 2 \(counted from 1\): 'blue' did not occur in training; known are 'g', 'r'"
    ):
        matching_features(pd.DataFrame({"hue": ["g", "blue"]}), ["hue=g", "hue=r"])


def test_frames_of_files(tmp_path):
    TRAINING.to_csv(tmp_path / "data.csv", index=False)
    data = from_frame(TRAINING, label_columns="y_*")
    np.testing.assert_array_equal(
        matching_features(read_frame(tmp_path / "data.csv"), data.feature_names), data.features
    )
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_frame(tmp_path / "other.csv")
