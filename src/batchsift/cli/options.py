"""The options that several verbs take, each declared once.

A verb takes a whole group of them as one parameter, when it is decorated with `takes_groups`.
"""

import inspect
import re
import shlex
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from batchsift.cli.assignments import assigned
from batchsift.training.loggers.opening import LOGS
from batchsift.training.presets import USUAL
from batchsift.training.settings import AUTO, DRAWINGS, LOSSES, SCALINGS, Settings
from batchsift.verbs import words
from batchsift.verbs.choices import TrainingChoices

if TYPE_CHECKING:
    from batchsift.data import ImageData, MultiLabelData
    from batchsift.data.schema import Unknown

_Loaded = TypeVar("_Loaded")
Number = TypeVar("Number", int, float)
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Data = Annotated[
    str,
    typer.Argument(
        help="'digits', a name that 'batchsift datasets' lists, or a file of a kind that docs/data.md names.",
        show_default=False,
    ),
]
Log = Annotated[
    str, typer.Option(help=f"Log runs to {', '.join(LOGS)}; several with commas between them.", show_default=False)
]
Jobs = Annotated[int, typer.Option(help="Processes; -1: as many as there are cores.")]


def takes_groups(verb: Callable[..., None]) -> Callable[..., None]:
    """Let a verb take groups of options: parameters whose type is a dataclass.

    Typer then sees each field of the dataclass as an option of the verb.
    """
    groups: dict[str, tuple[type, list[str]]] = {}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(verb).parameters.items():
        group = parameter.annotation
        if isinstance(group, type) and is_dataclass(group):
            fields = inspect.signature(group).parameters
            groups[name] = group, list(fields)
            parameters += fields.values()
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @wraps(verb)
    def with_groups(**given: Any) -> None:
        for name, (group, fields) in groups.items():
            given[name] = group(**{field: given.pop(field) for field in fields})
        verb(**given)

    with_groups.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    with_groups.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return with_groups


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

    def load(self, data: str) -> "MultiLabelData":
        """Load the data set with features that the command line names; errors and warnings speak of its options.

        Raises:
            ValueError: It holds pictures; or as `batchsift.data.load`.
            OSError: As `batchsift.data.load`.
        """
        from batchsift.data.loading import load_features

        return self._loaded(data, load_features)

    def load_test(self, test: str, unknown: "Unknown", data: "MultiLabelData") -> "MultiLabelData":
        """Load data to be scored by a model that is trained on others; see `load`.

        Args:
            test: What the command line names.
            unknown: What a value of a category is that `data` do not have.
            data: The data of the training.
        """
        from batchsift.verbs.sources import load_test

        return self._loaded(test, lambda source, **options: load_test(source, options, unknown, data))

    def load_any(self, data: str) -> "MultiLabelData | ImageData":
        """Load what the command line names, pictures too; see `load`."""
        from batchsift.data.loading import load

        return self._loaded(data, load)

    def _loaded(self, data: str, load: Callable[..., _Loaded]) -> _Loaded:

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                loaded = load(data, **asdict(self))
            except ValueError as error:
                raise ValueError(as_options(str(error)) + _whole_command(error)) from error
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


def _help(what: str, name: str) -> str:
    default = getattr(Settings, name)
    shown = default if isinstance(default, str) else f"{default:g}"
    return f"{what}; {shown} unless --settings says otherwise."


def _integer_or_auto(text: str) -> int | str:
    return text if text == AUTO else _number(int, text, "whole number")


def _float_or_auto(text: str) -> float | str:
    return text if text == AUTO else _number(float, text, "number")


def _number(kind: type[Number], text: str, words: str) -> Number:
    try:
        return kind(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no {words}, nor {AUTO!r}.") from error


_AUTO = f"{AUTO} unless --settings says otherwise."


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How a model is trained."""

    model: Annotated[str, typer.Option(help=f"Base model: {', '.join(words.MODELS)}.")] = "mlp"
    settings: Annotated[
        str,
        typer.Option(help="'default', 'paper', or 'tuned' where a search was made for this model and data set."),
    ] = "default"
    epochs: Annotated[
        Any,
        typer.Option(
            parser=_integer_or_auto,
            metavar="INTEGER|auto",
            help=f"Epochs of each run; auto searches: see --learning-rate. {_AUTO}",
        ),
    ] = None
    learning_rate: Annotated[
        Any,
        typer.Option(
            parser=_float_or_auto,
            metavar="FLOAT|auto",
            help=f"Adam's; auto searches for random, for each fold and loss inside the training part. {_AUTO}",
        ),
    ] = None
    weight_decay: Annotated[float | None, typer.Option(help=_help("Adam's", "weight_decay"))] = None
    decay_share: Annotated[
        float | None,
        typer.Option(
            help=f"Share of the epochs, the last ones, in which the rate falls to 0; {USUAL['decay_share']:g} unless "
            "--settings says otherwise."
        ),
    ] = None
    batch_size: Annotated[int | None, typer.Option(help=_help("Samples in a batch", "batch_size"))] = None
    loss: Annotated[str | None, typer.Option(help=_help(f"Loss by label ({', '.join(LOSSES)})", "loss"))] = None
    scaling: Annotated[
        str | None, typer.Option(help=_help(f"Scaling of the features ({', '.join(SCALINGS)})", "scaling"))
    ] = None
    drawing: Annotated[
        str | None, typer.Option(help=_help(f"How batches are drawn ({', '.join(DRAWINGS)})", "drawing"))
    ] = None
    center_sparse: Annotated[
        bool, typer.Option("--center-sparse", help="Standard scaling takes the mean off sparse features too.")
    ] = False
    min_positives: Annotated[
        int | None,
        typer.Option(
            help=_help("Leave out labels with this many positives or fewer, and those of every sample", "min_positives")
        ),
    ] = None
    hyperparameters: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A hyperparameter of the model, such as dropout=0.2; may be repeated."
        ),
    ] = None
    seed: Annotated[int, typer.Option(help="Decides splits, initial weights and selection.")] = 0
    device: Annotated[str, typer.Option(help="Where to train: cpu, cuda, ...")] = Settings.device
    threads: Annotated[int, typer.Option(help="Threads of torch on the CPU.")] = Settings.threads

    def choices(self) -> TrainingChoices:
        """Return what the options say.

        Raises:
            ValueError: A hyperparameter is no `NAME=VALUE`, or comes twice.
        """
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return TrainingChoices(**{**given, "hyperparameters": assigned(self.hyperparameters or [], "--set")})
