"""Metrics over the known cells: those of each label, and of each sample, by itself."""

import numpy as np
import pytest

from batchsift import metrics, partial_metrics

NAN = float("nan")


def made(unknown=0.3, seed=0):
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 2, (30, 5)).astype(float)
    targets[rng.random(targets.shape) < unknown] = NAN
    return rng.random((30, 5)), targets


def by_hand(probs, targets, key, average):
    """The mean over columns or rows, each by itself over its known cells."""
    lines = zip(probs, targets, strict=True) if average == "sample" else zip(probs.T, targets.T, strict=True)
    values = []
    for scored, wanted in lines:
        known = ~np.isnan(wanted)
        if known.any():
            shape = (1, -1) if average == "sample" else (-1, 1)
            values.append(metrics.evaluate(scored[known].reshape(shape), wanted[known].reshape(shape))[key])
    return np.nanmean(values)


@pytest.mark.parametrize("seed", range(3))
def test_every_line_counts_by_its_known_cells(seed):
    probs, targets = made(seed=seed)
    targets[0], targets[:, 4] = NAN, NAN  # a sample and a label of which nothing is known
    scores = partial_metrics.evaluate(probs, targets, np.full(5, 0.3))
    assert list(scores) == list(metrics.METRICS)
    for key in ("macro_auc", "macro_auprc", "macro_f1", "macro_recall"):
        assert scores[key] == pytest.approx(by_hand(probs, targets, key, "label")), key
    for key in ("ranking_loss", "one_error", "coverage", "average_precision", "jaccard", "subset_accuracy"):
        assert scores[key] == pytest.approx(by_hand(probs, targets, key, "sample")), key
    known = ~np.isnan(targets)
    assert scores["hamming_loss"] == pytest.approx(((probs > 0.5) != targets)[known].mean())
    hits = ((probs > 0.3) & (targets == 1))[known].sum()
    expected = 2 * hits / ((probs > 0.3)[known].sum() + (targets[known] == 1).sum())
    assert scores["micro_f1_tuned"] == pytest.approx(expected)


def test_labels_and_thresholds():
    probs, targets = made()
    targets[:, 2] = NAN
    by_label = partial_metrics.evaluate_labels(probs, targets)
    chosen = partial_metrics.choose_thresholds(probs, targets)
    assert np.isnan(by_label["auc"][2])
    assert chosen[2] == 0.5
    for label in (0, 1, 3, 4):
        known = ~np.isnan(targets[:, label])
        alone = probs[known, label, None], targets[known, label, None]
        assert by_label["auc"][label] == metrics.evaluate_labels(*alone)["auc"][0]
        assert chosen[label] == metrics.choose_thresholds(*alone)[0]


def test_complete_labels_are_those_of_the_protocol():
    probs, targets = made(unknown=0)
    for name in ("evaluate", "evaluate_labels", "choose_thresholds"):
        np.testing.assert_equal(getattr(partial_metrics, name)(probs, targets), getattr(metrics, name)(probs, targets))


def test_nothing_known():
    scores = partial_metrics.evaluate(np.zeros((2, 2)), np.full((2, 2), NAN))
    assert set(scores) == set(metrics.METRICS) - set(metrics.TUNED)
    assert all(np.isnan(list(scores.values())))


def test_other_shapes_and_values_are_refused():
    with pytest.raises(ValueError, match="of one shape"):
        partial_metrics.evaluate(np.zeros((2, 2)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="0 or 1"):
        partial_metrics.evaluate(np.zeros((1, 2)), [[NAN, 2]])
    with pytest.raises(ValueError, match="lie in"):
        partial_metrics.evaluate([[3.0, 0.5]], [[1, NAN]])
