"""Files that are whole or not there: writing atomically, claiming and naming a folder; rows as CSV, values as JSON."""

import json
import math
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

UNFINISHED = ".unfinished-"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a formula of a spreadsheet begins with
_CONTROL = re.compile(r"[\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_LONGEST_NAME = 200  # bytes of a file's name, for which systems allow 255
PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")  # endings of text files that are packed


def write(folder: Path, files: Mapping[str, bytes]) -> Sequence[Path]:
    """Write files into a folder, each whole or not at all, even if the power fails.

    Args:
        folder: The folder; made where it is missing.
        files: Names and contents.

    Returns:
        The paths written.

    Raises:
        OSError: where that cannot be done.
    """
    claim(folder)
    for name, content in files.items():
        try:
            _write(folder / name, content)
        except OSError as error:
            raise OSError(f"cannot write {folder / name}: {error.strerror}") from error
    return [folder / name for name in files]


def _write(path: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=UNFINISHED)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)  # mkstemp's files are for their owner alone
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):  # of a disk that fails, the first failure is told
            Path(temporary).unlink(missing_ok=True)
        raise


def claim(folder: Path) -> None:
    """Make the folder and prove that files can be written into it.

    Raises:
        OSError: where that cannot be done.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"cannot write into {folder}: {error.strerror}") from error


@contextmanager
def locked(folder: Path, *within: str) -> Iterator[None]:
    """Keep a folder to oneself, and sweep away the half-written files of runs that were killed.

    Args:
        folder: The folder; made where it is missing. The system frees the lock when a run dies, however it dies.
        within: Names of folders in it, which are swept too.

    Raises:
        OSError: Another run holds the folder, or nothing can be written.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415 (an extra)

    claim(folder)
    try:
        held = FileLock(folder / "lock", timeout=0).acquire()
    except Timeout as error:
        raise BlockingIOError(
            f"another run works in {folder}: wait until it is over, stop it, or use another folder"
        ) from error
    except NotImplementedError as error:
        raise OSError(f"{folder} cannot be kept for one run at a time: {error}; use a folder elsewhere") from error
    with held:
        for place in (folder, *(folder / name for name in within)):
            for path in place.glob(f"{UNFINISHED}*"):
                path.unlink()
        yield


def folder_of(parent: str, name: str) -> Path:
    """Return the default folder for what has this name, which is always one in `parent`.

    A hyphen stands for characters that a path cannot bear.

    >>> folder_of("results", "my data-mlp").as_posix(), folder_of("results", "..").as_posix()
    ('results/my-data-mlp', 'results/data')
    """
    plain = re.sub(r"[^\w.-]+", "-", name).strip(".")
    return Path(parent) / (plain.encode()[:_LONGEST_NAME].decode(errors="ignore") or "data")


def stem(path: Path) -> str:
    """Return the name of a file without its ending, nor the one after it that says how it is packed.

    >>> stem(Path("toys/birds.train.csv.gz")), stem(Path("birds.zip"))
    ('birds.train', 'birds')
    """
    return Path(path.stem).stem if path.suffix.lower() in PACKED else path.stem


def csv_text(rows: Iterable[Sequence[Any]], columns: Sequence[str]) -> str:
    r"""Return rows as CSV with a heading, each line ended by a line feed; None is an empty field.

    A text that a spreadsheet would take for a formula has an apostrophe before it, in headings and in fields: what is
    exported may be opened with one. `from_csv` takes it away.

    Args:
        rows: The rows, each with one value a column.
        columns: The heading.

    >>> csv_text([[1, None], [-2, "a,b"], [3, "=1+1"]], ["n", "word"])
    'n,word\n1,\n-2,"a,b"\n3,\'=1+1\n'
    """
    return "".join(f"{_csv_line(values)}\n" for values in (columns, *rows))


def from_csv(text: str) -> str:
    """Return what a field of `csv_text` says.

    >>> from_csv("'=1+1"), from_csv("it's")
    ('=1+1', "it's")
    """
    return text[1:] if text[:1] == "'" and _reads_as_formula(text) else text


def _csv_line(values: Sequence[Any]) -> str:
    fields = ["" if value is None else _csv_field(value) for value in values]
    return '""' if fields == [""] else ",".join(fields)


def _csv_field(value: Any) -> str:
    """Return a value as a field; Python's writer leaves a carriage return without quotes, which ends a line."""
    text = str(value)
    if isinstance(value, str) and _reads_as_formula(text):
        text = f"'{text}"
    quoted = text.replace('"', '""')
    return f'"{quoted}"' if any(mark in text for mark in ',"\r\n') else text


def _reads_as_formula(text: str) -> bool:
    """Return whether a text, or what is left of it without apostrophes, is a formula of a spreadsheet."""
    return text.lstrip("'")[:1] in _FORMULA and not is_number(text)


def is_number(text: str) -> bool:
    """Return whether a text is a number as Python reads it, `nan` and `inf` included.

    >>> is_number("1e3"), is_number("=1")
    (True, False)
    """
    try:
        float(text)
    except ValueError:
        return False
    return True


def make_jsonable(value: Any) -> Any:
    """Return a value as JSON can hold it.

    Dataclasses become dictionaries, tuples become lists, and numbers that are not finite become None, at any depth.

    >>> make_jsonable({"shares": (0.5, float("nan"))})
    {'shares': [0.5, None]}
    """
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {key: make_jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [make_jsonable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def json_text(content: Mapping[str, Any]) -> str:
    r"""Return a JSON document as text, one line an entry; what a terminal would obey is escaped.

    >>> json_text({"name": "é\x9b"})
    '{\n "name": "é\\u009b"\n}'
    """
    return escaped_json(json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False))


def escaped_json(text: str) -> str:
    """Return JSON with all control characters escaped; JSON itself asks it for the first thirty-two alone."""
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
