"""`batchsift train`: one training run for use."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batchsift.cli import words
from batchsift.cli.assignments import assigned
from batchsift.cli.endings import USER_MISTAKE, mistakes_explained, plain_endings, stop
from batchsift.cli.options import AsJson, Data, ReadingOptions, TrainingOptions, takes_groups
from batchsift.files import folder_of
from batchsift.training.presets import RECIPES

if TYPE_CHECKING:
    from batchsift.data import MultiLabelData
    from batchsift.training.folder import TrainingResult

METHOD = "d2ace"


@takes_groups
def train(
    *,
    data: Data,
    reading: ReadingOptions,
    training: TrainingOptions,
    method: Annotated[
        str | None,
        typer.Option(
            help=f"Method of batch selection: {', '.join(words.METHODS)}; {METHOD} unless --recipe says otherwise.",
            show_default=False,
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="'short': for few epochs, --method balanced_pass --loss pos_weight.", show_default=False),
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="An option of the method. Repeat for more.")
    ] = None,
    test: Annotated[
        str | None, typer.Option(help="Another file of the same kind, to be scored at the end.", show_default=False)
    ] = None,
    validation_share: Annotated[float, typer.Option(help="Share of the samples to choose the epoch by.")] = 0.1,
    checkpoint_seconds: Annotated[float, typer.Option(help="Seconds between checkpoints, at least.")] = 30.0,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write event files into the folder.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder; runs/<data>-<model>-<method> by default.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train one model for use; the same command goes on where a killed one stopped."""
    with mistakes_explained():
        method, training = _by_recipe(method, training, recipe)
        training.check(validation_share=validation_share)
        words.check_method(method)
        options = assigned(option or [], "--option")
    import batchsift.training.fit  # noqa: F401 (imports torch: an interruption meanwhile ends the process itself)
    from batchsift.training.options import check_hyperparameters, create_method

    with plain_endings("interrupted; the same command goes on from the last checkpoint"):
        with mistakes_explained():
            check_hyperparameters(training.model, training.own_hyperparameters())
            create_method(method, options)
            source = reading.load(data)
            tested = None if test is None else reading.load(test)
            settings, hyperparameters = training.chosen(source.name, validation_share=validation_share)
            folder = out or folder_of("runs", f"{source.name}-{training.model}-{method}")
            arguments: dict[str, Any] = {
                "model": training.model,
                "method": method,
                "settings": settings,
                "hyperparameters": hyperparameters,
                "method_options": options,
                "seed": training.seed,
                "test": tested,
                "checkpoint_seconds": checkpoint_seconds,
            }
            result = _fitted(source, folder, arguments, tensorboard=tensorboard)
        _show(result, folder, settings.epochs, as_json=as_json)


def _by_recipe(method: str | None, training: TrainingOptions, recipe: str | None) -> tuple[str, TrainingOptions]:
    """Return method and options of the training as a recipe has them.

    Raises:
        ValueError: There is no such recipe, or method or loss are given beside it.
    """
    if recipe is None:
        return method or METHOD, training
    words.check_recipe(recipe)
    recipe_method, loss = RECIPES[recipe]
    if method is not None or training.loss is not None:
        raise ValueError(f"--recipe {recipe} is --method {recipe_method} --loss {loss}: leave those out, or the recipe")
    return recipe_method, replace(training, loss=loss)


def _fitted(
    source: "MultiLabelData", folder: Path, arguments: dict[str, Any], *, tensorboard: bool
) -> "TrainingResult":
    from rich.console import Console

    from batchsift.report.console.training import TrainingProgress
    from batchsift.training.fit import fit
    from batchsift.training.loop import DivergedError
    from batchsift.training.recording import EpochRecord
    from batchsift.training.tensorboard import EpochLog

    log = EpochLog(folder / "tensorboard") if tensorboard else None
    progress = TrainingProgress(Console(stderr=True), arguments["settings"].epochs)

    def on_epoch(record: EpochRecord) -> None:
        progress.on_epoch(record)
        if log is not None:
            log.write(record.epoch, {"loss": record.loss, "learning_rate": record.learning_rate})
            log.write(record.epoch, {f"validation/{key}": value for key, value in record.validation.items()})
            log.write(record.epoch, {f"selection/{key}": value for key, value in record.summary.items()})

    try:
        with progress:
            return fit(source, folder, **arguments, on_epoch=on_epoch)
    except DivergedError as error:
        stop(str(error), USER_MISTAKE)
    finally:
        if log is not None:
            log.close()


def _show(result: "TrainingResult", folder: Path, epochs: int, *, as_json: bool) -> None:
    from rich.console import Console

    from batchsift.report.console.training import training_table
    from batchsift.report.suspects import write_suspects_page
    from batchsift.training.folder import MODEL

    page = write_suspects_page(folder)

    if as_json:
        sys.stdout.write((folder / "training.json").read_text(encoding="utf-8") + "\n")
    else:
        Console(highlight=False).print(training_table(result))
    lines = [f"{folder / MODEL}: batchsift predict {folder} FILE"]
    if page is not None:
        lines.insert(0, f"{page}: labels that may be wrong")
    if result.resumed_from == epochs:
        lines.insert(0, f"{folder} held this run, finished; nothing was computed")
    elif result.resumed_from:
        lines.insert(0, f"went on after epoch {result.resumed_from}, where an earlier run was stopped")
    (sys.stderr if as_json else sys.stdout).write("\n".join(lines) + "\n")
