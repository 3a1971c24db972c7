import random

import numpy as np
import pytest

from batchsift.data import digits


@pytest.fixture(scope="module")
def scenes():
    return digits()


def test_shapes_and_names(scenes):
    assert (scenes.num_samples, scenes.num_features, scenes.num_labels) == (2400, 324, 10)
    assert scenes.images.shape == (2400, 1, 18, 18)
    assert scenes.images.dtype == np.float32
    assert scenes.features.dtype == np.float64
    assert scenes.labels.dtype == np.uint8
    assert scenes.label_names == tuple("0123456789")
    assert scenes.feature_names[:2] == ("pixel_0_0", "pixel_0_1")
    assert scenes.feature_names[-1] == "pixel_17_17"
    assert scenes.name == "digits"


def test_features_are_the_pixels_row_by_row(scenes):
    np.testing.assert_array_equal(scenes.images.reshape(2400, 324), scenes.features.astype(np.float32))


def test_every_scene_has_one_to_four_digits(scenes):
    sizes = scenes.labels.sum(axis=1)
    assert sorted(set(sizes.tolist())) == [1, 2, 3, 4]
    assert 1.8 < scenes.cardinality < 2.0


@pytest.mark.parametrize("seed", range(3))
def test_frequencies_have_a_long_tail(seed):
    frequencies = digits(seed=seed).labels.mean(axis=0)
    assert (np.diff(frequencies) < 0).all()
    assert 0.45 < frequencies[0] < 0.52
    assert 0.025 < frequencies[9] < 0.05


@pytest.mark.parametrize(("one", "friend", "stranger"), [(6, 8, 7), (4, 7, 6), (3, 5, 4)])
def test_digits_of_one_company_come_together(one, friend, stranger):
    labels = digits(20_000, noise=0.0).labels.astype(float)
    lift = labels.T @ labels / len(labels) / np.outer(labels.mean(axis=0), labels.mean(axis=0))
    assert lift[one, friend] > 1.3 * lift[one, stranger]


def test_the_labels_are_the_digits_in_the_picture():
    """Without noise, every cell holds one of the source images of a labelled digit, or nothing."""
    from sklearn.datasets import load_digits

    source = load_digits()
    digits_of = {}
    for image, target in zip(source.images, source.target, strict=True):
        digits_of.setdefault(_inked(image).tobytes(), set()).add(str(target))
    data = digits(40, noise=0.0)
    for image, label in zip(data.images[:, 0], data.labels, strict=True):
        cells = [_inked(image[top : top + 9, left : left + 9] * 16) for top in (0, 9) for left in (0, 9)]
        seen = [digits_of[cell.tobytes()] for cell in cells if cell.size]
        expected = {data.label_names[j] for j in np.flatnonzero(label)}
        assert len(seen) == len(expected)
        assert expected == set.union(*seen)


def _inked(image):
    rows, columns = np.nonzero(image)
    if len(rows) == 0:
        return np.empty(0)
    return image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].round().astype(np.uint8)


def test_noise_has_the_given_deviation(scenes):
    clean = digits(noise=0.0)
    assert np.std(scenes.features - clean.features) == pytest.approx(0.1, rel=0.01)
    assert clean.features.min() == 0.0
    assert clean.features.max() == 1.0


def global_random_state():
    _, keys, position, *_ = np.random.get_state()
    return keys.tolist(), position, random.getstate()


def test_the_seed_decides_everything_and_global_state_is_left_alone():
    before = global_random_state()
    first, again, other = digits(60, seed=5), digits(60, seed=5), digits(60, seed=6)
    np.testing.assert_array_equal(first.features, again.features)
    np.testing.assert_array_equal(first.labels, again.labels)
    assert (first.features != other.features).any()
    assert global_random_state() == before


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="num_samples is 0"):
        digits(0)
    with pytest.raises(ValueError, match="noise is -1"):
        digits(10, noise=-1)


def test_a_single_scene():
    assert digits(1).features.shape == (1, 324)
