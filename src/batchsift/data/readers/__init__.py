"""Readers: one module for each form that tables come in.

| module | what it reads |
| --- | --- |
| `arrays` | matrices in memory, `.npz` files |
| `frames` | pandas data frames: what becomes of a column |
| `tables` | `.csv`, `.tsv`, `.parquet`, by way of `frames` |
| `hf` | columns of Hugging Face data sets, by way of `frames` |
| `columns`, `tags`, `matching` | what they share: columns by name or pattern, delimited labels, features found again |

To add a kind of file, write one module here with one function, and its test in `tests/data/readers`:

    def read_xyz(path: str | Path, labels: int | None = None, *, drop: str | None = None) -> MultiLabelData:

- The first parameter is the path. The others are the options of `load` that make sense for such files, under the names
  and with the meaning they have there; `load` refuses those that the function does not take.
- It returns a `MultiLabelData` named after the file: `from_frame` makes one of a data frame, `from_arrays` of matrices.
- What it cannot be sure of is a `ValueError` with the file, where in it (line, column), what stands there and what was
  expected. Nothing is guessed and no row is skipped.
- Packages of an extra are imported in the function.

Then say which files it reads, in the module itself:

    READS = {".xyz": "read_xyz"}

`load`, `published_split` and the command line know the ending from there.
"""

import ast
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

ROOM = "batchsift.data"


@cache
def readers() -> Mapping[str, tuple[str, str]]:
    """Find the readers of files: the ending of a file's name to a module and its function.

    They are found by the text of the modules, since importing them all would take seconds.

    >>> readers()[".npz"]
    ('batchsift.data.readers.arrays', 'read_npz')
    """
    return dict(_readers_in(files(ROOM), ROOM))


def _readers_in(folder: Traversable, package: str) -> list[tuple[str, tuple[str, str]]]:
    found = []
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.is_dir():
            found += _readers_in(file, f"{package}.{file.name}")
        elif file.name.endswith(".py") and "\nREADS = " in (text := file.read_text("utf-8")):
            module = package if file.name == "__init__.py" else f"{package}.{file.name.removesuffix('.py')}"
            (table,) = [
                node.value
                for node in ast.parse(text).body
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "READS"
            ]
            found += [(ending, (module, function)) for ending, function in ast.literal_eval(table).items()]
    return found
