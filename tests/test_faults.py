"""Faults of the disk, and kills between operations on files: some of all those that `python -m tests.faults` tries."""

import sys

import pytest

from tests.faults import FAULTS, Trials
from tests.undisturbed import VERBS

OPERATIONS = {"train": 15, "compare": 5, "study": 15, "describe": 10, "predict": 10}  # how many of them: they take time


@pytest.mark.skipif(sys.platform != "linux", reason="files are told apart by /proc")
@pytest.mark.parametrize("verb", VERBS)
def test_whatever_fails_is_said_in_a_line_and_made_good_by_another_run(tmp_path, monkeypatch, verb):
    monkeypatch.setattr("batchsift.report.console.plots.image", lambda *_: b"")  # a second each
    trials = Trials(verb, tmp_path)
    count = trials.fault.count
    places = [(2 * number + 1) * count // (2 * OPERATIONS[verb]) for number in range(OPERATIONS[verb])]
    endings = [trials.disturbed(FAULTS[number % len(FAULTS)], at) for number, at in enumerate(places)]
    assert [one for one in endings if one not in ("refused", "done", "killed", "failed cells")] == []
    assert {"refused", "killed"} <= {*endings}


@pytest.mark.skipif(sys.platform != "linux", reason="files are told apart by /proc")
@pytest.mark.parametrize("kind", FAULTS)
def test_a_run_that_was_finished_but_for_its_checkpoint(tmp_path, kind):
    trials = Trials("train", tmp_path)
    last = max(number for number, one in enumerate(trials.fault.seen) if one.endswith("checkpoint.pt"))
    assert trials.disturbed(kind, last) == ("killed" if kind == "kill" else "refused")


def test_a_fault_is_noticed(tmp_path):
    """The machinery finds what is wrong: a package that writes in place loses what was there."""
    trials = Trials("predict", tmp_path)
    trials.expected = {}
    assert trials.disturbed("kill", 0).startswith("kill at 0 (open ")
