"""A sparse copy of a data set goes through the protocol like the dense one, and is never made dense as a whole."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from batchsift.data import MultiLabelData
from batchsift.functional.neighbors import nearest_neighbors
from batchsift.training import loop
from batchsift.training.fold import run_fold
from batchsift.training.parts import SparseRows, scale_parts
from batchsift.training.prepare import prepare
from batchsift.training.settings import Settings

FEW = Settings(epochs=3, batch_size=32, learning_rate=1e-2, num_folds=3, min_positives=5, scaling="minmax")
RANGE = Settings(scaling="minmax")


def made_up(lowest, num_samples=150, num_features=8):
    """Mostly zeros; the smallest value of a feature is 0, or as far below as `lowest`."""
    rng = np.random.default_rng(1)
    features = rng.uniform(lowest, 3, size=(num_samples, num_features)) * (
        rng.random((num_samples, num_features)) < 0.4
    )
    labels = features[:, :3] + 0.3 * rng.normal(size=(num_samples, 3)) > 0.5
    names = tuple(f"x{d}" for d in range(num_features)), tuple(f"y{j}" for j in range(3))
    return MultiLabelData(features, labels, *names, name="made-up")


def sparse_copy(data):
    return replace(data, features=sparse.csr_array(data.features))


@pytest.mark.parametrize("lowest", [0.0, -1.0])
@pytest.mark.parametrize("model", ["mlp", "clif"])
@pytest.mark.parametrize("method", ["random", "uncertainty", "d2ace"])
def test_the_same_metrics(lowest, model, method):
    data = made_up(lowest)
    prepared = [prepare(form, FEW) for form in (data, sparse_copy(data))]
    runs = [run_fold(form, model=model, method=method, fold=1) for form in prepared]
    assert runs[0].metrics == runs[1].metrics
    assert runs[0].last_metrics == runs[1].last_metrics
    assert runs[0].epochs == runs[1].epochs


@pytest.mark.parametrize("lowest", [0.0, -1.0])
def test_the_same_rows_to_the_bit(lowest):
    data = made_up(lowest)
    split = prepare(data, FEW).splits[0]
    of_dense, of_sparse = (scale_parts(form, split, RANGE) for form in (data, sparse_copy(data)))
    before = make_pipeline(SimpleImputer(strategy="mean", keep_empty_features=True), MinMaxScaler())
    before.fit(data.features[split.train])
    for name, rows in vars(split).items():
        one, other = getattr(of_dense, name), getattr(of_sparse, name)
        assert torch.equal(one.features, torch.from_numpy(before.transform(data.features[rows])).float())
        assert torch.equal(one.features, other.features[:])
        assert torch.equal(one.features, torch.cat(list(other.features.split(7))))
        assert torch.equal(one.features[[2, 0, 2]], other.features[torch.tensor([2, 0, 2])])
        assert torch.equal(one.labels, other.labels)
        assert one.widths == other.widths


def test_missing_values_are_filled_with_the_mean_of_the_training_part():
    data = made_up(0.0)
    data.features[::7, 2] = np.nan
    data.features[:, 5] = np.nan
    split = prepare(data, FEW).splits[0]
    of_dense, of_sparse = (scale_parts(form, split, RANGE) for form in (data, sparse_copy(data)))
    torch.testing.assert_close(of_sparse.test.features[:], of_dense.test.features)
    torch.testing.assert_close(of_sparse.train.feature_tensor.to_dense(), of_dense.train.features)


def test_nothing_is_made_dense_but_what_is_asked_for(monkeypatch):
    asked = []
    get = SparseRows.__getitem__
    monkeypatch.setattr(SparseRows, "__getitem__", lambda self, rows: asked.append(len(out := get(self, rows))) or out)
    prepared = prepare(sparse_copy(made_up(-1.0)), FEW)
    run_fold(prepared, model="mlp", method="d2ace", fold=0)
    assert max(asked) < len(prepared.splits[0].train)


def test_wide_rows_come_in_smaller_portions(monkeypatch):
    monkeypatch.setattr("batchsift.training.parts.DENSE_CELLS", 20)
    rows = SparseRows(sparse.csr_array(np.eye(5, 8)), np.zeros(8), "cpu")
    assert [len(portion) for portion in rows.split(4)] == [2, 2, 1]
    assert [len(portion) for portion in rows.split(1)] == [1] * 5
    monkeypatch.setattr("batchsift.training.parts.DENSE_CELLS", 1)
    assert [len(portion) for portion in rows.split(4)] == [1] * 5


def test_neighbors_are_as_near_where_several_are_equally_far():
    binary = replace(made_up(0.0), features=(made_up(0.0).features > 0).astype(float))
    split = prepare(binary, FEW).splits[0]
    distances = []
    for form in (binary, sparse_copy(binary)):
        train = scale_parts(form, split, RANGE).train
        rows = train.features[:]
        nearest = nearest_neighbors(train.neighbor_features, 6)
        distances.append((rows[:, None] - rows[nearest]).norm(dim=2))
    assert torch.equal(*distances)


def test_infinite_values_are_refused():
    data = made_up(0.0)
    data.features[3, 0] = np.inf
    with pytest.raises(ValueError, match="infinite"):
        prepare(sparse_copy(data), FEW)


def test_predictions_of_sparse_rows():
    network = torch.nn.Linear(4, 2)
    rows = SparseRows(sparse.csr_array(np.eye(6, 4)), np.full(4, 0.5), "cpu")
    torch.testing.assert_close(loop.predict(network, rows), network(torch.eye(6, 4) + 0.5).sigmoid().detach())


@pytest.mark.parametrize("form", [lambda data: data, sparse_copy])
def test_the_features_with_the_largest_sums_in_the_training_part_stay(form):
    data = form(made_up(0.0))
    prepared = prepare(data, replace(FEW, top_features=0.4))
    assert prepared.num_removed_features == 5
    split = prepared.splits[0]
    sums = np.asarray(made_up(0.0).features[split.train].sum(axis=0))
    kept = np.sort(np.argsort(sums)[-3:])
    parts = scale_parts(data, split, Settings(scaling="minmax", top_features=0.4))
    whole = scale_parts(data, split, RANGE)
    assert parts.train.widths == (3, 3)
    for name in vars(split):
        assert torch.equal(getattr(parts, name).features[:], getattr(whole, name).features[:][:, kept])
    assert run_fold(prepared, model="mlp", method="d2ace", fold=0).metrics["macro_auc"] > 0.5


def test_settings_of_the_filter():
    assert prepare(made_up(0.0), replace(FEW, top_features=1)).num_removed_features == 0
    for share in (0, -1, 1.5, float("nan")):
        with pytest.raises(ValueError, match=r"top_features must be in \(0, 1\], or None"):
            replace(FEW, top_features=share)
