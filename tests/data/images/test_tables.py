import numpy as np
import pandas as pd
import pytest

from batchsift.data import load
from batchsift.data.images import read_image_table

NAN = np.nan


@pytest.fixture
def table(tmp_path):
    """Writes a table and the files it names; returns the folder."""

    def write(text, *, files=("a.jpg", "b.jpg", "c.jpg"), name="labels.csv", folder=""):
        for file in files:
            (tmp_path / folder / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / file).touch()
        (tmp_path / name).write_text(text)
        return tmp_path

    return write


def test_zeros_and_ones_with_a_split(table):
    folder = table("file,split,cat,dog\nc.jpg,val,0,1\na.jpg,train,1,1\nb.jpg,test,0,0\n")
    data = load(folder)
    assert data.name == folder.name
    assert data.label_names == ("cat", "dog")
    assert data.labels.dtype == np.uint8
    assert data.labels.tolist() == [[0, 1], [1, 1], [0, 0]]
    assert data.split.tolist() == ["validation", "train", "test"]
    assert data.pictures.name_of(0) == str(folder / "c.jpg")


@pytest.mark.parametrize("folder", ["", "images"])
@pytest.mark.parametrize("name", ["labels.csv", "other.tsv", "x.csv.gz", "labels.parquet"])
def test_where_files_are(table, tmp_path, folder, name):
    table("", folder=folder, name="rest.txt")
    frame = pd.DataFrame({"picture": ["a.jpg", "b.jpg"], "cat": [0, 1]})
    if name.endswith("parquet"):
        frame.to_parquet(tmp_path / name)
    else:
        frame.to_csv(tmp_path / name, index=False, sep="\t" if "tsv" in name else ",")
    if not name.endswith("parquet"):  # a folder of Parquet files is a table
        assert load(tmp_path).labels.tolist() == [[0], [1]]
    assert load(tmp_path, format="table").pictures.name_of(1) == str(tmp_path / folder / "b.jpg")
    assert load(tmp_path / name, images=tmp_path / folder).num_samples == 2


def test_a_column_of_tags(table):
    text = "path,Finding Labels\na.jpg,cyst|mass\nb.jpg,\nc.jpg,mass\n"
    data = load(table(text))
    assert data.label_names == ("cyst", "mass")
    assert data.labels.tolist() == [[1, 1], [0, 0], [0, 1]]
    text = "path,age,tags\na.jpg,3,007;8\nb.jpg,4,8\n"
    assert load(table(text), label_column="tags").label_names == ("007", "8")
    assert load(table(text), label_column="tags", delimiter=";").label_names == ("007", "8")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"uncertain": "ignore"}, [[1, 0], [NAN, NAN], [0, NAN]]),
        ({"uncertain": "positive"}, [[1, 0], [1, 1], [0, 1]]),
        ({"uncertain": "negative"}, [[1, 0], [0, 0], [0, 0]]),
        ({"uncertain": "positive", "blanks": "negative"}, [[1, 0], [1, 0], [0, 1]]),
        ({"uncertain": "ignore", "blanks": "negative"}, [[1, 0], [NAN, 0], [0, NAN]]),
    ],
)
def test_uncertain_cells(table, options, expected):
    folder = table("Path,Age,Edema,Mass\na.jpg,60,1.0,0.0\nb.jpg,61,-1.0,\nc.jpg,62,0.0,-1.0\n")
    data = load(folder, label_columns="Edema,Mass", **options)
    np.testing.assert_array_equal(data.labels, expected)
    np.testing.assert_array_equal(load(folder, drop="Age", **options).labels, expected)
    np.testing.assert_array_equal(load(folder, labels=2, **options).labels, expected)


def test_uncertain_cells_are_refused_where_nobody_says_what_they_mean(table):
    folder = table("Path,Edema,Mass\na.jpg,1,0\nb.jpg,0,\nc.jpg,-1,0\n")
    with pytest.raises(ValueError, match=r"labels\.csv, line 4, column 'Edema': -1: .* uncertain='ignore'"):
        load(folder)
    with pytest.raises(ValueError, match=r"labels\.csv.*line 4, column 'Edema': -1.*line 3, column 'Mass': an empty"):
        load(folder, uncertain="error")
    with pytest.raises(ValueError, match="uncertain='maybe'; expected one of"):
        load(folder, uncertain="maybe")
    np.testing.assert_array_equal(load(table("Path,A\na.jpg,1\nb.jpg,\nc.jpg,no\n")).labels, [[1], [NAN], [0]])


def test_missing_files_are_named_or_skipped(table):
    folder = table("file,split,cat\na.jpg,train,1\nx.jpg,train,1\nb.jpg,test,0\ny.jpg,test,0\n")
    with pytest.raises(FileNotFoundError, match=r"labels\.csv: 2 of 4 pictures are not in .*: x\.jpg, y\.jpg; broken="):
        load(folder)
    with pytest.warns(UserWarning, match=r"2 of 4 pictures .*x\.jpg, y\.jpg; left out"):
        data = load(folder, broken="skip")
    assert data.labels.tolist() == [[1], [0]]
    assert data.split.tolist() == ["train", "test"]
    assert data.pictures.name_of(1).endswith("b.jpg")


def test_the_first_file_may_be_the_one_that_is_missing(table):
    folder = table("file,cat\nx.jpg,1\nb.jpg,0\n", folder="images")
    with pytest.warns(UserWarning, match="left out"):
        assert load(folder, broken="skip").labels.tolist() == [[0]]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("file,cat\na.jpg,1\na.jpg,0\n", {}, r"the samples 1 and 2 \(counted from 1\) are both 'a\.jpg'"),
        ("file,cat\na.jpg,1\n,0\n", {}, r"line 3, column 'file': the cell is empty; expected the name of a picture"),
        ("file,also,cat\na.jpg,b.jpg,1\n", {}, "the columns 'file' and 'also' name files of pictures.*file_column="),
        ("id,cat\n3,1\n", {"file_column": "file"}, "file_column='file' is none of the 2 columns"),
        ("file,age,cat\na.jpg,61,1\n", {}, r"line 2, column 'age': 61 is no label.*label_columns=.*drop="),
        ("file,age,cat\na.jpg,61,1\n", {"label_columns": "dog"}, "label_columns='dog' matches none"),
        ("file,split,cat\na.jpg,fold1,1\n", {}, "column 'split' holds 'fold1'; expected train, .*drop='split'"),
        ("file,cat,dog\na.jpg,1\n", {}, "line 2: 2 cells; expected 3"),
        ("file,split\na.jpg,train\n", {}, "there is no column of labels beside the files"),
        ("file,tags\na.jpg,x\n", {"uncertain": "ignore"}, "uncertain and blanks are for columns of 0 and 1"),
        ("file,cat\na.jpg,1\n", {"delimiter": ";"}, "delimiter=';' parts the tags of a label_column"),
        ("file,cat\n", {}, "there are no rows; expected at least one picture"),
        ("file,cat\na.jpg,1\n", {"crowd": "ignore"}, "crowd='ignore' came with .*read as table; leave it out"),
    ],
)
def test_what_is_wrong_is_named(table, text, options, message):
    with pytest.raises(ValueError, match=rf"{message}"):
        load(table(text), **{"file_column": "file", **options} if "also" not in text else options)


def test_a_column_of_files_without_endings(table):
    folder = table("id,cat\na,1\nb,0\n", files=["a", "b"])
    with pytest.raises(ValueError, match=r"no column names files of pictures.*file_column="):
        load(folder)
    assert load(folder, file_column="id").labels.tolist() == [[1], [0]]


def test_a_table_given_by_its_own_path_asks_where_pictures_are(table):
    folder = table("file,cat\na.jpg,1\nb.jpg,0\n")
    with pytest.raises(ValueError, match=r"The table names pictures: load its folder, or say .* images="):
        load(folder / "labels.csv")
    assert read_image_table(folder / "labels.csv").name == "labels"


def test_real_sets(real_images):
    """Counts by another way: the lines of the file."""
    for name, num_labels in (("coco128", 80), ("movie_posters", 7)):
        lines = (real_images / name / "labels.csv").read_text().splitlines()
        data = load(real_images / name)
        assert data.num_samples == len(lines) - 1
        assert data.num_labels == num_labels == len(lines[0].split(",")) - 2
        assert data.labels.sum() == sum(line.split(",")[2:].count("1") for line in lines[1:])
        assert len(data.rows_of("train")) == sum(line.split(",")[1] == "train" for line in lines)
