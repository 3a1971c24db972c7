import numpy as np
import pytest

from batchsift.data import ImageData, MultiLabelData, long_tailed
from batchsift.data.images import ImageFiles
from batchsift.data.long_tail import pareto_counts


def made(labels):
    names = tuple(map(str, range(labels.shape[1])))
    return MultiLabelData(np.arange(len(labels))[:, None], labels, ("x",), names, "set")


def test_the_counts_follow_the_density():
    counts = pareto_counts(20, 1000, 4, 6.0)
    assert (counts[0], counts[-1]) == (1000, 4)
    assert (np.diff(counts) <= 0).all()
    x = np.linspace(1, 250 ** (1 / 7), 20)
    np.testing.assert_allclose(counts, 1000 * x**-7.0, atol=0.5)
    assert pareto_counts(1, 9, 3, 6.0).tolist() == [9]


def test_single_labels_meet_their_counts():
    labels = np.repeat(np.eye(5, dtype=int), [100, 300, 80, 90, 200], axis=0)
    kept, rows = long_tailed(made(labels), largest=60, smallest=3, seed=0)
    goals = pareto_counts(5, 60, 3, 6.0)
    assert kept.labels.sum(axis=0).tolist() == goals[[2, 0, 4, 3, 1]].tolist()
    np.testing.assert_array_equal(kept.features[:, 0], rows)
    assert (np.diff(rows) > 0).all()


def test_several_labels_go_with_each_other():
    rng = np.random.default_rng(0)
    labels = (rng.random((3000, 8)) < np.linspace(0.5, 0.05, 8)).astype(float)
    labels[5, 2] = np.nan
    data = made(labels)
    kept, rows = long_tailed(data, largest=400, smallest=10, seed=1)
    counts, goals = (kept.labels == 1).sum(axis=0), pareto_counts(8, 400, 10, 6.0)
    assert (counts >= goals).all()
    assert counts[-1] <= 11
    assert (counts[1:] <= 1.3 * goals[1:]).all()
    assert (kept.labels == 1).any(axis=1).all()
    _, same = long_tailed(data, largest=400, smallest=10, seed=1)
    np.testing.assert_array_equal(rows, same)
    assert not np.array_equal(rows, long_tailed(data, largest=400, smallest=10, seed=2)[1])


def test_a_rare_label_keeps_what_it_has():
    labels = np.repeat(np.eye(3, dtype=int), [50, 2, 0], axis=0)
    kept, _ = long_tailed(made(labels), smallest=4, seed=0)
    assert kept.labels.sum(axis=0).tolist() == [50, 2, 0]


def test_pictures():
    labels = np.repeat(np.eye(2, dtype=int), 20, axis=0)
    data = ImageData(ImageFiles.of("x", [f"{row}.jpg" for row in range(40)]), labels, ("a", "b"))
    kept, rows = long_tailed(data, smallest=5, seed=0)
    assert kept.labels.sum(axis=0).tolist() == [20, 5]
    assert [kept.pictures.name_of(row) for row in range(25)] == [f"x/{row}.jpg" for row in rows]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"smallest": 0}, "smallest is 0 and largest 1"),
        ({"smallest": 5, "largest": 4}, "smallest is 5 and largest 4; expected 1 <= smallest <= largest"),
        ({"power": 0, "smallest": 1}, "power is 0"),
    ],
)
def test_numbers_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        long_tailed(made(np.eye(2)), seed=0, **options)
    with pytest.raises(ValueError, match="no sample has a label"):
        long_tailed(made(np.zeros((2, 2))), seed=0)
