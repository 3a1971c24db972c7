"""The exponential moving average of a model's weights.

torch has the average itself (`torch.optim.swa_utils`); what is added here is that its memory grows with the steps, so
that a short training is not averaged with its initial weights.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def averaged(model: nn.Module, *, decay: float = 0.9997) -> AveragedModel:
    """Return a copy of a model that holds the moving average of its weights and buffers.

    Call `update_parameters(model)` on it after each step; it predicts like the model (`averaged_model(x)`), its
    `module` is the copy, and its `state_dict` goes into a checkpoint. After t updates the next one keeps
    min(decay, (1 + t) / (10 + t)) of the average, so that it reaches back about a ninth of the steps at first.

    Args:
        model: The model in training.
        decay: What the average keeps of itself a step in the long run, in [0, 1). 0.9997 is that of the recipes of
            ML-Decoder and Query2Label.

    Raises:
        ValueError: The decay is out of its range.

    >>> model = nn.Linear(1, 1, bias=False)
    >>> average = averaged(model)
    >>> for value in (0.0, 0.0, 1.0):  # the first update copies
    ...     _ = nn.init.constant_(model.weight, value)
    ...     average.update_parameters(model)
    >>> average.module.weight.item()  # 1 - 3 / 12
    0.75
    """
    if not 0 <= decay < 1:
        raise ValueError(f"decay must be in [0, 1), got {decay!r}")

    def average(average_of: Sequence[Tensor], current: Sequence[Tensor], steps: Tensor | int) -> None:
        step = int(steps)
        update = get_ema_multi_avg_fn(min(decay, (1 + step) / (10 + step)))  # type: ignore[no-untyped-call]
        update(average_of, current, steps)

    return AveragedModel(model, multi_avg_fn=average, use_buffers=True)
