"""Checks of what files of trainings hold, before anything is made of it: a file may be damaged, or a stranger's.

Shapes: D features, L labels, K knots of a curve.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from batchsift.data.schema import TableColumn
from batchsift.entries import check_keys, described, part, whole_number
from batchsift.models import BaseModel
from batchsift.saved import check_within, tensor_of
from batchsift.training.thresholds import CALIBRATIONS

_LEARNED = ("exp_avg", "exp_avg_sq")  # what Adam remembers of each parameter, beside the number of its steps


@contextmanager
def content_of(path: Path, remedy: str) -> Iterator[None]:
    """Put the name of a file before the message of a ValueError that is raised inside, and what to do behind it."""
    try:
        yield
    except (ValueError, RecursionError) as error:  # of JSON with thousands of brackets
        raise ValueError(f"{path} is damaged, or was not written by batchsift: {error}; {remedy}") from error


def text_of(state: Mapping[str, Any], key: str) -> str:
    """Return the entry of a key, a text.

    Raises:
        ValueError: It is something else.
    """
    value = state[key]
    if not isinstance(value, str):
        raise ValueError(f"{key}: must be a text, got {described(value)}")
    return value


def names_of(state: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return the entry of a key, a list of texts that are all different, and at least one.

    Raises:
        ValueError: It is something else.
    """
    names = state[key]
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{key}: must be a list of texts, got {described(names)}")
    if len(set(names)) < len(names):
        raise ValueError(f"{key}: has a name twice")
    return tuple(names)


def columns_of(state: Mapping[str, Any], num_features: int) -> tuple[TableColumn, ...]:
    """Return the entry `columns`, the columns of a table, which have as many features; empty where there is none.

    Raises:
        ValueError: It is something else.
    """
    documents = state.get("columns", [])
    with part("columns"):
        if not isinstance(documents, list):
            raise ValueError(f"must be a list, got {described(documents)}")
        columns = tuple(map(_column, documents))
        width = sum(len(column.feature_names) for column in columns)
        if columns and width != num_features:
            raise ValueError(f"make {width} features, there are {num_features}")
    return columns


def _column(document: Any) -> TableColumn:
    check_keys(document, ("name", "kind", "values", "parts", "order", "width"))
    if text_of(document, "kind") not in ("number", "category", "date", "vector"):
        raise ValueError(f"kind: {described(document['kind'])} makes no features")
    text_of(document, "name")
    whole_number(document, "width", 1)
    for key in ("values", "parts"):
        if not isinstance(document[key], list) or not all(isinstance(value, str) for value in document[key]):
            raise ValueError(f"{key}: must be a list of texts, got {described(document[key])}")
    if document["order"] is not None and text_of(document, "order") not in ("day-first", "month-first"):
        raise ValueError(f"order: must be day-first or month-first, got {described(document['order'])}")
    return TableColumn.from_document(document)


def network_of(state: Mapping[str, Any], build: Callable[..., BaseModel]) -> BaseModel:
    """Return the model of the entries `name`, `hyperparameters` and `weights`.

    Args:
        state: The entries.
        build: Builds a model of a name and hyperparameters.

    Raises:
        ValueError: There is no such model, or the weights are not its own.
    """
    name, hyperparameters = text_of(state, "name"), state["hyperparameters"]
    with part("hyperparameters"):
        check_keys(hyperparameters, (), others=True)
        try:
            with torch.device("meta"):  # nothing is made of sizes that the weights do not have
                outline = build(name, **hyperparameters)
        except Exception as error:  # torch raises half a dozen kinds for sizes that cannot be
            raise ValueError(f"no {name} can be built of them: {str(error).splitlines()[0]}") from error
    check_weights(state, "weights", outline)
    with torch.random.fork_rng(devices=[]):  # the initial weights are overwritten: no one's numbers are used up
        network = build(name, **hyperparameters)
    network.load_state_dict(state["weights"])
    return network


def check_weights(state: Mapping[str, Any], key: str, network: nn.Module) -> None:
    """Check that the entry of a key has the weights of a model: finite, of the shapes it has.

    Raises:
        ValueError: It has not.
    """
    own = network.state_dict()
    with part(key):
        check_keys(state[key], own)
        for name, value in own.items():
            check_finite(name, tensor_of(state[key], name, value.shape, value.dtype))


def check_finite(key: str, values: Tensor) -> None:
    """Check that values are numbers.

    Raises:
        ValueError: One is not.
    """
    if values.is_floating_point():
        largest = torch.finfo(values.dtype).max
        check_within(key, values, -largest, largest)


def scales_of(state: Mapping[str, Any], num_features: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the entries `mean`, `scale` and `offset`, `(D,)` float64 each: finite, and scales above 0.

    Raises:
        ValueError: They are something else.
    """
    mean_D, scale_D, offset_D = (
        tensor_of(state, key, (num_features,), torch.float64) for key in ("mean", "scale", "offset")
    )
    for key, values in (("mean", mean_D), ("scale", scale_D), ("offset", offset_D)):
        check_finite(key, values)
    check_within("scale", scale_D, math.ulp(0.0), math.inf)
    return mean_D, scale_D, offset_D


def thresholds_of(state: Mapping[str, Any], num_labels: int) -> Tensor | None:
    """Return the entry `thresholds`, `(L,)` float64 in [0, 1]; None where there is none.

    Raises:
        ValueError: It is something else.
    """
    if "thresholds" not in state:
        return None
    thresholds_L = tensor_of(state, "thresholds", (num_labels,), torch.float64)
    check_within("thresholds", thresholds_L, 0, 1)
    return thresholds_L


def check_calibration_state(state: Any, num_labels: int) -> None:
    """Check a calibration: a curve for each label, of two numbers, or of knots that do not fall.

    Raises:
        ValueError: It is something else.
    """
    with part("calibration"):
        check_keys(state, ("kind", "curves"))
        if text_of(state, "kind") not in CALIBRATIONS:
            raise ValueError(f"kind: there is no {state['kind']!r}")
        curves = state["curves"]
        if not isinstance(curves, Sequence) or len(curves) != num_labels:
            raise ValueError(f"curves: must be {num_labels}, one a label, got {described(curves)}")
        for label, curve in enumerate(curves):
            with part(f"curves: label {label}"):
                _check_curve(curve, is_steps=state["kind"] == "isotonic")


def _check_curve(curve: Any, *, is_steps: bool) -> None:
    if not isinstance(curve, Sequence) or len(curve) != 2:
        raise ValueError(f"must be two tensors, got {described(curve)}")
    both = {"first": curve[0], "second": curve[1]}
    first_K = tensor_of(both, "first", (None if is_steps else 1,), torch.float64)
    second_K = tensor_of(both, "second", tuple(first_K.shape), torch.float64)
    for key, values in (("first", first_K), ("second", second_K)):
        check_finite(key, values)
        if is_steps:
            check_within(key, values, 0, 1)
            if not len(values) or (values.diff() < 0).any():
                raise ValueError(f"{key}: must be numbers that do not fall")


def check_optimizer_state(state: Any, optimizer: torch.optim.Optimizer) -> None:
    """Check what Adam remembers against the parameters it has.

    Raises:
        ValueError: It is something else.
    """
    own = optimizer.state_dict()
    with part("optimizer"):
        check_keys(state, own)
        groups = state["param_groups"]
        if not isinstance(groups, list) or len(groups) != len(own["param_groups"]):
            raise ValueError(f"param_groups: must be {len(own['param_groups'])}, got {described(groups)}")
        for saved, mine in zip(groups, own["param_groups"], strict=True):
            with part("param_groups"):
                check_keys(saved, mine)
                for key, value in mine.items():
                    if key != "lr" and (type(saved[key]) is not type(value) or saved[key] != value):
                        raise ValueError(f"{key}: must be {described(value)}, got {described(saved[key])}")
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        with part("state"):
            check_keys(state["state"], (), others=True)
            for number, remembered in state["state"].items():
                if type(number) is not int or not 0 <= number < len(parameters):
                    raise ValueError(f"holds {described(number)}, there are {len(parameters)} parameters")
                with part(str(number)):
                    _check_remembered(remembered, parameters[number])


def _check_remembered(state: Any, parameter: Tensor) -> None:
    check_keys(state, ("step", *_LEARNED))
    check_within("step", tensor_of(state, "step", (), torch.float32), 0, 2**24)
    for key in _LEARNED:
        check_finite(key, tensor_of(state, key, tuple(parameter.shape), parameter.dtype))
    check_within("exp_avg_sq", state["exp_avg_sq"], 0, math.inf)
