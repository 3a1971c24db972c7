"""The metrics against values worked out by hand and against loop-written twins."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.sparse import eye_array
from sklearn.metrics import f1_score, jaccard_score, precision_score, recall_score

from batchsift.metrics import METRICS, TUNED, choose_thresholds, evaluate, macro_auc

KEYS = [
    "macro_auc",
    "micro_auc",
    "macro_f1",
    "micro_f1",
    "macro_f1_tuned",
    "micro_f1_tuned",
    "macro_auprc",
    "micro_auprc",
    "ranking_loss",
    "hamming_loss",
    "one_error",
    "coverage",
    "average_precision",
    "subset_accuracy",
    "jaccard",
    "macro_precision",
    "micro_precision",
    "example_precision",
    "macro_recall",
    "micro_recall",
    "example_recall",
]
LOSSES = {"ranking_loss", "hamming_loss", "one_error", "coverage"}

PROBS = [[0.9, 0.6, 0.1], [0.4, 0.4, 0.8], [0.2, 0.7, 0.3]]
TARGETS = [[1, 0, 0], [1, 0, 1], [0, 1, 1]]
THRESHOLDS = [0.3, 0.4, 0.2]
BY_HAND = {
    # Every label's positives are above its negatives.
    "macro_auc": 1.0,
    # Positives .9 .4 .8 .7 .3, negatives .6 .1 .4 .2: wins 4 + (2 + 1/2) + 4 + 4 + 2 = 16.5 of 20.
    "micro_auc": 16.5 / 20,
    # Predicted [1 1 0], [0 0 1], [0 1 0]: by label 1 of 1, 1 of 2, 1 of 1 are hits, of 2, 1, 2 relevant.
    "macro_f1": 2 / 3,
    "micro_f1": 2 * 3 / (4 + 5),
    # Predicted [1 1 0], [1 0 1], [0 1 1]: 2 of 2, 1 of 2, 2 of 2 are hits, all that are relevant.
    "macro_f1_tuned": (1 + 2 / 3 + 1) / 3,
    "micro_f1_tuned": 2 * 5 / (6 + 5),
    "macro_auprc": 1.0,
    # From the top: .9+ .8+ .7+ .6- {.4+ .4-} .3+ ...: (1 + 1 + 1 + 4/6 + 5/7) / 5.
    "micro_auprc": (3 + 4 / 6 + 5 / 7) / 5,
    # Sample 0: none of 2 pairs. Sample 1: 0.4 ties with 0.4: 1 of 2. Sample 2: none of 2.
    "ranking_loss": (0 + 1 / 2 + 0) / 3,
    "hamming_loss": 3 / 9,
    "one_error": 0.0,
    "coverage": (1 + 3 + 2) / 3,
    "average_precision": (1 + (1 + 2 / 3) / 2 + 1) / 3,
    "subset_accuracy": 0.0,
    "jaccard": 1 / 2,
    "macro_precision": (1 + 1 / 2 + 1) / 3,
    "micro_precision": 3 / 4,
    "example_precision": (1 / 2 + 1 + 1) / 3,
    "macro_recall": (1 / 2 + 1 + 1 / 2) / 3,
    "micro_recall": 3 / 5,
    "example_recall": (1 + 1 / 2 + 1 / 2) / 3,
}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_tensors_of_every_kind(dtype):
    probs = torch.tensor([[0.875, 0.25], [0.5, 0.75]], dtype=dtype, requires_grad=True)  # exact in all of them
    expected = evaluate([[0.875, 0.25], [0.5, 0.75]], [[1, 0], [0, 1]])
    for targets in (torch.eye(2, dtype=dtype), torch.eye(2).to_sparse(), torch.eye(2, dtype=torch.bool), eye_array(2)):
        assert evaluate(probs, targets) == pytest.approx(expected)


def pairs(p, y):
    """The probabilities of every relevant and irrelevant pair."""
    cells = list(zip(p, y, strict=True))
    return [(a, b) for a, relevant in cells if relevant for b, other in cells if not other]


def loop_auc(p, y):
    wins = [(a > b) + (a == b) / 2 for a, b in pairs(p, y)]
    return sum(wins) / len(wins) if wins else math.nan


def loop_auprc(p, y):
    area = previous = 0.0
    for threshold in sorted(set(p), reverse=True):
        above = [relevant for a, relevant in zip(p, y, strict=True) if a >= threshold]
        recall = sum(above) / sum(y) if any(y) else math.nan
        area += (recall - previous) * sum(above) / len(above)
        previous = recall
    return area


def loop_sample(p, y):
    """(ranking loss, one-error, coverage, average precision, Jaccard) of one sample."""
    cells, errors = list(zip(p, y, strict=True)), [a <= b for a, b in pairs(p, y)]
    relevant = [a for a, yj in cells if yj]
    depths = [sum(b >= a for b in p) for a in relevant]
    hits = [sum(b >= a for b in relevant) for a in relevant]
    both, either = sum(yj and a > 0.5 for a, yj in cells), sum(yj or a > 0.5 for a, yj in cells)
    return (
        sum(errors) / len(errors) if errors else 0.0,
        float(not y[list(p).index(max(p))]),
        max(depths, default=0),
        sum(h / d for h, d in zip(hits, depths, strict=True)) / len(hits) if errors else 1.0,
        both / either if either else 1.0,
    )


def mean_of_defined(values):
    defined = [value for value in values if not math.isnan(value)]
    return sum(defined) / len(defined) if defined else math.nan


@st.composite
def predictions(draw, min_labels=1):
    shape = draw(st.tuples(st.integers(1, 7), st.integers(min_labels, 5)))
    # A coarse grid: ties, the threshold itself, 0 and 1 all come up.
    probs = draw(hnp.arrays(np.float64, shape, elements=st.sampled_from([0.0, 0.2, 0.5, 0.6, 0.9, 1.0])))
    return probs, draw(hnp.arrays(np.uint8, shape, elements=st.integers(0, 1)))


def test_keys_and_directions():
    assert list(METRICS) == KEYS
    assert {key for key, metric in METRICS.items() if not metric.higher_is_better} == LOSSES
    assert list(evaluate(PROBS, TARGETS, THRESHOLDS)) == KEYS
    assert list(evaluate(PROBS, TARGETS)) == [key for key in KEYS if key not in TUNED]
    assert METRICS["macro_auprc"].name == "mAP"


@pytest.mark.parametrize("key", KEYS)
def test_value_by_hand(key):
    assert evaluate(PROBS, TARGETS, THRESHOLDS)[key] == pytest.approx(BY_HAND[key], abs=1e-12)


@given(predictions())
@settings(max_examples=60, deadline=None)
def test_areas_and_rankings_equal_loops(case):
    probs, targets = case
    scores = evaluate(probs, targets)
    columns = list(zip(probs.T, targets.T, strict=True))
    samples = np.array([loop_sample(p, y) for p, y in zip(probs, targets, strict=True)]).mean(axis=0)
    twin = {
        "macro_auc": mean_of_defined(loop_auc(p, y) for p, y in columns),
        "micro_auc": loop_auc(probs.ravel(), targets.ravel()),
        "macro_auprc": mean_of_defined(loop_auprc(p, y) for p, y in columns),
        "micro_auprc": loop_auprc(probs.ravel(), targets.ravel()),
        **dict(
            zip(
                ("ranking_loss", "one_error", "coverage", "average_precision", "jaccard"),
                samples,
                strict=True,
            )
        ),
    }
    assert {key: scores[key] for key in twin} == pytest.approx(twin, abs=1e-12, nan_ok=True)
    assert macro_auc(probs, targets) == pytest.approx(scores["macro_auc"], nan_ok=True)


@given(predictions(min_labels=2))
@settings(max_examples=60, deadline=None)
def test_ratios_equal_scikit_learn(case):
    probs, targets = case
    scores, predicted = evaluate(probs, targets), (probs > 0.5).astype(int)
    for average, key in (("macro", "macro"), ("micro", "micro"), ("samples", "example")):
        options = {"average": average, "zero_division": 0}
        assert scores[f"{key}_precision"] == pytest.approx(precision_score(targets, predicted, **options))
        assert scores[f"{key}_recall"] == pytest.approx(recall_score(targets, predicted, **options))
        if average != "samples":
            assert scores[f"{key}_f1"] == pytest.approx(f1_score(targets, predicted, **options))
    jaccard = jaccard_score(targets, predicted, average="samples", zero_division=1)
    assert scores["jaccard"] == pytest.approx(jaccard)


def test_exactly_one_half_is_not_predicted():
    assert evaluate([[0.5]], [[1]])["micro_recall"] == 0.0


def test_single_label_is_an_ordinary_case():
    scores = evaluate([[0.9], [0.2], [0.7]], [[1], [0], [0]])
    expected = {
        "macro_auc": 1.0,
        "micro_auc": 1.0,
        "macro_f1": 2 / 3,
        "ranking_loss": 0.0,
        "one_error": 2 / 3,
        "coverage": 1 / 3,
        "average_precision": 1.0,
        "jaccard": 2 / 3,
        "example_precision": 1 / 3,
    }
    assert {key: scores[key] for key in expected} == pytest.approx(expected)


def test_undefined_is_nan_without_a_warning():
    undefined = {key for key, value in evaluate([[0.1, 0.9]], [[0, 0]]).items() if math.isnan(value)}
    assert undefined == {"macro_auc", "micro_auc", "macro_auprc", "micro_auprc"}
    assert math.isnan(macro_auc([[0.1], [0.2]], [[1], [1]]))


def test_labels_with_one_class_are_left_out_of_the_averages():
    probs, targets = [[0.1, 0.5], [0.9, 0.5]], [[0, 0], [1, 0]]
    assert macro_auc(probs, targets) == 1.0
    assert evaluate(probs, targets)["macro_auprc"] == 1.0


def test_nothing_relevant_and_nothing_predicted_is_a_perfect_jaccard():
    assert evaluate([[0.1, 0.2]], [[0, 0]])["jaccard"] == 1.0


def test_tensors_are_welcome():
    tensors = torch.tensor(PROBS), torch.tensor(TARGETS)
    assert evaluate(*tensors) == pytest.approx(evaluate(PROBS, TARGETS), abs=1e-6)


@pytest.mark.parametrize(
    ("probs", "targets", "message"),
    [
        ([[0.1, 0.2]], [[1]], "one shape"),
        ([0.1], [1], "one shape"),
        (np.empty((0, 2)), np.empty((0, 2)), "non-empty"),
        ([[1.5]], [[1]], "sigmoid"),
        ([[math.nan]], [[1]], "sigmoid"),
        ([[0.5]], [[math.nan]], "unlabelled"),
        ([[0.5]], [[2]], "0 or 1"),
    ],
)
def test_what_cannot_be_scored_is_refused(probs, targets, message):
    with pytest.raises(ValueError, match=message):
        evaluate(probs, targets)
    with pytest.raises(ValueError, match=message):
        macro_auc(probs, targets)


def loop_threshold(p, y):
    """Try every midpoint; of the best ones the nearest to 1/2, then the higher."""
    scores = sorted({0.0, *p})
    found = {}
    for low, high in itertools.pairwise(scores):
        threshold = (low + high) / 2
        hits = sum(b for a, b in zip(p, y, strict=True) if a > threshold)
        found[threshold] = 2 * int(hits) / (sum(a > threshold for a in p) + int(sum(y)))
    best = max(found.values(), default=0)
    equal = [threshold for threshold, f1 in found.items() if f1 == best]
    return min(equal, key=lambda threshold: (abs(threshold - 0.5), -threshold)) if best > 0 else 0.5


@given(predictions())
@settings(max_examples=200, deadline=None)
def test_thresholds_equal_a_loop_and_no_others_are_better(case):
    probs, targets = case
    thresholds = choose_thresholds(probs, targets)
    assert thresholds.tolist() == [loop_threshold(p, y) for p, y in zip(probs.T, targets.T, strict=True)]
    assert ((thresholds >= 0) & (thresholds < 1)).all()
    best = evaluate(probs, targets, thresholds)["macro_f1_tuned"]
    assert best >= evaluate(probs, targets)["macro_f1"]
    for threshold in np.linspace(0, 1, 21):
        assert best >= evaluate(probs, targets, np.full(probs.shape[1], threshold))["macro_f1_tuned"] - 1e-12


def test_thresholds_of_one_half_are_the_untuned_metrics():
    scores = evaluate(PROBS, TARGETS, [0.5, 0.5, 0.5])
    assert [scores[key] for key in TUNED] == [scores["macro_f1"], scores["micro_f1"]]


def test_thresholds_where_there_is_little_to_choose_by():
    assert choose_thresholds([[0.2], [0.9]], [[0], [0]]).tolist() == [0.5], "no positives"
    assert choose_thresholds([[0.0], [0.9]], [[1], [0]]).tolist() == [0.5], "no threshold finds the positive"
    assert choose_thresholds([[0.0], [0.0]], [[1], [1]]).tolist() == [0.5]
    assert choose_thresholds([[0.8], [0.6]], [[1], [1]]).tolist() == [0.3], "all positive: half of the lowest"
    assert choose_thresholds([[0.2], [0.4], [0.8]], [[1], [0], [0]]).tolist() == [0.1]
    # F1 is 2/3 with the first, and with all three: 0.8 and 0.1 are both candidates, and 0.8 is nearer.
    tie = [[0.9], [0.7], [0.2]], [[1], [0], [1]]
    assert choose_thresholds(*tie).tolist() == [0.1], "4/5 with all of them"
    assert choose_thresholds([[0.9], [0.7], [0.4], [0.2]], [[1], [0], [0], [1]]).tolist() == pytest.approx([0.8])
    # Equally near to 1/2: the higher.
    assert choose_thresholds([[0.75], [0.75], [0.5], [0.0]], [[1], [0], [1], [1]]).tolist() == [0.25]
    assert choose_thresholds([[1.0], [0.5], [0.5], [0.5]], [[1], [0], [1], [0]]).tolist() == [0.75]


def test_a_threshold_is_between_neighbouring_numbers():
    """A midpoint of neighbours may be the upper one, which would not be predicted."""
    low = np.nextafter(0.7, 0)
    probs, targets = np.array([[low], [0.7]]), [[0], [1]]
    threshold = choose_thresholds(probs, targets)
    assert ((probs > threshold) == targets).all()
    singles = np.array([[np.nextafter(np.float32(0.7), np.float32(0))], [np.float32(0.7)]], dtype=np.float32)
    assert ((singles > choose_thresholds(singles, targets)) == targets).all()


def test_thresholds_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"thresholds must be of shape \(3,\), got \(2,\)"):
        evaluate(PROBS, TARGETS, [0.5, 0.5])
    with pytest.raises(ValueError, match=r"got \(\)"):
        evaluate(PROBS, TARGETS, 0.5)
    with pytest.raises(ValueError, match="targets must be 0 or 1"):
        choose_thresholds([[0.5]], [[math.nan]])
