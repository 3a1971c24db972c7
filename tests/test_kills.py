"""Verbs that are killed at random moments end as undisturbed ones: a few of what `python -m tests.kills` does."""

import pytest

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
