import io
import random
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import batchsift as bs

N, L = 23, 3
LABELS = (torch.arange(N)[:, None] % torch.tensor([2, 3, 5]) == 0).to(torch.uint8)
FEATURES = torch.randn(N, 4, generator=torch.Generator().manual_seed(1))


def selector(method="uncertainty", **options):
    settings = {"features": FEATURES, "batch_size": 5, "epochs": 10, "seed": 3} | options
    return bs.Selector(LABELS, method=method, **settings)


def logits_for(indices, step=0):
    """Predictions that depend on the sample and the step alone."""
    return torch.sin(torch.as_tensor(indices)[:, None] * torch.tensor([1.0, 2.0, 3.0]) + step)


def run_epoch(chosen, step=None):
    """Train one epoch; returns its blocks."""
    blocks = []
    for indices in chosen.batches():
        chosen.observe(indices, logits_for(indices, chosen.epoch if step is None else step))
        blocks.append(indices.tolist())
    chosen.end_epoch()
    return blocks


# The plan


def test_loader_workers_and_batches_give_one_list_of_blocks():
    chosen = selector("random")
    expected = [[19, 5, 6, 22, 10], [15, 1, 21, 2, 7], [8, 3, 9, 18, 4], [11, 17, 13, 20, 12], [0, 14, 16]]
    dataset = bs.WithIndices(TensorDataset(torch.arange(N), LABELS))
    for workers in (0, 2):
        loader = DataLoader(dataset, batch_size=5, sampler=chosen, num_workers=workers)
        got = [(indices.tolist(), x.tolist()) for indices, (x, _) in loader]
        assert got == [(block, block) for block in expected]
    assert [block.tolist() for block in chosen.batches()] == expected


@pytest.mark.parametrize("method", ["uncertainty", "d2ace"])
def test_drawn_epochs_are_the_same_through_a_loader(method):
    chosen = selector(method)
    for _ in range(4):
        run_epoch(chosen)
    blocks = [block.tolist() for block in chosen.batches()]
    dataset = bs.WithIndices(TensorDataset(torch.arange(N)))
    for workers in (0, 2):
        loader = DataLoader(dataset, batch_size=5, sampler=chosen, num_workers=workers)
        assert [indices.tolist() for indices, _ in loader] == blocks
    assert [len(block) for block in blocks] == [5, 5, 5, 5, 3]
    assert all(len(set(block)) == len(block) for block in blocks)
    assert len({i for block in blocks for i in block}) < N  # some are drawn again, so others are not


def test_the_plan_changes_with_epoch_and_seed_only():
    chosen = selector()
    first = list(chosen)
    assert list(chosen) == first
    assert list(selector()) == first
    assert list(selector(seed=4)) != first
    run_epoch(chosen)
    assert list(chosen) != first


def test_warmup_is_shuffled():
    assert list(selector("d2ace")) != list(range(N))
    assert sorted(selector("d2ace")) == list(range(N))


@pytest.mark.parametrize(("last_batch", "sizes"), [("short", [5] * 4 + [3]), ("drop", [5] * 4), ("fill", [5] * 5)])
@pytest.mark.parametrize("method", ["random", "uncertainty"])
def test_last_batch(method, last_batch, sizes):
    chosen = selector(method, last_batch=last_batch, epochs=3)
    for _ in range(3):
        assert len(chosen) == sum(sizes)
        blocks = run_epoch(chosen)
        assert [len(block) for block in blocks] == sizes
        assert all(len(set(block)) == len(block) for block in blocks)


@pytest.mark.parametrize("num_batches", [1, 4, 5, 12])
def test_num_batches_are_full(num_batches):
    chosen = selector(num_batches=num_batches, epochs=4)
    for epoch in range(4):
        blocks = run_epoch(chosen)
        assert [len(block) for block in blocks] == [5] * num_batches
        assert all(len(set(block)) == 5 for block in blocks)
        flat = [i for block in blocks for i in block]
        if epoch == 0 and num_batches == 12:
            counts = np.bincount(flat, minlength=N)
            assert counts.min() >= 2
            assert counts.max() <= 3, "successive passes"


def test_fewer_candidates_than_a_block_needs():
    labels = np.zeros((10, 2))
    labels[:3] = 1
    chosen = bs.Selector(labels, method="label_balanced", batch_size=4)
    with pytest.raises(ValueError, match=r"only 3 samples have a positive probability.*batches\(\)"):
        iter(chosen)
    with pytest.warns(UserWarning, match="blocks are shorter"):
        blocks = [sorted(block.tolist()) for block in chosen.batches()]
    assert [len(block) for block in blocks] == [3, 3, 2]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it is said once
        for indices in chosen.batches():
            chosen.observe(indices, torch.zeros(len(indices), 2))
    chosen.end_epoch()


def test_a_single_short_block():
    chosen = bs.Selector(LABELS[:3], method="uncertainty", batch_size=128, epochs=5)
    for _ in range(5):
        assert [sorted(block) for block in run_epoch(chosen)] == [[0, 1, 2]]


# Observing


def test_position_block_sizes_and_forgotten_end_of_epoch():
    chosen = selector()
    plan = list(chosen)
    with pytest.raises(ValueError, match=r"observed 4 rows where the plan has a block of 5.*in_plan=False"):
        chosen.observe(plan[:4], logits_for(plan[:4]))
    chosen.observe([0, 0, 1], logits_for([0, 0, 1]), in_plan=False)
    for start in range(0, N, 5):
        chosen.observe(plan[start : start + 5], logits_for(plan[start : start + 5]))
    assert list(chosen) == plan, "iterating twice without end_epoch() gives the same plan"
    with pytest.raises(ValueError, match=r"call end_epoch\(\)"):
        chosen.observe(plan[:5], logits_for(plan[:5]))
    assert chosen.counts.tolist() == [1] * N, "what is beside the plan is not counted"


def test_the_short_block_may_come_early_but_no_resume_is_possible_then():
    chosen = selector()
    blocks = [block.tolist() for block in chosen.batches()]
    chosen.observe(blocks[4], logits_for(blocks[4]))
    chosen.observe(blocks[1], logits_for(blocks[1]))
    with pytest.raises(ValueError, match="not observed in the plan's order"):
        selector().load_state_dict(chosen.state_dict())
    with pytest.raises(ValueError, match="observed 3 rows"):
        chosen.observe(blocks[4], logits_for(blocks[4]))
    for k in (0, 2, 3):
        chosen.observe(blocks[k], logits_for(blocks[k]))
    chosen.end_epoch()
    selector().load_state_dict(chosen.state_dict())


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([0, 23], torch.zeros(2, 3)), ValueError, r"index 23 is outside the 23 samples"),
        (([0, -1], torch.zeros(2, 3)), ValueError, r"index -1"),
        (([0.0, 1.0], torch.zeros(2, 3)), TypeError, "integers"),
        (([[0, 1]], torch.zeros(2, 3)), ValueError, r"shape \(B,\)"),
        (([True, False], torch.zeros(2, 3)), TypeError, "integers"),
        (([0, 1], torch.zeros(2, 4)), ValueError, r"\(2, 3\).*got \(2, 4\)"),
        (([0, 1], torch.zeros(3, 3)), ValueError, r"got \(3, 3\)"),
        (([0, 1], torch.zeros(2, 3, dtype=torch.int64)), TypeError, "floating"),
        (([0, 1], np.zeros((2, 3))), TypeError, "ndarray"),
        (([0, 1], torch.zeros(2, 3), torch.zeros(2, 2)), ValueError, "targets must have shape"),
        (([0, 1], torch.zeros(2, 3), LABELS[1:3]), ValueError, r"sample 0, label 0 is 0, its label is 1.*off by one"),
        (([0, 1], torch.zeros(2, 3), LABELS[:2] * 0.9), ValueError, "label smoothing"),
    ],
)
def test_wrong_observations_are_named_and_change_nothing(arguments, error, message):
    chosen = selector()
    before = chosen.state_dict()
    with pytest.raises(error, match=message):
        chosen.observe(*arguments, in_plan=False)
    assert_equal_states(chosen.state_dict(), before)


def test_targets_are_compared_where_labels_are_known():
    labels = LABELS.float()
    labels[0, 0] = float("nan")
    chosen = bs.Selector(labels, method="random", batch_size=5)
    targets = labels[:2].clone()
    chosen.observe([0, 1], torch.zeros(2, L), targets, in_plan=False)
    targets[0, 0] = 1
    chosen.observe([0, 1], torch.zeros(2, L), targets.to(torch.int64).clamp(0, 1), in_plan=False)
    targets[0, 1] = 1 - labels[0, 1]
    with pytest.raises(ValueError, match="sample 0, label 1"):
        chosen.observe([0, 1], torch.zeros(2, L), targets, in_plan=False)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_rows_that_are_not_finite_are_skipped_counted_and_said_once(bad):
    chosen = selector()
    plan = list(chosen)
    logits = logits_for(plan[:5])
    logits[1, 2] = bad
    with pytest.warns(UserWarning, match="not finite are skipped"):
        chosen.observe(plan[:5], logits)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chosen.observe(plan[5:10], torch.full((5, L), bad))
    assert chosen.summary()["skipped_rows"] == 6
    assert chosen.counts.sum() == 4
    chosen.observe(plan[10:15], logits_for(plan[10:15]))
    other = selector()
    for block in (plan[:1] + plan[2:5], plan[10:15]):
        other.observe(block, logits_for(block), in_plan=False)
    assert torch.equal(chosen.signals()["uncertainty"], other.signals()["uncertainty"])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_any_float_dtype_with_or_without_gradient(dtype):
    chosen, other = selector(), selector()
    logits = logits_for(range(5)).to(dtype)
    chosen.observe(range(5), logits.clone().requires_grad_(), in_plan=False)
    other.observe(torch.arange(5), logits.double(), in_plan=False)
    torch.testing.assert_close(chosen.signals()["entropy"], other.signals()["entropy"])
    assert not chosen.signals()["entropy"].requires_grad


def test_probabilities_are_the_logistic_of_logits():
    chosen, other = selector(), selector()
    logits = logits_for(range(5)).double()
    chosen.observe(range(5), logits, in_plan=False)
    other.observe(range(5), logits.sigmoid(), probabilities=True, in_plan=False)
    torch.testing.assert_close(chosen.signals()["uncertainty"], other.signals()["uncertainty"])
    other.observe([0], torch.tensor([[0.0, 1.0, 0.5]]), probabilities=True, in_plan=False)
    assert all(signal.isfinite().all() for signal in other.signals().values())
    with pytest.raises(ValueError, match="are these logits"):
        other.observe([0], torch.tensor([[0.0, 1.5, 0.5]]), probabilities=True, in_plan=False)


# What it knows


def test_scores_and_signals_follow_every_observation_but_probabilities_are_frozen():
    chosen = selector("d2ace", epochs=4)
    run_epoch(chosen)
    probabilities, scores = chosen.probabilities, chosen.scores["hardness"]
    plan = list(chosen)
    chosen.observe(plan[:5], logits_for(plan[:5], 9))
    assert not torch.equal(chosen.scores["hardness"], scores)
    assert torch.equal(chosen.probabilities, probabilities)
    assert list(chosen) == plan
    assert set(chosen.signals()) == {"uncertainty", "entropy", "fluctuation", "hardness", "flip_ema", "loss"}


def test_summary_is_plain_floats():
    chosen = selector("d2ace")
    run_epoch(chosen)
    run_epoch(chosen)
    summary = chosen.summary()
    assert all(type(value) is float for value in summary.values())
    assert summary["epoch"] == 2
    p = chosen.probabilities
    assert summary["entropy"] == pytest.approx(float(-(p * p.log()).sum()))
    assert summary["effective_size"] == pytest.approx(float(1 / (p**2).sum()))
    assert summary["share_drawn"] == len(set(chosen)) / N
    assert summary["mean_hardness"] == pytest.approx(float(chosen.signals()["hardness"].mean()))


def test_importance_weights():
    chosen = selector()
    assert chosen.importance_weights([0, 5]).tolist() == [1, 1], "1 in the warm-up"
    run_epoch(chosen)
    run_epoch(chosen)
    weights = chosen.importance_weights(torch.arange(N))
    assert weights.dtype == torch.float64
    inclusion = 5 / (N * weights)
    assert float(inclusion.sum()) == pytest.approx(5)
    assert torch.equal(chosen.probabilities.argsort(), inclusion.argsort())
    balanced = bs.Selector([[1, 0], [1, 0], [0, 1], [0, 0]], method="label_balanced", batch_size=2)
    assert balanced.importance_weights([3]).tolist() == [float("inf")]


def test_suspects_are_steadily_wrong():
    chosen = selector("d2ace")
    truth = LABELS.float() * 8 - 4
    lie = truth.clone()
    lie[7, 1] *= -1  # contradicts the label in every epoch
    wavering = truth.clone()
    wavering[4, 0] *= -1  # contradicts it every other epoch
    for epoch in range(5):
        logits = lie.clone()
        if epoch % 2 == 0:
            logits[4, 0] = wavering[4, 0]
        chosen.observe(torch.arange(N), logits, in_plan=False)
    found = chosen.suspects(2)
    assert (found.samples.tolist(), found.labels.tolist()) == ([7, 4], [1, 0])
    with pytest.raises(ValueError, match="k=0"):
        chosen.suspects(0)


def test_returned_tensors_are_copies():
    chosen = selector()
    chosen.probabilities.zero_()
    chosen.counts.fill_(9)
    plan = list(chosen)
    next(chosen.batches()).zero_()
    assert list(chosen) == plan
    assert float(chosen.probabilities.sum()) == pytest.approx(1)
    assert int(chosen.counts.sum()) == 0


def test_it_has_nothing_frameworks_would_call_or_overwrite():
    chosen = selector()
    assert not hasattr(chosen, "set_epoch")
    assert not hasattr(chosen, "generator")


# State


def assert_equal_states(one, other):
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key, value in one.items():
            assert_equal_states(value, other[key])
    else:
        assert one == other


@pytest.mark.parametrize("method", ["random", "uncertainty", "d2ace"])
@pytest.mark.parametrize("epoch", [0, 3])
@pytest.mark.parametrize("observed", range(6))
def test_resume_loses_nothing_and_repeats_nothing(method, epoch, observed):
    whole = selector(method)
    for _ in range(epoch):
        run_epoch(whole)
    blocks = [block.tolist() for block in whole.batches()]
    for block in blocks[:observed]:
        whole.observe(block, logits_for(block, epoch))
    file = io.BytesIO()
    torch.save(whole.state_dict(), file)
    file.seek(0)
    resumed = selector(method, seed=99)  # the seed comes with the state
    resumed.load_state_dict(torch.load(file, weights_only=True))
    rest = DataLoader(bs.WithIndices(TensorDataset(torch.arange(N))), batch_size=5, sampler=resumed)
    assert [indices.tolist() for indices, _ in rest] == blocks[observed:]
    assert [indices.tolist() for indices, _ in rest] == blocks[observed:]
    assert len(resumed) == N
    for block in blocks[observed:]:
        whole.observe(block, logits_for(block, epoch))
        resumed.observe(block, logits_for(block, epoch))
    for chosen in (whole, resumed):
        chosen.end_epoch()
    for _ in range(2):
        assert torch.equal(whole.probabilities, resumed.probabilities)
        assert run_epoch(whole) == run_epoch(resumed)
    assert_equal_states(whole.state_dict(), resumed.state_dict())


def test_a_state_is_a_copy():
    chosen = selector("d2ace")
    run_epoch(chosen)
    state = chosen.state_dict()
    kept = io.BytesIO()
    torch.save(state, kept)
    run_epoch(chosen)
    kept.seek(0)
    assert_equal_states(state, torch.load(kept, weights_only=True))
    other = selector("d2ace")
    other.load_state_dict(state)
    run_epoch(other)
    kept.seek(0)
    assert_equal_states(state, torch.load(kept, weights_only=True))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda: bs.Selector(1 - LABELS, method="uncertainty", batch_size=5, epochs=10), "labels="),
        (lambda: selector("random"), "method='uncertainty'"),
        (lambda: selector(bs.Uncertainty(window=3)), r"window=5.*window=3"),
        (lambda: selector(bs.Uncertainty(storage=torch.float64)), "storage"),
        (lambda: selector(batch_size=6), "batch_size=5"),
        (lambda: selector(epochs=11), "epochs=10"),
        (lambda: selector(last_batch="drop"), "num_batches=5"),
    ],
)
def test_states_of_something_else_are_refused(other, message):
    chosen = other()
    before = chosen.state_dict()
    with pytest.raises(ValueError, match=message):
        chosen.load_state_dict(selector().state_dict())
    assert_equal_states(chosen.state_dict(), before)


def test_states_of_another_version_are_refused():
    state = selector().state_dict() | {"version": 99}
    with pytest.raises(ValueError, match="version 99"):
        selector().load_state_dict(state)


# Randomness, options


def test_global_random_states_are_never_touched():
    def states():
        return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()

    before = states()
    for method in bs.methods.names():
        chosen = selector(method, epochs=4)
        for _ in range(3):
            run_epoch(chosen)
        list(selector(method, last_batch="fill"))
    assert states() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "uncertanty"}, "did you mean 'uncertainty'"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"batch_size": 24, "last_batch": "fill"}, 'last_batch="short"'),
        ({"batch_size": 24, "num_batches": 2}, "24"),
        ({"num_batches": 0}, "num_batches=0"),
        ({"last_batch": "keep"}, "'keep'"),
        ({"epochs": 0}, "epochs=0"),
        ({"epochs": None}, "pass epochs"),
        ({"method": "d2ace", "features": None}, "pass features"),
        ({"features": FEATURES[:4]}, "4 rows, labels 23"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    settings = {"method": "uncertainty"} | options
    with pytest.raises(ValueError, match=message):
        selector(**settings)


def test_numbers_of_numpy_leave_a_state_that_loads():
    chosen = selector(seed=np.int64(3), batch_size=np.int32(5), epochs=np.int64(10), num_batches=np.int64(4))
    file = io.BytesIO()
    torch.save(chosen.state_dict(), file)
    file.seek(0)
    selector(num_batches=4).load_state_dict(torch.load(file, weights_only=True))


def test_a_class_is_no_instance():
    with pytest.raises(TypeError, match=r"pass D2ACE\(\)"):
        selector(bs.D2ACE)


def test_an_instance_serves_one_selector():
    method = bs.D2ACE(num_neighbors=2)
    assert selector(method).method is method
    with pytest.raises(ValueError, match="already serves a selector"):
        selector(method)


def test_a_warmup_as_long_as_the_training_is_said():
    with pytest.warns(UserWarning, match="would never select"):
        selector(bs.Uncertainty(warmup=10))


def test_a_plan_of_a_method_of_ones_own_is_checked():
    class Fixed(bs.methods.BaseMethod):
        name = "fixed"
        order = torch.arange(N)

        def plan(self, epoch, batch_size, num_batches, generator):
            return self.order

    assert list(selector(Fixed())) == list(range(N))
    filled = list(selector(Fixed(), last_batch="fill"))
    assert filled[:N] == list(range(N))
    assert len(set(filled[20:])) == 5
    longer = list(selector(Fixed(), num_batches=12))
    assert longer[:N] == list(range(N))
    assert all(len(set(longer[k : k + 5])) == 5 for k in range(0, 60, 5))
    for order, message in (
        (torch.arange(N).float(), "flat tensor of indices"),
        (torch.arange(N) + 1, r"\[0, 23\)"),
        (torch.zeros(N, dtype=torch.int64), "repeat a sample"),
        (torch.arange(4), "at least a block of 5 indices, got 4"),
    ):
        Fixed.order = order
        with pytest.raises(ValueError, match=message):
            selector(Fixed())


def test_tensors_of_a_method_of_ones_own_are_saved_too():
    @dataclass(kw_only=True, eq=False)
    class Summing(bs.methods.ScoredMethod):
        name = "summing"
        total_N: torch.Tensor = field(init=False, repr=False)

        def setup(self, labels, epochs, features=None):
            super().setup(labels, epochs, features)
            self.total_N = torch.zeros(len(labels))

        def remember(self, indices_B, logits_BL):
            self.total_N[indices_B] += logits_BL.sum(1)

        def probabilities(self, epoch):
            return self.select_by_range(self.total_N, epoch)

    first, second = selector(Summing()), selector(Summing())
    run_epoch(first)
    second.load_state_dict(first.state_dict())
    assert second.method.total_N.any()
    assert run_epoch(first) == run_epoch(second)
    assert torch.equal(first.probabilities, second.probabilities)


def test_what_is_no_whole_state_is_refused():
    chosen = selector()
    for state in (None, {}, {"version": 1}):
        with pytest.raises(ValueError, match="no state of a selector"):
            chosen.load_state_dict(state)
    state = chosen.state_dict()
    state["method_state"]["trackers"] = {}
    with pytest.raises(ValueError, match="does not hold the predictions"):
        chosen.load_state_dict(state)


def test_step_refresh_is_never_flat():
    with pytest.raises(ValueError, match=r"iterate batches\(\)"):
        iter(selector(bs.Hard(refresh="step")))


def test_an_epoch_without_any_observation_is_said_once(caplog):
    forgotten = selector()
    forgotten.end_epoch()
    forgotten.end_epoch()
    assert [record.name for record in caplog.records] == ["batchsift.selection.selector"]
    assert "nothing was observed yet: uncertainty draws uniformly" in caplog.text
    seldom = selector()
    seldom.observe(torch.tensor([4]), logits_for([4]), in_plan=False)
    seldom.end_epoch()
    selector("random").end_epoch()  # selects by nothing it could observe
    selector("label_balanced").end_epoch()
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("random", bs.Random),
        ("d2ace", lambda: bs.D2ACE(num_neighbors=2)),
        ("hard", lambda: bs.Hard(refresh="step")),
        ("active_bias", bs.ActiveBias),
    ],
)
def test_states_saved_by_an_earlier_release_go_on(name, method):
    """Written by an earlier commit, in the middle of the fourth epoch."""
    earlier = torch.load(Path(__file__).parents[1] / "golden" / "selector_states.pt", weights_only=True)[name]
    features = torch.arange(28.0).view(14, 2).sin()
    chosen = bs.Selector(LABELS[:14], method=method(), features=features, batch_size=4, epochs=6, drawing="independent")
    chosen.load_state_dict(earlier["state"])
    state, expected = chosen.state_dict(), dict(earlier["state"])
    assert (state.pop("version"), expected.pop("version")) == (4, 2)
    assert not state.pop("course")["count_N"].any(), "what was observed before is not known"
    assert (state.pop("plan_drawing") == "independent") is expected.pop("plan_drawn")
    assert state["settings"].pop("drawing") == "independent"
    assert_equal_states(state, expected)
    blocks = []
    for indices in chosen.batches():
        blocks.append(indices.clone())
        chosen.observe(indices, logits_for(indices, 3))
    chosen.end_epoch()
    assert [block.tolist() for block in blocks] == [block.tolist() for block in earlier["rest"]]
    assert torch.equal(chosen.probabilities, earlier["probabilities"])


def test_a_state_of_an_earlier_release_was_drawn_independently():
    earlier = torch.load(Path(__file__).parents[1] / "golden" / "selector_states.pt", weights_only=True)["random"]
    chosen = bs.Selector(LABELS[:14], method="random", batch_size=4, epochs=6)
    with pytest.raises(ValueError, match="drawing='independent', this selector has drawing='systematic'"):
        chosen.load_state_dict(earlier["state"])


def test_drawing_is_one_of_two():
    with pytest.raises(ValueError, match='drawing=\'random\' must be "systematic" or "independent"'):
        selector("random", drawing="random")


# What an epoch that ends says


def test_an_epoch_too_many_is_said_once():
    chosen = selector(epochs=3)
    for _ in range(3):
        run_epoch(chosen)
    assert len(list(chosen)) == N  # looking at one more plan is no training
    with pytest.warns(UserWarning, match=r"epoch 4 of a selector that was made for epochs=3.*draw uniformly") as caught:
        run_epoch(chosen)
    assert caught[0].filename == __file__
    run_epoch(chosen)


def observe_everything(chosen, values, **options):
    for indices in chosen.batches():
        chosen.observe(indices, values[indices], **options)
    chosen.end_epoch()


def test_probabilities_that_are_not_said_to_be_such_are_noticed_at_the_end_of_the_epoch():
    chosen, values = selector(), logits_for(range(N)).sigmoid()
    with pytest.warns(UserWarning, match=r"between 0\.2\d+ and 0\.73\d+: are these.*probabilities=True") as caught:
        observe_everything(chosen, values)
    assert caught[0].filename == __file__
    observe_everything(chosen, values)


@pytest.mark.parametrize("outside", [-1e-3, 1.001, float("inf")])
@pytest.mark.filterwarnings("ignore:rows of logits that are not finite:UserWarning")
def test_one_value_outside_makes_logits(outside):
    chosen, values = selector(), logits_for(range(N)).sigmoid()
    values[N // 2, 1] = outside
    observe_everything(chosen, values)
    observe_everything(chosen, logits_for(range(N)).sigmoid())


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_model_that_says_the_same_of_all_samples_may_give_logits(value):
    observe_everything(selector(), torch.full((N, L), value))


def test_values_that_are_said_to_be_probabilities():
    observe_everything(selector(), logits_for(range(N)).sigmoid() / 4 + 0.5, probabilities=True)


def test_few_positive_logits_may_be_chance():
    chosen = selector()
    chosen.observe([0, 1], torch.rand(2, L, generator=torch.Generator().manual_seed(0)), in_plan=False)
    chosen.end_epoch()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_probabilities_of_any_type_are_noticed(dtype):
    with pytest.warns(UserWarning, match="are these probabilities"):
        observe_everything(selector(), logits_for(range(N)).sigmoid().to(dtype))
