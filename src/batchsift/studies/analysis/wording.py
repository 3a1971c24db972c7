"""Wording: numbers as text, aligned, signed with a true minus, and never a NaN."""

import math
from collections.abc import Sequence

NOTHING = "–"


def format_value(number: float | None, *, sign: bool = False) -> str:
    """Write a number with four decimals below 10, fewer above: coverage can be in the hundreds.

    >>> format_value(0.72344), format_value(-0.01, sign=True), format_value(123.456), format_value(None)
    ('0.7234', '−0.0100', '123.5', '–')
    """
    if number is None or math.isnan(number):
        return NOTHING
    if math.isinf(number):
        return "∞" if number > 0 else "−∞"
    decimals = 4 if abs(number) < 10 else 1
    if round(number, decimals) == 0:
        number = 0.0
    text = f"{abs(number):.{decimals}f}"
    before = "−" if number < 0 else "+" if sign and number > 0 else ""
    return before + text


def format_epochs(number: float | None, *, sign: bool = False) -> str:
    """Write a number of epochs with one decimal, none where it is whole.

    >>> format_epochs(12.0), format_epochs(3.25, sign=True), format_epochs(None)
    ('12', '+3.2', '–')
    """
    if number is None or math.isnan(number):
        return NOTHING
    text = f"{abs(number):.1f}".removesuffix(".0")
    return ("−" if number < 0 and text != "0" else "+" if sign and text != "0" else "") + text


def count_epochs(number: float) -> str:
    """Write a number of epochs with its noun.

    >>> count_epochs(1.0), count_epochs(0.5), count_epochs(12.0)
    ('1 epoch', '0.5 epochs', '12 epochs')
    """
    return f"{format_epochs(number)} epoch{'' if number == 1 else 's'}"


def format_p(p: float | None) -> str:
    """Write a p with two digits; very small ones as a bound.

    >>> format_p(0.03125), format_p(0.00001), format_p(1.0), format_p(None)
    ('0.031', '< 0.001', '1.0', '–')
    """
    if p is None or math.isnan(p):
        return NOTHING
    if p < 0.001:
        return "< 0.001"
    return f"{p:#.2g}"


def state_p(p: float | None) -> str:
    """State a p: `p = 0.031` or `p < 0.001`.

    >>> state_p(0.03125), state_p(0.00001)
    ('p = 0.031', 'p < 0.001')
    """
    text = format_p(p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def format_percent(share: float) -> str:
    """Write a share of one, such as the confidence of an interval.

    >>> format_percent(0.95), format_percent(0.999)
    ('95 %', '99.9 %')
    """
    return f"{100 * share:.4g} %"


def join_words(words: Sequence[str]) -> str:
    """Join words with commas and "and".

    >>> join_words(["a"]), join_words(["a", "b"]), join_words(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def format_interval(low: float | None, high: float | None) -> str:
    """Write the two ends of an interval.

    >>> format_interval(-0.01, 0.02), format_interval(None, None)
    ('−0.0100 to +0.0200', '–')
    """
    return NOTHING if low is None else f"{format_value(low, sign=True)} to {format_value(high, sign=True)}"
