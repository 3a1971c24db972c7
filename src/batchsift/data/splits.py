"""Parts of a data set with the label frequencies of the whole: iterative stratification of order 1.

Sechidis, Tsoumakas, Vlahavas: On the Stratification of Multi-Label Data. ECML PKDD 2011.

The parts follow the labels first and the sizes second: with many labels a part can be some samples larger or
smaller than asked for. A cell that is not labelled (NaN) counts as 0 here.
Shape suffixes: N samples, L labels.
"""

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]


def folds(labels_NL: npt.ArrayLike, num_folds: int, seed: int) -> list[tuple[Indices, Indices]]:
    """Splits the samples for cross-validation.

    Args:
        labels_NL: `(N, L)` of 0 and 1, NaN where not labelled.
        num_folds: from 2 to N.
        seed: from 0 to 2**32 - 1; the same seed gives the same folds.

    Returns:
        `num_folds` pairs (train indices, test indices), each sorted; every sample is in one test part.

    Raises:
        ValueError: if `num_folds` is below 2, there are fewer samples than folds, or a fold comes out empty.

    >>> parts = folds(np.tile([[0, 1], [1, 0]], (6, 1)), num_folds=3, seed=0)
    >>> [(len(train), len(test)) for train, test in parts]
    [(8, 4), (8, 4), (8, 4)]
    """
    from iterstrat.ml_stratifiers import MultilabelStratifiedKFold  # noqa: PLC0415

    positive_NL = _positives(labels_NL)
    num_samples = len(positive_NL)
    if num_folds < 2:
        raise ValueError(
            f"num_folds is {num_folds}; cross-validation needs at least 2 (use holdout for a single split)"
        )
    if num_samples < num_folds:
        raise ValueError(f"{num_samples} samples cannot fill num_folds={num_folds}; ask for fewer folds")
    splitter = MultilabelStratifiedKFold(n_splits=num_folds, shuffle=True, random_state=seed)
    parts = [_sorted(train, test) for train, test in splitter.split(positive_NL, positive_NL)]
    if any(len(test) == 0 for _, test in parts):
        raise ValueError(f"{num_samples} samples in num_folds={num_folds} leave a fold empty; ask for fewer folds")
    return parts


def holdout(labels_NL: npt.ArrayLike, share: float, seed: int) -> tuple[Indices, Indices]:
    """Sets a share of the samples apart, for validation.

    A label with too few positives for its share to reach one sample may stay out of the held-out part.

    Args:
        labels_NL: `(N, L)` of 0 and 1, NaN where not labelled.
        share: of the samples to hold out, strictly between 0 and 1.
        seed: from 0 to 2**32 - 1; the same seed gives the same parts.

    Returns:
        (rest indices, held-out indices), each sorted; every sample is in exactly one of them.

    Raises:
        ValueError: if `share` is not strictly between 0 and 1, or one of the parts would be empty.

    >>> rest, held_out = holdout(np.tile([[0, 1], [1, 0]], (10, 1)), share=0.1, seed=0)
    >>> len(rest), len(held_out)
    (18, 2)
    """
    from iterstrat.ml_stratifiers import MultilabelStratifiedShuffleSplit  # noqa: PLC0415

    positive_NL = _positives(labels_NL)
    num_samples = len(positive_NL)
    if not 0 < share < 1:
        raise ValueError(f"share is {share}; expected a share of the samples between 0 and 1, such as 0.1")
    if round(share * num_samples) in (0, num_samples):
        raise ValueError(_too_few(num_samples, share))
    splitter = MultilabelStratifiedShuffleSplit(n_splits=1, test_size=share, random_state=seed)
    rest, held_out = next(splitter.split(positive_NL, positive_NL))
    if len(rest) == 0 or len(held_out) == 0:
        raise ValueError(_too_few(num_samples, share))
    return _sorted(rest, held_out)


def _too_few(num_samples: int, share: float) -> str:
    return f"{num_samples} samples are too few to hold out share={share}: one of the two parts would be empty"


def _positives(labels_NL: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    labels_NL = np.asarray(labels_NL)
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
