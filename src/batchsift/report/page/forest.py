"""A gain and its interval as a mark on a line around zero: one small SVG a row, on one scale a measure."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from batchsift.studies.analysis.contrasts import Contrast

WIDTH, HEIGHT, EDGE = 150, 18, 5


@dataclass(frozen=True)
class Forest:
    """The scale of one measure: from -reach to reach."""

    reach: float

    @classmethod
    def of(cls, contrasts: Iterable[Contrast]) -> "Forest":
        """Choose a scale wide enough for all gains and intervals."""
        ends = [
            abs(end)
            for contrast in contrasts
            for end in (contrast.gain, contrast.interval.low, contrast.interval.high)
            if end is not None and not math.isnan(end)
        ]
        return cls(max([*ends, 1e-12]))

    def row(self, contrast: Contrast) -> Markup:
        """Draw the mark of one contrast; to the right of the middle is better."""
        zero, y = self._at(0.0), HEIGHT / 2
        parts = [_line("track", 0, WIDTH, y, y), _line("zero", zero, zero, 1, HEIGHT - 1)]
        low, high = contrast.interval.low, contrast.interval.high
        if low is not None and high is not None:
            parts.append(_line("reach", self._at(low), self._at(high), y, y))
        if not math.isnan(contrast.gain):
            parts.append(f'<circle cx="{self._at(contrast.gain)}" cy="{y}" r="4"/>')
        whole = f'<svg class="forest" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">{"".join(parts)}</svg>'
        return Markup(whole)  # nosec B704 # numbers and our own words

    def _at(self, gain: float) -> float:
        return round(WIDTH / 2 + gain / self.reach * (WIDTH / 2 - EDGE), 1)


def _line(kind: str, x1: float, x2: float, y1: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1}" x2="{x2}" y1="{y1}" y2="{y2}"/>'
