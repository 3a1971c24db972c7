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

Then register it in one place, the table at the top of `batchsift.data.loading`: the endings, the module and the
function. `load`, `published_split` and the command line know the endings from there.
"""
