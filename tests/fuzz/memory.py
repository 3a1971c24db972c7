"""Trees of JSON, data frames, matrices and columns of Hugging Face data sets, with what does not belong into them."""

import copy
import datetime
import decimal
import fractions
import json
import uuid
import warnings
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import sparse

from .binary import X, Y, strange_array

LEAVES = [
    None,
    True,
    False,
    0,
    1,
    -1,
    7,
    2**63,
    10**400,
    0.5,
    -0.0,
    1e308,
    "",
    "x",
    "cat",
    "a.png",
    "../a.png",
    "/etc/passwd",
]
LEAVES += [
    "\0",
    "\x1b[31m",
    "\ud800",
    "a" * 3000,
    "1",
    "nan",
    [],
    {},
    [[]],
    [1, [2]],
    {"a": 1},
    {"id": 0},
    [None],
    [True, 0],
    ["a", 1],
]
LEAVES += [float("nan"), float("inf")]
CELLS = [
    *LEAVES,
    b"a",
    b"\xff",
    1j,
    np.float16(1),
    np.int8(1),
    np.array(1.0),
    np.array([1.0, 2]),
    np.array([[1], [2]]),
    np.nan,
]
CELLS += [
    pd.NA,
    pd.NaT,
    pd.Timestamp("2021-03-04"),
    pd.Timestamp("2021", tz="UTC"),
    datetime.date(1, 1, 1),
    datetime.time(1),
    object,
]
CELLS += [
    datetime.timedelta(1),
    decimal.Decimal("0.5"),
    fractions.Fraction(1, 3),
    uuid.UUID(int=1),
    {"a"},
]
CELLS += [
    ("a", "b"),
    frozenset({1}),
    range(2),
    torch.tensor(1.0),
    torch.tensor([1, 0]),
    np.datetime64("NaT"),
    np.str_("a"),
    10**5000,
]
CELLS += [
    np.ma.masked,
    float("-inf"),
    "03/04/2021",
    "2021-13-01",
    "=1+1",
    "['a'",
    "(1, 2)",
    pd.Interval(0, 1),
    pd.Period("2021"),
]


def changed_tree(random: Random, tree: Any) -> Any:
    """Return a document of JSON with one place in it changed."""
    tree = copy.deepcopy(tree)
    places = (
        [(tree, key) for key in (tree if isinstance(tree, dict) else range(len(tree)))]
        if isinstance(tree, (dict, list))
        else []
    )
    for holder, key in places:  # grows meanwhile
        child = holder[key]
        if isinstance(child, dict):
            places += [(child, other) for other in child]
        elif isinstance(child, list):
            places += [(child, other) for other in range(len(child))]
    if not places:
        return random.choice(LEAVES)
    holder, key = random.choice(places)
    way = random.randrange(7)
    if way == 0:
        del holder[key]
    elif way == 1 and isinstance(holder, dict):
        holder[random.choice(["", "id", "x" * 2000, "red", "\0", key.upper()])] = holder.pop(key)
    elif way == 2 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    elif way == 3:
        other, at = random.choice(places)
        if at in other if isinstance(other, dict) else at < len(other):
            holder[key] = json.loads(json.dumps(other[at]))
    elif way == 4:
        nested: Any = []
        for _ in range(random.choice([3, 300])):
            nested = [nested] if random.random() < 0.5 else {"a": nested}
        holder[key] = nested
    else:
        holder[key] = random.choice(LEAVES)
    return tree


def frame(random: Random, count: int) -> pd.DataFrame:
    """Return a data frame as in the file of the CSV reader."""
    table = pd.DataFrame(
        {
            "size": [0.5, 1, None, 7, 2, 3],
            "hue": ["r", "g", "g", "r", "r", "g"],
            "tall": pd.array([True, None, False, True, True, False], dtype="boolean"),
            "red": [1, 0, 1, 0, 1, 0],
            "round": [0, 1, None, 0, 1, 1],
            "tags": [["a", "b"], [], ["b"], ["a"], ["b", "a"], ["c"]],
            "file": list("pqrstu"),
        }
    )
    for _ in range(count):
        way, name = random.randrange(8), random.choice(list(table.columns))
        place = list(table.columns).index(name)
        if way <= 2:
            cells = list(table.iloc[:, place].astype(object))
            cells[random.randrange(6)] = random.choice(CELLS)
            table = _with(table, place, pd.Series(cells, dtype=object))
        elif way == 3:
            table = _with(table, place, pd.Series([random.choice(CELLS)] * 6, dtype=object))
        elif way == 4:
            table = _with(table, place, pd.Series([random.choice(CELLS) for _ in range(6)], dtype=object))
        elif way == 5:
            table = _with(table, place, _column(random, table.iloc[:, place]))
        elif way == 6:
            names: list[Any] = list(table.columns)
            names[place] = random.choice(
                ["", "id", "red", 0, 1, None, ("a", "b"), np.nan, "\x1b", "=1+1", b"red", 1.5, "red "]
            )
            table.columns = pd.Index(names, tupleize_cols=False)
        else:
            table = random.choice(
                [
                    table.iloc[:0],
                    table.iloc[:1],
                    table.iloc[:, :1],
                    table.T,
                    table.set_index(table.columns[0]),
                    table.iloc[:, ::-1],
                ]
            )
            if len(table) != 6 or not len(table.columns):
                return table
    return table


def _with(table: pd.DataFrame, place: int, column: Any) -> pd.DataFrame:
    columns = [table.iloc[:, i] if i != place else column for i in range(table.shape[1])]
    made = pd.concat([pd.Series(c).reset_index(drop=True) for c in columns], axis=1)
    made.columns = table.columns
    return made


def _column(random: Random, column: Any) -> Any:
    kinds = [
        "category",
        "string",
        "Int64",
        "Float32",
        "Sparse[float]",
        "datetime64[ns]",
        "timedelta64[ns]",
        "complex128",
        "period[D]",
    ]
    kinds += ["float16", "uint8", "bool", "string[pyarrow]", "int64[pyarrow]", "datetime64[ns, UTC]"]
    special = [
        lambda: pd.Series(pd.Categorical([None] * 6)),
        lambda: pd.Series(pd.Categorical([1, 0, 1, 0, None, 1])),
        lambda: pd.Series(pd.Categorical(["x", "x ", None, "x", "", "y"])),
        lambda: pd.Series(pd.interval_range(0, 6)),
        lambda: pd.Series(pd.arrays.SparseArray([0, 0, 1, 0, 0, 0])),
        lambda: pd.Series(list(np.zeros((6, 2, 2)))),
        lambda: pd.Series([np.zeros(0)] * 6),
        lambda: pd.Series(range(6)).astype("float64") * 1e308 * 10,
        lambda: column.astype(random.choice(kinds)),
    ]
    with warnings.catch_warnings(action="ignore"):
        try:
            return random.choice([*special[:-1], *special[-1:] * 6])()
        except (ValueError, TypeError, NotImplementedError):
            return column


def arrays(random: Random, count: int) -> dict[str, Any]:
    """Return the arguments of `from_arrays`."""
    given: dict[str, Any] = {"features": X, "labels": Y}
    if random.random() < 0.5:
        given |= {"feature_names": ["a", "b", "c"], "label_names": ["red", "round"]}
    for _ in range(count):
        name = random.choice([*given, "features", "labels", "negative"])
        given[name] = _given(random, name, X if name == "features" else Y)
    return given


def _given(random: Random, name: str, like: np.ndarray) -> Any:
    if name == "negative":
        return random.choice([-1, 0, 1, 2, None, float("nan"), "x", True, [1]])
    if name.endswith("names"):
        names = [
            ["a", "a"],
            [b"a", b"b"],
            [1, "1"],
            "ab",
            None,
            [["a"], ["b"]],
            {"a", "b"},
            np.array(["a", "b"]),
            iter("ab"),
            7,
            ["a", None],
        ]
        return random.choice(
            [
                *names,
                ["\x1b", "=1"],
                pd.Index(["a", "b"]),
                {"a": 1, "b": 2},
                [object(), object()],
                ["", ""],
                [b"\xff", "b"],
            ]
        )
    tensor = torch.tensor(like)
    kinds = [
        lambda: np.ma.masked_equal(like, like.flat[0]),
        lambda: np.ma.masked_all(like.shape),
        lambda: pd.DataFrame(like),
        lambda: pd.DataFrame(like, columns=["a"] * like.shape[1]),
        lambda: pd.DataFrame(like).astype("Int64", errors="ignore"),
        lambda: pd.DataFrame(like).astype("category"),
        like.tolist,
        lambda: [[random.choice(CELLS) for _ in row] for row in like],
        lambda: [list(row) for row in like[:-1]] + [[1]],
        lambda: tuple(map(tuple, like)),
        lambda: tensor.to(
            random.choice(
                [torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2, torch.complex64, torch.bool, torch.half]
            )
        ),
        tensor.to_sparse,
        tensor.to_sparse_csr,
        lambda: tensor.to("meta"),
        lambda: tensor.float().requires_grad_(),
        lambda: tensor.to_mkldnn() if tensor.is_floating_point() else tensor.T,
        lambda: sparse.csr_array(np.nan_to_num(like)).asformat(
            random.choice(["csr", "csc", "coo", "lil", "dok", "dia", "bsr"])
        ),
        lambda: sparse.coo_array((2, 2**40)),
        lambda: sparse.coo_array(np.ones(4)),
        lambda: random.choice(CELLS),
        lambda: np.array([[random.choice(CELLS) for _ in row] for row in like], dtype=object),
        lambda: strange_array(random, like),
        lambda: strange_array(random, like),
    ]
    with warnings.catch_warnings(action="ignore"):
        try:
            return random.choice(kinds)()
        except (ValueError, TypeError, RuntimeError, OverflowError):
            return None


def hf_columns(random: Random, count: int) -> dict[str, Any]:
    """Return columns, their kinds, and the options of `from_hf`."""
    rows = {
        "size": [0.5, 1.0, None, 7.0],
        "hue": [0, 1, 1, 0],
        "v": [[1.0, 2.0], [0.0, 1.0], [3.0, 3.0], [1.0, 0.0]],
        "red": [1, 0, 1, 0],
        "round": [True, False, None, False],
        "tags": [["a", "b"], [], ["b"], ["a"]],
        "classes": [[0, 1], [], [1], [0]],
    }
    kinds = {
        "size": "float32",
        "hue": ["r", "g"],
        "v": 2,
        "red": "int64",
        "round": "bool",
        "tags": "list",
        "classes": "classes",
    }
    options: dict[str, Any] = {"labels": random.choice(["red,round", "tags", "classes"]), "features": "size,hue,v"}
    for _ in range(count):
        name, way = random.choice(list(rows)), random.randrange(6)
        if way <= 1:
            rows[name] = list(rows[name])
            rows[name][random.randrange(4)] = random.choice(LEAVES)
        elif way == 2:
            rows[name] = [random.choice(LEAVES)] * 4
        elif way == 3:
            kinds[name] = random.choice(
                [
                    "float32",
                    "int8",
                    "string",
                    "bool",
                    "list",
                    "classes",
                    ["x", "y"],
                    2,
                    3,
                    None,
                    "binary",
                    "date32",
                    "float16",
                ]
            )
        elif way == 4:
            options["labels"] = random.choice(
                ["red", "round", "tags", "classes", "hue", "v", "*", "nope", "", "red,tags"]
            )
        else:
            options["features"] = random.choice([None, "*", "size", "v", "nope", "", "classes", "tags", "red"])
    return {"rows": rows, "kinds": kinds, "options": options}
