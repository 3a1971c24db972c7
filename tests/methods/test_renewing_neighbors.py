"""Neighbours that are renewed between epochs are as good as those of the beginning, and part of the saved state."""

import numpy as np
import pytest
import torch

import batchsift as bs

N, L, EPOCHS = 60, 5, 6
METHODS = {"d2ace": bs.D2ACE, "hard_imbalanced": bs.HardImbalanced}
NONE_YET = torch.empty(N, 0, dtype=torch.int64)


def labels():
    return (np.random.default_rng(0).random((N, L)) < [0.5, 0.4, 0.3, 0.1, 0.1]).astype(np.uint8)


def features(seed):
    return np.random.default_rng(seed).normal(size=(N, 3))


def made(name, **options):
    return bs.Selector(labels(), method=METHODS[name](warmup=1, **options), batch_size=8, epochs=EPOCHS, seed=0)


def train(selector, epochs, renew=None):
    """Plans of some epochs; logits depend on the epoch, and neighbours are renewed before each ends."""
    plans = []
    for _ in range(epochs):
        generator = torch.Generator().manual_seed(selector.epoch)
        logits = torch.randn(N, L, generator=generator)
        plans.append(list(selector))
        for indices in selector.batches():
            selector.observe(indices, logits[indices])
        if renew is not None:
            selector.method.renew_neighbors(features=features(selector.epoch))
        selector.end_epoch()
    return plans


@pytest.mark.parametrize("name", METHODS)
def test_renewed_neighbors_are_as_those_of_the_beginning(name):
    late, early = (
        made(name, neighbors=NONE_YET),
        made(name, neighbors=features_neighbors(7, METHODS[name]().num_neighbors)),
    )
    other = made(name, neighbors=features_neighbors(8, 6))
    for selector in (late, early, other):
        train(selector, 1)
    key = "hardness" if name == "d2ace" else "loss"
    assert not torch.equal(late.scores[key], early.scores[key])
    assert not torch.equal(other.scores[key], early.scores[key])
    for selector in (late, other):
        selector.method.renew_neighbors(features=features(7))
        assert torch.equal(selector.scores[key], early.scores[key])
    late.method.renew_neighbors(neighbors=features_neighbors(8, 6))
    late.end_epoch()
    again = made(name, neighbors=features_neighbors(8, 6))
    train(again, 1)
    again.end_epoch()
    assert torch.equal(late.probabilities, again.probabilities)


def features_neighbors(seed, count):
    from batchsift.functional.neighbors import nearest_neighbors

    return nearest_neighbors(features(seed), count)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("saved_after", [1, 3])
def test_a_resumed_training_has_the_neighbors_it_was_saved_with(name, saved_after):
    whole = train(made(name, neighbors=NONE_YET), EPOCHS, renew=True)
    assert whole != train(made(name, neighbors=NONE_YET), EPOCHS)
    first = made(name, neighbors=NONE_YET)
    train(first, saved_after, renew=True)
    resumed = made(name, neighbors=NONE_YET)
    resumed.load_state_dict(first.state_dict())
    key = "hardness" if name == "d2ace" else "loss"
    assert torch.equal(resumed.scores[key], first.scores[key])
    assert train(resumed, EPOCHS - saved_after, renew=True) == whole[saved_after:]


def test_the_frozen_epoch_stays_as_it_is():
    selector = made("d2ace", neighbors=NONE_YET)
    train(selector, 2)
    before, plan = selector.probabilities, list(selector)
    selector.method.renew_neighbors(features=features(3))
    assert torch.equal(selector.probabilities, before)
    assert list(selector) == plan


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "one of the two, got neither"),
        ({"features": features(0), "neighbors": NONE_YET}, "one of the two, got both"),
        ({"features": features(0)[:-1]}, "a row for each of the 60 samples, got 59 rows"),
        ({"features": np.full((N, 2), np.nan)}, "NaN or infinite"),
        ({"neighbors": NONE_YET[:-1]}, r"neighbors must be integers of shape \(60, K\)"),
        ({"neighbors": torch.full((N, 2), N)}, r"must lie in \[0, 60\)"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(name, given, message):
    selector = made(name, neighbors=features_neighbors(1, 4))
    train(selector, 1)
    before = selector.scores
    with pytest.raises(ValueError, match=message):
        selector.method.renew_neighbors(**given)
    assert all(torch.equal(value, before[key]) for key, value in selector.scores.items())


def test_there_must_be_something_to_renew():
    for method in METHODS.values():
        with pytest.raises(ValueError, match="serves no selector yet"):
            method().renew_neighbors(features=features(0))
    with pytest.raises(ValueError, match="correlation=False looks at none"):
        made("d2ace", correlation=False).method.renew_neighbors(features=features(0))
