"""Data sets of pictures go through every verb; what is made for features is refused, with the way out."""

import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import batchsift as bs
from batchsift.data.images.dataset import check_no_pictures
from batchsift.data.loading import load_features
from linear_data import made

SMALL = {"model": "resnet-small", "size": 8, "epochs": 2, "batch_size": 32, "min_positives": 1}
FEATURES_WANTED = r"mlp takes features, and posters holds pictures: choose the model resnet-small, or a backbone of"


@pytest.fixture(autouse=True)
def posters(tmp_path, monkeypatch):
    """A folder of 150 pictures, red, green or both, in the working directory."""
    monkeypatch.chdir(tmp_path)
    Path("posters").mkdir()
    rng, rows = np.random.default_rng(0), ["file,red,green"]
    for number in range(150):
        red, green = rng.integers(0, 2, 2)
        color = (230 * red + 10, 230 * green + 10, int(rng.integers(0, 255)))
        Image.new("RGB", (6, 5), color).save(f"posters/{number}.png")
        rows.append(f"{number}.png,{red},{green}")
    Path("posters/labels.csv").write_text("\n".join(rows))


def break_one(content=b"no picture"):
    Path("posters/7.png").write_bytes(content)


@pytest.mark.parametrize("verb", [bs.compare, bs.train])
def test_a_model_of_features_takes_no_pictures(verb):
    for source in ("posters", bs.data.load("posters")):
        with pytest.raises(ValueError, match=FEATURES_WANTED):
            verb(source)
    with pytest.raises(ValueError, match=r"resnet-small takes pictures, and .* has \d+ features: choose the model"):
        verb(made(), model="resnet-small")
    assert not Path("runs").exists()
    assert not Path("results").exists()


@pytest.mark.parametrize("verb", ["compare", "train"])
def test_commands_refuse_what_cannot_work(batchsift, verb):
    for arguments, told in (
        ((), "mlp takes features, and posters holds pictures"),
        (
            ("--model", "resnet-small", "--scaling", "minmax"),
            "scaling='minmax' came with posters, which holds pictures",
        ),
        (("--model", "resnet-small", "--size", "0"), "size must be at least 1, got 0"),
        (("--model", "resnet-small", "--neighbors", "pretraind"), "did you mean 'pretrained'?"),
        (("--model", "resnet-smal"), "did you mean 'resnet-small'?"),
    ):
        code, out, err = batchsift(verb, "posters", *arguments)
        assert (code, out) == (2, "")
        assert told in " ".join(err.split())
    assert {path.name for path in Path().iterdir()} == {"posters"}


def test_options_of_pictures_go_with_pictures():
    with pytest.raises(ValueError, match=r"size, workers came with .*, which has features"):
        bs.train(made(), size=8, workers=2)
    with pytest.raises(TypeError, match=r"no argument 'siez'"):
        bs.train("posters", siez=8)


def test_a_model_is_trained_and_predicts(batchsift):
    options = ("--model", "resnet-small", "--size", "8", "--epochs", "3", "--batch-size", "8", "--min-positives", "1")
    code, out, err = batchsift("train", "posters", *options, "--out", "run", "--validation-share", "0.25", "--json")
    assert code == 0, err
    summary = json.loads(out)
    assert summary["config"]["training"]["pictures"]["size"] == 8
    assert {"cf1", "of1_top3", "map_tail"} <= summary["validation"].keys()
    page = Path("run/suspects.html").read_text()
    assert "data:image/jpeg;base64," in page
    assert "posters/" in page

    model = bs.load_model("run")
    data = bs.data.load("posters")
    probs = model.predict_proba(data)
    assert probs.shape == (150, 2)
    files = [data.pictures.name_of(row) for row in (3, 1)]
    np.testing.assert_allclose(model.predict_proba(files), probs[[3, 1]], atol=1e-6)

    code, out, err = batchsift("predict", "run", "posters")
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0] == "file,red,green"
    assert len(lines) == 151
    assert lines[1].startswith("posters/0.png,")
    Path("others").mkdir()
    Path("posters/5.png").rename("others/5.png")
    Path("others/new.csv").write_text("picture\n5.png\n")
    for source in ("others", "others/5.png", "others/new.csv"):
        code, out, _ = batchsift("predict", "run", source)
        assert code == 0
        assert out.splitlines()[1].startswith("others/5.png,")
    with pytest.raises(ValueError, match="got MultiLabelData; expected pictures"):
        model.predict_proba(made())


def test_the_parts_of_the_source_are_kept():
    """The test part is scored and not trained on; the validation part chooses the epoch."""
    table = Path("posters/labels.csv").read_text().splitlines()
    parts = ["split", *["train"] * 80, *["val"] * 40, *["test"] * 30]
    Path("posters/labels.csv").write_text("\n".join(f"{row},{part}" for row, part in zip(table, parts, strict=True)))
    summary = bs.train("posters", **SMALL, method="random", out="run").summary
    assert (summary["num_train"], summary["num_validation"]) == (80, 40)
    assert 0 <= summary["test"]["macro_auprc"] <= 1


def test_methods_are_compared():
    comparison = bs.compare("posters", **SMALL, methods="random,d2ace", folds=2, metrics="macro_auprc,cf1", out="out")
    assert comparison.methods == ("random", "d2ace")
    document = json.loads(Path("out/results.json").read_text())
    assert {"macro_auprc", "cf1", "map_tail"} <= document["results"][0]["metrics"].keys()
    assert document["config"]["pictures"]["neighbors"] == "model"


def test_a_study_of_pictures(batchsift):
    Path("study.toml").write_text(
        'data = [{source = "posters", broken = "error"}]\nmodels = ["resnet-small"]\nmethods = ["random"]\nfolds = 2\n'
        "training = {epochs = 1, batch_size = 8, min_positives = 1, pictures = {size = 8, flip = 0.0}}\n"
        'overrides = [{where = {model = "resnet-small"}, set = {pictures = {crop = 1.0}}}]\n'
    )
    code, _, err = batchsift("study", "run", "study.toml", "--out", "out")
    assert code == 0, err
    cell = json.loads(next(Path("out/cells").glob("*.json")).read_text())
    assert cell["status"] == "done"
    pictures = cell["config"]["training"]["pictures"]
    assert (pictures["size"], pictures["flip"], pictures["crop"]) == (8, 0.0, 1.0)
    assert "workers" not in pictures
    Path("study.toml").write_text('data = ["posters"]\nmodels = ["mlp"]\nmethods = ["random"]\n')
    code, _, err = batchsift("study", "run", "study.toml")
    assert code == 2
    assert "mlp takes features" in " ".join(err.split())
    Path("study.toml").write_text(
        'data = ["posters"]\nmodels = ["resnet-small"]\nmethods = ["random"]\ntraining = {pictures = {siz = 8}}\n'
    )
    code, _, err = batchsift("study", "run", "study.toml")
    assert code == 2
    assert "did you mean 'size'?" in " ".join(err.split())


@pytest.mark.parametrize("verb", ["compare", "train"])
@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_broken_picture_ends_with_its_name(batchsift, verb, workers):
    break_one()
    options = ("--model", "resnet-small", "--size", "8", "--epochs", "11", "--batch-size", "8", "--min-positives", "1")
    code, out, err = batchsift(verb, "posters", *options, "--workers", workers, "--out", "run")
    assert (code, out) == (2, "")
    line = " ".join(err.split())
    assert "posters/7.png: this is no picture that Pillow knows; it begins with b'no pictu'" in line
    assert "--broken 'skip' leaves such pictures out" in line
    assert "Traceback" not in err


def encoded(kind, size=(60, 50)):
    pixels = np.random.default_rng(0).integers(0, 255, (*size, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, kind)
    return content.getvalue()


def bomb():
    """A PNG file whose head says that it has a billion pixels."""
    content = bytearray(encoded("PNG"))
    head = b"IHDR" + struct.pack(">II", 40_000, 40_000) + bytes(content[24:29])
    content[12:33] = head + struct.pack(">I", zlib.crc32(head))
    return bytes(content)


BROKEN = {
    "a JPEG file cut short": (lambda: encoded("JPEG")[:900], "7.png: the picture is damaged"),
    "a PNG file cut short": (lambda: encoded("PNG")[:900], "7.png: the picture is damaged"),
    "a wrong head": (lambda: b"\x00" * 8 + encoded("PNG")[8:], "7.png: this is no picture that Pillow knows"),
    "a bomb": (bomb, "7.png: a decompression bomb?"),
    "nothing": (lambda: None, "posters/labels.csv: 1 of 150 pictures are not in posters: 7.png"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_one_line_names_what_is_broken(batchsift, kind):
    make, told = BROKEN[kind]
    if (content := make()) is None:
        Path("posters/7.png").unlink()
    else:
        break_one(content)
    options = ("--model", "resnet-small", "--size", "8", "--epochs", "1", "--method", "random", "--min-positives", "1")
    code, out, err = batchsift("train", "posters", *options, "--out", "run")
    assert (code, out) == (2, "")
    (line,) = [line for line in err.splitlines() if line.startswith("batchsift: ")]
    assert told in line
    assert "--broken 'skip'" in line


def test_a_coco_file_with_an_unknown_category(batchsift):
    document = {
        "images": [{"id": 1, "file_name": "0.png"}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"id": 5, "image_id": 1, "category_id": 9}],
    }
    Path("posters/instances.json").write_text(json.dumps(document))
    code, out, err = batchsift("train", "posters/instances.json", "--model", "resnet-small")
    assert (code, out) == (2, "")
    assert "annotation 5 has the category_id 9, which is none of the categories" in err


def test_broken_pictures_are_left_out_before_anything_begins(batchsift):
    break_one()
    with pytest.warns(UserWarning, match=r"1 of 150 pictures cannot be decoded: .*7\.png"):
        model = bs.train("posters", **SMALL, method="random", broken="skip", out="run")
    assert model.summary["num_train"] + model.summary["num_validation"] == 149
    code, _, err = batchsift("train", "posters", "--model", "resnet-small", "--broken", "error")
    assert code == 2
    assert "--broken 'skip' leaves them out" in " ".join(err.split())


def test_unknown_labels_are_left_out():
    table = Path("posters/labels.csv").read_text().splitlines()
    Path("posters/labels.csv").write_text(
        "\n".join([table[0], *(f"{row[:-1]}-1" if number % 6 == 0 else row for number, row in enumerate(table[1:]))])
    )
    comparison = bs.compare("posters", **SMALL, methods="random", folds=2, repeat=False, uncertain="ignore", out="out")
    (run, *_) = comparison.results["random"]
    assert np.isfinite(run.metrics["macro_auprc"])
    assert np.isfinite(run.metrics["ranking_loss"])
    model = bs.train("posters", **SMALL, method="d2ace", uncertain="ignore", out="run")
    assert model.summary["num_validation"] >= 1
    with pytest.raises(ValueError, match="some labels of the validation part are unknown"):
        bs.train("posters", **SMALL, uncertain="ignore", calibrate="sigmoid", out="other")


def test_embedded_digits_are_pictures_too():
    data = bs.data.load("digits").select(rows=range(120))
    comparison = bs.compare(data, **SMALL, methods="random", folds=2, repeat=False, out="out")
    settings = comparison.prepared.settings.pictures
    assert (settings.crop, settings.flip) == (0.85, 0.0)
    with pytest.raises(ValueError, match="values from 0 to 255; expected gray values"):
        bs.train(
            bs.data.MultiLabelData(
                data.features,
                data.labels,
                data.feature_names,
                data.label_names,
                images=np.full((120, 1, 4, 4), 255.0) * (np.arange(4) > 1),
            ),
            model="resnet-small",
        )


def test_pictures_for_models_of_features():
    data = bs.data.load("posters")
    trained = bs.train(made(), method="random", epochs=1, learning_rate=1e-2, batch_size=16, out="run")
    with pytest.raises(ValueError, match=r"^got ImageData\(.*\); this model was trained on"):
        trained.predict_proba(data)
    classifier = bs.MultiLabelClassifier(method="random", epochs=1, random_state=0)
    with pytest.raises(ValueError, match=r"^got ImageData\(.*\); expected a data set with features"):
        classifier.fit(data, data.labels)
    with pytest.raises(ValueError, match=r"^posters holds pictures"):
        load_features("posters")
    check_no_pictures(made())
    assert load_features("digits").num_features == 324


def test_a_network_of_transformers(batchsift):
    """By folder, loaded again without it: the file of the model describes the backbone."""
    transformers = pytest.importorskip("transformers")
    config = transformers.ViTConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, image_size=8, patch_size=4
    )
    with torch.random.fork_rng():
        transformers.ViTModel(config, add_pooling_layer=False).save_pretrained("backbone")
    model = bs.train(
        "posters",
        **{**SMALL, "model": "backbone"},
        method="d2ace",
        neighbors="pretrained",
        backbone_rate=0.1,
        hyperparameters={"head": "ml-decoder", "width": 8, "inner": 8, "heads": 2},
        out="run",
    )
    data = bs.data.load("posters")
    probs = model.predict_proba(data)
    Path("backbone").rename("elsewhere")
    np.testing.assert_array_equal(bs.load_model("run").predict_proba(data), probs)
    with pytest.raises(ValueError, match="no better than chance"):
        bs.train(
            "posters",
            **{**SMALL, "model": "elsewhere"},
            neighbors="pretrained",
            hyperparameters={"pretrained": False},
            out="other",
        )
