"""PACA: log densities under the positive and the negative prototypes of each label, by conditional flows.

Citation:
    J.-Y. Hang, M.-L. Zhang, Y. Feng, X. Song. End-to-End Probabilistic Label-Specific Feature Learning for
    Multi-Label Classification. AAAI 2022, 36(6), doi 10.1609/aaai.v36i6.20641.

Each label has a set of positive and a set of negative prototypes, modelled as two densities in a latent space by
conditional normalising flows. Their log ratio classifies without further parameters. The latent space is shaped by an
autoencoder of the features, and by one of the labels to whose posterior the features' posterior is drawn.

Shapes: B batch, D features, L labels, C labels of one chunk, d latent size, h = 256 hidden units of the conditioner,
K = 16 units of the sigmoidal step, q numbers the conditioner gives for each dimension.

| symbol | variable | |
| --- | --- | --- |
| μ_x, v_x | `posterior` | x → 256 → 512 → 256 (ReLU, dropout), two linear heads; z_x is a draw |
| μ_y, v_y | `label_posterior` | y → 512 → 256 (ReLU, dropout), two linear heads; z_y is a draw |
| ŷ | `label_decoder` | z_y → 256 → 512 (ReLU) → L |
| ζ | `zeta_Bd` | [x, z_x] → 256 → 256 (ReLU) → d |
| x̂ | `decoder` | ζ → 256 → 512 → 256 (ReLU) → D |
| log p⁺, log p⁻ | `positive`, `negative` | two flows of the same structure, given label l |
| s_bl | `logits_BL` | log p⁺(ζ_b given l) − log p⁻(ζ_b given l) |

A flow, given the one-hot code c_l:

1. Conditioner: a masked autoregressive layer, ELU(masked(ζ) + V c_l) (h units), then q = 3 max(1, ⌊h / d⌋) numbers for
   each dimension, of the dimensions before it alone; a layer q → 3K that all dimensions share; softplus for a,
   softmax for w.
2. Sigmoidal step in each dimension: f = Σ_k w_k σ(a_k ζ + b_k), t = log f − log(1 − f).
3. Affine step: u = t ⊙ softplus(A(c_l)) + B(c_l), residual blocks that start at the identity.
4. log p = log N(u; 0, I) + the logarithms of both Jacobians.

Loss: ||σ(x̂) − x||² + γ [ KL( N(μ_x, e^v_x) || N(μ_y, e^v_y) ) + Σ_l bce(ŷ_l, y_l) ] + α Σ_l bce(s_l, y_l), the mean
over the batch. The features must lie in [0, 1]. For binary features the first term is their cross-entropy with x̂.
Prediction: z_x = μ_x, no label branch. (ŷ is no prediction: it is made from the true labels.)

Choices:
    - d = 50, at most 256 in the comparison variant; the published q = 3 ⌊h / d⌋ is 0 above 256, which leaves the
      sigmoidal step without any input.
    - The sigmoidal step in its exact logarithmic form, without the squeeze of f by 1e-6; its weights and slopes are at
      least 1e-10. The flows run in the precision of the weights under autocast.
    - Log-variances are kept within ±10.
    - `forward` is the prediction in training mode too, without dropout; `training_loss` returns the same, without
      gradient, next to the loss.
    - A cell whose label is unknown is left out of both sums over labels, which are L times the mean over the known
      cells; it enters the label encoder as 1/2.

`variant="comparison"` is what papers on batch selection describe under this name: d = min(⌈D / 2⌉, 256), dropout 0.2
wherever the authors have none (all but the two encoders, which have 0.1 in both variants).

Cheaper, exactly: V c_l, A(c_l), B(c_l) are rows of tables; masked(ζ) is computed once for all labels; most of what the
mask of the conditioner forbids is not multiplied; the gradient of the sigmoidal step is written out; chunks of labels
beyond the first are computed again in the backward pass.
"""

import math
from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import binary_cross_entropy_with_logits, elu, linear, relu, softplus

from batchsift.models.base import BaseModel, known_cross_entropy
from batchsift.models.layers import CHUNK_CELLS, Block, GaussianHeads, full_precision, gaussian_kl, over_labels
from batchsift.models.settings import check_dropout, check_sizes, check_weights, resolve

CONDITIONER_UNITS = 256
SIGMOID_UNITS = 16
KEPT_TENSORS = 7  # of B x L x d x 16 numbers, for the backward pass
BLOCKS = 4  # of the conditioner's outputs
CACHED_CELLS = 2**17  # numbers of an expanded tensor that a CPU's cache holds a dozen times
FAR = 30.0  # beyond it, σ is a power of e (to 1e-13) in one direction, and 1 (likewise) in the other
LEAST = 1e-10  # of w and a: below it, log f and the slope would underflow in single precision
LARGEST_LATENT = 256  # of the comparison variant
UNKNOWN = 0.5  # what the label encoder sees of an unknown label


@dataclass(frozen=True, kw_only=True)
class PACASettings:
    """The hyperparameters of PACA; see there."""

    latent: int = 50
    encoder_dropout: float = 0.1
    dropout: float = 0.0
    classification_weight: float = 2.0
    regulariser_weight: float = 10.0

    def __post_init__(self) -> None:
        check_sizes(latent=self.latent)
        check_dropout(encoder_dropout=self.encoder_dropout, dropout=self.dropout)
        check_weights(classification_weight=self.classification_weight, regulariser_weight=self.regulariser_weight)


class PACA(BaseModel):
    """The log ratio of two densities for each label.

    Args:
        num_features: D.
        num_labels: L.
        variant: `"authors"`, or `"comparison"` (see above). What is None below is the variant's.
        latent: d (50; comparison min(⌈D / 2⌉, 256)).
        encoder_dropout: Share of units dropped in the two encoders, in [0, 1) (0.1).
        dropout: The same in the other networks (0; comparison 0.2).
        classification_weight: α (2).
        regulariser_weight: γ (10).
        binary_features: Whether all features are 0 or 1.

    Raises:
        ValueError: for a hyperparameter out of its range.

    >>> PACA(4, 3, latent=2)(torch.zeros(5, 4)).shape
    torch.Size([5, 3])
    """

    def __init__(
        self,
        num_features: int,
        num_labels: int,
        *,
        variant: str = "authors",
        latent: int | None = None,
        encoder_dropout: float | None = None,
        dropout: float | None = None,
        classification_weight: float | None = None,
        regulariser_weight: float | None = None,
        binary_features: bool = False,
    ) -> None:
        super().__init__()
        check_sizes(num_features=num_features, num_labels=num_labels)
        settings = resolve(
            {
                "authors": PACASettings(),
                "comparison": PACASettings(latent=min((num_features + 1) // 2, LARGEST_LATENT), dropout=0.2),
            },
            variant,
            latent=latent,
            encoder_dropout=encoder_dropout,
            dropout=dropout,
            classification_weight=classification_weight,
            regulariser_weight=regulariser_weight,
        )
        d, q, rate = settings.latent, settings.encoder_dropout, settings.dropout
        self.settings, self.binary_features = settings, binary_features
        self.encoder = Block([num_features, 256, 512, 256], dropout=q)
        self.heads = GaussianHeads(256, d)
        self.label_encoder = Block([num_labels, 512, 256], dropout=q)
        self.label_heads = GaussianHeads(256, d)
        self.label_decoder = Block([d, 256, 512, num_labels], dropout=rate, linear_output=True)
        self.map = Block([num_features + d, 256, 256, d], dropout=rate, linear_output=True)
        self.decoder = Block([d, 256, 512, 256, num_features], dropout=rate, linear_output=True)
        self.positive = LabelFlow(d, num_labels)
        self.negative = LabelFlow(d, num_labels)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, D)` features to `(B, L)` logits: the prediction, without noise and dropout in training mode too."""
        mean_Bd, _ = self.heads(self.encoder(x, noisy=False))
        return self._log_ratio(self.map(torch.cat([x, mean_Bd], dim=1), noisy=False))

    def training_loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The loss under fresh draws; the logits of the prediction, without gradient."""
        num_labels, options = y.shape[1], self.settings
        posterior = self.heads(self.encoder(x))
        targets_BL = y.to(posterior[0].dtype)
        label_posterior = self.label_heads(self.label_encoder(targets_BL.nan_to_num(UNKNOWN)))
        label_logits_BL = self.label_decoder(_draw(label_posterior)).to(targets_BL.dtype)
        zeta_Bd = self.map(torch.cat([x, _draw(posterior)], dim=1))
        reconstruction = self._reconstruction_loss(self.decoder(zeta_Bd), x)
        regulariser = gaussian_kl(*posterior, *label_posterior).mean()
        regulariser = regulariser + num_labels * known_cross_entropy(label_logits_BL, targets_BL)
        classification = num_labels * known_cross_entropy(self._log_ratio(zeta_Bd), targets_BL)
        loss = (
            reconstruction + options.regulariser_weight * regulariser + options.classification_weight * classification
        )
        with torch.no_grad():
            logits_BL = self(x)
        return loss, logits_BL

    def _log_ratio(self, zeta_Bd: Tensor) -> Tensor:
        log_ratio_BL: Tensor = self.positive(zeta_Bd) - self.negative(zeta_Bd)
        return log_ratio_BL

    def _reconstruction_loss(self, decoded_BD: Tensor, x: Tensor) -> Tensor:
        """The sum over features, the mean over the batch."""
        x = x.to(torch.promote_types(x.dtype, decoded_BD.dtype))
        decoded_BD = decoded_BD.to(x.dtype)
        if self.binary_features:
            return binary_cross_entropy_with_logits(decoded_BD, x, reduction="sum") / len(x)
        return (decoded_BD.sigmoid() - x).square().sum() / len(x)


def _draw(posterior: tuple[Tensor, Tensor]) -> Tensor:
    mean_Bd, log_variance_Bd = posterior
    return mean_Bd + (log_variance_Bd / 2).exp() * torch.randn_like(mean_Bd)


class LabelFlow(nn.Module):
    """A normalising flow in d dimensions conditioned on a label: one sigmoidal and one affine step.

    Args:
        latent: d.
        num_labels: L.
    """

    input_mask_hd: Tensor
    output_mask: Tensor  # (d q, h)

    def __init__(self, latent: int, num_labels: int) -> None:
        super().__init__()
        self.num_per_dimension = 3 * max(1, CONDITIONER_UNITS // latent)
        bound = 1 / math.sqrt(num_labels)
        self.input = nn.Linear(latent, CONDITIONER_UNITS)
        self.label_codes_Lh = nn.Parameter(torch.empty(num_labels, CONDITIONER_UNITS).uniform_(-bound, bound))
        self.output = nn.Linear(CONDITIONER_UNITS, latent * self.num_per_dimension)
        self.shared = nn.Linear(self.num_per_dimension, 3 * SIGMOID_UNITS)
        self.scale = ResidualTable(num_labels, latent, initial=math.log(math.e - 1))
        self.shift = ResidualTable(num_labels, latent, initial=0.0)
        degrees = sorted(unit % max(latent - 1, 1) + 1 for unit in range(CONDITIONER_UNITS))
        degrees_d, degrees_h = torch.arange(1, latent + 1), torch.tensor(degrees)
        dtype = self.input.weight.dtype
        self.register_buffer("input_mask_hd", (degrees_d <= degrees_h[:, None]).to(dtype), persistent=False)
        output_mask_dh = (degrees_h < degrees_d[:, None]).to(dtype)
        output_mask = output_mask_dh.repeat_interleave(self.num_per_dimension, dim=0)
        self.register_buffer("output_mask", output_mask, persistent=False)
        bounds = [latent * block // BLOCKS for block in range(BLOCKS + 1)]
        self.blocks = [  # rows of the output layer, and how many hidden units the last of them sees
            (slice(low * self.num_per_dimension, high * self.num_per_dimension), bisect_left(degrees, high))
            for low, high in pairwise(bounds)
            if high > low
        ]

    def forward(self, zeta_Bd: Tensor) -> Tensor:
        """Log densities given each label, in nats: `(B, d)` points to `(B, L)`, in the precision of the weights."""
        with full_precision(zeta_Bd):
            return self._log_densities(zeta_Bd.to(self.input.weight.dtype))

    def _log_densities(self, zeta_Bd: Tensor) -> Tensor:
        latent, q = zeta_Bd.shape[1], self.num_per_dimension
        of_instance_Bh = linear(zeta_Bd, self.input.weight * self.input_mask_hd, self.input.bias)
        output_weight, output_bias = self.output.weight * self.output_mask, self.output.bias

        def conditions_of(hidden: Tensor) -> Tensor:
            """`(..., h)` to `(..., d q)`; what the mask forbids all rows of a block is not multiplied."""
            blocks = [linear(hidden[..., :h], output_weight[rows, :h], output_bias[rows]) for rows, h in self.blocks]
            return torch.cat(blocks, dim=-1)

        def of_label_group(conditions: Tensor) -> tuple[Tensor, Tensor]:
            """The sigmoidal step for G labels, `(G, B, d)` each, of the conditioner's numbers `(G, B, d q)`."""
            raw = torch.addmm(self.shared.bias[:, None], self.shared.weight, conditions.reshape(-1, q).T)
            return sigmoidal_step(zeta_Bd, raw.reshape(3 * SIGMOID_UNITS, *conditions.shape[:-1], latent))

        def log_densities_of(codes_Ch: Tensor, scale_Cd: Tensor, shift_Cd: Tensor) -> Tensor:
            conditions = conditions_of(elu(of_instance_Bh + codes_Ch[:, None]))
            groups = torch.split(conditions, labels_at_once(zeta_Bd))
            t_CBd, log_slope_CBd = (torch.cat(parts) for parts in zip(*map(of_label_group, groups), strict=True))
            u_CBd = t_CBd * softplus(scale_Cd)[:, None] + shift_Cd[:, None]
            log_jacobian_CB = log_slope_CBd.sum(-1) + log_softplus(scale_Cd).sum(-1)[:, None]
            return (log_jacobian_CB - 0.5 * u_CBd.square().sum(-1) - latent / 2 * math.log(2 * math.pi)).T

        tables = (self.label_codes_Lh, self.scale(), self.shift())
        of_conditioner = len(zeta_Bd) * (latent * q + CONDITIONER_UNITS)
        of_units = zeta_Bd.numel() * SIGMOID_UNITS
        return over_labels(
            log_densities_of,
            tables,
            max(of_units, of_conditioner),
            kept_per_label=KEPT_TENSORS * of_units + of_conditioner,
        )


def labels_at_once(zeta_Bd: Tensor) -> int:
    """How many labels go through the sigmoidal step together: on a CPU, as many as its cache holds."""
    cells = CACHED_CELLS if zeta_Bd.device.type == "cpu" else CHUNK_CELLS
    return max(1, cells // max(1, zeta_Bd.numel() * SIGMOID_UNITS))


class ResidualTable(nn.Module):
    """The values l2(ReLU(l1(c))) + l3(c) for the one-hot code c of each label, as a table `(L, d)`.

    Args:
        num_labels: L.
        width: d.
        initial: About what all values start at.
    """

    def __init__(self, num_labels: int, width: int, *, initial: float) -> None:
        super().__init__()
        self.first = nn.Linear(num_labels, width)
        self.second = nn.Linear(width, width)
        self.direct = nn.Linear(num_labels, width)
        for layer in (self.second, self.direct):
            nn.init.uniform_(layer.weight, -1e-3, 1e-3)
            nn.init.constant_(layer.bias, initial / 2)

    def forward(self) -> Tensor:
        """The table."""
        first_Ld = relu(self.first.weight.T + self.first.bias)
        table_Ld: Tensor = self.second(first_Ld) + self.direct.weight.T + self.direct.bias
        return table_Ld


def sigmoidal_step(zeta: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
    """A monotone map of the real line in each dimension: t = logit Σ_k w_k σ(a_k ζ + b_k).

    The units stand first: on a CPU, reductions over a short last dimension take several times as long.

    Args:
        zeta: `(..., d)`, or what broadcasts to it.
        raw: `(3K, ..., d)`: a before its softplus, b, w before its softmax.

    Returns:
        t and log |dt / dζ|, `(..., d)` each.

    >>> raw = torch.tensor([[0.541325], [0.0], [0.0]])  # K = 1, a = 1, b = 0: the identity
    >>> [value.round(decimals=4) for value in sigmoidal_step(torch.tensor([2.0]), raw)]
    [tensor([2.]), tensor([0.])]
    """
    step: tuple[Tensor, Tensor] = _SigmoidalStep.apply(zeta, raw)  # type: ignore[no-untyped-call]
    return step


class _SigmoidalStep(torch.autograd.Function):
    """`sigmoidal_step`, its backward pass written out: left to autograd it takes twice the time and memory.

    With p_k = a_k ζ + b_k: t = log f − log g and log |dt / dζ| = log s − log f − log g, where f = Σ_k w_k σ(p_k),
    g = Σ_k w_k σ(−p_k) and s = Σ_k w_k a_k σ(p_k) σ(−p_k). Where a sum would underflow, all its sigmoids are those of
    arguments shifted up by c, and c is taken off its logarithm: far out σ is a power of e, and σ(p + c) = e^c σ(p). The
    weights and slopes are at least 1e-10, so that no sum underflows where the unit with all the weight lies far out.
    """

    @staticmethod
    def forward(ctx: Any, zeta: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        """Both outputs; keeps what the backward pass takes up."""
        raw_a, b, raw_w = raw.chunk(3)
        a, w = softplus(raw_a).clamp_(min=LEAST), raw_w.softmax(0).clamp_(min=LEAST)
        pre = torch.addcmul(b, a, zeta)
        distance = pre.abs()
        shift_f = (pre.amax(0) + FAR).clamp_(max=0)
        shift_g = (FAR - pre.amin(0)).clamp_(max=0)
        shift_s = (FAR - distance.amin(0)).clamp_(max=0)
        below = (pre - shift_f).sigmoid_()
        of_f = w * below
        of_g = pre.add_(shift_g).neg_().sigmoid_().mul_(w)
        of_slope = (distance + shift_s).neg_().sigmoid_().mul_(distance.sigmoid_()).mul_(w)
        f, g, s = of_f.sum(0), of_g.sum(0), torch.mul(of_slope, a, out=distance).sum(0)
        ctx.save_for_backward(zeta, a, w, below, of_f, of_g, of_slope, f, g, s, shift_f, shift_g, shift_s)
        log_f, log_g = f.log() + shift_f, g.log() + shift_g
        return log_f - log_g, s.log() + shift_s - log_f - log_g

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        """The gradients of ζ and of the raw numbers."""
        zeta, a, w, below, of_f, of_g, of_slope, f, g, s, shift_f, shift_g, shift_s = ctx.saved_tensors
        grad_t, grad_log_slope = grads
        to_f, to_g, to_s = (grad_t - grad_log_slope) / f, (-grad_t - grad_log_slope) / g, grad_log_slope / s
        both = to_f * (shift_s - shift_f).exp() - to_g * (shift_s - shift_g).exp()
        grad_raw = torch.empty((3 * len(a), *a.shape[1:]), dtype=a.dtype, device=a.device)
        grad_a, grad_pre, grad_w = grad_raw.chunk(3)
        share = of_slope * to_s
        torch.mul(share, a, out=grad_w)
        torch.mul(of_slope, both, out=grad_pre)
        grad_pre.add_(grad_w).addcmul_(grad_w, below, value=-2)  # σ(-p) - σ(p) = 1 - 2 σ(p)
        grad_w.addcmul_(of_f, to_f).addcmul_(of_g, to_g).addcmul_(w, grad_log_slope)
        torch.addcmul(share, grad_pre, zeta, out=grad_a)
        grad_zeta = torch.mul(grad_pre, a, out=share).sum(0).sum_to_size(zeta.shape)
        grad_a.mul_(torch.neg(a, out=share).expm1_().neg_())  # the derivative of softplus is 1 - e^-a
        return grad_zeta, grad_raw


def log_softplus(raw: Tensor) -> Tensor:
    """The logarithm of softplus, also where softplus underflows: there it is the argument itself.

    >>> log_softplus(torch.tensor([-200.0, 0.541325])).round(decimals=4).abs()
    tensor([200.,   0.])
    """
    low = -30.0
    return torch.where(raw < low, raw, softplus(raw.clamp(min=low)).log())
