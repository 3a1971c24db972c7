"""The selector: a torch Sampler that plans each epoch from what it observed in the ones before.

Shapes: N samples, L labels, B rows of a block.
"""

import logging
import operator
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Sampler

from batchsift.functional.chunks import on_one_thread
from batchsift.functional.sampling import LastBatch, draw_blocks, inclusion_probabilities
from batchsift.labels import LabelMatrix
from batchsift.methods import Method, create
from batchsift.selection import summary as overview
from batchsift.selection.device import Deferred
from batchsift.selection.exchange import Observation, Share, gathered
from batchsift.selection.inputs import (
    all_finite,
    checked_indices,
    index_tensor,
    logits_of,
    prediction_tensor,
    refuse_outside,
    refuse_wrong_targets,
)
from batchsift.selection.plan import (
    Blocks,
    Plan,
    PlanIterator,
    Position,
    checked_probabilities,
    generator_for,
    make_plan,
)
from batchsift.trackers import count_rows, on_host

_STATE_VERSION = 2
_logger = logging.getLogger(__name__)


class Selector(Sampler[int]):
    """Decides which samples are in the mini-batches of the next epoch.

    Give it to a `DataLoader` as its `sampler` (with the same batch size), or take index tensors from `batches()`.
    `observe` every batch, and call `end_epoch` after every epoch.

    Args:
        labels: `(N, L)` of 0 and 1, NaN where not labelled: tensor, array, data frame or scipy sparse matrix.
        method: The name of a method, or an instance with options of its own, which then serves this selector only.
        features: `(N, D)`: tensor, array or scipy sparse matrix, for methods that look at neighbours.
        batch_size: Samples in a block (over all processes together).
        epochs: The length of the training, which the pressure of most methods follows.
        seed: Of all drawing. Global random states are never touched.
        last_batch: What becomes of the remainder of an epoch: "short" keeps it, "drop" leaves it out, "fill" tops it
            up with samples that are not in it.
        num_batches: Blocks in an epoch, all of them full; by default as many as the data fills.
        device: Where the method keeps its state; the CPU by default. Elsewhere `observe` never waits for the device:
            what is wrong with values is then reported by `end_epoch`, not at once.

    Raises:
        ValueError: Labels, features, sizes or options that do not fit; an unknown method.

    Example:
        >>> labels = torch.tensor([[1, 0], [0, 1], [1, 1], [0, 0]])
        >>> selector = Selector(labels, method="uncertainty", batch_size=2, epochs=10, seed=0)
        >>> for indices in selector.batches():
        ...     logits = torch.zeros(len(indices), 2)  # model(x[indices])
        ...     selector.observe(indices, logits)
        >>> selector.end_epoch()
        >>> selector.epoch, len(selector)
        (1, 4)
    """

    def __init__(
        self,
        labels: Any,
        *,
        method: str | Method = "d2ace",
        features: Any = None,
        batch_size: int,
        epochs: int | None = None,
        seed: int = 0,
        last_batch: LastBatch = "short",
        num_batches: int | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        self._labels = LabelMatrix.of(labels, "cpu" if device is None else device)
        num_samples = self._labels.num_samples
        if features is not None and not hasattr(features, "shape"):
            features = torch.as_tensor(features)
        if features is not None and features.shape[0] != num_samples:
            raise ValueError(
                f"features have {features.shape[0]} rows, labels {num_samples}: one row a sample is needed"
            )
        if epochs is not None and epochs < 1:
            raise ValueError(f"epochs={epochs} must be at least 1, or None")
        if isinstance(method, type):
            raise TypeError(f"method must be a name or an instance: pass {method.__name__}(), not the class")
        # Plain ints, so that a state holds nothing of NumPy's.
        num_batches = None if num_batches is None else operator.index(num_batches)
        self._blocks = Blocks.of(num_samples, operator.index(batch_size), num_batches, last_batch)
        self._seed = operator.index(seed)
        self._epochs = epochs = None if epochs is None else operator.index(epochs)
        self._method = create(method) if isinstance(method, str) else method
        self._method.setup(self._labels.tensor(), epochs, features)
        self._count_N = torch.zeros(num_samples, dtype=torch.int64, device=self._labels.positive_NL.device)
        elsewhere = not on_host(self._count_N)
        self._deferred = Deferred(self._labels, self._count_N, self._method) if elsewhere else None
        self._skipped_rows = 0
        self._said: set[str] = set()
        self._share = Share()
        self._pending: list[Observation] = []  # what this process observed and the others do not know yet
        self._begin_epoch(0)

    def _begin_epoch(self, epoch: int) -> None:
        """Freeze probabilities and plan."""
        self._epoch = epoch
        self._probability_N = checked_probabilities(self._method.probabilities(epoch), self._labels.num_samples)
        self._enter(make_plan(self._method, epoch, self._probability_N, self._blocks, self._seed))

    def _enter(self, plan: Plan, position: int = 0, *, in_order: bool = True) -> None:
        """Stand at a position of a plan."""
        self._plan = plan
        self._position = Position(plan, position, position, position, in_order)
        self._weight_N: Tensor | None = None
        if self._deferred is not None:
            self._deferred.enter(plan)

    # The plan ------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Samples in the whole plan of the epoch; of this process' share of it under `shard`."""
        return len(self._plan) // self._share.world_size

    def __iter__(self) -> Iterator[int]:
        """The plan, flat, from where the epoch started for this object; the same until `end_epoch`.

        Raises:
            ValueError: Too few samples can be drawn to fill blocks; a `DataLoader` would cut such a stream wrongly.
        """
        if self._plan.stepwise or getattr(self._method, "refresh", "epoch") == "step":
            raise ValueError('refresh="step" draws each block after the one before was observed: iterate batches()')
        if self._has_short_blocks():
            raise ValueError(
                f"only {self._plan.block_size} samples have a positive probability, fewer than batch_size="
                f"{self._blocks.size}: use batches(), which yields short blocks, or a smaller batch_size"
            )
        return PlanIterator(self.batches())

    def batches(self) -> Iterator[Tensor]:
        """The plan in blocks: int64 index tensors on the CPU, for data that already sits in memory.

        Raises:
            ValueError: `refresh="step"`, and the next block was asked for before the last one was observed.
        """
        if self._has_short_blocks() and self._share.world_size > 1:
            raise ValueError(
                f"only {self._plan.block_size} samples have a positive probability: {self._share.world_size} processes "
                "cannot share such short blocks; lower batch_size"
            )
        if self._has_short_blocks():
            self._say_once(
                f"only {self._plan.block_size} samples have a positive probability: blocks are shorter than "
                f"batch_size={self._blocks.size}"
            )
        if self._plan.stepwise:
            return self._drawn_stepwise()
        if self._position.start == len(self._plan):
            return iter(())  # of nothing, torch.split would make one empty block
        left = self._plan.indices[
            self._position.start :
        ].clone()  # what the caller does to a block leaves the plan as it is
        return map(self._share.of, torch.split(left, self._plan.block_size))

    def _drawn_stepwise(self) -> Iterator[Tensor]:
        """Each block from the probabilities after the one before, by a generator of its own."""
        handed_out = -1
        while (position := self._position.observed) < len(self._plan):
            if position == handed_out:
                raise ValueError('refresh="step" draws a block when the one before was observed: call observe() first')
            handed_out = position
            self._settle()
            self._probability_N = checked_probabilities(self._method.probabilities(self._epoch), len(self._count_N))
            self._weight_N = None
            block_B = self._plan.indices[position : position + self._plan.block_size]
            generator = generator_for(self._seed, self._epoch, position // self._plan.block_size)
            block_B.copy_(draw_blocks(self._probability_N, len(block_B), 1, generator)[0])
            yield self._share.of(block_B).clone()

    def _has_short_blocks(self) -> bool:
        return self._plan.block_size < min(self._blocks.size, self._labels.num_samples)

    # Training ------------------------------------------------------------------------------------------------

    @on_one_thread
    def observe(
        self,
        indices: Any,
        logits: Tensor,
        targets: Tensor | None = None,
        *,
        probabilities: bool = False,
        in_plan: bool = True,
    ) -> None:
        """Take in what the model predicted for a block.

        Args:
            indices: `(B,)` integers; one that occurs twice counts twice, in order.
            logits: `(B, L)` of any floating dtype, on any device, with or without gradient. A row that is not finite is
                skipped, counted in `summary()` and warned about once.
            targets: `(B, L)`: compared with the labels, which finds an index that is off. Leave them out under mixup or
                label smoothing.
            probabilities: `logits` are probabilities in [0, 1].
            in_plan: The block is the next of the plan, whole. Observe micro-batches of one block together; pass False
                for anything beside the plan.

        Raises:
            ValueError: Shapes, indices or targets that do not fit the labels, or a block that does not fit the plan.
            TypeError: Indices that are not integers, or logits that are not floating.
        """
        indices_B = index_tensor(indices)
        logits_BL = prediction_tensor(logits, len(indices_B), self._labels.num_labels)
        if self._deferred is not None and self._share.world_size == 1:
            self._deferred.observe(
                self._position,
                self._epoch,
                indices_B,
                logits_BL,
                targets,
                probabilities=probabilities,
                in_plan=in_plan,
            )
            return
        indices_B = indices_B.cpu()
        as_planned = in_plan and self._share.world_size == 1 and self._position.is_next(indices_B)
        if not as_planned:
            refuse_outside(indices_B, self._labels.num_samples)
        if probabilities:
            logits_BL = logits_of(logits_BL)
        if targets is not None:
            refuse_wrong_targets(targets, indices_B.to(self._count_N.device), self._labels)
        if in_plan:
            self._position.advance(indices_B, self._epoch, self._share.world_size)
        if self._share.world_size == 1:
            self._absorb(Observation(indices_B, logits_BL, in_plan), as_planned=as_planned)
        else:  # a copy: the caller may change the logits before they are exchanged
            dtype = torch.promote_types(logits_BL.dtype, torch.float32)
            self._pending.append(Observation(indices_B.clone(), logits_BL.to(dtype, copy=True), in_plan))

    def _settle(self) -> None:
        """Take in what all processes observed since the last time, and report what was deferred."""
        if self._share.world_size > 1:
            pending, self._pending = self._pending, []
            for observation in gathered(pending):
                as_planned = observation.in_plan and self._position.is_next(observation.indices)
                self._absorb(observation, as_planned=as_planned)
        elif self._deferred is not None:
            skipped, in_order = self._deferred.report()
            self._position.in_order &= in_order
            self._skip(skipped)

    def _skip(self, rows: int) -> None:
        if rows:
            self._skipped_rows += rows
            self._say_once("rows of logits that are not finite are skipped: see skipped_rows in summary()")

    def _absorb(self, observation: Observation, *, as_planned: bool) -> None:
        """Count and remember the rows that are finite.

        Args:
            observation: What a call of `observe` brought, in whatever process.
            as_planned: Whether its rows are the very next ones of the plan.
        """
        device = self._count_N.device
        indices_B, logits_BL = observation.indices, observation.logits.to(device)
        if observation.in_plan:
            self._position.absorb(len(indices_B), as_planned=as_planned)
        if not all_finite(logits_BL):
            finite_B = logits_BL.isfinite().all(1)
            indices_B, logits_BL = indices_B[finite_B.cpu()], logits_BL[finite_B]
            self._skip(len(finite_B) - len(indices_B))
        rows_B = indices_B.to(device)
        if as_planned:  # the rows of a block are different samples
            count_rows(self._count_N, rows_B)
        elif observation.in_plan:
            self._count_N += torch.bincount(rows_B, minlength=len(self._count_N))
        if len(rows_B):
            observe_distinct = getattr(self._method, "observe_distinct", self._method.observe)
            (observe_distinct if as_planned else self._method.observe)(rows_B, logits_BL)

    @on_one_thread
    def end_epoch(self) -> None:
        """Close the epoch: probabilities and plan of the next are computed from all that was observed.

        Where nothing was observed in the first and the method selects by what it observes, the log says so.
        """
        self._settle()
        if self._epoch == 0 and not getattr(self._method, "observed", True):
            _logger.warning(
                "the first epoch ended and nothing was observed yet: %s draws uniformly until then; call "
                "observe(indices, logits) after every batch",
                self._method.name,
            )
        self._begin_epoch(self._epoch + 1)

    def take_share(self, share: Share) -> None:
        """Yield and observe this process' share of every block from now on: see `batchsift.shard`.

        Raises:
            ValueError: Blocks that cannot be shared equally, or it has a share already.
        """
        processes = share.world_size
        if self._share != share and self._share.world_size > 1:
            raise ValueError(f"this selector is sharded already ({self._share}): a share of a share loses samples")
        if self._blocks.length % self._blocks.size:
            raise ValueError(
                f'{processes} processes cannot share a short last block: use last_batch="fill" or last_batch="drop"'
            )
        if self._blocks.size % processes:
            raise ValueError(
                f"batch_size={self._blocks.size} (the samples of a block over all processes together) must be "
                f"divisible by the {processes} processes"
            )
        self._share = share

    # What it knows -------------------------------------------------------------------------------------------

    @property
    def method(self) -> Method:
        """The method that selects."""
        return self._method

    @property
    def epoch(self) -> int:
        """The current epoch, counted from 0."""
        return self._epoch

    @property
    def batch_size(self) -> int:
        """Samples in a block, over all processes together."""
        return self._blocks.size

    @property
    def num_samples(self) -> int:
        """N, the samples there are labels for."""
        return self._labels.num_samples

    @property
    def probabilities(self) -> Tensor:
        """The probabilities the epoch was drawn from, `(N,)` float64 on the CPU: a copy."""
        return self._probability_N.clone()

    @property
    def scores(self) -> dict[str, Tensor]:
        """The method's scores, `(N,)` each, from everything observed so far."""
        self._settle()
        return self._method.scores()

    def signals(self) -> dict[str, Tensor]:
        """The method's signals, `(N, L)` each, from everything observed so far; 0 in cells that are not labelled."""
        self._settle()
        return self._method.signals()

    @property
    def counts(self) -> Tensor:
        """How often each sample was observed in plan, `(N,)` int64: a copy. Skipped rows do not count."""
        self._settle()
        return self._count_N.cpu().clone()

    def summary(self) -> dict[str, float]:
        """Plain floats for any logger.

        `epoch`; `entropy` (nats) and `effective_size` (1 / sum P^2) of the probabilities; `share_drawn`, the share of
        the samples that are in the epoch's plan; `skipped_rows`; and `mean_<signal>` over the labelled cells.
        """
        self._settle()
        p = self._probability_N
        means = overview.mean_signals(self._method, self._labels)
        return {
            "epoch": float(self._epoch),
            "entropy": float(torch.special.entr(p).sum()),
            "effective_size": float(1 / p.square().sum()),
            "share_drawn": overview.share_drawn(self._plan, len(p)),
            "skipped_rows": float(self._skipped_rows),
            **{f"mean_{name}": mean for name, mean in means.items()},
        }

    def suspects(self, k: int) -> Tensor:
        """The cells that are most likely mislabelled: confidently and steadily wrong.

        Ranked by noise-resistant hardness, `(1 - exp(-l)) (1 - f)`: the model contradicts the label (by more than 1/2)
        and does not waver. Only labelled cells; those never observed are not suspected.

        Args:
            k: How many at most, at least 1.

        Returns:
            `(<= k, 2)` int64 on the CPU: sample and label of each, the most suspicious first.

        Raises:
            ValueError: k is below 1, or the method keeps no loss of each cell.
        """
        if k < 1:
            raise ValueError(f"k={k} must be at least 1")
        self._settle()
        return overview.suspects(self._method, k)

    def importance_weights(self, indices: Any) -> Tensor:
        """Weights that make the mean of a loss over a drawn block unbiased for the mean over all samples.

        `B / (n pi_i)`, pi_i the chance that sample i is in a block (see `functional.sampling.inclusion_probabilities`).
        1 wherever the plan is not drawn from probabilities (warm-up, Random); infinite where the probability is 0.

        Returns:
            `(B,)` float64, on the device of `indices`.
        """
        indices_B = checked_indices(indices, self._labels.num_samples)
        if self._weight_N is None:
            self._weight_N = self._all_importance_weights()
        device = indices.device if isinstance(indices, Tensor) else "cpu"
        return self._weight_N[indices_B].to(device)

    def _all_importance_weights(self) -> Tensor:
        if not self._plan.drawn:
            return torch.ones_like(self._probability_N)
        size = self._plan.block_size
        return size / (self._labels.num_samples * inclusion_probabilities(self._probability_N, size))

    # State ---------------------------------------------------------------------------------------------------

    def _settings(self) -> dict[str, Any]:
        """What a state must share with the selector that takes it over."""
        return {
            "labels": self._labels.fingerprint(),
            "method": self._method.name,
            "batch_size": self._blocks.size,
            "num_batches": self._blocks.count,
            "length": self._blocks.length,
            "epochs": self._epochs,
        }

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on exactly, mid-epoch included: copies, of tensors, numbers and strings only."""
        self._settle()
        return {
            "version": _STATE_VERSION,
            "settings": self._settings(),
            "seed": self._seed,
            "epoch": self._epoch,
            "position": self._position.observed,
            "in_order": self._position.in_order,
            "probabilities": self._probability_N.clone(),
            "plan": self._plan.indices.clone(),
            "plan_block_size": self._plan.block_size,
            "plan_drawn": self._plan.drawn,
            "plan_stepwise": self._plan.stepwise,
            "counts": self._count_N.cpu().clone(),
            "skipped_rows": self._skipped_rows,
            "method_state": self._method.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where the state was saved: iteration starts after the last observed block. The seed comes with it.

        Raises:
            ValueError: A state of another version, of other labels, another method or other settings; or of the middle
                of an epoch whose blocks were not observed in the plan's order.
        """
        if not isinstance(state, dict) or not self._settings().keys() <= state.get("settings", {}).keys():
            raise ValueError(f"this is no state of a selector: got {type(state).__name__}, pass what state_dict() gave")
        if state.get("version") != _STATE_VERSION:
            raise ValueError(f"the state has version {state.get('version')!r}, this batchsift reads {_STATE_VERSION}")
        for name, mine in self._settings().items():
            saved = state["settings"].get(name)
            if saved != mine:
                raise ValueError(f"the state was saved with {name}={saved!r}, this selector has {name}={mine!r}")
        if not state["in_order"] and 0 < state["position"] < len(state["plan"]):
            raise ValueError(
                "the state is of the middle of an epoch whose blocks were not observed in the plan's order: what is "
                "left of it is not known; save at the end of an epoch, or let the DataLoader keep the order"
            )
        self._method.load_state_dict(state["method_state"])
        self._pending = []
        self._seed, self._epoch = state["seed"], state["epoch"]
        self._probability_N = state["probabilities"].cpu().clone()
        plan = Plan(state["plan"].cpu().clone(), state["plan_block_size"], state["plan_drawn"], state["plan_stepwise"])
        self._enter(plan, state["position"], in_order=state["in_order"])
        self._count_N.copy_(state["counts"])
        self._skipped_rows = state["skipped_rows"]

    def _say_once(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            warnings.warn(message, UserWarning, stacklevel=3)
