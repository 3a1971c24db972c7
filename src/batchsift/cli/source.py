"""DATA and the options that say how to read it: the same for every verb that takes a data set."""

import re
import warnings
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from batchsift.data import MultiLabelData, load

Data = Annotated[
    str,
    typer.Argument(
        help="'digits', a name that 'batchsift datasets' lists, or a file: .arff, .csv, .tsv, .parquet or .npz.",
        show_default=False,
    ),
]
Labels = Annotated[
    int | None,
    typer.Option(help="How many of the last columns are labels (.arff, .csv, .tsv, .parquet).", show_default=False),
]
LabelColumns = Annotated[
    str | None,
    typer.Option(
        help="Which columns are labels: names or patterns such as 'y_*', parted by commas.", show_default=False
    ),
]
LabelColumn = Annotated[
    str | None,
    typer.Option(help="The column that holds all labels of a sample as delimited tags.", show_default=False),
]
Delimiter = Annotated[
    str | None,
    typer.Option(help="Between the tags of --label-column; found out where only one occurs.", show_default=False),
]
Drop = Annotated[
    str | None,
    typer.Option(help="Columns to leave out: names or patterns, parted by commas.", show_default=False),
]

_ARGUMENT = re.compile(r"\b(labels|label_columns|label_column|delimiter|drop)=(?=(\S?))")


@dataclass(frozen=True)
class Reading:
    """What the options say of how a data set is read, in the order they have everywhere."""

    labels: int | None
    label_columns: str | None
    label_column: str | None
    delimiter: str | None
    drop: str | None

    def load(self, data: str) -> MultiLabelData:
        """Loads what the command line names; errors and warnings speak of its options.

        Raises:
            ValueError: As `batchsift.data.load`.
            OSError: As `batchsift.data.load`.
        """
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                found = load(data, **asdict(self))
            except ValueError as error:
                raise ValueError(as_options(str(error))) from error
        for warning in caught:
            warnings.warn(as_options(str(warning.message)), warning.category, stacklevel=2)
        return found


def as_options(message: str) -> str:
    """Arguments of `load`, as the options of the command line they came from.

    >>> as_options("labels=3 came with a.npz; what goes with it: drop=")
    '--labels 3 came with a.npz; what goes with it: --drop'
    """

    def option(match: re.Match[str]) -> str:
        flag = f"--{match[1].replace('_', '-')}"
        return f"{flag} " if match[2] not in ("", ",", ";", ")") else flag

    return _ARGUMENT.sub(option, message)
