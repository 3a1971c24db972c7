"""Options of methods and hyperparameters of models as files and command lines write them: numbers, words, lists.

An unknown word is refused with the nearest one there is. Torch is imported only where an option is looked at: the
command line imports this module before it knows what is asked.
"""

from collections.abc import Iterable, Mapping
from dataclasses import Field, fields
from typing import TYPE_CHECKING, Any

from batchsift.functional.schedule import Mixture
from batchsift.messages import there_are

if TYPE_CHECKING:
    from batchsift.data import ImageData, MultiLabelData
    from batchsift.methods import Method
    from batchsift.training.settings import Settings

_SHORT = {"lr": "learning_rate", "wd": "weight_decay", "l2": "weight_decay", "bs": "batch_size"}


def create_method(name: str, options: Mapping[str, Any]) -> "Method":
    """Create an instance of a registered method.

    Args:
        name: One of `batchsift.methods.names()`.
        options: Options of the method, by name. `storage` is the name of a torch dtype, `mixture` a number or a table
            of what `batchsift.methods.Mixture` takes.

    Raises:
        ValueError: For an unknown method or option, or a value out of its range.
        TypeError: For a value of another type.

    >>> create_method("hard", {"pressure": 4.0, "storage": "float16"})
    Hard(warmup=0.03, pressure=4.0, storage=torch.float16, refresh='epoch')
    """
    from batchsift import methods  # noqa: PLC0415 (imports torch)

    default = methods.create(name)
    declared = fields(default) if isinstance(default, methods.BaseMethod) else ()
    known = {field.name: field for field in declared if field.init}
    for option, value in options.items():
        if option not in known:
            raise ValueError(f"{name} has no option {option!r}{nearest(option, known)}")
        _check_type(known[option], value)
    return methods.create(name, **{option: _convert(option, value) for option, value in options.items()})


def check_hyperparameters(model: str, names: Iterable[str]) -> None:
    """Check that a model has hyperparameters of these names.

    Raises:
        ValueError: For an unknown model or name.

    >>> check_hyperparameters("mlp", ["hiden"])
    Traceback (most recent call last):
    ...
    ValueError: mlp has no hyperparameter 'hiden': did you mean 'hidden'? There are hidden, dropout
    """
    from batchsift.training import networks  # noqa: PLC0415 (imports torch)

    known = networks.hyperparameters(model)
    for name in names:
        if name not in known:
            raise ValueError(f"{model} has no hyperparameter {name!r}{nearest(name, known)}")


def check_model_settings(model: str, settings: "Settings") -> None:
    """Check that a model can be trained with the loss and the scaling of the settings.

    Raises:
        ValueError: For an unknown model, or a loss or scaling that it does not take.
    """
    from batchsift.training import networks  # noqa: PLC0415 (imports torch)

    if settings.loss != "bce" and not networks.takes_label_loss(model):
        others = ", ".join(name for name in networks.names() if networks.takes_label_loss(name))
        raise ValueError(
            f"{model} has no cross-entropy by label that the loss {settings.loss!r} could replace: "
            f"leave the loss at 'bce', or take one of {others}"
        )
    if settings.scaling == "standard" and networks.takes_unit_features(model):
        raise ValueError(f"{model} takes features in [0, 1], got scaling 'standard': choose scaling 'minmax'")


def try_model(model: str, data: "MultiLabelData | ImageData", hyperparameters: Mapping[str, Any]) -> None:
    """Build a model for the data once, to see whether it takes the hyperparameters.

    Raises:
        ValueError: Where it does not.
    """
    import torch  # noqa: PLC0415

    from batchsift.training import networks  # noqa: PLC0415 (imports torch)

    networks.check_fits(model, data.num_features, data.name)
    try:
        with torch.random.fork_rng(devices=[]):
            networks.create(model, data.num_features, data.num_labels, hyperparameters)
    except (ValueError, TypeError, RuntimeError) as error:
        given = ", ".join(f"{name}={value!r}" for name, value in hyperparameters.items()) or "its defaults"
        raise ValueError(f"{model} cannot be built with {given} for {data.name}: {error}") from error


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown word; usual abbreviations are spelled out first.

    >>> nearest("lr", ["epochs", "learning_rate"])
    ": did you mean 'learning_rate'? There are epochs, learning_rate"
    """
    return there_are(word, known, like=_SHORT.get(word.lower()))


def _check_type(option: "Field[Any]", value: Any) -> None:
    """Check what methods do not: they check ranges, but Python takes a word for True and True for 1."""
    if isinstance(option.default, bool) and not isinstance(value, bool):
        raise TypeError(f"{option.name} must be true or false, got {value!r}")
    numeric = isinstance(option.default, int | float) and not isinstance(option.default, bool)
    if numeric and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise TypeError(f"{option.name} must be a number, got {value!r}")


def _convert(option: str, value: Any) -> Any:
    if option == "storage":
        import torch  # noqa: PLC0415

        dtype = getattr(torch, value, None) if isinstance(value, str) else value
        if not isinstance(dtype, torch.dtype):
            raise ValueError(f"storage must name a floating dtype such as 'float32', got {value!r}")
        return dtype
    if option == "mixture" and isinstance(value, Mapping):
        known = [field.name for field in fields(Mixture)]
        for name in value:
            if name not in known:
                raise ValueError(f"mixture has no {name!r}{nearest(name, known)}")
        return Mixture(**value)
    return value
