"""Models for pictures: the loss, the logits, options, averages, and saving."""

import copy
import io
import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

import batchsift as bs
from batchsift.functional import losses
from batchsift.models import BaseModel
from batchsift.models.images import HEADS, ImageModel, averaged, build, hyperparameters

SMALL = {
    "linear": {},
    "ml_decoder": {"groups": 3, "width": 16, "heads": 2, "inner": 8},
    "query2label": {"width": 16, "heads": 2, "inner": 8},
}
B, L = 6, 5


@pytest.fixture(autouse=True)
def _own_generator():
    with torch.random.fork_rng():
        torch.manual_seed(2)
        yield


def built(head="linear", seed=3, **more):
    torch.manual_seed(seed)
    return build("resnet-small", L, head=head, **{**SMALL[head], **more})


def batch(rows=B):
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(rows, 3, 20, 28, generator=generator)
    return x, (torch.rand(rows, L, generator=generator) < 0.4).float()


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize(("rows", "num_labels"), [(1, 1), (1, 3), (4, 1), (4, 7)])
def test_every_model_offers_logits_and_a_loss(head, rows, num_labels):
    model = build("resnet-small", num_labels, head=head, **SMALL[head])
    assert isinstance(model, BaseModel)
    x = batch(rows)[0]
    loss, logits = model.training_loss(x, torch.ones(rows, num_labels))
    loss.backward()
    assert model(x).shape == logits.shape == (rows, num_labels)
    assert loss.shape == ()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("head", HEADS)
def test_loss_is_the_mean_over_the_known_cells(head):
    model, (x, y) = built(head, dropout=0.0), batch()
    y[1, 0] = y[2] = math.nan
    loss, logits = model.training_loss(x, y)
    known = ~y.isnan()
    assert loss.item() == pytest.approx(binary_cross_entropy_with_logits(logits[known], y[known]).item())
    torch.testing.assert_close(logits, model.eval()(x))
    loss, _ = model.training_loss(x, torch.full_like(y, math.nan))
    loss.backward()
    assert loss.item() == 0.0
    assert all((p.grad == 0).all() for p in model.parameters())


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("name", ["asymmetric", "focal", "pos_weight", "distribution_balanced"])
def test_a_model_minimizes_the_loss_by_label_that_it_is_given(head, name):
    model, (x, y) = built(head, dropout=0.0), batch()
    model.label_loss = losses.create(name, y)
    loss, logits = model.training_loss(x, y)
    assert torch.equal(loss, losses.create(name, y)(logits, y))
    assert loss != losses.bce(logits, y)


@pytest.mark.parametrize("head", HEADS)
def test_evaluation_is_repeatable_and_knows_no_other_picture(head):
    model, (x, _) = built(head).eval(), batch()
    state = torch.get_rng_state()
    with torch.no_grad():
        first, second, alone = model(x), model(x), model(x[:1])
    assert torch.equal(first, second)
    assert torch.equal(state, torch.get_rng_state())
    torch.testing.assert_close(alone, first[:1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("head", HEADS)
def test_a_saved_state_predicts_the_same_in_a_new_model(head):
    model, (x, _) = built(head), batch()
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    other = built(head, seed=9)
    other.load_state_dict(torch.load(file, weights_only=True))
    with torch.no_grad():
        assert torch.equal(other.eval()(x), model.eval()(x))
        assert torch.equal(copy.deepcopy(model)(x), model(x))


def test_building_draws_from_torch_alone_and_seeds_nothing():
    torch.manual_seed(3)
    first, after = build("resnet-small", L, head="ml_decoder", width=16), torch.get_rng_state()
    second = build("resnet-small", L, head="ml_decoder", width=16)
    torch.manual_seed(3)
    again = build("resnet-small", L, head="ml_decoder", width=16)
    assert torch.equal(after, torch.get_rng_state())
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in first.state_dict().items())
    assert not torch.equal(first.head.queries_Ke, second.head.queries_Ke)
    assert not torch.equal(first.backbone.stem.weight, second.backbone.stem.weight)


def test_the_device_of_building_may_be_any():
    for head in HEADS:
        with torch.device("meta"):
            model = built(head)
        assert {tensor.device.type for tensor in model.state_dict().values()} == {"meta"}


@pytest.mark.parametrize("head", HEADS)
def test_autocast_is_close_and_keeps_the_precision_outside(head):
    plain, cast = built(head, dropout=0.0), built(head, dropout=0.0, autocast=True)
    x, y = batch()
    seen = []
    cast.head.register_forward_hook(lambda module, given, out: seen.append((given[0].dtype, out.dtype)))
    loss, logits = cast.training_loss(x, y)
    loss.backward()
    assert seen[0][0] in {torch.bfloat16, torch.float32}
    assert seen[0][1] == torch.bfloat16 or head != "linear"
    assert loss.dtype == logits.dtype == torch.float32
    assert all(p.dtype == p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in cast.parameters())
    expected = plain(x)
    assert not torch.equal(logits, expected)
    torch.testing.assert_close(logits, expected, rtol=0.1, atol=0.1)
    assert cast.embed(x).dtype == torch.float32


@pytest.mark.parametrize("head", HEADS)
def test_autocast_from_outside_works_too(head):
    model, (x, y) = built(head, dropout=0.0), batch()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, logits = model.training_loss(x, y)
    assert loss.dtype == logits.dtype == torch.float32
    assert torch.equal(logits, built(head, dropout=0.0, autocast=True)(x))


@pytest.mark.parametrize("head", HEADS)
def test_bfloat16_weights_run(head):
    model, (x, y) = built(head).to(torch.bfloat16), batch()
    loss, logits = model.training_loss(x.to(torch.bfloat16), y)
    loss.backward()
    assert logits.dtype == torch.bfloat16
    assert loss.isfinite()


def step(model, x, y):
    torch.manual_seed(8)  # the same dropout
    loss, logits = model.training_loss(x, y)
    model.zero_grad()
    loss.backward()
    return loss.detach(), logits.detach(), [p.grad.clone() for p in model.parameters() if p.grad is not None]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("autocast", [False, True])
def test_checkpointing_changes_nothing(head, autocast):
    plain, saving = (built(head, autocast=autocast, checkpointing=on) for on in (False, True))
    x, y = batch()
    torch.testing.assert_close(step(saving, x, y), step(plain, x, y), rtol=0, atol=0)


def kept_bytes(model, x, y):
    storages = {}

    def keep(tensor):
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model.training_loss(x, y)
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    return sum(storage.nbytes() for place, storage in storages.items() if place not in weights)


def test_checkpointing_keeps_less():
    x, y = batch(16)
    plain, saving = (built(checkpointing=on) for on in (False, True))
    assert kept_bytes(saving, x, y) < 0.5 * kept_bytes(plain, x, y)


@pytest.mark.parametrize("family", ["vit", "dinov2", "swin"])
def test_checkpointing_of_transformers_changes_nothing(family):
    transformers = pytest.importorskip("transformers")
    size = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 28, "patch_size": 14}
    windows = {
        "embed_dim": 8,
        "depths": [2, 2],
        "num_heads": [2, 2],
        "image_size": 28,
        "window_size": 7,
        "patch_size": 2,
    }
    configuration = {
        "vit": lambda: transformers.ViTConfig(hidden_dropout_prob=0.1, intermediate_size=32, **size),
        "dinov2": lambda: transformers.Dinov2Config(drop_path_rate=0.2, **size),
        "swin": lambda: transformers.SwinConfig(drop_path_rate=0.2, **windows),
    }[family]()
    x, y = torch.rand(B, 3, 28, 28), batch()[1]
    results = []
    for on in (False, True):
        torch.manual_seed(3)
        model = build(configuration, L, checkpointing=on).train()
        results.append(step(model, x, y))
    torch.testing.assert_close(results[1], results[0], rtol=0, atol=0)


def test_networks_without_checkpoints_say_so():
    transformers = pytest.importorskip("transformers")
    configuration = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8], depths=[1], layer_type="basic")
    with pytest.raises(ValueError, match="ResNetModel of transformers has no gradient checkpointing"):
        build(configuration, L, checkpointing=True)


@pytest.mark.parametrize("head", HEADS)
def test_learns_a_few_pictures_by_heart(head):
    model, (x, y) = built(head, dropout=0.0), batch(16)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, fused=True)
    for _ in range(100):
        loss, _ = model.training_loss(x, y)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
    scores = model.eval()(x).detach()
    assert losses.bce(scores, y) < 0.1
    assert ((scores > 0) == (y == 1)).all()


def test_embeddings_are_the_mean_of_the_map():
    model, (x, _) = built().eval(), batch()
    torch.testing.assert_close(model.embed(x), model.backbone(x).mean((2, 3)))
    torch.testing.assert_close(model.head.classifier(model.embed(x)), model(x))


def test_a_selector_takes_its_logits_and_its_embeddings():
    model, (x, y) = built(), batch(12)
    with torch.no_grad():
        features = model.embed(x)
    selector = bs.Selector(y, method="d2ace", features=features, batch_size=4, epochs=3, seed=0)
    for _ in range(3):
        for indices in selector.batches():
            _, logits = model.training_loss(x[indices], y[indices])
            selector.observe(indices, logits, y[indices])
        selector.end_epoch()
    assert selector.scores["hardness"].isfinite().all()


@pytest.mark.parametrize("x", [torch.zeros(2, 5), torch.zeros(3, 8, 8)])
def test_what_are_no_pictures_is_refused(x):
    for call in (built(), built().embed):
        with pytest.raises(ValueError, match=r"expected pictures \(B, channels, height, width\), got \("):
            call(x)


def test_unknown_names_suggest_the_nearest():
    with pytest.raises(ValueError, match="unknown head 'ml-decoder': did you mean 'ml_decoder'"):
        build("resnet-small", L, head="ml-decoder")
    with pytest.raises(TypeError, match="'groups'"):
        build("resnet-small", L, groups=3)


@pytest.mark.parametrize("head", HEADS)
def test_a_head_takes_the_hyperparameters_it_names(head):
    named = hyperparameters(head)
    settings = built(head).head.settings
    model = build("resnet-small", L, head=head, **{name: getattr(settings, name) for name in named})
    assert isinstance(model, ImageModel)
    assert model.head.settings == settings


@pytest.mark.parametrize("head", HEADS)
def test_compiled_equals_eager(head):
    model, (x, y) = built(head, dropout=0.0), batch()
    torch.compiler.reset()
    loss, logits = torch.compile(model.training_loss, backend="eager")(x, y)
    expected, expected_logits = model.training_loss(x, y)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(logits, expected_logits)


def test_channels_last_changes_no_logit():
    model, (x, _) = built().eval(), batch()
    expected = model(x)
    last = model.to(memory_format=torch.channels_last)(x.to(memory_format=torch.channels_last))
    torch.testing.assert_close(last, expected)


# The moving average ------------------------------------------------------------------------------------------


def test_the_average_equals_a_loop():
    model = torch.nn.Linear(2, 1).double()
    average, twin = averaged(model, decay=0.5), None
    for step_number in range(20):
        with torch.no_grad():
            model.weight.normal_()
        average.update_parameters(model)
        kept = min(0.5, (1 + step_number) / (10 + step_number)) if twin is not None else 0.0
        twin = model.weight.detach().clone() if twin is None else kept * twin + (1 - kept) * model.weight.detach()
        torch.testing.assert_close(average.module.weight.detach(), twin)


def test_a_short_training_forgets_its_first_weights():
    model = torch.nn.Linear(1, 1, bias=False)
    average = averaged(model)
    with torch.no_grad():
        model.weight.fill_(100.0)
        average.update_parameters(model)
        model.weight.fill_(0.0)
        for _ in range(100):
            average.update_parameters(model)
    assert average.module.weight.item() < 1e-3


@pytest.mark.parametrize("head", HEADS)
def test_an_average_trains_along_predicts_and_is_saved(head):
    model, (x, y) = built(head), batch()
    average = averaged(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        model.training_loss(x, y)[0].backward()
        optimizer.step()
        average.update_parameters(model)
    assert not torch.equal(average.eval()(x), model.eval()(x))
    other = averaged(built(head, seed=9))
    other.load_state_dict(copy.deepcopy(average.state_dict()))
    assert torch.equal(other.eval()(x), average(x))
    if head == "ml_decoder":
        assert torch.equal(average.module.head.queries_Ke, model.head.queries_Ke)


@pytest.mark.parametrize("decay", [1.0, -0.1, math.nan])
def test_decay_out_of_range_is_refused(decay):
    with pytest.raises(ValueError, match=r"decay must be in \[0, 1\)"):
        averaged(built(), decay=decay)
