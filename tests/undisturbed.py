"""What a verb leaves in a folder, less what no two runs of it share: to be held against an undisturbed run."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

STUDY = """
data = [{ source = "data.csv", labels = 2 }]
models = ["mlp"]
methods = ["random", "hard"]
folds = 2

[training]
epochs = 1
batch_size = 32
min_positives = 5
"""
FEW = ("--epochs", "2", "--batch-size", "32", "--learning-rate", "0.01")


@dataclass(frozen=True)
class Verb:
    """A command that leaves files in a folder of its own.

    Args:
        arguments: The words after `batchsift`; the folder or file is added.
        out: What it is called, relative to the working directory.
        again: Words to add where it is started again.
        sweeps: Whether it clears away what a killed one left half written: where it has the folder to itself.
    """

    arguments: tuple[str, ...]
    out: str = "out"
    again: tuple[str, ...] = ()
    sweeps: bool = True

    def words(self, *, again=False):
        return [*self.arguments, "--out", self.out, *(self.again if again else ())]


VERBS = {
    "train": Verb(
        (
            *("train", "data.csv", "--labels", "2", *FEW, "--epochs", "3", "--checkpoint-seconds", "0"),
            *("--test", "data.csv", "--method", "d2ace"),
        )
    ),
    "compare": Verb(
        (
            *("compare", "data.csv", "--labels", "2", *FEW, "--methods", "random,hard", "--folds", "2"),
            *("--min-positives", "5"),
        )
    ),
    "study": Verb(("study", "run", "study.toml"), again=("--retry-failed",)),
    "describe": Verb(("describe", "data.csv", "--labels", "2"), sweeps=False),
    "predict": Verb(("predict", "model", "data.csv"), out="predicted.csv", sweeps=False),
}


def write_data(folder, samples=160):
    """Write a table and a study of it."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(samples, 3)).round(3)
    rows = [[*row, int(row[0] > 0), int(row[1] > 0)] for row in features.tolist()]
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n".join(",".join(map(str, row)) for row in [["a", "b", "c", "u", "v"], *rows])
    (folder / "data.csv").write_text(text + "\n")
    (folder / "study.toml").write_text(STUDY)


def contents(place):
    """Return what lies in a folder, or a file, by name: values that two equal runs share."""
    place = Path(place)
    paths = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
    kept = [path for path in paths if path.name != "lock"]
    return {path.relative_to(place.parent).as_posix(): _content(path) for path in kept}


def _content(path):
    if path.suffix == ".json":
        return _same(json.loads(path.read_text()))
    if path.suffix == ".pt":
        return _same(torch.load(path, weights_only=True))
    if path.suffix in (".png", ".svg"):  # of the same numbers
        return "a picture"
    return path.read_text()


def _same(value):
    """Return a value without times and versions of files, tensors as numbers that can be compared."""
    if isinstance(value, dict):
        left_out = ("timings", "started", "seconds", "command", "model_sha256")
        return {key: _same(item) for key, item in value.items() if not any(word in str(key) for word in left_out)}
    if isinstance(value, list | tuple):
        return [_same(item) for item in value]
    if isinstance(value, torch.Tensor):
        return (str(value.dtype), value.shape, value.double().nan_to_num(-7.0).tolist())
    return value
