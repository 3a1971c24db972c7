"""Any sequence of calls leaves a selector where a plain model of it is, equal to a twin that was never disturbed."""

import io

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from states import LABELS, METHODS, UNKNOWN, B, L, N, copied, inner, leaves, make, predicted, same

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # epochs too many, rows that are not finite


class Machine(RuleBasedStateMachine):
    """A selector, a twin that is only told what was observed, and what both must say.

    Attributes:
        blocks: The blocks of the epoch that are known already.
        done: How many of them were observed.
        start: How many of them the object does not yield, since it was loaded after them.
    """

    @initialize(
        name=st.sampled_from(list(METHODS)),
        unknown=st.booleans(),
        seed=st.integers(-5, 2**70),
        last_batch=st.sampled_from(["short", "drop", "fill"]),
        drawing=st.sampled_from(["systematic", "independent"]),
        suspects=st.booleans(),
    )
    def begin(self, name, unknown, seed, **options):
        """Make both."""
        self.name, self.options = name, {"labels": UNKNOWN if unknown else LABELS, "seed": seed, **options}
        self.selector, self.twin = (make(name, **self.options) for _ in range(2))
        self.epoch = self.step = self.skipped = 0
        self.counts = torch.zeros(N, dtype=torch.int64)
        self.begin_epoch()

    def begin_epoch(self):
        """Take note of a new epoch."""
        self.done = self.start = 0
        self.by_step = self.selector._planner.plan.stepwise
        self.blocks = [] if self.by_step else [block.tolist() for block in self.twin.batches()]
        self.last = len(self.twin)

    def next_block(self):
        """The next block, or None at the end of the epoch."""
        if self.by_step:
            block, other = next(self.selector.batches(), None), next(self.twin.batches(), None)
            assert (block is None and other is None) or torch.equal(block, other)
            return block
        left = list(self.selector.batches())
        assert [block.tolist() for block in left] == self.blocks[self.start :]
        return left[self.done - self.start] if self.done < len(self.blocks) else None

    @rule(wrong_rows=st.integers(0, 2), dtype=st.sampled_from([torch.float32, torch.float64, torch.bfloat16]))
    def observe_the_next(self, wrong_rows, dtype):
        """Observe a block; some of its rows are no numbers."""
        block = self.next_block()
        self.step += 1
        if block is None:
            with pytest.raises(ValueError, match="call end_epoch"):
                self.selector.observe(torch.arange(B), torch.zeros(B, L))
            return
        assert len(set(block.tolist())) == len(block) <= B
        logits = predicted(block, self.step).to(dtype)
        logits[:wrong_rows] = float("nan")
        for each in (self.selector, self.twin):
            each.observe(block, logits)
        self.counts[block[wrong_rows:]] += 1
        self.skipped += min(wrong_rows, len(block))
        self.done += 1

    @rule(indices=st.lists(st.integers(0, N - 1), max_size=9), probabilities=st.booleans())
    def observe_beside(self, indices, probabilities):
        """Observe beside the plan; samples may come twice."""
        self.step += 1
        logits = predicted(indices, self.step) if indices else torch.zeros(0, L)
        for each in (self.selector, self.twin):
            values = logits.sigmoid() if probabilities else logits
            each.observe(indices, values, probabilities=probabilities, in_plan=False)

    @rule(
        indices=st.sampled_from([[0, N], [-1], [-1] * B, [0.5], [[1]], [True], [0] * (B + 1), list(range(N + 1))]),
        columns=st.integers(L, L + 1),
    )
    def observe_what_cannot_be(self, indices, columns):
        """Observe what is refused."""
        with pytest.raises((ValueError, TypeError), match=r"."):
            self.selector.observe(indices, torch.zeros(len(indices), columns))

    @rule()
    def end_the_epoch(self):
        """End the epoch, wherever it is."""
        for each in (self.selector, self.twin):
            each.end_epoch()
        self.epoch += 1
        self.begin_epoch()

    @rule(seed=st.integers(0, 9), on_disk=st.booleans())
    def go_on_with_another_object(self, seed, on_disk):
        """Save, and load into a new selector, which was told another seed, or into the same one."""
        state = self.selector.state_dict()
        if on_disk:
            file = io.BytesIO()
            torch.save(state, file)
            file.seek(0)
            state = torch.load(file, weights_only=True)
            self.selector = make(self.name, **self.options | {"seed": seed})
        self.selector.load_state_dict(state)
        self.start = self.done

    @rule(number=st.integers(0, 10**6), value=st.sampled_from([None, "x", 0.5, torch.zeros(2, 2), {}]))
    def load_what_cannot_be(self, number, value):
        """Load a state with something else in one place."""
        state = copied(self.twin.state_dict())
        every = list(leaves(state))
        path = every[number % len(every)]
        if path[-1] in ("course", "plan_drawing") and value is None:
            return
        inner(state, path)[path[-1]] = value
        with pytest.raises(ValueError, match=r"as it was|no state"):
            self.selector.load_state_dict(state)

    @rule(k=st.integers(1, 50), taken=st.integers(0, N))
    def look(self, k, taken):
        """Ask for everything there is, and begin to iterate."""
        self.selector.summary(), self.selector.signals(), self.selector.scores, repr(self.selector)
        assert (self.selector.importance_weights(torch.arange(N)) >= 0).all()
        if self.options["suspects"]:
            assert len(self.selector.suspects(k)) <= k
        if not self.by_step and "by step" not in self.name:
            plan = iter(self.selector)
            flat = [i for block in self.blocks[self.start :] for i in block]
            assert [i for _, i in zip(range(taken), plan, strict=False)] == flat[:taken]

    @precondition(lambda self: not self.by_step)
    @rule()
    def look_at_the_blocks(self):
        """The epoch has the blocks that were asked for."""
        sizes = [len(block) for block in self.blocks]
        assert sizes[:-1] == [B] * (len(sizes) - 1)
        if self.options["last_batch"] != "short":
            assert sizes[-1] == B
        if self.epoch == 0 and self.options["last_batch"] == "short" and self.name.startswith(("random", "d2ace")):
            assert sorted(i for block in self.blocks for i in block) == list(range(N))

    @invariant()
    def is_where_the_model_is(self):
        """Everything is as the model and the twin say."""
        if not hasattr(self, "selector"):
            return
        assert self.selector.epoch == self.epoch
        assert len(self.selector) == self.last
        assert torch.equal(self.selector.counts, self.counts)
        state = self.selector.state_dict()
        assert state["position"] == min(self.done * state["plan_block_size"], self.last)
        assert state["skipped_rows"] == self.skipped
        assert same(state, self.twin.state_dict())


def test_any_sequence_of_calls_is_where_a_plain_model_is():
    often = settings(max_examples=30, stateful_step_count=30, deadline=None, derandomize=True)
    run_state_machine_as_test(Machine, settings=often)
