"""What the base models reach with random batches, by the papers' and by the tuned settings.

    BATCHSIFT_DATA=FOLDER python benchmarks/model_figures.py [DATA ...] [--models MODEL ...] [--settings tuned paper]
    python benchmarks/model_figures.py --tables            # without training: the tables of docs/models.md again

Five folds of the protocol; test metrics at the epoch with the highest validation Macro-AUC. Every run goes to
`benchmarks/model_figures.json` when it is done, and is not repeated unless its settings have changed. The tables of
docs/models.md are written from that file, from `presets.json` and from `tuning.json`.
"""

import argparse
import json
import re
from pathlib import Path
from statistics import fmean, stdev

from tune import FOUND, SETS, load

from batchsift import models
from batchsift.training import presets
from batchsift.training.fold import run_fold
from batchsift.training.prepare import prepare
from batchsift.training.settings import BEFORE, Settings

FIGURES = Path(__file__).with_name("model_figures.json")
PAGE = Path(__file__).parents[1] / "docs" / "models.md"
SHOWN = {"macro_auc": "Macro-AUC", "ranking_loss": "ranking loss", "macro_f1": "Macro-F1", "micro_f1": "Micro-F1"}
# What was asked of the best of the four published models: metric, bound, whether more is better.
ASKED = {
    "emotions": ("macro_auc", 0.86, True),
    "yeast": ("macro_auc", 0.73, True),
    "scene": ("ranking_loss", 0.063, False),
    "birds": ("macro_auc", 0.82, True),
}


def measure(name, model, setting, seed):
    """Run the folds that are not in the file yet."""
    recipe = presets.preset(setting, model=model, data=name)
    figures = read(FIGURES)
    entry = figures.get(key := f"{name} {model} {setting}")
    if entry is None or entry["seed"] != seed or not uses(entry, recipe):
        chosen = {"settings": dict(recipe.settings), "hyperparameters": dict(recipe.hyperparameters)}
        entry = {**chosen, "seed": seed, "folds": []}
    prepared = prepare(load(name), Settings(**recipe.settings), seed=seed)
    for fold in range(len(entry["folds"]), len(prepared.splits)):
        result = run_fold(prepared, model=model, method="random", fold=fold, hyperparameters=recipe.hyperparameters)
        entry["folds"].append(
            {
                "metrics": {metric: round(value, 5) for metric, value in result.metrics.items()},
                "last_macro_auc": round(result.last_metrics["macro_auc"], 5),
                "best_epoch": result.best_epoch + 1,
                "seconds": round(result.total_seconds, 1),
            }
        )
        figures = read(FIGURES)
        figures[key] = entry
        FIGURES.write_text(json.dumps(dict(sorted(figures.items())), indent=1) + "\n", encoding="utf-8")
        print(f"{key} fold {fold + 1}: {result.metrics['macro_auc']:.4f} {result.total_seconds:.0f} s", flush=True)


def read(path):
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def values(figures, name, model, setting, metric):
    """Return one value a fold; none where the five folds were not all run by the present settings."""
    entry = figures.get(f"{name} {model} {setting}", {"folds": []})
    if len(entry["folds"]) < Settings().num_folds or not uses(entry, presets.preset(setting, model=model, data=name)):
        return []
    return [fold["metrics"][metric] for fold in entry["folds"]]


def uses(entry, recipe):
    """Return whether what was measured was measured by that recipe."""
    settings = ({**BEFORE, **one} for one in (entry["settings"], recipe.settings))
    return len({json.dumps(one, sort_keys=True) for one in settings}) == 1 and (
        entry["hyperparameters"] == recipe.hyperparameters
    )


def rows_of_figures(figures):
    yield ["data", "model", "settings", *SHOWN.values(), "Macro-AUC, last epoch", "best epoch"]
    for name in SETS:
        for model in models.names():
            for setting in presets.NAMES:
                if not values(figures, name, model, setting, "macro_auc"):
                    continue
                cells = (values(figures, name, model, setting, metric) for metric in SHOWN)
                entry = figures[f"{name} {model} {setting}"]
                epochs = entry["settings"].get("epochs", Settings().epochs)
                best = fmean(fold["best_epoch"] for fold in entry["folds"])
                texts = (f"{fmean(folds):.4f} ± {stdev(folds):.4f}" for folds in cells)
                last = fmean(fold["last_macro_auc"] for fold in entry["folds"])
                yield [name, model, setting, *texts, f"{last:.4f}", f"{best:.0f} of {epochs}"]


def rows_of_targets(figures):
    """Yield the best of the four published models against what was asked, and the values of all."""
    four = [model for model in models.names() if model != "mlp"]
    yield ["data", "metric", "asked", "best measured of the four", *models.names()]
    for name, (metric, bound, more) in ASKED.items():
        means = {
            model: fmean(folds) for model in models.names() if (folds := values(figures, name, model, "tuned", metric))
        }
        if not (candidates := [model for model in four if model in means]):
            continue
        best = (max if more else min)(candidates, key=means.__getitem__)
        met = means[best] >= bound if more else means[best] <= bound
        verdict = f"{best} {means[best]:.4f}, {'reached' if met else f'{abs(means[best] - bound):.4f} short'}"
        asked = f"{'≥' if more else '≤'} {bound}"
        each = (f"{means[model]:.4f}" if model in means else "" for model in models.names())
        yield [name, SHOWN[metric], asked, verdict, *each]


def rows_of_settings(found):
    sizes = "folds", "trials", "minutes"
    yield ["data", "model", "learning rate", "weight decay", "epochs", "hyperparameters", *sizes, "score"]
    for name in SETS:
        for model in models.names():
            if name not in found.get(model, {}):
                continue
            recipe, search = presets.preset("tuned", model=model, data=name), found[model][name]
            chosen = (f"{recipe.settings[key]:g}" for key in ("learning_rate", "weight_decay", "epochs"))
            options = ", ".join(f"`{key}` {value}" for key, value in recipe.hyperparameters.items())
            effort = search["folds"], f"{search['trials']} ({search['completed']} complete)", search["minutes"]
            start = "" if search["start"] is None else f" (first trial {search['start']:.4f})"
            yield [name, model, *chosen, options, *effort, f"{search['value']:.4f}{start}"]


def markdown(rows):
    head, *body = ([str(cell) for cell in row] for row in rows)
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *body])


def write_tables():
    """Write the tables between their marks on the page."""
    figures = read(FIGURES)
    tables = {
        "figures": rows_of_figures(figures),
        "targets": rows_of_targets(figures),
        "settings": rows_of_settings(read(FOUND)),
    }
    page = PAGE.read_text(encoding="utf-8")
    for mark, rows in tables.items():
        table = f"<!-- {mark}: written by benchmarks/model_figures.py -->\n\n{markdown(rows)}\n\n<!-- end -->"
        page, count = re.subn(rf"<!-- {mark}: .*?<!-- end -->", lambda _, table=table: table, page, flags=re.DOTALL)
        if count != 1:
            raise SystemExit(f"{PAGE} needs one place marked '<!-- {mark}: -->' to '<!-- end -->', found {count}")
    PAGE.write_text(page, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description="What the base models reach with random batches.")
    parser.add_argument("data", nargs="*", default=SETS)
    parser.add_argument("--models", nargs="+", default=models.names())
    parser.add_argument("--settings", nargs="+", choices=presets.NAMES, default=["tuned"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tables", action="store_true", help="write the tables of the page, train nothing")
    arguments = parser.parse_args()
    if arguments.tables:
        write_tables()
        return
    for name in arguments.data:
        for setting in arguments.settings:
            for model in arguments.models:
                measure(name, model, setting, arguments.seed)


if __name__ == "__main__":
    main()
