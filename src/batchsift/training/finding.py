"""Finding the settings that are left to a search: those of a comparison's folds, and those of one model for use.

The learning rate is searched in each training part by itself. The number of epochs is one for all runs: it is chosen
in the first training part, with the first loss. That part holds samples which other folds are tested on, so it is no
choice within a fold, as the learning rates are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from batchsift.data import ImageData, MultiLabelData
from batchsift.training.configuration import Configuration
from batchsift.training.folder import CHECKPOINT
from batchsift.training.found import Found
from batchsift.training.model import SUMMARY
from batchsift.training.prepare import Indices, Prepared, hold_out_validation
from batchsift.training.search import search_epochs, search_rate
from batchsift.training.settings import Search, Settings
from batchsift.training.trials import METHOD, SEARCH, Trial, Trials, hold_out


def find_settings(
    prepared: Prepared,
    search: Search,
    *,
    model: str,
    losses: Sequence[str] = (),
    hyperparameters: Mapping[str, Any] | None = None,
    folder: Path | None = None,
    on_trial: Callable[[str, Trial], None] | None = None,
) -> Found:
    """Find the settings of a comparison, with Random; no validation or test part is looked at.

    Args:
        prepared: The data, its splits, the settings and the seed; the settings say what is not searched.
        search: What is to be searched.
        model: A name of `batchsift.models`.
        losses: The losses to search a learning rate for; that of the settings by default.
        hyperparameters: Hyperparameters of the model; its own defaults for the others.
        folder: The folder of the comparison: a search that was killed goes on from what it keeps there. None keeps
            nothing.
        on_trial: Called with words for the training part and with every trial that was run, not with those kept before.

    Raises:
        ValueError: A training part is too small to hold something out of it.
        DivergedError: Training diverged with every learning rate.
    """
    parts = {f"fold {fold + 1}/{len(prepared.splits)}": split.train for fold, split in enumerate(prepared.splits)}
    return _find(
        prepared.data,
        parts,
        prepared.settings,
        search,
        model=model,
        losses=losses or (prepared.settings.loss,),
        hyperparameters=hyperparameters or {},
        seed=prepared.seed,
        folder=folder,
        on_trial=on_trial,
    )


def find_settings_of_model(
    data: MultiLabelData | ImageData,
    settings: Settings,
    search: Search,
    *,
    model: str,
    hyperparameters: Mapping[str, Any] | None = None,
    seed: int = 0,
    folder: Path | None = None,
    on_trial: Callable[[str, Trial], None] | None = None,
) -> Found:
    """Find the settings of a model for use (`fit.fit`), with Random; its validation part is not looked at.

    Args:
        data: The data that the model is trained on.
        settings: The settings, which say what is not searched.
        search: What is to be searched.
        model: A name of `batchsift.models`.
        hyperparameters: Hyperparameters of the model; its own defaults for the others.
        seed: The seed of `fit`.
        folder: The folder of the model, as for `find_settings`.
        on_trial: As for `find_settings`.

    Raises:
        ValueError: The data are too few to hold something out of the training part.
        DivergedError: Training diverged with every learning rate.
    """
    rows, _ = hold_out_validation(data, settings.validation_share, seed)
    return _find(
        data,
        {"training part": rows},
        settings,
        search,
        model=model,
        losses=(settings.loss,),
        hyperparameters=hyperparameters or {},
        seed=seed,
        folder=folder,
        on_trial=on_trial,
    )


def _find(
    data: MultiLabelData | ImageData,
    parts: Mapping[str, Indices],
    settings: Settings,
    search: Search,
    *,
    model: str,
    losses: Sequence[str],
    hyperparameters: Mapping[str, Any],
    seed: int,
    folder: Path | None,
    on_trial: Callable[[str, Trial], None] | None,
) -> Found:
    """Find the settings for training parts, which come by words for them."""

    @cache  # what was tried for the epochs is not tried again for the learning rate
    def trials_of(part: str, loss: str) -> Trials:
        words = f"{part}, {loss}"
        return Trials(
            data=data,
            rows=hold_out(data, parts[part], seed),
            configuration=Configuration(
                model=model, method=METHOD, settings=replace(settings, loss=loss), hyperparameters=hyperparameters
            ),
            seed=seed,
            folder=None if folder is None else folder / SEARCH,
            on_trial=None if on_trial is None else lambda trial: on_trial(words, trial),
        )

    epochs = None
    if search.epochs:
        rate = None if search.learning_rate else settings.learning_rate
        epochs = search_epochs(trials_of(next(iter(parts)), losses[0]), rate)
    if not search.learning_rate:
        return Found(epochs=epochs)
    budget = settings.epochs if epochs is None else epochs.epochs
    rates = {
        (fold, loss): search_rate(trials_of(part, loss), budget) for fold, part in enumerate(parts) for loss in losses
    }
    return Found(epochs=epochs, rates=rates)


def check_searched(folder: Path, search: Search) -> None:
    """Check that a run which lies in a folder comes from a search, if one is asked for: before it takes its time.

    Raises:
        ValueError: It does not: the run there is another.
    """
    lies_there = any((folder / name).is_file() for name in (SUMMARY, CHECKPOINT))
    if search and lies_there and not (folder / SEARCH).is_dir():
        raise ValueError(
            f"{folder} holds another run, whose learning rate and number of epochs were not searched: give both as "
            "numbers to go on with it, choose another folder, or remove it"
        )
