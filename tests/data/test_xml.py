"""XML of strangers: labels of ARFF files and annotations of VOC do not unfold, and open nothing."""

import pytest

from batchsift.data.arff.labels import _read_label_names
from batchsift.data.images.voc import _objects

NESTED = "".join(f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, 10))
BOMB = f'<!DOCTYPE x [<!ENTITY e0 "0123456789">{NESTED}]>'  # ten gigabytes
OUTSIDE = '<!DOCTYPE x [<!ENTITY e9 SYSTEM "{}">]>'


def files_of(tmp_path, head):
    (tmp_path / "labels.xml").write_text(f"{head}<labels><label name='red'/>&e9;</labels>")
    (tmp_path / "picture.xml").write_text(f"{head}<annotation><filename>&e9;</filename></annotation>")
    return tmp_path / "labels.xml", tmp_path / "picture.xml"


@pytest.mark.parametrize("head", [BOMB, OUTSIDE], ids=["bomb", "outside"])
def test_entities_are_limited_and_none_comes_from_outside(tmp_path, head):
    (tmp_path / "secret").write_text("secret")
    labels, picture = files_of(tmp_path, head.replace("{}", (tmp_path / "secret").as_uri()))
    with pytest.raises(ValueError, match="well-formed"):
        _read_label_names(labels)
    with pytest.raises(ValueError, match="is no XML") as refusal:
        _objects(picture)
    assert "secret" not in str(refusal.value)
