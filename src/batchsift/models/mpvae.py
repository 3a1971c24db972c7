"""MPVAE: aligned feature and label encoders, and a probit model whose residuals are correlated between labels.

Citation:
    J. Bai, S. Kong, C. Gomes. Disentangled Variational Autoencoder based Multi-Label Classification with
    Covariance-Aware Multivariate Probit Model. IJCAI 2020, arXiv 2007.06126.

One encoder sees features and labels, another the features alone; a KL term aligns the two, so that the second can
stand in for the first. A decoder turns a latent draw and the features into the means of a multivariate probit model.
Its residual covariance is of low rank, shared by all instances, and carries the correlations of the labels.

Shapes: B batch, D features, L labels, d latent size, r rank of the residuals, S draws of them (a chunk of draws too).

| symbol | variable | |
| --- | --- | --- |
| μ_e, v_e | `label_posterior` | [x, y] → 512 → 256 (ReLU, dropout), two linear heads |
| μ_f, v_f | `feature_posterior` | x → 256 → 512 → 256 (ReLU, dropout), two linear heads |
| z_e, z_f | | μ + e^(v/2) ε, the same ε for both |
| m_e, m_f | `label_mean_BL`, `feature_mean_BL` | [x, z] → 256 → 512 (ReLU), shared; then a linear head for each |
| R | `residual_factor_Lr` | Σ = R Rᵀ + I, uniform in ±√(6 / (L + r)) |
| w | `draws_SBr` | normal, the same for both branches |
| t, P | | t_sbl = m_bl + (R w_sb)_l, P = Φ(t) |

For a branch, with n⁺, n⁻ the labels an instance has and has not:

- NLL = mean_b [log S − lse_s Σ_l (y log P + (1 − y) log(1 − P))], a joint likelihood: labels are coupled by w
- RANK = mean_sb 1/(5 n⁺ n⁻) Σ_{i⁺, k⁻} exp(−5 (P_i − P_k)), 0 where n⁺ or n⁻ is

Loss: c_nll (NLL_e + NLL_f) + c_rank (RANK_e + RANK_f) + β KL( N(μ_e, e^v_e) || N(μ_f, e^v_f) ) + ½ wd Σ ||W||².
Prediction: z = μ_f, and the marginal E_w P = Φ(a), a = m_f / √(1 + ||R_l||²). The logit is log Φ(a) − log Φ(−a).

Choices:
    - The prediction is closed and deterministic; the authors draw one z and average 10 000 draws of w.
    - c_nll = 0.1, c_rank = 20, wd = 1e-5, dropout 0.5, d = 50, r = L, as in the authors' script for yeast. They set
      them for each data set: likelihood-dominated (10 and 0.1) on bibtex and delicious.
    - The weight penalty counts the weights of linear layers, neither biases nor R. Set it to 0 under an optimiser that
      decays the weights.
    - `forward` is the prediction in training mode too, without dropout; `training_loss` returns the same, without
      gradient, next to the loss: not the label branch, which has seen the labels.
    - Log-variances are kept within ±10.
    - An unknown label has no factor in the likelihood (which marginalises it out exactly), is neither positive nor
      negative in the ranking, and enters the label encoder as 1/2.
    - The likelihood is joint: it has no term by label that `label_loss` could replace.

Deviations from the released code: log Φ from a stable function instead of a squeezed or clamped Φ, whose gradient
vanishes where the model is badly wrong.

`variant="comparison"` is what papers on batch selection trained under this name: d = ⌊D / 2⌋, r = max(16, d), feature
encoder 256 → 256, no dropout, a decoder for each branch, an ε for each, R uniform in ±0.01, c_rank = 200, wd = 0.

Cheaper, exactly: Σ_{i, k} of RANK is the product of a sum over positives and a sum over negatives; R w serves both
branches; chunks of draws beyond the first are computed again in the backward pass.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.special import erfcx

from batchsift.models.base import BaseModel
from batchsift.models.layers import (
    UNKNOWN_LABEL,
    GaussianHeads,
    LinearLayers,
    full_precision,
    gaussian_kl,
    in_chunks,
    normal_draw,
)
from batchsift.models.registry import register
from batchsift.models.settings import check_dropout, check_sizes, check_weights, choose_settings

SHARPNESS = 5.0  # of the ranking loss
TENSORS_PER_DRAW = 6  # of B x L numbers, with gradients


@dataclass(frozen=True, kw_only=True)
class MPVAESettings:
    """Hyperparameters of MPVAE.

    Args:
        rank: r (L; comparison max(16, d)).
        latent: d (50; comparison ⌊D / 2⌋).
        dropout: Share of units dropped in the encoders, in [0, 1) (0.5; comparison 0).
        draws: S (100).
        likelihood_weight: c_nll (0.1).
        ranking_weight: c_rank (20; comparison 200).
        kl_weight: β (1.1).
        weight_penalty: wd (1e-5; comparison 0).
    """

    rank: int
    latent: int = 50
    dropout: float = 0.5
    draws: int = 100
    likelihood_weight: float = 0.1
    ranking_weight: float = 20.0
    kl_weight: float = 1.1
    weight_penalty: float = 1e-5

    def __post_init__(self) -> None:
        check_sizes(latent=self.latent, rank=self.rank, draws=self.draws)
        check_dropout(dropout=self.dropout)
        check_weights(
            likelihood_weight=self.likelihood_weight,
            ranking_weight=self.ranking_weight,
            kl_weight=self.kl_weight,
            weight_penalty=self.weight_penalty,
        )


@register
class MPVAE(BaseModel):
    """A variational autoencoder of the labels with a multivariate probit likelihood.

    Args:
        num_features: D.
        num_labels: L.
        variant: `"authors"`, or `"comparison"` (see above).
        hyperparameters: Some of the fields of `MPVAESettings`; the variant's values for the others.

    Raises:
        ValueError: A hyperparameter is out of its range.

    >>> MPVAE(4, 3, latent=2)(torch.zeros(5, 4)).shape
    torch.Size([5, 3])
    """

    settings_class = MPVAESettings

    def __init__(self, num_features: int, num_labels: int, *, variant: str = "authors", **hyperparameters: Any) -> None:
        super().__init__()
        check_sizes(num_features=num_features, num_labels=num_labels)
        half = max(1, num_features // 2)
        latent = hyperparameters.get("latent")
        settings = choose_settings(
            {
                "authors": MPVAESettings(rank=num_labels),
                "comparison": MPVAESettings(
                    latent=half,
                    rank=max(16, half if latent is None else latent),
                    dropout=0.0,
                    ranking_weight=200.0,
                    weight_penalty=0.0,
                ),
            },
            variant,
            **hyperparameters,
        )
        comparison, d = variant == "comparison", settings.latent
        self.settings, self.shared_noise = settings, not comparison
        feature_widths = [256, 256] if comparison else [256, 512, 256]
        self.label_encoder = LinearLayers([num_features + num_labels, 512, 256], dropout=settings.dropout)
        self.label_heads = GaussianHeads(256, d)
        self.feature_encoder = LinearLayers([num_features, *feature_widths], dropout=settings.dropout)
        self.feature_heads = GaussianHeads(256, d)
        self.decoder = LinearLayers([num_features + d, 256, 512])
        self.label_decoder = LinearLayers([num_features + d, 256, 512]) if comparison else None
        self.label_mean = nn.Linear(512, num_labels)
        self.feature_mean = nn.Linear(512, num_labels)
        bound = 0.01 if comparison else math.sqrt(6 / (num_labels + settings.rank))
        self.residual_factor_Lr = nn.Parameter(torch.empty(num_labels, settings.rank).uniform_(-bound, bound))
        for layer in self._linear_layers():
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Predict: `(B, D)` features to `(B, L)` logits, without noise and dropout in training mode too."""
        mean_Bd, _ = self.feature_heads(self.feature_encoder(x, noisy=False))
        feature_mean_BL = self.feature_mean(self.decoder(torch.cat([x, mean_Bd], dim=1)))
        return marginal_logits(feature_mean_BL.to(self.residual_factor_Lr.dtype), self.residual_factor_Lr)

    def training_loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss under fresh draws, and the logits of the prediction, without gradient."""
        options, factor_Lr = self.settings, self.residual_factor_Lr
        y = y.to(factor_Lr.dtype)
        label_posterior = self.label_heads(self.label_encoder(torch.cat([x, y.nan_to_num(UNKNOWN_LABEL)], dim=1)))
        feature_posterior = self.feature_heads(self.feature_encoder(x))
        label_mean_BL, feature_mean_BL = self._probit_means(x, label_posterior, feature_posterior)
        draws_SBr = torch.randn(options.draws, len(x), factor_Lr.shape[1], dtype=factor_Lr.dtype, device=x.device)
        means_KBL = torch.stack([label_mean_BL, feature_mean_BL]).to(factor_Lr.dtype)
        likelihood, ranking = probit_losses(means_KBL, factor_Lr, draws_SBr, y)
        loss = options.likelihood_weight * likelihood + options.ranking_weight * ranking
        loss = loss + options.kl_weight * gaussian_kl(*label_posterior, *feature_posterior).mean()
        squares = torch.stack([layer.weight.square().sum() for layer in self._linear_layers()]).sum()
        loss = loss + options.weight_penalty / 2 * squares
        with torch.no_grad():
            logits_BL = self(x)
        return loss, logits_BL

    def _probit_means(
        self, x: Tensor, label_posterior: tuple[Tensor, Tensor], feature_posterior: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Return m_e and m_f, `(B, L)` each, of one latent draw a branch."""
        noise_Bd = torch.randn_like(label_posterior[0])
        other_Bd = noise_Bd if self.shared_noise else torch.randn_like(noise_Bd)
        label_decoder = self.decoder if self.label_decoder is None else self.label_decoder
        label_input_Bk = torch.cat([x, normal_draw(*label_posterior, noise_Bd)], dim=1)
        feature_input_Bk = torch.cat([x, normal_draw(*feature_posterior, other_Bd)], dim=1)
        label_mean_BL: Tensor = self.label_mean(label_decoder(label_input_Bk))
        feature_mean_BL: Tensor = self.feature_mean(self.decoder(feature_input_Bk))
        return label_mean_BL, feature_mean_BL

    def _linear_layers(self) -> list[nn.Linear]:
        return [module for module in self.modules() if isinstance(module, nn.Linear)]


def marginal_logits(mean_BL: Tensor, residual_factor_Lr: Tensor) -> Tensor:
    """Return the logits of E_w Φ(m_l + R_l · w) = Φ(m_l / √(1 + ||R_l||²)), `(B, L)`.

    >>> marginal_logits(torch.zeros(1, 1), torch.ones(1, 3))
    tensor([[0.]])
    """
    scaled_BL = mean_BL / (1 + residual_factor_Lr.square().sum(1)).sqrt()
    return log_normal_cdf(scaled_BL) - log_normal_cdf(-scaled_BL)


def log_normal_cdf(t: Tensor) -> Tensor:
    """Return the logarithm of Φ(t), whose gradient φ(t) / Φ(t) is right however far out t is.

    That of `torch.special.log_ndtr` subtracts two numbers of the size of t² and is lost in single precision beyond
    t = -1000.

    >>> log_normal_cdf(torch.tensor([0.0])).exp()
    tensor([0.5000])
    """
    value: Tensor = _LogNormalCDF.apply(t)  # type: ignore[no-untyped-call]
    return value


class _LogNormalCDF(torch.autograd.Function):
    """`log_normal_cdf` with φ(t) / Φ(t) = √(2 / π) / erfcx(−t / √2) as its derivative."""

    @staticmethod
    def forward(ctx: Any, t: Tensor) -> Tensor:
        ctx.save_for_backward(t)
        value: Tensor = torch.special.log_ndtr(t)
        return value

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (t,) = ctx.saved_tensors
        ratio: Tensor = math.sqrt(2 / math.pi) / erfcx(-t / math.sqrt(2))
        return grads[0] * ratio


def probit_losses(means_KBL: Tensor, residual_factor_Lr: Tensor, draws_SBr: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return the joint negative log-likelihood and the ranking loss of the probit model, summed over K branches.

    Args:
        means_KBL: m of each branch.
        residual_factor_Lr: R.
        draws_SBr: w, the same for all branches.
        y: `(B, L)` of 0/1, NaN where unknown.

    Returns:
        NLL in nats and RANK, two scalars.
    """
    num_branches, num_rows, num_labels = means_KBL.shape
    positive_BL, negative_BL = (y == 1).to(means_KBL.dtype), (y == 0).to(means_KBL.dtype)
    sign_BL = positive_BL - negative_BL

    def sums_over(draws_SBr: Tensor) -> Tensor:
        """Return the likelihood's log-sum-exp and the ranking's sum over some draws, stacked: `(2, K, B)`."""
        with full_precision(draws_SBr):
            residual_SBL = draws_SBr @ residual_factor_Lr.T
        signed_SKBL = (means_KBL + residual_SBL[:, None]) * sign_BL
        log_correct_SKBL = log_normal_cdf(signed_SKBL)  # log P where y = 1, log(1 - P) where y = 0
        correct_SKBL = log_correct_SKBL.exp()
        joint_SKB = (log_correct_SKBL * sign_BL.abs()).sum(-1)
        positives_SKB = (positive_BL * (-SHARPNESS * correct_SKBL).exp()).sum(-1)
        negatives_SKB = (negative_BL * (SHARPNESS * (1 - correct_SKBL)).exp()).sum(-1)
        return torch.stack([joint_SKB.logsumexp(0), (positives_SKB * negatives_SKB).sum(0)])

    cells_per_draw = TENSORS_PER_DRAW * num_branches * num_rows * num_labels
    likelihoods, rankings = torch.stack(in_chunks(sums_over, [draws_SBr], cells_per_draw), dim=1)
    likelihood_KB = math.log(len(draws_SBr)) - likelihoods.logsumexp(0)
    num_pairs_B = (positive_BL.sum(1) * negative_BL.sum(1)).clamp(min=1)
    ranking_KB = rankings.sum(0) / (len(draws_SBr) * SHARPNESS * num_pairs_B)
    return likelihood_KB.mean(1).sum(), ranking_KB.mean(1).sum()
