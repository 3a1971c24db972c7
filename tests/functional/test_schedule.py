"""Points in a training: what is an epoch, what a share, and what is neither."""

import re

import numpy as np
import pytest

from batchsift.functional.schedule import Mixture, resolve


@pytest.mark.parametrize(
    ("point", "epochs", "expected"),
    [
        (0, 10, 0),
        (7, None, 7),
        (np.int64(3), 10, 3),
        (30, 10, 30),  # beyond the end is an epoch that never comes
        (0.0, 10, 0),
        (1.0, 10, 10),
        (0.07, 100, 7),  # not 8: 0.07 * 100 is a little more than 7
        (0.071, 100, 8),
    ],
)
def test_an_int_is_an_epoch_and_a_float_a_share_rounded_up(point, epochs, expected):
    found = resolve(point, epochs, "warmup")
    assert (found, type(found)) == (expected, int)


@pytest.mark.parametrize(
    ("point", "epochs", "error", "message"),
    [
        (True, 10, TypeError, "warmup must be an int (epochs) or a float (share of the epochs), got True"),
        ("3", 10, TypeError, "warmup must be an int (epochs) or a float (share of the epochs), got '3'"),
        (-1, 10, ValueError, "warmup=-1 must not be negative"),
        (1.5, 10, ValueError, "warmup=1.5 is a share of the epochs and must lie in [0, 1]; give epochs as an int"),
        (-0.1, 10, ValueError, "warmup=-0.1 is a share of the epochs and must lie in [0, 1]; give epochs as an int"),
        (float("nan"), 10, ValueError, "warmup=nan is a share of the epochs and must lie in [0, 1]"),
        (
            0.1,
            None,
            ValueError,
            "warmup=0.1 is a share of the epochs, but epochs is None: give epochs, or warmup as an",
        ),
    ],
)
def test_what_is_no_point_is_said(point, epochs, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        resolve(point, epochs, "warmup")


def test_a_mixture_goes_linearly_from_one_share_to_the_other():
    mixture = Mixture(start=0.9, end=0.1, start_epoch=2, end_epoch=6)
    assert [mixture.at(epoch, None) for epoch in range(9)] == pytest.approx(
        [0.9, 0.9, 0.9, 0.7, 0.5, 0.3, 0.1, 0.1, 0.1]
    )
    sudden = Mixture(start=0.9, end=0.1, start_epoch=2, end_epoch=2)
    assert [sudden.at(epoch, None) for epoch in (1, 2, 3)] == pytest.approx([0.9, 0.9, 0.1])


def test_the_papers_mixture():
    assert [Mixture().at(epoch, 100) for epoch in (0, 10, 40, 70, 99)] == pytest.approx([0.7, 0.7, 0.5, 0.3, 0.3])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Mixture(start=1.1), "Mixture.start=1.1 is a probability and must lie in [0, 1]"),
        (lambda: Mixture(start=-0.1), "Mixture.start=-0.1 is a probability and must lie in [0, 1]"),
        (lambda: Mixture(end=1.1), "Mixture.end=1.1 is a probability and must lie in [0, 1]"),
        (lambda: Mixture(end=-0.1), "Mixture.end=-0.1 is a probability and must lie in [0, 1]"),
        (lambda: Mixture(start_epoch=3, end_epoch=2).at(0, 9), "Mixture ends in epoch 2, before it starts in epoch 3"),
        (lambda: Mixture(start_epoch=-1).at(0, 9), "Mixture.start_epoch=-1 must not be negative"),
        (lambda: Mixture(end_epoch=-1).at(0, 9), "Mixture.end_epoch=-1 must not be negative"),
        (lambda: Mixture().at(0, None), "Mixture.start_epoch=0.1 is a share of the epochs, but epochs is None"),
        (
            lambda: Mixture(start_epoch=1).at(0, None),
            "Mixture.end_epoch=0.7 is a share of the epochs, but epochs is None",
        ),
    ],
)
def test_a_mixture_that_cannot_be(make, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        make()


def test_the_ends_of_a_mixture_are_probabilities():
    for share in (0, 1):
        assert Mixture(start=share, end=share).at(50, 100) == share
