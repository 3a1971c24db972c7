"""The training loop: all training of this package, from the initial weights to the best epoch.

An epoch is trained on the batches that a selector hands out, then the validation part is scored; the epoch with the
highest Macro-AUC there is the best one. `fold.run_fold` drives the loop for the experiments of the papers, `fit.fit`
for a model that is to be used.

Shapes: N samples of a part, B batch, L labels.
"""

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from batchsift import models
from batchsift.functional import losses
from batchsift.metrics import evaluate
from batchsift.models import BaseModel
from batchsift.saved import check_keys, described, part, real_number, whole_number
from batchsift.selection.selector import Selector
from batchsift.training.configuration import Configuration
from batchsift.training.contents import check_optimizer_state, check_weights, text_of
from batchsift.training.options import check_model_settings, create_method
from batchsift.training.parts import Part, SparseRows
from batchsift.training.recording import EpochRecord, SignalRecord, read_epochs, record_signals
from batchsift.training.stopwatch import Stopwatch

PREDICTION_ROWS = 4096  # of one forward pass without gradients: bounds memory


class DivergedError(ArithmeticError):
    """The model's predictions are no longer finite."""


class TrainingLoop:
    """A model in training: what changes from epoch to epoch, and how.

    Built under the generator that decides the initial weights, and driven under the same one.

    Args:
        configuration: Model, method and settings.
        train: The part that is trained on.
        validation: The part the best epoch is chosen by; complete labels. None: the last epoch counts as the best.
        selection_seed: The seed that decides which samples are drawn.
        with_signals: Whether the records hold the method's signals.

    Raises:
        ValueError: The model does not take the loss or the scaling of the settings.

    Attributes:
        network: The model.
        optimizer: Adam.
        selector: Chooses the batches.
        records: The records of the epochs so far.
        best_epoch: The first epoch with the highest validation Macro-AUC so far; without a validation part the last.
        best_weights: The weights after that epoch.
        total: The time of selection, training, scoring and recording together.
        selection: The time spent in the selector.
        recording: The time spent on what is written down: validation metrics and signals.
    """

    def __init__(
        self,
        configuration: Configuration,
        train: Part,
        validation: Part | None,
        *,
        selection_seed: int,
        with_signals: bool = False,
    ) -> None:
        settings = configuration.settings
        self.settings, self.train, self.validation, self.with_signals = settings, train, validation, with_signals
        self.total, self.selection, self.recording = Stopwatch(), Stopwatch(), Stopwatch()
        check_model_settings(configuration.model, settings)
        # Built on the CPU: the same initial weights on every device.
        network = models.build(configuration.model, *train.widths, **configuration.hyperparameters)
        self.network = network.to(settings.device)
        self.network.prepare(train.feature_tensor, train.labels)
        self.network.label_loss = losses.create(settings.loss, train.labels)
        # Fused: the same steps in one pass over memory, which saves a third of a small network's time on a CPU.
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )
        with self.total, self.selection:
            self.selector = Selector(
                train.labels.cpu(),
                method=create_method(configuration.method, configuration.method_options),
                features=train.neighbor_features,
                batch_size=settings.batch_size,
                epochs=settings.epochs,
                seed=selection_seed,
                drawing=settings.drawing,
            )
        self.records: list[EpochRecord] = []
        self.best_epoch = 0
        self.best_weights: Mapping[str, Any] = {}

    def epochs(self) -> Iterator[EpochRecord]:
        """Train epoch after epoch until the last; yield the record of each.

        Raises:
            DivergedError: When a prediction is not a number.
        """
        while len(self.records) < self.settings.epochs:
            with self.total:
                record = self._train_and_score()
            yield record

    def _train_and_score(self) -> EpochRecord:
        epoch = len(self.records)
        learning_rate = self.settings.learning_rate_at(epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        loss = train_epoch(self.network, self.optimizer, self.selector, self.train, self.selection)
        validation = {}
        if self.validation is not None:
            probs_NL = predict(self.network, self.validation.features)
            with self.recording:
                validation = evaluate(probs_NL, self.validation.labels.cpu())
        with self.recording:
            signals = record_signals(self.selector) if self.with_signals else SignalRecord()
        with self.selection:
            summary = self.selector.summary()
            self.selector.end_epoch()
        record = EpochRecord(epoch, learning_rate, loss, validation, summary, signals)
        if epoch == 0 or self.validation is None or record.macro_auc > self.records[self.best_epoch].macro_auc:
            # A plain copy of the dictionary would share its tensors with the model, and train on with it.
            self.best_epoch, self.best_weights = epoch, copy.deepcopy(self.network.state_dict())
        self.records.append(record)
        return record

    def load_best_weights(self) -> None:
        """Give the network the weights of the best epoch."""
        self.network.load_state_dict(self.best_weights)

    def state_dict(self) -> dict[str, Any]:
        """Return everything that changes, between two epochs: tensors, numbers, strings and containers of them."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "selector": self.selector.state_dict(),
            "epochs": json.dumps([record.document() for record in self.records]),
            "best_epoch": self.best_epoch,
            "best_weights": dict(self.best_weights),
            "seconds": self.total.seconds,
        }

    def check_state(self, state: Mapping[str, Any]) -> None:
        """Check what `load_state_dict` takes, but for the selector's part, which the selector checks.

        Raises:
            ValueError: It cannot be from a loop of the same configuration; the message names the key.
        """
        check_weights(state, "network", self.network)
        check_weights(state, "best_weights", self.network)
        check_optimizer_state(state["optimizer"], self.optimizer)
        records = read_records(state)
        if not 1 <= len(records) <= self.settings.epochs:
            raise ValueError(f"epochs: must be from 1 to {self.settings.epochs}, it has {len(records)}")
        whole_number(state, "best_epoch", 0, len(records) - 1)
        real_number(state, "seconds", 0)
        check_keys(state["selector"], ("epoch",), others=True)
        if state["selector"]["epoch"] != len(records):
            raise ValueError(f"selector: epoch: must be {len(records)}, got {described(state['selector']['epoch'])}")

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned in a loop of the same configuration and data."""
        self.selector.load_state_dict(state["selector"])
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.records = read_records(state)
        self.best_epoch, self.best_weights = state["best_epoch"], state["best_weights"]
        self.total.seconds = state["seconds"]


def read_records(state: Mapping[str, Any]) -> list[EpochRecord]:
    """Return the records of the epochs that a loop's state has.

    Raises:
        ValueError: It has something else.
    """
    with part("epochs"):
        return read_epochs(json.loads(text_of(state, "epochs")))


def train_epoch(
    network: BaseModel,
    optimizer: torch.optim.Optimizer,
    selector: Selector,
    train: Part,
    selection: Stopwatch,
) -> float:
    """Train on the selector's batches for an epoch; return the mean loss of the samples drawn."""
    network.train()
    total, rows = torch.zeros((), device=train.features.device), 0
    for indices_B in selection.each(selector.batches()):
        on_device_B = indices_B.to(train.features.device)
        loss, logits_BL = network.training_loss(train.features[on_device_B], train.labels[on_device_B])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total, rows = total + loss.detach() * len(indices_B), rows + len(indices_B)
        with selection:
            selector.observe(indices_B, logits_BL)
    return float(total / rows)


@torch.no_grad()
def predict(network: BaseModel, features: Tensor | SparseRows) -> Tensor:
    """Return the probabilities that a model in evaluation mode predicts: `(N, L)` in [0, 1], on the CPU.

    Raises:
        DivergedError: When one of them is not a number.
    """
    network.eval()
    probs_NL = torch.cat([network(rows).sigmoid() for rows in features.split(PREDICTION_ROWS)]).cpu()
    if probs_NL.isnan().any():
        raise DivergedError("training diverged: the predictions are no longer numbers; lower the learning rate")
    return probs_NL
