"""A table that nobody prepared, as it comes from a database: one command reads it, and says what it left out."""

import csv
import io
import json
import shlex

import numpy as np
import pandas as pd
import pytest

SHORT = ["--epochs", "1", "--folds", "2", "--batch-size", "32", "--methods", "random"]
QUICK = ["--epochs", "2", "--batch-size", "32"]


@pytest.fixture
def customers(tmp_path):
    rng = np.random.default_rng(0)
    n = 300
    frame = pd.DataFrame(
        {
            "customer_id": [f"C{number:04d}" for number in rng.permutation(n)],
            "signup_date": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D"),
            "region": rng.choice(["north", "south", None], n),
            "note": [f"called {number} times" for number in range(n)],
            "age": rng.integers(18, 90, n).astype(float),
            "is_active": rng.choice(["yes", "no"], n),
        }
    )
    frame.loc[rng.random(n) < 0.1, "age"] = np.nan
    for j in range(12):
        frame[f"tag_{j}"] = (rng.random(n) < 0.2 + 0.05 * j).astype(int)
    frame.to_csv(tmp_path / "my.csv", index=False, date_format="%d/%m/%Y")
    return frame


@pytest.mark.filterwarnings("default")
def test_compare_and_nothing_else(batchsift, customers):
    code, out, err = batchsift("compare", "my.csv", "--label-columns", "tag_*", *SHORT, "--json")
    assert code == 0, err
    config = json.loads(out)["config"]
    assert (config["num_features"], config["num_labels"]) == (7, 12)
    notes = [line for line in err.splitlines() if line.startswith("note: dropped")]
    assert len(notes) == 1
    assert (
        "'customer_id', which identifies rows rather than describes them, and 'note' (300 different texts" in notes[0]
    )
    command = notes[0].partition("The whole command: ")[2]
    words = shlex.split(command)
    assert words[0] == "batchsift"
    assert words[-2:] == ["--drop", "customer_id,note"]
    code, again, err = batchsift(*words[1:])
    assert (code, "dropped" in err) == (0, False)
    assert json.loads(again)["results"][0]["metrics"] == json.loads(out)["results"][0]["metrics"]


@pytest.mark.filterwarnings("default")
def test_the_index_that_pandas_writes_spoils_no_command(batchsift, customers, tmp_path):
    customers.to_csv(tmp_path / "indexed.csv")
    options = ["describe", "indexed.csv", "--label-columns", "tag_*"]
    _, _, err = batchsift(*options)
    assert "dropped '' and 'customer_id', which identify rows" in err
    assert "[" not in err
    words = shlex.split(err.strip().partition("The whole command: ")[2])
    assert words == ["batchsift", *options, "--drop", "customer_id,note"]
    code, _, err = batchsift(*words[1:])
    assert (code, err) == (0, "note: dropped '', which identifies rows rather than describes them\n")
    broken = customers.assign(age=[*["7"] * 299, "x"])
    broken.to_csv(tmp_path / "broken.csv")
    _, _, err = batchsift("describe", "broken.csv", "--label-columns", "tag_*")
    assert err.strip().endswith("--drop customer_id,note,age")


@pytest.mark.filterwarnings("default")
def test_dates_can_be_left_out(batchsift, customers):
    options = ["--label-columns", "tag_*", "--dates", "drop", *SHORT, "--json"]
    assert json.loads(batchsift("compare", "my.csv", *options)[1])["config"]["num_features"] == 4
    code, out, err = batchsift("compare", "my.csv", "--label-columns", "tag_*", "--dates", "dorp")
    assert (code, out) == (2, "")
    assert "--dates 'dorp': did you mean 'drop'?" in err


@pytest.mark.filterwarnings("default")
def test_describe_shows_a_row_for_each_column(batchsift, customers):
    code, out, _ = batchsift("describe", "my.csv", "--label-columns", "tag_*")
    assert code == 0
    kinds = {line.split()[0]: line.split()[1] for line in out.splitlines() if line.split()[1:2]}
    expected = {"customer_id": "identifier", "signup_date": "date", "region": "category", "note": "text"}
    assert expected.items() <= kinds.items()
    _, out, _ = batchsift("describe", "my.csv", "--label-columns", "tag_*", "--json")
    columns = json.loads(out)["columns"]
    assert [column["name"] for column in columns] == list(customers.columns)
    assert columns[1]["features"] == ["signup_date.ordinal", "signup_date.month", "signup_date.weekday"]


def test_all_problems_come_with_one_command_to_copy(batchsift, customers, tmp_path):
    broken = customers.assign(
        signup_date="03/04/2021", age=[*["7"] * 299, "x"], paid=[np.inf, *range(299)], tag_0=customers["tag_0"]
    )
    columns = [name for name in broken if not name.startswith("tag_")] + [f"tag_{j}" for j in range(12)]
    broken[columns].to_csv(tmp_path / "broken.csv", index=False)
    code, out, err = batchsift("describe", "broken.csv", "--label-columns", "tag_*", "--drop=region")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "4 columns are not what they should be" in err
    for problem in (
        "'signup_date' holds dates, and '03/04/2021' may be 2021-04-03 or 2021-03-04: say which with --dates",
        "column 'note' holds 300 different texts",
        "line 301, column 'age': 'x' is no number",
        "line 2, column 'paid': inf is no finite number",
    ):
        assert problem in err
    first, second = err.strip().partition("The whole command: ")[2].split(", or ")
    assert first.removesuffix("day-first") == second.removesuffix("month-first")
    assert "--drop region,customer_id,note,age,paid" in first
    code, out, err = batchsift(*shlex.split(first)[1:])
    assert (code, err) == (0, "")
    assert "signup_date" in out


@pytest.mark.filterwarnings("default")
def test_predict_says_all_that_is_missing_or_new(batchsift, customers, tmp_path):
    options = ["--label-columns", "tag_*", "--drop", "customer_id,note", *QUICK, "--out", "run"]
    assert batchsift("train", "my.csv", *options)[0] == 0
    new = pd.DataFrame({"signup_date": ["03/04/2023"] * 3, "region": ["east", None, "east"], "age": [30, 40, None]})
    new.to_csv(tmp_path / "few.csv", index=False)
    code, out, err = batchsift("predict", "run", "few.csv")
    assert (code, out) == (2, "")
    assert err == (
        "batchsift: few.csv: 2 problems: there is no feature 'is_active', which the model was trained on; the columns "
        "are 'signup_date', 'region', 'age'; column 'region', row 1 (counted from 1): 'east' (2) did not occur in "
        "training; known are 'north', 'south'; --unknown-category 'missing' takes such cells for empty ones\n"
    )
    new.assign(is_active="no").to_csv(tmp_path / "new.csv", index=False)
    assert batchsift("predict", "run", "new.csv")[0] == 2
    code, found, err = batchsift("predict", "run", "new.csv", "--unknown-category", "missing")
    assert code == 0
    assert err == (
        "note: 2 cells hold values that did not occur in training, and count as empty: 'region': 'east' (2)\n"
    )
    new.assign(is_active="no", region=None).to_csv(tmp_path / "empty.csv", index=False)
    assert batchsift("predict", "run", "empty.csv") == (0, found, "")
    assert len(list(csv.reader(io.StringIO(found)))) == 4
    code, _, err = batchsift("predict", "run", "new.csv", "--unknown-category", "ignore")
    assert (code, err) == (2, "batchsift: --unknown-category 'ignore': There are error, missing\n")
