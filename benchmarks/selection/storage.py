"""Storage types: time, memory, what they do to the scores and to the results of a training.

Shapes: N samples, L labels, B rows of a block.
"""

import statistics
from dataclasses import dataclass

import numpy as np
import torch

import batchsift as bs
from batchsift.metrics import evaluate
from benchmarks.selection.selecting import medians
from benchmarks.selection.sizes import BATCH_SIZE, Size, labels_of, neighbors_of
from benchmarks.selection.stability import ROUNDS, training_of

TYPES = ("float32", "float16", "bfloat16")
DRIFTING_EPOCHS = 6
METRICS = ("macro_auc", "ranking_loss", "macro_f1")


@dataclass(frozen=True)
class StorageCost:
    """D2ACE's median seconds an epoch and bytes of state, by storage type, measured in turns."""

    seconds: dict[str, float]
    state: dict[str, int]


def cost(size: Size, device: str, rounds: int = ROUNDS) -> StorageCost:
    """All types at one size."""
    trainings = {name: training_of("d2ace", size, device, storage=name) for name in TYPES}
    epochs = [{name: training.epoch() for name, training in trainings.items()} for _ in range(rounds)]
    seconds = {name: medians([each[name] for each in epochs]).total for name in TYPES}
    return StorageCost(seconds, {name: training.state_bytes() for name, training in trainings.items()})


@dataclass(frozen=True)
class ScoreError:
    """Scores against those of float64 storage; differences are shares of the range of the float64 scores."""

    largest: float
    mean: float
    rank_correlation: float


def score_errors(size: Size, device: str) -> dict[str, dict[str, ScoreError]]:
    """By storage type and score, after some epochs of logits that move towards the labels."""
    labels_NL, neighbors_NK = labels_of(size), neighbors_of(size)
    generator = torch.Generator().manual_seed(3)
    start_NL = torch.randn(labels_NL.shape, generator=generator)
    goal_NL = 6 * labels_NL.float() - 4 + torch.randn(labels_NL.shape, generator=generator)
    selectors = {
        name: bs.Selector(
            labels_NL,
            method=bs.D2ACE(neighbors=neighbors_NK, storage=getattr(torch, name), warmup=0),
            batch_size=BATCH_SIZE,
            epochs=DRIFTING_EPOCHS + 1,
            device=device,
        )
        for name in ("float64", *TYPES)
    }
    for epoch in range(DRIFTING_EPOCHS):
        logits_NL = torch.lerp(start_NL, goal_NL, epoch / (DRIFTING_EPOCHS - 1))
        logits_NL += 0.3 * torch.randn(labels_NL.shape, generator=generator)
        for selector in selectors.values():
            for indices in torch.arange(size.samples).split(BATCH_SIZE):
                selector.observe(indices, logits_NL[indices].to(device), in_plan=False)
    scores = {name: selector.scores for name, selector in selectors.items()}
    return {name: {k: score_error(v, scores["float64"][k]) for k, v in scores[name].items()} for name in TYPES}


def score_error(score_N: torch.Tensor, exact_N: torch.Tensor) -> ScoreError:
    """How far scores are from exact ones."""
    from scipy.stats import spearmanr  # noqa: PLC0415 -- heavy

    score, exact = score_N.double().cpu().numpy(), exact_N.double().cpu().numpy()
    away = np.abs(score - exact) / np.ptp(exact)
    return ScoreError(float(away.max()), float(away.mean()), float(spearmanr(score, exact).statistic))


@dataclass(frozen=True)
class Difference:
    """Test metric of a training less that of another with the same seed: mean and deviation over seeds."""

    mean: float
    deviation: float


def result_differences(source: str, epochs: int, seeds: int) -> dict[str, dict[str, Difference]]:
    """By storage type and metric, against float32; "other draws" has float32, another seed of selection."""
    data = bs.data.load(source)
    found: dict[str, list[np.ndarray]] = {name: [] for name in ("other draws", *TYPES[1:])}
    for seed in range(seeds):
        plain = _test_metrics(data, epochs, seed, seed, "float32")
        found["other draws"].append(_test_metrics(data, epochs, seed, seed + 1000, "float32") - plain)
        for name in TYPES[1:]:
            found[name].append(_test_metrics(data, epochs, seed, seed, name) - plain)
    return {
        name: {metric: _difference([row[k] for row in rows]) for k, metric in enumerate(METRICS)}
        for name, rows in found.items()
    }


def _difference(values: list[float]) -> Difference:
    return Difference(statistics.fmean(values), statistics.stdev(values))


def _test_metrics(data, epochs: int, seed: int, selection_seed: int, storage: str) -> np.ndarray:
    """Metrics on a held-out fold of an MLP trained under D2ACE."""
    rest, held_out = next(iter(bs.data.folds(data.labels, 5, seed)))
    features = torch.tensor(data.features, dtype=torch.float32)
    low, high = features[rest].amin(0), features[rest].amax(0)
    features = (features - low) / (high - low).clamp(min=1e-9)
    labels = torch.tensor(data.labels, dtype=torch.float32)
    x, y = features[rest], labels[rest]
    method = bs.D2ACE(storage=getattr(torch, storage))
    selector = bs.Selector(y, method=method, features=x, batch_size=128, epochs=epochs, seed=selection_seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = bs.models.build("mlp", x.shape[1], y.shape[1])
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        for _ in range(epochs):
            for indices in selector.batches():
                loss, logits = model.training_loss(x[indices], y[indices])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                selector.observe(indices, logits)
            selector.end_epoch()
    with torch.no_grad():
        probs = model.eval()(features[held_out]).sigmoid()
    metrics = evaluate(probs, labels[held_out])
    return np.array([metrics[name] for name in METRICS])
