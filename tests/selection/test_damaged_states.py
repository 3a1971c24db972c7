"""A state is refused as a whole, by the key that is wrong, or taken over as a whole."""

import math

import pytest
import torch

import batchsift as bs
from states import METHODS, SCORED, B, N, copied, inner, leaves, make, require_sound, same, train


def saved(name, epochs=2, blocks=2, **options):
    selector = make(name, **options)
    train(selector, epochs, blocks)
    return selector.state_dict()


def other_values(value):
    """What may stand in the place of a value: a word for it, and itself."""
    yield from {"a word": "x", "nothing": None, "a list": [1, 2], "a set": {1}, "a dictionary": {"a": 1}}.items()
    if isinstance(value, torch.Tensor):
        changed = value.flatten()
        yield "sparse", value.to_sparse() if value.ndim else value.view(1)
        yield "a number", 3
        if len(value):
            yield "one row less", value[:-1]
            yield "a cell less", changed[:-1]
        yield "one dimension more", value[None]
        yield "of another type", value.to(torch.int32 if value.dtype == torch.int64 else torch.complex64)
        yield "of a float type", value.double() if value.dtype != torch.float64 else value.float()
        if not len(value):
            return
        if value.is_floating_point():
            for number in (math.nan, math.inf, -1.0, -math.inf):
                yield f"{number}", changed.index_fill(0, torch.tensor([1]), number).view(value.shape)
            if value.dtype != torch.float64 or value.ndim > 1:
                yield "7", changed.index_fill(0, torch.tensor([0]), 7.0).view(value.shape)
        elif value.dtype == torch.int64:
            yield "-1", changed.index_fill(0, torch.tensor([0]), -1).view(value.shape)
            yield "2**62", changed.index_fill(0, torch.tensor([0]), 2**62).view(value.shape)
    else:
        yield "a tensor", torch.zeros(3)
        yield "a fraction", 0.5
        yield "not a number", math.nan
        if not isinstance(value, str):
            yield "another truth", (not value) if isinstance(value, bool) else True
            yield "-1", -1
            yield "2**70", 2**70
            yield "digits", 10**5000
    if not isinstance(value, dict):
        yield "bytes", b"\x00"


def may_be_right(path, word, name):
    """Whether another value is one that could have been saved."""
    key = path[-1]
    return (
        (key == "seed" and word in ("-1", "2**70", "digits"))
        or (key == "observed" and word == "another truth")
        or (key == "epochs" and word == "nothing")
        or (path[-2:] == ("losses", "value_NL") and word == "7")
        or (path[-2:] == ("losses", "value_NL") and word == "nan" and name == "info_batch")
        or (path == ("plan_drawing",) and word == "nothing")
        or (path == ("plan",) and "less" in word and not name.startswith(SCORED))  # an order of its own
        or path[0] == "course"
    )


def refusal(selector, state):
    """What a selector says of a state that it refuses; None if it does not."""
    try:
        selector.load_state_dict(state)
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize("name", METHODS)
def test_whatever_stands_in_the_place_of_a_value_is_refused_by_its_key_or_sound(name):
    selector, state = make(name), saved(name)
    train(selector, 1, 1)
    before = selector.state_dict()
    refused = accepted = 0
    for path in leaves(state):
        for word, value in other_values(inner(state, path)[path[-1]]):
            wrong = copied(state)
            inner(wrong, path)[path[-1]] = value
            message = refusal(selector, wrong)
            if message:
                assert path[-1] in message, (path, word, message)
                assert len(message) < 1200
                assert same(selector.state_dict(), before), (path, word)
                refused += 1
            else:
                assert may_be_right(path, word, name), (path, word)
                require_sound(selector, 1)
                selector.load_state_dict(before)
                accepted += 1
    assert refused > 15 * accepted > 0


@pytest.mark.parametrize("name", bs.methods.names())
def test_a_key_that_is_missing_or_unknown_is_named(name):
    selector, state = make(name), saved(name)
    before = selector.state_dict()
    for path in {part for leaf in leaves(state) for part in (leaf, leaf[:-1]) if part}:
        less, more = copied(state), copied(state)
        del inner(less, path)[path[-1]]
        inner(more, path)["another"] = 1
        for wrong, word in ((less, path[-1]), (more, "another")):
            with pytest.raises(ValueError, match=word):
                selector.load_state_dict(wrong)
            assert same(selector.state_dict(), before), path


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "plan",
            lambda plan: plan.clone().index_fill_(0, torch.tensor([3]), N),
            rf"plan: values must lie from 0 to 13.*{N}",
        ),
        ("plan", lambda plan: plan.clone().index_fill_(0, torch.tensor([3]), -1), "plan: .*-1"),
        ("plan", lambda plan: plan.double(), r"plan: must be torch.int64 of shape \(any\), got torch.float64"),
        (
            "plan",
            lambda plan: plan[None],
            r"plan: must be torch.int64 of shape \(any\), got torch.int64 of shape \(1, 14",
        ),
        ("plan", lambda plan: plan[:-1], "plan: must have .*14 indices.* it has 13"),
        ("plan", lambda plan: plan[:0], "plan: is empty"),
        ("plan", lambda plan: plan[[0, 0, *range(2, N)]], "plan: repeats a sample within a block of 4"),
        ("position", lambda position: 3, "position: must stand between blocks of 4 in a plan of 14, got 3"),
        ("position", lambda position: True, "position: must be an int, got True"),
        ("position", lambda position: 18, "position: .*got 18"),
        ("position", lambda position: -4, "position: must be from 0 to .*, got -4"),
        ("plan_block_size", lambda size: 0, "plan_block_size: must be from 1 to 4, got 0"),
        ("plan_block_size", lambda size: 2, "plan_block_size: must be 4"),
        ("plan_drawing", lambda drawing: "by hand", "plan_drawing: must be .*'by hand'"),
        ("plan_drawing", lambda drawing: "independent", "plan_drawing: must be 'systematic'"),
        ("plan_stepwise", lambda stepwise: True, "plan_stepwise: is True"),
        ("probabilities", lambda p: p * math.nan, "probabilities must be finite"),
        ("probabilities", lambda p: p - 2 * p[0], "probabilities must be finite, not negative"),
        ("probabilities", lambda p: 2 * p, "sum to 1, got a sum of 2"),
        ("probabilities", lambda p: p[:-1], r"probabilities: must be torch.float64 of shape \(14\), got .*\(13,\)"),
        ("probabilities", lambda p: p.float(), "probabilities: must be torch.float64"),
        ("counts", lambda counts: counts[:1], r"counts: must be torch.int64 of shape \(14\), got .*\(1,\)"),
        ("counts", lambda counts: counts - 9, "counts: values must lie from 0 to .*-8"),
        ("seed", lambda seed: "x", "seed: must be an int, got 'x'"),
        ("epoch", lambda epoch: -1, "epoch: must be from 0"),
        ("in_order", lambda in_order: 1, "in_order: must be True or False, got 1"),
        ("skipped_rows", lambda rows: 0.0, "skipped_rows: must be an int, got 0.0"),
        ("course", lambda course: {}, "course: it does not hold the count_N"),
        ("version", lambda version: True, "version True"),
        ("version", lambda version: 4.0, "version 4.0"),
        ("version", lambda version: 3, "course: a state of version 3 has none"),
        ("version", lambda version: 2, "course: a state of version 2 has none"),
        ("settings", lambda settings: settings | {"batch_size": 4.0}, "batch_size=4.0"),
        ("settings", lambda settings: settings | {"batch_size": torch.zeros(2)}, "batch_size=torch.float32 of shape"),
        ("method_state", lambda state: None, "method_state: must be a dictionary, got None"),
    ],
)
def test_what_cannot_be_is_said(key, value, message):
    selector, state = make("d2ace"), saved("d2ace")
    before = selector.state_dict()
    with pytest.raises(ValueError, match=message) as caught:
        selector.load_state_dict(state | {key: value(state[key])})
    assert "as it was" in str(caught.value)
    assert "begin the training anew" in str(caught.value)
    assert same(selector.state_dict(), before)


@pytest.mark.parametrize(
    ("name", "tracker", "key", "change", "message"),
    [
        ("d2ace", "predictions", "latest_NL", lambda x: x + 7, "predictions: latest_NL: values must lie from 0 to 1"),
        ("d2ace", "predictions", "count_N", lambda x: -x, "predictions: count_N: values must lie from 0"),
        (
            "d2ace",
            "predictions",
            "count_N",
            lambda x: x[:, None],
            r"predictions: count_N: must be torch.int64 of shape \(14\)",
        ),
        ("d2ace", "flips", "value_NL", lambda x: x - 1, "flips: value_NL: values must lie from 0 to 1"),
        ("uncertainty", "predictions", "steps_SNL", lambda x: x.fill_(0.5), "steps_SNL: must hold 0.0 wherever"),
        ("recency_bias", "predictions", "ring_TNL", lambda x: x * math.nan, "ring_TNL: values must lie .* got nan"),
        ("recency_bias", "predictions", "ring_TNL", lambda x: x.fill_(0.25), "ring_TNL: must hold 0.5 wherever"),
        ("active_bias", "predictions", "squares_NL", lambda x: x + 99, "squares_NL: values must lie"),
        ("active_bias", "predictions", "mean_NL", lambda x: x - 0.9, "mean_NL: values must lie from 0 to 1"),
        ("hard", "losses", "value_NL", lambda x: -x, "losses: value_NL: values must lie from 0"),
    ],
)
def test_what_a_tracker_cannot_hold_is_said(name, tracker, key, change, message):
    selector, state = make(name), saved(name)
    memory = state["method_state"]["trackers"][tracker]
    memory[key] = change(memory[key])
    with pytest.raises(ValueError, match=rf"method_state: trackers: {tracker}: {key}") as caught:
        selector.load_state_dict(state)
    assert caught.match(message)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("d2ace", "context_NW"),
        ("hard_imbalanced", "weight_N"),
        ("label_balanced", "_probability_N"),
        ("repeat_factor", "_probability_N"),
        ("balanced_pass", "_rarity_N"),
    ],
)
def test_what_follows_from_labels_and_neighbors_is_checked(name, key):
    selector, state = make(name), saved(name)
    tensors = state["method_state"]["tensors"]
    tensors[key] = tensors[key].flip(0) * 0
    with pytest.raises(ValueError, match=f"method_state: tensors: {key}: "):
        selector.load_state_dict(state)


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("name", ["d2ace", "hard, by step", "info_batch"])
def test_after_a_refusal_it_goes_on_as_if_nothing_had_happened(name, where):
    selector, twin, state = make(name), make(name), saved(name)
    wrong = [state | {"plan": state["plan"] + N}, state | {"seed": None}, copied(state), {}, None]
    del wrong[2]["method_state"]["trackers"]
    blocks = 2 if where == "after" else 0
    for each in (selector, twin):
        train(each, 2, blocks)
    for one in wrong:
        with pytest.raises(ValueError, match=r"."):
            selector.load_state_dict(one)
    done = 0 if "by step" in name else blocks
    assert train(selector, 2, done=done) == train(twin, 2, done=done)
    assert same(selector.state_dict(), twin.state_dict())


class FailsHalfWay(bs.Hard):
    """Loads a part, then fails."""

    name = "fails_half_way"
    fault: BaseException | None = None

    def load_state_dict(self, state):
        super().load_state_dict(state)
        if self.fault and state["observed"]:
            raise self.fault


@pytest.mark.parametrize(
    ("fault", "expected", "message"),
    [
        (KeyError("more"), ValueError, "method_state: fails_half_way cannot read it: KeyError: 'more'"),
        (ValueError("no more"), ValueError, "method_state: no more"),
        (KeyboardInterrupt("now"), KeyboardInterrupt, "now"),
    ],
)
def test_a_method_that_fails_half_way_has_what_it_had(fault, expected, message):
    def build():
        return bs.Selector(torch.ones(N, 3), method=FailsHalfWay(), batch_size=B, epochs=6)

    selector, other = build(), build()
    selector.method.fault = fault
    train(other, 1)
    before = selector.state_dict()
    with pytest.raises(expected, match=message):
        selector.load_state_dict(other.state_dict())
    assert same(selector.state_dict(), before)
    selector.method.fault = None
    require_sound(selector)


def test_a_method_may_save_more_than_the_base_class():
    class WithNote(bs.Hard):
        def state_dict(self):
            return {**super().state_dict(), "note": 3}

    first, second = (bs.Selector(torch.ones(N, 3), method=WithNote(), batch_size=B, epochs=6) for _ in range(2))
    train(first, 2, 1)
    second.load_state_dict(first.state_dict())
    assert same(first.state_dict(), second.state_dict())


def test_moments_of_earlier_versions_in_half_precision_are_read():
    state = saved("active_bias, float16")
    memory = state["method_state"]["trackers"]["predictions"]
    assert memory["mean_NL"].dtype == torch.float32
    for key in ("mean_NL", "squares_NL"):
        memory[key] = memory[key].half()
    selector = make("active_bias, float16")
    selector.load_state_dict(state)
    require_sound(selector)
