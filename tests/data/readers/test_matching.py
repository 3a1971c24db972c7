"""Features found again by name."""

import numpy as np
import pandas as pd
import pytest

from batchsift.data.readers.frames import from_frame
from batchsift.data.readers.matching import matching_features
from batchsift.data.readers.tables import read_frame
from batchsift.data.schema import feature_columns

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


def test_everything_that_is_wrong_is_said_at_once():
    frame = pd.DataFrame({"hue": ["g", "blue", "teal", "blue"], "size": ["1", "2", "x", "4"], "t": ["2020-01-01"] * 4})
    data = from_frame(TRAINING.assign(t=["2020-01-01", "2020-02-01", None, "2020-03-01"]), label_columns="y_*")
    assert data.feature_names[-3:] == ("t.ordinal", "t.month", "t.weekday")
    names, columns = data.feature_names, feature_columns(data.columns)
    with pytest.raises(ValueError, match="3 problems: ") as caught:
        matching_features(frame, names, columns=columns)
    assert str(caught.value) == (
        "3 problems: there is no feature 'on', which the model was trained on; the columns are 'hue', 'size', 't'; "
        "row 3 (counted from 1), column 'size': 'x' is no number, in a column of numbers: correct it; column 'hue', "
        "row 2 (counted from 1): 'blue' (2), 'teal' (1) did not occur in training; known are 'g', 'r'; "
        "unknown_category='missing' takes such cells for empty ones"
    )
    with pytest.raises(ValueError, match=r"2 problems: there is no feature 'on', .*'x' is no number.* correct it$"):
        matching_features(frame, names, columns=columns, unknown="missing")
    with pytest.raises(ValueError, match=r"row 2 .*, column 't': 'soon' is no date, in a column of dates"):
        matching_features(
            TRAINING.assign(t=["2020-01-01", "soon", None, "2020-03-01"]), names, columns=columns, unknown="missing"
        )


def test_unknown_categories_can_be_missing_and_are_counted():
    data = from_frame(TRAINING, label_columns="y_*")
    new = TRAINING.assign(hue=["blue", "g", "teal", "blue"])
    for columns in (data.columns, feature_columns(data.columns), ()):
        with pytest.warns(UserWarning, match=r"^3 cells hold .*: 'hue': 'blue' \(2\), 'teal' \(1\)$") as caught:
            found = matching_features(new, data.feature_names, columns=feature_columns(columns), unknown="missing")
        assert len(caught) == 1
        as_empty = matching_features(new.assign(hue=[None, "g", None, None]), data.feature_names)
        np.testing.assert_array_equal(found, as_empty)


def test_a_category_of_no_training_sample_is_unknown():
    data = from_frame(TRAINING, label_columns="y_*")
    columns = feature_columns(data.columns)
    with pytest.raises(ValueError, match=r"'g' \(2\) did not occur in training; known are 'r';"):
        matching_features(TRAINING, data.feature_names, columns=columns, unseen={"hue=g"})


def test_dates_are_read_as_in_training():
    days = TRAINING.assign(t=["31/12/2020", "03/04/2021", "05/06/2021", None])
    data = from_frame(days, label_columns="y_*")
    columns = feature_columns(data.columns)
    found = matching_features(days[1:2], data.feature_names, columns=columns)  # could be two days, taken alone
    np.testing.assert_array_equal(found, data.features[1:2])
    as_dates = days.assign(t=pd.to_datetime(days["t"], format="%d/%m/%Y"))
    np.testing.assert_array_equal(matching_features(as_dates, data.feature_names, columns=columns), data.features)


def test_frames_of_files(tmp_path):
    TRAINING.to_csv(tmp_path / "data.csv", index=False)
    data = from_frame(TRAINING, label_columns="y_*")
    np.testing.assert_array_equal(
        matching_features(read_frame(tmp_path / "data.csv"), data.feature_names), data.features
    )
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_frame(tmp_path / "other.csv")
