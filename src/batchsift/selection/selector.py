"""The selector: a torch Sampler that plans each epoch from what it observed in the ones before.

Shapes: N samples, L labels, B rows of a block.
"""

import operator
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Sampler

from batchsift.functional.chunks import on_one_thread
from batchsift.functional.sampling import Drawing, LastBatch
from batchsift.labels import LabelMatrix
from batchsift.methods import Method, completed, create
from batchsift.methods.parts import SamplePart
from batchsift.selection import summary
from batchsift.selection.device import DeviceObserver
from batchsift.selection.group import Group
from batchsift.selection.host import HostObserver
from batchsift.selection.inference import outside_inference_mode
from batchsift.selection.inputs import checked_indices, feature_matrix, index_tensor, prediction_tensor
from batchsift.selection.joining import Terms, joined
from batchsift.selection.observer import Call, Observer, Progress
from batchsift.selection.plan import Blocks, PlanIterator, Position
from batchsift.selection.planner import Planner
from batchsift.selection.share import Share
from batchsift.selection.state import PartedState, SelectorSettings, SelectorState
from batchsift.selection.suspects import Suspects, find_suspects
from batchsift.trackers import CourseMeans, on_host


class Selector(Sampler[int]):
    """A sampler that decides which samples are in the mini-batches of the next epoch.

    Give it to a `DataLoader` as its `sampler` (with the same batch size), or take index tensors from `batches()`.
    `observe` every batch, and call `end_epoch` after every epoch.

    Args:
        labels: `(N, L)` of 0 and 1, NaN where not labelled: tensor, array, data frame or scipy sparse matrix.
        method: The name of a method, or an instance with options of its own, which then serves this selector only.
        features: `(N, D)`: tensor, array or scipy sparse matrix, for methods that look at neighbours.
        batch_size: Samples in a block (over all processes together).
        epochs: The length of the training, which the pressure of most methods follows.
        seed: The seed of all drawing. Global random states are never touched.
        last_batch: What becomes of the remainder of an epoch: "short" keeps it, "drop" leaves it out, "fill" tops it
            up with samples that are not in it.
        num_batches: Blocks in an epoch, all of them full; by default as many as the data fills.
        drawing: How an epoch is drawn from the probabilities: "systematic" gives every sample the floor or the ceiling
            of its expected number of copies, so that equal probabilities make a shuffled pass; "independent" draws
            every block afresh, as published. A method's own order and `refresh="step"` do not depend on it.
        device: The device the method keeps its state on; the CPU by default. On another one `observe` never waits for
            it: what is wrong with values is then reported by `end_epoch`, not at once.
        suspects: Whether `suspects` will be asked for. It takes two `(N, L)` of float32, and time in `observe`.

    Raises:
        ValueError: Labels, features, sizes or options that do not fit; an unknown method.
        TypeError: A method's class instead of an instance, or numbers that are not integers.

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
        drawing: Drawing = "systematic",
        device: torch.device | str | None = None,
        suspects: bool = True,
    ) -> None:
        with torch.inference_mode(mode=False):
            self._labels = LabelMatrix.of(labels, "cpu" if device is None else device)
            num_samples = self._labels.num_samples
            features = feature_matrix(features, num_samples)
            if epochs is not None and epochs < 1:
                raise ValueError(f"epochs={epochs} must be at least 1, or None")
            if isinstance(method, type):
                raise TypeError(f"method must be a name or an instance: pass {method.__name__}(), not the class")
            blocks = Blocks.of(num_samples, batch_size, num_batches, last_batch)
            seed = operator.index(seed)  # a plain int, so that a state holds nothing of NumPy's
            self._epochs = None if epochs is None else operator.index(epochs)
            self._given_method = create(method) if isinstance(method, str) else method
            self._method = completed(self._given_method)
            self._planner = Planner(self._method, num_samples, blocks, seed, drawing)
            self._method.setup(self._labels.tensor(), self._epochs, features)
            count_N = torch.zeros(num_samples, dtype=torch.int64, device=self._labels.positive_NL.device)
            course = CourseMeans(self._labels.positive_NL) if suspects else None
            self._progress = Progress(self._labels, self._method, count_N, course, SamplePart(num_samples))
            self._observer: Observer = (HostObserver if on_host(count_N) else DeviceObserver)(self._progress)
            self._observer.start(self._planner.plan_epoch(0))

    # The plan ------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Return the number of samples in the whole plan of the epoch; under `shard` in this process' share of it."""
        return len(self._planner.plan) // self._progress.check.share.world_size

    def __repr__(self) -> str:
        """Return the method's name, the size of the labels, the epoch and the batch size."""
        epochs = "" if self._epochs is None else f" of {self._epochs}"
        return (
            f"Selector(method={self._method.name!r}, labels={self.num_samples} x {self._labels.num_labels}, "
            f"epoch={self.epoch}{epochs}, batch_size={self.batch_size})"
        )

    def __iter__(self) -> Iterator[int]:
        """Yield the plan, flat, from where the epoch started for this object; the same until `end_epoch`.

        Raises:
            ValueError: Too few samples can be drawn to fill blocks; a `DataLoader` would cut such a stream wrongly.
        """
        self._planner.check_flat()
        return PlanIterator(self.batches())

    @outside_inference_mode
    def batches(self) -> Iterator[Tensor]:
        """Yield the plan in blocks: int64 index tensors on the CPU, for data that already sits in memory.

        Raises:
            ValueError: `refresh="step"`, and the next block was asked for before the last one was observed; or blocks
                too short for processes to share.
        """
        plan, position, share = self._planner.plan, self._progress.position, self._progress.check.share
        self._progress.check.take_plan()
        self._planner.check_short_blocks(share.world_size)
        if plan.stepwise:
            return self._drawn_stepwise()
        left = plan.indices[position.start :].clone()  # what the caller does to a block leaves the plan as it is
        blocks = torch.split(left, plan.block_size) if len(left) else ()  # of nothing it would make an empty block
        return iter([share.cut(block_B) for block_B in blocks])

    def _drawn_stepwise(self) -> Iterator[Tensor]:
        """Yield each block, drawn when the one before was observed."""
        handed_out = -1
        while (start := self._progress.position.observed) < len(self._planner.plan):
            if start == handed_out:
                raise ValueError('refresh="step" draws a block when the one before was observed: call observe() first')
            handed_out = start
            yield self._draw_block(start)

    @outside_inference_mode
    def _draw_block(self, start: int) -> Tensor:
        """Draw the block that begins at a place of the plan, from all that was observed; return this process' share."""
        self._observer.catch_up(Call.DRAW)
        return self._progress.check.share.cut(self._planner.draw_block(self.epoch, start)).clone()

    # Training ------------------------------------------------------------------------------------------------

    @outside_inference_mode
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
                for anything beside the plan. A block that is none of the plan's is warned of, once.

        Raises:
            ValueError: Shapes, indices or targets that do not fit the labels, or a block that does not fit the plan.
            TypeError: Indices that are not integers, or logits that are not floating.
        """
        indices_B = index_tensor(indices)
        logits_BL = prediction_tensor(logits, len(indices_B), self._labels.num_labels)
        self._observer.observe(indices_B, logits_BL, targets, probabilities=probabilities, in_plan=in_plan)

    @outside_inference_mode
    @on_one_thread
    def end_epoch(self) -> None:
        """Close the epoch: probabilities and plan of the next are computed from all that was observed.

        Where nothing was observed in the first and the method selects by what it observes, the log says so.
        """
        self._observer.catch_up(Call.END_EPOCH)
        self._progress.look_back(self._epochs)
        self._observer.start(self._planner.plan_epoch(self.epoch + 1))
        self._observer.agree(Call.PLAN)

    @outside_inference_mode
    def restrict_to(self, share: Share, terms: Terms) -> None:
        """Yield and observe this process' share of every block from now on: see `batchsift.shard`.

        Raises:
            ValueError: Blocks that cannot be shared equally, or it has another share already.
        """
        check = self._progress.check
        if share != check.share:
            if check.share.world_size > 1:
                raise ValueError(f"this selector is sharded already ({check.share}): a share of a share loses samples")
            self._observer.catch_up(Call.SHARD)
            self._observer = joined(self._progress, self._planner, self._settings(), share, terms)
        elif terms.sharded and share.world_size > 1 and len(self._progress.part.bounds) == 2:
            raise ValueError("this selector keeps all samples in every process already: pass sharded=True at first")
        check.share, check.is_share_chosen = share, True

    # What it knows -------------------------------------------------------------------------------------------

    @property
    def method(self) -> Method:
        """The method that selects."""
        return self._given_method

    @property
    def epoch(self) -> int:
        """The current epoch, counted from 0."""
        return self._progress.position.epoch

    @property
    def batch_size(self) -> int:
        """Samples in a block, over all processes together."""
        return self._planner.blocks.size

    @property
    def num_samples(self) -> int:
        """N, the samples there are labels for."""
        return self._labels.num_samples

    @property
    @outside_inference_mode
    def probabilities(self) -> Tensor:
        """The probabilities the epoch was drawn from, `(N,)` float64 on the CPU: a copy."""
        return self._planner.probability_N.clone()

    @property
    @outside_inference_mode
    def scores(self) -> dict[str, Tensor]:
        """The method's scores, `(N,)` each, from everything observed so far."""
        self._observer.catch_up(Call.SCORES)
        return self._method.scores()

    @outside_inference_mode
    def signals(self) -> dict[str, Tensor]:
        """Return the method's signals, `(N, L)` each, from everything observed so far; 0 where not labelled."""
        self._observer.catch_up(Call.SIGNALS)
        return self._method.signals()

    @property
    @outside_inference_mode
    def counts(self) -> Tensor:
        """How often each sample was observed in plan, `(N,)` int64: a copy. Skipped rows do not count."""
        self._observer.catch_up(Call.COUNTS)
        return self._progress.part.joined(self._progress.count_N.cpu().clone())

    @outside_inference_mode
    def summary(self) -> dict[str, float]:
        """Return plain floats for any logger.

        `epoch`; `entropy` (nats) and `effective_size` (1 / sum P^2) of the probabilities; `share_drawn`, the share of
        the samples that are in the epoch's plan; `skipped_rows`; and `mean_<signal>` over the labelled cells.
        """
        self._observer.catch_up(Call.SUMMARY)
        return summary.summarize(self._progress, self._planner.probability_N)

    @outside_inference_mode
    def suspects(self, k: int, *, share: float = 1.0) -> Suspects:
        """Find the labelled cells that are most likely wrong: those that the model contradicted while it learned.

        Ranked by the mean margin of a sample's observations, of which the first and the late ones count less, in the
        light of what is usual for that label and that given value: see `functional.suspicion`.

        Args:
            k: How many, at least 1; fewer where there are not so many.
            share: At most this share, rounded up, of the cells of one label with one given value, in (0, 1].

        Raises:
            ValueError: k or `share` out of range, or the selector was made with `suspects=False`.
        """
        self._observer.catch_up(Call.SUSPECTS)
        return find_suspects(self._progress, k, share)

    @outside_inference_mode
    def importance_weights(self, indices: Any) -> Tensor:
        """Return weights that make the mean of a loss over a drawn block unbiased for the mean over all samples.

        Drawn systematically `M / (n m_i)`, m_i the expected copies of sample i among the M of the epoch (see
        `functional.systematic.expected_copies`): exactly unbiased over an epoch. Drawn independently `B / (n pi_i)`,
        pi_i the chance that sample i is in a block (see `functional.sampling.inclusion_probabilities`). Infinite where
        the probability is 0. For an order of the method's own (warm-up, Random) what the method says, mostly 1.

        Returns:
            `(B,)` float64, on the device of `indices`.

        Raises:
            ValueError: An index that is outside the samples, or indices that are not flat.
            TypeError: Indices that are not integers.
        """
        indices_B = checked_indices(indices, self._labels.num_samples)
        weight_B = self._planner.importance_weights()[indices_B]
        return weight_B.to(indices.device) if isinstance(indices, Tensor) else weight_B

    # State ---------------------------------------------------------------------------------------------------

    def _settings(self) -> SelectorSettings:
        """Return what a state must share with the selector that takes it over."""
        return SelectorSettings.of(self._labels, self._method, self._planner, self._epochs)

    @outside_inference_mode
    def state_dict(self) -> dict[str, Any]:
        """Return everything needed to go on exactly, mid-epoch included: copies of tensors, numbers and strings."""
        self._observer.catch_up(Call.STATE)
        return SelectorState.of(self._settings(), self._planner, self._progress).as_dict()

    @outside_inference_mode
    def parted_state(self) -> tuple[PartedState, Group | None]:
        """Return the state with what is remembered of samples apart, and the processes: for `save_state`."""
        self._observer.catch_up(Call.SAVE)
        return PartedState.of(self._settings(), self._planner, self._progress), self._observer.group

    @outside_inference_mode
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where the state was saved: iteration starts after the last observed block. The seed comes with it.

        Raises:
            ValueError: A state of another version, of other labels, another method or other settings; of the middle of
                an epoch whose blocks came in another order; or one that is damaged. The selector is as it was.
        """
        saved = SelectorState.read(state, self._settings(), self._labels.num_samples)
        saved.restore(self._planner, self._progress)
        self._observer.start(Position(saved.plan, saved.epoch, saved.position, saved.in_order))
