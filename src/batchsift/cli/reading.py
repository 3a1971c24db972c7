"""The options that say how a data set is read, and its errors in the words of the command line; see `cli.options`."""

import re
import shlex
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from batchsift.data import ImageData, MultiLabelData
    from batchsift.data.schema import Unknown


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """How a data set is read."""

    labels: Annotated[
        int | None,
        typer.Option(help="How many of the last columns are labels.", show_default=False),
    ] = None
    label_columns: Annotated[
        str | None,
        typer.Option(
            help="Which columns are labels: names or patterns such as 'y_*', parted by commas.", show_default=False
        ),
    ] = None
    label_column: Annotated[
        str | None,
        typer.Option(help="The column that holds all labels of a sample as delimited tags.", show_default=False),
    ] = None
    delimiter: Annotated[
        str | None,
        typer.Option(help="Between the tags of --label-column; found out where only one occurs.", show_default=False),
    ] = None
    drop: Annotated[
        str | None,
        typer.Option(help="Columns to leave out: names or patterns, parted by commas.", show_default=False),
    ] = None
    labels_file: Annotated[
        str | None,
        typer.Option(help="The file with the labels, where DATA has the features alone.", show_default=False),
    ] = None
    negative: Annotated[
        float | None,
        typer.Option(help="The number that stands for not having a label, such as -1.", show_default=False),
    ] = None
    sheet: Annotated[
        str | None,
        typer.Option(help="The sheet of a file of Excel that has several.", show_default=False),
    ] = None
    variables: Annotated[
        str | None,
        typer.Option(help="Of a .mat file: the variables with features and labels, 'X,Y'.", show_default=False),
    ] = None
    label_rows: Annotated[
        str | None,
        typer.Option(
            help="Of matrices with as many samples as labels: what rows of the labels are, 'samples' or 'labels'.",
            show_default=False,
        ),
    ] = None
    dates: Annotated[
        str | None,
        typer.Option(
            help="What becomes of dates: 'features' (by default), 'drop', or, for 03/04/2021, 'day-first' or "
            "'month-first'.",
            show_default=False,
        ),
    ] = None

    images: Annotated[
        str | None, typer.Option(help="Of a table or a COCO file: the folder of the pictures.", show_default=False)
    ] = None
    file_column: Annotated[
        str | None, typer.Option(help="Of a table: the column that names pictures.", show_default=False)
    ] = None
    uncertain: Annotated[
        str | None,
        typer.Option(
            help="Of a table of pictures: what -1 and empty cells are: ignore, positive, negative or error.",
            show_default=False,
        ),
    ] = None
    blanks: Annotated[str | None, typer.Option(help="The same for empty cells alone.", show_default=False)] = None
    unlabelled: Annotated[
        str | None,
        typer.Option(help="Pictures without an object (COCO, VOC): keep or drop.", show_default=False),
    ] = None
    crowd: Annotated[
        str | None,
        typer.Option(help="A label that crowds of COCO alone say: positive or ignore.", show_default=False),
    ] = None
    broken: Annotated[
        str | None,
        typer.Option(
            help="Pictures that are missing or cannot be decoded: error or skip. Given, all are decoded first.",
            show_default=False,
        ),
    ] = None
    format: Annotated[
        str | None,
        typer.Option(
            help="A folder of pictures that can be read in several ways: table, coco, voc or labels.",
            show_default=False,
        ),
    ] = None

    def of_files(self) -> dict[str, str | None]:
        """Return how a table of pictures is read whose labels are not asked for."""
        return {"images": self.images, "file_column": self.file_column, "broken": self.broken}

    def load(self, data: str) -> "MultiLabelData | ImageData":
        """Load the data set that the command line names; errors and warnings speak of its options.

        Raises:
            PictureError: `--broken error`, and pictures cannot be decoded.
            ValueError: As `batchsift.data.load`.
            OSError: As `batchsift.data.load`.
        """
        from batchsift.data.loading import load_decodable

        return self._loaded(data, load_decodable)

    def load_test(
        self, test: str, unknown: "Unknown", data: "MultiLabelData | ImageData"
    ) -> "MultiLabelData | ImageData":
        """Load data to be scored by a model that is trained on others; see `load`.

        Args:
            test: What the command line names.
            unknown: What a value of a category is that `data` do not have.
            data: The data of the training.
        """
        from batchsift.verbs.sources import load_test

        return self._loaded(test, lambda source, **options: load_test(source, options, unknown, data))

    def _loaded(self, data: str, load: "Callable[..., MultiLabelData | ImageData]") -> "MultiLabelData | ImageData":

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                loaded = load(data, **asdict(self))
            except (ValueError, FileNotFoundError) as error:
                kind = ValueError if isinstance(error, ValueError) else FileNotFoundError
                raise kind(as_options(str(error)) + _whole_command(error)) from error
        for warning in caught:
            warnings.warn(_as_note(warning.message), UserWarning, stacklevel=2)
        return loaded


_ARGUMENTS = (*(field.name for field in fields(ReadingOptions)), "unknown_category")
_ARGUMENT = re.compile(rf"\b({'|'.join(_ARGUMENTS)})=(?=(\S?))")


def as_options(message: str) -> str:
    """Return a message of `load` with its arguments as the options of the command line they came from.

    >>> as_options("labels=3 came with a.npz; what goes with it: drop=")
    '--labels 3 came with a.npz; what goes with it: --drop'
    """

    def option(match: re.Match[str]) -> str:
        flag = f"--{match[1].replace('_', '-')}"
        return f"{flag} " if match[2] not in ("", ",", ";", ")") else flag

    return _ARGUMENT.sub(option, message)


def _as_note(warning: Warning | str) -> str:
    """Return a warning of `load` as a note on the command line."""
    from batchsift.data.readers.problems import ColumnsLeftOut

    if not isinstance(warning, ColumnsLeftOut):
        return as_options(str(warning))
    # Its advice may be a list, which is Python.
    told = warning.reason if "drop=[" in str(warning) else as_options(str(warning))
    return told + (_whole_command(warning) if warning.drop else "")


def _whole_command(cause: "Warning | BaseException | None") -> str:
    """Return the end of a message: the command that was given, with the options that an error or warning advises."""
    from batchsift.data.readers.problems import ColumnsLeftOut, TableError

    while cause is not None and not isinstance(cause, (ColumnsLeftOut, TableError)):
        cause = cause.__cause__
    if cause is None or not isinstance(cause.drop, str):  # what no text can say no command line can
        return ""
    words = ["batchsift", *sys.argv[1:]]
    if cause.drop:
        words = [*_without("--drop", words), "--drop", cause.drop]
    if not isinstance(cause, TableError) or not cause.has_ambiguous_dates:
        return f". The whole command: {shlex.join(words)}"
    command = shlex.join([*_without("--dates", words), "--dates"])
    return f". The whole command: {command} day-first, or {command} month-first"


def _without(option: str, words: Sequence[str]) -> list[str]:
    """Return a command line without an option and its value."""
    return [
        word
        for before, word in zip(["", *words], words, strict=False)
        if option not in (before, word) and not word.startswith(f"{option}=")
    ]
