"""Random saves, loads and shapes: a turn of what `python -m tests.soak` does for hours."""

import sys

import pytest
import torch

from tests import soak
from tests.states import METHODS


def test_saved_and_loaded_anywhere_every_method_ends_as_if_undisturbed(monkeypatch):
    monkeypatch.setattr(soak, "resident_megabytes", lambda: 1.0)  # memory is for the script
    short = soak.Soak(samples=120)
    short.turn()
    assert short.wrong == []
    assert len(short.megabytes) == len(METHODS)
    assert short.resumed > len(METHODS)


def test_another_end_is_noticed(monkeypatch):
    monkeypatch.setattr(soak, "resident_megabytes", lambda: 1.0)
    monkeypatch.setattr(soak.Round, "logits", lambda self, indices, epoch: torch.rand(len(indices), self.num_labels))
    short = soak.Soak(samples=40)
    short._round("hard")
    assert len(short.wrong) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_memory_that_grows_is_noticed():
    short, kept = soak.Soak(samples=40), []
    before = soak.resident_megabytes()
    kept.append(torch.ones(64 * soak.MEGABYTE // 4))
    assert soak.resident_megabytes() - before > 60
    short.megabytes = [100.0] * (2 * len(METHODS)) + [102.0] * len(METHODS)
    assert round(short.growth(), 6) == 0.02
