"""Tests between methods: over data sets (Friedman, Nemenyi, Wilcoxon with Holm), and over folds that overlap.

Over data sets, a method's values are one number a data set, and data sets are taken as independent. Over folds
they are one number a fold, and folds share most of their training data, which the corrected test allows for.
A test that could not reject whatever the data were is not made: its result has a reason instead of a p.

M methods, N data sets or folds.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats

from batchsift.statistics.effects import Interval
from batchsift.statistics.folds import smallest_p
from batchsift.statistics.ranks import average_ranks

FEWEST_BLOCKS = 5  # of a Friedman test: with fewer, the distribution of its statistic is far from the F it is held to


@dataclass(frozen=True)
class Significance:
    """What a test came to.

    Args:
        p_value: Two-sided, adjusted where the test says so; None where there was none to compute.
        reason: Why there is none; None where there is one.
    """

    p_value: float | None
    reason: str | None = None

    def below(self, alpha: float) -> bool:
        """Whether the test rejects; one that was not made does not."""
        return self.p_value is not None and self.p_value < alpha


@dataclass(frozen=True)
class Friedman:
    """Whether M methods differ at all over N data sets.

    Args:
        ranks: Method to average rank, 1 is best.
        num_blocks: N.
        chi_square: Friedman's statistic; None without a test.
        f_statistic: Iman and Davenport's, less conservative than chi square; infinite where all data sets agree.
        significance: Of the F, with M - 1 and (M - 1)(N - 1) degrees of freedom.
    """

    ranks: Mapping[str, float]
    num_blocks: int
    chi_square: float | None
    f_statistic: float | None
    significance: Significance

    @property
    def degrees(self) -> tuple[int, int]:
        """Of freedom, of the F statistic."""
        return len(self.ranks) - 1, (len(self.ranks) - 1) * (self.num_blocks - 1)


@dataclass(frozen=True)
class Pairwise:
    """A test of every pair of methods (or of every method against a baseline).

    Args:
        p_values: Pair to p, adjusted for their number; empty without a test.
        reason: Why there is none.
    """

    p_values: Mapping[tuple[str, str], float]
    reason: str | None = None

    def of(self, one: str, other: str) -> Significance:
        """The test of two methods, in either order.

        Raises:
            KeyError: for a pair that was not among them.
        """
        if self.reason is not None:
            return Significance(None, self.reason)
        pair = (one, other) if (one, other) in self.p_values else (other, one)
        return Significance(self.p_values[pair])


def friedman(
    values: Mapping[str, Sequence[float]], *, higher_is_better: bool = True, correct_ties: bool = True
) -> Friedman:
    """The Friedman test with Iman and Davenport's correction (Demsar, JMLR 2006, section 3.2.2).

    Args:
        values: Method to its N values, in one order of data sets.
        higher_is_better: Direction of the metric.
        correct_ties: Divide chi square by what ties within a data set take from it, as SciPy and R do; published
            examples often do not.

    >>> friedman({"a": [3, 3, 3, 3, 1], "b": [2, 2, 2, 2, 2], "c": [1, 1, 1, 1, 3]}).f_statistic
    2.25...
    """
    ranks = average_ranks(values, higher_is_better=higher_is_better) if values else {}
    num_blocks = len(next(iter(values.values()))) if values else 0
    reason = _no_friedman(ranks, num_blocks)
    if reason is not None:
        return Friedman(ranks, num_blocks, None, None, Significance(None, reason))
    M, N = len(ranks), num_blocks
    if correct_ties:
        chi_square = float(stats.friedmanchisquare(*values.values()).statistic)
    else:
        chi_square = 12 * N / (M * (M + 1)) * sum((rank - (M + 1) / 2) ** 2 for rank in ranks.values())
    left = N * (M - 1) - chi_square
    f_statistic = (N - 1) * chi_square / left if left > 1e-9 else math.inf
    p_value = float(stats.f.sf(f_statistic, M - 1, (M - 1) * (N - 1)))
    return Friedman(ranks, N, chi_square, f_statistic, Significance(p_value))


def _no_friedman(ranks: Mapping[str, float], num_blocks: int) -> str | None:
    if len(ranks) < 3:
        return f"the Friedman test needs three methods or more, not {len(ranks)}"
    if num_blocks < FEWEST_BLOCKS:
        return f"too few data sets ({num_blocks}) for a Friedman test, which needs {FEWEST_BLOCKS} or more"
    if any(math.isnan(rank) for rank in ranks.values()):
        return "a value is undefined on a data set"
    if len(set(ranks.values())) == 1:
        return "all methods have the same average rank"
    return None


def critical_difference(num_methods: int, num_blocks: int, alpha: float) -> float:
    """Nemenyi's: average ranks further apart than this differ at level alpha (Demsar 2006, table 5a).

    >>> round(critical_difference(4, 14, 0.05), 2), round(critical_difference(4, 14, 0.10), 2)
    (1.25, 1.12)
    """
    quantile = float(stats.studentized_range.ppf(1 - alpha, num_methods, np.inf)) / math.sqrt(2)
    return quantile * math.sqrt(num_methods * (num_methods + 1) / (6 * num_blocks))


def nemenyi(values: Mapping[str, Sequence[float]]) -> Pairwise:
    """Every pair of methods by the difference of their average ranks, after a Friedman test.

    The p are adjusted for the number of methods by the studentised range. Two methods' p depends on which others
    were compared (Benavoli, Corani and Mangili, JMLR 2016); `wilcoxon_holm` has not that weakness.
    """
    test = friedman(values)
    if test.significance.reason is not None:
        return Pairwise({}, test.significance.reason)
    from scikit_posthocs import posthoc_nemenyi_friedman  # noqa: PLC0415 (slow to import, seldom needed)

    table_MM = posthoc_nemenyi_friedman(np.array(list(values.values()), dtype=float).T).to_numpy()
    pairs = combinations(enumerate(values), 2)
    return Pairwise({(one, other): float(table_MM[i, j]) for (i, one), (j, other) in pairs})


def wilcoxon_holm(
    values: Mapping[str, Sequence[float]], *, baseline: str | None = None, alpha: float = 0.05
) -> Pairwise:
    """Two-sided Wilcoxon signed-rank tests of pairs of methods, p adjusted by Holm's procedure.

    Differences of zero are ranked, and their ranks split between the two sides (Demsar 2006, section 3.1.3).

    Args:
        values: Method to its N values, in one order of data sets.
        baseline: Test the others against this one alone, which asks for a smaller correction; None for all pairs.
        alpha: Where the most extreme data there could be would not give a p below this, no test is made.
    """
    pairs = [(one, other) for one, other in combinations(values, 2) if baseline is None or baseline in {one, other}]
    num_blocks = len(next(iter(values.values()))) if values else 0
    reason = _no_wilcoxon(values, num_blocks, len(pairs), alpha)
    if reason is not None:
        return Pairwise({}, reason)
    p_values = [signed_rank_p(np.subtract(values[one], values[other])) for one, other in pairs]
    return Pairwise(dict(zip(pairs, holm(p_values), strict=True)))


def _no_wilcoxon(values: Mapping[str, Sequence[float]], num_blocks: int, num_pairs: int, alpha: float) -> str | None:
    if not num_pairs:
        return "there is nothing to compare"
    if num_pairs * smallest_p(num_blocks) >= alpha:
        pairs = f"; {num_pairs} comparisons" if num_pairs > 1 else ""
        return (
            f"too few data sets ({num_blocks}{pairs}) for a signed-rank test: "
            f"it could not reject at {alpha:g}, whatever the data"
        )
    if any(math.isnan(value) for row in values.values() for value in row):
        return "a value is undefined on a data set"
    return None


def signed_rank_p(differences: Sequence[float] | np.ndarray) -> float:
    """The two-sided p of Wilcoxon's signed-rank test, the ranks of zeros split; 1 where all are zero.

    >>> signed_rank_p([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    0.03125
    """
    return float(stats.wilcoxon(np.asarray(differences, dtype=float), zero_method="zsplit").pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment, in the order given.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values)
    scaled = np.sort(p_values) * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return [float(p) for p in adjusted]


@dataclass(frozen=True)
class CorrectedT:
    """A mean difference over folds that overlap.

    Args:
        mean: Of the differences.
        low, high: Of the confidence interval of that mean; None without a test.
        significance: Of a mean of zero.
        error: Standard error of the mean, corrected; NaN without a test.
        degrees: Of freedom.
    """

    mean: float
    low: float | None
    high: float | None
    significance: Significance
    error: float = math.nan
    degrees: int = 0


def corrected_resampled_t(
    differences: Sequence[float], *, test_to_train: float, confidence: float = 0.95
) -> CorrectedT:
    """Nadeau and Bengio's corrected resampled t-test (Machine Learning 52, 2003, section 5).

    Folds of a cross-validation share training samples, so their differences vary together and their variance
    over N is too small an estimate of that of the mean: `1 / N + n_test / n_train` takes the place of 1 / N.
    Repetitions of the cross-validation count as further folds (Bouckaert and Frank, PAKDD 2004).

    Args:
        differences: N of them, one a fold.
        test_to_train: Size of a test part over that of the part learnt from; 1 / (F - 1) in F-fold cross-validation.
        confidence: Of the interval.

    Raises:
        ValueError: for a ratio that is not positive.

    >>> test = corrected_resampled_t([0.01, 0.03, 0.02, 0.02, 0.02], test_to_train=0.25)
    >>> round(test.mean, 3), round(test.significance.p_value, 3)
    (0.02, 0.014)
    """
    if not test_to_train > 0:
        raise ValueError(f"test_to_train must be positive, got {test_to_train}")
    values = np.asarray(differences, dtype=float)
    mean = float(values.mean()) if values.size else math.nan
    reason = _no_t(values)
    if reason is not None:
        return CorrectedT(mean, None, None, Significance(None, reason))
    if not values.any():
        return CorrectedT(0.0, 0.0, 0.0, Significance(1.0), 0.0, len(values) - 1)
    N = len(values)
    error = math.sqrt((1 / N + test_to_train) * float(values.var(ddof=1)))
    half = float(stats.t.ppf((1 + confidence) / 2, N - 1)) * error
    p_value = 2 * float(stats.t.sf(abs(mean) / error, N - 1))
    return CorrectedT(mean, mean - half, mean + half, Significance(p_value), error, N - 1)


def corrected_mean(tests: Sequence[CorrectedT], *, confidence: float = 0.95) -> Interval:
    """Confidence interval of the mean over several given data sets, of their corrected means over folds.

    Errors add up as those of independent means; Welch and Satterthwaite's degrees of freedom. It speaks of these data
    sets alone: nothing in it knows how data sets differ.

    Args:
        tests: One a data set.
        confidence: Of the interval.

    >>> one = corrected_resampled_t([0.01, 0.03, 0.02, 0.02, 0.02], test_to_train=0.25)
    >>> both = corrected_mean([one, one])
    >>> one.low < both.low < 0.02 < both.high < one.high
    True
    """
    reasons = [test.significance.reason for test in tests if test.significance.reason is not None]
    if reasons or not tests:
        return Interval(None, None, reasons[0] if reasons else "no data sets")
    mean = float(np.mean([test.mean for test in tests]))
    squares = np.array([test.error**2 for test in tests])
    if not squares.any():
        return Interval(mean, mean)
    degrees = squares.sum() ** 2 / (squares**2 / [test.degrees for test in tests]).sum()
    half = float(stats.t.ppf((1 + confidence) / 2, degrees)) * math.sqrt(squares.sum()) / len(tests)
    return Interval(mean - half, mean + half)


def _no_t(values: np.ndarray) -> str | None:
    if len(values) < 3:
        return f"too few folds ({len(values)}) for a t-test"
    if np.isnan(values).any():
        return "a value is undefined on a fold"
    if values.any() and np.ptp(values) <= 1e-12 * float(np.abs(values).max()):
        return "the difference is the same on all folds"
    return None
