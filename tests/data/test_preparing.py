"""Features ready for a selector, in one call: the numbers of training, and a step of a scikit-learn pipeline."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import batchsift as bs
from batchsift.data import make_preprocessor, prepare_features
from batchsift.data.readers.problems import ColumnsLeftOut
from batchsift.training.parts import Preprocessing
from batchsift.training.settings import Settings

FRAME = pd.DataFrame(
    {
        "size": [1.0, np.nan, 3.0, 8.0, 2.0, 1.0],
        "joined": ["2020-01-31", "2020-02-01", None, "2021-02-02", "2020-01-31", "2020-01-31"],
        "hue": ["r", "g", "g", None, "r", "b"],
        "more": ["b", "b", "g", "g", "r", "r"],
    }
)


def labelled(frame=FRAME):
    data = frame.assign(hue=pd.Categorical(frame["hue"]), a=[0, 1, 0, 1, 0, 1])
    return bs.data.load(data, label_columns="a")


@pytest.mark.parametrize("scaling", ["standard", "minmax", "none"])
def test_the_numbers_are_those_of_training(scaling):
    data, rows = labelled(), np.arange(4)
    found = prepare_features(data, rows=rows, scaling=scaling)
    trained = Preprocessing.fit(data.features[rows], Settings(scaling=scaling), data.columns)
    np.testing.assert_array_equal(found, trained.transform(data.features, "cpu").numpy())
    assert (found.dtype, found.shape) == (np.float32, (6, 10))
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found, prepare_features(data, rows=np.arange(6) < 4, scaling=scaling))


def test_a_frame_gives_what_its_data_set_gives():
    categories = FRAME.assign(hue=pd.Categorical(FRAME["hue"]))
    expected = prepare_features(labelled())
    np.testing.assert_array_equal(prepare_features(categories), expected)
    np.testing.assert_array_equal(prepare_features(pa.Table.from_pandas(categories)), expected)
    assert prepare_features(categories, drop="hue,more", dates="drop").shape == (6, 1)
    with pytest.warns(ColumnsLeftOut, match="'user_id', which identifies rows"):
        np.testing.assert_array_equal(prepare_features(categories.assign(user_id=range(6))), expected)


def test_they_go_into_a_selector():
    data = labelled()
    x = prepare_features(data)
    selector = bs.Selector(data.labels, method=bs.D2ACE(num_neighbors=2), features=x, batch_size=2, epochs=2)
    assert len(selector) == 6


def test_a_category_the_training_rows_lack_is_missing():
    data = labelled()
    unseen, missing = prepare_features(data, rows=np.arange(4), scaling="none")[5], data.features[:4]
    at = [data.feature_names.index(f"hue={value}") for value in "bgr"]
    np.testing.assert_allclose(unseen[at], np.nanmean(missing[:, at], axis=0))
    assert prepare_features(data, scaling="none")[5][at].tolist() == [1, 0, 0]


def test_sparse_features_stay_sparse():
    from scipy.sparse import csr_array

    data = bs.data.from_arrays(csr_array([[1.0, 0.0], [0.0, 2.0]]), [[0], [1]])
    found = prepare_features(data)
    assert found.dtype == np.float32
    assert found.toarray().tolist() == [[2, 0], [0, 2]]


@pytest.mark.parametrize(
    ("source", "options", "error", "message"),
    [
        (np.eye(2), {}, TypeError, r"got ndarray; expected a data frame.*bs\.data\.from_arrays takes matrices"),
        (labelled(), {"scaling": "min-max"}, ValueError, "scaling='min-max': did you mean 'minmax'"),
        (labelled(), {"drop": "x"}, ValueError, "drop and dates belong to frames"),
    ],
)
def test_mistakes_are_explained(source, options, error, message):
    with pytest.raises(error, match=message):
        prepare_features(source, **options)


def test_the_preprocessor_is_a_step_like_any_other():
    frame = pd.concat([FRAME.drop(columns="hue")] * 5, ignore_index=True)
    y = np.tile([0, 1, 0, 1, 0, 1], 5)
    preprocessor = make_preprocessor(frame)
    assert isinstance(preprocessor["columns"], ColumnTransformer)
    np.testing.assert_array_equal(
        clone(preprocessor).fit(frame).transform(frame).astype(np.float32), prepare_features(frame)
    )
    pipeline = make_pipeline(clone(preprocessor), LogisticRegression()).fit(frame[:20], y[:20])
    assert pipeline.predict(frame[20:].assign(more="new")).shape == (10,)
    names = preprocessor.fit(frame)["columns"].get_feature_names_out()
    assert list(names) == ["size", "joined.ordinal", "joined.month", "joined.weekday", "more=b", "more=g", "more=r"]
    strict = make_preprocessor(frame, unknown="error").fit(frame)
    with pytest.raises(ValueError, match="'more', row 0: 'new' did not occur in training"):
        strict.transform(frame.assign(more="new"))


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_what_is_learned_depends_on_the_training_rows_alone(data):
    number = st.one_of(st.none(), st.floats(-1e6, 1e6))
    word = st.sampled_from([None, "r", "g", "b"])
    day = st.one_of(st.none(), st.datetimes(pd.Timestamp("1900-01-01"), pd.Timestamp("2100-01-01")))
    rows = data.draw(st.lists(st.tuples(number, word, day), min_size=4, max_size=12))
    frame = pd.DataFrame(rows, columns=["n", "w", "d"])
    frame = frame.assign(n=frame["n"].astype(float), w=pd.Categorical(frame["w"], categories=["r", "g", "b"]))
    frame["d"] = pd.to_datetime(frame["d"])
    train = np.arange(len(frame) - 2)
    preprocessor = make_preprocessor(frame).fit(frame.iloc[train])
    found = prepare_features(frame, rows=train)
    np.testing.assert_array_equal(found, preprocessor.transform(frame).astype(np.float32))
    assert np.isfinite(found).all()
