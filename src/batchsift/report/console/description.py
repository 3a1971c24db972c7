"""A data set described: tables for a terminal, and a picture of its labels. L labels."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter
from numpy.typing import NDArray
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from batchsift.data.describe import Description, LabelsDescription
from batchsift.data.duplicates import Duplicates
from batchsift.data.images.describe import ImageDescription
from batchsift.messages import count_nouns, cut_short, first_few
from batchsift.report.console.plots import COLORS

LABELS_LISTED = 30
COLUMNS_LISTED = 30
LONG_TAIL = 20  # times the rarest label that the commonest has, from where a scale is logarithmic
NAMED_LABELS = 40  # of the picture: more names than these could not be read


def description_report(data: Description | ImageDescription) -> RenderableType:
    """Return everything about a data set in words and numbers, ready for `rich.print`."""
    lines: list[RenderableType] = [
        Text(data.name, style="bold"),
        _facts(data),
        Text(),
    ]
    if isinstance(data, Description):
        lines += [_columns_table(data)]
        if len(data.columns) > COLUMNS_LISTED:
            note = f"The first {COLUMNS_LISTED} of {len(data.columns)} columns; --json lists all."
            lines.append(Text(note, style="dim"))
        lines.append(Text())
    lines.append(_labels_table(data))
    if data.num_labels > LABELS_LISTED:
        lines.append(Text(f"The {LABELS_LISTED} commonest of {data.num_labels} labels; --json lists all.", style="dim"))
    return Group(*lines, Text(), *(Text(f"! {warning}") for warning in warnings_of(data)))


def _facts(data: Description | ImageDescription) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    rows = _size(data) | {
        "cardinality, density": f"{data.cardinality:.4f}, {data.density:.4f}",
        "label sets": f"{data.distinct_label_sets} distinct, {data.single_label_sets} of them once, the commonest "
        f"{data.largest_label_set} times",
        "IRLbl": f"mean {data.mean_imbalance_ratio:.4f}, largest {data.max_imbalance_ratio:.4f}",
        "SCUMBLE": f"{data.scumble:.4f} (coefficient of variation {data.scumble_cv:.4f})",
        "samples without a label": str(data.unlabelled_samples),
        "label cells not labelled": str(data.unknown_cells),
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _size(data: Description | ImageDescription) -> dict[str, str]:
    """Return what is said of features, or of pictures."""
    if isinstance(data, Description):
        sparse = " (sparse)" * data.sparse
        return {
            "samples x features x labels": f"{data.num_samples} x {data.num_features}{sparse} x {data.num_labels}",
            "missing feature values": str(data.missing_values),
            "TCS": f"{data.complexity:.4f}",
        }
    rows = {"pictures x labels": f"{data.num_samples} x {data.num_labels}"}
    if data.parts:
        rows["divided by the source"] = ", ".join(f"{part} {count}" for part, count in data.parts)
    if data.widths is not None and data.heights is not None:
        looked = f" (of {data.looked_at} pictures)"
        for name, (least, median, largest) in (("width", data.widths), ("height", data.heights)):
            rows[f"{name} in pixels"] = f"{least} to {largest}, median {median}{looked}"
        rows["kinds"] = ", ".join(f"{kind} {count}" for kind, count in data.kinds)
    return rows


def _columns_table(data: Description) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), expand=True)
    table.add_column("column", max_width=30, overflow="fold")
    table.add_column("kind")
    for heading in ("missing", "values"):
        table.add_column(heading, justify="right")
    table.add_column("becomes")
    table.add_column("such as", no_wrap=True, ratio=1)  # what the others leave
    for column in data.columns[:COLUMNS_LISTED]:
        counts = ["-" if count is None else str(count) for count in (column.missing, column.num_values)]
        examples = ", ".join(column.examples)
        table.add_row(Text(column.name), column.kind, *counts, column.becomes, Text(examples))
    return table


def _labels_table(data: LabelsDescription) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1))
    table.add_column("label")
    for heading in ("positives", "share", "IRLbl", "SCUMBLE"):
        table.add_column(heading, justify="right")
    commonest = sorted(data.labels, key=lambda label: -label.positives)[:LABELS_LISTED]
    for label in commonest:
        table.add_row(
            Text(label.name),
            str(label.positives),
            _number(label.frequency),
            _number(label.imbalance_ratio),
            _number(label.scumble),
        )
    return table


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"


def warnings_of(data: Description | ImageDescription) -> list[str]:
    """Say what to look at before training: one line each, none where there is nothing."""
    empty = [label.name for label in data.labels if label.positives == 0]
    full = [label.name for label in data.labels if label.positives == data.num_samples]
    lines = [
        f"{count_nouns(len(names), 'label')} that {whom} has: {first_few(names)}"
        for names, whom in ((empty, "no sample"), (full, "every sample"))
        if names
    ]
    if data.unknown_cells:
        cells = "1 label cell is" if data.unknown_cells == 1 else f"{data.unknown_cells} label cells are"
        lines.append(f"{cells} not labelled: they count as absent, but in the share of a label")
    if isinstance(data, ImageDescription):
        unreadable = (
            f"of {data.looked_at} pictures, {len(data.unreadable)} cannot be read: {first_few(data.unreadable)}"
        )
        return [*lines, unreadable] if data.unreadable else lines
    if data.constant_features:
        lines.append(
            f"{count_nouns(len(data.constant_features), 'constant feature')}: {first_few(data.constant_features)}"
        )
    if data.duplicate_features:
        groups = [" = ".join(group) for group in data.duplicate_features]
        lines.append(f"{count_nouns(len(groups), 'group')} of equal features: {first_few(groups)}")
    return lines + _about_rows(data.duplicates)


def _about_rows(rows: Duplicates) -> list[str]:
    lines = []
    if rows.equal_rows:
        lines.append(
            f"{rows.equal_rows} rows have the features of another row; {rows.contradicting_rows} of them have a double "
            "with other labels"
        )
    if rows.near_rows is None:
        lines.append("too many rows to look for nearly equal ones: equal rows alone were counted")
    elif rows.near_rows > rows.equal_rows:
        lines.append(f"{rows.near_rows - rows.equal_rows} more rows nearly equal another")
    if rows.leaking_rows:
        lines.append(
            f"leakage: {count_nouns(rows.leaking_rows, 'row')} with such a double in another of {rows.num_folds} "
            "stratified folds"
        )
    return lines


def description_figure(data: LabelsDescription) -> Figure:
    """Draw the labels: how common each is, how they go together, how many a sample has.

    The correlation is that of the label columns (phi coefficient); labels are in the order of a hierarchical
    clustering by it, so that those which go together stand together.
    """
    figure = Figure(figsize=(11, 6.2), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.25])
    figure.suptitle(
        f"{data.name}: {count_nouns(data.num_samples, 'sample')}, "
        f"{count_nouns(data.num_labels, 'label')}, cardinality {data.cardinality:.2f}",
        x=0.01,
        ha="left",
        parse_math=False,
    )
    _draw_counts(left, data)
    _draw_correlation(figure, right, data)
    return figure


def _draw_counts(axes: Axes, data: LabelsDescription) -> None:
    ranked = sorted(data.labels, key=lambda label: label.positives)
    counts_L = np.array([label.positives for label in ranked])
    minority_L = np.array([label.imbalance_ratio > data.mean_imbalance_ratio for label in ranked])
    positions_L = np.arange(len(ranked))
    for chosen_L, color, name in (
        (~minority_L, COLORS[2], "IRLbl at most its mean"),
        (minority_L, COLORS[1], "minority: IRLbl above its mean"),
    ):
        axes.barh(positions_L[chosen_L], counts_L[chosen_L], color=color, label=name, height=0.8)
    named = len(ranked) <= NAMED_LABELS
    axes.set_yticks(positions_L if named else [], [cut_short(label.name, 24) for label in ranked] if named else [])
    for text in axes.get_yticklabels():
        text.set_parse_math(False)
    axes.tick_params(axis="y", labelsize=7, length=0)
    is_long = counts_L.max() > LONG_TAIL * max(1, counts_L.min())
    if is_long:
        axes.set_xscale("symlog", linthresh=1, linscale=0.3)  # of labels without a positive, too
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.set_xlim(0, 3 * counts_L.max())
    axes.set_xlabel(f"positive samples{', on a logarithmic scale' if is_long else ''}")
    if named:
        for position, count in zip(positions_L, counts_L, strict=True):
            axes.annotate(f"{count}", (count, position), (3, 0), textcoords="offset points", va="center", fontsize=7)
    if not named:
        axes.set_ylabel(f"{len(ranked)} labels, the commonest on top")
    axes.set_ylim(-0.6, len(ranked) - 0.4)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize=8, borderaxespad=0.2)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_correlation(figure: Figure, axes: Axes, data: LabelsDescription) -> None:
    phi_LL = label_correlation(data)
    order = _clustered(phi_LL)
    shown_LL = phi_LL[np.ix_(order, order)]
    np.fill_diagonal(shown_LL, np.nan)  # a label's correlation with itself would drown the others
    largest = float(np.nanmax(np.abs(shown_LL), initial=0.0)) or 1.0
    picture = axes.imshow(shown_LL, cmap="RdBu_r", vmin=-largest, vmax=largest, interpolation="nearest")
    figure.colorbar(picture, ax=axes, shrink=0.8, label="correlation of two labels (phi)")
    if data.num_labels <= NAMED_LABELS:
        names = [cut_short(data.labels[j].name, 24) for j in order]
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
        axes.set_yticks(range(len(names)), names, fontsize=7)
        for text in (*axes.get_xticklabels(), *axes.get_yticklabels()):
            text.set_parse_math(False)
    else:
        axes.set_xticks([])
        axes.set_yticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def label_correlation(data: LabelsDescription) -> NDArray[np.float64]:
    """Return the phi coefficient of every two labels, `(L, L)` in [-1, 1]; 0 for a label that all or none have."""
    n = data.num_samples
    joint_LL = np.array(data.cooccurrence, dtype=np.float64) / n
    share_L = joint_LL.diagonal()
    spread_L = np.sqrt(share_L * (1 - share_L))
    scale_LL = np.outer(spread_L, spread_L)
    covariance_LL = joint_LL - np.outer(share_L, share_L)
    phi_LL = np.divide(covariance_LL, scale_LL, out=np.zeros_like(scale_LL), where=scale_LL > 0)
    clipped_LL: NDArray[np.float64] = np.clip(phi_LL, -1.0, 1.0)
    return clipped_LL


def _clustered(phi_LL: NDArray[np.float64]) -> list[int]:
    from scipy.cluster.hierarchy import leaves_list, linkage  # noqa: PLC0415 (heavy)
    from scipy.spatial.distance import squareform  # noqa: PLC0415 (heavy)

    if len(phi_LL) < 3:
        return list(range(len(phi_LL)))
    distance_LL = 1 - phi_LL
    np.fill_diagonal(distance_LL, 0.0)
    order: list[int] = leaves_list(linkage(squareform(distance_LL, checks=False), method="average")).tolist()
    return order
