"""Signals: one number for each sample and label, from what was predicted for it. And label weights from signals.

Shapes: N samples, L labels; every function works on any shape elementwise unless it says otherwise.
Symbols of the papers: p predicted probability, d fluctuation, e entropy, u uncertainty (AAAI-25, Eq. for u);
f flip EMA, l loss, h hardness, v label weight (IJCAI-26).
"""

import math

import torch
from torch import Tensor


def clamp_probabilities(probs: Tensor, eps: float | None = None) -> Tensor:
    """Keep probabilities away from 0 and 1 by `eps` (the resolution of their dtype by default).

    >>> clamp_probabilities(torch.tensor([0.0, 0.5, 1.0]), eps=0.25)
    tensor([0.2500, 0.5000, 0.7500])
    """
    eps = torch.finfo(probs.dtype).eps if eps is None else eps
    return probs.clamp(eps, 1.0 - eps)


def entropy(probs: Tensor, eps: float | None = None) -> Tensor:
    """Binary entropy in bits, `e = -(p log2 p + (1 - p) log2(1 - p))`, in [0, 1].

    Args:
        probs: Probabilities in [0, 1], any shape.
        eps: Distance kept from 0 and 1 (0 for none); the resolution of the dtype by default.

    >>> entropy(torch.tensor([0.5, 0.25]))
    tensor([1.0000, 0.8113])
    """
    p = clamp_probabilities(probs, eps)
    nats: Tensor = torch.special.entr(p) + torch.special.entr(1 - p)
    return nats / math.log(2)


def uncertainty(fluctuation: Tensor, entropy: Tensor, fluctuation_weight: float = 0.5) -> Tensor:
    """Uncertainty `u = lambda d + (1 - lambda) e`, in [0, 1] (AAAI-25; lambda is `fluctuation_weight`).

    >>> uncertainty(torch.tensor(0.2), torch.tensor(0.6))
    tensor(0.4000)
    """
    return fluctuation_weight * fluctuation + (1 - fluctuation_weight) * entropy


def flip_ema(previous: Tensor, change: Tensor, decay: float = 0.7) -> Tensor:
    """One step of the flip average, `f <- alpha |p(t) - p(t-1)| + (1 - alpha) f`, in [0, 1] (IJCAI-26).

    Args:
        previous: f before this observation; 0 at first.
        change: `|p(t) - p(t-1)|`; 0 for a first observation.
        decay: alpha.

    >>> flip_ema(torch.tensor(0.0), torch.tensor(0.5))
    tensor(0.3500)
    """
    return decay * change + (1 - decay) * previous


def binary_cross_entropy(probs: Tensor, positive: Tensor, eps: float | None = None) -> Tensor:
    """Loss `l = -log p` where the label is present, `-log(1 - p)` where it is not; in nats, not negative.

    Args:
        probs: Probabilities in [0, 1].
        positive: Boolean, same shape: the labels that are present.
        eps: Distance kept from 0 and 1; the resolution of the dtype by default.

    >>> binary_cross_entropy(torch.tensor([0.5, 0.5]), torch.tensor([True, False]))
    tensor([0.6931, 0.6931])
    """
    p = clamp_probabilities(probs, eps)
    return -torch.where(positive, p, 1 - p).log()


def hardness(loss: Tensor, flips: Tensor, *, released: bool = False) -> Tensor:
    """Noise-resistant hardness `h = (1 - exp(-l)) (1 - f)`, in [0, 1] (IJCAI-26).

    A cell that is wrong while its prediction keeps flipping is likely noise; steadily wrong is truly hard.

    Args:
        loss: l, not negative.
        flips: f, the flip EMA, in [0, 1].
        released: The authors' code has a slip of sign there, `(2 - exp(-l)) (1 - f)`, in [0, 2].

    >>> hardness(torch.tensor(math.log(2)), torch.tensor(0.5))
    tensor(0.2500)
    """
    wrong = -torch.expm1(-loss)
    return (1 + wrong if released else wrong) * (1 - flips)


def prediction_deviation(variance_NL: Tensor, count_N: Tensor) -> Tensor:
    """Deviation of a mean prediction, `sqrt(v + v^2 / (m - 1))` (Active Bias; Chang et al., NeurIPS 2017).

    Args:
        variance_NL: v, the sample variance (ddof 1) of the predictions.
        count_N: m, the number of predictions; 0 comes out for fewer than two.

    >>> prediction_deviation(torch.tensor([[0.5], [0.5]]), torch.tensor([2, 1]))
    tensor([[0.8660],
            [0.0000]])
    """
    freedom_N1 = (count_N - 1).clamp(min=1)[:, None]
    deviation_NL = (variance_NL + variance_NL.square() / freedom_N1).sqrt()
    return deviation_NL.where(count_N[:, None] > 1, 0.0)


def most_suspicious(loss_NL: Tensor, flips_NL: Tensor | None, k: int) -> Tensor:
    """The cells that are most likely mislabelled: by hardness, and wrong by more than 1/2.

    Args:
        loss_NL: l.
        flips_NL: f, the flip EMA; None for none.
        k: How many at most.

    Returns:
        `(<= k, 2)` int64: sample and label of each, the most suspicious first.

    >>> most_suspicious(torch.tensor([[0.1, 2.0], [3.0, 0.0]]), None, k=5)
    tensor([[1, 0],
            [0, 1]])
    """
    flips_NL = torch.zeros_like(loss_NL) if flips_NL is None else flips_NL
    suspicion_NL = hardness(loss_NL, flips_NL).where(loss_NL > math.log(2), 0.0)
    found = suspicion_NL.flatten().topk(min(k, int((suspicion_NL > 0).sum()))).indices
    return torch.stack([found // loss_NL.shape[1], found % loss_NL.shape[1]], dim=1)


def label_weights(signal_NL: Tensor, known_NL: Tensor | None = None) -> Tensor:
    """Dynamic label weights `v_j = exp(mu_j / 2 + sigma_j / 2)` over the samples (IJCAI-26).

    Args:
        signal_NL: A signal.
        known_NL: Boolean: the cells that count; None for all of them.

    Returns:
        `(L,)` float64, at least 1 for a signal that is not negative. mu is the mean, sigma the standard
        deviation (ddof 0) of the label's column; both are 0 for a label without a known cell.

    >>> label_weights(torch.tensor([[0.0], [2.0]]))  # mu = sigma = 1
    tensor([2.7183], dtype=torch.float64)
    """
    signal_NL = signal_NL.double()
    if known_NL is None:
        mean_L = signal_NL.mean(0)
        variance_L = (signal_NL - mean_L).square().mean(0)
    else:
        count_L = known_NL.sum(0).clamp(min=1)
        mean_L = signal_NL.where(known_NL, 0.0).sum(0) / count_L
        variance_L = (signal_NL - mean_L).where(known_NL, 0.0).square().sum(0) / count_L
    return ((mean_L + variance_L.sqrt()) / 2).exp()
