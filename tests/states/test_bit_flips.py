"""Some hundred flipped bits, the same ones every time; `python -m tests.states.bit_flips` flips more."""

from collections import Counter

import pytest

from batchsift.selection.state import SelectorState
from states import bit_flips


@pytest.fixture(scope="module")
def targets(tmp_path_factory):
    return bit_flips.Targets(tmp_path_factory.mktemp("targets"))


def test_every_flipped_bit_is_refused_or_sound(targets, tmp_path):
    found = Counter()
    for number in range(350):
        word, outcome, how = bit_flips.attempt(targets, 0, number, tmp_path)
        assert outcome != "failed", (number, word, how)
        found[outcome] += 1
    assert min(found["refused"], found["sound"]) > 50, found


def test_what_would_slip_through_is_noticed(targets, tmp_path, monkeypatch):
    def trusting(state, planner, progress):
        planner.take_over(state.plan, state.probabilities, state.seed)
        progress.method.load_state_dict(state.method_state)

    monkeypatch.setattr(SelectorState, "restore", trusting)
    outcomes = {bit_flips.attempt(targets, 0, number, tmp_path)[1] for number in range(300) if number % 7 < 3}
    assert "failed" in outcomes
