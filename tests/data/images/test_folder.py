import pytest

from batchsift.data import load
from batchsift.data.images.folder import formats_in


def test_several_formats_are_refused_with_the_option(picture, tmp_path):
    picture("cat/a.png")
    assert formats_in(tmp_path) == ["labels"]
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


def test_several_tables(picture, tmp_path):
    picture("a.png")
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text("file,red\na.png,1\n")
    with pytest.raises(
        ValueError, match=r"holds several tables: one\.csv, two\.csv; expected one, or one called labels"
    ):
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
    code, _, error = batchsift("compare", tmp_path / "set")
    assert code == 2
    assert "holds pictures" in error
    assert "expected a data set with features" in error
