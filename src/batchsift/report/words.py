"""Words in figures: names from files of others, of which neither a picture nor an SVG may be broken."""

from matplotlib.figure import Figure
from matplotlib.text import Text

from batchsift.messages import visible


def make_visible(figure: Figure) -> None:
    """Write out, in all texts of a figure, what could not be seen; take nothing in them for mathematics."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            axis.get_majorticklabels()  # these are made when they are asked for
    for text in figure.findobj(Text):
        if isinstance(text, Text) and text.get_text():
            text.set_text(visible(text.get_text(), lines=True))
            text.set_parse_math(False)
