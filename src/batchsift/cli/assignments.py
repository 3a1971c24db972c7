"""`name=value` on the command line."""

import tomllib
from collections.abc import Sequence
from typing import Any


def assigned(pairs: Sequence[str], option: str) -> dict[str, Any]:
    """Return names and values; a value is read as TOML writes it, and anything else is a word.

    Args:
        pairs: Texts of the form `name=value`.
        option: The option they came with, for the message.

    Raises:
        ValueError: No `=`, nothing on one side of it, or a name that comes twice.

    >>> assigned(["hidden=[64, 32]", "dropout=0.5", "variant=comparison", "flag=true"], "--set")
    {'hidden': [64, 32], 'dropout': 0.5, 'variant': 'comparison', 'flag': True}
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.strip() or not text.strip():
            raise ValueError(f"{option} {pair}: expected NAME=VALUE")
        if name.strip() in values:
            raise ValueError(f"{option} {name.strip()} comes twice")
        values[name.strip()] = _value(text.strip())
    return values


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
