"""The measured part of the page, put together: where, what is claimed, what it costs, and a plot."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

from benchmarks.selection import asked, tables
from benchmarks.selection.cell import ROUNDS
from benchmarks.selection.claims import claims
from benchmarks.selection.findings import Findings
from benchmarks.selection.jobs import Machine
from benchmarks.selection.sizes import BATCH_SIZE, MAIN, Size


def measured_part(
    found: Findings, sizes: Sequence[Size], methods: Sequence[str], sources: Sequence[str], clock: str
) -> str:
    """Markdown; what was not measured is left out."""
    parts = [
        ("", _where(found, clock)),
        ("### What is claimed", tables.claim_table(claim for claim in claims(found) if claim.measured is not None)),
        ("", _waits(found)),
        ("### D2ACE: what it costs", tables.cost_table(found, sizes)),
        ("### D2ACE: what stands beside it", tables.beside_table(found, sizes)),
        (f"### Every method at {MAIN}", tables.part_table(found, MAIN, methods)),
        ("### Every method at every size", tables.method_table(found, sizes, methods)),
        ("### Storage types", tables.storage_table(found)),
        ("", tables.difference_table(found, sources)),
        ("### Rows in memory", tables.loading_table(found)),
    ]
    return "\n\n".join(f"{head}\n\n{body}".strip() for head, body in parts if body)


def _where(found: Findings, clock: str) -> str:
    machine, bandwidth = found.of(asked.MACHINE, Machine), found.result(asked.BANDWIDTH)
    if machine is None:
        return ""
    copied = f" A copy moves {bandwidth / 2**30:.0f} GiB/s, read and written." if bandwidth else ""
    return (
        f"{machine.processor}, {machine.cores} cores (load average {machine.load:.1f} before it began), state on: "
        f"{machine.device}; one thread unless it says otherwise; Python {machine.python}, torch {machine.torch}, NumPy "
        f"{machine.numpy}; {machine.date}.{copied} Blocks of {BATCH_SIZE}; {clock}, medians of {ROUNDS} rounds (fewer "
        "at sizes where they take over a minute)."
    )


def _waits(found: Findings) -> str:
    waits = found.result(asked.HOST_WAITS)
    return "" if waits is None else f"Observing an epoch made the host wait for the device {waits} times."


def plot(found: Findings, sizes: Sequence[Size], methods: Sequence[str], path: Path) -> None:
    """An epoch's selection beside other things, by size; and every method at one size, part by part."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.6), width_ratios=(3, 2), layout="constrained")
    _beside(left, found, [size for size in sizes if found.cell("d2ace", size)])
    _parts(right, found, methods)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _beside(axes: plt.Axes, found: Findings, sizes: Sequence[Size]) -> None:
    cells = [found.cell("d2ace", size) for size in sizes]
    order = sorted(range(len(sizes)), key=lambda k: sizes[k].cells)
    lines = {
        "loop-written twin (scaled)": ([cell.twin for cell in cells], "s--", "tab:red"),
        "training epoch, CNN (scaled)": ([found.cnn(size) for size in sizes], "^:", "tab:purple"),
        "training epoch, MLP (scaled)": ([cell.mlp for cell in cells], "v:", "tab:gray"),
        "NumPy choice, drawing alone (scaled)": ([cell.choice for cell in cells], "d--", "tab:orange"),
        "D2ACE, all selection work": ([cell.total for cell in cells], "o-", "tab:blue"),
        "elementary operations": ([cell.elementary for cell in cells], "+-", "tab:green"),
        "bytes over copy bandwidth": ([c.observe_floor + c.end_floor for c in cells], "x-", "tab:olive"),
    }
    for name, (values, style, color) in lines.items():
        axes.plot(range(len(order)), [values[k] for k in order], style, color=color, label=name)
    axes.set_yscale("log")
    axes.set_xticks(range(len(order)), [str(sizes[k]).replace(" (", "\n(") for k in order], fontsize=8)
    axes.set_ylabel("seconds an epoch")
    axes.set_xlabel("samples x labels, by the number of cells")
    axes.grid(alpha=0.3)
    axes.margins(x=0.08)
    axes.set_ylim(top=1e3 * axes.get_ylim()[1])  # room for the legend
    axes.legend(fontsize=7, ncols=2, loc="upper left")
    axes.set_title("Selection beside what it is compared with", fontsize=10)


def _parts(axes: plt.Axes, found: Findings, methods: Sequence[str]) -> None:
    cells = {method: cell for method in methods if (cell := found.cell(method, MAIN))}
    if not cells:
        return
    names = sorted(cells, key=lambda name: cells[name].total)
    begun = [0.0] * len(names)
    parts = {
        "observe": [cells[name].observe for name in names],
        "end of epoch": [max(0.0, cells[name].end - cells[name].plan) for name in names],
        "plan": [min(cells[name].plan, cells[name].end) for name in names],
    }
    for name, values in parts.items():
        axes.barh(names, [1e3 * value for value in values], left=begun, label=name)
        begun = [a + 1e3 * b for a, b in zip(begun, values, strict=True)]
    limit = 1.5 * sorted(begun)[-2:][0]
    for place, total in enumerate(begun):
        box = {"pad": 1, "facecolor": "white", "linewidth": 0}
        place_of = {"xytext": (4, 0), "textcoords": "offset points", "va": "center"}
        axes.annotate(f"{total:,.0f}", (min(total, limit), place), fontsize=8, bbox=box, **place_of)
    axes.set_xlim(right=1.2 * limit)
    axes.set_xlabel("milliseconds an epoch (the longest bars are cut)")
    axes.set_title(f"Every method at {MAIN}", fontsize=10)
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3, axis="x")
