"""Verbs, and ranks of a training, that are killed at random moments end as undisturbed ones.

A few of what `python -m tests.kills` and `python -m tests.kill_ranks` do.
"""

import re
from pathlib import Path

import pytest

from scripts import run_script
from tests.kills import SIGNALS, Trials
from tests.undisturbed import contents


@pytest.mark.parametrize("verb", ["train", "compare", "study"])
def test_killed_by_each_signal_it_ends_as_if_undisturbed(tmp_path, server, verb):
    trials = Trials(verb, tmp_path, server.start)
    for _ in range(5):
        if trials.kills < len(SIGNALS):
            assert trials.run() is None
    assert trials.kills > 0


def test_another_result_is_noticed(tmp_path, server):
    trials = Trials("describe", tmp_path, server.start)
    trials.expected = {**trials.expected, "out/more.txt": ""}
    assert trials.run(most=0) == "another result: ['out/more.txt']"
    assert set(contents(tmp_path / "killed" / "out")) == {"out/description.json", "out/labels.png"}


@pytest.mark.processes
def test_a_rank_is_killed_the_others_say_so_and_it_ends_as_if_undisturbed():
    wrote = run_script(Path(__file__).with_name("kill_ranks.py"), "--kills", 1, "--seed", 3)
    assert re.search(r"\bkills: 1, said why: [123]\b", wrote), wrote
