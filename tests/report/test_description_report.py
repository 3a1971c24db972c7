"""The described data set as words, a picture, and a command."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from batchsift.data import MultiLabelData
from batchsift.data.describe import describe
from batchsift.report.console.description import description_figure, description_report, label_correlation, warnings_of
from batchsift.report.console.plots import image


def described(labels, features=None, names=None):
    labels = np.asarray(labels)
    features = np.arange(float(len(labels)))[:, None] ** 2 if features is None else np.asarray(features, dtype=float)
    label_names = names or tuple(f"y{j}" for j in range(labels.shape[1]))
    return describe(MultiLabelData(features, labels, tuple(f"x{d}" for d in range(features.shape[1])), label_names))


def printed(found):
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(description_report(found))
    return console.export_text()


def test_labels_are_listed_with_their_measures():
    text = printed(described([[1, 1], [1, 0], [1, 0], [0, 0]], names=("[bold]often", "rarely")))
    assert "[bold]often" in text  # no markup
    line = next(line for line in text.splitlines() if "rarely" in line)
    assert line.split() == ["rarely", "1", "0.2500", "3.0000", "0.1340"]
    assert "IRLbl" in text


def test_columns_are_listed_and_long_tables_shortened():
    labels = [[1, 0], [0, 1], [1, 1], [0, 1]]
    text = printed(described(labels))
    assert "becomes" in text
    assert next(line for line in text.splitlines() if "x0" in line).split()[:6] == [
        "x0",
        "number",
        "0",
        "4",
        "1",
        "feature",
    ]
    assert "columns; --json" not in text
    wide = described(labels, features=np.arange(4 * 31).reshape(4, 31))
    assert "The first 30 of 31 columns; --json lists all." in printed(wide)
    assert len(wide.document()["columns"]) == 31


def test_what_to_look_at_is_said():
    assert warnings_of(described([[1, 0], [0, 1], [1, 1]])) == []
    lines = warnings_of(described([[0, 1]] * 12, features=[[1, 2, 2, 0]] * 6 + [[k, k, k, 0] for k in range(6)]))
    assert lines[0] == "1 label that no sample has: y0"
    assert lines[1] == "1 label that every sample has: y1"
    assert lines[2] == "1 constant feature: x3"
    assert lines[3] == "1 group of equal features: x1 = x2"
    assert "rows have the features of another row" in lines[4]
    assert warnings_of(described([[1.0, np.nan], [0.0, 1.0]]))[0].startswith("1 label cell is not labelled")


def test_correlation_is_numpys():
    rng = np.random.default_rng(0)
    labels = (rng.uniform(size=(50, 4)) < [0.2, 0.5, 0.7, 0.4]).astype(int)
    np.testing.assert_allclose(label_correlation(described(labels)), np.corrcoef(labels.T), atol=1e-12)


@pytest.mark.parametrize("num_labels", [1, 2, 5, 60])
def test_the_picture_is_drawn(num_labels):
    rng = np.random.default_rng(0)
    labels = (rng.uniform(size=(80, num_labels)) < 0.3).astype(int)
    labels[:, 0] = 0
    names = tuple(f"$name_{j}$ of a label that goes on" for j in range(num_labels))
    picture = image(description_figure(described(labels, names=names)), "png")
    assert picture.startswith(b"\x89PNG")


@pytest.mark.parametrize(("rarest", "scale"), [(0, "symlog"), (2, "symlog"), (40, "linear")])
def test_long_tails_are_drawn_on_a_logarithmic_scale_that_says_so(rarest, scale):
    counts = (100, rarest)
    labels = (np.arange(120)[:, None] < counts).astype(int)
    axes = description_figure(described(labels)).axes[0]
    assert axes.get_xscale() == scale
    assert ("logarithmic" in axes.get_xlabel()) == (scale == "symlog")
    assert {text.get_text() for text in axes.texts} == {str(count) for count in counts}
    assert axes.get_xlim()[1] > 100


def test_command(batchsift, tmp_path):
    code, out, err = batchsift("describe", "digits")
    assert (code, err) == (0, "")
    assert "cardinality" in out
    assert out.splitlines()[-2:] == ["results/digits/description.json", "results/digits/labels.png"]
    assert (tmp_path / "results/digits/labels.png").read_bytes().startswith(b"\x89PNG")


def test_command_as_json(batchsift, tmp_path):
    code, out, err = batchsift("describe", "digits", "--json", "--out", "here")
    assert code == 0
    assert json.loads(out) == json.loads((tmp_path / "here/description.json").read_text())
    assert "here/labels.png" in err


def test_command_explains_a_mistake(batchsift, tmp_path):
    code, out, err = batchsift("describe", "digit")
    assert (code, out) == (2, "")
    assert "did you mean 'digits'" in err
    assert not (tmp_path / "results").exists()


def test_command_on_pictures(batchsift, tmp_path):
    folder = tmp_path / "posters"
    folder.mkdir()
    for name in ("a", "b", "c"):
        Image.new("RGB", (40, 30), "red").save(folder / f"{name}.png")
    (folder / "c.png").write_bytes(b"nothing")
    (folder / "labels.csv").write_text("file,split,new,old\na.png,train,1,0\nb.png,train,1,1\nc.png,test,0,1\n")
    code, out, err = batchsift("describe", "posters")
    assert (code, err) == (0, "")
    for text in ("3 x 2", "train 2, validation 0, test 1", "40 to 40, median 40 (of 3 pictures)", "PNG RGB 2"):
        assert text in out
    assert "! of 3 pictures, 1 cannot be read" in out
    with Image.open(tmp_path / "results/posters/pictures.png") as sheet:
        assert sheet.size[1] == 2 * 112
    assert json.loads((tmp_path / "results/posters/description.json").read_text())["parts"][0] == ["train", 2]
