import numpy as np
import pytest

from batchsift.data import load
from batchsift.data.images import read_voc


@pytest.fixture
def voc(tmp_path):
    """Writes a folder as PASCAL VOC has it, from the objects of each picture: (name, difficult)."""

    def write(pictures, lists=None):
        for name, objects in pictures.items():
            entries = "".join(
                f"<object><name>{label}</name>{'' if difficult is None else f'<difficult>{difficult}</difficult>'}"
                "<part><name>head</name></part></object>"
                for label, difficult in objects
            )
            xml = f"<annotation><folder>x</folder><filename>{name}.jpg</filename>{entries}</annotation>"
            for folder, text in (("Annotations", xml), ("JPEGImages", "")):
                file = tmp_path / "VOC2007" / folder / f"{name}.{'xml' if text else 'jpg'}"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
        for word, names in (lists or {}).items():
            file = tmp_path / "VOC2007" / "ImageSets" / "Main" / f"{word}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("".join(f"{name}\n" for name in names))
        return tmp_path / "VOC2007"

    return write


PICTURES = {
    "000001": [("dog", 0), ("person", 1), ("dog", 1)],
    "000002": [("person", 1), ("person", 0)],
    "000003": [],
    "000004": [("dog", 1), ("cat", None)],
}


def test_difficult_alone_is_unknown(voc):
    data = load(voc(PICTURES))
    assert data.name == "VOC2007"
    assert data.label_names == ("cat", "dog", "person")
    np.testing.assert_array_equal(data.labels, [[0, 1, np.nan], [0, 0, 1], [0, 0, 0], [1, np.nan, 0]])
    assert data.pictures.name_of(1).endswith("JPEGImages/000002.jpg")
    assert data.split is None


def test_pictures_without_objects_go_on_request(voc):
    data = read_voc(voc({**PICTURES, "000005": [("dog", 1)]}), unlabelled="drop")
    assert [data.pictures.name_of(row)[-10:-4] for row in range(4)] == ["000001", "000002", "000004", "000005"]


def test_lists_say_the_part(voc):
    path = voc(PICTURES, {"train": ["000001"], "val": ["000003"], "trainval": ["000001", "000003"], "test": ["000002"]})
    assert load(path).split.tolist() == ["train", "test", "validation", ""]
    path = voc(PICTURES, {"val": ["000001"]})
    with pytest.raises(ValueError, match=r"val\.txt lists 000001, which another list"):
        load(path)


def test_missing_pictures(voc):
    path = voc(PICTURES)
    (path / "JPEGImages" / "000002.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of 4 pictures are not in .*: 000002\.jpg"):
        load(path)
    with pytest.warns(UserWarning, match="left out"):
        data = load(path, broken="skip")
    np.testing.assert_array_equal(data.labels, [[0, 1, np.nan], [0, 0, 0], [1, np.nan, 0]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotation>", "is no XML"),
        ("<other/>", "expected an <annotation> with the <filename> of a picture, got <other>"),
        ("<annotation><object/></annotation>", "expected an <annotation> with the <filename>"),
        (
            "<annotation><filename>000002.jpg</filename><object><name>dog</name><difficult>2</difficult></object>"
            "</annotation>",
            "object 1 is called 'dog' and has difficult='2'",
        ),
        ("<annotation><filename>000002.jpg</filename><object/></annotation>", "object 1 is called ''"),
    ],
)
def test_what_is_wrong_is_named(voc, text, message):
    path = voc(PICTURES)
    (path / "Annotations" / "000002.xml").write_text(text)
    with pytest.raises(ValueError, match=rf"000002\.xml.*{message}"):
        load(path)


def test_no_objects_at_all(voc, tmp_path):
    with pytest.raises(ValueError, match=r"none of the 1 files in .* has an object"):
        load(voc({"a": []}))
    with pytest.raises(FileNotFoundError, match=r"there are no \.xml files"):
        read_voc(tmp_path)
