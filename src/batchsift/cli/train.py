"""`batchsift train`: one training run for use."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from batchsift.cli.assignments import assigned
from batchsift.cli.endings import USER_MISTAKE, complain, mistakes_explained, plain_endings, say, show_json, stop
from batchsift.cli.options import AsJson, Data, Log, TrainingOptions, takes_groups
from batchsift.cli.pictures import PictureOptions
from batchsift.cli.reading import ReadingOptions, as_options
from batchsift.training.thresholds import CALIBRATIONS
from batchsift.verbs import words
from batchsift.verbs.train import METHOD, TrainingPlan
from batchsift.verbs.words import check_unknown_category, word_list

if TYPE_CHECKING:
    from batchsift.training.folder import TrainingResult


@takes_groups
def train(
    *,
    data: Data,
    reading: ReadingOptions,
    training: TrainingOptions,
    pictures: PictureOptions,
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
    unknown_category: Annotated[
        str,
        typer.Option(help="What a value of a category in --test is that DATA does not have: an 'error', or 'missing'."),
    ] = "error",
    validation_share: Annotated[float, typer.Option(help="Share of the samples to choose the epoch by.")] = 0.1,
    calibrate: Annotated[
        str | None,
        typer.Option(
            help=f"Calibrate probabilities on the validation part: {' or '.join(CALIBRATIONS)}.", show_default=False
        ),
    ] = None,
    checkpoint_seconds: Annotated[float, typer.Option(help="Seconds between checkpoints, at least.")] = 30.0,
    log: Log = "",
    tensorboard: Annotated[bool, typer.Option("--tensorboard", hidden=True)] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder; runs/<data>-<model>-<method> by default.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train one model for use; the same command goes on where a killed one stopped."""
    with mistakes_explained():
        if tensorboard:
            complain("note: --tensorboard is now --log tensorboard")
        unknown = check_unknown_category(unknown_category, "--unknown-category")
        plan = TrainingPlan.of(
            training.choices(pictures.settings()),
            method=method,
            recipe=recipe,
            method_options=assigned(option or [], "--option"),
            validation_share=validation_share,
            calibrate=calibrate,
            log=["tensorboard"] if tensorboard else word_list(log),
            checkpoint_seconds=checkpoint_seconds,
            out=out,
        )
    import batchsift.training.fit  # noqa: F401 (imports torch: an interruption meanwhile ends the process itself)
    from batchsift.data.images import PictureError
    from batchsift.training.loop import DivergedError

    with plain_endings("interrupted; the same command goes on from the last checkpoint"):
        with mistakes_explained():
            from batchsift.report.console.terminal import Terminal

            load_test = None if test is None else partial(reading.load_test, test, unknown)
            try:
                result = plan.run(partial(reading.load, data), load_test, console=Terminal(on_stderr=True))
            except (DivergedError, PictureError) as error:
                stop(as_options(str(error)), USER_MISTAKE)
        _show(result, result.folder, as_json=as_json)


def _show(result: "TrainingResult", folder: Path, *, as_json: bool) -> None:
    from batchsift.report.console.terminal import Terminal
    from batchsift.report.console.training import training_table
    from batchsift.report.suspects import PAGE
    from batchsift.training.folder import MODEL, read_summary

    if as_json:
        nothing = {"test": None, "tested_on": None}  # an earlier call may have asked for a test
        show_json({**read_summary(folder), **(nothing if result.test is None else {})})
    else:
        Terminal().print(training_table(result))
    lines = [f"{folder / MODEL}: batchsift predict {folder} FILE"]
    page = folder / PAGE
    if page.is_file():
        lines.insert(0, f"{page}: labels that may be wrong")
    if result.resumed_from == len(result.epochs):
        lines.insert(0, f"{folder} held this run, finished; nothing was computed")
    elif result.resumed_from:
        lines.insert(0, f"went on after epoch {result.resumed_from}, where an earlier run was stopped")
    say("\n".join(lines) + "\n", on_stderr=as_json)
