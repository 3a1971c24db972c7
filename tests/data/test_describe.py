"""What `describe` finds, against hand counts and against figures others published."""

import json
import math
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from batchsift.data import MultiLabelData, concatenated, load
from batchsift.data.describe import describe

FOLDER = os.environ.get("BATCHSIFT_DATA")
needs_data = pytest.mark.skipif(not FOLDER, reason="BATCHSIFT_DATA names no folder of data sets")

# cardinality, density, label sets, those that occur once, the commonest's count, MeanIR, SCUMBLE, TCS, as published by
# Cometa (https://cometa.ujaen.es; Charte et al., Neurocomputing 289, 2018). Its TCS of birds counts the nominal
# `location` as one feature, which here is one-hot: it is left out.
PUBLISHED = {
    "bibtex": ("2.4019", "0.0151", 2856, 2199, 471, "12.4983", "0.0938", "20.5414"),
    "birds": ("1.014", "0.0534", 133, 73, 294, "5.407", "0.033", None),
    "cal500": ("26.0438", "0.1497", 502, 502, 1, "20.5778", "0.3372", "15.5972"),
    "Corel5k": ("3.522", "0.0094", 3175, 2523, 55, "189.5676", "0.3941", "20.1999"),
    "emotions": ("1.8685", "0.3114", 27, 4, 81, "1.4781", "0.011", "9.3643"),
    "enron": ("3.3784", "0.0637", 753, 573, 163, "73.9528", "0.3028", "17.5031"),
    "scene": ("1.074", "0.179", 15, 3, 405, "1.2538", "0.0003", "10.1834"),
    "yeast": ("4.2371", "0.3026", 198, 77, 237, "7.1968", "0.1044", "12.5621"),
}
# IRLbl, SCUMBLE and its coefficient of variation of every label of emotions, as the manual of the R package mldr 0.4.2
# prints them (https://rdrr.io/cran/mldr/man/emotions.html).
EMOTIONS = {
    "amazed-suprised": ("1.526012", "0.002159173", "2.4782958"),
    "happy-pleased": ("1.590361", "0.014332319", "0.8916295"),
    "relaxing-calm": ("1.000000", "0.023786461", "0.4848911"),
    "quiet-still": ("1.783784", "0.023131538", "0.6312293"),
    "sad-lonely": ("1.571429", "0.016133470", "0.8093536"),
    "angry-aggresive": ("1.396825", "0.001331189", "2.4947227"),
}


def to_the_digits_of(value, published):
    return f"{value:.{len(published.partition('.')[2])}f}" == published


def real(name):
    folder = Path(FOLDER) / "arff"
    if (folder / f"{name}.arff").exists():
        return load(folder / f"{name}.arff")
    return concatenated([load(folder / f"{name}-{part}.arff") for part in ("train", "test")], name=name)


@needs_data
@pytest.mark.parametrize("name", PUBLISHED)
def test_agrees_with_published_figures(name, monkeypatch):
    monkeypatch.setattr("batchsift.data.duplicates.LARGEST_SEARCHED", 3000)  # the search is not what is tested here
    found = describe(real(name))
    assert (found.distinct_label_sets, found.single_label_sets, found.largest_label_set) == PUBLISHED[name][2:5]
    own = (found.cardinality, found.density, found.mean_imbalance_ratio, found.scumble, found.complexity)
    for value, published in zip(own, (*PUBLISHED[name][:2], *PUBLISHED[name][5:]), strict=True):
        assert published is None or to_the_digits_of(value, published), (value, published)


@needs_data
def test_every_label_agrees_with_published_figures():
    found = describe(real("emotions"))
    assert to_the_digits_of(found.scumble_cv, "1.26456")
    for label in found.labels:
        values = (label.imbalance_ratio, label.scumble, label.scumble_cv)
        assert all(map(to_the_digits_of, values, EMOTIONS[label.name])), (label, EMOTIONS[label.name])


def made(features, labels, **options):
    features, labels = np.asarray(features, dtype=float), np.asarray(labels)
    names = tuple(f"x{d}" for d in range(features.shape[1])), tuple(f"y{j}" for j in range(labels.shape[1]))
    return MultiLabelData(features, labels, *names, **options)


def test_counts_by_hand():
    data = made([[0], [1], [2], [3]], [[1, 1, 0], [1, 0, 0], [1, 0, 0], [0, 0, 0]], name="toy")
    found = data.describe()
    assert (found.name, found.num_samples, found.num_features, found.num_labels, found.sparse) == (
        "toy",
        4,
        1,
        3,
        False,
    )
    assert (found.cardinality, found.density, found.unlabelled_samples) == (1.0, pytest.approx(1 / 3), 1)
    assert (found.distinct_label_sets, found.single_label_sets, found.largest_label_set) == (3, 2, 2)
    assert found.complexity == pytest.approx(math.log(1 * 3 * 3))
    ratios = [label.imbalance_ratio for label in found.labels]
    assert ratios[:2] == [1.0, 3.0]
    assert math.isnan(ratios[2])
    assert (found.mean_imbalance_ratio, found.max_imbalance_ratio) == (2.0, 3.0)  # y2, which nobody has, is left out
    own = 1 - math.sqrt(3) / 2
    assert found.scumble == pytest.approx(own / 4)
    assert found.labels[0].scumble == pytest.approx(own / 3)
    assert found.cooccurrence == ((3, 1, 0), (1, 1, 0), (0, 0, 0))


def test_unknown_labels_count_as_absent():
    found = describe(made([[0.0], [1.0]], [[1.0, np.nan], [0.0, 1.0]]))
    assert (found.unknown_cells, found.cardinality, found.cooccurrence) == (1, 1.0, ((1, 0), (0, 1)))
    assert [label.frequency for label in found.labels] == [0.5, 1.0]
    none = describe(made([[0.0], [1.0]], [[1.0, np.nan], [0.0, np.nan]]))
    assert math.isnan(none.labels[1].frequency)
    assert len(repr(none)) < 1000


@pytest.mark.parametrize("sparse", [False, True])
def test_features_constant_and_equal(sparse):
    columns = np.array([[0, 5, 1, 1, 0, 0], [0, 5, 2, 2, 0, 3], [0, 5, 0, 0, 7, 0]], dtype=float)
    data = made(columns, [[1], [0], [1]])
    if sparse:
        data = MultiLabelData(csr_array(columns), data.labels, data.feature_names, data.label_names)
    found = describe(data)
    assert found.sparse is sparse
    assert found.constant_features == ("x0", "x1")
    assert found.duplicate_features == (("x2", "x3"),)


def test_missing_values_are_counted_and_do_not_vary_a_constant():
    found = describe(made([[1.0, np.nan], [np.nan, np.nan], [1.0, 2.0], [1.0, 3.0]], [[1], [0], [1], [0]]))
    assert found.missing_values == 3
    assert found.constant_features == ("x0",)


@pytest.mark.parametrize("sparse", [False, True])
def test_rows_equal_near_contradicting_and_leaking(sparse):
    rng = np.random.default_rng(0)
    features = rng.uniform(0.1, 1, size=(60, 5)).round(3)
    labels = (rng.uniform(size=(60, 2)) < 0.5).astype(int)
    features[1], labels[1] = features[0], 1 - labels[0]  # contradicts
    features[3], labels[3] = features[2], labels[2]  # agrees
    features[5] = features[4] + 1e-6  # near
    data = made(features, labels)
    if sparse:
        data = MultiLabelData(csr_array(features), labels, data.feature_names, data.label_names)
    rows = describe(data).duplicates
    assert (rows.equal_rows, rows.near_rows, rows.contradicting_rows, rows.num_folds) == (4, 6, 2, 5)
    assert rows.leaking_rows % 2 == 0
    assert rows.leaking_rows <= 6


def test_all_doubles_in_other_folds_leak(monkeypatch):
    def alternating(labels, num_folds, seed):
        rows = np.arange(len(labels))
        return [(rows[rows % 2 != fold], rows[rows % 2 == fold]) for fold in range(2)]

    monkeypatch.setattr("batchsift.data.duplicates.folds", alternating)
    features = np.repeat(np.arange(10.0) ** 2, 2)[:, None]  # rows 2k and 2k + 1 are equal, and in different folds
    assert describe(made(features, np.tile([[1], [0]], (10, 1)))).duplicates.leaking_rows == 20
    features = np.tile(np.arange(10.0) ** 2, 2)[:, None]  # rows k and k + 10: in the same fold
    assert describe(made(features, np.tile([[1], [0]], (10, 1)))).duplicates.leaking_rows == 0


def test_too_many_rows_to_search(monkeypatch):
    monkeypatch.setattr("batchsift.data.duplicates.LARGEST_SEARCHED", 3)
    rows = describe(made([[0.0], [0.0], [1.0], [2.0], [3.0]], [[1], [0], [1], [0], [1]])).duplicates
    assert (rows.equal_rows, rows.near_rows) == (2, None)


def test_one_sample():
    found = describe(made([[1.0]], [[1]]))
    assert (found.duplicates.num_folds, found.duplicates.equal_rows, found.complexity) == (0, 0, 0.0)


def test_the_document_is_json():
    document = describe(made([[0.0], [1.0]], [[1, 0], [1, 0]], name="é")).document()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["labels"][1]["imbalance_ratio"] is None
    assert document["name"] == "é"


def test_every_column_of_a_table_has_a_row():
    frame = pd.DataFrame(
        {
            "id": range(6),
            "joined": ["2020-01-01", None, "2020-01-03", "2020-01-01", "2020-01-02", "2020-01-02 10:00"],
            "hue": ["r", "g", "r", None, "g", "r"],
            "note": list("uvwxyz"),
            "size": [1.5, np.nan, 2, 1.5, 3, 4],
            "land": ["FR"] * 6,
            "place": [[1, 2]] * 6,
            "old": [1, 2, 3, 4, 5, 6],
            "a": [0, 1, 0, 1, 0, 1],
        }
    )
    with pytest.warns(UserWarning, match="dropped 'id'"):
        found = load(frame, label_columns="a", drop="old").describe()
    rows = [(c.name, c.kind, c.missing, c.num_values, c.becomes) for c in found.columns]
    assert rows == [
        ("id", "identifier", 0, 6, "left out"),
        ("joined", "date", 1, 4, "4 features"),
        ("hue", "category", 1, 2, "2 features"),
        ("note", "text", 0, 6, "left out"),
        ("size", "number", 1, 4, "1 feature"),
        ("land", "constant", 0, 1, "1 feature"),
        ("place", "vector", 0, None, "2 features"),
        ("old", "number", 0, 6, "left out"),
        ("a", "label", 0, 2, "label"),
    ]
    assert found.columns[1].features == ("joined.ordinal", "joined.month", "joined.weekday", "joined.hour")
    assert found.columns[4].examples == ("1.5", "2", "3")
    assert found.document()["columns"][2]["examples"] == ["r", "g"]


def test_rows_of_columns_without_a_table_and_of_tags():
    matrix = np.array([[0, 5.0, np.nan], [1, 5.0, 0]])
    for features in (matrix, csr_array(matrix)):
        data = MultiLabelData(features, [[1], [0]], ("p", "q", "r"), ("a",))
        rows = [(c.name, c.kind, c.missing, c.num_values, c.becomes) for c in describe(data).columns]
        assert rows == [
            ("p", "number", 0, 2, "1 feature"),
            ("q", "constant", 0, 1, "1 feature"),
            ("r", "constant", 1, 1, "1 feature"),
        ]
    tagged = load(pd.DataFrame({"x": [1, 2], "tags": ["a|b", "a"]}), label_column="tags").describe()
    assert [(c.name, c.kind, c.becomes) for c in tagged.columns][1] == ("tags", "label", "2 labels")


def test_an_infinite_feature_is_named():
    data = MultiLabelData([[0.5, 1.0], [1.5, -np.inf]], [[1], [0]], ("x", "y"), ("a",))
    with pytest.raises(ValueError, match="features hold -inf in row 1, column 'y'; expected finite numbers"):
        describe(data)
