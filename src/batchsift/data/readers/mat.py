"""`.mat` files of MATLAB, in the layouts that data sets of several labels are published in.

scipy reads versions 4 to 7, `mat73` version 7.3.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from batchsift.data.dataset import MultiLabelData, concatenated
from batchsift.data.limits import check_bytes, check_shape, max_bytes
from batchsift.data.readers import mat73
from batchsift.data.readers.arrays import from_arrays
from batchsift.data.readers.columns import chosen_columns
from batchsift.data.readers.mat5 import check_structure
from batchsift.data.readers.sparse import check_compressed
from batchsift.data.readers.targets import oriented
from batchsift.messages import first_few

READS = {".mat": "read_mat"}

_LAYOUTS = (
    ("data", "target"),
    ("dataset", "class"),
    ("train_data", "train_target", "test_data", "test_target"),
    ("X", "Y"),
    ("X", "y"),
)
_NAMES = ("feature_names", "label_names")
_READ = (
    "cell",
    "char",
    "sparse",
    "logical",
    "single",
    "double",
    *(f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64)),
)


def read_mat(
    path: str | Path,
    *,
    variables: str | Sequence[str] | None = None,
    label_rows: str | None = None,
    negative: float | None = None,
    drop: str | Sequence[str] | None = None,
) -> MultiLabelData:
    """Read a `.mat` file.

    Args:
        path: The file, of any version; 7.3 needs h5py. It holds features (samples x features) and labels (samples x
            labels, or labels x samples) as `data` and `target`, `dataset` and `class`, or `X` and `Y`; or a training
            and a test part of them as `train_data`, `train_target`, `test_data` and `test_target`. `feature_names` and
            `label_names` are read where they are there.
        variables: Two other names, of features and labels, or four, of two parts; parted by commas in one text.
        label_rows: What the rows of the labels are, "samples" or "labels", where there are as many of both.
        negative: The number that stands for not having a label, such as -1.
        drop: Features to leave out, by names or patterns.

    Raises:
        FileNotFoundError: The file is not there.
        ImportError: A file of version 7.3, and h5py is not installed.
        ValueError: The file is damaged, has no such variables, or they do not hold what they should.

    Warns:
        UserWarning: Two parts were put together; `published_split` keeps them apart.
    """
    parts = read_parts(path, variables=variables, label_rows=label_rows, negative=negative, drop=drop)
    if len(parts) > 1:
        warnings.warn(
            f"{path}: its {parts[0].num_samples} training and {parts[1].num_samples} test samples are put together; "
            "published_split(path) keeps them apart",
            UserWarning,
            stacklevel=2,
        )
    return concatenated(parts)


def read_parts(
    path: str | Path,
    *,
    variables: str | Sequence[str] | None = None,
    label_rows: str | None = None,
    negative: float | None = None,
    drop: str | Sequence[str] | None = None,
) -> list[MultiLabelData]:
    """Read the training and the test part of a `.mat` file, or all of it where it has no parts; see `read_mat`."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    with _file_named(path):
        shapes = mat73.shapes_in(path) if mat73.is_hdf5(path) else _shapes_in(path)
        chosen = _chosen(shapes, variables)
        wanted = [*chosen, *(name for name in _NAMES if name in shapes)]
        found = mat73.values_of(path, wanted) if mat73.is_hdf5(path) else _values_of(path, wanted, shapes)
        names = {name: _texts(name, found[name]) for name in _NAMES if name in found}
        parts = []
        for features, labels in zip(chosen[::2], chosen[1::2], strict=True):
            matrix, targets = (_matrix(name, found[name]) for name in (features, labels))
            targets = oriented(targets, matrix.shape[0], label_rows)
            parts.append(from_arrays(matrix, targets, **names, negative=negative, name=path.stem))
        if drop is None:
            return parts
        kept = ~chosen_columns(parts[0].feature_names, drop, "drop")
        return [part.select(features=kept) for part in parts]


def _chosen(shapes: Mapping[str, tuple[int, ...]], variables: str | Sequence[str] | None) -> Sequence[str]:
    """Return the names of features and labels, of each part in turn."""
    shown = first_few([f"{name} ({' x '.join(map(str, shape))})" for name, shape in shapes.items()], shown=20)
    if variables is not None:
        names = [name.strip() for name in variables.split(",")] if isinstance(variables, str) else list(variables)
        if len(names) not in (2, 4) or len(set(names)) < len(names):
            raise ValueError(
                f"variables={variables!r} names {len(names)}; expected two, of features and labels, or four, of the "
                "features and labels of a training and of a test part"
            )
        if missing := [name for name in names if name not in shapes]:
            raise ValueError(f"variables={variables!r}: there is no {first_few(missing)}; there are {shown or 'none'}")
        return names
    found = [layout for layout in _LAYOUTS if all(name in shapes for name in layout)]
    if len(found) != 1:
        says = "holds several pairs of features and labels" if found else "has no variables data and target"
        raise ValueError(f"{says}: there are {shown or 'none'}; say which are meant by variables='FEATURES,LABELS'")
    return found[0]


# --- Versions 4 to 7, by scipy ----------------------------------------------------------------------------------------


def _shapes_in(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the variables of a file and their shapes, once its structure is found to be right."""
    from scipy.io import whosmat  # noqa: PLC0415 (heavy)

    check_structure(path)
    found = whosmat(str(path), appendmat=False)
    return {str(name): tuple(int(size) for size in shape) if kind in _READ else () for name, shape, kind in found}


def _values_of(path: Path, names: Sequence[str], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    from scipy.io import loadmat  # noqa: PLC0415 (heavy)

    for name in names:
        if not shapes[name]:
            raise ValueError(f"the variable {name!r} holds a struct; expected a matrix of numbers")
        num_cells = int(np.prod([float(size) for size in shapes[name]]))
        if len(shapes[name]) == 2:
            check_shape(path, *shapes[name], what=name)
        if num_cells > max_bytes(path):
            check_bytes(path, num_cells, name)
    values = loadmat(str(path), appendmat=False, variable_names=list(names))
    return {name: values[name] for name in names}


# --- What the variables hold ------------------------------------------------------------------------------------------


def _matrix(name: str, value: Any) -> Any:
    if hasattr(value, "tocsr"):
        if value.format == "coo":  # of version 4; scipy has looked at the indices
            return value.tocsr()
        num_rows, num_columns = value.shape
        check_compressed(value.indptr, value.indices, len(value.data), num_columns, num_rows)
        return value.tocsr()
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "buif":
        kind = value.dtype if isinstance(value, np.ndarray) else type(value).__name__
        kind = {"O": "a cell array", "V": "a struct", "U": "text"}.get(getattr(kind, "kind", ""), str(kind))
        raise ValueError(f"the variable {name!r} holds {kind}; expected a matrix of numbers")
    return value


def _texts(name: str, value: Any) -> list[str]:
    """Return the texts of a cell array, or of the rows of a matrix of characters."""
    texts = []
    for cell in np.asarray(value).ravel():
        text = np.asarray(cell)
        if text.dtype.kind != "U" or text.size > 1:
            raise ValueError(f"the variable {name!r} holds {text.dtype}; expected texts, in a cell array")
        texts.append(str(text.item()) if text.size else "")
    return [text.rstrip(" ") for text in texts] if np.asarray(value).dtype.kind == "U" else texts


@contextmanager
def _file_named(path: Path) -> Iterator[None]:
    try:
        yield
    except ImportError:
        raise
    except Exception as error:  # a damaged file ends in almost any of them
        reason = str(error) or type(error).__name__
        raise ValueError(reason if str(path) in reason else f"{path}: {reason}") from error
