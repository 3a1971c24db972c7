"""`batchsift datasets`: the named data sets, and `batchsift datasets fetch`: their download."""

import json
import sys
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from batchsift.cli.endings import mistakes_explained, plain_endings
from batchsift.data import catalog

_LEGEND = """
* in the published protocol. Card.: mean number of labels of a sample. Split: its source divides it into train and test.
Check: a download is compared with a published checksum, or with the one recorded when it was first downloaded.
Citations, and the tables that the numbers are from: --json. """

datasets = typer.Typer(help="List the named data sets, or fetch some of them.", rich_markup_mode=None)


@datasets.callback(invoke_without_command=True)
def list_datasets(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """List the named data sets, or fetch some of them."""
    if context.invoked_subcommand is not None:
        return
    entries = [catalog.entry(name) for name in catalog.names()]
    if as_json:
        _print_json({"cache": str(catalog.cache_folder()), "datasets": [_document(entry) for entry in entries]})
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 140  # nothing is cut short in a file or a pipe
    console.print(_table(entries))
    console.print(f"{_LEGEND}Downloads are kept in {catalog.cache_folder()} (BATCHSIFT_CACHE).", soft_wrap=True)


@datasets.command("fetch")
def fetch_datasets(
    names: Annotated[list[str], typer.Argument(help="Of data sets, in any case; or openml:NUMBER.")],
    split: Annotated[bool, typer.Option("--split", help="The published train and test parts too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Download data sets into the cache; what is there and right stays."""
    with (
        plain_endings("interrupted; files that are whole are kept, the next fetch brings the others"),
        mistakes_explained(),
    ):
        entries = {name: None if catalog.openml_id(name) is not None else catalog.entry(name) for name in names}
        without = [entry.name for entry in entries.values() if split and entry and not entry.has_published_split]
        if without:
            raise ValueError(f"{', '.join(without)} has no published split; leave --split out")
        with _Bars() as bars:
            documents = [_fetched(name, entry, split, bars) for name, entry in entries.items()]
        if as_json:
            _print_json({"cache": str(catalog.cache_folder()), "datasets": documents})
            return
        for document in documents:
            _print_fetched(document)


@dataclass
class _Bars:
    """A progress bar for each file, and notices above them."""

    progress: Progress = field(
        default_factory=lambda: Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True, highlight=False),
        )
    )
    tasks: dict[str, Any] = field(default_factory=dict)

    def __enter__(self) -> "_Bars":
        self.progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.progress.stop()

    def advance(self, name: str, done: int, total: int | None) -> None:
        if name not in self.tasks:
            self.tasks[name] = self.progress.add_task(name, total=total)
        self.progress.update(self.tasks[name], completed=done, total=total)

    def notice(self, line: str) -> None:
        self.progress.console.print(line, soft_wrap=True, markup=False)


def _fetched(name: str, entry: catalog.Entry | None, split: bool, bars: _Bars) -> dict[str, Any]:
    """Fetches one; where no checksum is published, what came is also read and its counts compared."""
    files: dict[str, Any] = {}
    if entry is not None and entry.files:
        parts = (*entry.parts, "train", "test") if split else entry.parts
        files = catalog.fetch(entry, parts=parts, on_progress=bars.advance, notice=bars.notice)
    if entry is None or not entry.files or not entry.has_checksums:
        data = catalog.load(name, on_progress=bars.advance, notice=bars.notice)
    if entry is None:
        return {"name": data.name, "shape": f"{data.num_samples} x {data.num_features} x {data.num_labels}"}
    return _document(entry) | {"files": {part: str(path) for part, path in files.items()}}


def _document(entry: catalog.Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "aliases": list(entry.aliases),
        "domain": entry.domain,
        "samples": entry.samples,
        "features": entry.features,
        "labels": entry.labels,
        "cardinality": entry.cardinality,
        "licence": entry.licence,
        "citation": entry.citation,
        "facts": entry.facts,
        "source": entry.source,
        "checksums": "published" if entry.has_checksums else "recorded when first downloaded",
        "published_split": entry.has_published_split,
        "protocol": entry.protocol,
        "cached": catalog.is_cached(entry),
    }


def _table(entries: list[catalog.Entry]) -> Table:
    table = Table("Name", box=None, pad_edge=False)
    for header in ("Samples", "Features", "Labels", "Card."):
        table.add_column(header, justify="right", no_wrap=True)
    for header in ("Domain", "Licence", "Source", "Check", "Split", "Cached"):
        table.add_column(header, overflow="fold")
    for entry in entries:
        table.add_row(
            entry.name + ("*" if entry.protocol else ""),
            str(entry.samples),
            str(entry.features),
            str(entry.labels),
            "" if entry.cardinality is None else f"{entry.cardinality:.3f}",
            entry.domain,
            entry.licence,
            entry.source,
            "published" if entry.has_checksums else "recorded",
            "yes" if entry.has_published_split else "",
            "yes" if catalog.is_cached(entry) else "",
        )
    return table


def _print_fetched(document: dict[str, Any]) -> None:
    if "citation" not in document:
        typer.echo(f"{document['name']}: {document['shape']} samples, features and labels")
        return
    typer.echo(f"{document['name']}: licence {document['licence']}; cite {document['citation']}")
    for path in document["files"].values():
        typer.echo(f"  {path}")


def _print_json(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
