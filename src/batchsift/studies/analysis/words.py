"""Numbers as text: aligned, signed with a true minus, and never a NaN."""

import math

NOTHING = "–"


def value(number: float | None, *, sign: bool = False) -> str:
    """Four decimals below 10, fewer above: coverage can be in the hundreds.

    >>> value(0.72344), value(-0.01, sign=True), value(123.456), value(None)
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


def epochs(number: float | None, *, sign: bool = False) -> str:
    """One decimal, none where it is whole.

    >>> epochs(12.0), epochs(3.25, sign=True), epochs(None)
    ('12', '+3.2', '–')
    """
    if number is None or math.isnan(number):
        return NOTHING
    text = f"{abs(number):.1f}".removesuffix(".0")
    return ("−" if number < 0 and text != "0" else "+" if sign and text != "0" else "") + text


def counted_epochs(number: float) -> str:
    """With their noun.

    >>> counted_epochs(1.0), counted_epochs(0.5), counted_epochs(12.0)
    ('1 epoch', '0.5 epochs', '12 epochs')
    """
    return f"{epochs(number)} epoch{'' if number == 1 else 's'}"


def p_value(p: float | None) -> str:
    """Two digits; very small ones as a bound.

    >>> p_value(0.03125), p_value(0.00001), p_value(1.0), p_value(None)
    ('0.031', '< 0.001', '1.0', '–')
    """
    if p is None or math.isnan(p):
        return NOTHING
    if p < 0.001:
        return "< 0.001"
    return f"{p:#.2g}"


def equals(p: float | None) -> str:
    """`p = 0.031` or `p < 0.001`.

    >>> equals(0.03125), equals(0.00001)
    ('p = 0.031', 'p < 0.001')
    """
    text = p_value(p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def percent(share: float) -> str:
    """A share of one, as the confidence of an interval.

    >>> percent(0.95), percent(0.999)
    ('95 %', '99.9 %')
    """
    return f"{100 * share:.4g} %"


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number with its noun.

    >>> counted(1, "data set"), counted(3, "data set")
    ('1 data set', '3 data sets')
    """
    return f"{count} {one if count == 1 else many or one + 's'}"
