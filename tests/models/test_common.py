"""What every registered base model must keep to."""

import copy
import io
import math
import random

import numpy as np
import pytest
import torch

from batchsift import models
from batchsift.functional import losses
from batchsift.models import layers

D, L, B = 8, 5, 16
PUBLISHED = [name for name in models.names() if name != "mlp"]
VARIANTS = [(name, variant) for name in PUBLISHED for variant in ("authors", "comparison")]

EASY = {
    "clif": {"hidden": 64, "embedding": 16},
    "dela": {"latent": 8},
    "mpvae": {"latent": 8, "dropout": 0.0, "draws": 4, "likelihood_weight": 1.0, "ranking_weight": 1.0},
    "paca": {"latent": 4, "encoder_dropout": 0.0, "classification_weight": 20.0},
}


def batch(num_labels=L, rows=B, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(rows, D, generator=generator)
    y = (torch.rand(rows, num_labels, generator=generator) < 0.4).float()
    return x, y


def built(name, num_labels=L, seed=0, **hyperparameters):
    torch.manual_seed(seed)
    model = models.build(name, D, num_labels, **hyperparameters)
    model.prepare(*batch(num_labels, rows=40, seed=1))
    return model


@pytest.fixture(autouse=True)
def _own_generator():
    with torch.random.fork_rng():
        yield


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
@pytest.mark.parametrize("num_labels", [1, 2, 5])
def test_gradients_reach_every_parameter(name, variant, num_labels):
    model = built(name, num_labels, variant=variant)
    x, y = batch(num_labels)
    loss, logits = model.training_loss(x, y)
    loss.backward()
    assert logits.shape == (B, num_labels)
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        cancelled = name == "clif" and (key.endswith("bias") or num_labels <= 2)  # by the normalisation that follows
        dead = ".first." in key or ".second.weight" in key  # a ReLU of few numbers, which may all start below 0
        if not cancelled and not dead:
            assert parameter.grad.abs().sum() > 0, key


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("cell", [0.0, 1.0, math.nan])
def test_rows_that_are_all_alike(name, cell):
    model = built(name)
    x, y = batch()
    y[:4] = cell
    for targets in (y, torch.full_like(y, cell), y[:1]):
        loss, logits = model.training_loss(x[: len(targets)], targets)
        model.zero_grad()
        loss.backward()
        assert loss.isfinite()
        assert logits.isfinite().all()
        assert all(p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("name", models.names())
def test_predictions_are_logits(name):
    model = built(name, **EASY.get(name, {}))
    x, y = batch(rows=64)
    _, logits = model.training_loss(x, y)
    assert (logits < 0).any()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(20):
        loss, _ = model.training_loss(x, y * 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (model.eval()(x) < 0).all()


@pytest.mark.parametrize("name", models.names())
def test_the_logits_of_training_are_the_prediction(name):
    model = built(name)
    x, y = batch()
    _, logits = model.training_loss(x, y)
    torch.testing.assert_close(logits, model.eval()(x))


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_evaluation_is_repeatable_and_knows_no_other_row(name, variant):
    model = built(name, variant=variant).eval()
    x, _ = batch()
    state = torch.get_rng_state()
    with torch.no_grad():
        first, second, alone = model(x), model(x), model(x[:1])
    assert torch.equal(first, second)
    assert torch.equal(state, torch.get_rng_state())
    torch.testing.assert_close(alone, first[:1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_a_saved_state_predicts_the_same_in_a_new_model(name, variant):
    model = built(name, variant=variant)
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    other = models.build(name, D, L, variant=variant)
    other.load_state_dict(torch.load(file, weights_only=True))
    x, _ = batch()
    twin = copy.deepcopy(model)
    with torch.no_grad():
        assert torch.equal(other.eval()(x), model.eval()(x))
        assert torch.equal(twin.eval()(x), model(x))


@pytest.mark.parametrize("name", models.names())
def test_building_draws_from_torch_alone_and_seeds_nothing(name):
    random.seed(1)
    np.random.seed(1)
    python, numpy = random.getstate(), np.random.get_state()[1].tolist()
    torch.manual_seed(3)
    first = models.build(name, D, L)
    after_first = torch.get_rng_state()
    second = models.build(name, D, L)
    torch.manual_seed(3)
    again = models.build(name, D, L)
    assert torch.equal(after_first, torch.get_rng_state())
    assert random.getstate() == python
    assert np.random.get_state()[1].tolist() == numpy
    state, other, repeated = first.state_dict(), second.state_dict(), again.state_dict()
    drawn = [key for key in state if key.endswith("weight") and state[key].ndim == 2]
    assert drawn
    assert not any(torch.equal(state[key], other[key]) for key in drawn)
    assert all(torch.equal(state[key].nan_to_num(), repeated[key].nan_to_num()) for key in state)


@pytest.mark.parametrize(("name", "variant"), [("mlp", None), *VARIANTS])
def test_autocast_gives_finite_values_and_close_predictions(name, variant):
    model = built(name, **({"variant": variant} if variant else {}))
    x, y = batch()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, logits = model.training_loss(x, y)
        prediction = model.eval()(x)
    loss.backward()
    assert loss.isfinite()
    assert loss.dtype == logits.dtype == prediction.dtype == torch.float32
    assert all(p.grad.isfinite().all() for p in model.parameters())
    torch.testing.assert_close(prediction, model(x), rtol=0.1, atol=0.1)


# torch's own tracing of autograd functions (PACA's) does what torch deprecates.
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
@pytest.mark.parametrize("name", PUBLISHED)
def test_compiled_equals_eager(name, monkeypatch):
    if name != "paca":  # its chunks are those of the others, and take long to trace
        monkeypatch.setattr(layers, "CHUNK_CELLS", 1)
        monkeypatch.setattr(layers, "KEPT_CELLS", 0)
    model = built(name, num_labels=2, **EASY[name])
    x, y = batch(num_labels=2)
    torch.compiler.reset()
    torch.manual_seed(0)
    loss, logits = torch.compile(model.training_loss, backend="eager")(x, y)
    loss.backward()
    compiled = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    torch.manual_seed(0)
    expected, expected_logits = model.training_loss(x, y)
    expected.backward()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(logits, expected_logits)
    torch.testing.assert_close(compiled, [p.grad for p in model.parameters()])
    torch.testing.assert_close(torch.compile(model.eval(), backend="eager")(x), model(x))


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_chunks_change_nothing(name, variant, monkeypatch):
    """Losses, logits and gradients with one label, or draw, a chunk, and with all at once."""
    model = built(name, variant=variant).double()
    x, y = (part.double() for part in batch())
    if variant == "comparison":  # dropout inside a chunk draws in another order; here only the arithmetic counts
        model.eval()

    def step():
        torch.manual_seed(5)
        loss, logits = model.training_loss(x, y)
        model.zero_grad()
        loss.backward()
        return [loss.detach(), logits, *(p.grad.clone() for p in model.parameters())]

    whole = step()
    monkeypatch.setattr(layers, "CHUNK_CELLS", 1)
    monkeypatch.setattr(layers, "KEPT_CELLS", 0)
    torch.testing.assert_close(step(), whole, rtol=1e-9, atol=1e-11)


def test_only_what_was_not_kept_is_computed_again_with_the_same_draws(monkeypatch):
    monkeypatch.setattr(layers, "CHUNK_CELLS", 1)
    monkeypatch.setattr(layers, "KEPT_CELLS", 5)  # the first of three chunks
    weight = torch.ones(3, 4, requires_grad=True)
    computed = []

    def half_dropped(rows):
        out = torch.nn.functional.dropout(rows, 0.5).T
        computed.append(out.detach().clone())
        return out * out

    layers.over_labels(half_dropped, [weight], 4, draws=True).sum().backward()
    assert len(computed) == 5
    first, again = ({tuple(out.flatten().tolist()) for out in outs} for outs in (computed[1:3], computed[3:]))
    assert first == again


@pytest.mark.parametrize(
    ("name", "options"),
    [("clif", EASY["clif"]), ("dela", {}), ("mpvae", {"rank": 4}), ("paca", {}), ("paca", {"latent": 1})],
)
def test_what_is_kept_for_the_backward_pass_does_not_grow_with_the_labels(name, options, monkeypatch):
    monkeypatch.setattr(layers, "CHUNK_CELLS", 2**14)
    monkeypatch.setattr(layers, "KEPT_CELLS", 2**16)

    def kept(num_labels):
        model, (x, y) = built(name, num_labels, **options), batch(num_labels)
        storages = {}

        def keep(tensor):
            storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            model.training_loss(x, y)
        return sum(storage.nbytes() for storage in storages.values()) / 4

    assert kept(80) - kept(10) < 2 * 2**16  # PACA has two flows; without a bound it is ten times as much


@pytest.mark.parametrize("name", models.names())
def test_no_sample_is_an_empty_prediction(name):
    model = built(name)
    assert model(torch.zeros(0, D)).shape == (0, L)


@pytest.mark.parametrize("name", models.names())
def test_sizes_may_be_numbers_of_numpy_and_the_device_any(name):
    with torch.device("meta"):
        model = models.build(name, np.int64(D), np.int32(L))
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}


BOUND = {"clif": 0.02, "dela": 0.2}  # the other losses have terms that stay


@pytest.mark.parametrize("name", PUBLISHED)
def test_learns_32_samples_by_heart(name):
    model = built(name, num_labels=3, **EASY[name])
    x, y = batch(num_labels=3, rows=32)
    model.prepare(x, y)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, fused=True)
    for _ in range(250 if name == "paca" else 150):
        loss, _ = model.training_loss(x, y)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 50.0)
        optimizer.step()
    scores = model.eval()(x).detach()
    assert scores.isfinite().all()
    if name in BOUND:
        assert loss.item() < BOUND[name]
    for row, targets in zip(scores.T, y.T, strict=True):
        assert row[targets == 1].min() > row[targets == 0].max()
    entropies = torch.nn.functional.binary_cross_entropy_with_logits(scores, y, reduction="none")
    assert entropies.mean() < 0.1


@pytest.mark.parametrize("name", [name for name in models.names() if name != "clif"])
def test_models_without_a_graph_have_nothing_to_prepare(name):
    model = models.build(name, D, L)
    before = copy.deepcopy(model.state_dict())
    model.prepare(*batch())
    assert all(torch.equal(model.state_dict()[key], before[key]) for key in before)


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        *((name, {"variant": "paper"}, "one of 'authors', 'comparison', got 'paper'") for name in PUBLISHED),
        ("clif", {"hidden": 0}, "hidden must be an integer of at least 1, got 0"),
        ("clif", {"embedding": 1.5}, "embedding must be"),
        ("clif", {"feature_layers": True}, "feature_layers must be"),
        ("clif", {"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1.0"),
        ("clif", {"graph_weight": -1}, "graph_weight must be at least 0 and finite, got -1"),
        ("dela", {"latent": 0}, "latent"),
        ("dela", {"gate_floor": 1.1}, "gate_floor"),
        ("dela", {"temperature": 0.0}, "temperature"),
        ("dela", {"kl_weight": math.inf}, "kl_weight"),
        ("dela", {"decoder_dropout": -0.1}, "decoder_dropout"),
        ("mpvae", {"rank": 0}, "rank"),
        ("mpvae", {"draws": 0}, "draws"),
        ("mpvae", {"ranking_weight": math.nan}, "ranking_weight"),
        ("paca", {"latent": -1}, "latent"),
        ("paca", {"encoder_dropout": 2}, "encoder_dropout"),
        ("paca", {"classification_weight": -2}, "classification_weight"),
    ],
)  # fmt: skip
def test_hyperparameters_out_of_range_are_refused(name, wrong, message):
    with pytest.raises(ValueError, match=message):
        models.build(name, D, L, **wrong)


@pytest.mark.parametrize("name", models.names())
def test_a_model_takes_the_hyperparameters_it_names_and_no_others(name):
    network, named = models.build(name, D, L), models.hyperparameters(name)
    own = {key: getattr(network.settings, key) for key in named if key != "variant"} if name in PUBLISHED else {}
    assert isinstance(models.build(name, D, L, **own), models.BaseModel)
    assert set(own) <= set(named)
    with pytest.raises(TypeError, match="'drop_out'"):
        models.build(name, D, L, drop_out=0.5)


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("sizes", [(0, 2), (2, 0)])
def test_empty_sizes_are_refused(name, sizes):
    with pytest.raises(ValueError, match="num_features" if sizes[0] == 0 else "num_labels"):
        models.build(name, *sizes)


@pytest.mark.parametrize("name", PUBLISHED)
def test_no_parameter_hides_a_constant(name):
    assert all(parameter.requires_grad for parameter in models.build(name, D, L).parameters())


def test_gaussian_kl_is_that_of_torch():
    mean, other, log_variance, other_log_variance = torch.randn(4, 6, 3, dtype=torch.float64)
    normals = [
        torch.distributions.Normal(mean, (log_variance / 2).exp()),
        torch.distributions.Normal(other, (other_log_variance / 2).exp()),
    ]
    expected = torch.distributions.kl_divergence(*normals).sum(1)
    torch.testing.assert_close(layers.gaussian_kl(mean, log_variance, other, other_log_variance), expected)


def test_block_starts_within_its_bounds():
    block = layers.LinearLayers([50, 400], slope=0.1)
    weight, bias = block.layers[0].weight, block.layers[0].bias
    bound = math.sqrt(2 / (1 + 0.1**2)) * math.sqrt(3 / 50)
    assert 0.95 * bound < weight.abs().max() <= bound
    assert 0 <= bias.min() < bias.max() <= 0.1


@pytest.mark.parametrize(("name", "variant"), [("mlp", None), *VARIANTS])
def test_a_model_minimizes_the_loss_by_label_that_it_is_given(name, variant):
    """Or says that it has none; cross-entropy by hand has the bits of the default."""
    model = built(name, **({"variant": variant} if variant else {}))
    x, y = batch()
    y[0, 0] = math.nan
    seen = []

    def loss_with(label_loss):
        torch.manual_seed(5)
        model.label_loss = label_loss
        return model.training_loss(x, y)[0]

    def no_loss(logits, targets):
        seen.append((logits.shape, targets.shape))
        return logits.sum() * 0

    default = model.label_loss
    assert torch.equal(loss_with(losses.create("bce", y)), loss_with(default))
    without, with_ten = loss_with(no_loss), loss_with(lambda logits, _: logits.sum() * 0 + 10)
    if model.takes_label_loss:
        assert seen == [((B, L), (B, L))]
        assert with_ten > without + 9
        assert loss_with(losses.create("asymmetric", y)) != loss_with(default)
    else:
        assert not seen
        assert without == with_ten == loss_with(default)
