"""All verbs under one roof."""

import typer

from batchsift import methods
from batchsift.cli.compare import compare_methods
from batchsift.cli.datasets import datasets
from batchsift.cli.describe import describe_data
from batchsift.cli.predict import predict_labels
from batchsift.cli.report import report_study
from batchsift.cli.study import study
from batchsift.cli.train import train_model

verbs = typer.Typer(
    help="Batch selection for multi-label training.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
verbs.command("compare")(compare_methods)
verbs.command("describe")(describe_data)
verbs.command("train")(train_model)
verbs.command("predict")(predict_labels)
verbs.command("report")(report_study)
verbs.add_typer(study, name="study")
verbs.add_typer(datasets, name="datasets")


@verbs.command("methods")
def list_methods() -> None:
    """List the batch-selection methods."""
    for name in methods.names():
        typer.echo(name)
