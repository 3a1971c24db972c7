"""scikit-learn's estimator: a model trained on the batches of a selection method.

Shapes: N samples, D features, L labels.
"""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_array, check_consistent_length, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from batchsift.data import MultiLabelData
from batchsift.data.images.dataset import check_no_pictures
from batchsift.training.configuration import Configuration
from batchsift.training.environment import isolated
from batchsift.training.fit import keep_model
from batchsift.training.loop import PREDICTION_ROWS, TrainingLoop
from batchsift.training.model import TrainedModel
from batchsift.training.parts import Preprocessing, scale_part
from batchsift.training.prepare import hold_out_validation
from batchsift.training.settings import Settings
from batchsift.training.thresholds import check_thresholds


class MultiLabelClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # untyped bases
    """A multi-label classifier for scikit-learn: for pipelines, cross-validation and searches.

    Args:
        method: The method of batch selection, a name of `batchsift.methods`.
        model: The network, a name of `batchsift.models`.
        epochs: Passes over the training samples.
        learning_rate: Adam's; ten times the papers', as they are trained for fewer steps.
        batch_size: B.
        weight_decay: Adam's.
        loss: A name of `batchsift.losses`.
        scaling: "standard", "minmax" or "none": how features are scaled inside `fit`.
        hyperparameters: Hyperparameters of the model, by name; its own defaults for the others.
        method_options: Options of the method, by name; its own defaults for the others.
        validation_fraction: Share of the samples to choose the epoch and the thresholds by, in (0, 1); None: the last
            epoch is kept, and there are no thresholds but numbers.
        threshold: What `predict` makes labels of probabilities by: a number in [0, 1), or "f1": for each label the one
            with the highest F1 on the validation part.
        random_state: A seed, a generator of NumPy, or None: another result each time.
        device: Where to train and predict, in torch's words.
        threads: Threads of torch on the CPU.

    Attributes:
        classes_: A list of L arrays, each [0, 1], as multi-label estimators of scikit-learn have it; of a
            one-dimensional y, its two classes.
        n_features_in_: D.
        feature_names_in_: D names, where `fit` got a data frame.
        model_: What was trained; `model_.save(path)` keeps it, and `batchsift.load_model(path)` gives it back.
        best_epoch_: The epoch whose weights were kept, counted from 0.

    >>> from batchsift import data
    >>> digits = data.load("digits")
    >>> classifier = MultiLabelClassifier(method="random", epochs=2, random_state=0).fit(digits.features, digits.labels)
    >>> classifier.predict_proba(digits.features[:5]).shape
    (5, 10)
    """

    def __init__(
        self,
        *,
        method: str = "d2ace",
        model: str = "mlp",
        epochs: int = 100,
        learning_rate: float = 1e-3,
        batch_size: int = 128,
        weight_decay: float = 1e-4,
        loss: str = "bce",
        scaling: str = "standard",
        hyperparameters: Mapping[str, Any] | None = None,
        method_options: Mapping[str, Any] | None = None,
        validation_fraction: float | None = 0.1,
        threshold: float | str = 0.5,
        random_state: Any = None,
        device: str = "cpu",
        threads: int = 1,
    ) -> None:
        self.method = method
        self.model = model
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.weight_decay = weight_decay
        self.loss = loss
        self.scaling = scaling
        self.hyperparameters = hyperparameters
        self.method_options = method_options
        self.validation_fraction = validation_fraction
        self.threshold = threshold
        self.random_state = random_state
        self.device = device
        self.threads = threads

    def fit(self, X: Any, y: Any) -> Self:
        """Train on all samples but the validation part.

        Args:
            X: `(N, D)`, dense or sparse; NaN where a value is missing.
            y: `(N, L)` of 0 and 1, dense or sparse; NaN where a label is not known. Or `(N,)` with two classes.

        Raises:
            ValueError: For an unknown name, a value out of its range, or data that cannot be trained on, as pictures.
            DivergedError: When the predictions are no longer finite.
        """
        check_no_pictures(X)
        configuration = self._configuration()
        configuration.check()
        if check_thresholds(self.threshold) == "f1" and self.validation_fraction is None:
            raise ValueError("threshold 'f1' is chosen on a validation part: give a validation_fraction")
        features = validate_data(self, X, accept_sparse="csr", dtype=np.float64, ensure_all_finite="allow-nan")
        data = self._data(features, y)
        seed = self._seed()
        rows, held_out = np.arange(data.num_samples), None
        if self.validation_fraction is not None:
            rows, held_out = hold_out_validation(data, self.validation_fraction, seed)
        preprocessing = Preprocessing.fit(data.features[rows], configuration.settings)
        train = scale_part(data, rows, preprocessing, self.device)
        validation = None if held_out is None else scale_part(data, held_out, preprocessing, self.device)
        weight_seed, selection_seed = np.random.SeedSequence(seed).generate_state(2).tolist()
        with isolated(self.device, seed=weight_seed, threads=self.threads):
            loop = TrainingLoop(configuration, train, validation, selection_seed=selection_seed)
            for _ in loop.epochs():
                pass
            loop.load_best_weights()
            self.model_: TrainedModel = keep_model(loop, configuration, data, preprocessing)
        del loop.network.label_loss  # what is left is the class' own, which can be pickled
        self.best_epoch_ = loop.best_epoch
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """Return the probabilities of the labels, `(N, L)`; of a one-dimensional y, those of both classes, `(N, 2)`."""
        check_is_fitted(self)
        probs_NL = self.model_.predict_proba(self._checked(X), device=self.device)
        return np.hstack([1 - probs_NL, probs_NL]) if self._is_one_dimensional else probs_NL

    def decision_function(self, X: Any) -> NDArray[np.float32]:
        """Return the logits of the labels, `(N, L)`; of a one-dimensional y, those of its second class, `(N,)`."""
        check_is_fitted(self)
        network = self.model_.network.to(self.device)
        rows = self.model_.preprocessing.transform(self._checked(X), self.device)
        with torch.no_grad():
            logits_NL: NDArray[np.float32] = (
                torch.cat([network(part) for part in rows.split(PREDICTION_ROWS)]).cpu().numpy()
            )
        return logits_NL[:, 0] if self._is_one_dimensional else logits_NL

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the labels, `(N, L)` of 0 and 1; of a one-dimensional y, its classes, `(N,)`."""
        check_is_fitted(self)
        thresholds_L = self.model_.thresholds(self.threshold)
        labels_NL = self.model_.predict_proba(self._checked(X), device=self.device) > thresholds_L
        if self._is_one_dimensional:
            classes: NDArray[Any] = self.classes_[labels_NL[:, 0].astype(int)]
            return classes
        return labels_NL.astype(np.int64)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.input_tags.allow_nan = True
        tags.target_tags.multi_output = tags.classifier_tags.multi_label = True
        tags.classifier_tags.multi_class = False
        return tags

    @property
    def _is_one_dimensional(self) -> bool:
        return isinstance(self.classes_, np.ndarray)

    def _checked(self, X: Any) -> Any:
        check_no_pictures(X)
        return validate_data(self, X, reset=False, accept_sparse="csr", dtype=np.float64, ensure_all_finite="allow-nan")

    def _configuration(self) -> Configuration:
        settings = Settings(
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            loss=self.loss,
            scaling=self.scaling,
            device=self.device,
            threads=self.threads,
        )
        return Configuration(
            model=self.model,
            method=self.method,
            settings=settings,
            hyperparameters=dict(self.hyperparameters or {}),
            method_options=dict(self.method_options or {}),
        )

    def _seed(self) -> int:
        if self.random_state is None:  # scikit-learn would draw from NumPy's global state, which is not touched here
            return int(np.random.default_rng().integers(2**31))
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _data(self, features: Any, y: Any) -> MultiLabelData:
        """Return the data set, and set `classes_`."""
        if y is None:
            raise ValueError("MultiLabelClassifier requires y to be passed, but the target y is None")
        label_names = [str(name) for name in getattr(y, "columns", ())]
        y = check_array(
            y, accept_sparse="csr", dtype=None, ensure_all_finite="allow-nan", ensure_2d=False, input_name="y"
        )
        check_consistent_length(features, y)
        if y.ndim == 1:
            labels_NL = self._encoded(y)[:, None]
        else:
            labels_NL = y.toarray() if hasattr(y, "toarray") else y
            self.classes_: Any = [np.array([0, 1]) for _ in range(labels_NL.shape[1])]
        names = getattr(self, "feature_names_in_", range(features.shape[1]))
        return MultiLabelData(
            features,
            labels_NL,
            tuple(map(str, names)),
            tuple(label_names or map(str, range(labels_NL.shape[1]))),
            "the training data",
        )

    def _encoded(self, y_N: NDArray[Any]) -> NDArray[np.int64]:
        """Return a one-dimensional target as 0 and 1, and keep its classes."""
        check_classification_targets(check_array(y_N, dtype=None, ensure_2d=False, input_name="y"))  # no NaN here
        classes, encoded_N = np.unique(y_N, return_inverse=True)
        if len(classes) > 2:
            raise ValueError(
                "Only binary classification is supported. The type of the target is multiclass: expected (N, L) of 0 "
                f"and 1, or one dimension with two classes, got {len(classes)} of them"
            )
        if len(classes) < 2:
            raise ValueError(f"y holds one class, {classes[0]!r}: there is nothing to tell apart")
        self.classes_ = classes
        return encoded_N.astype(np.int64)
