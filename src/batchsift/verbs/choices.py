"""How a model is trained, as users of all verbs say it: by words and numbers, most of them left out. Without torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from batchsift.training.pictures import PictureSettings, takes_pictures
from batchsift.training.presets import usual
from batchsift.training.settings import AUTO, Search, Settings
from batchsift.verbs.words import check_model, check_settings

if TYPE_CHECKING:
    from batchsift.data import ImageData, MultiLabelData


@dataclass(frozen=True, kw_only=True)
class TrainingChoices:
    """What is chosen of a training; None leaves a setting to `settings`.

    Args:
        model: A name of `batchsift.models`, or a backbone for pictures.
        settings: The name of the settings: "default", "paper", "tuned".
        epochs: As in `Settings`, or "auto": searched. So are epochs and learning rate of the default settings.
        learning_rate: As in `Settings`, or "auto".
        weight_decay: As in `Settings`.
        decay_share: As in `Settings`.
        batch_size: As in `Settings`.
        loss: As in `Settings`.
        scaling: As in `Settings`.
        drawing: As in `Settings`.
        center_sparse: As in `Settings`.
        min_positives: As in `Settings`.
        hyperparameters: Hyperparameters of the model, by name.
        seed: Decides splits, initial weights and selection.
        device: As in `Settings`.
        threads: As in `Settings`.
        pictures: How pictures are read and trained on, where they are; what is not the default goes with no features.
    """

    model: str = "mlp"
    settings: str = "default"
    epochs: int | str | None = None
    learning_rate: float | str | None = None
    weight_decay: float | None = None
    decay_share: float | None = None
    batch_size: int | None = None
    loss: str | None = None
    scaling: str | None = None
    drawing: str | None = None
    center_sparse: bool = False
    min_positives: int | None = None
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    device: str = Settings.device
    threads: int = Settings.threads
    pictures: PictureSettings = field(default_factory=PictureSettings)

    def check(self, **others: Any) -> None:
        """Check everything that can be judged before the data and torch are there.

        Args:
            others: Further fields of `Settings`, options of one verb.

        Raises:
            ValueError: An unknown word, or a value out of its range.
        """
        check_model(self.model)
        check_settings(self.settings)
        for name, value in {"epochs": self.epochs, "learning_rate": self.learning_rate}.items():
            if isinstance(value, str) and value != AUTO:
                raise ValueError(f"{name} must be a number or {AUTO!r}, got {value!r}")
        Settings(**self._given(others))

    @property
    def search(self) -> Search:
        """What is to be searched: what is "auto", or neither given nor said by the settings."""
        unless_given = AUTO if self.settings == "default" and not takes_pictures(self.model) else None
        return Search(
            learning_rate=(unless_given if self.learning_rate is None else self.learning_rate) == AUTO,
            epochs=(unless_given if self.epochs is None else self.epochs) == AUTO,
        )

    def fitted(self, data: "MultiLabelData | ImageData", **others: Any) -> "MultiLabelData | ImageData":
        """Return the data as the model takes them: gray pictures in memory as pictures for a model of those.

        Args:
            data: The data set.
            others: Further fields of `Settings` that were given.

        Raises:
            ValueError: The model takes features where there are pictures, or the reverse; or a choice goes with the
                other kind of data.
        """
        from batchsift.data import ImageData
        from batchsift.training.networks import check_fits
        from batchsift.training.picture_model import fitting

        data = fitting(data, self.model)
        check_fits(self.model, data.num_features, data.name)
        if isinstance(data, ImageData):
            of_features = {"scaling": self.scaling, "center_sparse": self.center_sparse or None, **others}
            for name in ("scaling", "center_sparse", "top_features"):
                if of_features.get(name) is not None:
                    raise ValueError(
                        f"{name}={of_features[name]!r} came with {data.name}, which holds pictures: it goes with "
                        "features; leave it out"
                    )
        elif self.pictures != PictureSettings() or self.pictures.workers:
            given = {**self.pictures.identity(), "workers": self.pictures.workers}
            names = [name for name, value in given.items() if value != getattr(PictureSettings(), name)]
            raise ValueError(f"{', '.join(names)} came with {data.name}, which has features: it goes with pictures")
        return data

    def chosen(self, data: "MultiLabelData | ImageData", **others: Any) -> tuple[Settings, dict[str, Any]]:
        """Return the settings and the model's hyperparameters: those of the named settings, changed by the choices.

        Args:
            data: The data set, as `fitted` returns it.
            others: Further fields of `Settings`, options of one verb.

        Raises:
            ValueError: There are no such settings for this model and data set, or a choice is wrong.
        """
        from batchsift.data import ImageData
        from batchsift.training.picture_model import side_in_memory
        from batchsift.training.presets import preset

        named = preset(self.settings, model=self.model, data=data.name)
        first = usual(self.model) if self.settings == "default" else {}
        if isinstance(data, ImageData):
            others["pictures"] = self.pictures.for_training(self.model, side_in_memory(data))
        settings = Settings(**{**first, **named.settings, **self._given(others)})
        return settings, {**named.hyperparameters, **self.hyperparameters}

    def _given(self, others: Mapping[str, Any]) -> dict[str, Any]:
        fields = {
            "epochs": None if self.epochs == AUTO else self.epochs,
            "learning_rate": None if self.learning_rate == AUTO else self.learning_rate,
            "weight_decay": self.weight_decay,
            "decay_share": self.decay_share,
            "batch_size": self.batch_size,
            "loss": self.loss,
            "scaling": self.scaling,
            "drawing": self.drawing,
            "center_sparse": self.center_sparse or None,
            "min_positives": self.min_positives,
            "device": self.device,
            "threads": self.threads,
        }
        return {name: value for name, value in {**fields, **others}.items() if value is not None}


def number_of_processes(jobs: int, option: str = "jobs") -> int:
    """Return how many processes are meant.

    Args:
        jobs: At least 1, or -1 for as many as there are cores.
        option: How the message calls it.

    Raises:
        ValueError: For another number.
    """
    if jobs < 1 and jobs != -1:
        raise ValueError(f"{option} must be at least 1, or -1 for as many as there are cores, got {jobs}")
    if jobs != -1:
        return jobs
    import joblib

    return int(joblib.cpu_count())
