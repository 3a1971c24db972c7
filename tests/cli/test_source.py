"""DATA on the command line: every form it takes, and what is said when it does not fit, in the options' own names."""

import json

import numpy as np
import pandas as pd
import pytest

from batchsift import data

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
    assert err == "batchsift: --labels 2 came with set.npz; leave it out; what goes with it: --drop\n"
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
    assert "in each training part, the 1 features with the smallest sums" in " ".join(out.split())
    _, out, _ = batchsift("compare", tmp_path / "set.csv", *options, "--top-features", "0.5", "--json")
    assert json.loads(out)["config"]["top_features"] == 0.5
    code, _, err = batchsift("compare", tmp_path / "set.csv", *options, "--top-features", "50")
    assert (code, "top_features must be in (0, 1]" in err) == (2, True)
