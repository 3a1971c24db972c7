"""Search for the tuned settings of the base models: learning rate, weight decay, epochs, what matters of each.

    BATCHSIFT_DATA=FOLDER python benchmarks/tune.py [DATA ...] [--models MODEL ...] [--trials 20] [--minutes 3]

One search by Optuna (TPE) for each data set and model. A trial repeats the protocol inside the training parts of some
of its folds: a share of each (`--held-out`) stands in for the test part, the validation part chooses the epoch, the
rest is trained on with random batches. Its value is Macro-AUC less ranking loss on what was held out, the mean over the
folds: Macro-AUC alone takes learning rates at which the ranking loss suffers, and the score of the epoch that looked
best on a few dozen samples is that of the luckiest. No test part is scored, and a model never sees one. A trial that
lies below the median of those before it is given up between folds.

The learning rate falls to 0 after its warm-up: the last epochs then differ little.

What was tried is kept in `--journal`: the same command goes on where it was stopped, up to `--trials`, or `--minutes`
of one processor, in all. The best trial goes to `src/batchsift/training/presets.json`, and how it was found to
`benchmarks/tuning.json`.
"""

import argparse
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from statistics import geometric_mean

import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from batchsift import data as datasets
from batchsift import models
from batchsift.data import Split
from batchsift.training import fold as protocol
from batchsift.training import presets
from batchsift.training.loop import DivergedError
from batchsift.training.prepare import prepare
from batchsift.training.settings import Settings

SETS = ("emotions", "yeast", "scene", "birds")
PARTS = ("scene", "birds")  # published as a train and a test file
STEPS = (300, 1200)  # a run takes between so many: decides the range of the epochs
MOST_EPOCHS = 150
OBJECTIVE = "macro_auc-ranking_loss"  # trials by another one would tell nothing of this one
DECAY_SHARE = 0.9  # all epochs after those of the warm-up
FOUND = Path(__file__).with_name("tuning.json")


def load(name):
    """Load a data set by the name the tuned settings know it by."""
    folder = Path(os.environ["BATCHSIFT_DATA"])
    if name not in PARTS:
        return datasets.load(folder / f"{name}.arff")
    return datasets.concatenated(
        [datasets.load(folder / f"{name}-{part}.arff") for part in ("train", "test")], name=name
    )


def rounded(value):
    """Round to three significant digits, before a value is tried, so that the file holds what was tried."""
    return float(f"{value:.3g}")


def range_of_epochs(steps_per_epoch):
    """Return the fewest and the most epochs a run takes."""
    return tuple(min(MOST_EPOCHS, max(1, steps // steps_per_epoch)) for steps in STEPS)


def steps_per_epoch(prepared):
    """Return how many batches an epoch has."""
    return -(-len(prepared.splits[0].train) // prepared.settings.batch_size)


def space(trial, model, steps):
    """Draw settings and hyperparameters of a trial, as `presets.json` holds them; steps are those of an epoch."""

    def log(name, low, high):
        return rounded(trial.suggest_float(name, low, high, log=True))

    def share(name, high):
        return rounded(trial.suggest_float(name, 0.0, high))

    low, high = range_of_epochs(steps)
    settings = {
        "learning_rate": log("learning_rate", 3e-4, 1e-2),
        "weight_decay": log("weight_decay", 1e-6, 1e-3),
        "decay_share": DECAY_SHARE,
        "epochs": trial.suggest_int("epochs", low, high, log=True),
    }
    match model:
        case "mlp":
            width = trial.suggest_categorical("width", [256, 512, 1024])
            hyperparameters = {"hidden": [width, width], "dropout": share("dropout", 0.6)}
        case "clif":
            hyperparameters = {
                "hidden": trial.suggest_categorical("hidden", [256, 512]),
                "feature_layers": trial.suggest_int("feature_layers", 1, 3),
                "dropout": share("dropout", 0.7),
            }
        case "dela":
            hyperparameters = {
                "kl_weight": log("kl_weight", 1e-5, 1e-1),
                "dropout": share("dropout", 0.6),
                "decoder_dropout": share("decoder_dropout", 0.6),
            }
        case "mpvae":
            hyperparameters = {
                "likelihood_weight": log("likelihood_weight", 0.1, 10.0),
                "ranking_weight": log("ranking_weight", 0.1, 100.0),
                "dropout": share("dropout", 0.5),
            }
        case "paca":
            hyperparameters = {
                "latent": trial.suggest_categorical("latent", [16, 32]),
                "classification_weight": log("classification_weight", 1.0, 20.0),
                "dropout": share("dropout", 0.4),
            }
        case _:
            raise ValueError(f"no search space for the model {model!r}")
    return settings, hyperparameters


# What each search starts from, at the learning rate of most of the authors: about the defaults, then another dropout.
STARTS = {
    "mlp": [{"width": 512, "dropout": 0.2}, {"width": 512, "dropout": 0.5}],
    "clif": [{"hidden": 256, "feature_layers": layers, "dropout": rate} for layers, rate in ((1, 0.3), (2, 0.5))],
    "dela": [{"kl_weight": 1e-4, "dropout": rate, "decoder_dropout": rate} for rate in (0.0, 0.3)],
    "mpvae": [{"likelihood_weight": weight, "ranking_weight": 20.0, "dropout": 0.2} for weight in (0.1, 2.0)],
    "paca": [{"latent": 32, "classification_weight": 2.0, "dropout": rate} for rate in (0.0, 0.3)],
}


def objective(prepared, model, folds):
    """Return a function of a trial: the mean over folds of what `score` gives."""

    def value(trial):
        settings, hyperparameters = space(trial, model, steps_per_epoch(prepared))
        trial.set_user_attr("recipe", {"settings": settings, "hyperparameters": hyperparameters})
        changed = replace(prepared, settings=replace(prepared.settings, **settings))
        scores, start = [], time.process_time()
        for fold in range(folds):
            try:
                scores.append(score(changed, model, fold, hyperparameters))
            except DivergedError as error:
                raise optuna.TrialPruned from error
            trial.report(float(np.mean(scores)), fold)
            trial.set_user_attr("seconds", time.process_time() - start)
            if fold + 1 < folds and trial.should_prune():
                raise optuna.TrialPruned
        return float(np.mean(scores))

    return value


def score(prepared, model, fold, hyperparameters):
    """Return Macro-AUC less ranking loss of a run with random batches."""
    metrics = protocol.run_fold(
        prepared, model=model, method="random", fold=fold, hyperparameters=hyperparameters
    ).metrics
    return metrics["macro_auc"] - metrics["ranking_loss"]


def within_training_parts(prepared, share):
    """Replace the test part of each fold by a share of its training part."""
    splits = []
    for split in prepared.splits:
        rest, held_out = datasets.holdout(prepared.data.labels[split.train], share, prepared.seed)
        splits.append(Split(split.train[rest], split.validation, split.train[held_out]))
    return replace(prepared, splits=tuple(splits))


def search(name, model, arguments):
    """Go on with one study, and write down the best of it."""
    prepared = within_training_parts(
        prepare(load(name), Settings(**presets.PAPER), seed=arguments.seed), arguments.held_out
    )
    sample = f"folds={arguments.folds} held_out={arguments.held_out} seed={arguments.seed}"
    study_name = f"{name} {model} {OBJECTIVE} {sample}"
    study = optuna.create_study(
        study_name=study_name,
        storage=JournalStorage(JournalFileBackend(str(arguments.journal))),
        load_if_exists=True,
        direction="maximize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3),
    )
    done = study.get_trials(states=FINISHED)
    # Not the seed alone: after a stop the same first trials would come again.
    study.sampler = optuna.samplers.TPESampler(seed=arguments.seed + len(done), n_startup_trials=5, multivariate=True)
    middle = round(geometric_mean(range_of_epochs(steps_per_epoch(prepared))))
    for start in STARTS[model][len(done) :]:
        first = {"learning_rate": 1e-3, "weight_decay": 1e-5, "epochs": middle, **start}
        study.enqueue_trial(first, skip_if_exists=True)
    budget = 60 * arguments.minutes

    def stop_when_spent(study, _):
        if seconds(study) >= budget:
            study.stop()

    if len(done) < arguments.trials and seconds(study) < budget:
        value = objective(prepared, model, arguments.folds)
        study.optimize(value, n_trials=arguments.trials - len(done), callbacks=[report, stop_when_spent])
    write(study, name, model, arguments)


FINISHED = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)


def seconds(study):
    """Return the seconds of one processor that all finished trials took."""
    return sum(trial.user_attrs.get("seconds", 0.0) for trial in study.get_trials(states=FINISHED))


def report(study, trial):
    """Print a line of progress."""
    completed = trial.state == optuna.trial.TrialState.COMPLETE
    value = f"{trial.value:.4f}" if completed else "given up"
    recipe, spent = trial.user_attrs["recipe"], trial.user_attrs.get("seconds", 0.0)
    options = json.dumps({**recipe["settings"], **recipe["hyperparameters"]})
    print(f"{study.study_name} {trial.number:3} {value:>8} {spent:4.0f} s  {options}", flush=True)


def write(study, name, model, arguments):
    """Write the best trial into the table of the package, and how it was found beside this file."""
    completed = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    if not completed:
        print(f"{name} {model}: no trial was completed")
        return
    best = max(completed, key=lambda trial: trial.value)
    update(presets.TUNED, model, name, best.user_attrs["recipe"])
    finished = study.get_trials(states=FINISHED)
    found = {
        "value": round(best.value, 4),
        "start": round(completed[0].value, 4) if completed[0].number == 0 else None,
        "trials": len(finished),
        "completed": len(completed),
        "minutes": round(seconds(study) / 60, 1),
        "folds": arguments.folds,
        "held_out": arguments.held_out,
        "seed": arguments.seed,
    }
    update(FOUND, model, name, found)


def update(path, model, name, entry):
    """Set one entry of a table in a file, model to data set."""
    table = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    table.setdefault(model, {})[name] = entry
    ordered = {key: dict(sorted(table[key].items())) for key in sorted(table)}
    path.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description="Search for the tuned settings of models on data sets.")
    parser.add_argument("data", nargs="*", default=SETS)
    parser.add_argument("--models", nargs="+", default=models.names())
    parser.add_argument("--trials", type=int, default=20, help="of each model on each data set, earlier ones included")
    parser.add_argument("--folds", type=int, default=3, help="of the protocol's five, for each trial")
    parser.add_argument(
        "--minutes",
        type=float,
        default=3.0,
        help="of one processor, of each model on each data set, earlier ones included",
    )
    parser.add_argument("--held-out", type=float, default=0.25, help="of each training part")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--journal", type=Path, default=Path("results/tuning.log"))
    arguments = parser.parse_args()
    arguments.journal.parent.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    for name in arguments.data:
        for model in arguments.models:
            search(name, model, arguments)


if __name__ == "__main__":
    main()
