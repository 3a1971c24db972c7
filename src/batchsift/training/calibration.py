"""Calibrated probabilities: of those that got 0.3, about three in ten have the label.

Each label has a curve of its own, fitted on the validation part, which the weights have not seen:

- "sigmoid" (Platt 1999): sigmoid(a logit(p) + b), with Platt's softened targets (n+ + 1) / (n+ + 2) and 1 / (n- + 2),
  as a logistic regression of scikit-learn.
- "isotonic" (Zadrozny and Elkan, KDD 2002): the non-decreasing steps of scikit-learn's isotonic regression, linear
  between them. It bends to anything, and so needs more samples (Niculescu-Mizil and Caruana, ICML 2005). Where it is
  flat, samples that were ranked are tied.

What is kept are plain numbers. Shapes: N samples, L labels, K knots of a curve.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from batchsift.messages import first_few

FEWEST: Mapping[str, int] = {"isotonic": 30, "sigmoid": 10}  # samples of each class that a label must have
_SMALLEST = np.finfo(np.float32).eps  # probabilities are at least this far from 0 and 1 where a logit is taken

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Calibration:
    """A curve for each label.

    Attributes:
        kind: "sigmoid" or "isotonic".
        curves: L pairs: slope and intercept of a sigmoid, `(1,)` each; of isotonic steps, K probabilities and what
            becomes of them, `(K,)` each.
    """

    kind: str
    curves: tuple[tuple[Floats, Floats], ...]

    @classmethod
    def fit(cls, kind: str, probs_NL: NDArray[Any], targets_NL: NDArray[Any]) -> Self:
        """Fit the curves.

        Args:
            kind: "sigmoid" or "isotonic".
            probs_NL: Probabilities of samples that were not trained on.
            targets_NL: Their labels, 0 or 1.
        """
        fit = _fit_steps if kind == "isotonic" else _fit_sigmoid
        columns = zip(np.asarray(probs_NL, np.float64).T, np.asarray(targets_NL, np.float64).T, strict=True)
        return cls(kind, tuple(fit(probs_N, targets_N) for probs_N, targets_N in columns))

    def apply(self, probs_NL: NDArray[Any]) -> NDArray[np.float32]:
        """Return calibrated probabilities, `(N, L)` in [0, 1]."""
        calibrated_NL = np.empty_like(probs_NL, dtype=np.float32)
        for label, (first, second) in enumerate(self.curves):
            probs_N = np.asarray(probs_NL[:, label], np.float64)
            if self.kind == "isotonic":
                calibrated_NL[:, label] = np.interp(probs_N, first, second)
            else:
                calibrated_NL[:, label] = expit(first * _logit(probs_N) + second)
        return calibrated_NL

    def state(self) -> dict[str, Any]:
        """Return the curves as `save_tensors` takes them."""
        return {"kind": self.kind, "curves": [[torch.from_numpy(values) for values in curve] for curve in self.curves]}

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        """Return what `state` was made from."""
        return cls(state["kind"], tuple((first.numpy(), second.numpy()) for first, second in state["curves"]))


def check_calibratable(kind: str, targets_NL: NDArray[Any], label_names: Sequence[str]) -> None:
    """Check that every label has enough samples of both classes for its curve.

    Args:
        kind: "sigmoid" or "isotonic".
        targets_NL: The labels of the validation part, complete.
        label_names: L names.

    Raises:
        ValueError: Where a label has too few; names the labels and their numbers.
    """
    positives_L = targets_NL.sum(axis=0).astype(int)
    fewest, few = FEWEST[kind], []
    for name, positives in zip(label_names, positives_L.tolist(), strict=True):
        negatives = len(targets_NL) - positives
        if min(positives, negatives) < fewest:
            few.append(f"{name} ({positives} with it, {negatives} without)")
    if few:
        raise ValueError(
            f"calibrating by {kind!r} needs {fewest} samples with and {fewest} without each label in the validation "
            f"part; too few have {first_few(few)}: give a larger validation share, drop those labels"
            + (", or calibrate by 'sigmoid'" if kind == "isotonic" else "")
            + ", or do not calibrate"
        )


def _fit_steps(probs_N: Floats, targets_N: Floats) -> tuple[Floats, Floats]:
    steps = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(probs_N, targets_N)
    return np.asarray(steps.X_thresholds_, np.float64), np.asarray(steps.y_thresholds_, np.float64)


def _fit_sigmoid(probs_N: Floats, targets_N: Floats) -> tuple[Floats, Floats]:
    positives = targets_N.sum()
    softened_N = np.where(targets_N == 1, (positives + 1) / (positives + 2), 1 / (len(targets_N) - positives + 2))
    # A softened target is both classes at once, each with its weight.
    regression = LogisticRegression(C=np.inf, max_iter=1000).fit(
        np.tile(_logit(probs_N), 2)[:, None],
        np.repeat([1, 0], len(targets_N)),
        sample_weight=np.concatenate([softened_N, 1 - softened_N]),
    )
    return np.asarray(regression.coef_[0], np.float64), np.asarray(regression.intercept_, np.float64)


def _logit(probs_N: Floats) -> Floats:
    clipped: Floats = logit(np.clip(probs_N, _SMALLEST, 1 - _SMALLEST))
    return clipped
