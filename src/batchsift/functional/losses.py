"""Losses by label: what may stand in the place of a model's binary cross-entropy.

| name | function | source |
|---|---|---|
| bce | `bce` | binary cross-entropy |
| pos_weight | `pos_weight` | the same, positives weighted by label |
| focal | `focal` | Lin et al., ICCV 2017 |
| asymmetric | `asymmetric` | Ridnik et al., ICCV 2021 |
| distribution_balanced | `distribution_balanced` | Wu et al., ECCV 2020 |

Citations:
    - T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollár. Focal Loss for Dense Object Detection. ICCV 2017.
    - T. Ridnik, E. Ben-Baruch, N. Zamir, A. Noy, I. Friedman, M. Protter, L. Zelnik-Manor. Asymmetric Loss for
      Multi-Label Classification. ICCV 2021.
    - T. Wu, Q. Huang, Z. Liu, Y. Wang, D. Lin. Distribution-Balanced Loss for Multi-Label Classification in Long-Tailed
      Datasets. ECCV 2020.

Each is the mean over the cells whose label is known (0 where none is), on any device. Numbers of less than single
precision are computed with in single precision, and the loss is returned in it: a sum of large cells would overflow.
`create` binds what a loss is told by the training part.

Shapes: N training samples, B rows of a batch, L labels.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid, softplus

from batchsift.messages import there_are

__all__ = [
    "asymmetric",
    "bce",
    "count_labels",
    "create",
    "distribution_balanced",
    "focal",
    "names",
    "pos_weight",
    "positive_weights",
]

LARGEST_WEIGHT = 10.0  # of the positives of a label

Loss = Callable[[Tensor, Tensor], Tensor]


def bce(logits_BL: Tensor, targets_BL: Tensor) -> Tensor:
    """Return the binary cross-entropy, in nats.

    Args:
        logits_BL: The logits.
        targets_BL: 0 or 1, NaN where unknown.

    Returns:
        A scalar, not negative.

    Raises:
        ValueError: The shapes differ.

    >>> bce(torch.zeros(1, 2), torch.tensor([[1.0, float("nan")]]))
    tensor(0.6931)
    """
    return _cross_entropy(logits_BL, targets_BL, None)


def pos_weight(logits_BL: Tensor, targets_BL: Tensor, *, weight_L: Tensor) -> Tensor:
    """Return the binary cross-entropy, in nats, with the positive cells of a label weighted.

    Args:
        logits_BL: The logits.
        targets_BL: 0 or 1, NaN where unknown.
        weight_L: The weight of a positive cell, at least 0; that of a negative one is 1. See `positive_weights`.

    Returns:
        A scalar, not negative.

    Raises:
        ValueError: The shapes differ.

    >>> pos_weight(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]), weight_L=torch.tensor([3.0, 3.0]))  # 2 ln 2
    tensor(1.3863)
    """
    return _cross_entropy(logits_BL, targets_BL, weight_L)


def focal(logits_BL: Tensor, targets_BL: Tensor, *, gamma: float = 2.0, alpha: float | None = None) -> Tensor:
    """Return the focal loss: cross-entropy that counts less the better a cell is predicted (Lin et al. 2017).

    `-(1 - p_t)^gamma log p_t` (equation 4), where p_t is the predicted probability of what is true; times
    alpha_t (equation 5), which is alpha for a positive and 1 - alpha for a negative cell, where alpha is given.

    Args:
        logits_BL: The logits.
        targets_BL: 0 or 1, NaN where unknown.
        gamma: The focusing parameter, at least 0; 0 is the cross-entropy.
        alpha: The weight of positive cells, in [0, 1] (the paper's detector has 0.25); None weighs all cells by 1.

    Returns:
        A scalar, not negative, in nats.

    Raises:
        ValueError: The shapes differ.

    >>> focal(torch.zeros(1, 1), torch.ones(1, 1))  # (1 / 2)^2 ln 2
    tensor(0.1733)
    """
    logits_BL, targets_BL, known_BL = _checked(logits_BL, targets_BL)
    true_logits_BL = logits_BL * (2 * targets_BL - 1)
    # 1 - p_t = exp(-softplus(z_t)): never a power of a number that was rounded to 0, whose gradient may be infinite.
    loss_BL = torch.exp(-gamma * softplus(true_logits_BL)) * softplus(-true_logits_BL)
    if alpha is not None:
        loss_BL = loss_BL * (alpha * targets_BL + (1 - alpha) * (1 - targets_BL))
    return _mean(loss_BL, known_BL)


def asymmetric(
    logits_BL: Tensor,
    targets_BL: Tensor,
    *,
    gamma_negative: float = 4.0,
    gamma_positive: float = 1.0,
    clip: float = 0.05,
) -> Tensor:
    """Return the asymmetric loss: negatives are focused more than positives, easy ones left out (Ridnik et al. 2021).

    `-(1 - p)^gamma_positive log p` for a positive cell and `-p_m^gamma_negative log(1 - p_m)` for a negative one, where
    `p_m = max(p - clip, 0)`. The gradient is that of the whole formula; the authors' release can take the focusing
    factors for constants.

    Args:
        logits_BL: The logits.
        targets_BL: 0 or 1, NaN where unknown.
        gamma_negative: The focusing parameter of negative cells, at least 0.
        gamma_positive: The focusing parameter of positive cells, at least 0.
        clip: The margin m, in [0, 1): negative cells of a smaller probability do not count.

    Returns:
        A scalar, not negative, in nats. With all three options 0 it is the cross-entropy.

    Raises:
        ValueError: The shapes differ.

    >>> asymmetric(torch.zeros(1, 1), torch.ones(1, 1))  # (1 / 2) ln 2
    tensor(0.3466)
    >>> asymmetric(torch.zeros(1, 1), torch.zeros(1, 1))  # -0.45^4 ln 0.55
    tensor(0.0245)
    """
    logits_BL, targets_BL, known_BL = _checked(logits_BL, targets_BL)
    of_positives_BL = torch.exp(-gamma_positive * softplus(logits_BL)) * softplus(-logits_BL)
    p_BL = logits_BL.sigmoid()
    counts_BL = p_BL > clip
    # Where a cell does not count its logarithm is 0; the power of 1 keeps the gradient of the product 0 there too.
    shifted_BL = (p_BL - clip).where(counts_BL, 1.0)
    log_rest_BL = logsigmoid(-logits_BL) if clip == 0 else ((-logits_BL).sigmoid() + clip).clamp(max=1).log()
    of_negatives_BL = -(shifted_BL**gamma_negative) * log_rest_BL.where(counts_BL, 0.0)
    return _mean(torch.where(targets_BL > 0, of_positives_BL, of_negatives_BL), known_BL)


def distribution_balanced(
    logits_BL: Tensor,
    targets_BL: Tensor,
    *,
    count_L: Tensor,
    num_samples: int | Tensor,
    alpha: float = 0.1,
    beta: float = 10.0,
    mu: float = 0.2,
    negative_scale: float = 2.0,
    kappa: float = 0.05,
) -> Tensor:
    """Return the distribution-balanced loss: rebalanced weights, and a tolerance for negatives (Wu et al. 2020).

    With n_i the positives of label i among N training samples, and z_i the logit:

    - `r_i = (1 / n_i) / sum over the labels j of the sample of 1 / n_j`: how often balanced drawing would
      draw the sample for the label, over how often for all its labels; infinite for a sample without labels.
    - `w_i = alpha + sigmoid(beta (r_i - mu))` (the smoothing map), in (alpha, 1 + alpha].
    - `nu_i = kappa log(N / n_i - 1)`: rare labels are asked for higher logits.
    - `w_i log(1 + exp(-(z_i - nu_i)))` for a positive cell and `w_i / lambda log(1 + exp(lambda (z_i - nu_i)))` for a
      negative one (the negative-tolerant regularization): its gradient falls off faster below the margin.

    The authors' release multiplies this by twice a focal factor; it is left out here. A label without positives
    counts as one with a single one in `r`; its share in `nu` is 1 / (N + 1), that of a label without negatives
    N / (N + 1). Labels that are not known are left out of the sum.

    Args:
        logits_BL: The logits.
        targets_BL: 0 or 1, NaN where unknown.
        count_L: n, the positives of each label in the training part.
        num_samples: N, or `(L,)`: the training samples whose label is known. See `count_labels`.
        alpha: The least weight, at least 0.
        beta: The slope of the smoothing map, above 0.
        mu: Where the map is steepest (the authors have 0.2 on COCO-MLT, 0.3 on VOC-MLT).
        negative_scale: lambda, above 0 (2 on COCO-MLT, 5 on VOC-MLT).
        kappa: The share of the label's own bias that is a margin, at least 0.

    Returns:
        A scalar, not negative, in nats.

    Raises:
        ValueError: The shapes differ.

    >>> options = {"count_L": torch.tensor([5.0]), "num_samples": 10}  # nu is 0, r is 1, w is 0.1 + sigmoid(8)
    >>> distribution_balanced(torch.zeros(1, 1), torch.ones(1, 1), **options)  # 1.0997 ln 2
    tensor(0.7622)
    >>> distribution_balanced(torch.zeros(1, 1), torch.zeros(1, 1), **options)  # 1.1 ln 2 / 2
    tensor(0.3812)
    """
    logits_BL, targets_BL, known_BL = _checked(logits_BL, targets_BL)
    count_L = count_L.to(logits_BL)
    inverse_L = 1 / count_L.clamp(min=1)
    of_sample_B1 = (targets_BL * inverse_L).sum(-1, keepdim=True)
    weight_BL = alpha + torch.sigmoid(beta * (inverse_L / of_sample_B1 - mu))
    total = torch.as_tensor(num_samples).to(logits_BL).clamp(min=1)
    share_L = (count_L / total).clamp(min=1 / (total + 1), max=total / (total + 1))
    margin_L = kappa * (torch.log1p(-share_L) - share_L.log())
    shifted_BL = logits_BL - margin_L
    of_negatives_BL = softplus(negative_scale * shifted_BL) / negative_scale
    loss_BL = torch.where(targets_BL > 0, softplus(-shifted_BL), of_negatives_BL)
    return _mean(weight_BL * loss_BL, known_BL)


def count_labels(targets_NL: Tensor) -> tuple[Tensor, Tensor]:
    """Return how many samples are known to have each label, and of how many the label is known: `(L,)` float32 each.

    >>> count_labels(torch.tensor([[1.0, float("nan")], [0.0, 1.0]]))
    (tensor([1., 1.]), tensor([2., 1.]))
    """
    positives_L, known_L = (targets_NL == 1).sum(0), (~targets_NL.isnan()).sum(0)
    return positives_L.to(torch.float32), known_L.to(torch.float32)


def positive_weights(targets_NL: Tensor) -> Tensor:
    """Return the weights of positive cells, sqrt(negatives / positives), at least 1 and at most 10: `(L,)` float32.

    A label without positives has 10, what the ratio tends to; no cell of the training part is weighed by it. One that
    is known of no sample has 1.

    Args:
        targets_NL: The labels of the training part, 0 or 1, NaN where unknown.

    >>> positive_weights(torch.tensor([[1.0, 0, 1], [0, 0, 1], [0, 0, 1], [0, 0, 1], [0, 0, 1]]))
    tensor([ 2., 10.,  1.])
    """
    positives_L, known_L = count_labels(targets_NL)
    ratio_L = (known_L - positives_L) / positives_L  # 0 / 0 where nothing is known
    return ratio_L.sqrt().nan_to_num(1.0, posinf=LARGEST_WEIGHT).clamp(1.0, LARGEST_WEIGHT)


def create(name: str, labels_NL: Tensor) -> Loss:
    """Return a loss of logits and targets, told by the training part what it has to know; its options are as above.

    Args:
        name: One of `names()`.
        labels_NL: The labels of the training part, 0 or 1, NaN where unknown; on the device of the logits.

    Raises:
        ValueError: There is no such loss; the message names the nearest one.

    >>> create("pos_weight", torch.tensor([[1.0], [0], [0], [0], [0]]))(torch.zeros(1, 1), torch.ones(1, 1))  # 2 ln 2
    tensor(1.3863)
    """
    if name not in _LOSSES:
        raise ValueError(f"unknown loss {name!r}{there_are(name, _LOSSES)}")
    return _LOSSES[name](labels_NL)


def names() -> tuple[str, ...]:
    """Return the names of the losses.

    >>> names()
    ('bce', 'pos_weight', 'focal', 'asymmetric', 'distribution_balanced')
    """
    return tuple(_LOSSES)


def _weighted(labels_NL: Tensor) -> Loss:
    return partial(pos_weight, weight_L=positive_weights(labels_NL))


def _balanced(labels_NL: Tensor) -> Loss:
    positives_L, known_L = count_labels(labels_NL)
    return partial(distribution_balanced, count_L=positives_L, num_samples=known_L)


_LOSSES: dict[str, Callable[[Tensor], Loss]] = {
    "bce": lambda _: bce,
    "pos_weight": _weighted,
    "focal": lambda _: focal,
    "asymmetric": lambda _: asymmetric,
    "distribution_balanced": _balanced,
}


def _checked(logits_BL: Tensor, targets_BL: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return logits and targets in at least single precision, 0 where unknown, and which cells are known.

    Raises:
        ValueError: The shapes differ.
    """
    if logits_BL.shape != targets_BL.shape:
        raise ValueError(
            "logits and targets must be of one shape (B, L), "
            f"got {tuple(logits_BL.shape)} and {tuple(targets_BL.shape)}"
        )
    logits_BL = logits_BL.to(torch.promote_types(logits_BL.dtype, torch.float32))
    targets_BL = targets_BL.to(logits_BL.dtype)
    return logits_BL, targets_BL.nan_to_num(0.0), ~targets_BL.isnan()


def _cross_entropy(logits_BL: Tensor, targets_BL: Tensor, weight_L: Tensor | None) -> Tensor:
    logits_BL, targets_BL, known_BL = _checked(logits_BL, targets_BL)
    total = binary_cross_entropy_with_logits(
        logits_BL,
        targets_BL,
        weight=known_BL.to(logits_BL.dtype),
        pos_weight=None if weight_L is None else weight_L.to(logits_BL),
        reduction="sum",
    )
    return total / known_BL.sum().clamp(min=1)


def _mean(loss_BL: Tensor, known_BL: Tensor) -> Tensor:
    """Return the mean over the known cells; 0 where none is."""
    return loss_BL.where(known_BL, 0.0).sum() / known_BL.sum().clamp(min=1)
