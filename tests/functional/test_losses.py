"""Losses by label against their loop-written twins, against torch, and where numbers are extreme."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import binary_cross_entropy_with_logits

from batchsift.functional import losses as fast
from reference import losses as slow

often = settings(deadline=None, max_examples=60, derandomize=True)
COUNTS, TOTAL = torch.tensor([3.0, 0.0, 40.0, 12.0]), 40
LOSSES = {
    "bce": (fast.bce, {}),
    "pos_weight": (fast.pos_weight, {"weight_L": torch.tensor([1.0, 2.5, 10.0, 4.0])}),
    "focal": (fast.focal, {}),
    "focal, balanced": (fast.focal, {"alpha": 0.25}),
    "focal, flat": (fast.focal, {"gamma": 0.5}),
    "asymmetric": (fast.asymmetric, {}),
    "asymmetric, unclipped": (fast.asymmetric, {"clip": 0.0}),
    "asymmetric, flat": (fast.asymmetric, {"gamma_negative": 0.5, "gamma_positive": 0.5}),
    "distribution_balanced": (fast.distribution_balanced, {"count_L": COUNTS, "num_samples": TOTAL}),
}
every = pytest.mark.parametrize(("loss", "options"), LOSSES.values(), ids=LOSSES)


def cells(seed, rows=6, labels=4, unknown=0.2, spread=4.0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(rows, labels, generator=generator, dtype=torch.float64) * spread
    targets = (torch.rand(rows, labels, generator=generator, dtype=torch.float64) < 0.4).double()
    targets[torch.rand(rows, labels, generator=generator, dtype=torch.float64) < unknown] = math.nan
    return logits.to(dtype), targets.to(dtype)


def assert_equals(actual, expected):
    torch.testing.assert_close(actual, torch.tensor(expected, dtype=torch.float64), rtol=1e-10, atol=1e-12)


@often
@given(st.integers(0, 10**6), st.lists(st.floats(0, 20), min_size=4, max_size=4))
def test_weighted_cross_entropy_equals_its_twin(seed, weights):
    logits, targets = cells(seed)
    weight_L = torch.tensor(weights, dtype=torch.float64)
    assert_equals(
        fast.pos_weight(logits, targets, weight_L=weight_L), slow.weighted(logits.tolist(), targets.tolist(), weights)
    )
    assert_equals(fast.bce(logits, targets), slow.weighted(logits.tolist(), targets.tolist(), [1.0] * 4))


@often
@given(st.integers(0, 10**6), st.floats(0, 6), st.one_of(st.none(), st.floats(0, 1)))
def test_focal_equals_its_twin(seed, gamma, alpha):
    logits, targets = cells(seed)
    actual = fast.focal(logits, targets, gamma=gamma, alpha=alpha)
    assert_equals(actual, slow.focal(logits.tolist(), targets.tolist(), gamma, alpha))


@often
@given(st.integers(0, 10**6), st.floats(0, 6), st.floats(0, 6), st.sampled_from([0.0, 0.05, 0.3, 0.9]))
def test_asymmetric_equals_its_twin(seed, gamma_negative, gamma_positive, clip):
    logits, targets = cells(seed)
    options = {"gamma_negative": gamma_negative, "gamma_positive": gamma_positive, "clip": clip}
    actual = fast.asymmetric(logits, targets, **options)
    assert_equals(actual, slow.asymmetric(logits.tolist(), targets.tolist(), **options))


@often
@given(
    st.integers(0, 10**6),
    st.lists(st.integers(0, 50), min_size=4, max_size=4),
    st.lists(st.integers(50, 90), min_size=4, max_size=4),
    st.floats(0, 1),
    st.floats(0.1, 20),
    st.floats(0, 1),
    st.floats(0.5, 6),
    st.floats(0, 1),
)
def test_distribution_balanced_equals_its_twin(seed, counts, totals, alpha, beta, mu, negative_scale, kappa):
    logits, targets = cells(seed)
    options = {"alpha": alpha, "beta": beta, "mu": mu, "negative_scale": negative_scale, "kappa": kappa}
    told = {"count_L": torch.tensor(counts), "num_samples": torch.tensor(totals)}
    actual = fast.distribution_balanced(logits, targets, **told, **options)
    expected = slow.distribution_balanced(logits.tolist(), targets.tolist(), counts, totals, **options)
    assert_equals(actual, expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_cross_entropy_has_the_bits_of_torch(dtype):
    logits, targets = cells(1, rows=64, unknown=0.0, dtype=dtype)
    weight = torch.tensor([1.0, 2.5, 10.0, 4.0], dtype=dtype)
    assert torch.equal(fast.bce(logits, targets), binary_cross_entropy_with_logits(logits, targets))
    torch.testing.assert_close(
        fast.pos_weight(logits, targets, weight_L=weight),
        binary_cross_entropy_with_logits(logits, targets, pos_weight=weight),
    )


def test_cross_entropy_over_known_cells_is_torchs_over_those_alone():
    logits, targets = cells(2, rows=50)
    known = ~targets.isnan()
    expected = binary_cross_entropy_with_logits(logits[known], targets[known])
    torch.testing.assert_close(fast.bce(logits, targets), expected)


@pytest.mark.parametrize("unknown", [0.0, 0.3])
def test_what_reduces_to_cross_entropy(unknown):
    logits, targets = cells(3, unknown=unknown)
    expected = fast.bce(logits, targets)
    torch.testing.assert_close(fast.focal(logits, targets, gamma=0.0), expected)
    torch.testing.assert_close(2 * fast.focal(logits, targets, gamma=0.0, alpha=0.5), expected)
    options = {"gamma_negative": 0.0, "gamma_positive": 0.0, "clip": 0.0}
    torch.testing.assert_close(fast.asymmetric(logits, targets, **options), expected)
    torch.testing.assert_close(fast.pos_weight(logits, targets, weight_L=torch.ones(4)), expected)
    torch.testing.assert_close(  # both focusing parameters alike, and no margin: the focal loss
        fast.asymmetric(logits, targets, gamma_negative=2.0, gamma_positive=2.0, clip=0.0),
        fast.focal(logits, targets, gamma=2.0),
    )
    flat = {"kappa": 0.0, "negative_scale": 1.0, "beta": 1e-9, "alpha": 0.5}  # the map is 1 everywhere
    every_sample_has_one = targets.clone()
    every_sample_has_one[:, 0] = 1
    torch.testing.assert_close(
        fast.distribution_balanced(logits, every_sample_has_one, count_L=COUNTS, num_samples=TOTAL, **flat),
        fast.bce(logits, every_sample_has_one),
        rtol=1e-6,
        atol=0,
    )


@every
def test_gradients(loss, options):
    logits, targets = cells(4, rows=4)
    assert torch.autograd.gradcheck(lambda z: loss(z, targets, **options), logits.requires_grad_())


@every
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("size", [0.0, 20.0, 100.0, 1000.0])
def test_extreme_logits_have_finite_values_and_gradients(loss, options, dtype, size):
    """Also where the sum over the cells is no number of the logits' type: 4800 cells of up to 1000."""
    logits = torch.tensor([[size, -size, size, -size]], dtype=dtype).repeat(1200, 1).requires_grad_()
    targets = torch.tensor([[1.0, 1.0, 0.0, 0.0]], dtype=dtype).repeat(1200, 1)
    value = loss(logits, targets, **options)
    value.backward()
    assert value.isfinite()
    assert value.dtype == torch.promote_types(dtype, torch.float32)
    assert logits.grad.isfinite().all()
    assert logits.grad.dtype == dtype


@every
def test_confident_mistakes_cost_what_they_should(loss, options):
    wrong = loss(torch.full((1, 4), -1000.0), torch.ones(1, 4), **options)
    right = loss(torch.full((1, 4), 1000.0), torch.ones(1, 4), **options)
    assert wrong > 200
    assert right == 0


@every
def test_half_precision_is_close(loss, options):
    logits, targets = cells(5, rows=30, spread=2.0, dtype=torch.bfloat16)
    expected = loss(logits.double(), targets.double(), **options)
    torch.testing.assert_close(loss(logits, targets, **options).double(), expected, rtol=1e-5, atol=1e-7)


@every
def test_unknown_cells_have_no_gradient_and_no_say(loss, options):
    logits, targets = cells(6, rows=8, unknown=0.4)
    logits.requires_grad_()
    value = loss(logits, targets, **options)
    value.backward()
    unknown = targets.isnan()
    assert unknown.any()
    assert (logits.grad[unknown] == 0).all()
    assert torch.equal(loss(logits.detach().where(~unknown, 7.0), targets, **options), value.detach())


@every
def test_nothing_known_is_0(loss, options):
    logits = torch.ones(3, 4, requires_grad=True)
    value = loss(logits, torch.full((3, 4), math.nan), **options)
    value.backward()
    assert value == 0
    assert (logits.grad == 0).all()


@every
def test_other_shapes_are_refused(loss, options):
    with pytest.raises(ValueError, match=r"must be of one shape \(B, L\), got \(3, 4\) and \(1, 4\)"):
        loss(torch.zeros(3, 4), torch.zeros(1, 4), **options)


@every
def test_inputs_are_left_as_they_were(loss, options):
    logits, targets = cells(7)
    before = logits.clone(), targets.clone()
    loss(logits, targets, **options)
    torch.testing.assert_close((logits, targets), before, rtol=0, atol=0, equal_nan=True)


def test_rare_labels_weigh_more_than_frequent_ones_of_the_same_sample():
    logits = torch.zeros(1, 2, requires_grad=True)
    told = {"count_L": torch.tensor([2.0, 200.0]), "num_samples": 400, "kappa": 0.0}
    fast.distribution_balanced(logits, torch.ones(1, 2), **told).backward()
    rare, frequent = logits.grad[0].abs().tolist()
    assert rare / frequent == pytest.approx((0.1 + slow.sigmoid(10 * (100 / 101 - 0.2))) / (0.1 + slow.sigmoid(
        10 * (1 / 101 - 0.2)
    )))  # fmt: skip


LABELS = torch.tensor([[1.0, 0.0, 1.0, math.nan], [0.0, 0.0, 1.0, math.nan], [math.nan, 0.0, 1.0, math.nan]])


def test_what_the_training_part_tells():
    counts, known = fast.count_labels(LABELS)
    assert counts.tolist() == [1, 0, 3, 0]
    assert known.tolist() == [2, 3, 3, 0]
    # One of two; none of three: what the ratio tends to; all of them; nothing known.
    assert fast.positive_weights(LABELS).tolist() == [1.0, 10.0, 1.0, 1.0]
    rare = torch.zeros(1000, 2)
    rare[0, 0] = rare[:100, 1] = 1
    assert fast.positive_weights(rare).tolist() == [10.0, 3.0]


@pytest.mark.parametrize("name", fast.names())
def test_a_loss_by_name_knows_the_training_part(name):
    told = {
        "pos_weight": {"weight_L": fast.positive_weights(LABELS)},
        "distribution_balanced": dict(zip(("count_L", "num_samples"), fast.count_labels(LABELS), strict=True)),
    }
    logits, targets = cells(8, dtype=torch.float32)
    expected = getattr(fast, name)(logits, targets, **told.get(name, {}))
    actual = fast.create(name, LABELS)(logits, targets)
    assert expected.isfinite()
    assert torch.equal(actual, expected)


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(
        ValueError, match=r"unknown loss 'assymetric': did you mean 'asymmetric'\? There are bce, pos_weight"
    ):
        fast.create("assymetric", LABELS)
