"""Planning the epochs: probabilities are asked of the method and frozen, and the plan is drawn from them.

Shapes: N samples, B samples of a block.
"""

import torch
from torch import Tensor

from batchsift.functional.sampling import Drawing, draw_blocks, inclusion_probabilities
from batchsift.functional.systematic import expected_copies
from batchsift.messages import count_nouns, warn
from batchsift.methods import CompleteMethod
from batchsift.selection.plan import Blocks, Plan, Position, checked_probabilities, generator_for, make_plan
from batchsift.selection.saved_plan import check_plan


class Planner:
    """Holds what an epoch was planned from: its plan, and the probabilities it was drawn from.

    Args:
        method: The method, which is asked for the probabilities.
        num_samples: N.
        blocks: How every epoch is cut.
        seed: The seed of all drawing.
        drawing: How plans are drawn from probabilities.

    Raises:
        ValueError: There is no such drawing.

    Attributes:
        probability_N: The probabilities, float64 on the CPU, that the epoch was drawn from, or under `refresh="step"`
            its latest block.
        plan: The plan of the epoch.
    """

    probability_N: Tensor
    plan: Plan

    def __init__(self, method: CompleteMethod, num_samples: int, blocks: Blocks, seed: int, drawing: Drawing) -> None:
        if drawing not in ("systematic", "independent"):
            raise ValueError(f'drawing={drawing!r} must be "systematic" or "independent"')
        self.method, self.blocks, self.seed, self.drawing = method, blocks, seed, drawing
        self._num_samples = num_samples
        self._weight_N: Tensor | None = None
        self._has_warned = False

    def plan_epoch(self, epoch: int) -> Position:
        """Freeze the probabilities and the plan of an epoch, and return its beginning."""
        self._ask_probabilities(epoch)
        self.plan = make_plan(self.method, epoch, self.probability_N, self.blocks, seed=self.seed, drawing=self.drawing)
        return Position(self.plan, epoch)

    def check_saved(self, plan: Plan, probability_N: Tensor) -> None:
        """Check a plan and its probabilities, `(N,)` float64, before they are taken over.

        Raises:
            ValueError: They are not such as this planner makes; the message names the key.
        """
        by_step = self.method.refresh == "step"
        check_plan(plan, probability_N, self.blocks, self.drawing, by_step=by_step)

    def take_over(self, plan: Plan, probability_N: Tensor, seed: int) -> None:
        """Go on with what was planned before."""
        self.plan, self.probability_N, self.seed = plan, probability_N, seed
        self._weight_N = None

    def draw_block(self, epoch: int, start: int) -> Tensor:
        """Draw one block of a stepwise plan from the probabilities of this moment, by a generator of its own.

        Args:
            epoch: The epoch, counted from 0.
            start: The place in the plan where the block begins.

        Returns:
            `(B,)`, a part of the plan.
        """
        self._ask_probabilities(epoch)
        block_B = self.plan.indices[start : start + self.plan.block_size]
        generator = generator_for(self.seed, epoch, start // self.plan.block_size)
        return block_B.copy_(draw_blocks(self.probability_N, len(block_B), 1, generator)[0])

    def _ask_probabilities(self, epoch: int) -> None:
        self.probability_N = checked_probabilities(self.method.probabilities(epoch), self._num_samples)
        self._weight_N = None

    def importance_weights(self) -> Tensor:
        """Return the weights of all samples, `(N,)` float64; see `Selector.importance_weights`."""
        if self._weight_N is None:
            self._weight_N = self._weights()
        return self._weight_N

    def _weights(self) -> Tensor:
        """Return how far a sample is drawn less often than others, by how the plan was made."""
        size, length = self.plan.block_size, len(self.plan)
        match self.plan.drawing:
            case "independent":
                return size / (self._num_samples * inclusion_probabilities(self.probability_N, size))
            case "systematic":
                expected_N = expected_copies(self.probability_N, size, self.blocks.count, length)
                return length / (self._num_samples * expected_N)
            case None:
                own_N = self.method.importance_weights(self.probability_N, self.blocks.size, self.blocks.count, length)
                return torch.ones_like(self.probability_N) if own_N is None else self._checked_weights(own_N)

    def _checked_weights(self, weight_N: Tensor) -> Tensor:
        """Return a method's own weights, as float64 on the CPU.

        Raises:
            ValueError: Not `(N,)`, not a number or negative.
        """
        weight_N = weight_N.detach().to("cpu", torch.float64)
        if weight_N.shape != (self._num_samples,) or not (weight_N >= 0).all():
            raise ValueError(
                f"importance weights must be ({self._num_samples},) numbers, not negative, got {tuple(weight_N.shape)} "
                f"from {self.method.name}"
            )
        return weight_N

    def check_flat(self) -> None:
        """Check that the plan can be yielded flat.

        Raises:
            ValueError: It is drawn block by block, or too few samples can be drawn to fill blocks.
        """
        if self.plan.stepwise or self.method.refresh == "step":
            raise ValueError('refresh="step" draws each block after the one before was observed: iterate batches()')
        if self._has_short_blocks():
            raise ValueError(
                f"{self._too_few()}, fewer than batch_size="
                f"{self.blocks.size}: use batches(), which yields short blocks, or a smaller batch_size"
            )

    def _too_few(self) -> str:
        number = self.plan.block_size
        return f"only {count_nouns(number, 'sample')} {'has' if number == 1 else 'have'} a positive probability"

    def check_short_blocks(self, processes: int) -> None:
        """Warn, once, if too few samples can be drawn to fill blocks.

        Raises:
            ValueError: Several processes would have to share such blocks.
        """
        if not self._has_short_blocks():
            return
        too_few = f"{self._too_few()}: "
        if processes > 1:
            raise ValueError(f"{too_few}{processes} processes cannot share such short blocks; lower batch_size")
        if not self._has_warned:
            self._has_warned = True
            warn(f"{too_few}blocks are shorter than batch_size={self.blocks.size}")

    def _has_short_blocks(self) -> bool:
        return self.plan.block_size < min(self.blocks.size, self._num_samples)
