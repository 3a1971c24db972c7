"""The protocol: pairing, scaling, the learning rate, the choice of the epoch, repeatability, and what it refuses."""

import copy
import dataclasses
import random

import numpy as np
import pytest
import torch

from batchsift import methods, models
from batchsift.data import MultiLabelData, folds, holdout
from batchsift.metrics import evaluate
from batchsift.training import fold as protocol
from batchsift.training import loop
from batchsift.training import prepare as preparation
from batchsift.training.fold import run_fold
from batchsift.training.loop import DivergedError
from batchsift.training.prepare import prepare
from batchsift.training.settings import Settings

FEW = Settings(epochs=3, batch_size=32, learning_rate=1e-2, num_folds=3, min_positives=5)


def made_up(num_samples=150, num_labels=3, seed=0):
    """Five features, one of them missing in places; each label follows one of them."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(num_samples, 5)) * [1, 10, 0.1, 1, 1]
    labels = features[:, :num_labels] + 0.3 * features.std(axis=0)[:num_labels] * rng.normal(
        size=(num_samples, num_labels)
    )
    features[rng.random(num_samples) < 0.1, 3] = np.nan
    names = tuple(f"x{d}" for d in range(5)), tuple(f"y{j}" for j in range(num_labels))
    return MultiLabelData(features, (labels > 0).astype(np.uint8), *names, name="made-up")


@pytest.fixture(scope="module")
def prepared():
    return prepare(made_up(), FEW, seed=3)


@pytest.fixture
def networks(monkeypatch):
    """The networks that are built, with their initial weights."""
    built = []
    build = models.build

    def spy(*args, **options):
        network = build(*args, **options)
        built.append((network, copy.deepcopy(network.state_dict())))
        return network

    monkeypatch.setattr(models, "build", spy)
    return built


def replace_scores(monkeypatch, evaluate):
    """Put a function of probabilities and targets in the place of the metrics, in training and after it."""
    for module in (loop, protocol):
        monkeypatch.setattr(module, "evaluate", evaluate)


def same(first, second):
    return all(torch.equal(first[key], second[key]) for key in first)


def test_methods_of_a_fold_share_split_and_initial_weights(prepared, networks, monkeypatch):
    seen = []
    scale = protocol.scale_parts
    monkeypatch.setattr(protocol, "scale_parts", lambda *args: seen.append(scale(*args)) or seen[-1])
    names = methods.names()
    for name in names:
        run_fold(prepared, model="mlp", method=name, fold=1)
    assert len(seen) == len(networks) == len(names)
    assert all(same(networks[0][1], weights) for _, weights in networks[1:])
    for part in ("train", "validation", "test"):
        assert all(torch.equal(getattr(seen[0], part).features, getattr(other, part).features) for other in seen[1:])


def test_another_seed_of_the_drawing_changes_the_drawing_alone(prepared, networks):
    usual, same_seed, other = (
        run_fold(prepared, model="mlp", method="random", fold=1, drawing_seed=seed)
        for seed in (None, prepared.seed, 77)
    )
    assert (usual.epochs, usual.metrics) == (same_seed.epochs, same_seed.metrics)
    assert all(same(networks[0][1], weights) for _, weights in networks[1:])
    assert usual.epochs[0].loss != other.epochs[0].loss


def test_folds_differ_in_initial_weights(prepared, networks):
    for fold in (0, 1):
        run_fold(prepared, model="mlp", method="random", fold=fold)
    assert not same(networks[0][1], networks[1][1])


def test_splits_depend_on_data_folds_and_seed_only():
    data = made_up()
    first = prepare(data, FEW, seed=3).splits
    other_settings = dataclasses.replace(FEW, epochs=7, learning_rate=0.5, batch_size=4)
    again, elsewhere = prepare(data, other_settings, seed=3).splits, prepare(data, FEW, seed=4).splits
    for one, two in zip(first, again, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(vars(one).values(), vars(two).values(), strict=True))
    assert not np.array_equal(first[0].test, elsewhere[0].test)


def test_parts_of_a_fold_are_those_of_the_data_room(prepared):
    labels = prepared.data.labels
    for split, (rest, test) in zip(prepared.splits, folds(labels, 3, 3), strict=True):
        train, validation = holdout(labels[rest], 0.1, 3)
        assert np.array_equal(split.test, test)
        assert np.array_equal(split.train, rest[train])
        assert np.array_equal(split.validation, rest[validation])


def test_every_sample_is_tested_once_and_in_one_part_of_a_fold(prepared):
    everything = np.arange(prepared.data.num_samples)
    for split in prepared.splits:
        parts = np.concatenate([split.train, split.validation, split.test])
        assert np.array_equal(np.sort(parts), everything)
    assert np.array_equal(np.sort(np.concatenate([split.test for split in prepared.splits])), everything)


def test_scaling_knows_the_training_part_only(prepared):
    data, split = prepared.data, prepared.splits[0]
    parts = protocol.scale_parts(data, split, Settings(scaling="minmax"))
    train = data.features[split.train]
    low, high = np.nanmin(train, axis=0), np.nanmax(train, axis=0)
    for part, rows in ((parts.train, split.train), (parts.validation, split.validation), (parts.test, split.test)):
        filled = np.where(np.isnan(data.features[rows]), np.nanmean(train, axis=0), data.features[rows])
        np.testing.assert_allclose(part.features.numpy(), (filled - low) / (high - low), atol=1e-6)
    assert parts.train.features.min() >= 0
    assert parts.train.features.max() <= 1 + 1e-6


def test_a_feature_without_any_value_in_the_training_part_is_no_obstacle():
    data = made_up()
    split = prepare(data, FEW).splits[0]
    data.features[split.train, 0] = np.nan
    assert protocol.scale_parts(data, split, Settings(scaling="minmax")).train.features.isfinite().all()


def test_learning_rate_of_each_epoch():
    settings = Settings(epochs=25, learning_rate=0.3)
    expected = [0.1, 0.2, 0.3, *[0.3] * 22]
    assert [settings.learning_rate_at(epoch) for epoch in range(25)] == pytest.approx(expected)
    assert Settings(epochs=5, learning_rate=0.3, warmup_share=0.0).learning_rate_at(0) == 0.3


def test_learning_rate_falls_over_the_last_epochs_to_the_smallest_step_of_the_decay():
    settings = Settings(epochs=10, learning_rate=0.4, warmup_share=0.2, decay_share=0.35)
    assert [settings.learning_rate_at(epoch) for epoch in range(10)] == pytest.approx([0.2, *[0.4] * 6, 0.3, 0.2, 0.1])


def test_learning_rate_where_warm_up_and_decay_meet_is_the_smaller_of_the_two():
    settings = Settings(epochs=4, learning_rate=0.4, warmup_share=1.0, decay_share=1.0)
    assert [settings.learning_rate_at(epoch) for epoch in range(4)] == pytest.approx([0.1, 0.2, 0.2, 0.1])


def test_learning_rate_is_set_before_the_steps_of_its_epoch(prepared, monkeypatch):
    rates = []
    step = torch.optim.Adam.step
    monkeypatch.setattr(
        torch.optim.Adam,
        "step",
        lambda self, *args: rates.append(self.param_groups[0]["lr"]) or step(self, *args),
    )
    slow = dataclasses.replace(prepared, settings=dataclasses.replace(FEW, warmup_share=1.0))
    result = run_fold(slow, model="mlp", method="random", fold=0)
    steps = len(rates) // 3
    assert rates == pytest.approx([r for r in (1e-2 / 3, 2e-2 / 3, 1e-2) for _ in range(steps)])
    assert [record.learning_rate for record in result.epochs] == pytest.approx(rates[::steps])


def test_best_weights_are_copied_and_restored(prepared, networks, monkeypatch):
    scores = iter([0.6, 0.9, 0.9])
    replace_scores(monkeypatch, lambda *args: {**evaluate(*args), "macro_auc": next(scores, 0.0)})
    weights = []
    result = run_fold(
        prepared,
        model="mlp",
        method="d2ace",
        fold=0,
        on_epoch=lambda _: weights.append(copy.deepcopy(networks[0][0].state_dict())),
    )
    assert result.best_epoch == 1, "the first of equals"
    assert same(networks[0][0].state_dict(), weights[1])
    assert not same(weights[1], weights[2])
    assert result.metrics != result.last_metrics


def test_test_part_is_scored_when_training_is_over(prepared, monkeypatch):
    calls = []
    replace_scores(monkeypatch, lambda probs, *_: calls.append(len(probs)) or {"macro_auc": 0.5})
    run_fold(prepared, model="mlp", method="random", fold=0, on_epoch=lambda record: calls.append("epoch"))
    split = prepared.splits[0]
    assert calls == [len(split.validation), "epoch"] * 3 + [len(split.test)] * 2


@pytest.mark.parametrize("name", methods.names())
def test_a_run_repeats_bit_for_bit(prepared, name):
    first, second = (run_fold(prepared, model="mlp", method=name, fold=0) for _ in range(2))
    assert first.epochs == second.epochs
    assert (first.metrics, first.last_metrics) == (second.metrics, second.last_metrics)


def test_the_callers_generators_are_left_alone():
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    run_fold(prepare(made_up(), FEW), model="mlp", method="d2ace", fold=0)
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])
    assert before[2] == random.getstate()


def test_a_run_has_its_own_number_of_threads(monkeypatch):
    before = torch.get_num_threads()
    seen = set()
    replace_scores(monkeypatch, lambda *_: seen.add(torch.get_num_threads()) or {"macro_auc": 0.5})
    run_fold(prepare(made_up(), dataclasses.replace(FEW, threads=before + 1)), model="mlp", method="random", fold=0)
    assert seen == {before + 1}
    assert torch.get_num_threads() == before


def test_a_fold_there_is_none_of_is_refused(prepared):
    with pytest.raises(ValueError, match=r"fold must be in \[0, 3\), got 3"):
        run_fold(prepared, model="mlp", method="d2ace", fold=3)


def test_what_is_recorded_of_a_run(prepared):
    result = run_fold(prepared, model="mlp", method="uncertainty", fold=2)
    assert [record.epoch for record in result.epochs] == [0, 1, 2]
    assert all(record.summary["epoch"] == record.epoch for record in result.epochs)
    assert "mean_uncertainty" in result.epochs[0].summary
    assert result.epochs[2].loss < result.epochs[0].loss
    assert result.epochs[result.best_epoch].macro_auc == max(record.macro_auc for record in result.epochs)
    assert 0 < result.selection_seconds < result.total_seconds


def test_learning_works(prepared):
    longer = dataclasses.replace(prepared, settings=dataclasses.replace(FEW, epochs=20))
    assert run_fold(longer, model="mlp", method="random", fold=0).metrics["macro_auc"] > 0.85


def test_labels_are_filtered_before_samples():
    data = made_up()
    labels = data.labels.copy()
    labels[:, 2] = 0
    labels[:4, :] = [0, 0, 1]
    result = prepare(dataclasses.replace(data, labels=labels), FEW)
    unlabelled = int((labels[:, :2].sum(axis=1) == 0).sum())
    assert result.removed_labels == ("y2",)
    assert result.num_removed_samples == unlabelled
    assert result.data.labels.shape == (150 - unlabelled, 2)


def test_a_single_label_is_an_ordinary_case():
    data = made_up(num_labels=1)
    labels = np.hstack([data.labels, 1 - data.labels])
    twins = dataclasses.replace(data, labels=labels, label_names=("a", "not a"))
    # Samples without a label are dropped, so that one label alone has no negatives left.
    with pytest.raises(ValueError, match="both classes"):
        prepare(data, FEW)
    assert run_fold(prepare(twins, FEW), model="mlp", method="d2ace", fold=0).metrics["macro_auc"] > 0.5


def _unlabelled(data):
    labels = data.labels.astype(np.float32)
    labels[3, 1] = np.nan
    return dataclasses.replace(data, labels=labels)


def _infinite(data):
    features = data.features.copy()
    features[0, 0] = np.inf
    return dataclasses.replace(data, features=features)


@pytest.mark.parametrize(
    ("data", "settings", "message"),
    [
        (_unlabelled(made_up()), {}, "1 of 450 label cells are unknown"),
        (_infinite(made_up()), {}, "infinite"),
        (made_up(), {"min_positives": 100}, "min_positives=100"),
        (made_up(num_samples=3), {"min_positives": 0}, "3 samples|2 samples"),
        (made_up(num_samples=20), {"min_positives": 0}, "too few|both classes"),
        (made_up(), {"device": "nowhere"}, "device 'nowhere' cannot be used"),
        (made_up(), {"device": "meta"}, "device 'meta' cannot be used"),
    ],
)
def test_data_that_cannot_be_used_are_refused_before_training(data, settings, message):
    with pytest.raises(ValueError, match=message):
        prepare(data, Settings(**{"num_folds": 5, "min_positives": 5, **settings}))


def test_a_training_part_of_one_batch_is_said():
    with pytest.warns(UserWarning, match="no method can differ"):
        prepare(made_up(), dataclasses.replace(FEW, batch_size=128))


def test_a_seed_out_of_range_is_refused():
    with pytest.raises(ValueError, match="seed must be in"):
        prepare(made_up(), FEW, seed=-1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"weight_decay": -1.0},
        {"warmup_share": 1.5},
        {"decay_share": -0.1},
        {"num_folds": 1},
        {"validation_share": 0.0},
        {"min_positives": -1},
        {"threads": 0},
    ],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
        Settings(**wrong)


@pytest.mark.filterwarnings("ignore:rows of logits that are not finite")
def test_divergence_is_said():
    wild = prepare(made_up(), dataclasses.replace(FEW, learning_rate=1e30))
    with pytest.raises(DivergedError, match="lower the learning rate"):
        run_fold(wild, model="mlp", method="random", fold=0)


def test_predictions_do_not_depend_on_the_size_of_their_chunks(prepared, monkeypatch):
    network, x = models.build("mlp", 5, 3), torch.randn(10, 5)
    whole = loop.predict(network, x)
    monkeypatch.setattr(loop, "PREDICTION_ROWS", 3)
    torch.testing.assert_close(loop.predict(network, x), whole)


def test_the_papers_settings_are_the_defaults():
    settings = preparation.Settings()
    assert (settings.epochs, settings.batch_size, settings.learning_rate) == (100, 128, 1e-4)
    assert (settings.weight_decay, settings.num_folds, settings.min_positives) == (1e-4, 5, 20)
