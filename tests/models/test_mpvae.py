"""MPVAE: the probit losses and the closed-form prediction against plain loops and draws."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.special import log_ndtr, ndtr

from batchsift.models import MPVAE
from batchsift.models.mpvae import log_normal_cdf, marginal_logits, probit_losses

D = 6


def loop_losses(mean, factor, draws, y):
    """NLL and RANK of one branch, pair by pair."""
    likelihoods, rankings = [], []
    for b in range(len(y)):
        joints = []
        for s in range(len(draws)):
            t = mean[b] + factor @ draws[s, b]
            p = ndtr(t)
            positives, negatives = (y[b] == 1).nonzero()[:, 0], (y[b] == 0).nonzero()[:, 0]
            joints.append(log_ndtr(t[positives]).sum() + log_ndtr(-t[negatives]).sum())
            total = sum(torch.exp(-5 * (p[i] - p[k])) for i in positives for k in negatives)
            rankings.append(total / (5 * max(1, len(positives) * len(negatives))) * torch.ones(()).double())
        likelihoods.append(math.log(len(draws)) - torch.stack(joints).logsumexp(0))
    return torch.stack(likelihoods).mean(), torch.stack(rankings).mean()


@given(
    rows=st.integers(1, 4),
    num_labels=st.integers(1, 5),
    rank=st.integers(1, 4),
    draws=st.integers(1, 4),
    seed=st.integers(0, 99),
)
@settings(max_examples=15, deadline=None)
def test_losses_equal_the_loop(rows, num_labels, rank, draws, seed):
    generator = torch.Generator().manual_seed(seed)
    means = 3 * torch.randn(2, rows, num_labels, generator=generator).double()
    factor = torch.randn(num_labels, rank, generator=generator).double()
    w = torch.randn(draws, rows, rank, generator=generator).double()
    y = torch.randint(-1, 2, (rows, num_labels), generator=generator).double()
    y[y < 0] = math.nan
    likelihood, ranking = probit_losses(means, factor, w, y)
    expected = [loop_losses(mean, factor, w, y) for mean in means]
    torch.testing.assert_close(likelihood, expected[0][0] + expected[1][0], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(ranking, expected[0][1] + expected[1][1], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("cell", [0.0, 1.0, math.nan])
def test_rows_of_one_kind_have_no_ranking_loss(cell):
    y = torch.full((2, 3), cell)
    likelihood, ranking = probit_losses(torch.randn(2, 2, 3), torch.randn(3, 2), torch.randn(5, 2, 2), y)
    assert ranking.item() == 0.0
    assert likelihood.item() == pytest.approx(0.0, abs=1e-6) if math.isnan(cell) else likelihood.item() > 0


def test_badly_wrong_labels_keep_their_gradient():
    means = torch.full((1, 1, 1), -8.0, requires_grad=True)
    likelihood, _ = probit_losses(means, torch.zeros(1, 1), torch.zeros(1, 1, 1), torch.ones(1, 1))
    likelihood.backward()
    assert -means.grad.item() == pytest.approx(8.12, abs=0.01)


@pytest.mark.parametrize("t", [-1e6, -1e4, -1e3, -300.0, -40.0, -2.0, 0.0, 3.0, 50.0])
def test_log_normal_cdf_has_the_right_gradient_however_far_out(t):
    point = torch.tensor(t, requires_grad=True)
    (gradient,) = torch.autograd.grad(log_normal_cdf(point), point)
    normal = torch.distributions.Normal(0.0, 1.0)
    exact = -t - 1 / t if t <= -40 else (normal.log_prob(point.detach()).exp() / normal.cdf(point.detach())).item()
    assert gradient.item() == pytest.approx(exact, rel=2e-5, abs=1e-12)


def test_closed_form_equals_the_mean_of_many_draws():
    generator = torch.Generator().manual_seed(0)
    mean, factor = torch.randn(1, 4, generator=generator), torch.randn(4, 3, generator=generator)
    w = torch.randn(400_000, 3, generator=generator)
    monte_carlo = ndtr(mean + w @ factor.T).mean(0)
    torch.testing.assert_close(marginal_logits(mean, factor).sigmoid()[0], monte_carlo, rtol=0, atol=3e-3)


def test_logits_far_out_are_finite():
    logits = marginal_logits(torch.tensor([[-40.0, 40.0]], requires_grad=True), torch.zeros(2, 1))
    assert logits.isfinite().all()
    assert logits[0, 0].item() == pytest.approx(-logits[0, 1].item())


def built(seed=0, **hyperparameters):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = MPVAE(D, 4, **hyperparameters).double()
        return model, torch.rand(9, D).double(), (torch.rand(9, 4) < 0.4).double()


def test_loss_equals_its_terms_under_the_same_draws():
    model, x, y = built(latent=5, rank=3, dropout=0.0, draws=7, likelihood_weight=0.7, ranking_weight=1.3)
    torch.manual_seed(1)
    loss, _ = model.training_loss(x, y)
    torch.manual_seed(1)
    mean_e, v_e = model.label_heads(model.label_encoder(torch.cat([x, y], 1)))
    mean_f, v_f = model.feature_heads(model.feature_encoder(x))
    eps = torch.randn_like(mean_e)
    m_e = model.label_mean(model.decoder(torch.cat([x, mean_e + (v_e / 2).exp() * eps], 1)))
    m_f = model.feature_mean(model.decoder(torch.cat([x, mean_f + (v_f / 2).exp() * eps], 1)))
    w = torch.randn(7, 9, 3, dtype=torch.float64)
    expected = 0.0
    for mean in (m_e, m_f):
        likelihood, ranking = loop_losses(mean, model.residual_factor_Lr, w, y)
        expected = expected + 0.7 * likelihood + 1.3 * ranking
    kl = 0.5 * (v_f - v_e - 1 + (v_e - v_f).exp() + (mean_e - mean_f) ** 2 * (-v_f).exp()).sum(1).mean()
    weights = [p for key, p in model.named_parameters() if key.endswith("weight")]
    penalty = 0.5e-5 * sum((p**2).sum() for p in weights)
    torch.testing.assert_close(loss, expected + 1.1 * kl + penalty, rtol=1e-10, atol=0)


def test_prediction_takes_the_mean_of_the_feature_branch():
    model, x, y = built()
    mean_f, _ = model.eval().feature_heads(model.feature_encoder(x))
    m_f = model.feature_mean(model.decoder(torch.cat([x, mean_f], 1)))
    torch.testing.assert_close(model(x), marginal_logits(m_f, model.residual_factor_Lr))
    _, logits = model.train().training_loss(x, y)
    _, unlike = model.training_loss(x, 1 - y)
    assert torch.equal(logits, unlike)
    assert not logits.requires_grad


def test_permuting_labels_permutes_the_outputs():
    model, x, _ = built()
    order = torch.tensor([3, 1, 0, 2])
    other, _, _ = built(seed=1)
    state = model.state_dict()
    for key in ("feature_mean.weight", "feature_mean.bias", "residual_factor_Lr"):
        state[key] = state[key][order]
    other.load_state_dict(state)
    torch.testing.assert_close(other(x), model(x)[:, order])


def test_an_unknown_label_is_neither_positive_nor_negative():
    model, x, y = built()
    y[:, 2] = math.nan
    model.training_loss(x, y)[0].backward()
    without_penalty = model.feature_mean.weight.grad - 1e-5 * model.feature_mean.weight
    assert without_penalty[2].abs().max() < 1e-12
    assert without_penalty[1].abs().max() > 1e-6


def test_residuals_start_with_variance_one():
    factor = MPVAE(D, 200).residual_factor_Lr
    assert factor.shape == (200, 200)
    assert factor.square().sum(1).mean().item() == pytest.approx(1.0, abs=0.05)


def test_comparison_has_the_sizes_of_the_papers():
    model = MPVAE(72, 6, variant="comparison")
    assert model.settings.latent == 36
    assert model.residual_factor_Lr.shape == (6, 36)
    assert model.residual_factor_Lr.abs().max() <= 0.01
    assert [layer.out_features for layer in model.feature_encoder.layers] == [256, 256]
    assert model.label_decoder is not None
    assert MPVAE(1, 1, variant="comparison").residual_factor_Lr.shape == (1, 16)
