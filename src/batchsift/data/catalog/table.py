"""The table of the named data sets, checked as it is read."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as package_files
from typing import Any
from urllib.parse import urlsplit

from batchsift.data.catalog.download import CHECKSUM
from batchsift.messages import did_you_mean

_PARTS = ("whole", "train", "test", "labels")


@dataclass(frozen=True, kw_only=True)
class File:
    """One published file of a data set.

    Args:
        part: "whole", "train", "test", or "labels" (the .xml that names them).
        address: The address it lies at.
        checksum: `sha256:...` or `git-blob:...`; None: nobody published one.
        bytes: The size, where known.
    """

    part: str
    address: str
    checksum: str | None = None
    bytes: int | None = None

    def __post_init__(self) -> None:
        if self.part not in _PARTS:
            raise ValueError(f"the part {self.part!r} of {self.address} is none of {', '.join(_PARTS)}")
        if self.checksum is not None and not CHECKSUM.fullmatch(self.checksum):
            raise ValueError(f"the checksum {self.checksum!r} of {self.address} is none")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What is known of one data set before it is here.

    Args:
        name: The name, as the field writes it.
        domain: Text, images, music, ...
        samples: N.
        features: D as published.
        labels: L.
        licence: The licence, or "not stated".
        citation: How those who made it are cited.
        facts: The published table that the numbers are from.
        cardinality: Mean number of labels of a sample, where the table states it.
        columns: D as read, where nominal features become several columns; else None.
        files: What is downloaded.
        openml: The id where OpenML is the source; there are no `files` then.
        aliases: Other names.
        protocol: Whether it is one of the 13 sets of the batch-selection papers.
    """

    name: str
    domain: str
    samples: int
    features: int
    labels: int
    licence: str
    citation: str
    facts: str
    cardinality: float | None = None
    columns: int | None = None
    files: tuple[File, ...] = ()
    openml: int | None = None
    aliases: tuple[str, ...] = ()
    protocol: bool = False

    def __post_init__(self) -> None:
        parts = [file.part for file in self.files]
        if (self.openml is None) == (not self.files):
            raise ValueError(f"{self.name} has both files and an id at OpenML, or neither")
        if len(parts) != len(set(parts)) or (parts and "whole" not in parts and not {"train", "test"} <= set(parts)):
            raise ValueError(f"{self.name} consists of {parts}; expected a whole, or train and test, each once")
        if min(self.samples, self.features, self.labels) < 1:
            raise ValueError(f"{self.name} is said to be {self.shape}; expected numbers from 1")

    @property
    def shape(self) -> str:
        """Samples x features x labels."""
        return f"{self.samples} x {self.features} x {self.labels}"

    @property
    def source(self) -> str:
        """Where it comes from, in a few words."""
        if self.openml is not None:
            return f"OpenML {self.openml}"
        address = urlsplit(self.files[0].address)
        if address.netloc.endswith("githubusercontent.com"):
            return "github.com/" + "/".join(address.path.removeprefix("/media").split("/")[1:3])
        return address.netloc

    @property
    def has_checksums(self) -> bool:
        """Whether all that is downloaded can be checked against something published."""
        return all(file.checksum for file in self.files)

    @property
    def has_published_split(self) -> bool:
        """Whether its source divides it into training and test samples."""
        return {"train", "test"} <= {file.part for file in self.files}

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that make up all samples: the whole if it is published, else train and test."""
        return ("whole",) if any(file.part == "whole" for file in self.files) else ("train", "test")


def names() -> tuple[str, ...]:
    """Return all names, sorted without regard to case."""
    return tuple(sorted(_entries(), key=str.casefold))


def known(name: str) -> bool:
    """Return whether `name` is a name or another name of a data set, in any case, or `openml:` and a number."""
    return _key(name) in _index() or openml_id(name) is not None


def openml_id(name: str) -> int | None:
    """Return the number in `openml:<number>`, which names any multi-label data set of OpenML.

    >>> openml_id("openml:40597"), openml_id("yeast")
    (40597, None)
    """
    match = re.fullmatch(r"openml:(\d{1,9})", name.strip(), flags=re.IGNORECASE)
    return int(match[1]) if match else None


def entry(name: str) -> Entry:
    """Return what is known of a data set.

    Args:
        name: The name, in any case, with - or _.

    Raises:
        ValueError: No data set of that name; near ones are named.

    >>> entry("Yahoo_Arts").name
    'Arts1'
    """
    if _key(name) not in _index():
        aliases = [alias for entry in _entries().values() for alias in entry.aliases]
        hint = did_you_mean(_key(name), [*_entries(), *aliases], most=3) or "`batchsift datasets` lists all"
        raise ValueError(f"there is no data set {name!r} in the catalogue; {hint}")
    return _entries()[_index()[_key(name)]]


def _key(name: str) -> str:
    return re.sub(r"[_\s]+", "-", name.strip()).casefold()


@cache
def _entries() -> Mapping[str, Entry]:
    return entries_from(tomllib.loads(package_files(__package__).joinpath("sets.toml").read_text("utf-8")))


@cache
def _index() -> Mapping[str, str]:
    """Return the name of a data set for every way to write it."""
    return {_key(written): name for name, entry in _entries().items() for written in (name, *entry.aliases)}


def entries_from(document: Mapping[str, Any]) -> dict[str, Entry]:
    """Return the entries of a document such as `sets.toml`.

    Raises:
        ValueError: An entry is not as it should be, two answer to one name, or a source is not https.
        TypeError: An entry lacks a field, or has one that does not exist.
        KeyError: An entry names a table or a source that the document does not have.
    """
    entries, seen = {}, set[str]()
    for source in document["sources"].values():
        if urlsplit(source).scheme != "https":
            raise ValueError(f"the source {source!r} does not begin with https://")
    for name, row in document["sets"].items():
        fields = dict(row)
        files = tuple(
            File(**{**file, "address": _expanded(file["address"], document["sources"])})
            for file in fields.pop("files", ())
        )
        aliases = tuple(fields.pop("aliases", ()))
        facts = document["tables"][fields.pop("facts")]
        entries[name] = Entry(name=name, files=files, aliases=aliases, facts=facts, **fields)
        written = {_key(each) for each in (name, *aliases)}
        if written & seen:
            raise ValueError(f"{sorted(written & seen)} names more than one data set")
        seen |= written
    return entries


def _expanded(address: str, sources: Mapping[str, str]) -> str:
    source, _, path = address.partition(":")
    return sources[source] + path
