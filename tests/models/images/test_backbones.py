"""Backbones of every kind give one form of features."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from batchsift.models.images import ModuleBackbone, SmallResNet, TransformersBackbone, build
from batchsift.models.images.backbones import as_map, grid
from batchsift.models.images.pretrained import FAMILIES, load

SIZE = 56


def configuration(family, **more):
    transformers = pytest.importorskip("transformers")
    stages = {"hidden_sizes": [8, 16], "depths": [1, 1]}
    tokens = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": SIZE}
    windows = {"embed_dim": 8, "depths": [1, 1], "num_heads": [2, 2], "image_size": SIZE, "window_size": 7}
    kinds = {
        "resnet": lambda: transformers.ResNetConfig(embedding_size=8, layer_type="basic", **stages, **more),
        "convnext": lambda: transformers.ConvNextConfig(num_stages=2, **stages, **more),
        "convnextv2": lambda: transformers.ConvNextV2Config(num_stages=2, **stages, **more),
        "vit": lambda: transformers.ViTConfig(intermediate_size=32, patch_size=14, **tokens, **more),
        "dinov2": lambda: transformers.Dinov2Config(patch_size=14, **tokens, **more),
        "dinov2_with_registers": lambda: transformers.Dinov2WithRegistersConfig(patch_size=14, **tokens, **more),
        "swin": lambda: transformers.SwinConfig(**windows, **more),
        "swinv2": lambda: transformers.Swinv2Config(**windows, **more),
    }
    return kinds[family]()


MAPS = {  # of pictures of 56 pixels
    "resnet": (7, 7),
    "convnext": (7, 7),
    "convnextv2": (7, 7),
    "vit": (4, 4),
    "dinov2": (4, 4),
    "dinov2_with_registers": (4, 4),
    "swin": (7, 7),
    "swinv2": (7, 7),
}


@pytest.fixture(autouse=True)
def _own_generator():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_gives_a_map_and_a_gradient_to_every_weight(family):
    model = build(configuration(family), 3)
    assert isinstance(model.backbone, TransformersBackbone)
    x = torch.rand(2, 3, SIZE, SIZE)
    assert model.backbone(x).shape == (2, model.backbone.channels, *MAPS[family])
    loss, logits = model.training_loss(x, torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]))
    loss.backward()
    assert logits.shape == (2, 3)
    without = [name for name, weight in model.named_parameters() if weight.requires_grad and weight.grad is None]
    assert without == []


@pytest.mark.parametrize("family", FAMILIES)
def test_a_map_has_the_places_of_the_picture(family):
    """What is bright in one corner is seen in that corner of the map."""
    backbone = build(configuration(family), 3).backbone.eval()
    dark, bright = torch.zeros(1, 3, SIZE, SIZE), torch.zeros(1, 3, SIZE, SIZE)
    bright[:, :, :8, -8:] = 3.0
    with torch.no_grad():
        change = (backbone(bright) - backbone(dark)).abs().sum(1)[0]
    half = change.shape[0] // 2
    quarters = [[part[:, :half].mean(), part[:, -half:].mean()] for part in (change[:half], change[-half:])]
    assert quarters[0][1] == max(map(max, quarters))


@pytest.mark.parametrize(
    ("family", "shape"), [("vit", (6, 10)), ("dinov2", (6, 10)), ("swin", (11, 18)), ("convnext", (10, 17))]
)
def test_pictures_need_not_be_square_nor_of_one_size(family, shape):
    backbone = build(configuration(family), 3).backbone.eval()
    assert backbone(torch.zeros(1, 3, 84, 140)).shape[2:] == shape


def test_weights_of_a_folder_are_loaded(tmp_path):
    transformers = pytest.importorskip("transformers")
    saved = transformers.AutoModel.from_config(configuration("dinov2"))
    saved.half().save_pretrained(tmp_path)
    for source in (tmp_path, str(tmp_path)):
        backbone = build(source, 3).backbone
        for name, weight in backbone.module.named_parameters():
            assert weight.dtype == torch.float32
            assert torch.equal(weight, saved.get_parameter(name).float()), name
    drawn = build(tmp_path, 3, pretrained=False).backbone
    assert not torch.equal(
        drawn.module.embeddings.patch_embeddings.projection.weight,
        saved.embeddings.patch_embeddings.projection.weight.float(),
    )


def test_weights_of_a_whole_classifier_are_loaded_too(tmp_path):
    transformers = pytest.importorskip("transformers")
    saved = transformers.AutoModelForImageClassification.from_config(configuration("resnet"))
    saved.save_pretrained(tmp_path)
    loaded = load(tmp_path).module.state_dict()
    expected = {name.removeprefix("resnet."): value for name, value in saved.state_dict().items()}
    assert all(torch.equal(value, expected[name]) for name, value in loaded.items())


def test_a_folder_without_weights_says_how_to_go_on(tmp_path):
    configuration("resnet").save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"no weights .*pretrained=False to begin with random ones"):
        build(tmp_path, 3)
    assert build(tmp_path, 3, pretrained=False).backbone.channels == 16


def test_weights_of_another_network_are_not_taken_for_its_own(tmp_path):
    transformers = pytest.importorskip("transformers")
    transformers.AutoModel.from_config(configuration("vit")).save_pretrained(tmp_path)
    deeper = configuration("vit")
    deeper.num_hidden_layers = 3
    deeper.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"weights are missing, .*layer.*2"):
        build(tmp_path, 3)


def test_what_is_no_backbone_is_named(tmp_path):
    pytest.importorskip("transformers")
    with pytest.raises(ValueError, match=r"no backbone '.*nothing': expected resnet-small, a folder"):
        build(tmp_path / "nothing", 3)
    with pytest.raises(TypeError, match="got int"):
        build(3, 3)


def test_other_families_are_named_with_the_known_ones():
    transformers = pytest.importorskip("transformers")
    with pytest.raises(ValueError, match=r"family 'bert' are not known.*There are resnet, convnext"):
        build(transformers.BertConfig(), 3)


def test_the_channels_of_a_picture_must_fit():
    with pytest.raises(ValueError, match="takes pictures with 3 channels, not num_channels=1"):
        build(configuration("resnet"), 3, num_channels=1)
    assert build(configuration("resnet", num_channels=1), 3, num_channels=1)(torch.zeros(1, 1, 32, 32)).shape == (1, 3)


def test_a_network_of_transformers_itself_is_welcome():
    transformers = pytest.importorskip("transformers")
    module = transformers.AutoModel.from_config(configuration("resnet"))
    assert build(module, 3).backbone.module is module


def test_without_transformers_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ImportError, match=r"pip install 'batchsift\[images\]'"):
        build("facebook/dinov2-small", 3)
    assert build("resnet-small", 3)


def test_transformers_is_not_imported_for_other_backbones():
    code = (
        "import sys, torch, batchsift as bs\n"
        "bs.models.images.build('resnet-small', 3)(torch.zeros(1, 3, 8, 8))\n"
        "print('transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


# Networks of others ------------------------------------------------------------------------------------------


class TimmLike(nn.Module):
    """What timm's models have that matters here."""

    num_features = 6

    def __init__(self, form="map", num_prefix_tokens=0):
        super().__init__()
        self.patches, self.form, self.checkpointing = nn.Conv2d(3, 6, 8, stride=8), form, False
        self.num_prefix_tokens = num_prefix_tokens

    def forward_features(self, x):
        features = self.patches(x)
        if self.form == "channels_last":
            return features.movedim(1, 3)
        if self.form == "tokens":
            tokens = features.flatten(2).transpose(1, 2)
            return torch.cat([tokens.new_full((len(x), self.num_prefix_tokens, 6), 9.0), tokens], dim=1)
        return features

    def forward(self, x):
        raise AssertionError("the classifier of a timm model is not wanted")

    def set_grad_checkpointing(self, enable=True):
        self.checkpointing = enable


@pytest.mark.parametrize("form", ["map", "channels_last", "tokens"])
def test_models_of_timm_work_as_they_are(form):
    module = TimmLike(form, num_prefix_tokens=2 if form == "tokens" else 0)
    model = build(module, 3, checkpointing=True)
    x = torch.rand(2, 3, 24, 40)
    torch.testing.assert_close(model.backbone(x), module.patches(x))
    assert module.checkpointing
    assert model(x).shape == (2, 3)


def test_a_network_of_your_own_says_how_many_channels_it_has():
    network = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU())
    with pytest.raises(ValueError, match=r"Sequential have is not known .*ModuleBackbone\(module, channels=C\)"):
        build(network, 2)
    x = torch.rand(2, 3, 9, 9)
    assert build(ModuleBackbone(network, channels=5), 2)(x).shape == (2, 2)
    tokens = ModuleBackbone(network, channels=5, prefix_tokens=1, features=lambda m, p: m(p).flatten(2).mT[:, :26])
    assert tokens(torch.rand(2, 3, 9, 9)).shape == (2, 5, 5, 5)
    with pytest.raises(ValueError, match="has no set_grad_checkpointing"):
        build(ModuleBackbone(network, channels=5), 2, checkpointing=True)


@pytest.mark.parametrize(
    "features", [torch.zeros(2, 7), torch.zeros(2, 9, 9, 9), torch.zeros(2, 1, 5), [1], torch.zeros(5)]
)
def test_features_of_another_form_are_refused(features):
    with pytest.raises(ValueError, match=r"expected features \(B, 5, H, W\).* got "):
        as_map(features, torch.zeros(2, 3, 8, 8), 5, prefix_tokens=1)


def test_a_vector_is_a_map_of_one_place():
    assert as_map(torch.zeros(2, 5), torch.zeros(2, 3, 8, 8), 5).shape == (2, 5, 1, 1)


@pytest.mark.parametrize("rounding", ["down", "up"])
def test_the_grid_is_found_again(rounding):
    """Whatever the size of picture and patch, and whether the last patches are cut off or filled up."""
    for patch in (3, 4, 7):
        for height in range(patch, 60):
            for width in range(patch, 60):
                rows, columns = (
                    (height // patch, width // patch)
                    if rounding == "down"
                    else (-(-height // patch), -(-width // patch))
                )
                assert grid(rows * columns, height, width) == (rows, columns)


# The small one -----------------------------------------------------------------------------------------------


def test_the_small_network_is_small():
    network = SmallResNet()
    assert sum(weight.numel() for weight in network.parameters()) == 307_360
    assert [network(torch.zeros(1, 3, size, size)).shape[2] for size in (1, 8, 18, 64)] == [1, 1, 3, 8]


def test_no_picture_depends_on_another_and_training_predicts():
    network = SmallResNet(1)
    x = torch.rand(5, 1, 18, 18)
    training = network.train()(x)
    torch.testing.assert_close(network.eval()(x), training)
    torch.testing.assert_close(network(x[:1]), training[:1])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"num_channels": 0}, "num_channels"),
        ({"blocks": 0}, "blocks"),
        ({"stem_stride": 0}, "stem_stride"),
        ({"widths": ()}, "stages"),
        ({"widths": (32, 40)}, r"widths must be multiples of 16, got \(32, 40\)"),
        ({"widths": (0,)}, "widths"),
    ],
)
def test_sizes_out_of_range_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        SmallResNet(**wrong)
