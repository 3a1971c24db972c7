"""A file that is not understood is refused with its name, the line, the column, and what was expected there."""

import re
import time

import pytest

from arff_text import TWO_AND_TWO, arff
from batchsift.data import read_arff


def refusal(path, **options):
    with pytest.raises(ValueError, match=re.escape(str(path))) as caught:
        read_arff(path, **{"labels": 1, **options})
    return str(caught.value).removeprefix(str(path))


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("", " is empty"),
        (" \n\n% only comments\n", " is empty"),
        ("\0\1\2PK", ", line 1, column 1: not an ARFF file: expected text, but this is binary data"),
        ("\xff\xfe@\0r\0", ", line 1, column 1: not an ARFF file"),
        ("\n  a,b\n1,2\n", ", line 2, column 3: not an ARFF file: expected @relation, .* but this is 'a,b'"),
        ("@relation r\n@attribute x numeric\n1,2\n", ", line 3, column 1: .* but this is '1,2'"),
        ("@relation r\n@attributex numeric\n@data\n1\n", ", line 2, column 1: .* but this is '@attributex numeric'"),
        ("@relation r\n@attribute x numeric\n", " is not an ARFF file: there is no @data line"),
        ("@attribute x numeric\n@data\n1\n", ", line 2, column 1: .*expected @relation before @data"),
        ("@relation r\n@data\n1\n", ", line 2, column 1: .*expected @attribute before @data"),
        ("@relation r\n@attribute x real\n@data 1\n", ", line 3, column 7: .*expected the first row in the next line"),
        ("@relation r\n@relation s\n", ", line 2, column 1: a second @relation"),
        ("@relation 'r\n", ", line 1, column 11: the quote that opens here is never closed"),
        ("@relation 'r' s\n", ", line 1, column 14: .*expected nothing or a % comment"),
        ("@relation r\n" + "x" * 500, ", line 2, column 1: .* but this is 'x{57}\\.\\.\\.'"),
        ("@relation r\n@attribute x\n@data\n", ", line 2, column 12: 'x' is not the declaration"),
        ("@relation r\n@attribute\n@data\n", ", line 2, column 11: '' is not the declaration"),
        ("@relation r\n@attribute 'x y numeric\n", ', line 2, column 12: "\'x y numeric" is not the declaration'),
        ("@relation r\n@attribute x{y numeric\n", ", line 2, column 16: .* has the type '{y numeric'"),
        ("@relation r\n@attribute x number\n@data\n", ", line 2, column 14: the attribute 'x' has the type 'number'"),
        ("@relation r\n@attribute x real [0,a]\n", ", line 2, column 18: .* has the type 'real \\[0,a\\]'"),
        ("@relation r\n@attribute x {a,b\n@data\n", ", line 2, column 18: the attribute 'x' has the type '{a,b'"),
        ("@relation r\n@attribute x {}\n@data\n", ", line 2, column 15: .* has the type '{}'"),
        ("@relation r\n@attribute x {a,}\n@data\n", ", line 2, column 17: .* has the type '{a,}'"),
        ("@relation r\n@attribute x {a} b\n@data\n", ", line 2, column 17: .* has the type '{a} b'"),
        ("@relation r\n@attribute x {a,New York}\n", ", line 2, column 21: .*in quotes where a value has spaces"),
        ("@relation r\n@attribute x {a,b, a}\n", ", line 2, column 20: .*declares a value twice, or"),
        ("@relation r\n@attribute x {a,?}\n", ", line 2, column 17: .*declares a value twice, or"),
        ("@relation r\n@attribute x {a,\n% b\n\nb c}\n", ", line 5, column 3: .* has the type"),
        ("@relation r\n@attribute x {a,\nb,\nb}\n", ", line 4, column 1: .*declares a value twice"),
        ("@relation r\n@attribute x {a,\nb,\nc\n@data\n", ", line 2, column 17: .* has the type '{a,'"),
        ("@relation r\n@attribute x {a,'b\nc'}\n@data\n", ", line 2, column 17: .* has the type"),
        ("@relation r\n@attribute x relational\n", ", line 2, column 14: the attribute 'x' is relational"),
        ("@relation r\n@attribute x real\n@attribute 'x' {0,1}\n", ", line 3, column 12: .*declared in line 2 already"),
    ],
)
def test_headers(write, text, start):
    assert re.match(start, refusal(write(text, encoding="latin-1")))


def test_binary_junk_that_is_no_utf_8(write):
    assert "line 1, column 1: not an ARFF file" in refusal(write(bytes(range(1, 256)) * 4))


@pytest.mark.parametrize(
    ("row", "start"),
    [
        ("1,2,0", "column 6: the row has 3 value(s); expected 4, one for each attribute"),
        ("1,2,0,1,1", "column 9: the row has 5 value(s); expected 4"),
        ("1,2,0,{5}", "column 6: the row has 3 value(s); expected 4"),
        ("100%,2,0", "column 9: the row has 3 value(s)"),
        ("1,2,0,1,,", "column 9: expected a value, or ? where it is missing"),
        ("1,2,0,", "column 7: expected a value"),
        (",", "column 1: expected a value"),
        ("1,,0,1", "column 3: expected a value"),
        ("1,2,0, % 1", "column 8: expected a value"),
        ("abc,2,0,1", "column 1: the attribute 'x' is 'abc'; expected a finite number or ?"),
        ("1, 1_0,0,1", "column 4: the attribute 'y' is '1_0'; expected a finite number"),
        ("1,0x1,0,1", "column 3: the attribute 'y' is '0x1'; expected a finite number"),
        ("1,1e999,0,1", "column 3: the attribute 'y' is '1e999'; expected a finite number"),
        ("inf,1,0,1", "column 1: the attribute 'x' is 'inf'; expected a finite number"),
        ("'?',1,0,1", "column 1: the attribute 'x' is '?'; expected a finite number"),
        ("1,2,50%,1", "column 5: the attribute 'a' is '50%'; expected one of the values that line 5 declares, '0, 1'"),
        ("1,2,1.0,1", "column 5: the attribute 'a' is '1.0'; expected one of"),
        ("1,'2,0,1", "column 3: the quote that opens here is never closed"),
        ("1 5,2,0,1", "column 3: expected a comma after the value '1'"),
        ("1\t2\t0 1", "column 7: expected a tab after the value '0'"),
        ("1,2,0,'1'1", "column 10: expected a comma after the value \"'1'\""),
        ("1,2,0,1 {x}", "column 9: expected the end of the row, or its weight {...}"),
        ("1,2\0,0,1", "column 4: this is binary data"),
        ("9" * 200_000 + ",2,0,1", "column 1: the attribute 'x' is '999999"),
        ("{0 1,4 1}", "column 6: expected the index of an attribute, from 0 to 3, and its value"),
        ("{0 1,2 1,0 3}", "column 10: the index 0 stands in this row already"),
        ("{0 abc}", "column 4: the attribute 'x' is 'abc'; expected a finite number"),
        ("{2 7}", "column 4: the attribute 'a' is '7'; expected one of"),
        ("{0}", "column 2: expected the index of an attribute"),
        ("{-1 1}", "column 2: expected the index of an attribute"),
        ("{0.0 1}", "column 2: expected the index of an attribute"),
        ("{0 1,}", "column 6: expected the index of an attribute"),
        ("{0 1 1 2}", "column 6: expected a comma or a closing brace"),
        ("{0 1", "column 5: expected a comma or a closing brace"),
        ("{0 1} 2", "column 7: expected the end of the row, or its weight"),
        ("{0 1},2", "column 7: expected a weight {...} after the comma, or no comma"),
        ("{0 {}", "column 4: expected a value"),
    ],
)
def test_rows(write, row, start):
    good = "{1 2}" if row.startswith("{") else "1,2,0,1"
    path = write("% first line\n" + arff(TWO_AND_TWO, [good, "", row, good]))
    assert refusal(path, labels=2).startswith(f", line 10, {start}")


@pytest.mark.parametrize(
    ("declared", "value", "shown"),
    [
        ("numeric", "2", "2"),
        ("integer", "0.5", "0.5"),
        ("{0,1,2}", "2", "2"),
        ("{0,yes}", "yes", "yes"),
        ("{no,maybe,yes}", "maybe", "maybe"),
        ("{red,'dark blue'}", "'dark blue'", "dark blue"),
    ],
)
@pytest.mark.parametrize("row", ["1,{}", "{{0 1,1 {}}}"])
def test_labels_that_are_neither_0_nor_1(write, declared, value, shown, row):
    path = write(arff(["x numeric", f"a {declared}"], [row.format("?"), row.format(value)]))
    column = row.index("{}") + 1 - 2 * row.startswith("{{") + (row.startswith("{{"))
    assert refusal(path).startswith(f", line 6, column {column}: the label 'a' is '{shown}'; expected 0, 1 or ?")


def test_no_rows(write):
    assert "no rows after @data (line 6)" in refusal(write(arff(TWO_AND_TWO, ["", "% nothing"])))


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*missing\.arff"):
        read_arff(tmp_path / "missing.arff")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_arff(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "@relation " + " " * 200_000 + "x'",
        "@attribute x {" + "a," * 100_000,
        "@attribute '" + "\\'" * 100_000,
        "@attribute x real " + "[" * 100_000,
        "@attribute " + " \t" * 100_000,
        "@data\n" + " " * 200_000 + "1\t" * 100_000 + ",",
        "@data\n{" + " " * 200_000,
        "@data\n'" + "\\" * 200_001,
    ],
)
def test_long_nonsense_takes_no_time(write, line):
    path = write("@attribute a real\n@attribute b {0,1}\n" + line + "\n")
    if "@relation" not in line:
        path = write("@relation r\n" + path.read_text())
    started = time.process_time()  # of the processor: what others do on the machine does not count
    refusal(path)
    seconds = time.process_time() - started
    assert seconds < 5
