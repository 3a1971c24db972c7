"""The options that several verbs take, each declared once.

A verb takes a whole group of them as one parameter, when it is decorated with `takes_groups`.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from batchsift.cli.assignments import assigned
from batchsift.training.loggers.opening import LOGS
from batchsift.training.pictures import MODELS as PICTURE_MODELS
from batchsift.training.pictures import PictureSettings
from batchsift.training.presets import USUAL
from batchsift.training.settings import AUTO, DRAWINGS, LOSSES, SCALINGS, Settings
from batchsift.verbs import words
from batchsift.verbs.choices import TrainingChoices

if TYPE_CHECKING:
    pass

Number = TypeVar("Number", int, float)
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Data = Annotated[
    str,
    typer.Argument(
        help="'digits', a name that 'batchsift datasets' lists, a file of a kind that docs/data.md names, or a folder "
        "of pictures (docs/images.md).",
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

    model: Annotated[
        str,
        typer.Option(
            help=f"Base model: {', '.join(words.MODELS)}; for pictures {', '.join(PICTURE_MODELS)}, or a backbone of "
            "transformers by name or folder (--set head=linear, ml-decoder or query2label)."
        ),
    ] = "mlp"
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

    def choices(self, pictures: PictureSettings) -> TrainingChoices:
        """Return what the options say.

        Args:
            pictures: How pictures are read and trained on.

        Raises:
            ValueError: A hyperparameter is no `NAME=VALUE`, or comes twice.
        """
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        hyperparameters = assigned(self.hyperparameters or [], "--set")
        return TrainingChoices(**{**given, "hyperparameters": hyperparameters, "pictures": pictures})
