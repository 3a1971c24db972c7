"""The drawings of the architecture page, as SVG: `python docs/tools/drawings.py` writes them anew.

Each has a ground of its own and follows the system's light or dark colors, so it can be read on any page.
"""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "drawings"
STYLE = """
.ground { fill: #ffffff; stroke: #d5dbe1 }
text { font-family: system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1c2733; text-anchor: middle }
.name { font-size: 17px; font-weight: 600 }
.note { font-size: 13px; fill: #3f4d5c }
.caption { font-size: 14px; font-style: italic; fill: #3f4d5c }
.core { fill: #d3f0ea; stroke: #00897b }
.laboratory { fill: #dde7fb; stroke: #4a6fc4 }
.ground-floor { fill: #eceff2; stroke: #8593a2 }
.outside { fill: none; stroke: #8593a2; stroke-dasharray: 6 4 }
.frame { fill: none; stroke: #b9c2cc; stroke-dasharray: 2 4 }
.arrow { fill: none; stroke: #5b6976; stroke-width: 1.8; marker-end: url(#head) }
.head { fill: #5b6976 }
@media (prefers-color-scheme: dark) {
  .ground { fill: #1b222b; stroke: #3a4652 }
  text { fill: #eef2f6 }
  .note, .caption { fill: #c0cad4 }
  .core { fill: #0f4640; stroke: #3fb5a5 }
  .laboratory { fill: #263b68; stroke: #8aa6ea }
  .ground-floor { fill: #323c47; stroke: #8593a2 }
  .frame { stroke: #56626f }
  .arrow { stroke: #aab5c0 }
  .head { fill: #aab5c0 }
}
"""
HEAD = (
    '<marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
    '<path class="head" d="M0 0 10 5 0 10z"/></marker>'
)


def box(kind: str, name: str, note: str, corner: tuple[int, int], size: tuple[int, int]) -> str:
    """Draw a box with a name and, under it, a line or two (parted by `|`) that say what it is."""
    (left, top), (width, height), notes = corner, size, note.split("|")
    middle = left + width / 2
    first = top + height / 2 - 9 * (len(notes) - 1) - 4
    lines = "".join(
        f'<text class="note" x="{middle}" y="{first + 20 + 17 * at}">{escape(line)}</text>'
        for at, line in enumerate(notes)
    )
    return (
        f'<rect class="{kind}" x="{left}" y="{top}" width="{width}" height="{height}" rx="8" stroke-width="1.5"/>'
        f'<text class="name" x="{middle}" y="{first}">{escape(name)}</text>{lines}'
    )


def arrow(*points: tuple[int, int]) -> str:
    """Draw an arrow along some points."""
    path = " ".join(f"{x} {y}" for x, y in points)
    return f'<path class="arrow" d="M{path}"/>'


def caption(text: str, x: int, y: int) -> str:
    """Write a line beside the boxes."""
    return f'<text class="caption" x="{x}" y="{y}">{escape(text)}</text>'


def drawing(title: str, width: int, height: int, shapes: Iterable[str]) -> str:
    """Put shapes on a ground."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            f"<defs>{HEAD}</defs>",
            f'<rect class="ground" x="1" y="1" width="{width - 2}" height="{height - 2}" rx="12"/>',
            *shapes,
            "</svg>\n",
        ]
    )


def rooms() -> str:
    """Draw the rooms of the package and who uses whom."""
    core, laboratory, floor = "core", "laboratory", "ground-floor"
    shapes: Sequence[str] = [
        caption("Arrows are the main imports. None runs back.", 220, 50),
        box("outside", "your training loop", "plain PyTorch, or a framework", (30, 100), (380, 58)),
        box(core, "integrations", "Lightning, Trainer,|Accelerate", (30, 258), (185, 70)),
        box(core, "testing", "the checks of|every method", (225, 258), (185, 70)),
        box(core, "loading", "samples with|their indices", (30, 372), (145, 70)),
        box(core, "selection", "Selector: plan, position,|observing", (185, 372), (225, 70)),
        box(core, "methods", "one published method, one file", (30, 482), (380, 58)),
        box(core, "trackers", "what is remembered", (30, 580), (170, 58)),
        box(core, "labels", "a label matrix", (240, 580), (170, 58)),
        box(floor, "functional", "pure formulas: signals, correlation, sampling", (30, 680), (380, 58)),
        box(laboratory, "cli", "options, exit codes", (490, 25), (220, 58)),
        box(laboratory, "verbs", "compare, train, load_model", (740, 25), (230, 58)),
        box(laboratory, "report", "tables for the console, the page: draws, decides nothing", (490, 122), (480, 58)),
        box(laboratory, "studies", "file, grid, record, store, run, analysis", (490, 219), (480, 58)),
        box(laboratory, "training", "one loop: settings, folds, fit, model", (490, 378), (330, 58)),
        box(floor, "models", "one paper,|one file", (490, 674), (108, 70)),
        box(floor, "data", "readers, splits,|catalog", (608, 674), (118, 70)),
        box(floor, "metrics", "multi-label", (736, 674), (98, 70)),
        box(floor, "statistics", "tests, intervals,|ranks", (844, 674), (126, 70)),
        box(floor, "files, messages", "atomic writing, CSV, JSON; the wording of mistakes", (30, 782), (940, 58)),
        arrow((122, 158), (122, 254)),
        arrow((410, 129), (450, 129), (450, 390), (414, 390)),
        arrow((80, 328), (80, 368)),
        arrow((205, 328), (205, 368)),
        arrow((318, 328), (318, 368)),
        arrow((297, 442), (297, 478)),
        arrow((115, 540), (115, 576)),
        arrow((325, 540), (325, 576)),
        arrow((220, 540), (220, 676)),
        arrow((710, 54), (736, 54)),
        arrow((600, 83), (600, 118)),
        arrow((855, 83), (855, 118)),
        arrow((730, 180), (730, 215)),
        arrow((655, 277), (655, 374)),
        arrow((907, 277), (907, 670)),
        arrow((490, 420), (414, 420)),
        arrow((544, 436), (544, 670)),
        arrow((667, 436), (667, 670)),
        arrow((785, 436), (785, 670)),
        arrow((730, 744), (730, 778)),
    ]
    return drawing("The rooms of batchsift and their imports", 1000, 865, shapes)


def logit() -> str:
    """Draw the way from what a model predicts to the batches of the next epoch."""
    core, outside = "core", "outside"
    shapes: Sequence[str] = [
        '<rect class="frame" x="20" y="50" width="708" height="116"/>',
        caption("every batch", 375, 40),
        box(outside, "your model", "a batch in, logits (B, L) out", (40, 72), (200, 72)),
        box(core, "selector.observe", "checks the block,|moves the position", (285, 72), (200, 72)),
        box(core, "trackers", "latest prediction, steps,|flips: (N, L) each", (525, 72), (185, 72)),
        '<path class="frame" d="M752 50H980V342H264V226H752Z"/>',
        caption("once an epoch: selector.end_epoch", 620, 366),
        box(core, "signals", "uncertainty, hardness:|(N, L)", (775, 72), (185, 72)),
        box(core, "scores", "label weights and|correlation: (N,)", (775, 248), (185, 72)),
        box(core, "probabilities", "selection pressure:|(N,) float64, CPU", (525, 248), (205, 72)),
        box(core, "plan", "from seed, epoch,|probabilities", (285, 248), (195, 72)),
        box(outside, "DataLoader", "cuts the plan into|the same blocks", (40, 248), (200, 72)),
        arrow((240, 108), (281, 108)),
        arrow((485, 108), (521, 108)),
        arrow((710, 108), (771, 108)),
        arrow((867, 144), (867, 244)),
        arrow((775, 284), (734, 284)),
        arrow((525, 284), (484, 284)),
        arrow((285, 284), (244, 284)),
        arrow((140, 248), (140, 148)),
    ]
    return drawing("From a logit to the next plan", 1000, 385, shapes)


def main() -> None:
    """Write the drawings."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "rooms.svg").write_text(rooms(), encoding="utf-8")
    (FOLDER / "logit.svg").write_text(logit(), encoding="utf-8")


if __name__ == "__main__":
    main()
