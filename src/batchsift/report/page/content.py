"""From a study to what the page shows, in the page's order."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from batchsift.metrics import METRICS
from batchsift.report.page import block_tables, scope_tables
from batchsift.report.page.figures import curves, labels
from batchsift.report.page.figures.drawing import Drawing, identifier
from batchsift.report.page.figures.ranks import critical_difference as rank_diagram
from batchsift.report.page.forest import Forest
from batchsift.report.page.tables import Table
from batchsift.statistics import critical_difference, groups
from batchsift.studies.analysis import words
from batchsift.studies.analysis.claims import Claim, MethodClaims, basis, claims
from batchsift.studies.analysis.contrasts import Scope, scopes
from batchsift.studies.analysis.runs import Block, Study

HEADLINES = ("macro_auc", "ranking_loss", "macro_f1")


@dataclass(frozen=True)
class ClaimRow:
    """A claim with its mark."""

    claim: Claim
    mark: Markup


@dataclass(frozen=True)
class MethodCard:
    """What is said of a method."""

    claims: MethodClaims
    number: int
    prediction: tuple[ClaimRow, ...]
    convergence: tuple[ClaimRow, ...]


@dataclass(frozen=True)
class RankFigure:
    """A diagram of average ranks and the words of its test."""

    drawing: Drawing
    text: str


@dataclass(frozen=True)
class ScopePart:
    """All that is said over one scope."""

    name: str
    title: str
    scope: Scope
    basis: str
    tests: str
    cards: tuple[MethodCard, ...]
    ranks: tuple[RankFigure, ...]
    scores: tuple[Table, ...]
    details: tuple[Table, ...]
    times: Table | None
    cost: Table | None


@dataclass(frozen=True)
class BlockPart:
    """What is shown of one data set, model and settings: rows of figures that go together."""

    block: Block
    rows: tuple[tuple[Drawing, ...], ...]
    table: Table | None


def scope_parts(study: Study, metrics: Sequence[str], alpha: float) -> tuple[ScopePart, ...]:
    """One for each scope of the study."""
    found = scopes(study, alpha=alpha)
    several = len({scope.settings for scope in found}) > 1
    return tuple(_scope_part(study, scope, tuple(metrics), several) for scope in found)


def _scope_part(study: Study, scope: Scope, metrics: tuple[str, ...], several: bool) -> ScopePart:
    models = list(dict.fromkeys(block.model for block in study.blocks if block.settings == scope.settings))
    model = scope.model or "all models"
    title = f"{scope.settings} · {model}" if several else model
    name = identifier(scope.settings, scope.model or "all")
    whole = scope.model is None or len(models) == 1
    compared = bool(scope.runs and scope.challengers)
    pairs = scope_tables.pairs(scope, metrics, name) if scope.runs and whole else None
    return ScopePart(
        name=name,
        title=title,
        scope=scope,
        basis=_basis(scope),
        tests=basis(scope, scope.contrasts(metrics[0])[scope.challengers[0]]) if compared else "",
        cards=_cards(study, scope, metrics),
        ranks=tuple(_ranks(study, scope, key, name) for key in metrics)
        if scope.runs and len(scope.methods) > 1
        else (),
        scores=tuple(scope_tables.scores(scope, key, name) for key in metrics) if scope.runs else (),
        details=(
            scope_tables.against_random(scope, tuple(METRICS) if whole else metrics, name),
            *([scope_tables.by_data(scope, metrics, name)] if whole else []),
            *([pairs] if pairs else []),
        )
        if compared
        else (),
        times=scope_tables.times(scope, name) if compared else None,
        cost=scope_tables.cost(scope, name) if scope.runs else None,
    )


def _basis(scope: Scope) -> str:
    """What the statistics are over."""
    pairs = [len(next(iter(by.values()))) for by in scope.runs.values()]
    if not pairs:
        return "No run that all methods have finished."
    runs = words.counted(pairs[0], "run") if len(set(pairs)) == 1 else f"{min(pairs)} to {max(pairs)} runs"
    return f"{words.counted(len(pairs), 'data set')}, {runs} a method on each, paired by fold and seed."


def _cards(study: Study, scope: Scope, metrics: tuple[str, ...]) -> tuple[MethodCard, ...]:
    made = claims(scope, metrics)
    scales: dict[str, Forest] = {}
    for claim in (claim for one in made for claim in (*one.prediction, *one.convergence)):
        measure = claim.contrast.measure
        if measure not in scales:
            every = [c.contrast for one in made for c in (*one.prediction, *one.convergence)]
            scales[measure] = Forest.of(contrast for contrast in every if contrast.measure == measure)

    def row(claim: Claim) -> ClaimRow:
        return ClaimRow(claim, scales[claim.contrast.measure].row(claim.contrast))

    return tuple(
        MethodCard(
            one, study.methods.index(one.method), tuple(map(row, one.prediction)), tuple(map(row, one.convergence))
        )
        for one in made
    )


def _ranks(study: Study, scope: Scope, key: str, name: str) -> RankFigure:
    test = scope.friedman(key)
    metric = METRICS[key].name
    many = len(scope.runs) > 1
    ranks = test.ranks if many else scope.fold_ranks(key)
    difference, bars, text = None, [], test.significance.reason or ""
    if any(map(math.isnan, ranks.values())):
        ranks = dict.fromkeys(ranks, (len(ranks) + 1) / 2)
    elif test.significance.p_value is not None:
        by_rank, _ = scope.pairwise(key)
        difference = critical_difference(len(ranks), test.num_blocks, scope.alpha)
        bars = groups(ranks, lambda one, other: not by_rank.between(one, other).below(scope.alpha))
        first, second = test.degrees
        text = (
            f"Friedman χ² = {test.chi_square:.2f}, Iman–Davenport F({first}, {second}) = "
            f"{_two(test.f_statistic)}, {words.equals(test.significance.p_value)}. Bars join methods that "
            "Nemenyi's test leaves together at "
            f"{words.percent(scope.alpha)}."
        )
    if difference is None:
        text = f"No test: {text}. Ranks over {'data sets' if many else 'folds'} only describe."
    drawing = rank_diagram(
        ranks, bars, study.methods, name=identifier("ranks", key, name), title=metric, difference=difference
    )
    return RankFigure(drawing, text)


def convergence_figures(study: Study) -> Iterator[tuple[Block, Drawing]]:
    """One a block."""
    for block, runs in study.blocks.items():
        yield block, curves.convergence(block, runs, study.methods)


def block_parts(study: Study) -> Iterator[BlockPart]:
    """What the selector did, one part a block; drawn as they are asked for."""
    for block, runs in study.blocks.items():
        gains = block_tables.label_gains(runs)
        first = next(iter(runs.values()))[0]
        lines = [
            curves.share_drawn(block, runs, study.methods),
            curves.evenness(block, runs, study.methods),
            curves.draws(block, runs, study.methods),
        ]
        dots = labels.gains(block, gains, first.facts.label_names, study.methods) if gains else None
        maps = [dots, *(drawing for method, own in runs.items() for drawing in labels.heat_maps(block, method, own))]
        bands = [labels.signal_bands(block, m, own, study.methods.index(m)) for m, own in runs.items()]
        rows = [tuple(drawing for drawing in row if drawing) for row in (lines, maps, bands)]
        table = block_tables.labels(block, runs, gains) if gains else None
        yield BlockPart(block, tuple(row for row in rows if row), table)


def _two(statistic: float | None) -> str:
    return words.NOTHING if statistic is None else "∞" if math.isinf(statistic) else f"{statistic:.2f}"
