"""What a selector knows, in few numbers: means of signals, shares.

Signals are read a chunk of samples at a time: nothing as large as the state is made.
Shapes: N samples, L labels, R consecutive samples.
"""

import torch
from torch import Tensor

from batchsift.functional.chunks import on_one_thread
from batchsift.labels import LabelMatrix
from batchsift.methods import CompleteMethod
from batchsift.methods.parts import SamplePart
from batchsift.selection.observer import Progress
from batchsift.selection.plan import Plan


def summarize(progress: Progress, probability_N: Tensor) -> dict[str, float]:
    """Return what `Selector.summary` does."""
    means = mean_signals(progress.method, progress.labels, progress.part)
    return {
        "epoch": float(progress.position.epoch),
        "entropy": float(torch.special.entr(probability_N).sum()),
        "effective_size": float(1 / probability_N.square().sum()),
        "share_drawn": share_drawn(progress.position.plan, len(probability_N)),
        "skipped_rows": float(progress.skipped_rows),
        **{f"mean_{name}": mean for name, mean in means.items()},
    }


@on_one_thread
def mean_signals(method: CompleteMethod, labels: LabelMatrix, part: SamplePart) -> dict[str, float]:
    """Return the mean of every signal over the labelled cells.

    Where processes remember parts, the sum of a signal is that of their sums: it may differ in the last bit from that
    of one process.
    """
    sums: dict[str, Tensor] = {}
    for _, signals in method.signal_chunks():
        for name, signal_RL in signals.items():
            total = signal_RL.sum(dtype=torch.float64)
            sums[name] = sums[name] + total if name in sums else total
    known_NL = labels.known_NL
    cells = labels.positive_NL.numel() if known_NL is None else max(1, int(known_NL.sum()))
    return {name: float(part.total(total)) / cells for name, total in sums.items()}


def share_drawn(plan: Plan, num_samples: int) -> float:
    """Return the share of the samples that are in a plan."""
    drawn_N = torch.zeros(num_samples, dtype=torch.bool, device="cpu")
    drawn_N[plan.indices[plan.indices >= 0]] = True
    return int(drawn_N.sum()) / num_samples
