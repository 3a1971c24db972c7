"""`batchsift datasets`: the named data sets, and `batchsift datasets fetch`: their download."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from batchsift.cli.endings import mistakes_explained, plain_endings, show_json
from batchsift.cli.options import AsJson

if TYPE_CHECKING:
    from batchsift.data import catalog
    from batchsift.report.console.catalog import DownloadProgress

_LEGEND = """
* in the published protocol. Card.: mean number of labels of a sample. Split: its source divides it into train and test.
Check: a download is compared with a published checksum, or with the one recorded when it was first downloaded.
Citations, and the tables that the numbers are from: --json. """

datasets = typer.Typer(
    help="List the named data sets, or fetch some of them.", add_completion=False, rich_markup_mode=None
)


@datasets.callback(invoke_without_command=True)
def list_datasets(context: typer.Context, as_json: AsJson = False) -> None:
    """List the named data sets, or fetch some of them."""
    if context.invoked_subcommand is not None:
        return
    from batchsift.data import catalog
    from batchsift.report.console.catalog import catalog_table
    from batchsift.report.console.terminal import Terminal

    entries = [catalog.entry(name) for name in catalog.names()]
    if as_json:
        show_json({"cache": str(catalog.cache_folder()), "datasets": [_document(entry) for entry in entries]})
        return
    console = Terminal()
    if not console.is_terminal:
        console.width = 140  # nothing is cut short in a file or a pipe
    console.print(catalog_table(entries))
    console.print(f"{_LEGEND}Downloads are kept in {catalog.cache_folder()} (BATCHSIFT_CACHE).", soft_wrap=True)


@datasets.command("fetch")
def fetch_datasets(
    *,
    names: Annotated[list[str], typer.Argument(help="Names of data sets, in any case; or openml:NUMBER.")],
    split: Annotated[bool, typer.Option("--split", help="The published train and test parts too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Download data sets into the cache; what is there and right stays."""
    from batchsift.data import catalog
    from batchsift.report.console.catalog import DownloadProgress

    with (
        plain_endings("interrupted; files that are whole are kept, the next fetch brings the others"),
        mistakes_explained(),
    ):
        entries = {name: None if catalog.openml_id(name) is not None else catalog.entry(name) for name in names}
        without = [entry.name for entry in entries.values() if split and entry and not entry.has_published_split]
        if without:
            raise ValueError(f"{', '.join(without)} has no published split; leave --split out")
        with DownloadProgress() as progress:
            documents = [_fetched(name, entry, split, progress) for name, entry in entries.items()]
        if as_json:
            show_json({"cache": str(catalog.cache_folder()), "datasets": documents})
            return
        for document in documents:
            _print_fetched(document)


def _fetched(name: str, entry: "catalog.Entry | None", split: bool, progress: "DownloadProgress") -> dict[str, Any]:
    """Fetch a data set; where no checksum is published, what came is also read and its counts compared."""
    from batchsift.data import catalog

    files: dict[str, Any] = {}
    if entry is not None and entry.files:
        parts = (*entry.parts, "train", "test") if split else entry.parts
        files = catalog.fetch(entry, parts=parts, on_progress=progress.advance, notice=progress.notice)
    if entry is None or not entry.files or not entry.has_checksums:
        data = catalog.load(name, on_progress=progress.advance, notice=progress.notice)
    if entry is None:
        return {"name": data.name, "shape": f"{data.num_samples} x {data.num_features} x {data.num_labels}"}
    return _document(entry) | {"files": {part: str(path) for part, path in files.items()}}


def _document(entry: "catalog.Entry") -> dict[str, Any]:
    from batchsift.data.catalog import is_cached

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
        "cached": is_cached(entry),
    }


def _print_fetched(document: dict[str, Any]) -> None:
    if "citation" not in document:
        typer.echo(f"{document['name']}: {document['shape']} samples, features and labels")
        return
    typer.echo(f"{document['name']}: licence {document['licence']}; cite {document['citation']}")
    for path in document["files"].values():
        typer.echo(f"  {path}")
