"""DATA on the command line: every form it takes, and what is said when it does not fit, in the options' own names."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat
from sklearn.datasets import dump_svmlight_file

from batchsift import data
from batchsift.studies.sources import source_of

SHORT = ["--epochs", "1", "--folds", "2", "--min-positives", "5", "--batch-size", "16", "--methods", "random"]


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 2)).round(3)
    columns = {"id": range(120), "x0": x[:, 0], "x1": x[:, 1], "y_a": (x[:, 0] > 0) * 1, "y_b": (x[:, 1] > 0) * 1}
    return pd.DataFrame(columns)


def tagged(frame):
    tags = ["|".join(name for name in ("y_a", "y_b") if row[name]) for _, row in frame.iterrows()]
    return frame.drop(columns=["y_a", "y_b"]).assign(tags=tags)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("name", "change", "options"),
    [
        ("set.csv", lambda frame: frame, ["--label-columns", "y_*"]),
        ("set.tsv", lambda frame: frame, ["--labels", "2"]),
        ("set.csv.gz", tagged, ["--label-column", "tags"]),
        ("set.csv", tagged, ["--label-column", "tags", "--delimiter", "|", "--drop", "id"]),
        ("set.parquet", lambda frame: frame, ["--label-columns", "y_a,y_b", "--drop", "i?"]),
        ("set.npz", lambda frame: frame, []),
    ],
)
def test_every_form_of_data(batchsift, frame, tmp_path, name, change, options):
    path, table = tmp_path / name, change(frame)
    match name.split(".", 1)[1]:
        case "parquet":
            table.to_parquet(path)
        case "npz":
            np.savez(path, X=table[["x0", "x1"]], y=table[["y_a", "y_b"]], label_names=["y_a", "y_b"])
        case ending:
            table.to_csv(path, index=False, sep="\t" if ending == "tsv" else ",")
    code, out, err = batchsift("compare", path, *options, *SHORT, "--json")
    assert code == 0, err
    config, kept = json.loads(out)["config"], int(frame[["y_a", "y_b"]].any(axis=1).sum())
    assert (config["num_samples"], config["num_features"], config["num_labels"]) == (kept, 2, 2)
    is_noted = "note: dropped 'id'" in err and "--drop 'id' makes it silent, --drop '' keeps it" in err
    assert is_noted == ("--drop" not in options and not name.endswith("npz"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], r"say which columns are labels by one of --labels N .*--label-columns 'NAMES' and --label-column 'NAME'"),
        (["--labels", "9"], "--labels 9 of 5 columns"),
        (["--labels", "2", "--label-columns", "y_*"], "several are given"),
        (["--label-columns", "z*"], "--label-columns 'z*' matches none of the 5 columns"),
        (["--label-column", "y_c"], "--label-column 'y_c' is none of the 5 columns; did you mean 'y_b'"),
        (["--labels", "2", "--delimiter", "|"], "--delimiter '|' parts the tags"),
        (["--labels", "2", "--drop", "idd"], "--drop 'idd' matches none of the 5 columns; did you mean 'id'"),
        (["--label-columns", "x0"], "line 2, column 'x0': 0.126 is no label"),
    ],
)
def test_mistakes_are_told_in_the_names_of_the_options(batchsift, frame, tmp_path, options, message):
    frame.to_csv(tmp_path / "set.csv", index=False)
    code, out, err = batchsift("compare", tmp_path / "set.csv", *options)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    for part in message.split(".*"):
        assert part in err


def test_options_that_do_not_go_with_the_data(batchsift, tmp_path):
    assert batchsift("compare", "digits", "--labels", "3") == (
        2,
        "",
        "batchsift: --labels 3 came with 'digits', which knows its labels; leave it out\n",
    )
    (tmp_path / "set.npz").write_bytes(b"")
    _, _, err = batchsift("compare", tmp_path / "set.npz", "--labels", "2")
    assert err == "batchsift: --labels 2 came with set.npz; leave it out; what goes with it: --drop, --negative\n"
    _, _, err = batchsift("compare", "digit")
    assert "did you mean 'digits'" in err


@pytest.mark.filterwarnings("default")
def test_describe_takes_the_same(batchsift, frame, tmp_path):
    frame.to_csv(tmp_path / "set.csv", index=False)
    code, out, _ = batchsift("describe", tmp_path / "set.csv", "--label-columns", "y_*", "--json")
    assert code == 0
    expected = data.load(frame, label_columns="y_*", drop="id")
    assert json.loads(out)["cardinality"] == pytest.approx(expected.cardinality)


@pytest.mark.filterwarnings("default")
def test_what_was_removed_is_said(batchsift, frame, tmp_path):
    frame.to_csv(tmp_path / "set.csv", index=False)
    options = ["--labels", "2", "--drop", "id", *SHORT]
    code, out, _ = batchsift("compare", tmp_path / "set.csv", *options, "--top-features", "0.5")
    assert code == 0
    assert "in each training part, the 1 feature with the smallest sum" in " ".join(out.split())
    _, out, _ = batchsift("compare", tmp_path / "set.csv", *options, "--top-features", "0.5", "--json")
    assert json.loads(out)["config"]["top_features"] == 0.5
    code, _, err = batchsift("compare", tmp_path / "set.csv", *options, "--top-features", "50")
    assert (code, "top_features must be in (0, 1]" in err) == (2, True)


def in_further_formats(frame, folder):
    """Write the table in formats of many kinds; yields the options that open each."""
    x, y = frame[["x0", "x1"]], frame[["y_a", "y_b"]]
    table, columns = pd.concat([x, y], axis=1), ["--label-columns", "y_*"]
    table.to_csv(folder / "set.csv.xz", index=False)
    table.to_csv(folder / "set.csv.zst", index=False)
    table.to_csv(folder / "set.zip", index=False, compression={"method": "zip", "archive_name": "set.csv"})
    table.to_csv(folder / "set.txt", index=False, sep="\t")
    table.to_json(folder / "set.jsonl", orient="records", lines=True)
    table.to_feather(folder / "set.feather")
    with pd.ExcelWriter(folder / "set.xlsx") as book:
        table.to_excel(book, sheet_name="answers", index=False)
        table.to_excel(book, sheet_name="questions", index=False)
    for name in ("set.csv.xz", "set.csv.zst", "set.zip", "set.txt", "set.jsonl", "set.feather"):
        yield name, columns
    yield "set.xlsx", [*columns, "--sheet", "answers"]
    np.save(folder / "set_X.npy", x)
    np.save(folder / "set_y.npy", y)
    yield "set_X.npy", []
    (2 * y - 1).to_csv(folder / "y.csv", index=False)
    x.to_csv(folder / "x.csv", index=False)
    yield "x.csv", ["--labels-file", folder / "y.csv", "--negative", "-1"]
    savemat(folder / "set.mat", {"inputs": x.to_numpy(), "outputs": y.to_numpy().T})
    yield "set.mat", ["--variables", "inputs,outputs", "--label-rows", "labels"]
    dump_svmlight_file(x.to_numpy(), y.to_numpy(), str(folder / "set.svm"), multilabel=True, zero_based=False)
    yield "set.svm", []
    dump_svmlight_file(x.to_numpy(), y.to_numpy(), str(folder / "rows"), multilabel=True)
    (folder / "set.xmc").write_text("120 2 2\n" + (folder / "rows").read_text())
    yield "set.xmc", []
    roles = "@inputs x0, x1\n@outputs y_a, y_b\n@data\n"
    header = "@relation r\n@attribute x0 real\n@attribute x1 real\n@attribute y_a {0,1}\n@attribute y_b {0,1}\n"
    (folder / "set.dat").write_text(header + roles + table.to_csv(index=False, header=False))
    yield "set.dat", []


def test_describe_takes_every_kind_of_file(batchsift, frame, tmp_path):
    expected = data.load(frame, label_columns="y_*", drop="id").cardinality
    for name, options in in_further_formats(frame, tmp_path):
        code, out, err = batchsift("describe", tmp_path / name, *options, "--json", "--out", tmp_path / "out")
        assert (code, json.loads(out or "{}").get("cardinality")) == (0, pytest.approx(expected)), (name, err)


def test_what_is_missing_is_said_in_one_line(batchsift, frame, tmp_path, monkeypatch):
    frame.to_csv(tmp_path / "y.csv", index=False)
    frame.replace({0: -1}).to_csv(tmp_path / "set.csv", index=False)
    code, _, err = batchsift("describe", tmp_path / "set.csv", "--label-columns", "y_a", "--drop", "id,y_b")
    assert (code, "give --negative -1" in err, len(err.splitlines())) == (2, True, 1)
    frame.to_excel(tmp_path / "set.xlsx", index=False)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    code, _, err = batchsift("describe", tmp_path / "set.xlsx", "--labels", "2")
    assert (code, err) == (2, "batchsift: reading set.xlsx needs the package openpyxl: pip install openpyxl\n")


def test_a_study_finds_the_labels_beside_it(frame, tmp_path):
    frame[["x0", "x1"]].to_csv(tmp_path / "x.csv", index=False)
    frame[["y_a", "y_b"]].to_csv(tmp_path / "y.csv", index=False)
    source = source_of(["x.csv"], tmp_path, options={"labels_file": "y.csv"})
    assert source.load().label_names == ("y_a", "y_b")
