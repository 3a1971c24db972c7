"""A study's store whose numbers are made up: what the report reads, without training anything.

L labels, E epochs. Everything follows from the names and the seed, so the same call writes the same files.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from batchsift.metrics import METRICS

SIGNALS = {
    "uncertainty": ("uncertainty", "entropy", "fluctuation"),
    "d2ace": ("uncertainty", "entropy", "fluctuation", "hardness", "flip_ema", "loss"),
    "hard": ("loss",),
}
VERSIONS = {"python": "3.11.7", "torch": "2.13.0", "numpy": "2.4.6", "batchsift": "0.1.0"}
MACHINE = {"system": "Linux", "processor": "x86_64", "cores": 2}


def generator(*names: object) -> np.random.Generator:
    return np.random.default_rng(list(hashlib.sha256(repr(names).encode()).digest()[:8]))


def configs(data, models, methods, settings, folds, seeds, epochs):
    return [
        {
            "data": name,
            "model": model,
            "method": method,
            "base_method": method,
            "settings": setting,
            "fold": fold,
            "seed": seed,
            "hyperparameters": {"hidden": 64},
            "training": {"epochs": epochs, "batch_size": 128, "num_folds": max(2, folds)},
            "method_options": {},
            "data_fingerprint": hashlib.sha256(name.encode()).hexdigest()[:12],
        }
        for name in data
        for setting in settings
        for model in models
        for seed in range(seeds)
        for fold in range(folds)
        for method in methods
    ]


def key_of(config: Mapping) -> str:
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:20]


def write_study(
    folder: Path,
    *,
    data: Sequence[str] = ("emotions", "scene", "yeast"),
    models: Sequence[str] = ("mlp",),
    methods: Sequence[str] = ("random", "uncertainty", "d2ace"),
    settings: Sequence[str] = ("paper",),
    folds: int = 5,
    seeds: int = 1,
    epochs: int = 30,
    labels: int = 6,
    gain: Mapping[str, float] | None = None,
    label_name: str = "label {}",
    failed: Sequence[int] = (),
    left: Sequence[int] = (),
) -> Path:
    """Writes a store.

    Args:
        gain: Method to what it adds to Random's scores.
        label_name: With a place for the number.
        failed: Numbers of the cells that failed.
        left: Numbers of the cells that have not run.
    """
    gain = {"uncertainty": 0.004, "d2ace": 0.02} if gain is None else gain
    every = configs(data, models, methods, settings, folds, seeds, epochs)
    (folder / "cells").mkdir(parents=True, exist_ok=True)
    for number, config in enumerate(every):
        if number in left:
            continue
        content = failure(config) if number in failed else done(config, labels, gain, label_name)
        (folder / "cells" / f"{content['key']}.json").write_text(json.dumps(content, allow_nan=False))
    study = {
        "format": 1,
        "command": ["batchsift", "study", "run", "study.toml", "--out", "results"],
        "cells": [{"key": key_of(config), "config": config} for config in every],
    }
    (folder / "study.json").write_text(json.dumps(study))
    return folder


def failure(config: Mapping) -> dict:
    return {
        "format": 1,
        "status": "failed",
        "key": key_of(config),
        "config": config,
        "versions": VERSIONS,
        "machine": MACHINE,
        "error": {
            "type": "DivergedError",
            "message": "training diverged: <b>not numbers</b>",
            "traceback": "Traceback (most recent call last):\n  File <somewhere>\nDivergedError: training diverged",
        },
        "warnings": [],
        "timings": {"started": "2026-01-01T00:00:00+00:00", "cell_seconds": 1.0},
    }


def done(config: Mapping, labels: int, gain: Mapping[str, float], label_name: str) -> dict:
    data, model, method, setting, fold, seed = (
        config[k] for k in ("data", "model", "method", "settings", "fold", "seed")
    )
    epochs = config["training"]["epochs"]
    own = generator(data, model, method, setting, fold, seed)
    shared = generator(data, model, fold, seed)
    level = 0.7 + 0.2 * generator(data, model).random() + shared.normal(0, 0.012) + gain.get(method, 0.0)
    speed = (4 + 2 * generator(data).random()) * (1.5 + 12 * gain.get(method, 0.0)) / epochs
    curve_E = level - 0.25 * np.exp(-speed * np.arange(epochs)) + own.normal(0, 0.003, epochs)
    best = int(curve_E.argmax())
    names = [label_name.format(j) for j in range(labels)]
    counts_L = (400 * 0.75 ** np.arange(labels)).astype(int) + 21
    signals = SIGNALS.get(method, ())
    return {
        "format": 1,
        "status": "done",
        "key": key_of(config),
        "config": config,
        "versions": VERSIONS,
        "machine": MACHINE,
        "warnings": [],
        "data": {
            "name": data,
            "num_samples": 1000,
            "num_features": 72,
            "num_labels": labels,
            "label_names": names,
            "removed_labels": ["rare"],
            "removed_samples": 3,
            "num_train": 720,
            "num_validation": 80,
            "num_test": 200,
            "label_counts": counts_L.tolist(),
        },
        "epochs": [epoch(e, epochs, value, method, signals, counts_L, own) for e, value in enumerate(curve_E)],
        "best_epoch": best,
        "metrics": metrics(float(curve_E[best]) - 0.01 + own.normal(0, 0.002)),
        "last_metrics": metrics(float(curve_E[-1]) - 0.012),
        "label_metrics": {
            key: [None, *np.clip(level + own.normal(0, 0.03, labels - 1), 0, 1).round(5).tolist()]
            for key in ("auc", "average_precision", "f1")
        },
        "draws": {"quantiles": np.linspace(0.2 * epochs, (1.0 + 1.5 * bool(signals)) * epochs, 21).tolist()},
        "suspects": [
            {"sample": int(i), "label": names[int(i) % labels], "hardness": float(0.99 - n / 50)}
            for n, i in enumerate(generator(data).permutation(1000)[fold : fold + 8])
        ]
        if "loss" in signals
        else [],
        "timings": {
            "started": "2026-01-01T00:00:00+00:00",
            "cell_seconds": 5.0,
            "recording_seconds": 0.1,
            "selection_seconds": 0.1 + 0.3 * len(signals),
            "total_seconds": 4.0 + 0.3 * len(signals),
        },
    }


def epoch(e, epochs, value, method, signals, counts_L, own):
    settled = np.exp(-3 * e / epochs)
    rare_L = 1 - counts_L / counts_L.max()
    quantiles = np.linspace(0, 1, 21) ** (1 + 2 * (1 - settled)) * (0.3 + 0.7 * settled)
    pressed = 0.3 * (e >= epochs // 10) * settled if signals else 0.0
    return {
        "epoch": e,
        "learning_rate": 1e-3,
        "loss": float(0.7 * settled + 0.1),
        "validation": metrics(float(value)),
        "summary": {
            "epoch": e,
            "entropy": 6.58 - pressed,
            "effective_size": 720 * (1 - pressed),
            "share_drawn": 1.0 - pressed,
            "skipped_rows": 0,
        },
        "label_means": {s: ((0.2 + 0.3 * rare_L) * settled + own.normal(0, 0.004)).tolist() for s in signals},
        "label_weights": {
            s: np.exp((0.2 + 0.4 * rare_L) * settled + 0.05).tolist() for s in ("uncertainty", "hardness")
        }
        if method == "d2ace"
        else {},
        "signal_quantiles": {s: quantiles.tolist() for s in signals},
    }


def metrics(value: float) -> dict:
    losses = {key: 1 - value for key, metric in METRICS.items() if not metric.higher_is_better}
    return dict.fromkeys(METRICS, value) | losses | {"coverage": 2 + 10 * (1 - value)}
