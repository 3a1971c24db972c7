"""Tables in markdown, and the measured part of the page."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.selection import asked
from benchmarks.selection.around import Loading
from benchmarks.selection.asked import IN_MEMORY, SCORED
from benchmarks.selection.cell import Cell
from benchmarks.selection.claims import Claim, share, state_bytes
from benchmarks.selection.findings import Findings
from benchmarks.selection.sizes import LARGE, MAIN, Size
from benchmarks.selection.storage import METRICS, TYPES, Difference, ScoreError, StorageCost

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def seconds(value: float | None) -> str:
    """Three digits at most."""
    if value is None:
        return "-"
    if value < 1:
        return f"{value * 1e3:.3g} ms"
    return f"{value:.3g} s" if value < 1000 else f"{value / 60:,.0f} min"


def size_of(count: float) -> str:
    """Bytes."""
    return f"{count / 2**20:,.0f} MiB" if count < 2**30 else f"{count / 2**30:.2f} GiB"


def times(value: float, of: float | None) -> str:
    """A ratio."""
    return "-" if not of else f"{value / of:,.3g}" if value / of < 1000 else f"{value / of:,.0f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """In markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def claim_table(claims: Iterable[Claim]) -> str:
    """Targets and what was reached."""
    rows = [[claim.text, claim.limit, claim.value, claim.verdict] for claim in claims]
    return table(["what", "target", "measured", "holds"], rows)


def cost_table(found: Findings, sizes: Iterable[Size]) -> str:
    """D2ACE by size: what it costs."""
    rows = []
    for size in sizes:
        cell = found.cell("d2ace", size)
        if cell is None:
            rows.append([str(size), found.reason(asked.cell("d2ace", size)), *["-"] * 5])
            continue
        parts = [seconds(value) for value in (cell.observe, cell.end, cell.plan, cell.construct)]
        peak = f"{size_of(cell.peak)} ({cell.peak / state_bytes(size):.2f})"
        rows.append([str(size), *parts, size_of(cell.state), peak])
    head = ["N x L", "observe", "end of epoch", "of which the plan", "construction", "state", "peak (over state)"]
    return table(head, rows)


def beside_table(found: Findings, sizes: Iterable[Size]) -> str:
    """D2ACE by size: all selection work of an epoch beside other things."""
    rows = []
    for size in sizes:
        cell, cnn = found.cell("d2ace", size), found.cnn(size)
        if cell is None:
            continue
        total = cell.total
        rows.append(
            [
                str(size),
                seconds(total),
                f"{times(cell.twin, total)} ({seconds(cell.twin)})",
                times(cell.twin_loops, total),
                times(total, cell.elementary),
                times(total, cell.observe_floor + cell.end_floor),
                times(cell.choice, cell.plan),
                f"{share(total, cell.mlp):.2g} %",
                f"{share(total, cnn):.2g} %" if cnn else "-",
            ]
        )
    head = ["N x L", "an epoch", "twin", "its N x L loops", "elementary", "bytes", "choice", "of MLP", "of CNN"]
    return table(head, rows)


def method_table(found: Findings, sizes: Sequence[Size], methods: Sequence[str]) -> str:
    """All methods: an epoch's selection, and the peak of memory, at every size."""

    def entry(method: str, size: Size) -> str:
        cell = found.cell(method, size)
        if cell is None:
            return found.reason(asked.cell(method, size))
        return f"{seconds(cell.total)}, {size_of(cell.peak)}"

    rows = [[method, *(entry(method, size) for size in sizes)] for method in methods]
    return table(["method", *map(str, sizes)], rows)


def part_table(found: Findings, size: Size, methods: Sequence[str]) -> str:
    """All methods at one size, part by part."""
    cells = {method: found.cell(method, size) for method in methods}
    rows = [
        [
            method,
            *(seconds(value) for value in (cell.observe, cell.end, cell.plan)),
            size_of(cell.state),
            times(cell.total, cell.observe_floor + cell.end_floor),
            times(cell.twin, cell.total) if cell.twin else "-",
        ]
        for method, cell in cells.items()
        if cell
    ]
    return table(["method", "observe", "end of epoch", "of which the plan", "state", "bytes", "twin"], rows)


def storage_table(found: Findings) -> str:
    """Storage types: time, state, error of the scores."""
    cost, errors = found.of(asked.STORAGE_COST, StorageCost), found.result(asked.SCORE_ERRORS) or {}
    if cost is None:
        return ""
    half = found.of(asked.cell("d2ace", LARGE, "float16"), Cell)
    rows = []
    for name in TYPES:
        scores = [
            f"{error.largest:.1e} / {error.mean:.1e} / {error.rank_correlation:.6f}"
            for error in (ScoreError(**each) for each in errors.get(name, {}).values())
        ]
        rows.append([name, seconds(cost.seconds[name]), size_of(cost.state[name]), *(scores or ["-", "-"])])
    head = ["storage", f"an epoch, {MAIN}", "state", f"uncertainty, {SCORED}", "hardness"]
    note = f"\n\nfloat16 at {LARGE}: state {size_of(half.state)}, peak {size_of(half.peak)}." if half else ""
    return table(head, rows) + note


def difference_table(found: Findings, sources: Iterable[str]) -> str:
    """Storage types: results of trainings."""
    rows = []
    for source in sources:
        for name, metrics in (found.result(asked.differences(source)) or {}).items():
            less = [Difference(**metrics[metric]) for metric in METRICS]
            rows.append([Path(source).stem, name, *(f"{each.mean:+.4f} ({each.deviation:.4f})" for each in less)])
    return table(["data", "less float32", *METRICS], rows) if rows else ""


def loading_table(found: Findings) -> str:
    """Rows in memory."""
    times_ = found.of(asked.LOADING, Loading)
    if times_ is None:
        return ""
    rows = [
        ["walked through", seconds(times_.batches), seconds(times_.loader)],
        ["trained on (MLP)", seconds(times_.batches_training), seconds(times_.loader_training)],
    ]
    return table([f"{IN_MEMORY.samples:,} rows of 2,048 features", "`batches()`", "`DataLoader`"], rows)


def into_page(page: Path, measured: str) -> None:
    """Put the measured part between its marks."""
    text = page.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise ValueError(f"{page} has no {BEGIN} … {END} to put the figures between")
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    page.write_text(f"{head}{BEGIN}\n{measured.strip()}\n{END}{tail}", encoding="utf-8")
