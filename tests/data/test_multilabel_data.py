from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from batchsift.data import MultiLabelData, concatenated, drop_rare_labels, drop_unlabelled_samples
from batchsift.data.schema import TableColumn


def make(labels, images=None):
    labels = np.asarray(labels)
    return MultiLabelData(
        features=np.arange(len(labels))[:, None],
        labels=labels,
        feature_names=("x",),
        label_names=tuple("abcdefgh"[: labels.shape[1]]),
        images=images,
    )


def test_properties():
    data = make([[1, 0, 1], [0, 0, 1]])
    assert (data.num_samples, data.num_features, data.num_labels, data.cardinality) == (2, 1, 3, 1.5)
    assert data.features.dtype == np.float64
    assert data.name == ""
    assert data.images is None


@pytest.mark.parametrize("dtype", [bool, np.int64, np.float32, np.float64, np.uint8])
def test_complete_labels_are_stored_as_uint8(dtype):
    labels = make(np.array([[1, 0], [0, 1]], dtype=dtype)).labels
    assert labels.dtype == np.uint8
    assert labels.tolist() == [[1, 0], [0, 1]]


def test_labels_with_unknown_cells_are_stored_as_float32_and_count_as_no_label():
    data = make(np.array([[1, np.nan], [0, 1]]))
    assert data.labels.dtype == np.float32
    np.testing.assert_array_equal(data.labels, [[1, np.nan], [0, 1]])
    assert data.cardinality == 1.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": [[0, 2], [1, 0]]}, "labels hold 2 in row 0, column 1; expected 0 or 1"),
        ({"labels": [[0, 1], [-1, 0]]}, "labels hold -1 in row 1, column 0"),
        ({"labels": [0, 1]}, r"labels have shape \(2,\)"),
        ({"labels": [["no", "yes"], ["yes", "no"]]}, "labels have dtype <U3"),
        ({"features": [1.0, 2.0]}, r"features have shape \(2,\)"),
        ({"features": np.empty((2, 0))}, r"features have shape \(2, 0\)"),
        ({"features": [[1.0], [2.0], [3.0]]}, "features have 3 rows and labels have 2"),
        ({"feature_names": ("x", "y")}, "feature_names are 2 .* expected a tuple of 1"),
        ({"label_names": ("a",)}, "label_names are 1 .* expected a tuple of 2"),
        ({"label_names": "ab"}, "in a str"),
        ({"images": np.zeros((2, 4, 4))}, r"images have shape \(2, 4, 4\); expected \(2, 1, height, width\)"),
        ({"images": np.zeros((3, 1, 4, 4))}, r"images have shape \(3, 1, 4, 4\)"),
    ],
)
def test_wrong_parts_are_refused(changes, message):
    parts = {
        "features": [[1.0], [2.0]],
        "labels": [[0, 1], [1, 0]],
        "feature_names": ("x",),
        "label_names": ("a", "b"),
    }
    with pytest.raises(ValueError, match=message):
        MultiLabelData(**(parts | changes))


def test_drop_rare_labels_drops_those_with_exactly_the_minimum_too():
    labels = np.zeros((30, 3), dtype=np.uint8)
    labels[:19, 0] = labels[:20, 1] = labels[:21, 2] = 1
    kept, removed = drop_rare_labels(make(labels))
    assert removed == ("a", "b")
    assert kept.label_names == ("c",)
    assert kept.labels.tolist() == labels[:, 2:].tolist()
    assert kept.num_samples == 30


def test_drop_rare_labels_keeps_the_labels_order_and_says_when_nothing_is_removed():
    data = make([[1, 1], [0, 1]])
    kept, removed = drop_rare_labels(data, min_positives=0)
    assert removed == ()
    assert kept.label_names == ("a", "b")


def test_drop_rare_labels_does_not_count_unknown_cells():
    kept, removed = drop_rare_labels(make([[1, np.nan], [1, np.nan], [0, 1]]), min_positives=1)
    assert removed == ("b",)
    assert kept.labels.dtype == np.uint8


def test_drop_rare_labels_refuses_to_drop_all():
    with pytest.raises(ValueError, match=r"more than min_positives=20 .* commonest has 1"):
        drop_rare_labels(make([[1, 0], [0, 1]]))
    with pytest.raises(ValueError, match="min_positives is -1"):
        drop_rare_labels(make([[1, 0]]), min_positives=-1)


def test_drop_unlabelled_samples():
    images = np.arange(4, dtype=np.float32).reshape(4, 1, 1, 1)
    data = make(np.array([[0, 1], [0, 0], [0, np.nan], [1, np.nan]]), images)
    kept, removed = drop_unlabelled_samples(data)
    assert removed.tolist() == [1, 2]
    assert kept.features.tolist() == [[0], [3]]
    np.testing.assert_array_equal(kept.labels, [[0, 1], [1, np.nan]])
    assert kept.images.ravel().tolist() == [0, 3]


def test_drop_unlabelled_samples_refuses_to_drop_all():
    with pytest.raises(ValueError, match="none of the 2 samples"):
        drop_unlabelled_samples(make([[0, 0], [0, 0]]))


def test_filters_leave_their_input_alone():
    data = make([[1, 0], [0, 0], [1, 1]])
    drop_rare_labels(data, min_positives=1)
    drop_unlabelled_samples(data)
    assert data.labels.tolist() == [[1, 0], [0, 0], [1, 1]]
    assert data.label_names == ("a", "b")


# --- Sparse features ------------------------------------------------------------------------------------------

DENSE = np.array([[0.0, 2.0, 0.0], [0.0, 0.0, -1.0], [np.nan, 0.0, 0.0], [4.0, 0.0, 0.5]])
LABELS = np.array([[1, 0], [0, 0], [1, 1], [1, 0]])
FORMATS = [*(getattr(sparse, f"{form}_array") for form in ("csr", "csc", "coo", "lil", "dok")), sparse.csr_matrix]


def both(labels=LABELS):
    names = ("x", "y", "z"), ("a", "b"), "toys"
    return MultiLabelData(DENSE, labels, *names), MultiLabelData(sparse.csr_array(DENSE), labels, *names)


def assert_same(data, other):
    np.testing.assert_array_equal(dense(data), dense(other))
    np.testing.assert_array_equal(data.labels, other.labels)
    assert (data.feature_names, data.label_names, data.name) == (other.feature_names, other.label_names, other.name)


def dense(data):
    return data.features.toarray() if data.is_sparse else data.features


@pytest.mark.parametrize("form", FORMATS)
def test_sparse_features_stay_sparse_and_labels_become_an_array(form):
    data = MultiLabelData(form(DENSE.astype(np.float32)), form(LABELS), ("x", "y", "z"), ("a", "b"))
    assert data.is_sparse
    assert isinstance(data.features, sparse.csr_array)
    assert data.features.dtype == np.float64
    np.testing.assert_array_equal(data.features.toarray(), DENSE)
    assert data.labels.dtype == np.uint8
    np.testing.assert_array_equal(data.labels, LABELS)
    assert (data.num_samples, data.num_features, data.num_labels) == (4, 3, 2)
    assert repr(data) == "MultiLabelData('', 4 samples x 3 features x 2 labels, sparse)"


def test_sparse_labels_may_hold_unknown_cells():
    data = MultiLabelData(DENSE, sparse.csr_array([[1, np.nan], [0, 1], [0, 0], [0, 0]]), ("x", "y", "z"), ("a", "b"))
    np.testing.assert_array_equal(data.labels[:2], [[1, np.nan], [0, 1]])


def test_cells_stored_twice_are_added_without_touching_what_was_given():
    given = sparse.csr_array((np.array([1.0, 2.0]), np.array([0, 0]), np.array([0, 2])), shape=(1, 2))
    data = MultiLabelData(given, [[1]], ("x", "y"), ("a",))
    assert data.features.toarray().tolist() == [[3.0, 0.0]]
    assert given.nnz == 2


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (sparse.csr_array((4, 0)), r"features have shape \(4, 0\)"),
        (sparse.csr_array(np.eye(3)), "features have 3 rows and labels have 4"),
        (sparse.csr_array(np.eye(4, 3, dtype=complex)), "features have dtype complex128"),
        (sparse.coo_array(np.ones(4)), r"features have shape \(4,\)"),
    ],
)
def test_wrong_sparse_features_are_refused(features, message):
    with pytest.raises(ValueError, match=message):
        MultiLabelData(features, LABELS, ("x", "y", "z"), ("a", "b"))


def test_filters_do_the_same_to_sparse_features():
    for change in (
        lambda data: drop_rare_labels(data, min_positives=1)[0],
        lambda data: drop_unlabelled_samples(data)[0],
        lambda data: data.select(rows=[3, 0, 0], features=[False, True, True], labels=[1, 0]),
        lambda data: data.select(rows=data.labels[:, 1] == 0),
        lambda data: concatenated([data, data], name="twice"),
        lambda data: replace(data, name="renamed"),
    ):
        of_dense, of_sparse = (change(data) for data in both())
        assert not of_dense.is_sparse
        assert of_sparse.is_sparse
        assert_same(of_dense, of_sparse)


def test_select_keeps_names_and_images_with_their_columns_and_rows():
    images = np.arange(3, dtype=np.float32).reshape(3, 1, 1, 1)
    data = make([[1, 0, 0], [0, 1, 0], [0, 0, 1]], images).select(rows=[2, 0], labels=[2, 1])
    assert data.label_names == ("c", "b")
    assert data.labels.tolist() == [[1, 0], [0, 0]]
    assert data.features.ravel().tolist() == [2, 0]
    assert data.images.ravel().tolist() == [2, 0]


@pytest.mark.parametrize(
    ("chosen", "error", "message"),
    [
        ({"rows": []}, ValueError, r"features have shape \(0, 3\)"),
        ({"labels": np.zeros(2, dtype=bool)}, ValueError, r"labels have shape \(4, 0\)"),
        ({"rows": [4]}, IndexError, "out of bounds"),
        ({"rows": [True, False]}, IndexError, r"mask has the shape \(2,\); expected \(4,\)"),
    ],
)
def test_impossible_selections_are_refused(chosen, error, message):
    for data in both():
        with pytest.raises(error, match=message):
            data.select(**chosen)


def test_concatenated():
    of_dense, of_sparse = both()
    mixed = concatenated([of_dense, of_sparse])
    assert mixed.is_sparse
    assert mixed.name == "toys"
    np.testing.assert_array_equal(mixed.features.toarray(), np.concatenate([DENSE, DENSE]))
    np.testing.assert_array_equal(mixed.labels, np.concatenate([LABELS, LABELS]))
    unknown = MultiLabelData(DENSE, np.where(LABELS == 1, np.nan, 0), of_dense.feature_names, of_dense.label_names)
    np.testing.assert_array_equal(concatenated([of_dense, unknown]).labels[4], [np.nan, 0])


def test_parts_that_differ_are_not_concatenated():
    data = both()[0]
    for other, message in (
        (data.select(labels=[1, 0]), "the label 'a' where part 2 has 'b'"),
        (data.select(features=[0, 1]), "part 1 has 3 features and part 2 has 2"),
        (replace(data, images=np.zeros((4, 1, 1, 1))), "some parts have images"),
    ):
        with pytest.raises(ValueError, match=message):
            concatenated([data, other])
    with pytest.raises(ValueError, match="nothing to concatenate"):
        concatenated([])


def test_columns_go_with_their_features():
    columns = (TableColumn("hue", "category", values=("g", "r")), TableColumn("y", "label"))
    data = MultiLabelData([[1, 0], [0, 1]], [[1], [0]], ("hue=g", "hue=r"), ("y",), columns=columns)
    assert data.select(rows=[0]).columns == columns
    assert data.select(features=[0]).columns == ()
    assert concatenated([data, data]).columns == columns[:1]
    with pytest.raises(ValueError, match=r"columns become 2 features .*; expected those of feature_names"):
        MultiLabelData([[1, 0], [0, 1]], [[1], [0]], ("hue=g", "hue=b"), ("y",), columns=columns)


def test_parts_with_dates_in_another_order_are_refused():
    first, second = (
        MultiLabelData(
            [[1.0]], [[1]], ("t.ordinal",), ("y",), columns=(TableColumn("t", "date", parts=("ordinal",), order=o),)
        )
        for o in ("day-first", "month-first")
    )
    with pytest.raises(
        ValueError, match=r"part 1 has date 't' \(day-first\) where part 2 has date 't' \(month-first\)"
    ):
        concatenated([first, second])
