import subprocess
import sys

import pytest

from batchsift.data import load
from batchsift.data.images.folder import formats_in


def test_several_formats_are_refused_with_the_option(picture, tmp_path):
    picture("cat/a.png")
    (tmp_path / "sizes.csv").write_text("name,size\na,3\n")
    (tmp_path / "classes.json").write_text('{"cat": 0}')
    assert formats_in(tmp_path) == ["labels"]
    (tmp_path / "sizes.csv").unlink()
    (tmp_path / "labels.csv").write_text("file,red\ncat/a.png,1\n")
    assert formats_in(tmp_path) == ["table"]
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "Annotations" / "a.xml").write_text("<annotation/>")
    with pytest.raises(
        ValueError, match=r"can be read as table and as voc: say which by format='table' or format='voc'"
    ):
        load(tmp_path)
    assert load(tmp_path, format="table").label_names == ("red",)
    assert load(tmp_path, format="labels").label_names == ("Annotations", "cat")
    with pytest.raises(ValueError, match="format='csv'; expected one of 'table', 'coco', 'voc', 'labels'"):
        load(tmp_path, format="csv")
    with pytest.raises(ValueError, match=r"holds no instances_\*\.json"):
        load(tmp_path, format="coco")


def test_a_table_for_each_part(picture, tmp_path):
    picture("a.png")
    picture("b.png")
    for part, name in (("train", "a.png"), ("valid", "b.png")):
        (tmp_path / f"{part}.csv").write_text(f"Path,Edema\n{name},1\n")
    data = load(tmp_path)
    assert data.split.tolist() == ["train", "validation"]
    assert data.pictures.name_of(1) == str(tmp_path / "b.png")


def test_a_json_of_another_name(picture, tmp_path):
    picture("a.png")
    document = (
        '{"images": [{"id": 1, "file_name": "a.png"}], "categories": [{"id": 1, "name": "x"}], "annotations": []}'
    )
    (tmp_path / "notes.json").write_text(document)
    assert load(tmp_path).label_names == ("x",)


def test_labels_are_read_without_pillow(tmp_path):
    (tmp_path / "a.png").touch()
    (tmp_path / "labels.csv").write_text("file,red\na.png,1\n")
    code = f"""
import sys
sys.modules["PIL"] = None
import batchsift as bs
print(bs.data.load({str(tmp_path)!r}))
from batchsift.data.images import ImageDataset
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "1 pictures x 1 labels" in ended.stdout
    assert "ImportError: decoding pictures needs Pillow: pip install 'batchsift[images]'" in ended.stderr


def test_several_tables(picture, tmp_path):
    picture("a.png")
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text("file,red\na.png,1\n")
    with pytest.raises(ValueError, match=r"holds several tables: one\.csv, two\.csv; expected one, one called labels"):
        load(tmp_path)
    (tmp_path / "one.csv").rename(tmp_path / "labels.csv")
    assert load(tmp_path).num_samples == 1
    (tmp_path / "labels.csv").unlink()
    (tmp_path / "two.csv").unlink()
    with pytest.raises(ValueError, match="holds no table; expected a file that ends in"):
        load(tmp_path, format="table")


def test_options_of_pictures_do_not_go_with_other_sources(tmp_path):
    (tmp_path / "a.npz").touch()
    with pytest.raises(ValueError, match=r"broken='skip' came with a\.npz; leave it out"):
        load(tmp_path / "a.npz", broken="skip")
    with pytest.raises(ValueError, match="broken='skip' came with 'digits', which knows its labels"):
        load("digits", broken="skip")


def test_verbs_that_want_features_say_so(batchsift, picture, tmp_path):
    picture("set/cat/a.png")
    picture("set/dog/b.png")
    code, _, error = batchsift("compare", tmp_path / "set")
    assert code == 2
    assert "holds pictures" in error
    assert "mlp takes features, and set holds pictures" in error
