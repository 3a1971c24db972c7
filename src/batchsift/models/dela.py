"""DELA: classifiers made immune to the features that do not matter to their labels.

Citation:
    J.-Y. Hang, M.-L. Zhang. Dual Perspective of Label-Specific Feature Learning for Multi-Label Classification.
    ICML 2022; ACM Transactions on Knowledge Discovery from Data, doi 10.1145/3705006.

For each label, binary gates mark the latent dimensions that tell nothing about it. In training these are perturbed
by normal noise of a learned scale, so that its classifier cannot use them. A KL term keeps the noise from vanishing.

Shapes: B batch, D features, L labels, C labels of one chunk, d latent size, h width of the decoder.

| symbol | variable | |
| --- | --- | --- |
| z, v | `z_Bd`, `log_variance_Bd` | encoder D → 256 → 512 → 256 (ReLU, dropout), two linear heads |
| Λ, α | `gate_codes`, `gate_logits_Ld` | α = Λ W_s + b_s; Λ uniform in ±10, b_s from 2 |
| g | `relaxed_Ld` | σ((log u − log(1 − u) + α) / τ), u uniform: one draw a step, for the whole batch |
| m | `gates_Ld` | 1[g > 1/2] raised to at least the floor o; its gradient is that of g |
| n | `noise_Bd` | e^(v/2) ⊙ ε, ε normal: one draw an instance, for all labels |
| z_bl | | z_b + m_l ⊙ n_b |
| s_bl | `logits_BL` | decoder [x_b, z_bl] → 256 → 512 (ReLU), then a linear classifier for each label |

Loss: mean_b Σ_l bce(s_bl, y_bl) + β mean_bl KL( N(z_b, m_l² e^v_b) || N(0, I) ).
Prediction: no gates and no noise, z_bl = z_b.

Choices:
    - The gate floor is 0.5: the authors' gates are 0.5 or 1. With 0, the KL of a closed gate has a derivative of
      −2e6 that swamps the classification, and the gates open for all labels alike.
    - β = 1e-4, d = 50, no dropout: the authors set them for each data set.
    - `forward` is the prediction in training mode too, without dropout; `training_loss` returns the same, without
      gradient, next to the loss.
    - The log-variance v is kept within ±10.
    - A cell whose label is unknown is left out: the sum over labels is L times the mean over the known cells. That mean
      is what `label_loss` replaces.

`variant="comparison"` is what papers on batch selection trained under this name: d = ⌈D / 2⌉, no floor, dropout 0.2
in the encoder and in the decoder.

Cheaper, exactly: the prediction decodes B rows, not B L; the first decoder layer is split into a part for the instance
and a part for m_l ⊙ n_b; the KL factorises over b and l; of many labels, those beyond the first chunks are computed
again in the backward pass.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, linear, relu

from batchsift.models.base import BaseModel
from batchsift.models.layers import (
    GaussianHeads,
    LabelClassifier,
    LinearLayers,
    classify,
    full_precision,
    initialize,
    over_labels,
)
from batchsift.models.registry import register
from batchsift.models.settings import check_dropout, check_sizes, check_weights, choose_settings

TINY = 1e-6  # inside the logarithm of a gate, as published


@dataclass(frozen=True, kw_only=True)
class DELASettings:
    """Hyperparameters of DELA.

    Args:
        latent: d (50; comparison ⌈D / 2⌉).
        dropout: Share of units dropped in the encoder, in [0, 1) (0; comparison 0.2).
        decoder_dropout: The same in the decoder (0; comparison 0.2).
        gate_floor: o, the least value of a gate, in [0, 1] (0.5; comparison 0).
        temperature: τ, of the relaxed gates, above 0 (2/3).
        kl_weight: β (1e-4).
    """

    latent: int = 50
    dropout: float = 0.0
    decoder_dropout: float = 0.0
    gate_floor: float = 0.5
    temperature: float = 2 / 3
    kl_weight: float = 1e-4

    def __post_init__(self) -> None:
        check_sizes(latent=self.latent)
        check_dropout(dropout=self.dropout, decoder_dropout=self.decoder_dropout)
        check_weights(kl_weight=self.kl_weight)
        if not 0 <= self.gate_floor <= 1:
            raise ValueError(f"gate_floor must be in [0, 1], got {self.gate_floor!r}")
        if not 0 < self.temperature < float("inf"):
            raise ValueError(f"temperature must be above 0 and finite, got {self.temperature!r}")


@register
class DELA(BaseModel):
    """Noise on the latent dimensions that a label's gates mark as telling it nothing.

    Args:
        num_features: D.
        num_labels: L.
        variant: `"authors"`, or `"comparison"` (see above).
        hyperparameters: Some of the fields of `DELASettings`; the variant's values for the others.

    Raises:
        ValueError: A hyperparameter is out of its range.

    >>> DELA(4, 3, latent=2)(torch.zeros(5, 4)).shape
    torch.Size([5, 3])
    """

    settings_class = DELASettings
    takes_label_loss = True

    def __init__(self, num_features: int, num_labels: int, *, variant: str = "authors", **hyperparameters: Any) -> None:
        super().__init__()
        check_sizes(num_features=num_features, num_labels=num_labels)
        settings = choose_settings(
            {
                "authors": DELASettings(),
                "comparison": DELASettings(
                    latent=(num_features + 1) // 2, dropout=0.2, decoder_dropout=0.2, gate_floor=0.0
                ),
            },
            variant,
            **hyperparameters,
        )
        d = settings.latent
        self.settings = settings
        self.encoder = LinearLayers([num_features, 256, 512, 256], dropout=settings.dropout)
        self.heads = GaussianHeads(256, d)
        self.gate_codes = nn.Parameter(torch.empty(num_labels, d).uniform_(-10, 10))
        self.gate_scale = nn.Linear(d, d)
        nn.init.constant_(self.gate_scale.bias, 2.0)
        self.decoder_input = nn.Linear(num_features + d, 256)
        self.decoder_hidden = nn.Linear(256, 512)
        initialize(self.decoder_input, 0.0)
        initialize(self.decoder_hidden, 0.0)
        self.classifier = LabelClassifier(num_labels, 512)

    def forward(self, x: Tensor) -> Tensor:
        """Predict: `(B, D)` features to `(B, L)` logits, without noise and dropout in training mode too."""
        z_Bd, _ = self.heads(self.encoder(x, noisy=False))
        logits_BL: Tensor = self.classifier(self._decode(self.decoder_input(torch.cat([x, z_Bd], dim=1)), 0.0))
        return logits_BL.to(z_Bd.dtype)

    def training_loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss under fresh gates and noise, and the logits of the prediction, without gradient."""
        z_Bd, log_variance_Bd = self.heads(self.encoder(x))
        gates_Ld = self._draw_gates()
        noise_Bd = (log_variance_Bd / 2).exp() * torch.randn_like(z_Bd)
        noisy_BL = self._perturbed_logits(x, z_Bd, gates_Ld, noise_Bd)
        loss = noisy_BL.shape[1] * self.label_loss(noisy_BL, y)
        loss = loss + self.settings.kl_weight * perturbation_kl(z_Bd, log_variance_Bd, gates_Ld)
        with torch.no_grad():
            logits_BL = self(x)
        return loss, logits_BL

    def gate_logits(self) -> Tensor:
        """Return α, `(L, d)`: above 0 where a gate is mostly open (the dimension tells the label nothing)."""
        with full_precision(self.gate_codes):
            gate_logits_Ld: Tensor = self.gate_scale(self.gate_codes)
        return gate_logits_Ld

    def _draw_gates(self) -> Tensor:
        gate_logits_Ld = self.gate_logits()
        uniform_Ld = torch.rand_like(gate_logits_Ld)
        return straight_through_gates(
            gate_logits_Ld, uniform_Ld, temperature=self.settings.temperature, floor=self.settings.gate_floor
        )

    def _perturbed_logits(self, x: Tensor, z_Bd: Tensor, gates_Ld: Tensor, noise_Bd: Tensor) -> Tensor:
        """Return the logits `(B, L)` of the decoder on [x_b, z_b + m_l ⊙ n_b]."""
        rate = self.settings.decoder_dropout if self.training else 0.0
        latent_weight = self.decoder_input.weight[:, x.shape[1] :]
        of_instance_B1h = self.decoder_input(torch.cat([x, z_Bd], dim=1))[:, None]

        def logits_of(gates_Cd: Tensor, weight_Ch: Tensor, bias_C: Tensor) -> Tensor:
            of_noise_BCh = linear(noise_Bd[:, None] * gates_Cd, latent_weight)
            return classify(self._decode(of_instance_B1h + of_noise_BCh, rate), weight_Ch, bias_C)

        tables = (gates_Ld, self.classifier.weight, self.classifier.bias)
        cells_per_label = len(x) * (z_Bd.shape[1] + self.decoder_input.out_features + self.decoder_hidden.out_features)
        return over_labels(logits_of, tables, cells_per_label, draws=rate > 0).to(z_Bd.dtype)

    def _decode(self, first: Tensor, rate: float) -> Tensor:
        """Decode from the output of the first layer on, `(..., 256)` to `(..., 512)`."""
        second = self.decoder_hidden(dropout(relu(first), rate))
        return dropout(relu(second, inplace=True), rate)


def straight_through_gates(
    gate_logits_Ld: Tensor, uniform_Ld: Tensor, *, temperature: float, floor: float = 0.0
) -> Tensor:
    """Return gates of 0 or 1, raised to at least the floor, with the gradient of their relaxation.

    Args:
        gate_logits_Ld: α.
        uniform_Ld: u in [0, 1), kept off 0 and 1.
        temperature: τ, above 0.
        floor: o, in [0, 1].

    Returns:
        m, `(L, d)`.

    >>> straight_through_gates(torch.tensor([[-1.0, 1.0]]), torch.tensor([[0.5, 0.5]]), temperature=0.5, floor=0.5)
    tensor([[0.5000, 1.0000]])
    """
    tiny = torch.finfo(gate_logits_Ld.dtype).eps
    relaxed_Ld = ((uniform_Ld.clamp(tiny, 1 - tiny).logit() + gate_logits_Ld) / temperature).sigmoid()
    value_Ld = (relaxed_Ld > 0.5).to(relaxed_Ld.dtype).clamp(min=floor)
    return value_Ld + (relaxed_Ld - relaxed_Ld.detach())


def perturbation_kl(z_Bd: Tensor, log_variance_Bd: Tensor, gates_Ld: Tensor) -> Tensor:
    """Return the mean over b and l of KL( N(z_b, m_l² e^v_b) || N(0, I) ), in nats; its cost is O(Bd + Ld).

    >>> perturbation_kl(torch.ones(1, 2), torch.zeros(1, 2), torch.ones(3, 2)).round(decimals=4)
    tensor(1.)
    """
    variance_d = log_variance_Bd.exp().mean(0) * gates_Ld.square().mean(0)
    log_variance_d = log_variance_Bd.mean(0) + 2 * (gates_Ld + TINY).log().mean(0)
    return 0.5 * (variance_d - log_variance_d - 1 + z_Bd.square().mean(0)).sum()
