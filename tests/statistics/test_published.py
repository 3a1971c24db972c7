"""Against published worked examples and another package's run on the same numbers.

Demsar, Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7 (2006): the AUC of four variants
of C4.5 on 14 data sets (table 6), and what he computes from them.
"""

import math

import numpy as np
import pandas as pd
import pytest

from batchsift.statistics import (
    critical_difference,
    friedman,
    groups,
    nemenyi,
    rank_biserial,
    signed_rank_p,
    win_tie_loss,
)

TABLE_6 = np.array(
    [
        (0.763, 0.768, 0.771, 0.798),
        (0.599, 0.591, 0.590, 0.569),
        (0.954, 0.971, 0.968, 0.967),
        (0.628, 0.661, 0.654, 0.657),
        (0.882, 0.888, 0.886, 0.898),
        (0.936, 0.931, 0.916, 0.931),
        (0.661, 0.668, 0.609, 0.685),
        (0.583, 0.583, 0.563, 0.625),
        (0.775, 0.838, 0.866, 0.875),
        (1.000, 1.000, 1.000, 1.000),
        (0.940, 0.962, 0.965, 0.962),
        (0.619, 0.666, 0.614, 0.669),
        # Printed as 0.975 and 0.975, ranked 2 and 3: a digit that was not printed told them apart.
        (0.972, 0.981, 0.9751, 0.975),
        (0.957, 0.978, 0.946, 0.970),
    ]
)
METHODS = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")
VALUES = {method: column.tolist() for method, column in zip(METHODS, TABLE_6.T, strict=True)}


def test_friedman_and_iman_davenport():
    test = friedman(VALUES, correct_ties=False)
    assert [round(rank, 3) for rank in test.ranks.values()] == [3.143, 2.000, 2.893, 1.964]
    assert test.chi_square == pytest.approx(9.28, abs=0.005)
    assert test.f_statistic == pytest.approx(3.69, abs=0.005)
    assert test.degrees == (3, 39)
    assert test.significance.below(0.05)  # "the critical value of F(3, 39) is 2.85, so we reject"
    # Three pairs and one foursome of ties, sum of t^3 - t = 78, allowed for.
    assert friedman(VALUES).chi_square == pytest.approx(test.chi_square / (1 - 78 / (14 * (4**3 - 4))))


def test_nemenyi():
    assert critical_difference(4, 14, 0.05) == pytest.approx(1.25, abs=0.005)
    assert critical_difference(4, 14, 0.10) == pytest.approx(1.12, abs=0.005)
    test, ranks = nemenyi(VALUES), friedman(VALUES).ranks
    # "not powerful enough to detect any significant differences" at 0.05; at 0.10 "pure C4.5 is significantly worse
    # than C4.5+m and C4.5+m+cf. We cannot tell which group C4.5+cf belongs to."
    assert not any(p < 0.05 for p in test.p_values.values())
    assert {frozenset(pair) for pair, p in test.p_values.items() if p < 0.10} == {
        frozenset(("C4.5", "C4.5+m")),
        frozenset(("C4.5", "C4.5+m+cf")),
    }
    bars = groups(ranks, lambda one, other: not test.between(one, other).below(0.10))
    assert bars == [("C4.5+m+cf", "C4.5+m", "C4.5+cf"), ("C4.5+cf", "C4.5")]


def test_signed_ranks():
    """Table 2: C4.5 against C4.5+m, R+ = 93 and R- = 12, significant at 0.05."""
    gains = np.round(TABLE_6[:, 1] - TABLE_6[:, 0], 3)
    assert rank_biserial(gains) == pytest.approx((93 - 12) / (93 + 12))
    assert signed_rank_p(gains) < 0.05
    assert str(win_tie_loss(gains)) == "10/2/2"


def test_the_same_as_autorank():
    """Autorank 1.3.0 on these values gave p = 0.016721580328441323 and cd = 1.2535512603486423."""
    test = friedman(VALUES)
    # It tests Friedman's chi square itself, without the correction of Iman and Davenport.
    from scipy.stats import chi2

    assert chi2.sf(test.chi_square, 3) == pytest.approx(0.016721580328441323)
    assert critical_difference(4, 14, 0.05) == pytest.approx(1.2535512603486423, abs=1e-4)


@pytest.mark.filterwarnings("ignore")
def test_the_same_as_an_installed_autorank(capsys):
    autorank = pytest.importorskip("autorank", reason="a check against autorank needs it installed")
    result = autorank.autorank(pd.DataFrame(VALUES), alpha=0.05, verbose=False, force_mode="nonparametric")
    ours = friedman(VALUES)
    assert result.rankdf["meanrank"].to_dict() == pytest.approx(dict(ours.ranks))
    assert result.cd == pytest.approx(critical_difference(4, 14, 0.05), abs=1e-4)


def test_a_statistic_of_complete_agreement_is_infinite():
    test = friedman({"a": [3] * 6, "b": [2] * 6, "c": [1] * 6})
    assert (test.f_statistic, test.significance.p_value) == (math.inf, 0.0)
