"""Settings: their words, and how features are scaled by what the training part alone tells."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from batchsift.data import MultiLabelData, Split
from batchsift.functional import losses
from batchsift.training.fold import run_fold
from batchsift.training.parts import SparseRows, scale_parts
from batchsift.training.prepare import prepare
from batchsift.training.settings import BEFORE, LOSSES, Settings

SPLIT = Split(np.arange(60), np.arange(60, 75), np.arange(75, 100))


def made_up(*, as_sparse=False, missing=False):
    """Features of unlike scale, mostly 0; the last is constant."""
    rng = np.random.default_rng(0)
    features = rng.normal(2, 1, size=(100, 4)) * [1, 10, 1e3, 0] * (rng.random((100, 4)) < 0.5) + [0, 0, 0, 3]
    if missing:
        features[::7, 1] = np.nan
    labels = np.column_stack([rng.random(100) < 0.3, rng.random(100) < 0.6])
    matrix = sparse.csr_array(features) if as_sparse else features
    return MultiLabelData(matrix, labels, tuple("abcd"), ("u", "v"), name="made-up")


def test_the_losses_by_name_are_those_there_are():
    assert losses.names() == LOSSES


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"loss": "focl"}, r"unknown loss 'focl': did you mean 'focal'\? There are bce, pos_weight, focal"),
        (
            {"drawing": "systematical"},
            r"unknown drawing 'systematical': did you mean 'systematic'\? There are systematic, independent",
        ),
        (
            {"scaling": "min-max"},
            r"unknown scaling 'min-max': did you mean 'minmax'\? There are minmax, standard, none",
        ),
        ({"scaling": "minmax", "center_sparse": True}, "center_sparse belongs to scaling 'standard', got .*'minmax'"),
    ],
)
def test_words_there_are_none_of(fields, message):
    with pytest.raises(ValueError, match=message):
        Settings(**fields)


def test_what_older_files_do_not_say():
    new = dataclasses.asdict(Settings(epochs=7))
    old = {name: value for name, value in new.items() if name not in BEFORE}
    assert Settings.from_document(old) == Settings(epochs=7, scaling="minmax", drawing="independent")
    assert Settings.from_document(new) == Settings(epochs=7)
    assert Settings(epochs=7, scaling="minmax", drawing="independent").identity() == old


@pytest.mark.parametrize("missing", [False, True])
def test_standard_scaling_is_that_of_the_training_part(missing):
    data = made_up(missing=missing)
    parts = scale_parts(data, SPLIT, Settings())
    train = data.features[SPLIT.train]
    mean = np.nanmean(train, axis=0)
    complete = np.where(np.isnan(data.features), mean, data.features)
    deviation = complete[SPLIT.train].std(axis=0)
    deviation[3] = 1  # the constant one
    for part, rows in ((parts.train, SPLIT.train), (parts.validation, SPLIT.validation), (parts.test, SPLIT.test)):
        np.testing.assert_allclose(part.features, (complete[rows] - mean) / deviation, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(parts.train.features.std(dim=0, correction=0), [1, 1, 1, 0], atol=1e-5)
    assert (parts.test.features[:, 3] == 0).all()
    by_sklearn = StandardScaler().fit(complete[SPLIT.train]).transform(complete[SPLIT.test])
    np.testing.assert_allclose(parts.test.features, by_sklearn, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("missing", [False, True])
def test_sparse_features_keep_their_zeros_unless_centered(missing):
    dense, data = made_up(missing=missing), made_up(as_sparse=True, missing=missing)
    of_dense = scale_parts(dense, SPLIT, Settings())
    centered = scale_parts(data, SPLIT, Settings(center_sparse=True))
    kept = scale_parts(data, SPLIT, Settings())
    for name in ("train", "validation", "test"):
        part, rows = getattr(kept, name), getattr(SPLIT, name)
        assert isinstance(part.features, SparseRows)
        assert part.features.offset_D is None
        assert torch.equal(part.features[:] == 0, torch.from_numpy(data.features[rows].toarray() == 0))
        np.testing.assert_allclose(
            getattr(centered, name).features[:], getattr(of_dense, name).features, rtol=1e-4, atol=1e-5
        )
    # The same but for a constant in each column.
    difference = kept.test.features[:] - of_dense.test.features
    np.testing.assert_allclose(difference, difference[:1].expand_as(difference), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("as_sparse", [False, True])
def test_without_scaling_missing_values_alone_change(as_sparse):
    data = made_up(as_sparse=as_sparse, missing=True)
    whole = made_up(missing=True).features
    filled = np.where(np.isnan(whole), np.nanmean(whole[SPLIT.train], axis=0), whole)
    features = scale_parts(data, SPLIT, Settings(scaling="none")).test.features
    np.testing.assert_allclose(features[:], filled[SPLIT.test], rtol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_fold_is_trained_with_the_loss_of_its_settings(loss):
    settings = Settings(epochs=2, batch_size=16, num_folds=2, min_positives=5, validation_share=0.3, loss=loss)
    run = run_fold(prepare(made_up(), settings), model="mlp", method="random", fold=0, hyperparameters={"hidden": (8,)})
    plain = dataclasses.replace(settings, loss="bce")
    other = run_fold(prepare(made_up(), plain), model="mlp", method="random", fold=0, hyperparameters={"hidden": (8,)})
    assert np.isfinite(run.metrics["macro_auc"])
    assert (run.epochs[0].loss == other.epochs[0].loss) == (loss == "bce")


def test_a_loss_that_the_model_has_no_place_for_is_refused_before_training():
    settings = Settings(epochs=2, batch_size=16, num_folds=2, min_positives=5, validation_share=0.3, loss="focal")
    with pytest.raises(ValueError, match="mpvae has no cross-entropy by label that the loss 'focal' could replace"):
        run_fold(prepare(made_up(), settings), model="mpvae", method="random", fold=0)
