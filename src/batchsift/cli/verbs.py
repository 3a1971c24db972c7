"""All verbs under one roof; the file of a verb is imported when the verb is asked for."""

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from batchsift.verbs.words import method_lines

# In the order of the help; each in the module of its name, as a function or a Typer of that name.
VERBS = ("compare", "describe", "train", "predict", "report", "study", "datasets")


class VerbsOnDemand(TyperGroup):
    """The command `batchsift`, which imports a verb when it is asked for it, and all of them for its help."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all verbs."""
        return [*VERBS, *(name for name in self.commands if name not in VERBS)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a verb, or None where there is none of that name."""
        if cmd_name not in self.list_commands(ctx):
            for name in VERBS:  # the complaint names the nearest of them
                self.get_command(ctx, name)
        elif cmd_name not in self.commands:
            self.add_command(_imported(cmd_name), cmd_name)
        return super().get_command(ctx, cmd_name)


def _imported(verb: str) -> Any:
    command = getattr(import_module(f"batchsift.cli.{verb}"), verb)
    if isinstance(command, typer.Typer):
        return get_command(command)
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(verb)(command)
    return get_command(alone)


def _show_version(wanted: bool) -> None:
    if wanted:
        from batchsift import __version__

        typer.echo(f"batchsift {__version__}")
        raise typer.Exit


verbs = typer.Typer(
    cls=VerbsOnDemand,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@verbs.callback()
def batchsift(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Batch selection for multi-label training."""


@verbs.command("methods")
def list_methods() -> None:
    """List the batch-selection methods: what each does, and its paper."""
    for line in method_lines():
        typer.echo(line)
