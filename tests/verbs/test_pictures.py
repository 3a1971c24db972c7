"""Data sets of pictures are refused, in whatever form, by whatever trains on features."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import batchsift as bs
from batchsift.data.images.dataset import check_no_pictures
from batchsift.data.loading import load_features
from linear_data import made

MESSAGE = (
    "expected a data set with features. A training loop of your own takes pictures: "
    "batchsift.data.images.ImageDataset makes tensors of them"
)


@pytest.fixture(autouse=True)
def posters(tmp_path, monkeypatch):
    """A folder of three pictures in the working directory."""
    monkeypatch.chdir(tmp_path)
    Path("posters").mkdir()
    for name in ("a", "b", "c"):
        Image.new("RGB", (8, 8), "red").save(f"posters/{name}.png")
    Path("posters/labels.csv").write_text("file,new,old\na.png,1,0\nb.png,1,1\nc.png,0,1\n")


@pytest.fixture
def trained():
    return bs.train(made(), method="random", epochs=1, learning_rate=1e-2, batch_size=16, out="run")


@pytest.mark.parametrize("verb", [bs.compare, bs.train, load_features])
def test_verbs(verb):
    data = bs.data.load("posters")
    with pytest.raises(ValueError, match=r"^got ImageData\('posters', 3 pictures x 2 labels\); " + MESSAGE):
        verb(data)
    with pytest.raises(ValueError, match=r"^posters holds pictures: ImageData\(.*\); " + MESSAGE):
        verb("posters")
    with pytest.raises(ValueError, match=r"^posters/labels.csv holds pictures: ImageData\(.*\); " + MESSAGE):
        verb("posters/labels.csv", images="posters")
    assert not Path("runs").exists()
    assert not Path("results").exists()


@pytest.mark.parametrize("verb", ["compare", "train"])
def test_commands(batchsift, verb):
    code, out, err = batchsift(verb, "posters")
    assert (code, out) == (2, "")
    assert "posters holds pictures" in err
    assert MESSAGE in " ".join(err.split())
    assert {path.name for path in Path().iterdir()} == {"posters"}


def test_study(batchsift):
    Path("study.toml").write_text('data = ["posters"]\nmodels = ["mlp"]\nmethods = ["random", "hard"]\n')
    code, _, err = batchsift("study", "run", "study.toml")
    assert code == 2
    assert MESSAGE in " ".join(err.split())


def test_prediction(batchsift, trained):
    data = bs.data.load("posters")
    for predict in (trained.predict, trained.predict_proba):
        with pytest.raises(ValueError, match=r"^got ImageData\(.*\); " + MESSAGE):
            predict(data)
    code, out, err = batchsift("predict", "run", "posters")
    assert (code, out) == (2, "")
    assert MESSAGE in " ".join(err.split())


def test_classifier():
    data = bs.data.load("posters")
    classifier = bs.MultiLabelClassifier(method="random", epochs=1, random_state=0)
    with pytest.raises(ValueError, match=r"^got ImageData\(.*\); " + MESSAGE):
        classifier.fit(data, data.labels)
    known = made()
    classifier.fit(known.features, known.labels)
    for predict in (classifier.predict, classifier.predict_proba, classifier.decision_function):
        with pytest.raises(ValueError, match=r"^got ImageData\(.*\); " + MESSAGE):
            predict(data)


def test_features_are_none():
    check_no_pictures(made())
    check_no_pictures(np.zeros((2, 3)))
    assert load_features("digits").num_features == 324
