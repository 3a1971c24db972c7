"""PACA: the flow is a density that knows its label, and logits come from the features alone."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal
from torch.nn.functional import binary_cross_entropy_with_logits, elu, logsigmoid, softplus

from batchsift.models import PACA
from batchsift.models.paca import LabelFlow, log_softplus
from batchsift.models.sigmoidal import sigmoidal_step

D, L = 6, 3


def flow_of(latent, seed=0, num_labels=L):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        flow = LabelFlow(latent, num_labels).double()
        with torch.no_grad():  # away from the identity it starts at
            for table in (flow.scale, flow.shift):
                table.direct.weight.normal_()
        return flow, torch.randn(4, latent).double()


def expanded(flow, zeta, label):
    """The image of one point given one label, and the parts of its log density, with one-hot products."""
    d, q = len(zeta), flow.num_per_dimension
    code = torch.zeros(len(flow.label_codes_Lh)).double()
    code[label] = 1.0
    hidden = elu((flow.input.weight * flow.input_mask_hd) @ zeta + flow.input.bias + code @ flow.label_codes_Lh)
    outputs = ((flow.output.weight * flow.output_mask) @ hidden + flow.output.bias).reshape(d, q)
    image, log_slope = [], 0.0
    for i in range(d):
        a, b, w = (flow.shared.weight @ outputs[i] + flow.shared.bias).chunk(3)
        a, w = softplus(a), w.softmax(0)
        sigmoids = torch.sigmoid(a * zeta[i] + b)
        f = (w * sigmoids).sum()
        image.append((f / (1 - f)).log())
        log_slope = log_slope + ((w * a * sigmoids * (1 - sigmoids)).sum() / (f * (1 - f))).log()
    scale, shift = (table.second(table.first(code).relu()) + table.direct(code) for table in (flow.scale, flow.shift))
    scale = softplus(scale)
    return torch.stack(image) * scale + shift, log_slope + scale.log().sum()


@pytest.mark.parametrize("latent", [1, 2, 5])
def test_density_equals_the_loop(latent):
    flow, points = flow_of(latent)
    densities = flow(points)
    base = MultivariateNormal(torch.zeros(latent).double(), torch.eye(latent).double())
    for b, zeta in enumerate(points):
        for label in range(L):
            image, log_jacobian = expanded(flow, zeta, label)
            expected = base.log_prob(image) + log_jacobian
            torch.testing.assert_close(densities[b, label], expected, rtol=1e-9, atol=1e-11)


def test_numerical_jacobian_is_triangular_and_agrees():
    flow, points = flow_of(5)
    jacobian = torch.autograd.functional.jacobian(lambda zeta: expanded(flow, zeta, 1)[0], points[0])
    assert torch.equal(jacobian, jacobian.tril())
    assert (jacobian.diagonal() > 0).all()
    assert jacobian.tril(-1).abs().max() > 0
    torch.testing.assert_close(jacobian.diagonal().log().sum(), expanded(flow, points[0], 1)[1])


@pytest.mark.parametrize("latent", [2, 50, 256, 300])
def test_density_depends_on_the_label_and_on_every_dimension(latent):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        flow = LabelFlow(latent, 2).double()
        zeta = torch.randn(2, latent).double().requires_grad_()
    for table in (flow.scale, flow.shift):  # leaves the sigmoidal step alone to know the label
        torch.nn.init.zeros_(table.direct.weight)
        torch.nn.init.zeros_(table.second.weight)
    densities = flow(zeta)
    assert (densities[:, 0] != densities[:, 1]).all()
    (gradient,) = torch.autograd.grad(densities.sum(), zeta)
    assert (gradient != 0).all()
    assert flow.num_per_dimension == 3 * max(1, 256 // latent)


def test_density_integrates_to_one():
    flow, _ = flow_of(1)
    line = torch.linspace(-40, 40, 8_001).double()[:, None]
    torch.testing.assert_close(flow(line).exp().sum(0) * 0.01, torch.ones(L).double(), rtol=1e-4, atol=0)


def test_affine_step_starts_at_the_identity():
    flow = LabelFlow(3, 2)
    torch.testing.assert_close(softplus(flow.scale()), torch.ones(2, 3), rtol=0, atol=0.02)
    torch.testing.assert_close(flow.shift(), torch.zeros(2, 3), rtol=0, atol=0.02)


def test_sigmoidal_step_keeps_its_precision_far_out():
    raw = torch.randn(48, 6, generator=torch.Generator().manual_seed(0))
    zeta = torch.tensor([-200.0, -20.0, -1.0, 1.0, 20.0, 200.0], requires_grad=True)
    image, log_slope = sigmoidal_step(zeta, raw)
    exact, exact_slope = sigmoidal_step(zeta.double(), raw.double())
    torch.testing.assert_close(image.double(), exact, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(log_slope.double(), exact_slope, rtol=1e-4, atol=1e-4)
    (image.sum() + log_slope.sum()).backward()
    assert zeta.grad.isfinite().all()


def in_logarithms(zeta, raw):
    """The sigmoidal step with every sum a log-sum-exp, and its gradients left to autograd."""
    raw_a, b, raw_w = raw.chunk(3)
    log_w, log_a = raw_w.log_softmax(0), softplus(raw_a).log()
    pre = log_a.exp() * zeta + b
    log_f, log_g = (log_w + logsigmoid(pre)).logsumexp(0), (log_w + logsigmoid(-pre)).logsumexp(0)
    log_slope = (log_w + log_a + logsigmoid(pre) + logsigmoid(-pre)).logsumexp(0)
    return log_f - log_g, log_slope - log_f - log_g


@pytest.mark.parametrize("scale", [1.0, 20.0, 400.0])  # at 400 all units lie far out, some on either side
def test_sigmoidal_step_and_its_gradients_equal_autograd(scale):
    torch.manual_seed(0)
    raw = torch.randn(48, 4, 3, 5).double()
    raw[16:32] *= scale / 2
    zeta, raw = (scale * torch.randn(4, 1, 5).double()).requires_grad_(), raw.requires_grad_()
    outputs, expected = sigmoidal_step(zeta, raw), in_logarithms(zeta, raw)
    torch.testing.assert_close(outputs, expected, rtol=1e-11, atol=1e-11)
    upstream = [torch.randn_like(output) for output in outputs]
    gradients = torch.autograd.grad(outputs, (zeta, raw), upstream)
    torch.testing.assert_close(gradients, torch.autograd.grad(expected, (zeta, raw), upstream), rtol=1e-9, atol=1e-11)


def test_sigmoidal_step_where_the_unit_with_all_the_weight_lies_far_out():
    torch.manual_seed(0)
    raw = 60 * torch.randn(48, 300)
    zeta = 60 * torch.randn(300)
    outcomes = []
    for dtype in (torch.float32, torch.float64):
        leaves = zeta.to(dtype).requires_grad_(), raw.to(dtype).requires_grad_()
        outputs = sigmoidal_step(*leaves)
        gradients = torch.autograd.grad(sum(output.sum() for output in outputs), leaves)
        outcomes.append([tensor.double() for tensor in (*outputs, *gradients)])
    for single, double in zip(*outcomes, strict=True):
        assert single.isfinite().all()
        torch.testing.assert_close(single, double, rtol=1e-3, atol=1e-3)


def test_log_softplus_and_its_gradient():
    raw = torch.tensor([-500.0, -31.0, -29.0, -5.0, 0.0, 30.0], dtype=torch.float64, requires_grad=True)
    value = log_softplus(raw)
    expected = [-500.0, -31.0, *(math.log(math.log1p(math.exp(r))) for r in raw[2:].tolist())]
    torch.testing.assert_close(value, torch.tensor(expected, dtype=torch.float64), rtol=1e-9, atol=1e-9)
    (gradient,) = torch.autograd.grad(value.sum(), raw)
    torch.testing.assert_close(gradient, torch.sigmoid(raw) / softplus(raw).clamp(min=1e-300), rtol=1e-6, atol=1e-6)


def built(seed=0, **hyperparameters):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = PACA(D, L, **{"latent": 4, "encoder_dropout": 0.0, **hyperparameters}).double()
        return model, torch.rand(9, D).double(), (torch.rand(9, L) < 0.4).double()


@pytest.mark.parametrize("binary_features", [False, True])
def test_loss_equals_its_terms_under_the_same_draws(binary_features):
    model, x, y = built(binary_features=binary_features, classification_weight=3.0, regulariser_weight=7.0)
    x = x.round() if binary_features else x
    torch.manual_seed(1)
    loss, _ = model.training_loss(x, y)
    torch.manual_seed(1)
    mean_x, v_x = model.heads(model.encoder(x))
    mean_y, v_y = model.label_heads(model.label_encoder(y))
    z_y = mean_y + (v_y / 2).exp() * torch.randn_like(mean_y)
    z_x = mean_x + (v_x / 2).exp() * torch.randn_like(mean_x)
    zeta = model.map(torch.cat([x, z_x], 1))
    log_p = torch.stack([model.negative(zeta), model.positive(zeta)], dim=2).log_softmax(2)
    classification = -(y * log_p[..., 1] + (1 - y) * log_p[..., 0]).sum(1).mean()
    decoded = model.decoder(zeta)
    if binary_features:
        reconstruction = binary_cross_entropy_with_logits(decoded, x, reduction="none").sum(1).mean()
    else:
        reconstruction = ((decoded.sigmoid() - x) ** 2).sum(1).mean()
    kl = 0.5 * (v_y - v_x - 1 + (v_x - v_y).exp() + (mean_x - mean_y) ** 2 * (-v_y).exp()).sum(1).mean()
    labels = binary_cross_entropy_with_logits(model.label_decoder(z_y), y, reduction="none").sum(1).mean()
    torch.testing.assert_close(
        loss, reconstruction + 7 * (kl + labels) + 3 * classification, rtol=1e-10, atol=0
    )  # fmt: skip


def test_logits_do_not_depend_on_the_labels():
    model, x, y = built()
    (loss, logits), (unlike, again) = model.training_loss(x, y), model.training_loss(x, 1 - y)
    assert loss.item() != unlike.item()
    assert torch.equal(logits, again)
    assert not logits.requires_grad


def test_permuting_labels_permutes_the_outputs():
    model, x, _ = built()
    order = torch.tensor([2, 0, 1])
    other, _, _ = built(seed=1)
    state = model.state_dict()
    for key in state:
        if key.endswith("label_codes_Lh"):
            state[key] = state[key][order]
        if key.endswith(("first.weight", "direct.weight")):
            state[key] = state[key][:, order]
    other.load_state_dict(state)
    torch.testing.assert_close(other(x), model(x)[:, order])


def test_comparison_has_the_sizes_of_the_papers_where_they_work():
    assert PACA(72, 6, variant="comparison").settings.latent == 36
    model = PACA(1001, 2, variant="comparison")
    assert model.settings.latent == 256
    assert model.map.dropout == model.decoder.dropout == model.label_decoder.dropout == 0.2
    assert model.encoder.dropout == model.label_encoder.dropout == 0.1
