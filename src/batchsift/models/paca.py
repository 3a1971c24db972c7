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
    - `label_loss` replaces the cross-entropy of s, not that of ŷ: the latter shapes the latent space.

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
from torch.nn.functional import binary_cross_entropy_with_logits, elu, linear, relu, softplus

from batchsift.functional import losses
from batchsift.models.base import BaseModel
from batchsift.models.layers import (
    CHUNK_CELLS,
    UNKNOWN_LABEL,
    GaussianHeads,
    LinearLayers,
    full_precision,
    gaussian_kl,
    normal_draw,
    over_labels,
)
from batchsift.models.registry import register
from batchsift.models.settings import check_dropout, check_sizes, check_weights, choose_settings
from batchsift.models.sigmoidal import sigmoidal_step

CONDITIONER_UNITS = 256
SIGMOID_UNITS = 16
KEPT_TENSORS = 7  # of B x L x d x 16 numbers, for the backward pass
BLOCKS = 4  # of the conditioner's outputs
CACHED_CELLS = 2**17  # numbers of an expanded tensor that a CPU's cache holds a dozen times
LARGEST_LATENT = 256  # of the comparison variant


@dataclass(frozen=True, kw_only=True)
class PACASettings:
    """Hyperparameters of PACA.

    Args:
        latent: d (50; comparison min(⌈D / 2⌉, 256)).
        encoder_dropout: Share of units dropped in the two encoders, in [0, 1) (0.1).
        dropout: The same in the other networks (0; comparison 0.2).
        classification_weight: α (2).
        regulariser_weight: γ (10).
        binary_features: Whether all features are 0 or 1 (no).
    """

    latent: int = 50
    encoder_dropout: float = 0.1
    dropout: float = 0.0
    classification_weight: float = 2.0
    regulariser_weight: float = 10.0
    binary_features: bool = False

    def __post_init__(self) -> None:
        check_sizes(latent=self.latent)
        check_dropout(encoder_dropout=self.encoder_dropout, dropout=self.dropout)
        check_weights(classification_weight=self.classification_weight, regulariser_weight=self.regulariser_weight)


@register
class PACA(BaseModel):
    """The log ratio of two densities for each label.

    Args:
        num_features: D.
        num_labels: L.
        variant: `"authors"`, or `"comparison"` (see above).
        hyperparameters: Some of the fields of `PACASettings`; the variant's values for the others.

    Raises:
        ValueError: A hyperparameter is out of its range.

    >>> PACA(4, 3, latent=2)(torch.zeros(5, 4)).shape
    torch.Size([5, 3])
    """

    settings_class = PACASettings
    takes_label_loss = True
    unit_features = True

    def __init__(self, num_features: int, num_labels: int, *, variant: str = "authors", **hyperparameters: Any) -> None:
        super().__init__()
        check_sizes(num_features=num_features, num_labels=num_labels)
        settings = choose_settings(
            {
                "authors": PACASettings(),
                "comparison": PACASettings(latent=min((num_features + 1) // 2, LARGEST_LATENT), dropout=0.2),
            },
            variant,
            **hyperparameters,
        )
        d, q, rate = settings.latent, settings.encoder_dropout, settings.dropout
        self.settings = settings
        self.encoder = LinearLayers([num_features, 256, 512, 256], dropout=q)
        self.heads = GaussianHeads(256, d)
        self.label_encoder = LinearLayers([num_labels, 512, 256], dropout=q)
        self.label_heads = GaussianHeads(256, d)
        self.label_decoder = LinearLayers([d, 256, 512, num_labels], dropout=rate, linear_output=True)
        self.map = LinearLayers([num_features + d, 256, 256, d], dropout=rate, linear_output=True)
        self.decoder = LinearLayers([d, 256, 512, 256, num_features], dropout=rate, linear_output=True)
        self.positive = LabelFlow(d, num_labels)
        self.negative = LabelFlow(d, num_labels)

    def forward(self, x: Tensor) -> Tensor:
        """Predict: `(B, D)` features to `(B, L)` logits, without noise and dropout in training mode too."""
        mean_Bd, _ = self.heads(self.encoder(x, noisy=False))
        return self._log_ratio(self.map(torch.cat([x, mean_Bd], dim=1), noisy=False))

    def training_loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss under fresh draws, and the logits of the prediction, without gradient."""
        num_labels, options = y.shape[1], self.settings
        posterior = self.heads(self.encoder(x))
        targets_BL = y.to(posterior[0].dtype)
        label_posterior = self.label_heads(self.label_encoder(targets_BL.nan_to_num(UNKNOWN_LABEL)))
        label_logits_BL = self.label_decoder(_draw(*label_posterior)).to(targets_BL.dtype)
        zeta_Bd = self.map(torch.cat([x, _draw(*posterior)], dim=1))
        reconstruction = self._reconstruction_loss(self.decoder(zeta_Bd), x)
        regulariser = gaussian_kl(*posterior, *label_posterior).mean()
        regulariser = regulariser + num_labels * losses.bce(label_logits_BL, targets_BL)
        classification = num_labels * self.label_loss(self._log_ratio(zeta_Bd), targets_BL)
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
        """Return the first term of the loss: the sum over features, the mean over the batch."""
        x = x.to(torch.promote_types(x.dtype, decoded_BD.dtype))
        decoded_BD = decoded_BD.to(x.dtype)
        if self.settings.binary_features:
            return binary_cross_entropy_with_logits(decoded_BD, x, reduction="sum") / len(x)
        return (decoded_BD.sigmoid() - x).square().sum() / len(x)


def _draw(mean_Bd: Tensor, log_variance_Bd: Tensor) -> Tensor:
    return normal_draw(mean_Bd, log_variance_Bd, torch.randn_like(mean_Bd))


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
        """Map `(B, d)` points to log densities given each label, `(B, L)`, in nats and the precision of the weights."""
        with full_precision(zeta_Bd):
            return self._log_densities(zeta_Bd.to(self.input.weight.dtype))

    def _log_densities(self, zeta_Bd: Tensor) -> Tensor:
        latent, q = zeta_Bd.shape[1], self.num_per_dimension
        instance_part_Bh = linear(zeta_Bd, self.input.weight * self.input_mask_hd, self.input.bias)
        output_weight, output_bias = self.output.weight * self.output_mask, self.output.bias

        def conditions_of(hidden: Tensor) -> Tensor:
            """Map `(..., h)` to `(..., d q)`; what the mask forbids all rows of a block is not multiplied."""
            blocks = [linear(hidden[..., :h], output_weight[rows, :h], output_bias[rows]) for rows, h in self.blocks]
            return torch.cat(blocks, dim=-1)

        def step_of_labels(conditions: Tensor) -> tuple[Tensor, Tensor]:
            """Return t and its log slope for G labels, `(G, B, d)` each, by the conditioner's numbers `(G, B, d q)`."""
            raw = torch.addmm(self.shared.bias[:, None], self.shared.weight, conditions.reshape(-1, q).T)
            return sigmoidal_step(zeta_Bd, raw.reshape(3 * SIGMOID_UNITS, *conditions.shape[:-1], latent))

        def log_densities_of(codes_Ch: Tensor, scale_Cd: Tensor, shift_Cd: Tensor) -> Tensor:
            """Return log p of the B instances under C labels, `(B, C)`, by codes, scales and shifts of the labels."""
            conditions = conditions_of(elu(instance_part_Bh + codes_Ch[:, None]))
            groups = torch.split(conditions, labels_at_once(zeta_Bd))
            t_CBd, log_slope_CBd = (torch.cat(parts) for parts in zip(*map(step_of_labels, groups), strict=True))
            u_CBd = t_CBd * softplus(scale_Cd)[:, None] + shift_Cd[:, None]
            log_jacobian_CB = log_slope_CBd.sum(-1) + log_softplus(scale_Cd).sum(-1)[:, None]
            return (log_jacobian_CB - 0.5 * u_CBd.square().sum(-1) - latent / 2 * math.log(2 * math.pi)).T

        tables = (self.label_codes_Lh, self.scale(), self.shift())
        conditioner_cells = len(zeta_Bd) * (latent * q + CONDITIONER_UNITS)
        unit_cells = zeta_Bd.numel() * SIGMOID_UNITS
        return over_labels(
            log_densities_of,
            tables,
            max(unit_cells, conditioner_cells),
            kept_per_label=KEPT_TENSORS * unit_cells + conditioner_cells,
        )


def labels_at_once(zeta_Bd: Tensor) -> int:
    """Return how many labels go through the sigmoidal step together: on a CPU, as many as its cache holds."""
    cells = CACHED_CELLS if zeta_Bd.device.type == "cpu" else CHUNK_CELLS
    return max(1, cells // max(1, zeta_Bd.numel() * SIGMOID_UNITS))


class ResidualTable(nn.Module):
    """A table `(L, d)` of the values l2(ReLU(l1(c))) + l3(c) for the one-hot code c of each label.

    Args:
        num_labels: L.
        width: d.
        initial: What all values start near.
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
        """Return the table, `(L, d)`."""
        first_Ld = relu(self.first.weight.T + self.first.bias)
        table_Ld: Tensor = self.second(first_Ld) + self.direct.weight.T + self.direct.bias
        return table_Ld


def log_softplus(raw: Tensor) -> Tensor:
    """Return the logarithm of softplus, also where softplus underflows: there it is the argument itself.

    >>> log_softplus(torch.tensor([-200.0, 0.541325])).round(decimals=4).abs()
    tensor([200.,   0.])
    """
    low = -30.0
    return torch.where(raw < low, raw, softplus(raw.clamp(min=low)).log())
