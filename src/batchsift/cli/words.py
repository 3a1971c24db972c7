"""The words that options take, known without importing what they name: that would take seconds.

A test compares them with the registries they repeat.
"""

from collections.abc import Sequence

from batchsift.messages import there_are

METHODS = (
    "active_bias",
    "d2ace",
    "hard",
    "hard_imbalanced",
    "label_balanced",
    "random",
    "recency_bias",
    "stratified",
    "uncertainty",
)
METRICS = (
    "macro_auc",
    "micro_auc",
    "macro_f1",
    "micro_f1",
    "macro_auprc",
    "micro_auprc",
    "ranking_loss",
    "hamming_loss",
    "one_error",
    "coverage",
    "average_precision",
    "subset_accuracy",
    "jaccard",
    "macro_precision",
    "micro_precision",
    "example_precision",
    "macro_recall",
    "micro_recall",
    "example_recall",
)
MODELS = ("mlp", "clif", "dela", "mpvae", "paca")
SETTINGS = ("paper", "tuned")


def parted(text: str) -> list[str]:
    """Return the words between the commas.

    >>> parted("random, d2ace")
    ['random', 'd2ace']
    """
    return [word.strip() for word in text.split(",")]


def check_method(name: str) -> None:
    """Raise ValueError unless a method has that name."""
    _check(name, METHODS, "unknown method")


def check_model(name: str) -> None:
    """Raise ValueError unless a model has that name."""
    _check(name, MODELS, "unknown model")


def check_settings(name: str) -> None:
    """Raise ValueError unless settings have that name."""
    _check(name, SETTINGS, "there are no settings")


def _check(word: str, known: Sequence[str], complaint: str) -> None:
    if word not in known:
        raise ValueError(f"{complaint} {word!r}{there_are(word, known)}")
