"""How well do a selector's suspects find wrong labels? Against cleanlab, on the same predictions and on others.

    python -m pip install cleanlab
    BATCHSIFT_DATA=FOLDER python benchmarks/label_errors.py [FILE.arff ...]

Label cells are flipped: 5 % of all, 5 % of the positives only, or 5 % of the negatives only. A model trains on the
flipped labels, and rankings of the cells are compared by the share of truly flipped cells among the first ones, half as
many as were flipped:

- suspects: what the selector saw during training, for several methods of selection;
- cleanlab, same predictions: its label quality scores of each class, on the latest predictions that Random saw;
- cleanlab, out of sample: the same scores on five-fold cross-validated predictions, as its authors advise. It costs
  five more trainings.

No ranking knows which cells were flipped. What was measured is kept in `label_errors.json` beside this file, so that
the same command goes on where it was stopped, and is written into `docs/label_errors.md`. `--page` does that alone.
"""

import argparse
import json
import os
import re
from itertools import product
from pathlib import Path

import numpy as np
import torch
from cleanlab.multilabel_classification.rank import get_label_quality_scores_per_class
from sklearn.preprocessing import MinMaxScaler

import batchsift as bs
from batchsift.files import write

RESULTS = Path(__file__).with_suffix(".json")
PAGE = Path(__file__).parents[1] / "docs" / "label_errors.md"
SHARE_FLIPPED, SHARE_LISTED = 0.05, 0.5
EPOCHS = (5, 20, 100)
FLIPS = {"all": "all cells", "positives": "positives only", "negatives": "negatives only"}
STEADY, FALLING = ("random", "label_balanced"), ("d2ace",)  # those of the second kind depend on how long training lasts
METHODS = (*STEADY, *FALLING)
CLEANLAB = ("cleanlab, same predictions", "cleanlab, out of sample")


def flip(labels, which, seed):
    """Return which cells are flipped, `(N, L)` boolean."""
    chosen = np.random.default_rng(seed).random(labels.shape) < SHARE_FLIPPED
    return chosen & {"all": True, "positives": labels == 1, "negatives": labels == 0}[which]


def train(features, labels, epochs, seed, method):
    """Train an MLP under a method; yield the model, the selector and the latest predictions after every epoch."""
    torch.manual_seed(seed)
    model = bs.models.build("mlp", features.shape[1], labels.shape[1])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    selector = bs.Selector(labels, method=method, features=features, batch_size=128, epochs=epochs, seed=seed)
    latest = torch.full(labels.shape, 0.5)
    for _ in range(epochs):
        for indices in selector.batches():
            loss, logits = model.training_loss(features[indices], labels[indices])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            selector.observe(indices, logits)
            latest[indices] = logits.detach().sigmoid()
        selector.end_epoch()
        yield model, selector, latest.numpy()


def out_of_sample_probabilities(features, labels, seed):
    """Predict every sample by a model that has not seen it, after each number of epochs."""
    probs = {epochs: np.empty(labels.shape) for epochs in EPOCHS}
    for rest, held_out in bs.data.folds(labels.numpy(), 5, seed):
        for epoch, (model, *_) in enumerate(train(features[rest], labels[rest], max(EPOCHS), seed, "random"), start=1):
            if epoch in EPOCHS:
                with torch.no_grad():
                    probs[epoch][held_out] = model.eval()(features[held_out]).sigmoid().numpy()
                model.train()
    return probs


def cleanlab_ranking(labels, probs):
    """Return all cells, those of the worst quality first, as two arrays."""
    given = [np.flatnonzero(row).tolist() for row in labels.numpy()]
    quality = get_label_quality_scores_per_class(given, probs)
    return np.unravel_index(np.argsort(quality, axis=None, kind="stable"), quality.shape)


def measure(data, which, seed):
    """Return the precision of each ranking after each number of epochs, `{epochs: {ranking: precision}}`."""
    flipped = flip(data.labels, which, seed)
    labels = torch.tensor(np.where(flipped, 1 - data.labels, data.labels), dtype=torch.float32)
    features = torch.tensor(MinMaxScaler().fit_transform(data.features), dtype=torch.float32)
    listed = max(1, round(SHARE_LISTED * flipped.sum()))

    def precision(samples, columns):
        return float(flipped[samples[:listed], columns[:listed]].mean())

    def of_suspects(selector):
        found = selector.suspects(listed)
        return precision(found.samples.numpy(), found.labels.numpy())

    found = {str(epochs): {"flipped": int(flipped.sum())} for epochs in EPOCHS}
    for method in STEADY:
        for epoch, (_, selector, latest) in enumerate(train(features, labels, max(EPOCHS), seed, method), start=1):
            if epoch in EPOCHS:
                found[str(epoch)][method] = of_suspects(selector)
                if method == "random":
                    found[str(epoch)][CLEANLAB[0]] = precision(*cleanlab_ranking(labels, latest))
    for method, epochs in product(FALLING, EPOCHS):
        *_, (_, selector, _) = train(features, labels, epochs, seed, method)
        found[str(epochs)][method] = of_suspects(selector)
    for epochs, probs in out_of_sample_probabilities(features, labels, seed).items():
        found[str(epochs)][CLEANLAB[1]] = precision(*cleanlab_ranking(labels, probs))
    return found


def table(results):
    """Return the lines of the table: means over seeds, a row for data, flips and epochs."""
    yield "| data | flipped | cells | epochs | " + " | ".join([*(f"suspects, {m}" for m in METHODS), *CLEANLAB]) + " |"
    yield "| --- | --- |" + " --- |" * (2 + len(METHODS) + len(CLEANLAB))
    for data, which in dict.fromkeys((one["data"], one["flips"]) for one in results):
        runs = [one["precision"] for one in results if (one["data"], one["flips"]) == (data, which)]
        for epochs in map(str, EPOCHS):
            cells = np.mean([run[epochs]["flipped"] for run in runs])
            numbers = (np.array([run[epochs][name] for run in runs]) for name in (*METHODS, *CLEANLAB))
            shown = " | ".join(f"{one.mean():.3f}" for one in numbers)
            yield f"| {data} | {FLIPS[which]} | {cells:.0f} | {epochs} | {shown} |"


def worst(results):
    """Return, for each method, the row in which it falls furthest behind cleanlab's out-of-sample ranking."""
    for method in METHODS:
        differences = {(one["data"], one["flips"], epochs): [] for one in results for epochs in map(str, EPOCHS)}
        for one in results:
            for epochs in map(str, EPOCHS):
                scores = one["precision"][epochs]
                differences[one["data"], one["flips"], epochs].append(scores[method] - scores[CLEANLAB[1]])
        means = {row: float(np.mean(values)) for row, values in differences.items()}
        (data, which, epochs), lowest = min(means.items(), key=lambda item: item[1])
        behind = sum(mean < -0.05 for mean in means.values())
        yield (
            f"- {method}: at worst {lowest:+.3f} ({data}, {FLIPS[which]}, {epochs} epochs), on average "
            f"{np.mean(list(means.values())):+.3f}; more than 0.05 behind in {behind} of {len(means)} rows"
        )


def write_page(results):
    """Write table and differences between the two marks of the page."""
    seeds = len({one["seed"] for one in results})
    text = "\n".join(
        [
            "Precision:" if seeds == 1 else f"Precision, mean over {seeds} seeds:",
            "",
            *table(results),
            "",
            "Less the precision of cleanlab, out of sample:",
            "",
            *worst(results),
        ]
    )
    page = PAGE.read_text(encoding="utf-8")
    marked = re.compile(r"(<!-- measured -->\n).*?(\n<!-- end of measured -->)", re.DOTALL)
    new, count = marked.subn(lambda match: match[1] + text + match[2], page)
    if count != 1:
        raise ValueError(f"{PAGE} has no marks between which the table belongs")
    PAGE.write_text(new, encoding="utf-8")


def main():
    folder = Path(os.environ.get("BATCHSIFT_DATA", "."), "arff")
    parser = argparse.ArgumentParser(description="Precision of rankings of probable label errors.")
    parser.add_argument(
        "data", nargs="*", default=[str(folder / f"{name}.arff") for name in ("yeast", "scene-train", "emotions")]
    )
    parser.add_argument("--flips", nargs="+", choices=FLIPS, default=list(FLIPS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--page", action="store_true", help="write the page from what was measured before")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for seed, source, which in product(
        range(arguments.seeds), [] if arguments.page else arguments.data, arguments.flips
    ):
        results = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
        data = bs.data.load(source)
        if any((one["data"], one["flips"], one["seed"]) == (data.name, which, seed) for one in results):
            continue
        results.append({"data": data.name, "flips": which, "seed": seed, "precision": measure(data, which, seed)})
        write(RESULTS.parent, {RESULTS.name: (json.dumps(results, indent=1) + "\n").encode()})
    write_page(json.loads(RESULTS.read_text()))


if __name__ == "__main__":
    main()
