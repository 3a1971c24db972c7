"""Readers: one module for each form that tables come in.

| module | what it reads |
| --- | --- |
| `arrays`, `npz` | matrices in memory; `.npz` files |
| `npy`, `mat`, `mat73` | pairs of `.npy` files; `.mat` files of MATLAB, by scipy or (version 7.3) by h5py |
| `svmlight`, `xmc` | sparse rows as text: LIBSVM's, and those of extreme classification |
| `frames` | pandas data frames: what becomes of a column |
| `tables` | `.csv`, `.tsv`, `.parquet`, and by `json_lines`, `feather` and `excel` further kinds, by way of `frames` |
| `heading` | the names of the columns of a text file |
| `text` | which of these a text file is whose name does not say so |
| `two_files` | features in one file and labels in another |
| `hf` | columns of Hugging Face data sets, by way of `frames` |
| `columns`, `tags`, `matching` | what they share: columns by name or pattern, delimited labels, features found again |
| `targets`, `sparse` | the same for matrices: of labels, and sparse ones that are not trusted |

To add a kind of file, write one module here with one function, and its test in `tests/data/readers`:

    def read_xyz(path: str | Path, labels: int | None = None, *, drop: str | None = None) -> MultiLabelData:

- The first parameter is the path. The others are the options of `load` that make sense for such files, under the names
  and with the meaning they have there; `load` refuses those that the function does not take.
- It returns a `MultiLabelData` named after the file: `from_frame` makes one of a data frame, `from_arrays` of matrices.
- What it cannot be sure of is a `ValueError` with the file, where in it (line, column), what stands there and what was
  expected. Nothing is guessed and no row is skipped.
- A shape that the file declares is compared with its size first, by `batchsift.data.limits`; so is what it unpacks to.
- Packages of an extra are imported in the function.

Then say which files it reads, in the module itself; as `READS_TEXT` where they are text, which may be packed
(`.xyz.gz`) and is opened by `batchsift.data.packed.opened`:

    READS = {".xyz": "read_xyz"}

`load`, `published_split` and the command line know the ending from there.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchsift.data.dataset import MultiLabelData
    from batchsift.data.images.dataset import ImageData

ROOM = "batchsift.data"


@dataclass(frozen=True)
class Reader:
    """Where the function is that reads files of a kind.

    Args:
        module: The module, which is imported when a file needs it.
        function: The function's name.
        is_text: Whether the files are text, and may be packed.
    """

    module: str
    function: str
    is_text: bool

    def imported(self) -> Callable[..., "MultiLabelData | ImageData"]:
        """Return the function."""
        function: Callable[..., MultiLabelData | ImageData] = getattr(import_module(self.module), self.function)
        return function


@cache
def readers() -> Mapping[str, Reader]:
    """Find the readers of files, by the ending of a file's name.

    They are found by the text of the modules, since importing them all would take seconds.

    >>> readers()[".npz"].function
    'read_npz'
    """
    return dict(_readers_in(files(ROOM), ROOM))


def _readers_in(folder: Traversable, package: str) -> list[tuple[str, Reader]]:
    found = []
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.is_dir():
            found += _readers_in(file, f"{package}.{file.name}")
        elif file.name.endswith(".py") and "\nREADS" in (text := file.read_text("utf-8")):
            module = package if file.name == "__init__.py" else f"{package}.{file.name.removesuffix('.py')}"
            for node in ast.parse(text).body:
                if isinstance(node, ast.Assign) and (name := ast.unparse(node.targets[0])) in ("READS", "READS_TEXT"):
                    for ending, function in ast.literal_eval(node.value).items():
                        found.append((ending, Reader(module, function, is_text=name == "READS_TEXT")))
    return found
