import numpy as np
import pytest

from batchsift.data import MultiLabelData, drop_rare_labels, drop_unlabelled_samples


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
