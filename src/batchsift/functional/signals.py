"""Signals, one number for each sample and label, from what was predicted for it; and label weights from signals.

Shapes: N samples, L labels; every function works on any shape elementwise unless it says otherwise.
Symbols of the papers: p predicted probability, d fluctuation, e entropy, u uncertainty (AAAI-25, Eq. for u);
f flip EMA, l loss, h hardness, v label weight (IJCAI-26).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, pad, softplus

_WHOLE_VECTORS = 64  # elements: a multiple of what a processor's vector instructions take at once, twice


def clamp_probabilities(probs: Tensor, eps: float | None = None) -> Tensor:
    """Keep probabilities away from 0 and 1 by `eps` (the resolution of their dtype by default).

    >>> clamp_probabilities(torch.tensor([0.0, 0.5, 1.0]), eps=0.25)
    tensor([0.2500, 0.5000, 0.7500])
    """
    eps = torch.finfo(probs.dtype).eps if eps is None else eps
    return probs.clamp(eps, 1.0 - eps)


def entropy(probs: Tensor, eps: float | None = None) -> Tensor:
    """Return the binary entropy in bits, `e = -(p log2 p + (1 - p) log2(1 - p))`, in [0, 1] (AAAI-25).

    Args:
        probs: Probabilities in [0, 1], any shape.
        eps: Distance kept from 0 and 1 (0 for none); the resolution of the dtype by default.

    >>> entropy(torch.tensor([0.5, 0.25]))
    tensor([1.0000, 0.8113])
    """
    p = clamp_probabilities(probs, eps)
    if eps == 0:
        nats: Tensor = torch.special.entr(p) + torch.special.entr(1 - p)
        return nats / math.log(2)
    return entropy_inside(p)


def entropy_inside(probs: Tensor) -> Tensor:
    """Return `entropy` of probabilities that are neither 0 nor 1: plain products, at a third of the cost.

    >>> entropy_inside(torch.tensor([0.5, 0.25]))
    tensor([1.0000, 0.8113])
    """
    rest = 1 - probs
    return probs.log().mul_(probs).addcmul_(rest.log(), rest).div_(-math.log(2))


def uncertainty(fluctuation: Tensor, entropy: Tensor, fluctuation_weight: float = 0.5) -> Tensor:
    """Return the uncertainty `u = lambda d + (1 - lambda) e`, in [0, 1] (AAAI-25).

    Args:
        fluctuation: d, in [0, 1].
        entropy: e, in [0, 1].
        fluctuation_weight: lambda, in [0, 1].

    >>> uncertainty(torch.tensor(0.2), torch.tensor(0.6))
    tensor(0.4000)
    """
    return torch.lerp(entropy, fluctuation, fluctuation_weight)


def flip_ema(previous: Tensor, change: Tensor, decay: float = 0.7) -> Tensor:
    """Take one step of the flip average, `f <- alpha |p(t) - p(t-1)| + (1 - alpha) f`, in [0, 1] (IJCAI-26).

    Args:
        previous: f before this observation; 0 at first.
        change: `|p(t) - p(t-1)|`; 0 for a first observation.
        decay: alpha, in [0, 1].

    >>> flip_ema(torch.tensor(0.0), torch.tensor(0.5))
    tensor(0.3500)
    """
    return torch.lerp(previous, change, decay)


def binary_cross_entropy(probs: Tensor, positive: Tensor, eps: float | None = None) -> Tensor:
    """Return the loss `l`, `-log p` where the label is present, `-log(1 - p)` where not; in nats (ECML-24, IJCAI-26).

    Args:
        probs: Probabilities in [0, 1].
        positive: Boolean, same shape: the labels that are present.
        eps: Distance kept from 0 and 1; the resolution of the dtype by default.

    >>> binary_cross_entropy(torch.tensor([0.5, 0.5]), torch.tensor([True, False]))
    tensor([0.6931, 0.6931])
    """
    p = clamp_probabilities(probs, eps)
    return -torch.where(positive, p, 1 - p).log()


def binary_cross_entropy_of_logits(logits: Tensor, positive: Tensor) -> Tensor:
    """Return the loss `l = (1 - y) z - log sigmoid(z)` from the logits z: it does not saturate; in nats, not negative.

    The same numbers as `torch.nn.functional.binary_cross_entropy_with_logits`, which spreads an array of any size over
    all threads. Softplus spreads only large ones, and agrees wherever an array ends on a whole vector: hence the
    padding.

    Args:
        logits: z.
        positive: Boolean, same shape: the labels that are present.

    >>> binary_cross_entropy_of_logits(torch.tensor([0.0, 2.0]), torch.tensor([True, False]))
    tensor([0.6931, 2.1269])
    """
    targets = positive.to(logits.dtype)
    if torch.get_num_threads() == 1 or logits.device.type != "cpu":
        return binary_cross_entropy_with_logits(logits, targets, reduction="none")
    size = logits.abs()
    if size.numel() % _WHOLE_VECTORS:
        padded = pad(size.flatten(), (0, -size.numel() % _WHOLE_VECTORS))
        tail = softplus(padded, beta=-1)[: size.numel()].view(size.shape)
    else:
        tail = softplus(size, beta=-1)  # -log(1 + exp(-|z|))
    log_sigmoid = tail.add_(logits.clamp(max=0))
    return torch.addcmul(logits, targets, logits, value=-1).sub_(log_sigmoid)


def hardness(loss: Tensor, flips: Tensor, *, released: bool = False) -> Tensor:
    """Return the noise-resistant hardness `h = (1 - exp(-l)) (1 - f)`, in [0, 1] (IJCAI-26).

    A cell that is wrong while its prediction keeps flipping is likely noise; steadily wrong is truly hard.

    Args:
        loss: l, not negative.
        flips: f, the flip EMA, in [0, 1].
        released: Whether to follow the authors' code, which has a slip of sign: `(2 - exp(-l)) (1 - f)`, in [0, 2].

    >>> hardness(torch.tensor(math.log(2)), torch.tensor(0.5))
    tensor(0.2500)
    """
    return _hardness(-torch.expm1(-loss), flips, released)


def hardness_of_probabilities(probs: Tensor, positive: Tensor, flips: Tensor, *, released: bool = False) -> Tensor:
    """Return `hardness` by the prediction, without a logarithm: `1 - exp(-l)` is `|y - p|`.

    Args:
        probs: p, in [0, 1].
        positive: y, boolean: the labels that are present.
        flips: f, the flip EMA, in [0, 1].
        released: See `hardness`.

    >>> hardness_of_probabilities(torch.tensor([0.25, 0.25]), torch.tensor([True, False]), torch.tensor([0.5, 0.0]))
    tensor([0.3750, 0.2500])
    """
    return _hardness(torch.where(positive, 1 - probs, probs), flips, released)


def _hardness(wrong: Tensor, flips: Tensor, released: bool) -> Tensor:
    wrong = 1 + wrong if released else wrong
    return torch.addcmul(wrong, wrong, flips, value=-1)


def prediction_deviation(variance_NL: Tensor, count_N: Tensor) -> Tensor:
    """Return the deviation of a mean prediction, `sqrt(v + v^2 / (m - 1))` (NeurIPS-17).

    Args:
        variance_NL: v, the sample variance (ddof 1) of the predictions.
        count_N: m, the number of predictions; with fewer than two the deviation is 0.

    >>> prediction_deviation(torch.tensor([[0.5], [0.5]]), torch.tensor([2, 1]))
    tensor([[0.8660],
            [0.0000]])
    """
    freedom_N1 = (count_N - 1).clamp(min=1)[:, None]
    deviation_NL = (variance_NL + variance_NL.square() / freedom_N1).sqrt()
    return deviation_NL.where(count_N[:, None] > 1, 0.0)


@dataclass(frozen=True, eq=False)
class ColumnMoments:
    """Moments of each column of some rows: number of cells, mean, sum of squared deviations.

    Attributes:
        count_L: The numbers of cells, `(L,)`, or `(1,)` where all are the same.
        mean_L: The means.
        squares_L: The sums of squared deviations from them.
    """

    count_L: Tensor
    mean_L: Tensor
    squares_L: Tensor

    @classmethod
    def of(cls, signal_RL: Tensor, known_RL: Tensor | None = None) -> Self:
        """Return the moments of some rows `(R, L)`; cells that are not known do not count.

        >>> ColumnMoments.of(torch.tensor([[0.0], [2.0]])).squares_L
        tensor([2.])
        """
        if known_RL is None:
            mean_L = signal_RL.mean(0)
            deviation_RL = signal_RL - mean_L
            count_L = mean_L.new_full((1,), len(signal_RL))
        else:
            count_L = known_RL.sum(0)
            mean_L = signal_RL.where(known_RL, 0.0).sum(0) / count_L.clamp(min=1)
            deviation_RL = (signal_RL - mean_L).where(known_RL, 0.0)
        squares_L = deviation_RL.mul_(deviation_RL).sum(0)
        return cls(count_L, mean_L, squares_L)

    @classmethod
    def together(cls, parts: Sequence[Self]) -> Self:
        """Merge the moments of parts into those of all rows, in float64, however far the parts are apart.

        The formula is that of Chan, Golub and LeVeque (The American Statistician 37, 1983).

        >>> parts = [ColumnMoments.of(torch.tensor([[value]])) for value in (0.0, 2.0)]
        >>> ColumnMoments.together(parts).squares_L
        tensor([2.], dtype=torch.float64)
        """
        count_CL, mean_CL, squares_CL = (
            torch.stack([getattr(part, name) for part in parts]).double() for name in ("count_L", "mean_L", "squares_L")
        )
        count_L = count_CL.sum(0)
        mean_L = (count_CL * mean_CL).sum(0) / count_L.clamp(min=1)
        between_L = (count_CL * (mean_CL - mean_L).square()).sum(0)
        return cls(count_L, mean_L, squares_CL.sum(0) + between_L)

    def as_matrix(self) -> Tensor:
        """Return number, mean and squares of each column, `(3, L)` float64; see `of_matrix`."""
        return torch.stack([self.count_L.expand(self.mean_L.shape), self.mean_L, self.squares_L]).double()

    @classmethod
    def of_matrix(cls, moments_3L: Tensor) -> Self:
        """Return the moments that `as_matrix` gave.

        >>> moments = ColumnMoments.of(torch.tensor([[0.0], [2.0]]))
        >>> ColumnMoments.of_matrix(moments.as_matrix()).mean_L
        tensor([1.], dtype=torch.float64)
        """
        return cls(*moments_3L.unbind())

    def label_weights(self) -> Tensor:
        """Return `exp(mean / 2 + deviation / 2)`, `(L,)`; see `label_weights`."""
        return ((self.mean_L + (self.squares_L / self.count_L.clamp(min=1)).sqrt()) / 2).exp()


def label_weights(signal_NL: Tensor, known_NL: Tensor | None = None) -> Tensor:
    """Return the dynamic label weights `v_j = exp(mu_j / 2 + sigma_j / 2)` over the samples (IJCAI-26).

    Args:
        signal_NL: A signal.
        known_NL: Boolean: the cells that count; None for all of them.

    Returns:
        `(L,)` float64, at least 1 for a signal that is not negative. mu is the mean, sigma the standard
        deviation (ddof 0) of the label's column; both are 0 for a label without a known cell.

    >>> label_weights(torch.tensor([[0.0], [2.0]]))  # mu = sigma = 1
    tensor([2.7183], dtype=torch.float64)
    """
    return ColumnMoments.of(signal_NL.double(), known_NL).label_weights()
