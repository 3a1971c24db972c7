"""Tests between methods: over data sets (Friedman, Nemenyi, Wilcoxon with Holm), and over folds that overlap.

Over data sets, a method has one value for each data set, and data sets are taken as independent. Over folds it has
one for each fold, and folds share most of their training data, which the corrected test allows for.
A test that could not reject whatever the data were is not made: its result has a reason instead of a p.

Shapes: M methods, N data sets or folds.

Sources:
    - Demsar: Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7, 2006.
    - Iman and Davenport: Approximations of the Critical Region of the Friedman Statistic, Communications in
      Statistics A 9, 1980.
    - Holm: A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of Statistics 6, 1979.
    - Benavoli, Corani and Mangili: Should We Really Use Post-Hoc Tests Based on Mean-Ranks?, JMLR 17, 2016.
    - Nadeau and Bengio: Inference for the Generalization Error, Machine Learning 52, 2003.
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

FEWEST_BLOCKS = 5  # with fewer data sets, Friedman's statistic is far from following the F it is compared with


@dataclass(frozen=True)
class Significance:
    """The outcome of a test.

    Args:
        p_value: Two-sided p in [0, 1], adjusted where the test says so; None where there was none to compute.
        reason: Why there is no p; None where there is one.
    """

    p_value: float | None
    reason: str | None = None

    def below(self, alpha: float) -> bool:
        """Return whether the test rejects at level alpha; one that was not made does not."""
        return self.p_value is not None and self.p_value < alpha


@dataclass(frozen=True)
class Friedman:
    """The outcome of a Friedman test: do M methods differ at all over N data sets?

    Args:
        ranks: Method to average rank, 1 is best.
        num_blocks: N.
        chi_square: Friedman's statistic; None without a test.
        f_statistic: Iman and Davenport's statistic, less conservative than chi square; infinite where all data sets
            agree, None without a test.
        significance: Significance of the F, with M - 1 and (M - 1)(N - 1) degrees of freedom.
    """

    ranks: Mapping[str, float]
    num_blocks: int
    chi_square: float | None
    f_statistic: float | None
    significance: Significance

    @property
    def degrees(self) -> tuple[int, int]:
        """The two degrees of freedom of the F statistic."""
        return len(self.ranks) - 1, (len(self.ranks) - 1) * (self.num_blocks - 1)


@dataclass(frozen=True)
class Pairwise:
    """The outcomes of tests of every pair of methods, or of every method against a baseline.

    Args:
        p_values: Pair to p, adjusted for the number of pairs; empty without a test.
        reason: Why there is no test; None where there is one.
    """

    p_values: Mapping[tuple[str, str], float]
    reason: str | None = None

    def between(self, one: str, other: str) -> Significance:
        """Return the outcome for two methods, in either order.

        Raises:
            KeyError: The pair was not tested.
        """
        if self.reason is not None:
            return Significance(None, self.reason)
        pair = (one, other) if (one, other) in self.p_values else (other, one)
        return Significance(self.p_values[pair])


def friedman(
    values: Mapping[str, Sequence[float]], *, higher_is_better: bool = True, correct_ties: bool = True
) -> Friedman:
    """Make the Friedman test with the correction of Iman and Davenport (Demsar, section 3.2.2).

    Args:
        values: Method to its N values, in one order of data sets.
        higher_is_better: Whether higher values are better.
        correct_ties: Whether to divide chi square by what ties within a data set take from it, as SciPy and R do;
            published examples often do not.

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
    """Return the critical difference of Nemenyi: average ranks further apart differ (Demsar, table 5a).

    It is `q sqrt(M (M + 1) / (6 N))`, q the quantile of the studentised range over sqrt(2).

    Args:
        num_methods: M.
        num_blocks: N.
        alpha: The level, in (0, 1).

    >>> round(critical_difference(4, 14, 0.05), 2), round(critical_difference(4, 14, 0.10), 2)
    (1.25, 1.12)
    """
    quantile = float(stats.studentized_range.ppf(1 - alpha, num_methods, np.inf)) / math.sqrt(2)
    return quantile * math.sqrt(num_methods * (num_methods + 1) / (6 * num_blocks))


def nemenyi(values: Mapping[str, Sequence[float]]) -> Pairwise:
    """Test every pair of methods by the difference of their average ranks, after a Friedman test (Demsar 2006).

    The p are adjusted for the number of methods by the studentised range. The p of two methods depends on which others
    were compared (Benavoli, Corani and Mangili); `wilcoxon_holm` does not have that weakness.

    Args:
        values: Method to its N values, in one order of data sets; the direction of the metric does not matter.

    >>> tests = nemenyi({"a": [3, 3, 3, 3, 3], "b": [2, 2, 2, 2, 2], "c": [1, 1, 1, 1, 1]})
    >>> tests.between("a", "b") == tests.between("b", "c")  # average ranks one apart, both
    True
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
    """Make two-sided Wilcoxon signed-rank tests of pairs of methods, their p adjusted by Holm's procedure.

    Differences of zero are ranked, and their ranks split between the two sides (Demsar, section 3.1.3).

    Args:
        values: Method to its N values, in one order of data sets.
        baseline: Test the others against this one alone, which asks for a smaller correction; None for all pairs.
        alpha: Where the most extreme data there could be would not give a p below this, no test is made.

    >>> test = wilcoxon_holm({"a": [2, 3, 4, 5, 6, 7], "b": [1, 1, 1, 1, 1, 1]})
    >>> test.between("a", "b").p_value  # 2 / 2^6
    0.03125
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
    """Return the two-sided p of Wilcoxon's signed-rank test, the ranks of zeros split; 1 where all are zero.

    Args:
        differences: N of them, no NaN.

    >>> signed_rank_p([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    0.03125
    """
    values = np.asarray(differences, dtype=float)
    # Of zeros alone SciPy says 1 too, but goes through all their permutations first.
    return float(stats.wilcoxon(values, zero_method="zsplit").pvalue) if values.any() else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p values by Holm's step-down procedure.

    SciPy has none, and that of statsmodels (by which scikit-posthocs goes) costs its import; the tests compare the two.

    Args:
        p_values: p in [0, 1].

    Returns:
        The adjusted p in [0, 1], in the order given.

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
    """The outcome of a corrected resampled t-test: a mean difference over folds that overlap.

    Args:
        mean: The mean difference.
        low, high: The ends of its confidence interval; None without a test.
        significance: Significance against a mean of zero.
        error: Standard error of the mean, corrected; NaN without a test.
        degrees: Degrees of freedom, N - 1; 0 without a test.
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
    """Make the corrected resampled t-test of Nadeau and Bengio (section 5).

    Folds of a cross-validation share training samples, so their differences vary together and their variance
    over N is too small an estimate of that of the mean: `1 / N + n_test / n_train` takes the place of 1 / N.
    Repetitions of the cross-validation count as further folds (Bouckaert and Frank, PAKDD 2004).

    Args:
        differences: N of them, one for each fold.
        test_to_train: Size of a test part over that of the training part; 1 / (F - 1) in F-fold cross-validation.
        confidence: The level of the interval, in (0, 1).

    Raises:
        ValueError: The ratio is not positive.

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
    """Return the confidence interval of the mean, over several given data sets, of their corrected means over folds.

    Errors add up as those of independent means do; the degrees of freedom are those of Welch (Biometrika 34, 1947) and
    Satterthwaite (Biometrics Bulletin 2, 1946). It speaks of these data sets alone: nothing in it knows how data sets
    differ.

    Args:
        tests: One for each data set.
        confidence: The level of the interval, in (0, 1).

    Returns:
        The interval, or the first reason why a data set has no test.

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
