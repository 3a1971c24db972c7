"""What is written down of a selector: signals, draws, suspects."""

from dataclasses import asdict

import numpy as np
import pytest
import torch

from batchsift import Selector
from batchsift.functional.signals import label_weights
from batchsift.training import recording
from batchsift.training.recording import Suspect, record_draws, record_signals, record_suspects

LABELS = torch.tensor([[1, 0], [0, 1], [1, 1], [0, 0], [1, 0], [0, 1]])


def observed(method, logits):
    selector = Selector(LABELS, method=method, features=torch.arange(6.0)[:, None], batch_size=6, epochs=10)
    [indices] = selector.batches()
    selector.observe(indices, logits[indices])
    return selector


def test_suspects_have_the_rows_and_names_they_are_given():
    logits = (2 * LABELS - 1) * 4.0
    logits[2, 1], logits[3, 0] = -3.0, 5.0  # confidently wrong in two cells
    for method in ("hard", "random"):
        selector = observed(method, logits)
        found = record_suspects(selector, rows=np.arange(100, 106), label_names=("u", "v"), most=3)
        assert [(one.sample, one.label, one.given, one.rank) for one in found[:2]] == [
            (103, "u", 0, 1),
            (102, "v", 1, 1),
        ]
        assert [one.probability for one in found[:2]] == pytest.approx(torch.tensor([5.0, -3.0]).sigmoid().tolist())
        assert [one.score for one in found] == selector.suspects(3, share=0.1).score.tolist()
    found = record_suspects(observed("random", logits), rows=np.arange(6), label_names=("u", "v"))
    assert sorted((one.label, one.given) for one in found) == [("u", 0), ("u", 1), ("v", 0), ("v", 1)], (
        "a tenth of each"
    )
    assert [one.rank for one in found if one.label == "u"] == [1, 2]


def test_suspects_of_older_records_are_read():
    old = Suspect.from_document({"sample": 3, "label": "u", "hardness": 0.9})
    assert (old.sample, old.label, old.given, old.probability, old.rank, old.score) == (3, "u", None, None, None, 0.9)
    assert Suspect.from_document(asdict(old)) == old


def test_signals_by_label_and_by_quantile(monkeypatch):
    logits = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
    selector = observed("d2ace", logits)
    found, signals = record_signals(selector), selector.signals()
    assert set(found.label_means) == set(found.signal_quantiles) == set(signals)
    for name, signal in signals.items():
        assert found.label_means[name] == pytest.approx(signal.mean(0).tolist())
        assert found.signal_quantiles[name] == pytest.approx(np.quantile(signal, np.linspace(0, 1, 21)))
    assert found.label_weights["hardness"] == pytest.approx(label_weights(signals["hardness"]).tolist())
    monkeypatch.setattr(recording, "CELLS_OF_QUANTILES", 6)
    thinned = record_signals(selector).signal_quantiles["loss"]
    assert thinned == pytest.approx(np.quantile(signals["loss"][::2], np.linspace(0, 1, 21)))
    assert record_signals(observed("random", logits)).label_means == {}


def test_draws():
    assert record_draws(observed("random", torch.zeros(6, 2))) == (1.0,) * 21
