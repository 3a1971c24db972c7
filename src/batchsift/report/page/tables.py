"""The report's tables: one form for the page, for CSV and for LaTeX (booktabs)."""

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass

from batchsift.files import csv_text
from batchsift.messages import visible

LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": "$-$",
    "±": r"$\pm$",
    "–": "--",
    "∞": r"$\infty$",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
}


@dataclass(frozen=True)
class TableCell:
    """One field of a table.

    Args:
        text: The text that is shown.
        number: What it is sorted by; None sorts by the text, and to the end in a column of numbers.
        best: Whether to stress it.
    """

    text: str
    number: float | None = None
    best: bool = False

    @property
    def unrounded(self) -> str:
        """The number in full, for files; empty where there is none."""
        return "" if self.number is None or math.isnan(self.number) else repr(float(self.number))

    @property
    def sort_key(self) -> str:
        """The number with as many digits as tell cells apart, for the page; empty where there is none."""
        return "" if self.number is None or math.isnan(self.number) else f"{self.number:.7g}"


@dataclass(frozen=True)
class Column:
    """The heading of a column.

    Args:
        title: The words of the heading.
        numeric: Whether its fields are numbers: to the right, sorted as such.
        hint: What it means, where the words are not enough.
    """

    title: str
    numeric: bool = True
    hint: str = ""


@dataclass(frozen=True)
class Table:
    """A table with a heading for each column; the first column names the row.

    Args:
        name: The start of ids and names of files: letters, digits and dashes.
        caption: What it shows.
        columns: Headings.
        rows: The rows, each with one cell a column.
        footer: A last row that stays there; empty for none.
        note: The sentences below it.
    """

    name: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[TableCell]]
    footer: Sequence[TableCell] = ()
    note: str = ""

    @property
    def all_rows(self) -> list[Sequence[TableCell]]:
        """All rows, with the footer."""
        return [*self.rows, self.footer] if self.footer else list(self.rows)

    def csv(self) -> str:
        """Write the table as CSV: numbers unrounded where there are any, words as shown."""
        titles = [column.title for column in self.columns]
        return csv_text([[cell.unrounded or cell.text for cell in row] for row in self.all_rows], titles)

    def latex(self) -> str:
        """Write the table as a `tabular` for the booktabs package, as shown; the best in bold."""
        form = "".join("r" if column.numeric else "l" for column in self.columns)
        head = " & ".join(_latex(column.title) for column in self.columns)
        body = [" & ".join(_latex_cell(cell) for cell in row) + r" \\" for row in self.rows]
        if self.footer:
            body += [r"\midrule", " & ".join(_latex_cell(cell) for cell in self.footer) + r" \\"]
        return "\n".join(
            [
                f"% {visible(' '.join(self.caption.split()))}",
                rf"\begin{{tabular}}{{{form}}}",
                r"\toprule",
                rf"{head} \\",
                r"\midrule",
                *body,
                r"\bottomrule",
                r"\end{tabular}",
                "",
            ]
        )

    @property
    def csv_uri(self) -> str:
        """The CSV as an address that holds it."""
        return _data_uri("text/csv", self.csv())

    @property
    def latex_uri(self) -> str:
        """The LaTeX as an address that holds it."""
        return _data_uri("application/x-tex", self.latex())


def _latex(text: str) -> str:
    return "".join(LATEX.get(character, character) for character in visible(text))


def _latex_cell(cell: TableCell) -> str:
    return rf"\textbf{{{_latex(cell.text)}}}" if cell.best else _latex(cell.text)


def _data_uri(kind: str, text: str) -> str:
    return f"data:{kind};charset=utf-8;base64,{base64.b64encode(text.encode()).decode()}"
