"""All verbs under one roof."""

import typer

from batchsift import methods
from batchsift.cli.compare import compare_methods
from batchsift.cli.datasets import datasets
from batchsift.cli.describe import describe_data

verbs = typer.Typer(
    help="Batch selection for multi-label training.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
verbs.command("compare")(compare_methods)
verbs.command("describe")(describe_data)
verbs.add_typer(datasets, name="datasets")


@verbs.command("methods")
def list_methods() -> None:
    """List the batch-selection methods."""
    for name in methods.names():
        typer.echo(name)
