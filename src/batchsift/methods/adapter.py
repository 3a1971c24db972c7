"""A method of the plain protocol, with what else the selector may ask of a method."""

import inspect
from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from batchsift.entries import check_keys
from batchsift.methods.base import BaseMethod, CompleteMethod, Method, observe_valid


def completed(method: Method) -> CompleteMethod:
    """Return the method itself if it is complete (a `BaseMethod` is), or with what it lacks supplied."""
    return method if isinstance(method, CompleteMethod) else CompletedMethod(method)


def ask_plan(
    method: CompleteMethod,
    epoch: int,
    batch_size: int,
    num_batches: int,
    generator: torch.Generator,
    *,
    length: int,
    probability_N: Tensor,
) -> Tensor | None:
    """Ask a method for its own order, with what else its `plan` has parameters for; see `Method.plan`."""
    plan = method.plain.plan if isinstance(method, CompletedMethod) else method.plan
    also = {"length": length, "probabilities": probability_N}
    wanted = inspect.signature(plan).parameters
    asked = {name: value for name, value in also.items() if name in wanted}
    return plan(epoch, batch_size, num_batches, generator, **asked)


def load_or_leave(method: CompleteMethod, state: Any) -> None:
    """Let a method take over a state; if it fails, whatever it changed before is put back.

    Raises:
        ValueError: The method refuses the state, or fails.
    """
    if isinstance(method, BaseMethod) and type(method).load_state_dict is BaseMethod.load_state_dict:
        method.load_state_dict(state)  # which checks everything first
        return
    check_keys(state, (), others=True)
    before = method.state_dict()
    try:
        method.load_state_dict(state)
    except BaseException as error:
        method.load_state_dict(before)
        if isinstance(error, ValueError) or not isinstance(error, Exception):
            raise
        raise ValueError(f"{method.name} cannot read it: {type(error).__name__}: {error}") from error


@runtime_checkable
class HasRefresh(Protocol):
    """Anything that says when its probabilities are renewed."""

    refresh: str


@runtime_checkable
class HasImportanceWeights(Protocol):
    """Anything that says the importance weights of its own order; see `CompleteMethod.importance_weights`."""

    def importance_weights(
        self, probabilities: Tensor, batch_size: int, num_batches: int, length: int
    ) -> Tensor | None:
        """Return `(N,)` weights, or None for 1 throughout."""


class CompletedMethod:
    """A `CompleteMethod` around a plain one.

    Args:
        plain: Any method; the other questions are passed on to it.
    """

    remembers = True  # it may
    awaits_observations = False  # it may have no need of them

    def __init__(self, plain: Method) -> None:
        self.plain = plain

    @property
    def refresh(self) -> str:
        """What the plain method says, or "epoch"."""
        return self.plain.refresh if isinstance(self.plain, HasRefresh) else "epoch"

    def observe_distinct(self, indices_B: Tensor, logits_BL: Tensor, valid_B: Tensor | None = None) -> None:
        """Hand the valid rows to `observe`; see `CompleteMethod.observe_distinct`."""
        observe_valid(self.plain.observe, indices_B, logits_BL, valid_B)

    def signal_chunks(self) -> Iterator[tuple[slice, dict[str, Tensor]]]:
        """Yield the signals of all samples at once."""
        yield slice(None), self.plain.signals()

    @property
    def name(self) -> str:
        """The plain method's name."""
        return self.plain.name

    def setup(self, labels: Tensor, epochs: int | None, features: Any) -> None:
        """See `Method.setup`."""
        self.plain.setup(labels, epochs, features)

    def observe(self, indices_B: Tensor, logits_BL: Tensor) -> None:
        """See `Method.observe`."""
        self.plain.observe(indices_B, logits_BL)

    def probabilities(self, epoch: int) -> Tensor:
        """See `Method.probabilities`."""
        return self.plain.probabilities(epoch)

    def plan(self, epoch: int, batch_size: int, num_batches: int, generator: torch.Generator) -> Tensor | None:
        """See `Method.plan`."""
        return self.plain.plan(epoch, batch_size, num_batches, generator)

    def importance_weights(
        self, probabilities: Tensor, batch_size: int, num_batches: int, length: int
    ) -> Tensor | None:
        """Return what the plain method says, or None."""
        if not isinstance(self.plain, HasImportanceWeights):
            return None
        return self.plain.importance_weights(probabilities, batch_size, num_batches, length)

    def signals(self) -> dict[str, Tensor]:
        """See `Method.signals`."""
        return self.plain.signals()

    def scores(self) -> dict[str, Tensor]:
        """See `Method.scores`."""
        return self.plain.scores()

    def state_dict(self) -> dict[str, Any]:
        """See `Method.state_dict`."""
        return self.plain.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See `Method.load_state_dict`."""
        self.plain.load_state_dict(state)
