"""Parquet, in one file or in a folder of them, by pyarrow."""

from pathlib import Path

import pandas as pd

from batchsift.data.limits import check_shape


def frame_of(path: Path) -> pd.DataFrame:
    """Return the columns of a file, or of all files of a folder, in the order of their names.

    Raises:
        ImportError: pyarrow is not installed.
        ValueError: A file is damaged or would become too large for its size, or the files have different columns.
    """
    if not path.is_dir():
        return _frame_of_file(path)
    files = sorted(path.glob("*.parquet"))
    if not files and not any(path.glob("**/*.parquet")):
        raise ValueError("the folder holds no .parquet files")
    if any(path.glob("*/**/*.parquet")):
        raise ValueError(
            "folders within the folder are not read, since their names may be values: put all files in one"
        )
    frames = [_frame_of_file(file) for file in files]
    for file, frame in zip(files, frames, strict=True):
        if list(frame.columns) != list(frames[0].columns):
            raise ValueError(f"{file.name} has other columns than {files[0].name}; expected the same in the same order")
    return pd.concat(frames, ignore_index=True)


def _frame_of_file(path: Path) -> pd.DataFrame:
    try:
        from pyarrow.parquet import read_metadata  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise ImportError("reading Parquet needs pyarrow: pip install 'batchsift[experiments]'") from error
    try:
        declared = read_metadata(path)
    except Exception as error:  # a damaged file ends in almost any of them
        raise ValueError(f"{path.name} cannot be read as Parquet: {error}") from error
    check_shape(path, declared.num_rows, declared.num_columns, what="a table", cell_bytes=8)
    try:
        return pd.read_parquet(path, engine="pyarrow", page_checksum_verification=True)
    except Exception as error:
        raise ValueError(f"{path.name} cannot be read as Parquet: {error}") from error
