"""A study: every data set with every model, settings, method, seed and fold.

`read_study` looks at everything that can be wrong before anything runs: the file itself, the data sets (they are
loaded), the tuned settings, hyperparameters (every model is built once), the device.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchsift.data import ImageData, MultiLabelData
from batchsift.devices import check_device
from batchsift.studies.analysis.runs import BASELINE
from batchsift.studies.config import CellConfig, StudyManifest
from batchsift.studies.executor import Task
from batchsift.studies.file import Problem, SettingsEntry, StudyFile, StudyFileError, read_study_file
from batchsift.studies.sources import FileSource, source_of
from batchsift.studies.toml_lines import Place
from batchsift.training.label_rule import warn_of_dropped_labels
from batchsift.training.options import check_hyperparameters, check_model_settings, nearest, try_model
from batchsift.training.picture_model import fitting, side_in_memory
from batchsift.training.pictures import PictureSettings
from batchsift.training.prepare import apply_filters
from batchsift.training.presets import Preset, preset
from batchsift.training.provenance import fingerprint
from batchsift.training.settings import Settings


@dataclass(frozen=True)
class Study:
    """A study that can be run.

    Args:
        path: The path of the study file.
        text: The content of the file.
        metrics: Keys of the metrics that a report leads with.
        tasks: The cells, in the file's order.
        budget: Whether the number of epochs is one that is meant.
    """

    path: Path
    text: str
    metrics: tuple[str, ...]
    tasks: tuple[Task, ...]
    budget: bool = False

    @property
    def configs(self) -> tuple[CellConfig, ...]:
        """The configurations of all cells."""
        return tuple(task.config for task in self.tasks)

    def manifest(self, command: Sequence[str]) -> StudyManifest:
        """Return what a store keeps of the study.

        Args:
            command: The words that run it again.
        """
        return StudyManifest(
            name=self.path.stem,
            file=str(self.path),
            source=self.text,
            metrics=self.metrics,
            command=tuple(command),
            cells={config.key: config for config in self.configs},
            budget=self.budget,
        )


def read_study(path: Path, *, check_devices: bool = True) -> Study:
    """Read a study file, load its data sets, and check everything a run would need.

    Args:
        path: The study file.
        check_devices: Check that its devices are those of this machine: leave that out where other machines run it.

    Raises:
        StudyFileError: Something is wrong; each mistake is named with its line and key.
        ValueError: The file is no TOML file.
        OSError: It cannot be read.
    """
    spec, text = read_study_file(path)
    expansion = _Expansion(spec, path.parent, check_devices=check_devices)
    tasks = tuple(expansion.tasks())
    if expansion.problems:
        raise StudyFileError(path, text, expansion.problems)
    return Study(path, text, tuple(spec.metrics), tasks, spec.budget)


@dataclass(frozen=True, eq=False)
class _DataSet:
    number: int  # in the file
    source: FileSource
    data: MultiLabelData | ImageData
    fingerprint: str


class _Expansion:
    """The way from a study file to its cells; mistakes on the way are gathered in `problems`."""

    def __init__(self, spec: StudyFile, folder: Path, *, check_devices: bool) -> None:
        self.problems: list[Problem] = []
        self._spec = spec
        self._folder = folder
        self._check_devices = check_devices

    def tasks(self) -> Iterator[Task]:
        """Yield all cells of the grid that could be checked."""
        names: list[str] = []
        for data_set in self._data_sets():
            if data_set.data.name in names:
                self._report_problem(
                    ("data", data_set.number), f"there are two data sets named {data_set.data.name!r}; add a name"
                )
            names.append(data_set.data.name)
            for model in self._spec.models:
                for number, entry in enumerate(self._spec.settings):
                    chosen = self._choose_settings(data_set, model, number, entry)
                    if chosen is not None:
                        yield from self._cells(data_set, model, entry.name, chosen)
        for number, override in enumerate(self._spec.overrides):
            for word in override.where.data or ():
                if word not in names:
                    message = f"this study has no data set {word!r}{nearest(word, names)}"
                    self._report_problem(("overrides", number, "where", "data"), message)

    def _report_problem(self, place: Place, message: str) -> None:
        self.problems.append(Problem(place, message))

    def _data_sets(self) -> Iterator[_DataSet]:
        for number, entry in enumerate(self._spec.data):
            source = source_of(entry.source, self._folder, name=entry.name, options=entry.options())
            try:
                data = source.load()
            except (ValueError, OSError, ImportError) as error:
                self._report_problem(("data", number), str(error))
            else:
                yield _DataSet(number, source, data, fingerprint(data))

    def _choose_settings(
        self, data_set: _DataSet, model: str, number: int, entry: SettingsEntry
    ) -> "_ChosenSettings | None":
        """Find and check the settings of a model on a data set; None where they are wrong."""
        try:
            base = preset(entry.base, model=model, data=data_set.data.name)
        except ValueError as error:
            self._report_problem(("settings", number), str(error))
            return None
        try:
            chosen = self._apply_overrides(data_set, model, number, base)
            check_model_settings(model, chosen.training)
        except ValueError as error:  # fields that do not go together, or a model that does not take one
            self._report_problem(("settings", number), str(error))
            return None
        try:
            kept, removed, _ = apply_filters(fitting(data_set.data, model), chosen.training)
            warn_of_dropped_labels(data_set.data, removed, chosen.training.min_positives)
        except ValueError as error:
            self._report_problem(("data", data_set.number), str(error))
            return None
        try:
            if self._check_devices:
                check_device(chosen.training.device)
        except ValueError as error:
            self._report_problem(("training", "device"), str(error))
        if self._check_model(model, kept, chosen, ("settings", number)):
            return chosen
        return None

    def _apply_overrides(self, data_set: _DataSet, model: str, number: int, base: Preset) -> "_ChosenSettings":
        """Change the recipe by `training`, the settings and the overrides, in that order."""
        entry = self._spec.settings[number]
        fields = merged(base.settings, self._spec.training.changes(), entry.changes())
        hyperparameters = {**base.hyperparameters, **entry.hyperparameters}
        places: dict[str, Place] = dict.fromkeys(entry.hyperparameters, ("settings", number, "hyperparameters"))
        for count, override in enumerate(self._spec.overrides):
            if override.where.matches(data=data_set.data.name, model=model, settings=entry.name):
                fields = merged(fields, override.changes.changes())
                hyperparameters |= override.changes.hyperparameters
                place = ("overrides", count, "set", "hyperparameters")
                places |= dict.fromkeys(override.changes.hyperparameters, place)
        data, pictures = fitting(data_set.data, model), fields.pop("pictures", {})
        if isinstance(data, ImageData):
            fields["pictures"] = PictureSettings.of(pictures).for_training(model, side_in_memory(data))
        return _ChosenSettings(Settings(**{**fields, "num_folds": self._spec.folds}), hyperparameters, places)

    def _check_model(
        self, model: str, kept: MultiLabelData | ImageData, chosen: "_ChosenSettings", around: Place
    ) -> bool:
        """Check whether the model can be built with these hyperparameters."""
        before = len(self.problems)
        for name, place in chosen.places.items():
            try:
                check_hyperparameters(model, [name])
            except ValueError as error:
                self._report_problem((*place, name), str(error))
        if len(self.problems) > before:
            return False
        try:
            try_model(model, kept, chosen.hyperparameters)
        except ValueError as error:
            # Models name what is wrong; the key is the one they name.
            named = [name for name in chosen.places if name in str(error.__cause__)] or list(chosen.places)
            self._report_problem((*chosen.places[named[0]], named[0]) if named else around, str(error))
        return len(self.problems) == before

    def _cells(self, data_set: _DataSet, model: str, settings: str, chosen: "_ChosenSettings") -> Iterator[Task]:
        for seed in self._spec.seeds:
            for fold in range(self._spec.folds):
                for method in self._spec.methods:
                    config = CellConfig(
                        data=data_set.data.name,
                        model=model,
                        method=method.study_name,
                        settings=settings,
                        fold=fold,
                        seed=seed,
                        base_method=method.method,
                        method_options=method.options(),
                        hyperparameters=chosen.hyperparameters,
                        training=chosen.training,
                        data_fingerprint=data_set.fingerprint,
                    )
                    size = data_set.data.num_samples * (data_set.data.num_features + data_set.data.num_labels)
                    yield Task(config, data_set.source, size)
                    if self._spec.repeat_random and config.method == BASELINE:
                        yield Task(config.repeated(), data_set.source, size)


@dataclass(frozen=True)
class _ChosenSettings:
    training: Settings
    hyperparameters: Mapping[str, Any]
    places: Mapping[str, Place]  # of each hyperparameter, the table in the file that gives it


def merged(*changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields of settings, later ones in place of earlier ones; those of pictures one by one.

    >>> merged({"epochs": 2, "pictures": {"size": 64}}, {"pictures": {"flip": 0}})
    {'epochs': 2, 'pictures': {'size': 64, 'flip': 0}}
    """
    fields: dict[str, Any] = {}
    for change in changes:
        pictures = {**fields.get("pictures", {}), **change.get("pictures", {})}
        fields |= {**change, "pictures": pictures} if pictures else change
    return fields
