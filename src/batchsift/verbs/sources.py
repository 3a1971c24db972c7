"""The data of a verb, in any form that Python users have them in."""

import inspect
import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from batchsift.messages import there_are
from batchsift.training.pictures import NAMES, PictureSettings

if TYPE_CHECKING:
    from batchsift.data import ImageData, MultiLabelData
    from batchsift.data.schema import Unknown

_EXTRA = ("filelock", "matplotlib", "pandas", "pydantic", "rich")  # what the verbs need beside the core


def load_data(source: Any, options: Mapping[str, Any]) -> "MultiLabelData | ImageData":
    """Return the data set of a verb.

    Args:
        source: A `MultiLabelData` or `ImageData`; a pair of matrices, features and labels; or what
            `batchsift.data.load` takes.
        options: Options of `batchsift.data.load`, for a source of that kind.

    Raises:
        TypeError: An option that neither the verb nor `batchsift.data.load` has, or a source of another kind.
        ValueError: As `batchsift.data.load`; or options came with data that are loaded already.
        PictureError: `broken="error"`, and pictures cannot be decoded; names them.
    """
    from batchsift.data import ImageData, MultiLabelData, from_arrays
    from batchsift.data.loading import load_decodable

    if isinstance(source, MultiLabelData | ImageData) or (isinstance(source, tuple) and len(source) == 2):
        if options:
            raise ValueError(f"{', '.join(options)} came with data that are loaded already: leave it out")
        return source if isinstance(source, MultiLabelData | ImageData) else from_arrays(*source)
    return load_decodable(source, **options)


def load_test(
    source: Any, options: Mapping[str, Any], unknown_category: "Unknown", data: "MultiLabelData | ImageData"
) -> "MultiLabelData | ImageData":
    """Return data to be scored by a model that is trained on others: a table is read as `predict` reads it.

    Args:
        source: As for `load_data`.
        options: As for `load_data`, those of the training data.
        unknown_category: What a value of a category is that the training data do not have: "error" or "missing".
        data: The data of the training, with all their labels.

    Raises:
        TypeError: As `load_data`.
        ValueError: As `load_data`, or a feature or label of the training is not there.
    """
    from batchsift.data import MultiLabelData
    from batchsift.data.loading import names_table

    is_frame = hasattr(source, "iloc") or (hasattr(source, "to_pandas") and not hasattr(source, "select_columns"))
    is_file = isinstance(source, (str, os.PathLike)) and names_table(os.fspath(source))
    given = {name: value for name, value in options.items() if value is not None}
    if isinstance(data, MultiLabelData) and data.columns and (is_frame or is_file) and "labels_file" not in given:
        from batchsift.data.readers.like import read_like

        own = {name: given[name] for name in ("label_column", "delimiter", "negative", "sheet") if name in given}
        return read_like(source, data, **own, unknown=unknown_category)
    return load_data(source, options)


def check_reading(options: Mapping[str, Any], verb: Any) -> None:
    """Check that the options which a verb passes on are options of `batchsift.data.load`, or of pictures.

    Args:
        options: What the verb got beside its own arguments.
        verb: The function that got it.

    Raises:
        TypeError: One of them is not.
    """
    from batchsift.data import load

    own = [name for name in inspect.signature(verb).parameters if name not in ("data", "options")]
    reading = [*list(inspect.signature(load).parameters)[1:], *NAMES]
    for name in options:
        if name not in reading:
            raise TypeError(f"{verb.__name__}() has no argument {name!r}{there_are(name, [*own, *reading])}")


def parted(options: Mapping[str, Any]) -> tuple[dict[str, Any], PictureSettings]:
    """Part what a verb got beside its own arguments: options of `batchsift.data.load`, and how pictures are trained on.

    Raises:
        ValueError: A value out of its range.
    """
    reading = {name: value for name, value in options.items() if name not in NAMES}
    return reading, PictureSettings.of({name: value for name, value in options.items() if name in NAMES})


def check_installed(verb: str) -> None:
    """Check that the packages of the extra are there.

    Raises:
        ImportError: Some are not.
    """
    missing = [package for package in _EXTRA if find_spec(package) is None]
    if missing:
        raise ImportError(f'{verb} needs {", ".join(missing)}: pip install "batchsift[experiments]"')
