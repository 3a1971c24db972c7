"""The page itself: one HTML file that needs nothing else and reaches for nothing else."""

import json
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from batchsift.files import write
from batchsift.image_metrics import ALL_METRICS
from batchsift.messages import count_nouns
from batchsift.report.page.block_tables import suspect_tables
from batchsift.report.page.content import (
    BlockPart,
    ScopePart,
    block_parts,
    convergence_figures,
    scope_parts,
)
from batchsift.report.page.figures.drawing import Drawing
from batchsift.report.rendering import render_page
from batchsift.studies.analysis.runs import BASELINE, TARGET, Block, StudyRuns, read_runs
from batchsift.studies.analysis.wording import format_percent
from batchsift.studies.config import ALPHA, HEADLINES

LIMIT = 3_000_000  # bytes of a page
SHARE_OF_PARTS = 0.4  # of the room is for what the selector did, where there are too many curves
AROUND_FIGURES = 60_000  # bytes left for what stands around the figures


@dataclass(frozen=True, eq=False)
class Report:
    """A page and what it says.

    Args:
        study: The runs it is about.
        scopes: The statistics, as the page shows them.
        html: The page.
    """

    study: StudyRuns
    scopes: tuple[ScopePart, ...]
    html: str

    def document(self) -> dict[str, Any]:
        """Return the claims and tests as JSON can hold them."""
        return {
            "folder": self.study.folder,
            "cells": {
                "planned": len(self.study.planned),
                "done": len(self.study.runs) + len(self.study.again),
                "failed": len(self.study.failures),
                "missing": len(self.study.missing),
            },
            "methods": list(self.study.methods),
            "scopes": [_scope_document(part) for part in self.scopes],
        }


def report(place: str | os.PathLike[str], *, metrics: Sequence[str] = (), alpha: float = ALPHA) -> Report:
    """Read a study's folder and make its page.

    Args:
        place: The folder or address of a study, or the folder of a comparison.
        metrics: Keys of the metrics that claims are made of; by default those of the study's file, or one of each kind.
        alpha: The level of tests; intervals are of 1 - alpha.

    Raises:
        ValueError: There is no study or no finished run, a metric is unknown, or the level is none.
    """
    if len(set(metrics)) < len(metrics) or any(key not in ALL_METRICS for key in metrics):
        raise ValueError(f"metrics must be distinct and among {', '.join(ALL_METRICS)}; got {', '.join(metrics)}")
    if not 0 < alpha < 0.5:
        raise ValueError(f"alpha must be between 0 and 0.5, got {alpha}")
    study = read_runs(place)
    if not study.runs and not study.failures:
        raise ValueError(f"no cell of the study in {os.fspath(place)} has finished yet")
    headlines = metrics or (study.manifest.metrics if study.manifest else ()) or HEADLINES
    scopes = scope_parts(study, tuple(dict.fromkeys(headlines)), alpha)
    return Report(study, scopes, _page(study, scopes, alpha))


def write_report(report: Report, out: Path) -> Path:
    """Write the page, whole or not at all.

    Raises:
        OSError: The file cannot be written.
    """
    return write(out.parent, {out.name: report.html.encode()})[0]


@dataclass(frozen=True)
class _Figures:
    """What of the figures fits into the page."""

    convergence: tuple[tuple[Block, Drawing], ...]
    blocks: tuple[BlockPart, ...]
    omitted: int


def _page(study: StudyRuns, scopes: Sequence[ScopePart], alpha: float) -> str:
    bare = _render(study, scopes, _Figures((), (), 0), alpha)
    room = LIMIT - AROUND_FIGURES - len(bare.encode())
    return _render(study, scopes, _choose_figures(study, room), alpha)


def _choose_figures(study: StudyRuns, room: int) -> _Figures:
    """Choose the figures that fit: curves first, as far as they leave room for the rest, block by block."""
    curves: list[tuple[Block, Drawing]] = []
    parts: list[BlockPart] = []
    kept = room * SHARE_OF_PARTS
    for block, drawing in convergence_figures(study):
        if room - _size((drawing,)) < kept:
            break
        room -= _size((drawing,))
        curves.append((block, drawing))
    for part in block_parts(study) if room > 0 else ():
        room -= sum(map(_size, part.rows)) + (
            3 * len(part.table.csv()) + 120 * len(part.table.rows) if part.table else 0
        )
        if room < 0:
            break
        parts.append(part)
    return _Figures(tuple(curves), tuple(parts), 2 * len(study.blocks) - len(curves) - len(parts))


def _size(drawings: Sequence[Drawing]) -> int:
    return round(sum(len(d.picture) + 1.3 * len(d.hover) + 600 for d in drawings))


def _render(study: StudyRuns, scopes: Sequence[ScopePart], figures: _Figures, alpha: float) -> str:
    return render_page(
        "batchsift.report.page",
        "page.html.j2",
        study=study,
        scopes=scopes,
        figures=figures,
        alpha=alpha,
        baseline=BASELINE,
        target=ALL_METRICS[TARGET].name,
        suspects=suspect_tables(study),
        command=shlex.join(study.manifest.command) if study.manifest else "",
        source=study.manifest.source if study.manifest else "",
        counted=count_nouns,
        percent=format_percent,
        left=_count_missing(study),
        provenance=list(_provenance(study)),
    )


def _count_missing(study: StudyRuns) -> dict[str, int]:
    """Count the cells that have not run, by data set and method."""
    counts: dict[str, int] = {}
    for config in study.missing:
        name = f"{Block.of_config(config)}: {config.method}"
        counts[name] = counts.get(name, 0) + 1
    return counts


def _provenance(study: StudyRuns) -> Iterator[tuple[str, str]]:
    """Yield machine, versions and training settings as names and values."""
    for machine in study.machines:
        yield "Machine", _join_items(machine)
    for versions in study.versions:
        yield "Versions", _join_items(versions)
    for training in dict.fromkeys(run.config.training for run in study.runs):
        yield "Training", _join_items(asdict(training))


def _join_items(mapping: Mapping[str, Any]) -> str:
    known = [(key, value) for key, value in mapping.items() if value not in (None, "", [], {})]
    return ", ".join(f"{key} {json.dumps(value) if isinstance(value, list | dict) else value}" for key, value in known)


def _scope_document(part: ScopePart) -> dict[str, Any]:
    return {
        "settings": part.scope.settings,
        "model": part.scope.model,
        "data": list(part.scope.data),
        "notes": list(part.scope.notes),
        "verdict": part.answer.document(),
        "claims": [
            {
                "method": card.claims.method,
                "summary": " ".join(card.claims.summary),
                "measures": [row.claim.document() for row in (*card.prediction, *card.convergence)],
            }
            for card in part.cards
        ],
    }
