"""Layers the published models share, and the loop over labels that bounds their memory.

Shapes: B batch, L labels, C labels of one chunk, d latent size, h width of the features a classifier sees.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, leaky_relu, linear
from torch.utils.checkpoint import checkpoint

CHUNK_CELLS = 2**22  # numbers held for one chunk of an expanded tensor: 16 MiB in float32
KEPT_CELLS = 2**25  # numbers all chunks together keep for the backward pass: 128 MiB in float32
LOG_VARIANCE_BOUND = 10.0  # e^v stays within 5e-5 .. 2e4
UNKNOWN_LABEL = 0.5  # what a network that reads the labels gets where one is unknown


class LinearLayers(nn.Module):
    """Linear layers, each followed by a (leaky) ReLU and dropout; the initial weights are those of CLIF, DELA, PACA.

    Weights are uniform in ±g √(3 / fan_in) with g = √(2 / (1 + slope²)), biases in [0, 0.1].

    Args:
        widths: Width of the input, then of each layer.
        slope: Slope of the activation below 0; 0 is a ReLU.
        dropout: Share of units dropped in training.
        linear_output: Whether the last layer has neither activation nor dropout.
    """

    def __init__(
        self, widths: Sequence[int], *, slope: float = 0.0, dropout: float = 0.0, linear_output: bool = False
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(wide, narrow) for wide, narrow in pairwise(widths))
        self.slope, self.dropout, self.linear_output = slope, dropout, linear_output
        for layer in self.layers:
            initialize(layer, slope)

    def forward(self, x: Tensor, *, noisy: bool = True) -> Tensor:
        """Map `(..., in)` to `(..., out)`; without `noisy` nothing is dropped, in training mode either."""
        last = len(self.layers) - 1
        for index, layer in enumerate(self.layers):
            x = layer(x)
            if index < last or not self.linear_output:
                x = dropout(leaky_relu(x, self.slope), self.dropout, training=noisy and self.training)
        return x


def initialize(layer: nn.Module, slope: float) -> None:
    """Draw the initial weights of a linear layer of `LinearLayers`.

    Raises:
        TypeError: The layer is not linear.
    """
    if not isinstance(layer, nn.Linear):
        raise TypeError(f"expected a linear layer, got {type(layer).__name__}")
    nn.init.kaiming_uniform_(layer.weight, a=slope, nonlinearity="leaky_relu")
    nn.init.uniform_(layer.bias, 0.0, 0.1)


class LabelClassifier(nn.Module):
    """A linear classifier for each label, of features of its own: s_bl = W_l · z_bl + c_l.

    Args:
        num_labels: L.
        width: h. Weights and biases start uniform in ±1/√h.
    """

    def __init__(self, num_labels: int, width: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(width)
        self.weight = nn.Parameter(torch.empty(num_labels, width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(num_labels).uniform_(-bound, bound))

    def forward(self, z_Bh: Tensor) -> Tensor:
        """Map `(B, h)` features that all labels share to `(B, L)` logits."""
        return linear(z_Bh, self.weight, self.bias)


def classify(z_BCh: Tensor, weight_Ch: Tensor, bias_C: Tensor) -> Tensor:
    """Return the logits `(B, C)` of label-specific features, by rows of a `LabelClassifier`.

    >>> classify(torch.ones(1, 2, 3), torch.ones(2, 3), torch.tensor([0.0, 1.0]))
    tensor([[3., 4.]])
    """
    return torch.einsum("bch,ch->bc", z_BCh, weight_Ch) + bias_C


class GaussianHeads(nn.Module):
    """Mean and log-variance of a diagonal normal distribution, each linear in the input.

    Both come out in the precision of the weights, under autocast too; the log-variance is kept within ±10.

    Args:
        width: Width of the input.
        latent: d.
    """

    def __init__(self, width: int, latent: int) -> None:
        super().__init__()
        self.mean = nn.Linear(width, latent)
        self.log_variance = nn.Linear(width, latent)

    def forward(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Map `(B, width)` to mean and log-variance, `(B, d)` each."""
        with full_precision(h):
            h = h.to(self.mean.weight.dtype)
            return self.mean(h), self.log_variance(h).clamp(-LOG_VARIANCE_BOUND, LOG_VARIANCE_BOUND)


def normal_draw(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """Return a draw of N(mean, e^v), `mean + e^(v/2) noise`, that gradients pass through; all of one shape.

    >>> normal_draw(torch.tensor(1.0), torch.tensor(0.0), torch.tensor(-2.0))
    tensor(-1.)
    """
    return mean + (log_variance / 2).exp() * noise


def gaussian_kl(mean: Tensor, log_variance: Tensor, other_mean: Tensor, other_log_variance: Tensor) -> Tensor:
    """Return KL( N(mean, e^v) || N(other) ) of diagonal normals, in nats: `(B, d)` each to `(B,)`.

    >>> zero = torch.zeros(1, 2)
    >>> gaussian_kl(zero + 1, zero, zero, zero)
    tensor([1.])
    """
    difference = log_variance - other_log_variance
    squares = (mean - other_mean).square() * (-other_log_variance).exp()
    return 0.5 * (difference.exp() - 1 - difference + squares).sum(-1)


def full_precision(x: Tensor) -> torch.autocast:
    """Return a context that switches autocast off on the device of a tensor."""
    return torch.autocast(x.device.type, enabled=False)


def in_chunks(
    function: Callable[..., Tensor],
    tables: Sequence[Tensor],
    cells_per_row: int,
    *,
    kept_per_row: int | None = None,
    draws: bool = False,
) -> list[Tensor]:
    """Apply a function of rows to chunks of them that hold about `CHUNK_CELLS` numbers each.

    What the first chunks hold inside, up to `KEPT_CELLS` numbers, is kept for the backward pass; what the others
    hold is computed again there.

    Args:
        function: It takes the rows of each table. Other tensors it reads may require gradients too.
        tables: Tensors with the same number of rows.
        cells_per_row: Numbers `function` holds for one row.
        kept_per_row: Numbers it keeps of one row for the backward pass; as many by default.
        draws: Whether `function` draws random numbers, which must be the same the second time.

    Returns:
        The result for each chunk, in order.
    """
    rows = max(1, CHUNK_CELLS // max(1, cells_per_row))
    if rows >= len(tables[0]):
        return [function(*tables)]
    chunks = zip(*(torch.split(table, rows) for table in tables), strict=True)
    if not torch.is_grad_enabled():
        return [function(*chunk) for chunk in chunks]
    num_kept = KEPT_CELLS // (rows * (kept_per_row or cells_per_row))
    return [
        function(*chunk)
        if index < num_kept
        else checkpoint(function, *chunk, use_reentrant=False, preserve_rng_state=draws)
        for index, chunk in enumerate(chunks)
    ]


def over_labels(
    logits_of: Callable[..., Tensor],
    tables: Sequence[Tensor],
    cells_per_label: int,
    *,
    kept_per_label: int | None = None,
    draws: bool = False,
) -> Tensor:
    """Apply `in_chunks` to tables of L rows and a function from C rows to `(B, C)` logits; return `(B, L)`."""
    return torch.cat(in_chunks(logits_of, tables, cells_per_label, kept_per_row=kept_per_label, draws=draws), dim=1)
