"""DELA: gates and their floor, and the cheaper forms against the expanded ones."""

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence
from torch.nn.functional import binary_cross_entropy_with_logits, relu

from batchsift.models import DELA
from batchsift.models.dela import perturbation_kl, straight_through_gates

D, L, B = 7, 4, 9


def built(seed=0, num_labels=L, **hyperparameters):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = DELA(D, num_labels, **hyperparameters).double()
        return model, torch.rand(B, D).double(), (torch.rand(B, num_labels) < 0.4).double()


def expanded_logits(model, x, z, perturbed):
    """The decoder on B x L concatenated inputs; `perturbed` is z_bl, `(B, L, d)`."""
    inputs = torch.cat([x[:, None].expand(-1, perturbed.shape[1], -1), perturbed], dim=2)
    decoded = relu(model.decoder_hidden(relu(model.decoder_input(inputs))))
    return (decoded * model.classifier.weight).sum(2) + model.classifier.bias


def test_prediction_equals_the_expanded_decoder():
    model, x, _ = built(latent=5)
    z, _ = model.heads(model.encoder(x))
    torch.testing.assert_close(model(x), expanded_logits(model, x, z, z[:, None].expand(-1, L, -1)))


def test_loss_equals_the_expanded_decoder_under_the_same_draws():
    model, x, y = built(latent=5, kl_weight=0.3)
    torch.manual_seed(1)
    loss, _ = model.training_loss(x, y)
    torch.manual_seed(1)
    z, v = model.heads(model.encoder(x))
    uniform = torch.rand(L, 5, dtype=torch.float64)
    noise = (v / 2).exp() * torch.randn_like(z)
    gates = straight_through_gates(model.gate_logits(), uniform, temperature=2 / 3, floor=0.5)
    logits = expanded_logits(model, x, z, z[:, None] + gates * noise[:, None])
    bce = binary_cross_entropy_with_logits(logits, y, reduction="none").sum(1).mean()
    scale = (gates + 1e-6) * (v / 2).exp()[:, None]
    kl = kl_divergence(Normal(z[:, None].expand_as(scale), scale), Normal(0.0, 1.0)).sum(2).mean()
    torch.testing.assert_close(loss, bce + 0.3 * kl, rtol=1e-5, atol=1e-7)


def test_kl_equals_its_loop():
    z, v, gates = torch.randn(B, 5).double(), torch.randn(B, 5).double(), torch.rand(L, 5).double()
    total = 0.0
    for b in range(B):
        for label in range(L):
            m = gates[label]
            total += 0.5 * (-v[b] - 2 * (m + 1e-6).log() - 1 + m**2 * v[b].exp() + z[b] ** 2).sum()
    torch.testing.assert_close(perturbation_kl(z, v, gates), total / (B * L), rtol=1e-12, atol=0)


def test_gates_are_the_floor_or_one_with_the_gradient_of_their_relaxation():
    gate_logits = torch.linspace(-4, 4, 12, dtype=torch.float64).reshape(3, 4).requires_grad_()
    uniform = torch.rand(3, 4, dtype=torch.float64)
    gates = straight_through_gates(gate_logits, uniform, temperature=2 / 3, floor=0.5)
    assert set(gates.flatten().tolist()) == {0.5, 1.0}
    gates.sum().backward()
    relaxed = torch.sigmoid((uniform.log() - (-uniform).log1p() + gate_logits) * 1.5).detach()
    torch.testing.assert_close(gate_logits.grad, relaxed * (1 - relaxed) * 1.5)


def test_uniform_draws_of_zero_and_one_are_kept_off_the_ends():
    gates = straight_through_gates(torch.zeros(1, 2), torch.tensor([[0.0, 1.0]]), temperature=2 / 3)
    assert gates.tolist() == [[0.0, 1.0]]


def gradient_on_gate_logits(term, model):
    model.zero_grad()
    term.backward(retain_graph=True)
    return model.gate_scale.bias.grad.norm().item()


@pytest.mark.parametrize(("floor", "dominated"), [(0.5, False), (0.0, True)])
def test_only_without_the_floor_does_the_kl_swamp_the_gates(floor, dominated):
    model, x, y = built(latent=20, gate_floor=floor)
    torch.manual_seed(2)
    z, v = model.heads(model.encoder(x))
    gates = model._draw_gates()
    noise = (v / 2).exp() * torch.randn_like(z)
    bce = binary_cross_entropy_with_logits(model._perturbed_logits(x, z, gates, noise), y) * L
    kl = model.settings.kl_weight * perturbation_kl(z, v, gates)
    ratio = gradient_on_gate_logits(kl, model) / gradient_on_gate_logits(bce, model)
    assert (ratio > 1) == dominated


def test_gates_stay_of_both_kinds_in_training():
    model, x, y = built(latent=10)
    model = model.float()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    torch.manual_seed(0)
    for _ in range(60):
        loss, _ = model.training_loss(x.float(), y.float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    opened = (model._draw_gates() == 1.0).float().mean().item()
    assert 0.1 < opened < 0.95


def test_noise_reaches_training_but_not_the_logits():
    model, x, y = built()
    (first, logits), (second, again) = model.training_loss(x, y), model.training_loss(x, y)
    assert first.item() != second.item()
    assert torch.equal(logits, again)
    assert not logits.requires_grad


def test_permuting_labels_permutes_the_outputs():
    model, x, _ = built()
    order = torch.tensor([3, 1, 0, 2])
    other, _, _ = built(seed=1)
    state = model.state_dict()
    for key in ("gate_codes", "classifier.weight", "classifier.bias"):
        state[key] = state[key][order]
    other.load_state_dict(state)
    torch.testing.assert_close(other(x), model(x)[:, order])
    torch.testing.assert_close(other.gate_logits(), model.gate_logits()[order])


def test_loss_counts_known_cells_on_the_scale_of_all():
    model, x, y = built(kl_weight=0.0)
    torch.manual_seed(1)
    loss, _ = model.training_loss(x, y)
    half = y.clone()
    half[:, 1:3] = math.nan
    torch.manual_seed(1)
    partial, _ = model.training_loss(x, half)
    other = y.clone()
    other[:, 1:3] = 1 - y[:, 1:3]
    half_other = other.clone()
    half_other[:, 1:3] = math.nan
    torch.manual_seed(1)
    unmoved, _ = model.training_loss(x, half_other)
    assert partial.item() == unmoved.item()
    assert 0.5 < (partial / loss).item() < 2


def test_comparison_has_the_sizes_of_the_papers():
    model = DELA(D, L, variant="comparison")
    assert model.settings.latent == 4
    assert model.settings.gate_floor == 0.0
    assert model.encoder.dropout == model.settings.decoder_dropout == 0.2
    assert DELA(1, 1, variant="comparison")(torch.zeros(2, 1)).shape == (2, 1)
