"""Checks of what a method remembers: observations, saved states, cells that are not labelled."""

import itertools

import numpy as np
import torch
from torch import Tensor

from batchsift.testing.pretending import (
    BATCH_SIZE,
    Factory,
    has_scores,
    is_uniform,
    made_up,
    raises_value_error,
    require,
    require_finite,
    require_same_blocks,
    require_same_state,
    saved_and_loaded,
    select,
    train,
    watch,
)


def check_resume(factory: Factory) -> None:
    """Check a state of the start or the middle of an epoch, the first or a later one: a new object goes on alike.

    The state goes through a file that is read without running code. The new object was made with another seed.
    """
    labels, features, logits = made_up()
    whole = select(factory, labels, features)
    blocks = train(whole, logits, 6)
    for epochs_before, blocks_before in itertools.product((0, 4), (0, 2, len(blocks) // 6 - 1)):
        where = f"resumed after epoch {epochs_before}, block {blocks_before}: "
        first = select(factory, labels, features)
        seen = train(first, logits, epochs_before)
        for block in itertools.islice(first.batches(), blocks_before):
            first.observe(block, logits[epochs_before][block])
            seen.append(block)
        second = select(factory, labels, features, seed=99)
        second.load_state_dict(saved_and_loaded(first.state_dict()))
        require_same_state(first, second)
        seen += train(second, logits, 6 - epochs_before)
        require_same_blocks(seen, blocks, f"{where}other blocks than without a break")
        require_same_state(second, whole)
        require(list(second) == list(whole), f"{where}another plan than without a break")


def check_resume_flat(factory: Factory) -> None:
    """Check the same through plain iteration, as a DataLoader does it: a resumed object yields what is left."""
    labels, features, logits = made_up()
    first, second = select(factory, labels, features), select(factory, labels, features, seed=99)
    train(first, logits, 4)
    plan = list(first)
    for block in itertools.islice(first.batches(), 2):
        first.observe(block, logits[4][block])
    require(list(first) == plan, "the plan changed within an epoch")
    second.load_state_dict(saved_and_loaded(first.state_dict()))
    require(list(second) == plan[2 * BATCH_SIZE :], "resumed, the plan is not what was left of it")
    require(len(second) == len(plan), "resumed, len() is not that of the whole plan")


def check_resume_at_the_end(factory: Factory) -> None:
    """Check a state after the last block and before `end_epoch`: nothing is left, and the next epoch is the same."""
    labels, features, logits = made_up()
    first, second = select(factory, labels, features), select(factory, labels, features, seed=99)
    for block in first.batches():
        first.observe(block, logits[0][block])
    second.load_state_dict(saved_and_loaded(first.state_dict()))
    require_same_state(first, second)
    require(list(second) == [] and list(second.batches()) == [], "resumed after the last block, something is left")
    first.end_epoch()
    second.end_epoch()
    require_same_state(first, second)
    require(list(first) == list(second), "resumed after the last block, the next epoch has another plan")


def check_states_are_copies(factory: Factory) -> None:
    """Check that a saved state does not change with what is observed later, and is refused for other labels."""
    labels, features, logits = made_up()
    selector, twin = select(factory, labels, features), select(factory, labels, features)
    watch(selector, logits, 2)
    state = selector.state_dict()
    watch(selector, logits[2:], 2)
    watch(twin, logits, 2)
    selector.load_state_dict(state)
    require_same_state(selector, twin)
    other = labels.copy()
    other[0, 0] = 1 - other[0, 0]
    with raises_value_error("labels", "a state of other labels must be refused"):
        select(factory, other, features).load_state_dict(state)


def check_unlabeled_cells(factory: Factory) -> None:
    """Check that whatever is predicted where nothing is labelled changes nothing; signals are 0 there."""
    labels, features, logits = made_up(unknown=0.3)
    unknown_NL = torch.from_numpy(np.isnan(labels))
    one, other = select(factory, labels, features), select(factory, labels, features)
    watch(one, logits, 6)
    watch(other, torch.where(unknown_NL, -5 * logits.flip(0), logits), 6)
    require_same_state(one, other)
    require(list(one) == list(other), "the plan depends on what was predicted where nothing is labelled")
    for name, value_NL in one.signals().items():
        require((value_NL[unknown_NL] == 0).all(), f"{name} is not 0 in the cells that are not labelled")
    if has_scores(factory):
        require(not is_uniform(one.probabilities), "with some cells not labelled, nothing is selected any more")


def check_a_label_without_a_labeled_cell(factory: Factory) -> None:
    """Check that selection goes on by the other labels where nothing is known of one."""
    labels, features, logits = made_up()
    labels[:, 2] = np.nan
    selector = select(factory, labels, features)
    train(selector, logits, 5)
    require_finite(selector)


def check_twice_in_one_call(factory: Factory) -> None:
    """Check that a sample that comes twice in one call counts twice, in order, as in two calls."""
    labels, features, logits = made_up()
    together, apart = select(factory, labels, features), select(factory, labels, features)
    every_N = torch.arange(len(labels))
    for step in (0, 2):
        both = torch.cat([logits[step], logits[step + 1]])
        together.observe(torch.cat([every_N, every_N]), both, in_plan=False)
        apart.observe(every_N, logits[step], in_plan=False)
        apart.observe(every_N, logits[step + 1], in_plan=False)
    require_same_state(together, apart)
    mixed = torch.tensor([3, 5, 3, 1, 5, 3])
    rows = logits[4][:6]
    together.observe(mixed, rows, in_plan=False)
    for i in range(6):
        apart.observe(mixed[i : i + 1], rows[i : i + 1], in_plan=False)
    _require_close(apart.signals(), together.signals(), "a sample that comes twice in one call counts otherwise")


def check_order_of_observations(factory: Factory) -> None:
    """Check that what was predicted for other samples in between does not matter: a history is a sample's own."""
    labels, features, logits = made_up()
    order_N = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    together, apart = select(factory, labels, features), select(factory, labels, features)
    for step in range(4):
        together.observe(torch.arange(len(labels)), logits[step], in_plan=False)
    for half in (order_N[:20], order_N[20:]):
        for step in range(4):
            apart.observe(half, logits[step][half], in_plan=False)
    _require_close(apart.signals(), together.signals(), "a sample's signals depend on when others were observed")


def _require_close(actual: dict[str, Tensor], expected: dict[str, Tensor], message: str) -> None:
    """Check that signals are equal to rounding."""
    for name, value_NL in expected.items():
        torch.testing.assert_close(actual[name], value_NL, msg=f"{message} ({name})")


def check_sure_predictions(factory: Factory) -> None:
    """Check logits as large as a diverging model gives them: nothing overflows."""
    labels, features, logits = made_up()
    for scale in (30.0, 1e4):
        selector = select(factory, labels, features)
        watch(selector, (logits * scale).float(), 5)
        require_finite(selector)


def check_sparse_labels(factory: Factory) -> None:
    """Check labels in another form, sparse, tensor or nested lists: all the same."""
    from scipy import sparse  # noqa: PLC0415 -- importing batchsift must not import it

    labels, features, logits = made_up()
    plain = select(factory, labels, features)
    watch(plain, logits, 4)
    for form in (sparse.csr_matrix(labels), sparse.coo_array(labels), torch.from_numpy(labels).bool(), labels.tolist()):
        other = select(factory, form, features)
        watch(other, logits, 4)
        require_same_state(other, plain)
        other.load_state_dict(plain.state_dict())
