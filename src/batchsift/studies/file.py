"""The file a study is written in: TOML, checked key by key. What the keys mean is in docs/studies.md.

Whatever is wrong is said with the file, the line, the key, and the nearest word that would be right; nothing runs.
"""

import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails

from batchsift import methods
from batchsift.image_metrics import ALL_METRICS
from batchsift.studies.config import HEADLINES
from batchsift.studies.toml_lines import Place, lines_of, syntax_problem
from batchsift.training import networks, presets
from batchsift.training.options import create_method, nearest
from batchsift.training.pictures import PictureSettings, takes_pictures
from batchsift.training.settings import AUTO, MOST_FOLDS, Settings


@dataclass(frozen=True)
class Problem:
    """A mistake in a study file: the key or element of a list, and what is wrong with it."""

    place: Place
    message: str


class StudyFileError(ValueError):
    """A study file has mistakes: one line each, in the file's order."""

    def __init__(self, path: Path, text: str, problems: Iterable[Problem]) -> None:
        lines = lines_of(text)
        mistakes = []
        for one in dict.fromkeys(problems):
            place = one.place
            while place and place not in lines:
                place = place[:-1]
            mistakes.append((lines.get(place, 1), f"{_format_place(place)}: {one.message}" if place else one.message))
        super().__init__("\n".join(f"{path}, line {line}: {message}" for line, message in sorted(mistakes)))


def _format_place(place: Place) -> str:
    """Write a place as its keys, with positions in lists counted from 1."""
    return ", ".join(f"entry {part + 1}" if isinstance(part, int) else part for part in place)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _as_table(key: str) -> BeforeValidator:
    """Let a word stand for a table with that one key."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str) else value)


def _split_at_commas(value: Any) -> Any:
    """Split a text at its commas, as on the command line; an empty one has no parts."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _one_of(words: Callable[[], Sequence[str]], what: str) -> BeforeValidator:
    def check(value: Any) -> Any:
        if isinstance(value, str) and value not in words():
            raise ValueError(f"unknown {what} {value!r}{nearest(value, words())}")
        return value

    return BeforeValidator(check)


def _is_a_model(value: Any) -> Any:
    """Check the name of a model; those of pictures are also called as on a hub, or by a folder."""
    if isinstance(value, str) and not takes_pictures(value) and value not in networks.names():
        raise ValueError(f"unknown model {value!r}{nearest(value, networks.names())}")
    return value


_A_MODEL = BeforeValidator(_is_a_model)
Name = Annotated[str, Field(min_length=1)]
Words = Annotated[list[str], BeforeValidator(_as_list), Field(min_length=1)]
Patterns = Annotated[list[str], BeforeValidator(_split_at_commas)]


class DataEntry(_Table):
    """A data set: a name or files, and what `batchsift.data.load` is told."""

    source: Words
    name: Name | None = None
    labels: int | None = None
    label_columns: Patterns | None = None
    label_column: str | None = None
    delimiter: str | None = None
    drop: Patterns | None = None
    dates: str | None = None
    labels_file: str | None = None
    negative: float | None = None
    sheet: str | None = None
    variables: Patterns | None = None
    label_rows: str | None = None
    images: str | None = None
    file_column: str | None = None
    uncertain: str | None = None
    blanks: str | None = None
    unlabelled: str | None = None
    crowd: str | None = None
    broken: str | None = None
    format: str | None = None

    def options(self) -> dict[str, Any]:
        """Return the keywords of `batchsift.data.load`."""
        return self.model_dump(exclude={"source", "name"}, exclude_none=True)


class MethodEntry(BaseModel):
    """A method, what it is called here, and its options: every other key."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    method: Annotated[str, _one_of(methods.names, "method")]
    name: Name | None = None

    @property
    def study_name(self) -> str:
        """The name in the study: the method's where none is given."""
        return self.name or self.method

    def options(self) -> dict[str, Any]:
        """Return the options of the method, as written."""
        return dict(self.model_extra or {})


class Training(_Table):
    """The fields of `Settings`, all of them optional, less the number of folds."""

    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    weight_decay: float | None = None
    warmup_share: float | None = None
    decay_share: float | None = None
    validation_share: float | None = None
    min_positives: int | None = None
    top_features: float | None = None
    loss: str | None = None
    scaling: str | None = None
    drawing: str | None = None
    center_sparse: bool | None = None
    device: str | None = None
    threads: int | None = None
    pictures: dict[str, Any] | None = None

    @field_validator("epochs", "learning_rate", mode="before")
    @classmethod
    def _is_a_number(cls, value: Any) -> Any:
        if value == AUTO:
            raise ValueError(
                f"'{AUTO}' is for compare and train: a study is the same runs whoever repeats it, so give a number "
                "(compare says which it found)"
            )
        return value

    @field_validator("*")
    @classmethod
    def _is_in_range(cls, value: Any, info: ValidationInfo) -> Any:
        if value is not None and info.field_name in Training.model_fields:
            field: dict[str, Any] = {info.field_name: value}
            Settings(**field | ({"pictures": PictureSettings.of(value)} if info.field_name == "pictures" else {}))
        return value

    def changes(self) -> dict[str, Any]:
        """Return the fields of `Settings` that are given."""
        return self.model_dump(include=set(Training.model_fields), exclude_none=True)


class Changes(Training):
    """Fields of `Settings`, and hyperparameters of a model."""

    hyperparameters: dict[str, Any] = {}


class SettingsEntry(Changes):
    """Settings of a name: the default, the papers' or the tuned ones, and what is changed of them."""

    name: Name
    base: Annotated[str, _one_of(lambda: presets.NAMES, "settings")] = "default"


class Where(_Table):
    """The cells an override is for: all that have one of the words at every key given.

    Not the method: methods that are compared share all settings.
    """

    data: Words | None = None
    model: Annotated[list[Annotated[str, _A_MODEL]], BeforeValidator(_as_list)] | None = None
    settings: Words | None = None

    def given(self) -> dict[str, list[str]]:
        """Return the keys that are given and their words."""
        return self.model_dump(exclude_none=True)

    def matches(self, **cell: str) -> bool:
        """Return whether a cell of this data set, model and settings is meant."""
        return all(cell[key] in words for key, words in self.given().items())


class Override(_Table):
    """What is changed for some of the cells."""

    where: Where
    changes: Changes = Field(alias="set")


def _settings_table(value: Any) -> Any:
    return {"name": value, "base": value} if isinstance(value, str) else value


class StudyFile(_Table):
    """A study as its file says it.

    Args:
        data: The data sets.
        models: The names of the models.
        methods: Methods, or variants of them.
        settings: Named settings.
        folds: The number of folds of the cross-validation; all are run.
        seeds: Each decides splits, initial weights and selection.
        metrics: The ones a report leads with, and its verdict looks at.
        repeat_random: Whether Random is run a second time with other draws: what chance does.
        budget: Whether the number of epochs is one that is meant, so that a verdict does not ask training to be over.
        training: Changes of the settings, for all cells.
        overrides: Changes for some cells; later ones win.
    """

    data: Annotated[list[Annotated[DataEntry, _as_table("source")]], Field(min_length=1)]
    models: Annotated[list[Annotated[str, _A_MODEL]], Field(min_length=1)]
    methods: Annotated[list[Annotated[MethodEntry, _as_table("method")]], Field(min_length=1)]
    settings: Annotated[list[Annotated[SettingsEntry, BeforeValidator(_settings_table)]], Field(min_length=1)] = [
        SettingsEntry(name="default")
    ]
    folds: Annotated[int, Field(ge=2, le=MOST_FOLDS)] = Settings.num_folds
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**32)]], Field(min_length=1)] = [0]
    metrics: list[Annotated[str, _one_of(lambda: list(ALL_METRICS), "metric")]] = list(HEADLINES)
    repeat_random: bool = False
    budget: bool = False
    training: Training = Training()
    overrides: list[Override] = []

    @field_validator("models", "methods", "settings", "seeds")
    @classmethod
    def _is_distinct(cls, values: list[Any]) -> list[Any]:
        names = [_name(value) for value in values]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name!r} stands here twice; give a name of its own to each")
        return values


def _name(entry: Any) -> Any:
    if isinstance(entry, MethodEntry):
        return entry.study_name
    return entry.name if isinstance(entry, SettingsEntry) else entry


def read_study_file(path: Path) -> tuple[StudyFile, str]:
    """Read a study file, and its text.

    Raises:
        StudyFileError: Something is wrong with it, as far as the file itself tells.
        ValueError: It is no TOML file.
        OSError: It cannot be read.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except (FileNotFoundError, IsADirectoryError) as error:
        others = sorted(other.name for other in path.parent.glob("*.toml"))
        hint = nearest(path.name, others) if others else "; docs/studies.md says how a study file is written"
        raise FileNotFoundError(f"there is no file {path}{hint}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a TOML file, which is UTF-8: {error}") from error
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, message = syntax_problem(text, error)
        raise ValueError(f"{path}, line {line}: not TOML: {message}") from error
    except RecursionError as error:
        raise ValueError(f"{path} is no study file: its brackets are nested too deep") from error
    try:
        study = StudyFile.model_validate(content)
    except ValidationError as error:
        raise StudyFileError(path, text, map(_problem, error.errors())) from error
    problems = list(_option_problems(study))
    if problems:
        raise StudyFileError(path, text, problems)
    return study, text


def _option_problems(study: StudyFile) -> Iterable[Problem]:
    """Find options that the methods do not take, and names in overrides that the study does not have."""
    for number, entry in enumerate(study.methods):
        for option, value in entry.options().items():
            try:
                create_method(entry.method, {option: value})
            except (ValueError, TypeError) as error:
                yield Problem(("methods", number, option), str(error))
    names = {"settings": [entry.name for entry in study.settings], "model": study.models}
    for number, override in enumerate(study.overrides):
        for key, words in override.where.given().items():
            for word in words:
                if key in names and word not in names[key]:
                    message = f"this study has no {key} {word!r}{nearest(word, names[key])}"
                    yield Problem(("overrides", number, "where", key), message)


_TABLES: dict[tuple[str, ...], type[BaseModel]] = {
    (): StudyFile,
    ("data",): DataEntry,
    ("settings",): SettingsEntry,
    ("training",): Training,
    ("overrides",): Override,
    ("overrides", "where"): Where,
    ("overrides", "set"): Changes,
}


def _problem(error: ErrorDetails) -> Problem:
    """Put pydantic's error in words of the file."""
    place = error["loc"]
    got = error.get("input")
    match error["type"]:
        case "extra_forbidden":
            table = _TABLES[tuple(part for part in place[:-1] if isinstance(part, str))]
            keys = [field.alias or name for name, field in table.model_fields.items()]
            return Problem(place, f"unknown key {place[-1]!r}{nearest(str(place[-1]), keys)}")
        case "missing":
            return Problem(place[:-1], f"the key {place[-1]!r} is missing")
        case "value_error":
            return Problem(place, str(error["ctx"]["error"]))
        case "model_type":
            return Problem(place, f"expected a table, or a name where one will do, got {got!r}")
        case _:
            return Problem(place, f"{error['msg'].replace('Input should', 'this should')}, got {got!r}")
