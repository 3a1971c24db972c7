"""Parts of a data set with the label frequencies of the whole: iterative stratification.

Order 1 keeps the frequencies of labels, order 2 those of pairs of labels too: `stratification` has the papers. Folds
and holdout of order 1 come from the package iterative-stratification: all figures of the protocol rest on them.

The parts follow the labels first and the sizes second: with many labels a part can be some samples larger or
smaller than asked for. A cell that is not labelled (NaN) counts as 0 here.
Shape suffixes: N samples, L labels.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from batchsift.data.splits.report import SplitReport, absence, split_report
from batchsift.data.splits.stratification import Indices, stratify
from batchsift.matrices import as_dense
from batchsift.messages import count_nouns

if TYPE_CHECKING:
    from batchsift.data.dataset import MultiLabelData


@dataclass(frozen=True, eq=False)
class Split:
    """Three parts of a data set; every sample is in exactly one.

    Args:
        train: Sorted row numbers, `(N_train,)`.
        validation: Sorted row numbers, `(N_validation,)`.
        test: Sorted row numbers, `(N_test,)`.
    """

    train: Indices
    validation: Indices
    test: Indices


@dataclass(frozen=True, eq=False)
class ReportedSplit(Split):
    """A split with a report.

    Args:
        report: How well the parts mirror the whole, and which labels were too rare for that.
    """

    report: SplitReport


@dataclass(frozen=True)
class PublishedSplit:
    """A data set and how its source divides it.

    Args:
        data: All samples, those for training first.
        train: The indices of the training samples, `(N_train,)`.
        test: The indices of the test samples, `(N_test,)`.
    """

    data: "MultiLabelData"
    train: Indices
    test: Indices

    @classmethod
    def divided_at(cls, num_train: int, data: "MultiLabelData") -> "PublishedSplit":
        """Divide into the first `num_train` samples of `data`, and the rest."""
        indices = np.arange(data.num_samples)
        return cls(data, indices[:num_train], indices[num_train:])


def train_validation_test(
    labels_NL: Any,
    *,
    shares: Sequence[float] = (0.7, 0.1, 0.2),
    seed: int,
    order: int = 1,
    label_names: Sequence[str] | None = None,
) -> ReportedSplit:
    """Divide the samples into three parts.

    Args:
        labels_NL: `(N, L)` of 0 and 1, NaN where not labelled: array, tensor, data frame or sparse matrix.
        shares: The shares of training, validation and test samples; positive, with sum 1.
        seed: A number from 0; the same seed gives the same parts.
        order: 1: labels; 2: labels and pairs of labels.
        label_names: L names, for the report; numbers by default.

    Raises:
        ValueError: If `shares` or `order` are not as above, or a part would be empty.

    Warns:
        UserWarning: If some part has no positive sample of a label; the report names all of them.

    >>> split = train_validation_test(np.tile([[0, 1], [1, 0]], (10, 1)), seed=0)
    >>> len(split.train), len(split.validation), len(split.test), split.report.label_distribution
    (14, 2, 4, 0.0)
    """
    positive_NL = _positives(labels_NL)
    if len(shares) != 3 or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-9:
        raise ValueError(
            f"shares are {tuple(shares)}; expected three positive numbers with sum 1: train, validation, test"
        )
    train, validation, test = _parts(positive_NL, shares, order, seed)
    report = split_report(labels_NL, (train, validation, test), label_names=label_names)
    complaint = report.complaint()
    if complaint:
        warnings.warn(complaint, stacklevel=2)
    return ReportedSplit(train, validation, test, report)


def folds(labels_NL: Any, num_folds: int, seed: int, *, order: int = 1) -> list[tuple[Indices, Indices]]:
    """Split the samples for cross-validation.

    Args:
        labels_NL: `(N, L)` of 0 and 1, NaN where not labelled: array, tensor, data frame or sparse matrix.
        num_folds: The number of folds, from 2 to N.
        seed: A number from 0 to 2**32 - 1; the same seed gives the same folds.
        order: 1: labels; 2: labels and pairs of labels.

    Returns:
        `num_folds` pairs (train indices, test indices), each sorted; every sample is in one test part.

    Raises:
        ValueError: If `num_folds` is below 2, there are fewer samples than folds, a fold comes out empty, or `order`
            is neither 1 nor 2.

    Warns:
        UserWarning: If some fold, or what is left for it, has no positive sample of a label that has some.

    >>> parts = folds(np.tile([[0, 1], [1, 0]], (6, 1)), num_folds=3, seed=0)
    >>> [(len(train), len(test)) for train, test in parts]
    [(8, 4), (8, 4), (8, 4)]
    """
    parts = quiet_folds(labels_NL, num_folds, seed, order=order)
    complaint = absence(_positives(labels_NL), [part for pair in parts for part in pair], num_parts=num_folds)
    if complaint:
        warnings.warn(complaint, stacklevel=2)
    return parts


def quiet_folds(labels_NL: Any, num_folds: int, seed: int, *, order: int = 1) -> list[tuple[Indices, Indices]]:
    """Split as `folds` does, without a word on rare labels: for those who look after them in their own way."""
    from iterstrat.ml_stratifiers import MultilabelStratifiedKFold  # noqa: PLC0415

    positive_NL = _positives(labels_NL)
    num_samples = len(positive_NL)
    if num_folds < 2:
        raise ValueError(
            f"num_folds is {num_folds}; cross-validation needs at least 2 (use holdout for a single split)"
        )
    if num_samples < num_folds:
        raise ValueError(f"{count_nouns(num_samples, 'sample')} cannot fill num_folds={num_folds}; ask for fewer folds")
    if order != 1:
        tests = _parts(positive_NL, [1 / num_folds] * num_folds, order, seed)
        return [(np.setdiff1d(np.arange(num_samples), test), test) for test in tests]
    splitter = MultilabelStratifiedKFold(n_splits=num_folds, shuffle=True, random_state=seed)
    parts = [_sorted(train, test) for train, test in splitter.split(positive_NL, positive_NL)]
    if any(len(test) == 0 for _, test in parts):
        raise ValueError(
            f"{count_nouns(num_samples, 'sample')} in num_folds={num_folds} leave a fold empty; ask for fewer folds"
        )
    return parts


def holdout(labels_NL: Any, share: float, seed: int, *, order: int = 1) -> tuple[Indices, Indices]:
    """Set a share of the samples apart, for validation.

    A label with too few positives for its share to reach one sample may stay out of the held-out part: a warning.

    Args:
        labels_NL: `(N, L)` of 0 and 1, NaN where not labelled: array, tensor, data frame or sparse matrix.
        share: The share of the samples to hold out, strictly between 0 and 1.
        seed: A number from 0 to 2**32 - 1; the same seed gives the same parts.
        order: 1: labels; 2: labels and pairs of labels.

    Returns:
        (rest indices, held-out indices), each sorted; every sample is in exactly one of them.

    Raises:
        ValueError: If `share` is not strictly between 0 and 1, one of the parts would be empty, or `order` is neither
            1 nor 2.

    Warns:
        UserWarning: If one of the two parts has no positive sample of a label that has some.

    >>> rest, held_out = holdout(np.tile([[0, 1], [1, 0]], (10, 1)), share=0.1, seed=0)
    >>> len(rest), len(held_out)
    (18, 2)
    """
    parts = quiet_holdout(labels_NL, share, seed, order=order)
    complaint = absence(_positives(labels_NL), parts, num_parts=2)
    if complaint:
        warnings.warn(complaint, stacklevel=2)
    return parts


def quiet_holdout(labels_NL: Any, share: float, seed: int, *, order: int = 1) -> tuple[Indices, Indices]:
    """Set a share apart as `holdout` does, without a word on rare labels."""
    from iterstrat.ml_stratifiers import MultilabelStratifiedShuffleSplit  # noqa: PLC0415

    positive_NL = _positives(labels_NL)
    num_samples = len(positive_NL)
    if not 0 < share < 1:
        raise ValueError(f"share is {share}; expected a share of the samples between 0 and 1, such as 0.1")
    if round(share * num_samples) in (0, num_samples):
        raise ValueError(_too_few(num_samples, share))
    if order != 1:
        rest, held_out = _parts(positive_NL, (1 - share, share), order, seed)
        return rest, held_out
    splitter = MultilabelStratifiedShuffleSplit(n_splits=1, test_size=share, random_state=seed)
    rest, held_out = next(splitter.split(positive_NL, positive_NL))
    if len(rest) == 0 or len(held_out) == 0:
        raise ValueError(_too_few(num_samples, share))
    return _sorted(rest, held_out)


def _parts(positive_NL: npt.NDArray[np.bool_], shares: Sequence[float], order: int, seed: int) -> list[Indices]:
    parts = stratify(positive_NL, shares, order=order, seed=seed)
    if any(len(part) == 0 for part in parts):
        raise ValueError(f"{len(positive_NL)} samples are too few for {len(shares)} parts: one of them would be empty")
    return parts


def _too_few(num_samples: int, share: float) -> str:
    return f"{num_samples} samples are too few to hold out share={share}: one of the two parts would be empty"


def _positives(labels: Any) -> npt.NDArray[np.bool_]:
    if type(labels).__name__ == "MultiLabelData":
        raise TypeError("got a MultiLabelData; expected its labels: pass data.labels")
    labels_NL = as_dense(labels)
    if labels_NL.ndim != 2 or labels_NL.shape[1] == 0:
        raise ValueError(f"labels have shape {labels_NL.shape}; expected samples x labels, with at least one label")
    positive_NL: npt.NDArray[np.bool_] = labels_NL == 1
    if positive_NL.shape[1] == 1:
        # The stratifier takes a single column for a multi-class target; a column without positives beside it
        # changes nothing but that.
        positive_NL = np.hstack([positive_NL, np.zeros_like(positive_NL)])
    return positive_NL


def _sorted(first: npt.NDArray[np.intp], second: npt.NDArray[np.intp]) -> tuple[Indices, Indices]:
    return np.sort(first).astype(np.int64), np.sort(second).astype(np.int64)
