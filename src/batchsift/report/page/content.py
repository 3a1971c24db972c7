"""From a study's runs to what the page shows, in the page's order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from batchsift.image_metrics import ALL_METRICS
from batchsift.metrics import METRICS
from batchsift.report.page import scope_tables
from batchsift.report.page.block_tables import labels_table
from batchsift.report.page.effects import Effects, draw_effects
from batchsift.report.page.figures import curves, labels
from batchsift.report.page.figures.drawing import Drawing, identifier
from batchsift.report.page.figures.ranks import draw_ranks
from batchsift.report.page.forest import Forest
from batchsift.report.page.tables import Table
from batchsift.studies.analysis.claims import Claim, MethodClaims, describe_runs, describe_tests, make_claims
from batchsift.studies.analysis.labels import gains_by_label
from batchsift.studies.analysis.ranks import compare_ranks
from batchsift.studies.analysis.runs import Block, StudyRuns
from batchsift.studies.analysis.scopes import Scope, find_scopes
from batchsift.studies.analysis.verdict import Answer, find_answer


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
    answer: Answer
    effects: Effects | None
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


def scope_parts(study: StudyRuns, metrics: Sequence[str], alpha: float) -> tuple[ScopePart, ...]:
    """Make one part for each scope of the study.

    Args:
        study: The runs.
        metrics: Keys of the metrics that claims are made of.
        alpha: The level of tests.
    """
    scopes = find_scopes(study, alpha=alpha, family=metrics)
    several = len({scope.settings for scope in scopes}) > 1
    return tuple(_scope_part(study, scope, metrics, several) for scope in scopes)


def _scope_part(study: StudyRuns, scope: Scope, metrics: Sequence[str], several: bool) -> ScopePart:
    models = {block.model for block in study.blocks if block.settings == scope.settings}
    model = scope.model or "all models"
    name = identifier(scope.settings, scope.model or "all")
    whole = scope.model is None or len(models) == 1
    has_runs = bool(scope.runs)
    compared = has_runs and bool(scope.challengers)
    details: list[Table | None] = []
    if compared:
        details.append(scope_tables.gains_table(scope, tuple(METRICS) if whole else metrics, name))
        if whole:
            details.append(scope_tables.data_sets_table(scope, metrics, name))
            details.append(scope_tables.pairs_table(scope, metrics, name))
    return ScopePart(
        name=name,
        title=f"{scope.settings} · {model}" if several else model,
        scope=scope,
        answer=find_answer(scope, budget=study.manifest is not None and study.manifest.budget),
        effects=draw_effects(scope, study.methods),
        basis=describe_runs(scope),
        tests=describe_tests(scope, metrics[0]) if compared else "",
        cards=_cards(study, scope, metrics),
        ranks=tuple(_rank_figure(study, scope, key, name) for key in metrics if has_runs and len(scope.methods) > 1),
        scores=tuple(scope_tables.scores_table(scope, key, name) for key in metrics if has_runs),
        details=tuple(table for table in details if table is not None),
        times=scope_tables.times_table(scope, name) if compared else None,
        cost=scope_tables.cost_table(scope, name) if has_runs else None,
    )


def _cards(study: StudyRuns, scope: Scope, metrics: Sequence[str]) -> tuple[MethodCard, ...]:
    by_method = make_claims(scope, metrics)
    contrasts = [claim.contrast for one in by_method for claim in (*one.prediction, *one.convergence)]
    scales = {
        measure: Forest.of(contrast for contrast in contrasts if contrast.measure == measure)
        for measure in dict.fromkeys(contrast.measure for contrast in contrasts)
    }

    def row(claim: Claim) -> ClaimRow:
        return ClaimRow(claim, scales[claim.contrast.measure].row(claim.contrast))

    return tuple(
        MethodCard(
            one, study.methods.index(one.method), tuple(map(row, one.prediction)), tuple(map(row, one.convergence))
        )
        for one in by_method
    )


def _rank_figure(study: StudyRuns, scope: Scope, key: str, name: str) -> RankFigure:
    compared = compare_ranks(scope, key)
    drawing = draw_ranks(
        compared.ranks,
        compared.groups,
        study.methods,
        name=identifier("ranks", key, name),
        title=ALL_METRICS[key].name,
        difference=compared.difference,
    )
    return RankFigure(drawing, compared.text)


def convergence_figures(study: StudyRuns) -> Iterator[tuple[Block, Drawing]]:
    """Draw the convergence of each block."""
    for block, runs in study.blocks.items():
        yield block, curves.draw_convergence(block, runs, study.methods)


def block_parts(study: StudyRuns) -> Iterator[BlockPart]:
    """Show what the selector did, one part a block; drawn as they are asked for."""
    for block, runs in study.blocks.items():
        gains = gains_by_label(runs)
        first = next(iter(runs.values()))[0]
        lines = [
            curves.draw_share_drawn(block, runs, study.methods),
            curves.draw_entropy(block, runs, study.methods),
            curves.draw_counts(block, runs, study.methods),
        ]
        dots = labels.draw_gains(block, gains, first.facts.label_names, study.methods) if gains else None
        maps = [
            dots,
            *(drawing for method, own in runs.items() for drawing in labels.draw_heat_maps(block, method, own)),
        ]
        bands = [labels.draw_signal_bands(block, m, own, study.methods.index(m)) for m, own in runs.items()]
        rows = [tuple(drawing for drawing in row if drawing) for row in (lines, maps, bands)]
        table = labels_table(block, runs, gains) if gains else None
        part = BlockPart(block, tuple(row for row in rows if row), table)
        if part.rows or part.table:
            yield part
