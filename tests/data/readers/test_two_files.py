"""Features in one file and labels in another."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from batchsift.data import load

X = pd.DataFrame({"x": [0.5, np.nan, 2, 3], "z": [1.0, 2, 3, 4]})
Y = pd.DataFrame({"red": [1, 0, 1, 0], "round": [0, 1, np.nan, 1]})
NUMBERS = Y.fillna(0).astype(int)


@pytest.fixture
def files(tmp_path):
    X.to_csv(tmp_path / "x.csv", index=False)
    Y.to_csv(tmp_path / "y.csv", index=False)
    X.to_parquet(tmp_path / "x.parquet")
    Y.to_feather(tmp_path / "y.feather")
    np.save(tmp_path / "x.npy", X.to_numpy())
    np.save(tmp_path / "y.npy", Y.to_numpy().T)
    np.savez(tmp_path / "y.npz", y=Y.to_numpy())
    sparse.save_npz(tmp_path / "x.npz", sparse.csr_array(X.to_numpy()))
    sparse.save_npz(tmp_path / "s.npz", sparse.csr_array(NUMBERS.to_numpy()))
    return tmp_path


@pytest.mark.parametrize("features", ["x.csv", "x.parquet", "x.npy", "x.npz"])
@pytest.mark.parametrize("labels", ["y.csv", "y.feather", "y.npy", "y.npz", "s.npz"])
def test_every_kind_with_every_other(files, features, labels):
    data = load(files / features, labels_file=files / labels)
    found = data.features.toarray() if data.is_sparse else data.features
    np.testing.assert_array_equal(found, X)
    np.testing.assert_array_equal(data.labels, NUMBERS if labels == "s.npz" else Y)
    assert data.is_sparse == (features == "x.npz")
    names = features.endswith(("csv", "parquet")), labels in ("y.csv", "y.feather")
    assert data.feature_names == (("x", "z") if names[0] else ("feature_0", "feature_1"))
    assert data.label_names == (("red", "round") if names[1] else ("label_0", "label_1"))
    assert data.name == "x"
    assert load(files / features, labels_file=str(files / labels), drop=data.feature_names[0]).num_features == 1


def test_which_of_its_columns_are_labels(files):
    (files / "t.csv").write_text("tags,note\nred|round,a\n,b\nred,c\nround,d\n")
    with pytest.raises(ValueError, match=r"t\.csv: 'note' are not among the labels .* leave them out with drop='note'"):
        load(files / "x.csv", labels_file=files / "t.csv", label_column="tags")
    for features in ("x.csv", "x.npy"):
        data = load(files / features, labels_file=files / "t.csv", label_column="tags", drop="note", delimiter="|")
        assert data.labels.tolist() == [[1, 1], [0, 0], [1, 0], [0, 1]]
        assert load(files / features, labels_file=files / "y.csv", label_columns="red", drop="round").num_labels == 1
    with pytest.raises(ValueError, match="came together; give one"):
        load(files / "x.csv", labels_file=files / "t.csv", label_column="tags", label_columns="tags")


def test_identifiers_must_be_the_same(files):
    X.assign(id=list("pqrs")).to_csv(files / "x.csv", index=False)
    Y.assign(id=list("pqrs")).to_csv(files / "y.csv", index=False)
    with pytest.warns(UserWarning, match="dropped 'id', which identifies rows"):
        data = load(files / "x.csv", labels_file=files / "y.csv")
    assert (data.feature_names, data.label_names) == (("x", "z"), ("red", "round"))
    Y.assign(id=list("pqsr")).to_csv(files / "y.csv", index=False)
    with pytest.raises(ValueError, match=r"column 'id' is r in row 3 of .*x\.csv and s in .*y\.csv; expected the same"):
        load(files / "x.csv", labels_file=files / "y.csv")


@pytest.mark.parametrize("features", ["x.csv", "x.npy"])
def test_an_index_that_was_written_with_the_labels(files, features):
    Y.to_csv(files / "y.csv")
    assert load(files / features, labels_file=files / "y.csv").label_names == ("red", "round")


def test_minus_one(files):
    (2 * NUMBERS - 1).to_csv(files / "y.csv", index=False)
    for features in ("x.csv", "x.npy"):
        with pytest.raises(ValueError, match=r"x\.\w+ with the labels of .*y\.csv: .*give negative=-1"):
            load(files / features, labels_file=files / "y.csv")
        data = load(files / features, labels_file=files / "y.csv", negative=-1)
        np.testing.assert_array_equal(data.labels, NUMBERS)


def test_what_does_not_belong_together(files):
    Y.iloc[:3].to_csv(files / "y.csv", index=False)
    for features in ("x.csv", "x.npy"):
        with pytest.raises(ValueError, match=r"has 4 rows and .*y\.csv has 3; expected one for each sample in both"):
            load(files / features, labels_file=files / "y.csv")
    with pytest.raises(ValueError, match=r"labels=2 came with x.csv; leave it out; what goes with it: labels_file="):
        load(files / "x.csv", labels_file=files / "y.csv", labels=2)
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none"):
        load(files / "x.csv", labels_file=files / "none")
    (files / "set.arff").write_text("@relation r\n")
    for pair in (("set.arff", "y.csv"), ("x.csv", "set.arff")):
        with pytest.raises(ValueError, match=r"labels_file goes with tables and with matrices .*set\.arff is neither"):
            load(files / pair[0], labels_file=files / pair[1])
    X.to_csv(files / "y.csv", index=False)
    with pytest.raises(ValueError, match="both called 'x'"):
        load(files / "x.csv", labels_file=files / "y.csv")
    with pytest.raises(ValueError, match=r"label_rows='labels' came with y.feather, whose rows are samples"):
        load(files / "x.csv", labels_file=files / "y.feather", label_rows="labels")
    with pytest.raises(ValueError, match=r"labels_file='y.csv' came with 'digits'"):
        load("digits", labels_file="y.csv")
