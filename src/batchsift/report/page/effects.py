"""The gains of all methods by the metrics that were asked for, on one scale: marks in SVG, words in HTML.

Places are shares of the width and sizes are in pixels, so that marks stretch with the page and text never shrinks.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from batchsift.image_metrics import ALL_METRICS
from batchsift.messages import count_nouns
from batchsift.statistics import Interval
from batchsift.studies.analysis.chance import Chance, measure_chance
from batchsift.studies.analysis.contrasts import Contrast, Verdict
from batchsift.studies.analysis.runs import BASELINE
from batchsift.studies.analysis.scopes import Scope
from batchsift.studies.analysis.wording import format_percent, format_value
from batchsift.studies.config import AGAIN

HEIGHT = 24  # pixels of a row
ROOM = 46.0  # per cent of the width from the middle to the last place of a scale
WIDEST = 2.5  # times the largest gain, where intervals are cut: those of two folds would leave no room for the rest
LEAST_UNITS = 3.0  # of chance that a scale reaches to at least
WHOLE = {Verdict.BETTER, Verdict.WORSE}
PARTLY = {Verdict.PARTLY_BETTER, Verdict.PARTLY_WORSE, Verdict.MIXED}


@dataclass(frozen=True)
class EffectRow:
    """A method by one metric.

    Args:
        method: The name of the method.
        number: Its number in the study, which decides the color; None for Random run again.
        mark: The gain and its interval, drawn.
        gain: The gain in the metric's own units, as text.
    """

    method: str
    number: int | None
    mark: Markup
    gain: str


@dataclass(frozen=True)
class EffectPanel:
    """All methods by one metric.

    Args:
        metric: The name of the metric.
        unit: What 1 on the scale is, as text; empty where the scale is the metric's own.
        rows: One a method, and one for Random run again.
    """

    metric: str
    unit: str
    rows: tuple[EffectRow, ...]


@dataclass(frozen=True)
class Effects:
    """The figure.

    Args:
        panels: One a metric.
        axis: The axis, which all panels share.
        note: What marks and units are.
    """

    panels: tuple[EffectPanel, ...]
    axis: Markup
    note: str


@dataclass(frozen=True)
class _EffectScale:
    """The scale of all panels: from -reach to reach."""

    reach: float
    in_chance: bool

    def at(self, value: float) -> float:
        return round(50 + ROOM * max(-1.0, min(1.0, value / self.reach)), 2)


@dataclass(frozen=True)
class _Effect:
    """A gain and its interval in the units of the scale."""

    gain: float
    interval: Interval
    verdict: Verdict

    @property
    def ends(self) -> tuple[float, ...]:
        low, high = self.interval.low, self.interval.high
        return () if low is None or high is None or math.isnan(low + high) else (low, high)


def draw_effects(scope: Scope, methods: Sequence[str]) -> Effects | None:
    """Draw all methods by all metrics of a scope's family; None where there is nothing to compare.

    Args:
        scope: The runs.
        methods: All methods of the study, which decide the colors.
    """
    if not scope.challengers or not scope.runs:
        return None
    contrasts = {key: scope.contrasts(key) for key in scope.family}
    defined = {key: own for key, own in contrasts.items() if not all(math.isnan(one.gain) for one in own.values())}
    if not defined:
        return None
    chance = {key: one for key in defined if (one := measure_chance(scope, key)) is not None}
    in_chance = all(key in chance and chance[key].spread > 0 for key in defined)
    units = {key: chance[key].spread if in_chance else 1.0 for key in defined}
    effects = {key: dict(_effects(own, chance.get(key), units[key])) for key, own in defined.items()}
    every = [effect for by_method in effects.values() for effect in by_method.values()]
    scale = _EffectScale(_reach(every, in_chance=in_chance), in_chance)
    panels = tuple(
        EffectPanel(
            ALL_METRICS[key].name,
            format_value(units[key]) if in_chance else "",
            tuple(
                EffectRow(
                    method,
                    methods.index(method) if method in methods else None,
                    _mark(effect, scale),
                    format_value(effect.gain * units[key], sign=True),
                )
                for method, effect in by_method.items()
            ),
        )
        for key, by_method in effects.items()
    )
    return Effects(panels, _axis(scale), " ".join(_explain(scope, every, scale, again=bool(chance))))


def _effects(own: Mapping[str, Contrast], chance: Chance | None, unit: float) -> Iterator[tuple[str, _Effect]]:
    for method, one in own.items():
        yield method, _Effect(one.gain / unit, _scaled(one.interval, unit), one.verdict)
    if chance is not None:
        yield AGAIN, _Effect(chance.gain / unit, _scaled(chance.interval, unit), Verdict.UNTESTED)


def _scaled(interval: Interval, unit: float) -> Interval:
    if interval.low is None or interval.high is None:
        return Interval(None, None)
    return Interval(interval.low / unit, interval.high / unit)


def _reach(effects: Sequence[_Effect], *, in_chance: bool) -> float:
    """Choose a scale that holds all gains, and all intervals that do not dwarf them."""
    largest = max((abs(effect.gain) for effect in effects if not math.isnan(effect.gain)), default=0.0)
    ends = [abs(end) for effect in effects for end in effect.ends]
    most = max([largest, *ends])
    cut = max(WIDEST * largest, LEAST_UNITS if in_chance else 0.0)
    return max(min(most, cut) if largest else most, LEAST_UNITS / 2 if in_chance else 1e-4)


# Drawing ------------------------------------------------------------------------------------------------------


def _svg(kind: str, height: int, content: Sequence[str]) -> Markup:
    whole = f'<svg class="{kind}" height="{height}" aria-hidden="true">{"".join(content)}</svg>'
    return Markup(whole)  # nosec B704 # numbers and our own words


def _mark(effect: _Effect, scale: _EffectScale) -> Markup:
    y = HEIGHT / 2
    parts = []
    if scale.in_chance:
        left, right = scale.at(-1), scale.at(1)
        parts.append(f'<rect class="chance" x="{left}%" width="{round(right - left, 2)}%" height="{HEIGHT}"/>')
    parts.append(f'<line class="zero" x1="50%" x2="50%" y2="{HEIGHT}"/>')
    if effect.ends:
        low, high = effect.ends
        parts.append(f'<line class="reach" x1="{scale.at(low)}%" x2="{scale.at(high)}%" y1="{y}" y2="{y}"/>')
        parts += [_arrow(scale, sign) for sign, end in ((-1, low), (1, high)) if _is_cut(sign * end, scale)]
    if not math.isnan(effect.gain):
        x, kind = scale.at(effect.gain), "apart" if effect.verdict in WHOLE else "open"
        parts.append(f'<circle class="{kind}" cx="{x}%" cy="{y}" r="5"/>')
        if effect.verdict in PARTLY:
            parts.append(f'<circle class="apart" cx="{x}%" cy="{y}" r="2"/>')
    return _svg("effect", HEIGHT, parts)


def _is_cut(end: float, scale: _EffectScale) -> bool:
    return end > scale.reach * (1 + 1e-9)


def _arrow(scale: _EffectScale, sign: int) -> str:
    path = f"M{-3 * sign} -4L{3 * sign} 0L{-3 * sign} 4"
    return f'<svg x="{scale.at(sign * scale.reach)}%" y="{HEIGHT / 2}" overflow="visible"><path d="{path}"/></svg>'


def _axis(scale: _EffectScale) -> Markup:
    tick = _round_down(0.85 * scale.reach)
    texts = [(value, f"{abs(value):g}" if value >= 0 else f"−{-value:g}") for value in (-tick, 0.0, tick)]
    content = [
        f'<line class="zero" x1="{scale.at(value)}%" x2="{scale.at(value)}%" y2="4"/>'
        f'<text x="{scale.at(value)}%" y="17" text-anchor="middle">{text}</text>'
        for value, text in texts
    ]
    return _svg("axis", 20, content)


def _round_down(value: float) -> float:
    """Return the largest round number, one digit and a power of ten, that is not above a value.

    >>> _round_down(3.4), _round_down(0.012)
    (3.0, 0.01)
    """
    power = 10.0 ** math.floor(math.log10(value))
    return float(f"{max(step for step in (1, 2, 3, 4, 5, 6, 8) if step * power <= value * (1 + 1e-9)) * power:.1g}")


# In words -----------------------------------------------------------------------------------------------------


def _explain(scope: Scope, effects: Sequence[_Effect], scale: _EffectScale, *, again: bool) -> Iterator[str]:
    """Yield what the figure shows, and nothing that it does not."""
    yield f"Dots: gains over {BASELINE}, to the right is better."
    if any(effect.ends for effect in effects):
        cut = any(_is_cut(abs(end), scale) for effect in effects for end in effect.ends)
        beyond = "; arrows: they reach further" if cut else ""
        yield f"Lines: {format_percent(1 - scope.alpha)} intervals, each by itself{beyond}."
    adjusted = f"at {format_percent(scope.alpha)}, adjusted for {count_nouns(scope.num_comparisons, 'comparison')}"
    verdicts = {effect.verdict for effect in effects}
    if verdicts & WHOLE:
        yield f"Filled: told apart {adjusted}."
    if verdicts & PARTLY:
        yield f"With a point inside: told apart on some data sets, {adjusted} on each."
    if not verdicts & (WHOLE | PARTLY):
        yield f"Nothing is told apart {adjusted}." if Verdict.OPEN in verdicts else "No test could be made."
    if scale.in_chance:
        yield (
            f"Unit, shaded: the difference that other draws make to one run of {BASELINE} (root mean square). {AGAIN}: "
            f"what they make on average. Numbers: gains in the metrics' own units."
        )
    elif again:
        yield f"In the metrics' own units: by a metric, {BASELINE} with other draws is undefined or differs in nothing."
    else:
        yield f"In the metrics' own units: {BASELINE} was not run a second time with other draws."
