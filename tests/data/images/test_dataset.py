import numpy as np
import pytest

from batchsift.data import ImageData, drop_rare_labels, drop_unlabelled_samples
from batchsift.data.images import ImageArrays, ImageFiles


@pytest.fixture
def data():
    files = ImageFiles.of("pets", ["a.jpg", "ä/b.jpg", "c.jpg"])
    labels = [[1, 1], [0, np.nan], [0, 0]]
    return ImageData(files, labels, ["cat", "dog"], "pets", ["train", "", "test"])


def test_what_it_says_of_itself(data):
    assert (data.num_samples, data.num_labels, len(data)) == (3, 2, 3)
    assert data.cardinality == pytest.approx(2 / 3)
    assert data.labels.dtype == np.float32
    assert data.label_names == ("cat", "dog")
    assert repr(data) == "ImageData('pets', 3 pictures x 2 labels)"
    assert data.pictures.name_of(1) == "pets/ä/b.jpg"


def test_some_rows_and_labels(data):
    some = data.select(rows=[2, 0], labels=[1])
    assert some.labels.tolist() == [[0], [1]]
    assert some.label_names == ("dog",)
    assert some.split.tolist() == ["test", "train"]
    assert [some.pictures.name_of(row) for row in range(2)] == ["pets/c.jpg", "pets/a.jpg"]
    assert data.select(rows=[True, False, True]).num_samples == 2
    with pytest.raises(ValueError, match="none of them empty"):
        data.select(rows=[])
    with pytest.raises(IndexError):
        data.select(rows=[3])
    with pytest.raises(IndexError, match=r"a mask has the shape \(2,\)"):
        data.select(rows=[True, False])


def test_the_parts_of_the_source(data):
    assert data.rows_of("train").tolist() == [0]
    assert data.rows_of("validation").tolist() == []
    assert data.rows_of("test").tolist() == [2]
    with pytest.raises(ValueError, match="there is no part 'val'; expected one of train, validation, test"):
        data.rows_of("val")
    assert ImageData(data.pictures, data.labels, data.label_names).rows_of("train").tolist() == []


def test_the_filters_of_the_protocol_take_pictures(data):
    kept, removed = drop_unlabelled_samples(data)
    assert isinstance(kept, ImageData)
    assert removed.tolist() == [1, 2]
    assert drop_rare_labels(data, 0)[0].num_labels == 2


@pytest.mark.parametrize(
    ("labels", "names", "split", "message"),
    [
        ([[1, 0]], ("a", "b"), None, "there are 3 pictures and 1 rows of labels"),
        ([[1, 2]] * 3, ("a", "b"), None, "labels hold 2 in row 0, column 1"),
        ([[1, 0]] * 3, ("a",), None, "label_names are 1 name"),
        ([[1, 0]] * 3, ("a", "b"), ["train"], r"split has the shape \(1,\); expected"),
        ([[1, 0]] * 3, ("a", "b"), ["train", "val", ""], r"and holds 'val'; expected one of train, validation, test"),
    ],
)
def test_what_does_not_fit_is_refused(data, labels, names, split, message):
    with pytest.raises(ValueError, match=message):
        ImageData(data.pictures, labels, names, split=split)


def test_arrays():
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    arrays = ImageArrays(pixels)
    assert len(arrays) == 2
    assert arrays.name_of(1) == "picture 1"
    np.testing.assert_array_equal(arrays.select(np.array([1])).content(0), pixels[1])
    for wrong in (pixels.astype(float), pixels[0], np.zeros((2, 3, 4, 4), dtype=np.uint8)):
        with pytest.raises(ValueError, match=r"expected uint8 of shape \(N, H, W\) or \(N, H, W, 3\)"):
            ImageArrays(wrong)


def test_names_are_kept_without_an_object_for_each():
    files = ImageFiles.of("x", [f"{number:06}.jpg" for number in range(1000)])
    assert files.files_N.nbytes == 10_000
    assert files.files_N.dtype.kind == "S"
