"""Methods compared on folders of pictures, with Random's second runs; what a killed call finished is not run again.

    python benchmarks/images.py FOLDER... --out DIR [--seeds 0 1 2] [--epochs 20] [--size 64] [--workers 0]
    python benchmarks/images.py FOLDER... --out DIR --recipe --budgets 1 3 5

1. The usual methods with `resnet-small`, at its usual settings; a comparison for each folder and seed.
2. With `--recipe`: BalancedPass with `pos_weight` beside Random and Random with `pos_weight`, for each budget;
   the learning rate of each loss is searched inside each training part.

Each comparison leaves its files in a folder of its own: `batchsift report DIR/<folder>-...` makes a page of it.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import batchsift as bs

METRICS = "macro_auc,macro_auprc,of1"


def comparisons(options: argparse.Namespace) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name of each comparison and what it is told."""
    for folder in options.folders:
        for seed in options.seeds:
            shared = {"data": str(folder), "seed": seed}
            if not options.recipe:
                yield f"{folder.name}-seed{seed}", {**shared, "epochs": options.epochs}
                continue
            for budget in options.budgets:
                recipe = {"recipe": "short", "epochs": budget, "learning_rate": "auto"}
                yield f"{folder.name}-seed{seed}-recipe{budget}", {**shared, **recipe}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--min-positives", type=int, default=20)
    parser.add_argument("--recipe", action="store_true")
    parser.add_argument("--budgets", nargs="+", type=int, default=[1, 3, 5])
    options = parser.parse_args()
    print("| comparison | method | mAP | gain over random | p |")
    print("| --- | --- | --- | --- | --- |")
    for name, told in comparisons(options):
        comparison = bs.compare(
            **told,
            model="resnet-small",
            size=options.size,
            workers=options.workers,
            min_positives=options.min_positives,
            metrics=METRICS,
            out=options.out / name,
        )
        frame = comparison.to_frame().query("metric == 'macro_auprc'")
        for row in frame.itertuples():
            cells = (name, row.method, f"{row.mean:.4f} ± {row.std:.4f}", f"{row.gain:+.4f}", f"{row.p_value:.3f}")
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
