"""COCO's instances files, with their oddities, against pycocotools."""

import contextlib
import io
import json

import numpy as np
import pytest
from pycocotools.coco import COCO

from batchsift.data import load
from batchsift.data.images import read_coco

CATEGORIES = [{"id": 18, "name": "dog"}, {"id": 3, "name": "car"}, {"id": 1, "name": "person"}]


def content(num_images=3, annotations=(), categories=CATEGORIES):
    return {
        "images": [{"id": 10 * n, "file_name": f"{n}.jpg"} for n in range(num_images)],
        "categories": list(categories),
        "annotations": [
            {"id": n, "image_id": image, "category_id": category, "iscrowd": crowd}
            for n, (image, category, crowd) in enumerate(annotations)
        ],
    }


@pytest.fixture
def write_coco(tmp_path):
    def write(document, name="instances_val2017.json", *, images="", present=None):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))
        for entry in document["images"] if present is None else present:
            file = tmp_path / images / entry["file_name"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        return path

    return write


def test_labels_are_those_of_pycocotools(write_coco):
    rng = np.random.default_rng(0)
    annotations = [(10 * rng.integers(20), rng.choice([1, 3, 18]), int(rng.random() < 0.3)) for _ in range(30)]
    annotations = [tuple(map(int, entry)) for entry in annotations]
    path = write_coco(content(20, annotations))
    data = read_coco(path)
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = COCO(str(path))
    numbers = sorted(theirs.getCatIds())
    assert data.label_names == tuple(category["name"] for category in theirs.loadCats(numbers))
    expected = np.zeros((20, 3), dtype=int)
    for column, number in enumerate(numbers):
        for image in theirs.getImgIds(catIds=[number]):
            expected[image // 10, column] = 1
    np.testing.assert_array_equal(data.labels, expected)
    assert 0 < expected.sum() < 60
    assert [data.pictures.name_of(row) for row in range(20)] == [str(path.parent / f"{n}.jpg") for n in range(20)]


def test_crowds(write_coco):
    path = write_coco(content(2, [(0, 1, 1), (0, 3, 0), (0, 3, 1), (10, 1, 0)]))
    np.testing.assert_array_equal(read_coco(path).labels, [[1, 1, 0], [1, 0, 0]])
    np.testing.assert_array_equal(read_coco(path, crowd="ignore").labels, [[np.nan, 1, 0], [1, 0, 0]])


def test_pictures_without_objects_stay_or_go(write_coco):
    path = write_coco(content(3, [(10, 3, 0)]))
    assert read_coco(path).labels.sum(axis=1).tolist() == [0, 1, 0]
    dropped = read_coco(path, unlabelled="drop")
    assert dropped.num_samples == 1
    assert dropped.pictures.name_of(0).endswith("1.jpg")
    with pytest.raises(ValueError, match="no picture is left; expected at least one with an object"):
        read_coco(write_coco(content(3)), unlabelled="drop")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["images"].append({"id": 10, "file_name": "x.jpg"}), r"two image entries have the id 10: '1.jpg'"),
        (lambda c: c["categories"].append({"id": 3, "name": "bus"}), "two category entries have the id 3: 'car' and"),
        (lambda c: c["categories"].append({"id": 4, "name": "car"}), "the categories 3 and 4 are both called 'car'"),
        (lambda c: c["annotations"].append(dict(c["annotations"][0])), "two annotations have the id 0"),
        (
            lambda c: c["annotations"].append({"id": 9, "image_id": 0, "category_id": 99}),
            "annotation 9 has the category_id 99, which is none of the categories",
        ),
        (
            lambda c: c["annotations"].append({"id": 9, "image_id": 77, "category_id": 1}),
            "annotation 9 has the image_id 77, which is none of the images",
        ),
        (lambda c: c["images"].append({"id": 5}), "image 3 .* has no 'id' or no 'file_name'"),
        (lambda c: c["images"].append({"id": 5, "file_name": "0.jpg"}), "the samples 1 and 4 .* are both '0.jpg'"),
        (lambda c: c["annotations"].append({"id": 5}), "annotation 1 .* has no 'image_id'"),
        (lambda c: c.pop("categories"), "holds the keys annotations, images; expected a COCO instances file"),
        (lambda c: c["categories"].clear(), "there are no categories"),
    ],
)
def test_what_is_wrong_is_named(write_coco, change, message):
    document = content(3, [(0, 1, 0)])
    change(document)
    path = write_coco(document, present=[{"file_name": "0.jpg"}])
    with pytest.raises(ValueError, match=rf"instances_val2017\.json.*{message}"):
        read_coco(path)


def test_what_is_no_json_is_named(tmp_path):
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(ValueError, match=r"a\.json is no JSON"):
        load(tmp_path / "a.json")
    (tmp_path / "a.json").write_text("[1]")
    with pytest.raises(ValueError, match=r"a\.json holds a list; expected a COCO"):
        load(tmp_path / "a.json")
    with pytest.raises(FileNotFoundError, match=r"there is no file .*b\.json"):
        load(tmp_path / "b.json")


def test_missing_pictures_are_named_or_skipped(write_coco):
    path = write_coco(content(3, [(0, 1, 0), (10, 3, 0)]), present=[{"file_name": "0.jpg"}, {"file_name": "2.jpg"}])
    with pytest.raises(FileNotFoundError, match=r"1 of 3 pictures are not in .*: 1\.jpg; broken='skip' leaves them"):
        read_coco(path)
    with pytest.warns(UserWarning, match=r"1 of 3 pictures are not in .*: 1\.jpg; left out"):
        data = read_coco(path, broken="skip")
    assert data.labels.tolist() == [[1, 0, 0], [0, 0, 0]]
    with pytest.raises(FileNotFoundError, match=r"none of its 3 pictures, such as '0.jpg', is in .*images='FOLDER'"):
        read_coco(path, images=path.parent / "elsewhere")


@pytest.mark.parametrize("place", ["val2017", "images/val2017", "images", "", "annotations"])
def test_where_pictures_are_looked_for(write_coco, tmp_path, place):
    path = write_coco(content(2, [(0, 1, 0)]), "annotations/instances_val2017.json", images=place)
    data = load(path)
    assert data.pictures.name_of(0) == str(tmp_path / place / "0.jpg")
    assert load(path, images=tmp_path / place).num_samples == 2
    assert load(tmp_path).labels.tolist() == [[1, 0, 0], [0, 0, 0]]


def test_a_folder_of_parts(write_coco, tmp_path):
    write_coco(content(2, [(0, 1, 0)]), "annotations/instances_train2017.json", images="train2017")
    write_coco(content(1, [(0, 3, 0)]), "annotations/instances_val2017.json", images="val2017")
    (tmp_path / "annotations" / "captions_val2017.json").write_text("{}")
    data = load(tmp_path)
    assert data.name == tmp_path.name
    assert data.rows_of("train").tolist() == [0, 1]
    assert data.rows_of("validation").tolist() == [2]
    assert data.labels.tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]
    assert data.pictures.name_of(2) == str(tmp_path / "val2017" / "0.jpg")
    write_coco(content(1, categories=[{"id": 1, "name": "cat"}]), "annotations/instances_test.json", images="test")
    with pytest.raises(ValueError, match=r"the labels of .* are not those of"):
        load(tmp_path)
    write_coco(content(1), "annotations/instances_minival.json", images="minival")
    with pytest.raises(ValueError, match="which are not one each of train, val and test"):
        load(tmp_path)


def test_folders_of_parts_with_a_file_each(write_coco, tmp_path):
    for part in ("train", "valid"):
        write_coco(content(2, [(10, 3, 0)]), f"{part}/_annotations.coco.json", images=part)
    data = load(tmp_path)
    assert data.split.tolist() == ["train", "train", "validation", "validation"]
    assert data.pictures.name_of(3) == str(tmp_path / "valid" / "1.jpg")


@pytest.mark.parametrize("option", ["crowd", "unlabelled", "broken"])
def test_words_that_options_do_not_know(write_coco, option):
    with pytest.raises(ValueError, match=rf"{option}='perhaps'; expected one of "):
        read_coco(write_coco(content(1)), **{option: "perhaps"})
