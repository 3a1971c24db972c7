"""Texts that are lists: of Python, of JSON, as NumPy prints arrays, and in braces as databases write them."""

import ast
import io
import json
import re
import tokenize
import warnings
from itertools import accumulate
from typing import Any

from batchsift.messages import cut_short

_BRACKETS = ("[]", "{}", "()")
_BARE = re.compile(r"[^\[\]{}()'\"|;]*")  # words without quotes: {red,round}
_VALUES = (tokenize.STRING, tokenize.NUMBER, tokenize.NAME)
_NO_LITERAL = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError, tokenize.TokenError)


def is_bracketed(text: str) -> bool:
    """Return whether a text stands in one pair of brackets, as lists do.

    >>> is_bracketed(" [1 0] "), is_bracketed("(US) Navy"), is_bracketed("(a) or (b)")
    (True, False, False)
    """
    text = text.strip()
    if len(text) < 2 or text[0] + text[-1] not in _BRACKETS:
        return False
    if "'" in text or '"' in text:  # what stands in quotes does not count as a bracket
        return True
    depths = accumulate((sign == text[0]) - (sign == text[-1]) for sign in text[:-1])
    return all(depth > 0 for depth in depths)


def is_list(text: str) -> bool:
    """Return whether a bracketed text can be nothing but a list: `['red']` and `[red, round]`, but not `[red]`."""
    return _literal(text) is not None or any(mark in text for mark in ",;|'\"")


def list_in(text: str) -> list[Any] | frozenset[Any]:
    """Return the items of a bracketed text; a set is one, since its items have no order.

    Raises:
        ValueError: It is no list that is understood, or one cut short.

    >>> list_in("['dark blue' 'red']"), list_in("[0 1 1]"), list_in('["x", "y"]'), list_in("{x,y}"), list_in("[]")
    (['dark blue', 'red'], [0, 1, 1], ['x', 'y'], ['x', 'y'], [])
    """
    items = _literal(text)
    inside = text.strip()[1:-1]
    if items is None and _BARE.fullmatch(inside) and "..." not in inside:
        words = [word.strip() for word in inside.split(",") if word.strip()]
        items = None if len(words) == 1 and len(words[0].split()) > 1 else words
    if items is None or Ellipsis in items:
        cut = " that was cut short when it was written (...)" if "..." in text else ""
        raise ValueError(
            f"{cut_short(text)!r} is no list that is understood{cut}; expected one such as ['red', 'round'], "
            '["red", "round"], [0 1 1] or {red,round}'
        )
    return items


def _literal(text: str) -> list[Any] | frozenset[Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        try:
            with warnings.catch_warnings(action="ignore", category=SyntaxWarning):  # of backslashes
                value = ast.literal_eval(_with_commas(text.strip()))
        except _NO_LITERAL:
            return None
    if isinstance(value, dict):
        return None if value else []
    if isinstance(value, set):
        return frozenset(value)
    return list(value) if isinstance(value, (list, tuple)) else None


def _with_commas(text: str) -> str:
    """Put commas between values that follow each other, as NumPy prints them; Python would join such texts."""
    pieces, is_value = [], False
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        pieces += [", "] if is_value and token.type in _VALUES else []
        pieces.append(token.string)
        is_value = token.type in _VALUES or (is_value and token.type == tokenize.NL)
    return "".join(pieces)
