"""The search of learning rate and epochs: what is tried, what is chosen, what survives."""

import json
import math
from dataclasses import replace

import numpy as np
import optuna
import pytest
import torch

from batchsift.data import MultiLabelData
from batchsift.training import search as searching
from batchsift.training import trials as trying
from batchsift.training.finding import find_settings, find_settings_of_model
from batchsift.training.found import Found, span
from batchsift.training.loop import DivergedError
from batchsift.training.prepare import prepare
from batchsift.training.search import RATES, FoundEpochs, FoundRate, search_epochs, search_rate
from batchsift.training.settings import Search, Settings
from batchsift.training.trials import Trial, hold_out, noise_of_difference

BOTH = Search(learning_rate=True, epochs=True)
SMALL = {"hidden": [8]}


class PretendedTrials:
    """Trials whose scores a function gives; counts those that were asked for."""

    def __init__(self, score):
        self.score, self.ran = score, []

    def run(self, learning_rate, epochs):
        score = self.score(learning_rate, epochs)
        if (learning_rate, epochs) not in self.ran:
            self.ran.append((learning_rate, epochs))
        return Trial(learning_rate, epochs, score, tuple(score + 0.001 * group * (-1) ** group for group in range(10)))


def peak(product):
    """Score best where learning rate times epochs is that product."""
    return lambda rate, epochs: 0.8 - 0.05 * abs(math.log2(rate * epochs / product))


@pytest.fixture(scope="module")
def prepared():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 4))
    labels = (features[:, :2] + rng.normal(size=(200, 2)) > 0).astype(float)
    data = MultiLabelData(features, labels, tuple("abcd"), ("u", "v"), name="made-up")
    return prepare(data, Settings(batch_size=32, num_folds=2, min_positives=5, decay_share=1.0), seed=1)


@pytest.mark.parametrize("product", [0.003, 0.05, 0.4])
@pytest.mark.parametrize("epochs", [3, 5, 20, 80])
def test_the_best_rate_is_found_wherever_it_is(product, epochs):
    found = search_rate(PretendedTrials(peak(product)), epochs)
    best = max(RATES, key=lambda rate: peak(product)(rate, epochs))
    assert found.best.learning_rate == best
    assert not found.at_end
    assert found.best.epochs == epochs


def test_only_promising_rates_are_tried_in_full():
    trials = PretendedTrials(peak(0.05))
    found = search_rate(trials, 40)
    in_full = [rate for rate, epochs in trials.ran if epochs == 40]
    assert found.num_trials == 5
    assert len(in_full) == 2
    assert sorted(epochs for _, epochs in trials.ran) == [10] * 5 + [40] * 2


def test_a_best_rate_at_the_end_of_all_is_said():
    found = search_rate(PretendedTrials(lambda rate, epochs: -1 / rate), 20)
    assert (found.best.learning_rate, found.at_end) == (RATES[-1], True)
    doubts = Found(rates={(1, "focal"): found}).doubts()
    assert doubts[0].startswith("the best learning rate of fold 2 with focal is the last that can be chosen")


def test_a_diverging_rate_is_a_bad_trial():
    def score(rate, epochs):
        return -math.inf if rate * epochs > 0.06 else peak(0.2)(rate, epochs)

    found = search_rate(PretendedTrials(score), 20)
    assert found.best.learning_rate * 20 <= 0.06
    with pytest.raises(DivergedError, match="with every learning rate from"):
        search_rate(PretendedTrials(lambda *_: -math.inf), 20)


def test_epochs_are_doubled_until_they_gain_no_more_than_noise():
    trials = PretendedTrials(lambda rate, epochs: peak(0.05)(rate, epochs) - 1 / epochs if epochs < 40 else 0.78)
    found = search_epochs(trials)
    assert found.converged
    assert [step.epochs for step in found.steps] == [10, 20, 40, 80]
    assert found.epochs == 80
    assert len(found.noise) == 3
    assert found.gain == pytest.approx(0)


def test_epochs_that_never_suffice_are_said():
    found = search_epochs(PretendedTrials(lambda rate, epochs: epochs / 1000), learning_rate=0.01)
    assert (found.epochs, found.converged) == (160, False)
    doubts = Found(epochs=found).doubts()
    assert doubts == ["training still improves at 160 epochs, the most that are tried: give a larger number of epochs"]
    with pytest.raises(DivergedError, match=r"with the learning rate 0\.01"):
        search_epochs(PretendedTrials(lambda *_: -math.inf), learning_rate=0.01)


def test_the_noise_is_that_of_the_pair():
    rng = np.random.default_rng(0)
    base = rng.normal(size=10)
    first, second = Trial(1, 1, 0.5, tuple(base)), Trial(1, 1, 0.5, tuple(base + 0.3))
    assert noise_of_difference(first, second) == pytest.approx(0)
    third = Trial(1, 1, 0.5, tuple(base + rng.normal(size=10)))
    differences = np.subtract(first.without, third.without)
    assert noise_of_difference(first, third) == pytest.approx(
        np.sqrt(0.9 * ((differences - differences.mean()) ** 2).sum())
    )
    assert noise_of_difference(first, Trial(1, 1, -math.inf)) == math.inf
    undefined = Trial(1, 1, 0.5, (math.nan,) * 9 + (0.5,))
    assert noise_of_difference(undefined, undefined) == math.inf, "nothing is known of it"


def test_numbers_come_out_for_every_fold_and_loss(prepared, monkeypatch):
    monkeypatch.setattr(searching, "BUDGETS", (2, 4))
    told = []
    found = find_settings(
        prepared,
        BOTH,
        model="mlp",
        losses=("bce", "focal"),
        hyperparameters=SMALL,
        on_trial=lambda where, trial: told.append((where, trial)),
    )
    assert list(found.rates) == [(0, "bce"), (0, "focal"), (1, "bce"), (1, "focal")]
    assert found.epochs.epochs == 4
    settings = found.settings_of(prepared.settings, fold=1, loss="focal")
    assert settings == replace(
        prepared.settings, epochs=4, loss="focal", learning_rate=found.rates[1, "focal"].best.learning_rate
    )
    assert {where for where, _ in told} == {f"fold {fold}/2, {loss}" for fold in (1, 2) for loss in ("bce", "focal")}
    assert all(0.3 < trial.score < 1 for _, trial in told)
    document = json.loads(json.dumps(found.document()))
    assert [entry["learning_rate"] for entry in document["learning_rates"]] == [
        rate.best.learning_rate for rate in found.rates.values()
    ]


def test_only_training_parts_are_looked_at(prepared, monkeypatch):
    monkeypatch.setattr(searching, "BUDGETS", (2, 4))
    find = {"model": "mlp", "hyperparameters": SMALL}
    found = find_settings(prepared, BOTH, **find)
    for fold, split in enumerate(prepared.splits):
        spoiled = prepared.data.features.copy()
        spoiled[np.concatenate([split.validation, split.test])] = 1e3
        data = replace(prepared.data, features=spoiled)
        only = replace(prepared, data=data, splits=(split,))
        again = find_settings(only, Search(learning_rate=True, epochs=False), **find)
        same = find_settings(replace(prepared, splits=(split,)), Search(learning_rate=True, epochs=False), **find)
        assert again.rates[0, "bce"] == same.rates[0, "bce"]
        if fold == 0:
            assert find_settings(only, BOTH, **find).epochs == found.epochs


def test_a_killed_search_goes_on(prepared, monkeypatch, tmp_path):
    monkeypatch.setattr(searching, "BUDGETS", (2, 4))
    told = []

    def find(on_trial, folder=tmp_path):
        return find_settings(
            prepared, BOTH, model="mlp", hyperparameters=SMALL, folder=folder, on_trial=lambda _, trial: on_trial(trial)
        )

    def killed(trial):
        told.append(trial)
        if len(told) == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find(killed)
    went_on = find(told.append)
    assert len(told) == len({(trial.learning_rate, trial.epochs, trial.score) for trial in told})
    whole = []
    assert find(whole.append, folder=None) == went_on
    assert whole == told
    assert find(lambda _: pytest.fail("nothing may be tried again")) == went_on
    monkeypatch.setattr(trying, "versions", lambda: {"batchsift": "9"})
    again = []
    find(again.append)
    assert again == told, "other versions may come to other numbers"


def test_the_caller_is_left_alone(prepared):
    before, verbosity = torch.get_rng_state(), optuna.logging.get_verbosity()
    search = Search(learning_rate=True, epochs=False)
    few = replace(prepared, settings=replace(prepared.settings, epochs=2))
    find_settings(few, search, model="mlp", hyperparameters=SMALL)
    assert torch.equal(torch.get_rng_state(), before)
    assert optuna.logging.get_verbosity() == verbosity


def test_a_model_for_use_may_have_unknown_labels(prepared):
    labels = prepared.data.labels.astype(float)
    labels[::7, 0] = np.nan
    data = replace(prepared.data, labels=labels)
    settings = replace(prepared.settings, epochs=2)
    found = find_settings_of_model(data, settings, Search(learning_rate=True, epochs=False), model="mlp")
    assert list(found.rates) == [(0, "bce")]
    assert "a fold" not in found.describe()


def test_a_part_too_small_to_search_in_is_explained(prepared):
    with pytest.raises(ValueError, match=r"made-up: 2 training samples are too few to search .* give both as numbers"):
        hold_out(prepared.data, prepared.splits[0].train[:2], 0)


def test_what_was_found_in_words():
    rates = {
        (fold, loss): FoundRate(Trial(rate, 20, 0.7), trials, at_end=False)
        for fold, loss, rate, trials in [(0, "bce", 0.004, 5), (1, "bce", 0.002, 6), (0, "focal", 0.1, 5)]
    }
    epochs = FoundEpochs((Trial(0.01, 10, 0.7), Trial(0.01, 20, 0.702)), (0.004,), converged=True)
    assert Found(rates=rates, epochs=epochs).describe() == (
        "20 epochs (searched: +0.002 ± 0.004 over 10), learning rate 0.002 to 0.004 with bce, 0.1 with focal "
        "(searched for random, 5 to 6 trials a fold)"
    )
    assert not Found()
    assert Found().describe() == ""
    assert span([0.1, 0.1]) == "0.1"
