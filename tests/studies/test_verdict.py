"""The verdict: what is said of made-up runs, and how often it is wrong over many of them. F folds, K metrics."""

import math
import re

import numpy as np
import pytest
from scipy.stats import binom

from batchsift.statistics import corrected_resampled_t, smallest_effect
from batchsift.studies.analysis.contrasts import Verdict
from batchsift.studies.analysis.runs import read_runs
from batchsift.studies.analysis.scopes import find_scopes
from batchsift.studies.analysis.verdict import find_answer
from batchsift.studies.analysis.wording import NOTHING, format_value
from batchsift.studies.config import HEADLINES
from report.synthetic_study import write_study
from studies.made_runs import FLAT_E, scope_of

FOLDS, TEST_TO_TRAIN = 5, 0.25
CORRELATION = TEST_TO_TRAIN / (1 + TEST_TO_TRAIN)  # of two folds, as the corrected test has it
SPREAD = 0.004  # of a run, fold and fold's difficulty apart
SIGNS = {key: -1.0 if key == "ranking_loss" else 1.0 for key in HEADLINES}
WIGGLE_F = np.array([0.001, -0.001, 0.002, -0.002, 0.0])
RISING_FE = 0.5 + 0.02 * np.arange(10) + np.zeros((FOLDS, 1))


def values(**gains):
    """One method's metrics: 0.5 and the gain, for the better, a bit different on every fold."""
    return {key: 0.5 + SIGNS[key] * (gains.get(key, 0.0) + (key in gains) * WIGGLE_F) for key in HEADLINES}


def simulated(rng, methods, effects=None):
    """Metrics of methods on folds: folds differ, runs of a method agree over folds, metrics go together.

    Args:
        rng: The generator.
        methods: The names, Random's among them.
        effects: Method and metric to a true gain.
    """
    level_FK = rng.normal(0.6, 0.02, (FOLDS, len(HEADLINES)))
    drawn = {}
    for method in methods:
        own = []
        for size in (1, len(HEADLINES)):  # half of the variance is shared by all metrics
            of_method, of_run = rng.normal(size=(1, size)), rng.normal(size=(FOLDS, size))
            own.append(math.sqrt(CORRELATION) * of_method + math.sqrt(1 - CORRELATION) * of_run)
        noise_FK = SPREAD * (own[0] + own[1]) / math.sqrt(2)
        drawn[method] = {
            key: level_FK[:, k] + SIGNS[key] * (noise_FK[:, k] + (effects or {}).get((method, key), 0.0))
            for k, key in enumerate(HEADLINES)
        }
    return drawn


def test_where_nothing_helps_it_says_better_at_most_at_its_nominal_rate():
    rng, methods = np.random.default_rng(0), ("random", "one", "two", "three", "four")
    found = unadjusted = 0
    for _ in range(200):
        drawn = simulated(rng, methods)
        answer = find_answer(scope_of(drawn))
        found += answer.use != "random"
        tests = [
            corrected_resampled_t(SIGNS[key] * (drawn[m][key] - drawn["random"][key]), test_to_train=TEST_TO_TRAIN)
            for m in methods[1:]
            for key in HEADLINES
        ]
        unadjusted += any(test.mean > 0 and test.significance.below(0.05) for test in tests)
    most = binom.ppf(0.99, 200, 0.05)
    assert found <= most
    assert unadjusted > most, "without the adjustment it would be wrong too often: the runs are noisy enough to show it"


def test_identical_methods_are_never_better():
    rng = np.random.default_rng(1)
    for _ in range(20):
        alike = simulated(rng, ("random",))["random"]
        answer = find_answer(scope_of(dict.fromkeys(("random", "one", "two"), alike), again=alike))
        assert (answer.use, answer.headline) == ("random", "Use random: nothing is reliably better here.")
        assert answer.why == "No method gains anything over random on average."


def test_planted_effects_are_found_as_often_as_the_power_statement_says():
    rng, methods = np.random.default_rng(2), ("random", "one", "two", "three", "four")
    level = 0.05 / (4 * len(HEADLINES))
    seen_spread = SPREAD * math.sqrt(2 * (1 - CORRELATION))  # of differences of two methods, within the folds
    effect = smallest_effect(seen_spread, FOLDS, test_to_train=TEST_TO_TRAIN, alpha=level)
    found, stated = 0, []
    for _ in range(200):
        answer = find_answer(scope_of(simulated(rng, methods, {("two", "macro_f1_tuned"): effect})))
        found += answer.use == "two"
        (power,) = [one for one in answer.power if one.metric == "macro_f1_tuned"]
        stated.append(power.detectable)
    assert binom.ppf(0.005, 200, 0.8) <= found <= binom.ppf(0.995, 200, 0.8)
    # What is stated rests on the spread of five folds, which is six percent too small on average.
    assert np.mean(stated) == pytest.approx(effect, rel=0.1)


def test_a_gain_that_costs_something_is_said_with_its_cost():
    cost = 0.02 * np.array([1, -1, -1, 1, -0.5])
    one = values(macro_f1_tuned=0.046) | {"macro_auc": 0.5 + cost}
    answer = find_answer(scope_of({"random": values(), "one": one}))
    assert answer.use == "one"
    assert re.fullmatch(
        r"Use one if Tuned Macro-F1 matters: \+0\.0460 \(\+0\.04\d\d to \+0\.04\d\d\)\.", answer.headline
    )
    assert "adjusted for 4 comparisons" in answer.why
    assert re.search(r"It costs 0\.0020 Macro-AUC \(.0\.\d{4} to \+0\.\d{4}, not told apart\)\.", answer.why)


def test_better_by_everything_needs_no_if():
    answer = find_answer(scope_of({"random": values(), "one": values(**dict.fromkeys(HEADLINES, 0.03))}))
    assert answer.headline.startswith("Use one: better by Macro-AUC +0.0300 (")


def test_a_trade_is_no_improvement():
    answer = find_answer(scope_of({"random": values(), "one": values(macro_f1_tuned=0.05, macro_auc=-0.05)}))
    assert answer.use == "random"
    assert answer.headline == "Use random: nothing is better here without being worse elsewhere."
    assert "one is better by Tuned Macro-F1 +0.0500" in answer.why
    assert f"worse by Macro-AUC {format_value(-0.05)}" in answer.why


def test_of_several_the_one_that_is_better_by_most_metrics():
    methods = {
        "random": values(),
        "one": values(macro_auc=0.05),
        "two": values(macro_auc=0.02, ranking_loss=0.02),
    }
    assert find_answer(scope_of(methods)).use == "two"


def test_a_method_must_beat_random_with_its_own_loss():
    both = {"random": values(), "random+focal": values(macro_auc=0.03), "hard+focal": values(macro_auc=0.0302)}
    both["hard+focal"]["macro_auc"] = 0.5302 + WIGGLE_F[::-1]
    assert find_answer(scope_of(both)).use == "random+focal"
    assert find_answer(scope_of(both | {"hard+focal": values(macro_auc=0.06)})).use == "random+focal"
    apart = values(macro_auc=0.06)
    apart["macro_auc"] += 0.1 * WIGGLE_F
    assert find_answer(scope_of(both | {"hard+focal": apart})).use == "hard+focal"


def test_a_training_that_still_rises_gets_no_verdict():
    runs = {"random": values(), "one": values(macro_auc=0.05)}
    answer = find_answer(scope_of(runs, curves={"random": RISING_FE}))
    assert (answer.use, answer.converged) == (None, False)
    assert answer.headline == "No verdict: random was still improving when training ended."
    assert "rose by 0.0200 in the last epoch" in answer.why
    assert "--epochs 20, or --epochs auto" in answer.why
    meant = find_answer(scope_of(runs, curves={"random": RISING_FE}), budget=True)
    assert (meant.use, meant.converged) == ("one", False)
    assert "It holds for a training of 10 epochs, as asked for: training was not over." in meant.doubts


def test_a_few_epochs_get_no_verdict():
    curves = {"random": np.full((FOLDS, 2), 0.7)}
    answer = find_answer(scope_of({"random": values(), "one": values(macro_auc=0.05)}, curves=curves))
    assert (answer.use, answer.headline) == (None, "No verdict: 2 epochs cannot show whether training was over.")
    assert answer.why.endswith(
        "(--epochs 20, or --epochs auto) or with a larger --learning-rate (or --learning-rate auto)."
    )


def test_the_method_to_use_must_have_converged_others_need_not():
    runs = {"random": values(), "one": values(macro_auc=0.05), "two": values()}
    answer = find_answer(scope_of(runs, curves={"one": RISING_FE}))
    assert (answer.use, answer.converged) == (None, False)
    assert answer.headline.startswith("No verdict: one was")
    answer = find_answer(scope_of(runs, curves={"two": RISING_FE}))
    assert (answer.use, answer.converged) == ("one", True)
    assert any("Still improving at the last epoch" in doubt and "two" in doubt for doubt in answer.doubts)


def test_chance_as_large_as_the_gain_is_a_doubt():
    runs, large = {"random": values(), "one": values(macro_auc=0.02)}, values(macro_auc=-0.03)
    answer = find_answer(scope_of(runs, again=large))
    assert answer.use == "one"
    assert f"random with other draws differs from itself by as much: Macro-AUC {format_value(-0.03)}." in answer.doubts
    small = find_answer(scope_of(runs, again=values(macro_auc=0.001)))
    assert not any("other draws" in doubt for doubt in small.doubts)
    assert any("was not run a second time" in doubt for doubt in find_answer(scope_of(runs)).doubts)


def test_the_second_random_is_no_contender():
    runs, again = {"random": values(), "one": values()}, values(macro_auc=0.2)
    scope = scope_of(runs, again=again)
    assert (scope.methods, scope.challengers, scope.num_comparisons) == (("random", "one"), ("one",), 4)
    assert find_answer(scope).use == "random"
    alone = scope_of({"random": values()}, again=again)
    assert find_answer(alone).use is None
    assert "nothing to compare random with" in find_answer(alone).headline


def test_a_gain_that_is_gone_at_the_last_epoch_is_a_doubt():
    runs = {"random": values(), "one": values(macro_auc=0.05)}
    answer = find_answer(scope_of(runs, last={"one": values(macro_auc=-0.01)}))
    assert f"By Macro-AUC, one gains +0.0500 at the best epoch and {format_value(-0.01)} at the last." in answer.doubts


def test_training_far_beyond_the_best_epoch_is_a_doubt():
    worse_E = np.concatenate([FLAT_E[:4], FLAT_E[3] - 0.01 * np.arange(6)])
    curves = {"random": np.tile(worse_E, (FOLDS, 1))}
    doubts = find_answer(scope_of({"random": values(), "one": values()}, curves=curves)).doubts
    assert any(doubt.startswith("The best epoch of random is 4 of 10 on average") for doubt in doubts)


def test_undefined_metrics_are_said_and_do_not_hinder_others():
    broken = values(macro_auc=0.05) | {"ranking_loss": np.full(FOLDS, math.nan)}
    answer = find_answer(scope_of({"random": values(), "one": broken}))
    assert answer.use == "one"
    assert "Undefined on some fold, and so not looked at: Ranking loss." in answer.doubts
    assert not any("nan" in text for text in (answer.headline, answer.why, *answer.doubts))


def test_two_folds_tell_nothing_apart():
    five = {"random": values(), "one": values(macro_auc=0.05)}
    runs = {method: {key: folds[:2] for key, folds in by_key.items()} for method, by_key in five.items()}
    answer = find_answer(scope_of(runs))
    assert (answer.use, answer.power) == ("random", ())
    assert answer.why == "No test could be made: too few folds (2) for a t-test."


@pytest.mark.parametrize(
    ("gain", "use", "words"),
    [
        (0.05, "d2ace", r"better by Macro-AUC \(on all 3 data sets\).* adjusted for 8 comparisons"),
        (0.0, "random", r"is told apart on any data set, adjusted for 8 comparisons on each\.$"),
        (-0.05, "random", r"is told apart on any data set, adjusted for 8 comparisons on each\.$"),
    ],
)
def test_several_data_sets_are_looked_at_one_by_one(tmp_path, gain, use, words):
    write_study(tmp_path, gain={"d2ace": gain, "uncertainty": 0.0}, epochs=60, labels=4)
    answer = find_answer(find_scopes(read_runs(tmp_path), alpha=0.05, family=HEADLINES)[0], budget=True)
    assert (answer.use, answer.power) == (use, ())
    assert re.search(words, answer.why)
    assert not any(re.search(f"nan|None|{NOTHING}", text) for text in (answer.headline, answer.why, *answer.doubts))


def test_many_data_sets_are_tested_together(tmp_path):
    names = tuple(f"set {number}" for number in range(9))
    write_study(tmp_path, data=names, methods=("random", "d2ace"), gain={"d2ace": 0.03}, epochs=60, labels=4, folds=3)
    answer = find_answer(find_scopes(read_runs(tmp_path), alpha=0.05, family=HEADLINES)[0], budget=True)
    assert answer.use == "d2ace"
    assert "Macro-AUC (p = 0.016)" in answer.why  # four times 2 / 2^9


def test_random_alone_may_still_be_rising():
    answer = find_answer(scope_of({"random": values()}, curves={"random": RISING_FE}))
    assert (answer.use, answer.converged) == (None, False)


def test_without_random_there_is_no_verdict():
    answer = find_answer(scope_of({"one": values(), "two": values()}))
    assert (answer.use, answer.converged) == (None, True)
    assert answer.why == "Random is not among the methods, so there is nothing to compare with."


def test_a_verdict_needs_metrics():
    with pytest.raises(ValueError, match="the scope has no family"):
        find_answer(scope_of({"random": values(), "one": values()}, family=()))


def test_metrics_that_are_looked_at_together_are_adjusted_together():
    runs = {"random": values(), "one": simulated(np.random.default_rng(3), ("one",))["one"]}
    alone = scope_of(runs, family=()).contrasts("macro_auc")["one"].p_value
    four = scope_of(runs).contrasts("macro_auc")["one"].p_value
    assert four > alone
    # One that was not asked for counts as one more of them.
    other = scope_of(runs, family=HEADLINES[1:]).contrasts("macro_auc")["one"].p_value
    assert other == pytest.approx(four)


def test_a_green_better_is_the_verdicts_better():
    rng = np.random.default_rng(4)
    for _ in range(30):
        scope = scope_of(simulated(rng, ("random", "one", "two"), {("one", "macro_auc"): 0.02}))
        contrasts = [scope.contrasts(key)[method] for key in HEADLINES for method in scope.challengers]
        better = {one.method for one in contrasts if one.verdict == Verdict.BETTER}
        assert (find_answer(scope).use == "random") <= (not better or any(c.verdict == "worse" for c in contrasts))


def test_the_document_is_what_was_promised():
    document = find_answer(scope_of({"random": values(), "one": values(macro_auc=0.01)})).document()
    assert list(document) == ["use", "headline", "why", "doubts", "converged", "comparisons", "power"]
    assert document["comparisons"] == 4
