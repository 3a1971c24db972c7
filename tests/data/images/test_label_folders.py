import pytest

from batchsift.data import load
from batchsift.data.images import read_label_folders


def test_a_folder_a_label(picture, tmp_path):
    picture("cat/1.png", "red")
    picture("cat/2.png", "blue")
    picture("dog/1.png", "green")  # another picture of the same name
    picture("dog/2.png", "blue")  # the same picture
    picture("dog/3.png", "blue")  # another name
    (tmp_path / "dog" / "notes.txt").touch()
    (tmp_path / "dog" / "._3.png").touch()
    (tmp_path / ".cache").mkdir()
    (tmp_path / "owl").mkdir()
    data = load(tmp_path)
    assert data.label_names == ("cat", "dog", "owl")
    rows = {data.pictures.name_of(row).removeprefix(f"{tmp_path}/"): data.labels[row].tolist() for row in range(4)}
    assert data.num_samples == 4
    assert rows == {"cat/1.png": [1, 0, 0], "cat/2.png": [1, 1, 0], "dog/1.png": [0, 1, 0], "dog/3.png": [0, 1, 0]}
    assert data.split is None


def test_parts(picture, tmp_path):
    for part, label, color in (("train", "cat", "red"), ("train", "dog", "red"), ("val", "dog", "red")):
        picture(f"{part}/{label}/a.png", color)
    data = load(tmp_path)
    assert data.label_names == ("cat", "dog")
    assert data.labels.tolist() == [[1, 1], [0, 1]]
    assert data.split.tolist() == ["train", "validation"]


def test_what_is_wrong_is_named(picture, tmp_path):
    with pytest.raises(ValueError, match="holds neither a table that names pictures, nor COCO's"):
        load(tmp_path)
    with pytest.raises(FileNotFoundError, match="there are no folders with pictures"):
        read_label_folders(tmp_path)
    picture("cat/a.png")
    with pytest.raises(ValueError, match="holds one folder of pictures, 'cat': a label that every picture has"):
        load(tmp_path)
    picture("b.png")
    with pytest.raises(ValueError, match=r"holds the picture 'b\.png' beside folders"):
        load(tmp_path)
    with pytest.raises(ValueError, match=r"uncertain='ignore' came with .*, read as labels; leave it out"):
        load(tmp_path, uncertain="ignore")
