import datasets
import numpy as np
import pytest
from PIL import Image

from batchsift.data import load
from batchsift.data.images import ImageDataset, PictureError, images_from_hf
from batchsift.data.images.transforms import normalized

KIND = datasets.Features(
    {"image": datasets.Image(), "labels": datasets.List(datasets.ClassLabel(names=["cat", "dog", "owl"]))}
)


@pytest.fixture
def rows(picture, noise):
    return {"image": [noise(0), str(picture("a.png", "red")), None], "labels": [[0, 2], [], [1]]}


def test_a_list_of_classes(rows):
    dataset = datasets.Dataset.from_dict(rows, features=KIND)
    data = images_from_hf(dataset, labels="labels", name="pets")
    assert data.label_names == ("cat", "dog", "owl")
    assert data.labels.tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    pictures = ImageDataset(data, np.asarray)
    np.testing.assert_array_equal(pictures[0][0], np.asarray(rows["image"][0]))
    assert pictures[1][0][0, 0].tolist() == [255, 0, 0]
    with pytest.raises(PictureError, match="row 2 of the column 'image': there is no picture"):
        pictures[2]
    chosen = ImageDataset(data.select(rows=[1, 0]), normalized)
    assert chosen[1][1].tolist() == [1, 0, 1]
    with pytest.raises(PictureError, match="row 2 of"):
        ImageDataset(data.select(rows=[2]), normalized)[0]


def test_pictures_stay_packed_until_they_are_asked_for(tmp_path, noise):
    noise(0).save(tmp_path / "a.png")
    (tmp_path / "broken.png").write_bytes((tmp_path / "a.png").read_bytes()[:200])
    content = {"image": [str(tmp_path / "broken.png")], "labels": [[1]]}
    dataset = datasets.Dataset.from_dict(content, features=KIND).with_format("torch")
    data = images_from_hf(dataset, labels="labels")
    with pytest.raises(PictureError, match="row 0 of the column 'image': the picture is damaged"):
        ImageDataset(data, normalized)[0]


def test_columns_of_zeros_and_ones():
    content = {"picture": [Image.new("RGB", (2, 2))] * 2, "is_cat": [1, 0], "is_dog": [True, True]}
    dataset = datasets.Dataset.from_dict(content).cast_column("picture", datasets.Image())
    data = images_from_hf(dataset, image="picture", labels="is_*")
    assert data.labels.tolist() == [[1, 1], [0, 1]]


def test_what_is_wrong_is_named(rows):
    dataset = datasets.Dataset.from_dict(rows, features=KIND)
    with pytest.raises(ValueError, match="image='picture' is none of the 2 columns"):
        images_from_hf(dataset, image="picture", labels="labels")
    with pytest.raises(ValueError, match=r"the column 'labels' holds .*; expected pictures: cast it with"):
        images_from_hf(dataset, image="labels", labels="labels")
    with pytest.raises(TypeError, match="take one of its splits: 'train'"):
        images_from_hf(datasets.DatasetDict({"train": dataset}), labels="labels")
    with pytest.raises(TypeError, match=r"use images_from_hf|from_hf\("):
        load(dataset)
    with pytest.raises(ValueError, match="labels='tags' matches none of the 2 columns"):
        images_from_hf(dataset, labels="tags")
