"""A few mutated files of every reader, the same ones every time; `python -m tests.fuzz` tries more."""

import numpy as np
import pytest

from batchsift.data import MultiLabelData
from fuzz import trying
from fuzz.cases import MAKERS
from fuzz.pool import Child
from fuzz.trying import InvalidError, attempt, check_valid

CASES = 12


@pytest.mark.parametrize("reader", MAKERS)
def test_a_file_as_it_should_be_is_loaded(reader, tmp_path):
    assert attempt(reader, 0, tmp_path, changes=0) == ("loaded", "")


@pytest.mark.processes
def test_changed_files_are_refused_clearly_or_loaded_and_valid():
    child = Child()
    try:
        found = {(reader, seed): child.attempt(reader, seed) for seed in range(CASES) for reader in MAKERS}
    finally:
        child.close()
    assert {case: how for case, (outcome, how) in found.items() if outcome == "failed"} == {}
    outcomes = [outcome for outcome, _ in found.values()]
    assert min(outcomes.count("loaded"), outcomes.count("refused")) > len(outcomes) / 5


def test_what_is_wrong_is_noticed(monkeypatch, tmp_path):
    def crash(*_, **__):
        raise KeyError("x")

    monkeypatch.setattr(trying, "load", crash)
    assert attempt("csv", 0, tmp_path)[0] == "failed"

    def refuse_without_the_file(*_, **__):
        raise ValueError("no")

    monkeypatch.setattr(trying, "load", refuse_without_the_file)
    assert attempt("csv", 0, tmp_path)[0] == "failed"


@pytest.mark.parametrize("field", ["labels", "features", "label_names"])
def test_data_that_cannot_be_are_noticed(field):
    data = MultiLabelData(np.eye(2), np.eye(2), ("a", "b"), ("p", "q"))
    wrong = {
        "labels": np.full((2, 2), 7, dtype=np.uint8),
        "features": np.full((2, 2), np.inf),
        "label_names": ("p", "p"),
    }
    object.__setattr__(data, field, wrong[field])
    with pytest.raises(InvalidError):
        check_valid(data)


@pytest.mark.processes
def test_a_process_that_dies_is_noticed_and_another_begun():
    child = Child()
    try:
        child.attempt("csv", 0, changes=0)
        assert child.attempt("nothing", 0)[1].startswith("the process ended with")
        assert child.attempt("csv", 0, changes=0) == ("loaded", "")
    finally:
        child.close()
