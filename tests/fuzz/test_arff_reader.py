"""Ten thousand files, the same ones every time; `python -m fuzz.arff_reader` reads more."""

import pytest

from batchsift.data.arff import source
from batchsift.data.arff.layout import Layout
from batchsift.data.arff.syntax import Line
from fuzz import arff_reader
from fuzz.arff_reader import FailureError, fuzz


@pytest.fixture(autouse=True)
def _same_chunks_afterwards(monkeypatch):
    monkeypatch.setattr(source, "CHUNK_BYTES", source.CHUNK_BYTES)


@pytest.mark.parametrize("seed", range(10))
def test_every_file_is_read_right_or_refused_clearly(seed):
    outcomes = fuzz(1000, seed)
    assert all(count > 80 for count in outcomes.values()), outcomes


@pytest.mark.parametrize("names", ["label_names", "feature_names"])
def test_shifted_columns_are_noticed(monkeypatch, names):
    right = getattr(Layout, names).fget
    monkeypatch.setattr(Layout, names, property(lambda layout: right(layout)[::-1]))
    with pytest.raises(FailureError, match="expected"):
        fuzz(50, 0)


def test_too_much_leniency_is_noticed(monkeypatch):
    monkeypatch.setattr(Line, "ends_at", lambda line, position: True)
    with pytest.raises(FailureError, match="expected None"):
        fuzz(500, 0)


def test_a_crash_is_noticed(monkeypatch):
    def crash(*_):
        raise IndexError

    monkeypatch.setattr(arff_reader, "read_arff", crash)
    with pytest.raises(FailureError, match="IndexError"):
        fuzz(1, 0)
