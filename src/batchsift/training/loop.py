"""The training loop: all training of this package, from the initial weights to the best epoch.

An epoch is trained on the batches that a selector hands out, then the validation part is scored; the epoch with the
highest Macro-AUC there is the best one. `fold.run_fold` drives the loop for the experiments of the papers, `fit.fit`
for a model that is to be used. Features and pictures go through the same loop.

Shapes: N samples of a part, B batch, L labels.
"""

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from batchsift.entries import check_keys, described, part, real_number, whole_number
from batchsift.functional import losses
from batchsift.image_metrics import IMAGE_METRICS, evaluate_images
from batchsift.models import BaseModel
from batchsift.models.images import ImageModel, averaged
from batchsift.partial_metrics import evaluate
from batchsift.selection.selector import Selector
from batchsift.training import networks
from batchsift.training.configuration import Configuration
from batchsift.training.contents import check_optimizer_state, check_weights, text_of
from batchsift.training.loss_sum import LossSum, check_loss
from batchsift.training.neighborhood import Neighborhood
from batchsift.training.options import check_model_settings, create_method
from batchsift.training.parts import Part, SparseRows
from batchsift.training.picture_rows import PictureRows
from batchsift.training.pictures import PictureSettings
from batchsift.training.recording import EpochRecord, SignalRecord, check_scored, read_epochs, record_signals
from batchsift.training.settings import Settings
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
        validation: The part the best epoch is chosen by. None: the last epoch counts as the best.
        selection_seed: The seed that decides which samples are drawn.
        with_signals: Whether the records hold the method's signals.

    Raises:
        ValueError: The model does not take the loss or the scaling of the settings.

    Attributes:
        network: The model.
        average: The moving average of its weights, where there is one: what is scored and kept.
        optimizer: Adam.
        selector: Chooses the batches.
        records: The records of the epochs so far.
        best_epoch: The first epoch with the highest validation Macro-AUC so far; without a validation part the last.
        best_weights: The weights after that epoch.
        total: The time of selection, training, scoring and recording together.
        selection: The time spent in the selector, neighbors that are renewed included.
        recording: The time spent on what is written down: validation metrics and signals.
        on_batch: Called after every batch, if given: the loop can be saved then.
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
        self.on_batch: Callable[[], None] | None = None
        check_model_settings(configuration.model, settings)
        self.network = _network(configuration, train)
        pictures = settings.pictures or PictureSettings()
        self.average = None if pictures.ema is None else averaged(self.network, decay=pictures.ema)
        self.optimizer, self._rates = _optimizer(self.network, settings)
        with self.total, self.selection:
            method = create_method(configuration.method, configuration.method_options)
            self.neighborhood = Neighborhood.of(method, train.features, settings.epochs)
            features = train.neighbor_features
            if self.neighborhood is not None:
                options = {**configuration.method_options, **self.neighborhood.first_options()}
                method = create_method(configuration.method, options)
                pretrained = networks.is_pretrained(configuration.model, configuration.hyperparameters)
                features = self.neighborhood.first_features(self.network, pretrained=pretrained)
            self.selector = Selector(
                train.labels.cpu(),
                method=method,
                features=features,
                batch_size=settings.batch_size,
                epochs=settings.epochs,
                seed=selection_seed,
                drawing=settings.drawing,
            )
        self.records: list[EpochRecord] = []
        self.loss = LossSum()
        self.best_epoch = 0
        self.best_weights: Mapping[str, Any] = {}

    @property
    def predictor(self) -> BaseModel:
        """The model whose predictions count: the moving average where there is one."""
        average: Any = self.average
        network: BaseModel = self.network if average is None else average.module
        return network

    def epochs(self) -> Iterator[EpochRecord]:
        """Train epoch after epoch until the last; yield the record of each.

        Raises:
            DivergedError: When a prediction is not a number.
            PictureError: A picture cannot be decoded; the message names it.
        """
        while len(self.records) < self.settings.epochs:
            with self.total:
                record = self._train_and_score()
            yield record

    def _train_and_score(self) -> EpochRecord:
        epoch = len(self.records)
        learning_rate = self.settings.learning_rate_at(epoch)
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = learning_rate * rate
        train_epoch(self)
        validation = {}
        if self.validation is not None:
            probs_NL = predict(self.predictor, self.validation.features)
            with self.recording:
                targets_NL = self.validation.labels.cpu()
                validation = {**evaluate(probs_NL, targets_NL), **self.further_metrics(probs_NL, targets_NL)}
        with self.recording:
            signals = record_signals(self.selector) if self.with_signals else SignalRecord()
        with self.selection:
            if self.neighborhood is not None:
                self.neighborhood.renew_if_due(self.selector.method, self.predictor, epoch)
            summary = self.selector.summary()
            self.selector.end_epoch()
        record = EpochRecord(epoch, learning_rate, self.loss.mean, validation, summary, signals)
        if epoch == 0 or self.validation is None or record.macro_auc > self.records[self.best_epoch].macro_auc:
            # A plain copy of the dictionary would share its tensors with the model, and train on with it.
            self.best_epoch, self.best_weights = epoch, copy.deepcopy(self.predictor.state_dict())
        self.records.append(record)
        self.loss = LossSum()
        return record

    def further_metrics(self, probs_NL: Any, targets_NL: Any) -> dict[str, float]:
        """Return the metrics of pictures beside those of the protocol; none for features."""
        is_of_pictures = isinstance(self.train.features, PictureRows)
        return picture_metrics(probs_NL, targets_NL, self.train.labels.cpu()) if is_of_pictures else {}

    def load_best_weights(self) -> None:
        """Give the network the weights of the best epoch: from then on it is what predicts."""
        self.average = None
        self.network.load_state_dict(self.best_weights)

    def state_dict(self) -> dict[str, Any]:
        """Return everything that changes, after a batch or an epoch: tensors, numbers, strings and containers."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "selector": self.selector.state_dict(),
            "epochs": json.dumps([record.document() for record in self.records]),
            "best_epoch": self.best_epoch,
            "best_weights": dict(self.best_weights),
            "seconds": self.total.seconds,
            **({} if self.average is None else {"average": self.average.state_dict()}),
            **(self.loss.state() if self.loss.rows else {}),  # within an epoch
        }

    def check_state(self, state: Mapping[str, Any]) -> None:
        """Check what `load_state_dict` takes, but for the selector's part, which the selector checks.

        Raises:
            ValueError: It cannot be from a loop of the same configuration; the message names the key.
        """
        check_weights(state, "network", self.network)
        if self.average is not None:
            check_weights(state, "average", self.average)
        check_optimizer_state(state["optimizer"], self.optimizer)
        records, least = read_records(state), 1
        if self.validation is not None:
            with part("epochs"):
                check_scored(records)
        if "loss" in state:
            check_loss(state["loss"])
            least = 0
        if not least <= len(records) <= self.settings.epochs:
            raise ValueError(f"epochs: must be from {least} to {self.settings.epochs}, it has {len(records)}")
        if records:
            check_weights(state, "best_weights", self.network)
        whole_number(state, "best_epoch", 0, max(len(records) - 1, 0))
        real_number(state, "seconds", 0)
        check_keys(state["selector"], ("epoch",), others=True)
        if state["selector"]["epoch"] != len(records):
            raise ValueError(f"selector: epoch: must be {len(records)}, got {described(state['selector']['epoch'])}")

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned in a loop of the same configuration and data."""
        self.selector.load_state_dict(state["selector"])
        self.network.load_state_dict(state["network"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.records = read_records(state)
        self.loss = LossSum(**state["loss"]) if "loss" in state else LossSum()
        self.best_epoch, self.best_weights = state["best_epoch"], state["best_weights"]
        self.total.seconds = state["seconds"]


def read_records(state: Mapping[str, Any]) -> list[EpochRecord]:
    """Return the records of the epochs that a loop's state has.

    Raises:
        ValueError: It has something else.
    """
    with part("epochs"):
        return read_epochs(json.loads(text_of(state, "epochs")))


def train_epoch(loop: TrainingLoop) -> None:
    """Train on what is left of the selector's epoch."""
    loop.network.train()
    for batch in loop.train.batches(loop.selector, loop.selection):
        # Before the step, as the logits of training are.
        clean_BL = None if batch.clean is None else _clean_logits(loop, batch.clean)
        loss, logits_BL = loop.network.training_loss(batch.x, batch.y)
        loop.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        loop.optimizer.step()
        if loop.average is not None:
            loop.average.update_parameters(loop.network)
        loop.loss.add(loss, len(batch.indices))
        with loop.selection:
            loop.selector.observe(batch.indices, logits_BL if clean_BL is None else clean_BL)
        if loop.on_batch is not None:
            loop.on_batch()


@torch.no_grad()
def _clean_logits(loop: TrainingLoop, pictures: Tensor) -> Tensor:
    """Return what the weights that would be kept predict, `(B, L)` logits; its time is the selection's."""
    with loop.selection:
        logits_BL: Tensor = loop.predictor.eval()(pictures)
        loop.network.train()
    return logits_BL


def _network(configuration: Configuration, train: Part) -> BaseModel:
    """Build the model, ready for its first step."""
    settings = configuration.settings
    # Built on the CPU: the same initial weights on every device.
    network = networks.create(configuration.model, *train.widths, configuration.hyperparameters)
    network = network.to(settings.device)
    if isinstance(network, ImageModel):
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.prepare(train.feature_tensor, train.labels)
    network.label_loss = losses.create(settings.loss, train.labels)
    return network


def _optimizer(network: BaseModel, settings: Settings) -> tuple[torch.optim.Optimizer, list[float]]:
    """Return Adam, and what the learning rate of each of its groups is times; frozen parameters are in none."""
    groups: list[tuple[Iterable[nn.Parameter], float]] = [(network.parameters(), 1.0)]
    if isinstance(network, ImageModel) and settings.pictures is not None:
        if settings.pictures.backbone_rate == 0:
            network.freeze_backbone()
        groups = [(network.backbone.parameters(), settings.pictures.backbone_rate), (network.head.parameters(), 1.0)]
    learned = [([one for one in parameters if one.requires_grad], rate) for parameters, rate in groups]
    learned = [(parameters, rate) for parameters, rate in learned if parameters]
    # Fused: the same steps in one pass over memory, which saves a third of a small network's time on a CPU.
    optimizer = torch.optim.Adam(
        [{"params": parameters} for parameters, _ in learned],
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        fused=True,
    )
    return optimizer, [rate for _, rate in learned]


@torch.no_grad()
def predict(network: BaseModel, features: Tensor | SparseRows | PictureRows) -> Tensor:
    """Return the probabilities that a model in evaluation mode predicts: `(N, L)` in [0, 1], on the CPU.

    Raises:
        DivergedError: When one of them is not a number.
        PictureError: A picture cannot be decoded; the message names it.
    """
    network.eval()
    probs_NL = torch.cat([network(rows).sigmoid() for rows in features.split(PREDICTION_ROWS)]).cpu()
    if probs_NL.isnan().any():
        raise DivergedError("training diverged: the predictions are no longer numbers; lower the learning rate")
    return probs_NL


def picture_metrics(probs_NL: Any, targets_NL: Any, train_labels_NL: Any) -> dict[str, float]:
    """Return the metrics of `batchsift.image_metrics` that the protocol has not.

    Args:
        probs_NL: Probabilities.
        targets_NL: Labels, NaN where unknown.
        train_labels_NL: The labels that were trained on, by which labels are head, medium or tail.
    """
    scores = evaluate_images(probs_NL, targets_NL, (train_labels_NL == 1).sum(0))
    return {key: scores[key] for key in IMAGE_METRICS}
