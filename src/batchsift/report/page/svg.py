"""A matplotlib figure as inline SVG: small, in the page's colours and font, its ids its own.

Figures are drawn in the stand-in colors below; the SVG has CSS variables in their place, so that a page's light and
dark schemes reach into it. Text stays text.
"""

import io
import re
from contextlib import AbstractContextManager
from typing import Any, cast
from xml.etree import ElementTree

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from batchsift.messages import visible
from batchsift.report.words import make_visible

WIDTH = 360  # points; about as wide as a phone, so that text is hardly scaled down
SIZE = 13.2  # points of all text: at least 12 pixels in the narrowest column
INK, MUTED, GRID = "#010101", "#020202", "#030303"
SERIES = tuple(f"#0a0a{10 + i:02x}" for i in range(9))  # the first is the baseline's
VARIABLES = {INK: "--ink", MUTED: "--muted", GRID: "--grid"} | {c: f"--series-{i}" for i, c in enumerate(SERIES)}

SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}href"
NOT_NEEDED = {f"{SVG}metadata", f"{SVG}style"}
NUMBER = re.compile(r"-?\d+\.\d+")
REFERENCE = re.compile(r"#([\w.-]+)")
STRAIGHT = re.compile(r"(?:[ML]-?[\d.]+ -?[\d.]+|z)+")
STRAIGHT_STEP = re.compile(r"([MLz])(?:(-?[\d.]+) (-?[\d.]+))?")
LONG = 500  # characters of a path that is a curve, whose numbers need one decimal; marks are shorter and need two
SETTINGS = {
    "svg.fonttype": "none",
    "path.simplify": True,
    "path.simplify_threshold": 0.4,
    "font.size": SIZE,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.titlesize": SIZE,
    "axes.titlelocation": "left",
    "axes.labelsize": SIZE,
    "xtick.labelsize": SIZE,
    "ytick.labelsize": SIZE,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}


def color(number: int) -> str:
    """Return the color of the n-th method; after the eighth they come round again, without the baseline's."""
    return SERIES[0] if number == 0 else SERIES[1 + (number - 1) % (len(SERIES) - 1)]


def dash(number: int) -> str | tuple[int, tuple[float, ...]]:
    """Return the dashes that tell methods of one color apart."""
    return "-" if number < len(SERIES) else (0, (4, 1.5))


def settings(**further: Any) -> AbstractContextManager[None]:
    """Return a context in which figures are drawn."""
    return mpl.rc_context(cast("Any", {**SETTINGS, **further}))


def figure(height: float) -> Figure:
    """Make an empty figure of so many points in height; one point is one unit of the SVG."""
    drawn = Figure(
        figsize=(WIDTH / 72, height / 72), dpi=72, layout=ConstrainedLayoutEngine(w_pad=2 / 72, h_pad=3 / 72)
    )
    FigureCanvasSVG(drawn)
    return drawn


def lay_out(drawn: Figure) -> None:
    """Lay the figure out, once: it costs as much as drawing, and saving would do it twice more."""
    make_visible(drawn)
    engine = drawn.get_layout_engine()
    if engine is not None:
        engine.execute(drawn)
        drawn.set_layout_engine("none")


def inline(drawn: Figure, *, name: str, label: str) -> Markup:
    """Return the figure as an `<svg>` element.

    Args:
        drawn: What was drawn.
        name: Unique in the page, of letters, digits and dashes: the start of all ids.
        label: What it shows, for those who do not see it.
    """
    lay_out(drawn)
    content = io.BytesIO()
    with settings(**{"svg.hashsalt": name}):
        # `savefig` would draw the whole figure once more, for a layout that is there already.
        cast("Any", FigureCanvasSVG(drawn)).print_svg(
            content, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
    source = visible(content.getvalue().decode(), lines=True)  # XML has no escapes for some characters
    root = ElementTree.fromstring(source)  # nosec B314 # our own drawing
    used = set(REFERENCE.findall(source))
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag in NOT_NEEDED]:
            parent.remove(child)
    for element in root.iter():
        _tidy(element, name, used)
    _unwrap(root)
    view = root.attrib["viewBox"]
    root.attrib.clear()
    root.attrib.update({"viewBox": view, "role": "img", "aria-label": visible(label), "class": "plot"})
    return Markup(_text(root))  # nosec B704 # serialized by ElementTree, which escapes


def _tidy(element: ElementTree.Element, name: str, used: set[str]) -> None:
    """Round numbers, name colors, and keep only ids that something refers to."""
    attributes = dict(element.attrib)
    element.attrib.clear()
    identity = attributes.pop("id", "")
    if identity in used:
        element.attrib["id"] = f"{name}-{identity}"
    elif identity.startswith("series-"):
        element.attrib["data-series"] = identity.removeprefix("series-")
    for key, value in attributes.items():
        if key == "style":
            tidied = _style(value)
        elif key == XLINK:
            tidied = value if value.startswith("data:") else f"#{name}-{value[1:]}"
        elif key == "clip-path":
            tidied = value.replace("url(#", f"url(#{name}-")
        else:
            tidied = _rounded(value, 1 if len(value) > LONG else 2)
        if key == "d":
            tidied = _short_path(tidied)
        if tidied and not tidied.startswith("rotate(-0 "):
            element.attrib[key] = tidied


def _short_path(path: str) -> str:
    """Shorten a path: no needless spaces; a long one of straight lines by its steps, in tenths of a point."""
    path = re.sub(r"\s*([MLQCz])\s*", r"\1", path).strip()
    if len(path) < LONG or not STRAIGHT.fullmatch(path):
        return path
    steps, x, y = [], 0, 0
    for command, *point in STRAIGHT_STEP.findall(path):
        to_x, to_y = (round(10 * float(number)) for number in point) if point[0] else (x, y)
        if command == "z":
            steps.append("z")
        elif command == "M":
            steps.append(f"M{_tenths(to_x)} {_tenths(to_y)}")
        else:
            steps.append(f"l{_tenths(to_x - x)} {_tenths(to_y - y)}")
        x, y = to_x, to_y
    return "".join(steps).replace(" -", "-")


def _tenths(number: int) -> str:
    """Write a number of tenths as short as SVG allows.

    >>> _tenths(-5), _tenths(120), _tenths(37)
    ('-.5', '12', '3.7')
    """
    return f"{number / 10:.1f}".removesuffix(".0").replace("0.", ".", 1) if abs(number) < 10 else f"{number / 10:g}"


def _style(style: str) -> str:
    """Shorten a style: without defaults and what is the page's business (the font), colors as the page's variables."""
    kept = []
    for part in filter(None, map(str.strip, style.split(";"))):
        key, _, value = (text.strip() for text in part.partition(":"))
        if key == "font":
            key, value = "font-size", value.split()[0]
        if key in {"font-family", "stroke-linejoin", "stroke-linecap"} or (key, value) == ("text-anchor", "start"):
            continue
        kept.append(f"{key}:{(VARIABLES.get(value, '') and f'var({VARIABLES[value]})') or _rounded(value, 2)}")
    return ";".join(kept)


def _rounded(text: str, decimals: int) -> str:
    return NUMBER.sub(lambda match: f"{float(match[0]):.{decimals}f}".rstrip("0").rstrip("."), text)


def _unwrap(parent: ElementTree.Element) -> None:
    """Remove, from the inside out, what draws nothing and groups that only group."""
    children: list[ElementTree.Element] = []
    for child in parent:
        _unwrap(child)
        if child.tag == f"{SVG}g" and not child.attrib:
            children.extend(child)
        elif (child.tag == f"{SVG}path" and child.get("style") == "fill:none") or _is_empty(child):
            continue
        else:
            children.append(child)
    parent[:] = children


def _is_empty(element: ElementTree.Element) -> bool:
    return element.tag in {f"{SVG}g", f"{SVG}defs"} and not len(element)


def _text(root: ElementTree.Element) -> str:
    for element in root.iter():
        element.tag = element.tag.removeprefix(SVG)
        element.tail = None
        if element.text is not None and not element.text.strip():
            element.text = None
        if XLINK in element.attrib:
            element.attrib["href"] = element.attrib.pop(XLINK)
    return ElementTree.tostring(root, encoding="unicode")
