"""The words that options take, known without importing what they name: that would take seconds."""

import ast
from collections.abc import Sequence
from importlib.resources import files
from typing import TypeGuard, get_args

from batchsift.data.schema import Unknown
from batchsift.messages import there_are
from batchsift.training.pictures import MODELS as PICTURE_MODELS
from batchsift.training.pictures import takes_pictures
from batchsift.training.presets import NAMES, RECIPES
from batchsift.training.settings import LOSSES, split_loss


def _registered(room: str) -> tuple[str, ...]:
    """Return the names registered in a room of the package: those of the files that register a class."""
    modules = [file for file in files("batchsift").joinpath(room).iterdir() if file.name.endswith(".py")]
    names = [file.name.removesuffix(".py") for file in modules if "\n@register\n" in file.read_text("utf-8")]
    return tuple(sorted(names))


METHODS = _registered("methods")
MODELS = _registered("models")


def method_lines() -> list[str]:
    """Return a line for each method: its name, what it does, its paper; read from the files of the methods."""
    rows = []
    for name in METHODS:
        tree = ast.parse(files("batchsift").joinpath(f"methods/{name}.py").read_text("utf-8"))
        method = next(node for node in tree.body if isinstance(node, ast.ClassDef) and _is_registered(node))
        paper = [ast.literal_eval(item.value or item) for item in method.body if _is_assigned(item, "paper")]
        rows.append((name, (ast.get_docstring(method) or "").partition("\n")[0], *paper))
    width = max(len(name) for name, *_ in rows)
    return [f"{name:<{width}}  {what}{''.join(f' [{one}]' for one in paper)}" for name, what, *paper in rows]


def _is_registered(node: ast.ClassDef) -> bool:
    return any(isinstance(one, ast.Name) and one.id == "register" for one in node.decorator_list)


def _is_assigned(item: ast.stmt, name: str) -> TypeGuard[ast.AnnAssign]:
    return isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and item.target.id == name


def split_words(text: str) -> list[str]:
    """Return the words between the commas.

    >>> split_words("random, d2ace")
    ['random', 'd2ace']
    """
    return [word.strip() for word in text.split(",")]


def word_list(words: str | Sequence[str]) -> list[str]:
    """Return words that come as a list, or as a text with commas between them; of an empty text none.

    >>> word_list("random, d2ace"), word_list(["random"]), word_list("")
    (['random', 'd2ace'], ['random'], [])
    """
    return split_words(words) if isinstance(words, str) and words else list(words)


def check_method(name: str) -> None:
    """Raise ValueError unless a method has that name."""
    _check(name, METHODS, "unknown method")


def check_method_and_loss(name: str) -> None:
    """Raise ValueError unless it is the name of a method, or of a method and a loss with a plus between them."""
    method, loss = split_loss(name)
    check_method(method)
    if loss is not None:
        _check(loss, LOSSES, f"{name}: unknown loss")


def check_loss(name: str) -> None:
    """Raise ValueError unless a loss has that name."""
    _check(name, LOSSES, "unknown loss")


def check_recipe(name: str) -> None:
    """Raise ValueError unless a recipe has that name."""
    _check(name, tuple(RECIPES), "there is no recipe")


def check_model(name: str) -> None:
    """Raise ValueError unless a model has that name; those of pictures are also called as on a hub, or by a folder."""
    if not takes_pictures(name):
        _check(name, (*MODELS, *PICTURE_MODELS), "unknown model")


def check_settings(name: str) -> None:
    """Raise ValueError unless settings have that name."""
    _check(name, NAMES, "there are no settings")


def check_unknown_category(word: str, option: str = "unknown_category") -> Unknown:
    """Return what unknown categories are.

    Args:
        word: "error" or "missing".
        option: How the message calls it.

    Raises:
        ValueError: It is another word.
    """
    words: tuple[Unknown, ...] = get_args(Unknown)
    for known in words:
        if word == known:
            return known
    raise ValueError(f"{option} {word!r}{there_are(word, words)}")


def _check(word: str, known: Sequence[str], complaint: str) -> None:
    if word not in known:
        raise ValueError(f"{complaint} {word!r}{there_are(word, known)}")
