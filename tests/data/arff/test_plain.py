"""The fast ways through a file say what the slow ones say."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from batchsift.data import read_arff
from batchsift.data.arff import plain
from batchsift.data.arff.exact import Mistakes, read_exactly
from batchsift.data.arff.header import read_header
from batchsift.data.arff.layout import lay_out
from batchsift.data.arff.plain import read_plainly
from batchsift.data.arff.source import Chunk
from batchsift.data.arff.table import DenseCells

# --- Numbers ----------------------------------------------------------------------------------------------------------


def read_numbers(texts):
    """What the fast way makes of texts in a numeric column, dense and sparse; None where it does not read them."""
    layout = layout_of(b"@relation r\n@attribute x numeric\n@attribute l {0,1}\n@data\n")
    dense = read_plainly(layout, "".join(f"{text},1\n" for text in texts).encode())
    sparse = read_plainly(layout, "".join(f"{{0 {text},1 1}}\n" for text in texts).encode())
    if dense is not None and sparse is not None:
        np.testing.assert_array_equal(dense.cells_NA.ravel(), sparse.cells_K)
    assert (dense is None) == (sparse is None)
    return None if dense is None else dense.cells_NA[:, 0]


def assert_read_like_float(texts):
    numbers = read_numbers(texts)
    expected = np.array([float(text) for text in texts])
    assert numbers is not None
    np.testing.assert_array_equal(numbers, expected)
    np.testing.assert_array_equal(np.signbit(numbers), np.signbit(expected))


@pytest.mark.parametrize("form", ["%d", "%.2f", "%.6g", "%.15f", "%.16f", "%.17g", "%.18f", "%.25f", "%.3e", "%r"])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e7])
def test_many_numbers_to_the_last_bit(form, scale):
    assert_read_like_float([form % number for number in (scale * np.random.default_rng(0).normal(size=5000)).tolist()])


def test_numbers_between_two_neighbors():
    """Integers above 2^53 lie halfway between two floats, or just beside that; so do the digits of a halfway point."""
    rng = np.random.default_rng(0)
    assert_read_like_float([str(2**bits + odd) for bits in range(53, 63) for odd in range(-700, 700)])
    whole = rng.integers(2**52, 2**53, 2000).tolist()
    assert_read_like_float([f"{(2 * number + 1) * 5}e-1" for number in whole])
    assert_read_like_float([f"{2 * number + 1}.{tail}" for number in whole for tail in ("0", "001")])
    assert_read_like_float([str((2 * number + 1) * 5**4)[:19] for number in whole])


def test_the_smallest_numbers():
    tiny = ["5e-324", "2.5e-324", "2.4e-324", "2.2250738585072014e-308", "2.2250738585072011e-308", "1e-400", "-1e-400"]
    assert_read_like_float(tiny)


@given(
    st.lists(
        st.from_regex(r"[+-]?([0-9]{1,21}\.?|[0-9]{0,10}\.[0-9]{1,24})([eE][+-]?[0-9]{1,2})?", fullmatch=True),
        min_size=1,
    )
)
@example(["-0", "0", "+.5", "6.", "000", "1e5", "9" * 19, "9" * 20, "0." + "0" * 21 + "1", "." + "1" * 23])
def test_any_numbers(texts):
    assert_read_like_float(texts)


@given(st.lists(st.text("0123456789+-.eE_naif x", max_size=5), min_size=1, max_size=4))
@example(["1e5", "1e"])
@example(["1.5", "1.2.3", "12"])
@example(["1e5e5"])
@example(["1_0e5"])
@example(["1e400"])
@example([""])
@example(["-"])
@example(["1-", "-1"])
@example(["-nan"])
@example(["infinity"])
@example(["0x10"])
def test_texts_that_are_no_numbers(texts):
    numbers = read_numbers(texts)
    assert (numbers is not None) == all(is_finite_number(text) for text in texts)


def is_finite_number(text):
    text = text.strip(" ")
    try:
        return not set(text) - set("0123456789+-.eE") and math.isfinite(float(text))
    except ValueError:
        return False


# --- Rows -------------------------------------------------------------------------------------------------------------

HEADER = b"""@relation r
@attribute x numeric
@attribute f {1,0}
@attribute s string
@attribute c {red,blue,a-long-value}
@attribute l {0,1}
@attribute w {NO,YES}
@attribute n numeric
@data
"""
CELLS = (
    ["1", "-0.5", "?", "3e2", "12345.678901234567"],
    ["0", "1", "?"],
    ["abc", "x.jpg", "?"],
    ["red", "blue", "a-long-value", "?"],
    ["0", "1", "?"],
    ["YES", "NO", "?"],
    ["0", "1", "1.0", "?"],
)
NOISE = ["", "nan", "inf", "1_0", "'1'", "2", "yes", "1 1", "%", "50%", "{", "}", "1,1", "ü", "0x1", "\\", "1e999"]


def layout_of(header=HEADER):
    path = Path("set.arff")
    read, _ = read_header(path, iter([Chunk(header, 1)]))
    names = [attribute.name for attribute in read.attributes]
    return lay_out(path, read, np.isin(names, ["l", "w", "n"]), np.isin(names, ["s"]))


LAYOUT = layout_of()


@st.composite
def contents(draw):
    """Lines of one chunk, most of them rows."""
    is_sparse = draw(st.booleans())
    comma, blank = draw(st.sampled_from([(",", " "), (", ", " "), (" ,", "  "), ("\t", "\t")]))
    lines = []
    for _ in range(draw(st.integers(1, 4))):
        cells = [draw(st.sampled_from(values)) for values in CELLS]
        if draw(st.integers(0, 7)) == 0:
            cells[draw(st.integers(0, 6))] = draw(st.sampled_from(NOISE))
        if is_sparse:
            kept = draw(st.lists(st.sampled_from(range(8)), unique=True, max_size=7).map(sorted))
            kept = draw(st.permutations(kept)) if draw(st.integers(0, 4)) == 0 else kept
            lines.append("{" + comma.replace("\t", ",").join(f"{j}{blank}{[*cells, '1'][j]}" for j in kept) + "}")
        else:
            lines.append(comma.join(cells[: draw(st.sampled_from([7, 7, 7, 7, 6]))]))
        lines += draw(st.sampled_from([[], [], [], [""], ["% note"], ["  % a, b"], ["{}"], [" "], ["\t"]]))
    start = draw(st.sampled_from(["", "", "\n", " ", "% c\n"]))
    return (start + "\n".join(lines) + "\n").encode()


@settings(max_examples=600, deadline=None)
@given(contents())
@example(b"1,1,a,red,0,NO,0\n\n")
@example(b"{}\n{}\n")
@example(b"{0 1}\n1,1,a,red,0,NO,0\n")
@example(b"{0 1,0 2}\n")
@example(b"{000000000000 1}\n")
@example(b"{0 1}}\n{{0 1}\n")
@example(b"{0 1\n,1 0}\n")
@example(b"{0x1 1}\n")
@example(b"{ 0 1}{1 0}\n")
@example(b"1,1,a b,red,0,NO,0\n")
@example(b"1,1,,red,0,NO,0\n")
@example(b"1,1,a,red,0,NO,nan\n")
def test_rows_read_at_once_are_those_read_line_by_line(content):
    fast = read_plainly(LAYOUT, content)
    if fast is not None:
        mistakes = Mistakes(Path("set.arff"))
        exact, num_weights = read_exactly(LAYOUT, Path("set.arff"), Chunk(content, 1), mistakes)
        mistakes.check()
        assert num_weights == 0
        assert type(exact) is type(fast)
        for name in vars(exact):
            np.testing.assert_array_equal(getattr(fast, name), getattr(exact, name))


@pytest.mark.parametrize(
    "content",
    [
        b"1,1,a,red,0,NO,0\n-.5e3,?,b.jpg,a-long-value,1,YES,?\n",
        b"1, 1 , a,red ,0,NO,0\n\n  % note\n 1,1,a,red,0,NO,0\n",
        b"1\t1\ta\tred\t0\tNO\t0\n",
        b"{0 1,3 blue,5 YES}\n{}\n{6 1}\n",
        b"{ 0 1 , 3  blue,5\tYES }\n% note\n{}\n",
        b"{}\n{}\n",
    ],
)
def test_plain_rows_are_read_at_once(content):
    assert read_plainly(LAYOUT, content) is not None


def test_every_value_is_found_at_once():
    values = ["a", "b", "it", "nine-long", "A", "ninety"]
    header = f"@relation r\n@attribute c {{{','.join(values)}}}\n@attribute l {{0,1}}\n@data\n".encode()
    read, _ = read_header(Path("set.arff"), iter([Chunk(header, 1)]))
    layout = lay_out(Path("set.arff"), read, np.array([False, True]), np.array([False, False]))
    rows = read_plainly(layout, "".join(f"{value},1\n" for value in values).encode())
    assert isinstance(rows, DenseCells)
    assert rows.cells_NA[:, 0].tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("rows", ["1,?,a,red,0,NO,0\n-.5e3,1,b,blue,1,YES,1\n", "{0 1,3 blue,5 YES}\n{}\n"])
def test_without_pyarrow_the_exact_way_reads_everything(tmp_path, monkeypatch, rows):
    path = tmp_path / "set.arff"
    path.write_bytes(HEADER + rows.encode())
    usual = read_arff(path, 3, drop="s")
    monkeypatch.setattr(plain, "_pyarrow", lambda: None)
    assert read_plainly(LAYOUT, rows.encode()) is None
    exact = read_arff(path, 3, drop="s")
    assert (exact.feature_names, exact.is_sparse) == (usual.feature_names, usual.is_sparse)
    for name in ("features", "labels"):
        found, expected = (getattr(data, name) for data in (exact, usual))
        np.testing.assert_array_equal(*(m.toarray() if hasattr(m, "toarray") else m for m in (found, expected)))
