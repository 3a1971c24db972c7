"""Which labels are trained on and scored."""

import numpy as np
import pytest

from batchsift.data import MultiLabelData
from batchsift.training.label_rule import drop_labels, warn_of_dropped_labels


def make(*columns):
    labels = np.column_stack(columns).astype(float)
    names = tuple(f"y{number}" for number in range(labels.shape[1]))
    return MultiLabelData(np.zeros((len(labels), 1)), labels, ("x",), names, name="toys")


NOBODY, EVERYBODY, SOME, ONE = [0] * 6, [1] * 6, [0, 1] * 3, [1] + [0] * 5


def test_rare_and_common_labels_go():
    data = make(SOME, EVERYBODY, NOBODY, ONE)
    kept, removed = drop_labels(data, 1)
    assert (kept.label_names, removed) == (("y0",), ("y2", "y3", "y1"))
    assert kept.num_samples == 6
    kept, removed = drop_labels(data, 0)
    assert (kept.label_names, removed) == (("y0", "y3"), ("y2", "y1"))
    message = (
        r"^toys: left out 1 of 4 labels that no sample has: y2; 1 of 4 labels that every sample has: y1; "
        r"1 of 4 labels with 1 positive or fewer \(min_positives\): y3\. They cannot be learned"
    )
    with pytest.warns(UserWarning, match=message):
        warn_of_dropped_labels(data, ("y2", "y3", "y1"), 1)


def test_nothing_is_said_where_all_labels_stay():
    data = make(SOME, ONE)
    kept, removed = drop_labels(data, 0)
    assert (kept.label_names, removed) == (data.label_names, ())
    warn_of_dropped_labels(data, (), 0)


def test_unknown_cells_are_neither():
    kept, removed = drop_labels(make(SOME, [1, np.nan] * 3), 0)
    assert (kept.label_names, removed) == (("y0",), ("y1",))


def test_nothing_to_learn_is_refused():
    with pytest.raises(ValueError, match=r"toys: each of the 1 labels with more than min_positives=1 positives is on"):
        drop_labels(make(EVERYBODY, ONE), 1)
