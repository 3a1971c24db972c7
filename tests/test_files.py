"""Files as other programs read them: CSV without formulas, JSON without what a terminal obeys, names that stay in."""

import csv
import io
import json
from pathlib import Path

import pytest

from batchsift.files import csv_text, escaped_json, folder_of, from_csv, json_text, write

NAMES = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "-x",
    "\t=1",
    "\r",
    "a\rb",
    "a\nb",
    "a,b",
    '"',
    "",
    "it's",
    "'",
    "'=1",
    "größe",
    "\x1b",
]


def test_names_of_any_kind_in_csv():
    rows = list(csv.reader(io.StringIO(csv_text([NAMES, list(range(len(NAMES)))], NAMES), newline="")))
    assert [len(row) for row in rows] == [len(NAMES)] * 3
    for row in rows[:2]:
        assert not [field for field in row if field[:1] in tuple("=+-@\t\r") and field not in ("+1", "-1")]
        assert [from_csv(field) for field in row] == NAMES


def test_numbers_in_csv_are_no_formulas():
    assert csv_text([[-1.5, "-1.5", "-inf", None, 2]], list("abcde")) == "a,b,c,d,e\n-1.5,-1.5,-inf,,2\n"


@pytest.mark.parametrize("name", ["..", ".", "", "/", "../..", "a/../../b", "\x1b[31m", "x" * 5000, "ö" * 300, "..x"])
def test_a_default_folder_is_within_its_parent(name, tmp_path):
    folder = folder_of(str(tmp_path), name)
    assert folder.resolve().parent == tmp_path.resolve()
    folder.mkdir()
    assert folder.name.isprintable()


def test_json_holds_nothing_that_a_terminal_obeys():
    names = ["\x1b[31m", "\x9b31m", "\u202eabc", "\u2028", "größe", "\ud800"]
    for text in (json_text({"names": names}), escaped_json(json.dumps(names, ensure_ascii=False))):
        assert all(character.isprintable() or character == "\n" for character in text)
        assert text.encode()
    assert json.loads(json_text({"names": names}))["names"] == names


def test_no_link_is_followed(tmp_path):
    target = tmp_path / "precious"
    target.write_text("kept")
    folder = tmp_path / "out"
    folder.mkdir()
    for name in ("a.csv", "a.csv.part", ".unfinished-a.csv", "a.csv.unfinished"):
        (folder / name).symlink_to(target)
    write(folder, {"a.csv": b"new"})
    assert target.read_text() == "kept"
    assert (folder / "a.csv").read_text() == "new"
    assert not (folder / "a.csv").is_symlink()
    assert Path(target).is_file()
