"""Named settings: what ships can be run, what is wrong in the file is refused."""

import json

import pytest

from batchsift import models
from batchsift.training import presets
from batchsift.training.presets import Preset, preset
from batchsift.training.settings import Settings

SHIPPED = [(model, data) for model, found in presets.read(presets.TUNED).items() for data in found]


def test_default_settings_are_the_defaults():
    assert preset("default", model="clif", data="anything") == Preset() == Preset(settings={}, hyperparameters={})


def test_the_papers_scale_to_the_range_and_minimize_cross_entropy():
    paper = preset("paper", model="clif", data="anything")
    assert paper == Preset(settings=presets.PAPER)
    settings = Settings(**paper.settings)
    assert (settings.scaling, settings.loss, settings.learning_rate, settings.epochs) == ("minmax", "bce", 1e-4, 100)
    assert settings.drawing == "independent"
    assert settings == Settings.from_document({})  # what files of older versions mean


def test_what_a_search_says_goes_before_what_the_papers_have(monkeypatch):
    found = {"mlp": {"toys": Preset(settings={"scaling": "none", "epochs": 3})}}
    monkeypatch.setattr(presets, "_read_tuned", lambda: found)
    settings = preset("tuned", model="mlp", data="toys").settings
    assert settings == {**presets.PAPER, "scaling": "none", "epochs": 3}


@pytest.mark.parametrize(("model", "data"), SHIPPED)
def test_what_ships_can_be_run(model, data):
    found = preset("tuned", model=model, data=data)
    assert {"learning_rate", "weight_decay", "epochs"} <= set(found.settings)
    assert found.settings["scaling"] == "minmax"  # which all searches were made under
    settings = Settings(**found.settings)
    assert settings.num_folds == Settings().num_folds  # splits stay those of the papers' settings
    assert settings.validation_share == Settings().validation_share
    models.build(model, 8, 3, **found.hyperparameters)


@pytest.mark.parametrize("data", ["emotions", "yeast", "scene", "birds"])
def test_there_are_tuned_settings_on(data):
    assert {"mlp", "clif"} <= {model for model, name in SHIPPED if name == data}


def test_unknown_names_are_refused_with_the_way_out():
    with pytest.raises(
        ValueError, match=r"no settings 'tunde': did you mean 'tuned'\? There are default, paper, tuned"
    ):
        preset("tunde", model="mlp", data="yeast")
    with pytest.raises(ValueError, match=r"no tuned settings for mlp on 'toys'.*emotions.*benchmarks/tune\.py"):
        preset("tuned", model="mlp", data="toys")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"settings": {"learning_rat": 1e-3}}, "learning_rat"),
        ({"settings": {"epochs": 0}}, "epochs must be at least 1"),
        ({"hyperparameters": {"latent": 4}}, "mlp has no hyperparameter latent"),
        ({"hyperparameter": {}}, "hyperparameter"),
    ],
)
def test_a_file_with_something_wrong_is_refused(tmp_path, entry, message):
    path = tmp_path / "presets.json"
    path.write_text(json.dumps({"mlp": {"toys": entry}}))
    with pytest.raises(ValueError, match=rf"presets\.json: mlp on 'toys'.*{message}"):
        presets.read(path)


def test_an_unknown_model_in_the_file_is_refused(tmp_path):
    path = tmp_path / "presets.json"
    path.write_text(json.dumps({"mpl": {"toys": {}}}))
    with pytest.raises(ValueError, match="unknown model 'mpl'"):
        presets.read(path)
