"""What is written down of a run: the record of every epoch, draws, suspects.

All of it comes from the selector's public side. Shapes: N training samples, L labels.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batchsift.entries import check_keys, described, part, real_number, whole_number
from batchsift.functional import signals as formulas
from batchsift.methods import D2ACE
from batchsift.selection.selector import Selector

QUANTILES = np.linspace(0, 1, 21)  # 0 %, 5 %, ... 100 %
CELLS_OF_QUANTILES = 2**17  # quantiles of more cells than this are taken over samples at even distances
NUM_SUSPECTS = 20  # that a study keeps of each run
SHARE_OF_SUSPECTS = 0.1  # of the cells of a label with one given value that may be among them
_NUMBERS = frozenset({int, float, type(None)})  # types of numbers in JSON
SIGNAL_KINDS = ("label_means", "label_weights", "signal_quantiles")


@dataclass(frozen=True)
class SignalRecord:
    """The method's signals at the end of an epoch; empty for a method that keeps none, and where none are recorded.

    Args:
        label_means: Signal to its mean over the training samples, one number a label.
        label_weights: Signal to the weights v of the labels, where the method (D2ACE) weighs them.
        signal_quantiles: Signal to its quantiles at 0, 5, ... 100 % over all cells.
    """

    label_means: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    label_weights: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    signal_quantiles: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of a run.

    Args:
        epoch: The epoch, counted from 0.
        learning_rate: The learning rate of all its steps.
        loss: The training loss, the mean over the samples drawn.
        validation: Metric key to value on the validation part, after the epoch.
        summary: The selector's summary, at the end of the epoch it describes.
        signals: The method's signals, at the same time; empty where they are not recorded (`fit`).
    """

    epoch: int
    learning_rate: float
    loss: float
    validation: Mapping[str, float]
    summary: Mapping[str, float]
    signals: SignalRecord = field(default_factory=SignalRecord)

    @property
    def macro_auc(self) -> float:
        """Macro-AUC on the validation part: what the best epoch is chosen by."""
        return self.validation["macro_auc"]

    def document(self, *, digits: int | None = None) -> dict[str, Any]:
        """Return the record as JSON can hold it, its signals by kind; without them where none were recorded.

        Args:
            digits: Significant digits that are kept of signals; all by default.
        """
        content = asdict(self)
        signals = content.pop("signals")
        if self.signals == SignalRecord() and digits is None:
            return content
        return content | {
            kind: {signal: [_rounded(value, digits) for value in values] for signal, values in by_signal.items()}
            for kind, by_signal in signals.items()
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read a record from what `document` returned, after a way through JSON too, where NaN is null.

        Raises:
            ValueError: It is something else; the message names the key.
        """
        check_keys(document, ("epoch", "learning_rate", "loss", "validation", "summary"), others=True)
        whole_number(document, "epoch")
        real_number(document, "learning_rate", 0)
        for key in ("validation", "summary"):
            with part(key):
                check_numbers(document[key])
        if document["loss"] is not None:
            check_numbers({"loss": document["loss"]})
        for kind in SIGNAL_KINDS:
            with part(kind):
                check_keys(document.get(kind, {}), (), others=True)
                for signal, values in document.get(kind, {}).items():
                    check_number_list(signal, values)
        signals = SignalRecord(
            **{
                kind: {signal: tuple(map(read_number, values)) for signal, values in document.get(kind, {}).items()}
                for kind in SIGNAL_KINDS
            }
        )
        return cls(
            epoch=document["epoch"],
            learning_rate=document["learning_rate"],
            loss=read_number(document["loss"]),
            validation=read_numbers(document["validation"]),
            summary=read_numbers(document["summary"]),
            signals=signals,
        )


def read_epochs(documents: Any) -> list[EpochRecord]:
    """Return the records of a run, one an epoch, from 0.

    Raises:
        ValueError: They are something else.
    """
    if not isinstance(documents, list):
        raise ValueError(f"must be a list, got {described(documents)}")
    records = []
    for epoch, document in enumerate(documents):
        with part(f"epoch {epoch}"):
            records.append(EpochRecord.from_document(document))
            if records[-1].epoch != epoch:
                raise ValueError(f"epoch: must be {epoch}, got {records[-1].epoch}")
    return records


def check_scored(records: Iterable[EpochRecord]) -> None:
    """Check that records have what the best epoch is chosen by.

    Raises:
        ValueError: One has not.
    """
    for record in records:
        with part(f"epoch {record.epoch}: validation"):
            check_keys(record.validation, ("macro_auc",), others=True)


def check_numbers(values: Any) -> None:
    """Check numbers by name, as JSON has them: null is NaN.

    Raises:
        ValueError: They are something else.
    """
    check_keys(values, (), others=True)
    for name, value in values.items():
        if type(value) not in _NUMBERS:
            raise ValueError(f"{name}: must be a number or null, got {described(value)}")


def check_number_list(key: str, values: Any, length: int | None = None) -> None:
    """Check a list of numbers, as JSON has them: null is NaN.

    Raises:
        ValueError: It is something else, or of another length.
    """
    if not isinstance(values, list | tuple) or not _NUMBERS.issuperset(map(type, values)):
        raise ValueError(f"{key}: must be a list of numbers, got {described(values)}")
    if length is not None and len(values) != length:
        raise ValueError(f"{key}: must be {length} numbers, got {len(values)}")


def read_number(value: float | None) -> float:
    """Return what JSON had for a number: null is NaN."""
    return math.nan if value is None else value


def read_numbers(values: Mapping[str, float | None]) -> dict[str, float]:
    """Return what JSON had for numbers by name: null is NaN."""
    return {name: read_number(value) for name, value in values.items()}


def _rounded(value: float, digits: int | None) -> float:
    return value if digits is None else float(f"{value:.{digits}g}")


@dataclass(frozen=True)
class Suspect:
    """A label that is probably wrong.

    Args:
        sample: Row in the data set as loaded, before the filters, from 0.
        label: The name of the label.
        given: The value it has, 0 or 1; None where a version wrote it that did not say.
        probability: The mean probability that was predicted for it during training; None likewise.
        rank: Its place among the suspects of its label, from 1; None likewise.
        score: What suspects are ranked by, see `Selector.suspects`; of such a version noise-resistant hardness.
    """

    sample: int
    label: str
    given: int | None
    probability: float | None
    rank: int | None
    score: float

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read what a record holds of it."""
        if "hardness" not in document:
            return cls(**document)
        return cls(document["sample"], document["label"], None, None, None, document["hardness"])


def record_signals(selector: Selector) -> SignalRecord:
    """Return what the signals are like now."""
    signals = selector.signals()
    weighed = ("uncertainty", "hardness") if _weighs_labels(selector) else ()
    return SignalRecord(
        label_means={name: _numbers(signal_NL.mean(0, dtype=torch.float64)) for name, signal_NL in signals.items()},
        label_weights={name: _numbers(formulas.label_weights(signals[name])) for name in weighed},
        signal_quantiles={name: _quantiles(signal_NL) for name, signal_NL in signals.items()},
    )


def record_draws(selector: Selector) -> tuple[float, ...]:
    """Return quantiles, at 0, 5, ... 100 %, of how often a training sample was drawn since the start."""
    return tuple(np.quantile(selector.counts.numpy(), QUANTILES).tolist())


def record_suspects(
    selector: Selector, *, rows: NDArray[np.int64], label_names: tuple[str, ...], most: int = NUM_SUSPECTS
) -> tuple[Suspect, ...]:
    """Return the most suspicious labels, the worst first; few enough of each label that rare ones do not fill the list.

    Args:
        selector: The selector at the end of training.
        rows: `(N,)`: the row of each training sample in the data set as loaded.
        label_names: L names.
        most: How many, at most.
    """
    found = selector.suspects(most, share=SHARE_OF_SUSPECTS)
    columns = (found.samples, found.labels, found.given, found.probability, found.rank, found.score)
    return tuple(
        Suspect(int(rows[sample]), label_names[label], given, probability, rank, score)
        for sample, label, given, probability, rank, score in zip(*(one.tolist() for one in columns), strict=True)
    )


def count_listed(cells: int) -> int:
    """Return how many suspects are listed of a training for use: a twentieth of the cells, from 20 to 1000.

    >>> count_listed(100), count_listed(2000), count_listed(10**6)
    (20, 100, 1000)
    """
    return min(max(cells // 20, 20), 1000)


def _weighs_labels(selector: Selector) -> bool:
    return isinstance(selector.method, D2ACE) and selector.method.label_weights


def _quantiles(signal_NL: Tensor) -> tuple[float, ...]:
    step = -(-signal_NL.numel() // CELLS_OF_QUANTILES)
    return _numbers(np.quantile(signal_NL[::step].numpy(force=True), QUANTILES))


def _numbers(values: Tensor | NDArray[np.floating]) -> tuple[float, ...]:
    return tuple(values.tolist())
