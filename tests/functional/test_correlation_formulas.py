"""Label correlations, neighbours and local imbalance against their loop-written twins."""

import math
import sys

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics import mutual_info_score

from batchsift.functional import correlation as fast
from batchsift.functional import imbalance, neighbors
from batchsift.functional.neighbors import given_or_nearest, nearest_neighbors
from reference import correlation as slow

often = settings(deadline=None, max_examples=40, derandomize=True)
shapes = st.tuples(st.integers(1, 12), st.integers(1, 5))
seeds = st.integers(0, 2**31 - 1)
share_present = st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0])


def some_labels(seed, shape, share):
    """Labels, some of which nobody or everybody has."""
    return np.random.default_rng(seed).random(shape) < share


@often
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.integers(1, 8))
def test_bins(values, bins):
    actual = fast.equal_width_bins(torch.tensor(values, dtype=torch.float64), bins).tolist()
    assert actual == [slow.bin_of(value, bins) for value in values]


@often
@given(seeds, shapes, st.integers(1, 6), st.booleans())
@example(0, (1, 1), 5, False)
@example(1, (5, 3), 5, True)
def test_mutual_information(seed, shape, bins, some_unknown):
    random = np.random.default_rng(seed)
    binned = random.integers(0, bins, shape)
    binned[:, random.integers(shape[1])] = 0  # a constant column tells nothing
    known = random.random(shape) < (0.6 if some_unknown else 2)
    actual = fast.mutual_information(
        torch.from_numpy(binned), bins, torch.from_numpy(known) if some_unknown else None
    ).numpy()
    np.testing.assert_allclose(actual, slow.mutual_information(binned, known), atol=1e-12)
    np.testing.assert_allclose(actual, actual.T, atol=1e-12)
    assert (actual >= 0).all()
    for j in range(shape[1]):
        for k in range(shape[1]):
            both = known[:, j] & known[:, k]
            expected = mutual_info_score(binned[both, j], binned[both, k]) if both.any() else 0.0
            assert actual[j, k] == pytest.approx(expected, abs=1e-10)
    scaled = fast.scaled_by_row_maximum(torch.from_numpy(actual))
    np.testing.assert_allclose(scaled, slow.scaled_by_row_maximum(actual), rtol=1e-12)
    np.testing.assert_allclose(scaled.amax(1), 1)


@often
@given(seeds, shapes, share_present, st.booleans())
@example(0, (1, 1), 1.0, True)
def test_positive_cosine(seed, shape, share, some_zero):
    random = np.random.default_rng(seed)
    signal = random.random(shape) * (random.random(shape) < (0.5 if some_zero else 2))
    positive = some_labels(seed + 1, shape, share)
    actual = fast.positive_cosine(torch.from_numpy(signal), torch.from_numpy(positive))
    np.testing.assert_allclose(actual, slow.positive_cosine(signal, positive), atol=1e-12)
    assert actual.dtype == torch.float64
    sums = actual.sum(1)
    assert (((sums - 1).abs() < 1e-12) | (sums == 0)).all()


@often
@given(seeds, shapes, share_present, st.integers(0, 7))
@example(0, (12, 17), 0.5, 2)
def test_local_context(seed, shape, share, num_neighbors):
    random = np.random.default_rng(seed)
    positive = some_labels(seed + 1, shape, share)
    neighbors = random.integers(0, shape[0], (shape[0], num_neighbors))
    z = fast.local_context(torch.from_numpy(positive), torch.from_numpy(neighbors))
    np.testing.assert_array_equal(z, slow.local_context(positive, neighbors.tolist()))
    narrow = torch.from_numpy(neighbors.astype(np.int32))
    assert torch.equal(fast.local_context(torch.from_numpy(positive), narrow), z)


@often
@given(seeds, st.integers(1, 12), st.integers(1, 40))
def test_bits(seed, n, q):
    flags = torch.from_numpy(some_labels(seed, (n, q), 0.5))
    bits = fast.packed(flags)
    assert bits.shape == (n, math.ceil(q / 8))
    assert torch.equal(fast.unpacked(bits, q), flags)
    by_shifts = torch.stack([(bits[:, j // 8] >> (j % 8)) & 1 for j in range(q)], dim=1)
    assert torch.equal(by_shifts.bool(), flags)


@often
@given(seeds, shapes, share_present)
@example(0, (1, 1), 0.0)
def test_positive_cells(seed, shape, share):
    positive = some_labels(seed, shape, share)
    cells = fast.PositiveCells.of(torch.from_numpy(positive))
    assert cells.cell_P.tolist() == [
        i * shape[1] + j for i in range(shape[0]) for j in range(shape[1]) if positive[i, j]
    ]
    counts = [sum(row) for row in positive.tolist()]
    assert cells.start_N.tolist() == [sum(counts[:i]) for i in range(shape[0] + 1)]


@often
@given(seeds, shapes, share_present, st.integers(0, 7))
@example(0, (9, 20), 0.5, 3)
def test_correlated_sums(seed, shape, share, num_neighbors):
    """`sum_j w_ij S_ij` over the positives, for two families at once."""
    random = np.random.default_rng(seed)
    positive = some_labels(seed + 1, shape, share)
    neighbors = random.integers(0, shape[0], (shape[0], num_neighbors))
    context = slow.local_context(positive, neighbors.tolist())
    cells = fast.PositiveCells.of(torch.from_numpy(positive))
    bits = fast.packed_local_context(torch.from_numpy(positive), torch.from_numpy(neighbors))
    weights = [np.where(positive, random.random(shape), 0.0) for _ in range(2)]
    matrices = [random.random((shape[1], shape[1])) for _ in range(2)]
    actual = fast.correlated_sums(
        [torch.from_numpy(w[positive]) for w in weights], cells, bits, [torch.from_numpy(C) for C in matrices]
    )
    for w, C, sums in zip(weights, matrices, actual, strict=True):
        np.testing.assert_allclose(sums, (w * slow.context_strength(context, C)).sum(1), rtol=1e-12)


@pytest.mark.parametrize(("n", "q"), [(2000, 50), (300, 300)])
def test_many_cells_at_once(n, q, monkeypatch):
    """Over the borders of chunks: the sparse products are those of the dense matrices."""
    monkeypatch.setattr(fast, "_CELLS_AT_ONCE", 1000)
    generator = torch.Generator().manual_seed(0)
    positive = torch.rand(n, q, generator=generator) < 0.1
    positive[:, 3] = False
    positive[5] = True
    signal = torch.rand(n, q, generator=generator, dtype=torch.float64)
    masked = signal.where(positive, 0.0)
    gram = masked.T @ masked
    norm = gram.diagonal().sqrt()
    cosine = (gram / (norm[:, None] * norm)).nan_to_num(0.0)
    expected = (cosine / cosine.sum(1, keepdim=True)).nan_to_num(0.0)
    C = fast.positive_cosine(signal, positive)
    torch.testing.assert_close(C, expected, rtol=1e-12, atol=1e-15)
    neighbors = torch.randint(n, (n, 4), generator=generator)
    context = positive | positive[neighbors].any(1)
    assert torch.equal(fast.local_context(positive, neighbors), context)
    bits = fast.packed_local_context(positive, neighbors)
    (sums,) = fast.correlated_sums([signal[positive]], fast.PositiveCells.of(positive), bits, [C])
    torch.testing.assert_close(sums, (masked * (context.double() @ C.T)).sum(1), rtol=1e-12, atol=0)


@often
@given(seeds, st.integers(1, 70), st.integers(1, 30), st.integers(1, 6))
@example(0, 500, 30, 5)
@example(1, 2, 1, 1)
def test_joint_counts(seed, n, q, bins):
    binned = torch.from_numpy(np.random.default_rng(seed).integers(0, bins, (n, q)))
    one_hot = torch.nn.functional.one_hot(binned, bins).reshape(n, q * bins)
    counts = fast.joint_counts(binned, bins)
    assert torch.equal(counts.long(), one_hot.T @ one_hot)


@often
@given(seeds, shapes, share_present, st.integers(0, 6), st.booleans())
@example(0, (6, 3), 0.0, 5, False)
def test_local_imbalance(seed, shape, share, num_neighbors, some_unknown):
    random = np.random.default_rng(seed)
    positive = random.random(shape) < share * random.random(shape[1])
    known = positive | (random.random(shape) < (0.7 if some_unknown else 2))
    neighbors = random.integers(0, shape[0], (shape[0], num_neighbors))
    omega = imbalance.local_imbalance_weights(
        torch.from_numpy(positive), torch.from_numpy(neighbors), torch.from_numpy(known) if some_unknown else None
    )
    np.testing.assert_allclose(omega, slow.local_imbalance_weights(positive, neighbors.tolist(), known), rtol=1e-12)
    ratios = imbalance.imbalance_ratio(torch.from_numpy(positive))
    np.testing.assert_allclose(ratios, slow.imbalance_ratios(positive), equal_nan=True)
    minority = imbalance.minority_labels(torch.from_numpy(positive)).nonzero()[:, 0].tolist()
    assert minority == slow.minority_labels(positive)


def test_an_outlier_does_not_count():
    """Label 1 is rare; sample 0 has it with one of two neighbours, sample 3 with none (share 1: an outlier)."""
    positive = torch.tensor([[1, 1], [1, 1], [1, 0], [1, 1], [1, 0], [1, 0], [1, 0]], dtype=torch.bool)
    neighbors = torch.tensor([[1, 2], [0, 3], [0, 1], [2, 4], [0, 1], [0, 1], [0, 1]])
    omega = imbalance.local_imbalance_weights(positive, neighbors)
    assert omega.tolist() == [2, 1, 1, 1, 1, 1, 1]


@often
@given(seeds, st.integers(1, 14), st.integers(1, 20), st.integers(1, 8))
@example(5, 1, 3, 6)
@example(5, 7, 3, 6)
@example(5, 8, 3, 6)
def test_nearest_neighbors(seed, n, d, k):
    features = np.random.default_rng(seed).normal(size=(n, d))
    expected = slow.nearest_neighbors(features, k)
    for form in (features, torch.from_numpy(features), sparse.csr_matrix(features)):
        assert nearest_neighbors(form, k).tolist() == expected


@pytest.mark.parametrize("d", [2, 30])
def test_a_sample_is_left_out_by_index_among_equal_ones(d):
    features = np.zeros((12, d))
    features[9:] = 5
    found = nearest_neighbors(features, 2)
    for i in range(12):
        row = found[i].tolist()
        assert i not in row
        assert len(set(row)) == 2
        assert all((other < 9) == (i < 9) for other in row)


@pytest.mark.parametrize("offset", [0.0, 1e3, 1.7e9])
@pytest.mark.parametrize("d", [3, 20])
def test_neighbors_do_not_depend_on_where_zero_is(d, offset):
    """Whole numbers on both sides, so that the distances are the same to the bit: a column of time stamps, say."""
    features = np.random.default_rng(0).integers(-1000, 1000, size=(60, d)).astype(np.float64)
    assert nearest_neighbors(features + offset, 4).tolist() == slow.nearest_neighbors(features, 4)


def test_given_neighbors_are_checked():
    assert given_or_nearest([[1], [0]], None, 6, 2).tolist() == [[1], [0]]
    for dtype, kept in ((np.int32, torch.int32), (np.int64, torch.int64), (np.uint8, torch.int64)):
        assert given_or_nearest(np.array([[1], [0]], dtype=dtype), None, 6, 2).dtype == kept
    for wrong in ([[1], [2]], [[-1], [0]], [[1.0], [0.0]], [1, 0], [[1], [0], [0]], [[True], [False]]):
        with pytest.raises(ValueError, match="neighbors must"):
            given_or_nearest(wrong, None, 6, 2)
    with pytest.raises(ValueError, match="features"):
        given_or_nearest(None, None, 6, 2)
    for wrong in (np.zeros(3), np.array([[math.nan], [0.0]]), np.array([[math.inf], [0.0]])):
        with pytest.raises(ValueError, match="features"):
            nearest_neighbors(wrong, 1)


class TestManySamples:
    """Above a size an index finds nearly all neighbours, always the same ones."""

    @pytest.fixture
    def features(self, monkeypatch):
        monkeypatch.setattr(neighbors, "EXACT_UP_TO", 1000)
        return np.random.default_rng(0).normal(size=(4000, 8)) + 1e3

    def test_recall(self, features, caplog, monkeypatch):
        pytest.importorskip("faiss")
        with caplog.at_level("INFO"):
            found = nearest_neighbors(features, 6)
        assert found.shape == (4000, 6)
        assert found.dtype == torch.int64
        assert torch.equal(found, nearest_neighbors(features, 6))
        assert (found != torch.arange(4000)[:, None]).all()
        stated = float(caplog.messages[0].split()[-1])
        monkeypatch.setattr(neighbors, "EXACT_UP_TO", 10_000)
        exact = nearest_neighbors(features, 6)
        recall = float((found[:, :, None] == exact[:, None, :]).any(1).double().mean())
        assert recall > 0.9
        assert recall == pytest.approx(stated, abs=0.03)

    def test_equal_samples(self):
        pytest.importorskip("faiss")
        found, _ = neighbors.approximate_neighbors(np.zeros((200, 3), dtype=np.float32), 3)
        assert (found != np.arange(200)[:, None]).all()

    def test_without_the_index_it_is_said(self, features, monkeypatch):
        monkeypatch.setitem(sys.modules, "faiss", None)
        with pytest.warns(UserWarning, match=r"batchsift\[neighbors\]"):
            found = nearest_neighbors(features[:1200], 2)
        monkeypatch.setattr(neighbors, "EXACT_UP_TO", 10_000)
        assert torch.equal(found, nearest_neighbors(features[:1200], 2))
