"""Trials: trainings with Random inside a training part, whose scores choose a learning rate and a number of epochs.

A part is held out of the training part itself: what is validated or tested by later is never looked at. A trial's score
is the mean of Macro-AUC and mAP on what was held out, after the last epoch: labels on which one of them is undefined do
not count. How surely two scores differ comes from leaving out a tenth of the held-out samples at a time (delete-a-group
jackknife: Kott, Journal of Official Statistics 17(4), 2001).

Every score is kept in a file as soon as it is there: a search that was killed goes on with the next one.

Shapes: N held-out samples, L labels, G groups.
"""

import hashlib
import json
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from batchsift.data import ImageData, MultiLabelData, Split
from batchsift.entries import check_keys, described, part, real_number, whole_number
from batchsift.files import json_text, make_jsonable, write
from batchsift.partial_metrics import evaluate_labels
from batchsift.training.configuration import Configuration
from batchsift.training.contents import content_of
from batchsift.training.environment import isolated
from batchsift.training.loop import DivergedError, TrainingLoop, predict
from batchsift.training.parts import Part, Parts, scale_parts
from batchsift.training.prepare import hold_out_validation
from batchsift.training.provenance import fingerprint, versions
from batchsift.training.recording import check_number_list, read_number

SEARCH = "search"  # of the folder of a comparison or a model: the scores of trials
METHOD = "random"  # what is chosen for it is taken for all methods
SHARE = 0.2  # of a training part that is held out of it
GROUPS = 10  # G
FORMAT = 1


@dataclass(frozen=True)
class Trial:
    """A learning rate, a number of epochs, and what came of them.

    Args:
        learning_rate: The learning rate.
        epochs: The number of epochs.
        score: Mean of Macro-AUC and mAP on what was held out, in [0, 1]; minus infinity where training diverged.
        without: The same without each group of samples, `(G,)`; empty where training diverged.
    """

    learning_rate: float
    epochs: int
    score: float
    without: tuple[float, ...] = ()

    @classmethod
    def from_document(cls, document: Any) -> Self:
        """Read a trial as JSON has it.

        Raises:
            ValueError: It is something else; the message names the key.
        """
        check_keys(document, ("learning_rate", "epochs", "score", "without"))
        learning_rate, epochs = real_number(document, "learning_rate", 0), whole_number(document, "epochs", 1)
        score = -math.inf if document["score"] is None else real_number(document, "score", 0, 1)
        check_number_list("without", without := document["without"], GROUPS if document["without"] else 0)
        return cls(learning_rate, epochs, score, tuple(map(read_number, without)))

    @property
    def diverged(self) -> bool:
        """Whether the predictions were no longer finite."""
        return self.score == -math.inf


def noise_of_difference(first: Trial, second: Trial) -> float:
    """Return the standard error of the difference of two scores, by the delete-a-group jackknife; infinite if unknown.

    >>> round(noise_of_difference(Trial(0.1, 5, 0.5, (0.4, 0.6)), Trial(0.1, 9, 0.5, (0.5, 0.5))), 6)
    0.1
    """
    if first.diverged or second.diverged:
        return math.inf
    differences_G = np.subtract(first.without, second.without)
    differences_G = differences_G[~np.isnan(differences_G)]  # without some samples, no label may have both classes
    if len(differences_G) < 2:
        return math.inf
    spread = np.square(differences_G - differences_G.mean()).sum()
    return float(np.sqrt((len(differences_G) - 1) / len(differences_G) * spread))


@dataclass(eq=False, kw_only=True)
class Trials:
    """The trials on one training part.

    Args:
        data: The data set.
        rows: What is trained on, and what was held out of the training part.
        configuration: Model, method (`METHOD`) and settings; learning rate and epochs are each trial's own.
        seed: The seed of the initial weights and of the batches.
        folder: The folder that keeps the scores; None keeps them in memory.
        on_trial: Called with every trial that was run.
    """

    data: MultiLabelData | ImageData
    rows: Split
    configuration: Configuration
    seed: int
    folder: Path | None = None
    on_trial: Callable[[Trial], None] | None = None
    _known: dict[tuple[float, int], Trial] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.folder is not None and self._path.is_file():
            for trial in self._kept():
                self._known[trial.learning_rate, trial.epochs] = trial

    def _kept(self) -> list[Trial]:
        """Return the trials that are kept.

        Raises:
            ValueError: The file is damaged, or of another training part.
        """
        with content_of(self._path, "remove it"):
            document = json.loads(self._path.read_text(encoding="utf-8"))
            check_keys(document, ("identity", "trials"))
            if not isinstance(document["trials"], list):
                raise ValueError(f"trials: must be a list, got {described(document['trials'])}")
            trials = []
            for number, entry in enumerate(document["trials"]):
                with part(f"trials: {number}"):
                    trials.append(Trial.from_document(entry))
        if document["identity"] != self.identity:
            raise ValueError(f"{self._path} holds trials of another training part; remove it")
        return trials

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Everything that decides the scores, as JSON can hold it."""
        settings = self.configuration.settings.identity()
        chosen = ("learning_rate", "epochs", "device")
        parts = np.concatenate([self.rows.train, [-1], self.rows.validation])
        identity: dict[str, Any] = make_jsonable(
            {
                "format": FORMAT,
                "data": fingerprint(self.data, rows=parts),
                "model": self.configuration.model,
                "hyperparameters": self.configuration.hyperparameters,
                "training": {name: value for name, value in settings.items() if name not in chosen},
                "seed": self.seed,
                "versions": versions(),
            }
        )
        return identity

    @property
    def _path(self) -> Path:
        assert self.folder is not None
        canonical = json.dumps(self.identity, sort_keys=True, separators=(",", ":"))
        return self.folder / f"{hashlib.sha256(canonical.encode()).hexdigest()[:20]}.json"

    def run(self, learning_rate: float, epochs: int) -> Trial:
        """Return the trial with this learning rate and number of epochs; train for it unless its score is known."""
        key = (learning_rate, epochs)
        if key not in self._known:
            self._known[key] = self._train(learning_rate, epochs)
            self._keep()
            if self.on_trial is not None:
                self.on_trial(self._known[key])
        return self._known[key]

    @cached_property
    def _parts(self) -> Parts:
        return scale_parts(self.data, self.rows, self.configuration.settings, self.seed)

    def _train(self, learning_rate: float, epochs: int) -> Trial:
        settings = replace(self.configuration.settings, learning_rate=learning_rate, epochs=epochs)
        configuration = replace(self.configuration, settings=settings)
        weight_seed, selection_seed = np.random.SeedSequence((self.seed, epochs)).generate_state(2).tolist()
        # Whoever trains with the settings that are chosen is warned then; a trial that diverges is a bad trial.
        with warnings.catch_warnings(), isolated(settings.device, seed=weight_seed, threads=settings.threads):
            warnings.simplefilter("ignore")
            try:
                held_out = self._parts.validation
                loop = TrainingLoop(configuration, self._parts.train, held_out, selection_seed=selection_seed)
                for _ in loop.epochs():
                    pass
                return _scored(learning_rate, epochs, predict(loop.predictor, held_out.features), held_out)
            except DivergedError:
                return Trial(learning_rate, epochs, -math.inf)

    def _keep(self) -> None:
        if self.folder is not None:
            content = {"identity": self.identity, "trials": list(self._known.values())}
            write(self.folder, {self._path.name: json_text(make_jsonable(content)).encode()})


def _scored(learning_rate: float, epochs: int, probs_NL: Tensor, held_out: Part) -> Trial:
    probs, targets = probs_NL.numpy(), held_out.labels.cpu().numpy()
    group_N = np.arange(len(targets)) % GROUPS
    without = tuple(_score(probs[group_N != group], targets[group_N != group]) for group in range(GROUPS))
    return Trial(learning_rate, epochs, _score(probs, targets), without)


def _score(probs_NL: Any, targets_NL: Any) -> float:
    by_label = evaluate_labels(probs_NL, targets_NL)
    return float(np.mean([np.nanmean(by_label[key]) for key in ("auc", "average_precision")]))


def hold_out(data: MultiLabelData | ImageData, train: NDArray[np.int64], seed: int) -> Split:
    """Hold a share of a training part out of it, for trials.

    Args:
        data: The data set; labels may be unknown (NaN) in some samples, which are trained on.
        train: The rows of the training part.
        seed: A number from 0 to 2**32 - 1.

    Returns:
        Rows to train on and rows to score by, as a split whose test part is empty.

    Raises:
        ValueError: Where no label has both classes in what would be held out.
    """
    try:
        rest, held_out = hold_out_validation(data.select(rows=train), SHARE, seed)
    except ValueError as error:
        raise ValueError(
            f"{data.name}: {len(train)} training samples are too few to search the learning rate and the epochs on: "
            f"give both as numbers ({error})"
        ) from error
    return Split(train[rest], train[held_out], np.zeros(0, dtype=np.int64))
