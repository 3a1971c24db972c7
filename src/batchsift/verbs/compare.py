"""Comparing methods on one data set: `batchsift compare`, and the same in Python."""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchsift.files import write
from batchsift.training.settings import Settings
from batchsift.verbs.choices import TrainingChoices, number_of_processes
from batchsift.verbs.comparison_plan import ComparisonPlan, comparison_files
from batchsift.verbs.searching import console_of
from batchsift.verbs.sources import check_installed, check_reading, load_data, parted
from batchsift.verbs.words import word_list

if TYPE_CHECKING:
    from batchsift.studies.comparison import Comparison


def compare(
    data: Any,
    *,
    methods: str | Sequence[str] | None = None,
    recipe: str | None = None,
    losses: str | Sequence[str] = (),
    folds: int = Settings.num_folds,
    top_features: float | None = Settings.top_features,
    metrics: str | Sequence[str] | None = None,
    repeat: bool = True,
    jobs: int = 1,
    log: str | Sequence[str] = (),
    out: str | os.PathLike[str] | None = None,
    progress: bool = False,
    model: str = "mlp",
    settings: str = "default",
    epochs: int | str | None = None,
    learning_rate: float | str | None = None,
    weight_decay: float | None = None,
    decay_share: float | None = None,
    batch_size: int | None = None,
    loss: str | None = None,
    scaling: str | None = None,
    drawing: str | None = None,
    center_sparse: bool = False,
    min_positives: int | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    seed: int = 0,
    device: str = Settings.device,
    threads: int = Settings.threads,
    **options: Any,
) -> "Comparison":
    """Compare methods on one data set, as `batchsift compare` does; runs that are finished already are not run again.

    Args:
        data: A `MultiLabelData` or `ImageData`; a pair of matrices `(features, labels)`; or what `batchsift.data.load`
            takes: a name, a file, a folder of pictures, a data frame.
        methods: Names, in a list or with commas between them; "random+pos_weight" is one with a loss of its own. The
            usual ones unless the recipe says otherwise.
        recipe: "short", for few epochs: `balanced_pass+pos_weight` beside `random` and `random+pos_weight`.
        losses: Losses by label: every method is trained with each; the first is that of the plain names.
        folds: Folds of the cross-validation.
        top_features: Share of the features to keep, those with the largest sums in a training part; None keeps all.
        metrics: Keys of the metrics that the verdict looks at and tables show; "all" for all of them.
        repeat: Run Random a second time with other draws: what chance does.
        jobs: Processes; -1: as many as there are cores.
        log: "tensorboard", "mlflow", "wandb", or several of them: each run when it is finished.
        out: The folder for the files; `results/<data>-<model>` by default.
        progress: Whether progress is shown.
        model: A name of `batchsift.models`; for pictures "resnet-small", or a backbone of `transformers`, by name or
            folder.
        settings: "default", "paper" or "tuned"; what follows changes them.
        epochs: Epochs of each run, or "auto".
        learning_rate: Adam's, or "auto".
        weight_decay: Adam's.
        decay_share: Share of the epochs in which the learning rate falls to 0.
        batch_size: Samples in a batch.
        loss: A name of `batchsift.losses`.
        scaling: "standard", "minmax" or "none".
        drawing: "systematic" or "independent".
        center_sparse: Whether standard scaling takes the mean off sparse features too.
        min_positives: Labels with this many positives or fewer are left out, and those of every sample.
        hyperparameters: Hyperparameters of the model, by name.
        seed: Decides splits, initial weights and selection.
        device: Where to train, in torch's words.
        threads: Threads of torch on the CPU.
        options: Options of `batchsift.data.load`, such as `label_columns`; of pictures also the fields of
            `PictureSettings`: `size`, `workers` and others.

    Returns:
        What came out: `verdict` says what to use, and `to_frame()` has the numbers; the files in the folder hold all.

    Raises:
        ValueError: For a name, option or device there is none of, or data that cannot go through the protocol.
        TypeError: For an argument there is none of.
        OSError: Where the folder cannot be written, or is in use.
        DivergedError: When the predictions of a run are no longer finite.
    """
    check_installed("compare")
    check_reading(options, compare)
    reading, pictures = parted(options)
    choices = TrainingChoices(
        model=model,
        settings=settings,
        epochs=epochs,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        decay_share=decay_share,
        batch_size=batch_size,
        loss=loss,
        scaling=scaling,
        drawing=drawing,
        center_sparse=center_sparse,
        min_positives=min_positives,
        hyperparameters=dict(hyperparameters or {}),
        seed=seed,
        device=device,
        threads=threads,
        pictures=pictures,
    )
    plan = ComparisonPlan.of(
        choices,
        methods=None if methods is None else word_list(methods),
        recipe=recipe,
        losses=word_list(losses),
        fields={"num_folds": folds, "top_features": top_features},
        metrics=None if metrics is None else word_list(metrics),
        repeat=repeat,
        jobs=number_of_processes(jobs),
        log=word_list(log),
        out=None if out is None else Path(out),
    )
    ready = plan.prepare(partial(load_data, data, reading))
    console = console_of(progress)
    with ready.store.locked():
        comparison = ready.run(ready.find(console), console)
    write(ready.store.folder, comparison_files(comparison))
    return comparison
