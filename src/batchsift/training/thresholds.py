"""From probabilities to labels: which threshold a word or a number means, and the names of calibrations; without torch.

A cost of false negatives needs no validation part: where a missed label costs c false alarms and probabilities are
calibrated, predicting it costs less in the mean where p > 1 / (1 + c) (Elkan: The Foundations of Cost-Sensitive
Learning, IJCAI 2001, equation 2).
"""

import math

from batchsift.messages import there_are

RULES = ("f1", "cost")  # or a number
CALIBRATIONS = ("isotonic", "sigmoid")  # what `training.calibration` fits


def check_calibration(kind: str | None) -> None:
    """Check that there is a calibration of this name, or that none is asked for.

    Raises:
        ValueError: For an unknown one.
    """
    if kind is not None and kind not in CALIBRATIONS:
        raise ValueError(f"there is no calibration {kind!r}{there_are(kind, CALIBRATIONS)}")


def check_thresholds(rule: str | float, cost_ratio: float | None = None) -> str | float:
    """Return a rule of thresholds as `TrainedModel.thresholds` takes it.

    Args:
        rule: "f1", "cost", or a number in [0, 1), which may be written as text.
        cost_ratio: What a false negative costs, in false positives; above 0, and given with "cost" alone.

    Raises:
        ValueError: For another rule, a number out of its range, or a cost without the rule or the reverse.

    >>> check_thresholds("0.5"), check_thresholds("cost", cost_ratio=4)
    (0.5, 'cost')
    """
    checked = _read(rule)
    if isinstance(checked, float) and not 0 <= checked < 1:
        raise ValueError(f"a threshold must be in [0, 1), got {checked:g}")
    if (checked == "cost") != (cost_ratio is not None):
        given = "came without a cost ratio" if cost_ratio is None else f"{rule!r} came with the cost ratio {cost_ratio}"
        raise ValueError(
            f"thresholds {given}: thresholds 'cost' and a cost ratio (what a false negative costs, in false positives) "
            "go together"
        )
    if cost_ratio is not None and not 0 < cost_ratio < math.inf:
        raise ValueError(f"a cost ratio must be above 0 and finite, got {cost_ratio}")
    return checked


def threshold_of_cost(cost_ratio: float) -> float:
    """Return the probability above which predicting a label costs less than leaving it out.

    >>> threshold_of_cost(4.0)
    0.2
    """
    return 1 / (1 + cost_ratio)


def _read(rule: str | float) -> str | float:
    if rule in RULES:
        return rule
    try:
        return float(rule)
    except ValueError:
        message = f"unknown thresholds {rule!r}{there_are(str(rule), RULES)}, and numbers in [0, 1)"
        raise ValueError(message) from None
