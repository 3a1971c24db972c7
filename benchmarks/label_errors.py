"""How well do a selector's suspects find wrong labels? Against cleanlab, on the same predictions.

    python -m pip install cleanlab
    python benchmarks/label_errors.py [digits | FILE.arff ...]

5 % of all label cells are flipped at random. A model trains on the flipped labels under D2ACE, and three rankings of
the cells are compared by precision at k (the share of the k most suspicious cells that were truly flipped):

- suspects: hardness times steadiness, from all that the selector saw during training;
- cleanlab, same predictions: its label quality scores of each class, on the latest predictions the selector saw;
- cleanlab, out of sample: the same scores on five-fold cross-validated predictions, as its authors advise. It costs
  five more trainings.
"""

import argparse

import numpy as np
import torch
from cleanlab.multilabel_classification.rank import get_label_quality_scores_per_class
from rich.console import Console
from rich.table import Table
from sklearn.preprocessing import MinMaxScaler

import batchsift as bs

SHARE_FLIPPED = 0.05
RANKINGS = ("suspects", "cleanlab, same predictions", "cleanlab, out of sample")


def train(features, labels, epochs, seed):
    """Train an MLP under D2ACE; return it with its selector."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = bs.models.build("mlp", features.shape[1], labels.shape[1])
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        selector = bs.Selector(labels, method="d2ace", features=features, batch_size=128, epochs=epochs, seed=seed)
        for _ in range(epochs):
            for indices in selector.batches():
                loss, logits = model.training_loss(features[indices], labels[indices])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                selector.observe(indices, logits)
            selector.end_epoch()
    return model, selector


def out_of_sample_probabilities(features, labels, epochs, seed):
    """Predict every sample by a model that has not seen it."""
    probs = np.empty(labels.shape)
    for rest, held_out in bs.data.folds(labels.numpy(), 5, seed):
        model, _ = train(features[rest], labels[rest], epochs, seed)
        with torch.no_grad():
            probs[held_out] = model.eval()(features[held_out]).sigmoid().numpy()
    return probs


def cleanlab_ranking(labels, probs):
    """Return all cells, those of the worst quality first, `(N * L, 2)`."""
    given = [np.flatnonzero(row).tolist() for row in labels.numpy()]
    quality = get_label_quality_scores_per_class(given, probs)
    order = np.argsort(quality, axis=None, kind="stable")
    return np.stack(np.unravel_index(order, quality.shape), axis=1)


def precisions(data, epochs, seed):
    """Return the precision of each ranking at 10 %, 50 % and 100 % of the number of flipped cells: (3, 3)."""
    generator = np.random.default_rng(seed)
    flipped = generator.random(data.labels.shape) < SHARE_FLIPPED
    labels = torch.tensor(np.where(flipped, 1 - data.labels, data.labels), dtype=torch.float32)
    features = torch.tensor(MinMaxScaler().fit_transform(data.features), dtype=torch.float32)
    _, selector = train(features, labels, epochs, seed)
    latest = selector.method.predictions.latest().double().numpy()
    count = int(flipped.sum())
    rankings = (
        selector.suspects(count).numpy(),
        cleanlab_ranking(labels, latest),
        cleanlab_ranking(labels, out_of_sample_probabilities(features, labels, epochs, seed)),
    )
    cuts = [round(share * count) for share in (0.1, 0.5, 1.0)]
    return [[flipped[tuple(ranking[:cut].T)].sum() / cut for cut in cuts] for ranking in rankings]


def main():
    parser = argparse.ArgumentParser(description="Precision at k of rankings of probable label errors.")
    parser.add_argument("data", nargs="*", default=["digits"])
    parser.add_argument("--epochs", type=int, nargs="+", default=[5, 20, 60])
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    table = Table("data", "epochs", "ranking", "P@10%", "P@50%", "P@100%", title="mean over seeds (standard deviation)")
    for source in arguments.data:
        data = bs.data.load(source)
        for epochs in arguments.epochs:
            found = np.array([precisions(data, epochs, seed) for seed in range(arguments.seeds)])
            for name, mean, sd in zip(RANKINGS, found.mean(0), found.std(0, ddof=1), strict=True):
                table.add_row(
                    data.name, str(epochs), name, *(f"{m:.3f} ({s:.3f})" for m, s in zip(mean, sd, strict=True))
                )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
