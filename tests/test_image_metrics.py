"""The metrics of papers on pictures against values worked out by hand, loops, and scikit-learn."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import average_precision_score, precision_recall_fscore_support

from batchsift.image_metrics import BY_FREQUENCY, IMAGE_METRICS, evaluate_images
from batchsift.metrics import METRICS, evaluate

KEYS = ["cf1", "of1", "cf1_top3", "of1_top3", "map_head", "map_medium", "map_tail"]
NAN = math.nan


def loop_scores(probs, targets, counts):
    """Every metric cell by cell, without arrays."""
    rows, labels = range(len(probs)), range(len(probs[0]))
    known = [[not math.isnan(targets[i][j]) for j in labels] for i in rows]
    above = [[known[i][j] and probs[i][j] > 0.5 for j in labels] for i in rows]
    top = [[False for _ in labels] for _ in rows]
    for i in rows:
        candidates = sorted((-probs[i][j], j) for j in labels if known[i][j])
        for _, j in candidates[:3]:
            top[i][j] = True
    areas = {}
    for j in labels:
        positives = [i for i in rows if known[i][j] and targets[i][j] == 1]
        total = 0.0
        for i in positives:
            at_least = [k for k in rows if known[k][j] and probs[k][j] >= probs[i][j]]
            total += sum(targets[k][j] == 1 for k in at_least) / len(at_least)
        if positives:
            areas[j] = total / len(positives)

    def mean(values):
        values = list(values)
        return sum(values) / len(values) if values else NAN

    scores = {"macro_auprc": mean(areas.values())}
    for suffix, predicted in (("", above), ("_top3", top)):
        precisions, recalls, all_hits, all_predicted, all_relevant = [], [], 0, 0, 0
        for j in labels:
            if not any(known[i][j] for i in rows):
                continue
            relevant = [i for i in rows if known[i][j] and targets[i][j] == 1]
            chosen = [i for i in rows if predicted[i][j]]
            hits = len(set(relevant) & set(chosen))
            precisions.append(hits / len(chosen) if chosen else 0.0)
            recalls.append(hits / len(relevant) if relevant else 0.0)
            all_hits, all_predicted, all_relevant = (
                all_hits + hits,
                all_predicted + len(chosen),
                all_relevant + len(relevant),
            )
        if not precisions:
            scores[f"cf1{suffix}"] = scores[f"of1{suffix}"] = NAN
            continue
        precision, recall = mean(precisions), mean(recalls)
        scores[f"cf1{suffix}"] = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        both = all_predicted + all_relevant
        scores[f"of1{suffix}"] = 2 * all_hits / both if both else 0.0
    scores["map_head"] = mean(areas[j] for j in areas if counts[j] > 100)
    scores["map_medium"] = mean(areas[j] for j in areas if 20 <= counts[j] <= 100)
    scores["map_tail"] = mean(areas[j] for j in areas if counts[j] < 20)
    return scores


@st.composite
def predictions(draw):
    shape = draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    # A coarse grid: ties, the threshold itself, 0 and 1 all come up.
    probs = draw(hnp.arrays(np.float64, shape, elements=st.sampled_from([0.0, 0.2, 0.5, 0.6, 0.9, 1.0])))
    targets = draw(hnp.arrays(np.float64, shape, elements=st.sampled_from([0.0, 1.0, 1.0, NAN])))
    counts = draw(st.lists(st.sampled_from([0, 19, 20, 100, 101, 5000]), min_size=shape[1], max_size=shape[1]))
    return probs, targets, counts


@given(predictions())
@settings(max_examples=300, deadline=None)
def test_all_equal_loops(case):
    assert evaluate_images(*case) == pytest.approx(loop_scores(*case), abs=1e-12, nan_ok=True)


@given(predictions())
@settings(max_examples=50, deadline=None)
def test_what_an_unknown_cell_is_predicted_changes_nothing(case):
    probs, targets, counts = case
    changed = np.where(np.isnan(targets), 1 - probs, probs)
    assert evaluate_images(changed, targets, counts) == pytest.approx(evaluate_images(*case), abs=1e-12, nan_ok=True)


def test_values_by_hand():
    """Four labels; the threshold predicts [1 1 0 0] and [0 0 0 1], the three highest [1 1 1 0] and [1 0 1 1]."""
    probs = [[0.9, 0.6, 0.4, 0.1], [0.4, 0.2, 0.3, 0.8]]
    targets = [[1, 0, 1, 0], [1, 0, 0, 1]]
    scores = evaluate_images(probs, targets)
    precision, recall = (1 + 0 + 0 + 1) / 4, (1 / 2 + 0 + 0 + 1) / 4
    assert scores["cf1"] == pytest.approx(2 * precision * recall / (precision + recall))
    assert scores["of1"] == pytest.approx(2 * 2 / (3 + 4))
    precision, recall = (1 + 0 + 1 / 2 + 1) / 4, (1 + 0 + 1 + 1) / 4
    assert scores["cf1_top3"] == pytest.approx(2 * precision * recall / (precision + recall))
    assert scores["of1_top3"] == pytest.approx(2 * 4 / (6 + 4))
    assert scores["macro_auprc"] == 1.0, "the label without positives is in no mean"


def test_complete_labels_agree_with_scikit_learn_and_the_protocol():
    rng = np.random.default_rng(0)
    probs, targets = rng.random((200, 7)), (rng.random((200, 7)) < 0.3).astype(int)
    scores, protocol = evaluate_images(probs, targets), evaluate(probs, targets)
    assert scores["macro_auprc"] == pytest.approx(protocol["macro_auprc"])
    assert scores["macro_auprc"] == pytest.approx(average_precision_score(targets, probs, average="macro"))
    assert scores["of1"] == pytest.approx(protocol["micro_f1"])
    precision, recall, f1, _ = precision_recall_fscore_support(targets, probs > 0.5, average="macro")
    assert scores["cf1"] == pytest.approx(2 * precision * recall / (precision + recall))
    assert scores["cf1"] != pytest.approx(f1, abs=1e-6)


def test_map_with_unknown_cells_is_that_of_the_known_ones():
    rng = np.random.default_rng(1)
    probs, targets = rng.random((100, 5)), (rng.random((100, 5)) < 0.4).astype(float)
    targets[rng.random((100, 5)) < 0.3] = NAN
    known = ~np.isnan(targets)
    by_label = [average_precision_score(targets[known[:, j], j], probs[known[:, j], j]) for j in range(5)]
    assert evaluate_images(probs, targets)["macro_auprc"] == pytest.approx(np.mean(by_label))


def test_groups_by_frequency_have_the_limits_of_the_paper():
    """Labels 0 and 1 are ranked perfectly, 2 and 3 at the half."""
    probs = np.array([[0.9, 0.9, 0.1, 0.1], [0.1, 0.1, 0.9, 0.9]])
    targets = [[1, 1, 1, 1], [0, 0, 0, 0]]
    assert {k: evaluate_images(probs, targets, [101, 100, 20, 19])[k] for k in BY_FREQUENCY} == {
        "map_head": 1.0,
        "map_medium": 0.75,
        "map_tail": 0.5,
    }
    assert math.isnan(evaluate_images(probs, targets, [101, 200, 300, 400])["map_tail"])


def test_keys_are_in_order_and_not_among_those_of_the_protocol():
    assert list(IMAGE_METRICS) == KEYS
    probs, targets = [[0.9, 0.2]], [[1, 0]]
    assert list(evaluate_images(probs, targets, [1, 2])) == ["macro_auprc", *KEYS]
    assert list(evaluate_images(probs, targets)) == ["macro_auprc", *KEYS[:4]]
    assert set(IMAGE_METRICS).isdisjoint(METRICS)
    assert set(evaluate(probs, targets)) <= set(METRICS)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_tensors_of_every_kind(dtype):
    probs = torch.tensor([[0.875, 0.25], [0.5, 0.75]], dtype=dtype, requires_grad=True)
    targets = torch.tensor([[1.0, NAN], [0.0, 1.0]], dtype=dtype)
    expected = evaluate_images([[0.875, 0.25], [0.5, 0.75]], [[1, NAN], [0, 1]], [3, 200])
    assert evaluate_images(probs, targets, torch.tensor([3, 200])) == pytest.approx(expected, nan_ok=True)


def test_nothing_known_is_nan_without_a_warning():
    assert all(math.isnan(value) for value in evaluate_images([[0.1]], [[NAN]], [5]).values())


@pytest.mark.parametrize(
    ("probs", "targets", "counts", "message"),
    [
        ([[0.1, 0.2]], [[1]], None, "one shape"),
        ([[1.5]], [[1]], None, "sigmoid"),
        ([[NAN]], [[1]], None, "sigmoid"),
        ([[0.5]], [[2]], None, "0 or 1"),
        ([[0.5]], [[-1]], None, "0 or 1"),
        ([[0.5, 0.1]], [[1, 0]], [5], r"2 numbers of positives.*got the shape \(1,\)"),
        ([[0.5]], [[1]], [-1], "-1 as the least"),
        ([[0.5]], [[1]], [NAN], "nan as the least"),
    ],
)
def test_what_cannot_be_scored_is_refused(probs, targets, counts, message):
    with pytest.raises(ValueError, match=message):
        evaluate_images(probs, targets, counts)
