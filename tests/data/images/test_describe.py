import json

import numpy as np
import pytest

from batchsift.data import ImageData
from batchsift.data.describe import describe_labels
from batchsift.data.images import ImageArrays, ImageFiles, contact_sheet, describe_images


@pytest.fixture
def data(picture, tmp_path):
    picture("a.jpg", "red", size=(40, 30))
    picture("b.png", 7, size=(20, 50), mode="L")
    picture("c.jpg", "blue", size=(100, 10))
    (tmp_path / "d.jpg").write_bytes(b"nothing")
    files = ImageFiles.of(tmp_path, ["a.jpg", "b.png", "c.jpg", "d.jpg"])
    labels = [[1, 1, 0], [1, 0, 0], [0, np.nan, 0], [1, 0, 0]]
    return ImageData(files, labels, ("often", "once", "never"), "set", ["train", "train", "test", ""])


def test_labels_parts_and_sizes(data):
    found = data.describe()
    assert describe_labels(data).document().items() <= found.document().items()
    assert [label.positives for label in found.labels] == [3, 1, 0]
    assert found.labels[1].frequency == pytest.approx(1 / 3)
    assert found.unknown_cells == 1
    assert found.parts == (("train", 2), ("validation", 0), ("test", 1))
    assert found.looked_at == 4
    assert found.widths == (20, 40, 100)
    assert found.heights == (10, 30, 50)
    assert found.kinds == (("JPEG RGB", 2), ("PNG L", 1))
    assert found.unreadable == (data.pictures.name_of(3),)
    document = json.loads(json.dumps(found.document()))
    assert document["widths"] == [20, 40, 100]


def test_a_sample_of_pictures(data):
    few = describe_images(data, sample=2)
    assert few.looked_at == 2
    assert few.document() == describe_images(data, sample=2).document()
    arrays = ImageData(ImageArrays(np.zeros((2, 5, 7), np.uint8)), [[1], [0]], ("a",)).describe()
    assert (arrays.widths, arrays.heights, arrays.parts) == ((7, 7, 7), (5, 5, 5), ())
    assert arrays.kinds == (("array L", 2),)
    nothing = data.select(rows=[3]).describe()
    assert nothing.widths is None


def test_a_contact_sheet(data):
    sheet = contact_sheet(data, columns=4, side=20)
    assert sheet.size == (80, 3 * 36)
    tiles = np.asarray(sheet)[16 + 10, 10::20]  # of the first row, the middle of each picture
    seen = [tile for tile in tiles.tolist() if tile != [255, 255, 255]]
    assert sorted(seen)[0] == [7, 7, 7]
    assert sorted(seen)[1:] == [[254, 0, 0], [255, 0, 0]]  # a JPEG, and the square for what is broken
    assert (np.asarray(sheet)[2 * 36 + 16 :] == 255).all()  # nobody has the last label
    assert contact_sheet(data, side=20, most_labels=2).size[1] == 2 * 36
    with pytest.raises(ValueError, match="columns is 0; expected at least 1"):
        contact_sheet(data, columns=0)
