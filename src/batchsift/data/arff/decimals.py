"""Reads many decimal numbers at once, each as the float64 nearest to it, just as `float` does.

Short numbers are NumPy's to read. For long ones it turns, like `float`, to integers of any size, and takes several
times as long. Here eight digits are one 64-bit word, whose bytes are folded into pairs, fours and eights; a point
only says by which power of ten to divide. The quotient is exact to the last bit while the digits make less than 2^53
and the power is at most 10^22 (W. D. Clinger, How to read floating point numbers accurately, PLDI 1990); for longer
numbers the remainder of the division is carried along (T. J. Dekker, A floating-point technique for extending the
available precision, Numerische Mathematik 1971). What this does not settle goes through `float`, and so do numbers
with an exponent.

The parsers of data frame libraries would do as well, but importing one can take more memory than the file.

Shape suffix: T numbers.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_Integers = npt.NDArray[np.int64]
_Words = npt.NDArray[np.uint64]

_ALPHABET = b"0123456789+-.eE\n"
_LONG = 16  # bytes a number, its line's end included; shorter ones NumPy reads faster
_MOST_DIGITS = 19  # as many as fit into 64 bits, whatever they are
_POWERS = np.array([10**power for power in range(_MOST_DIGITS + 1)], dtype=np.uint64)
_FLOAT_POWERS: Floats = _POWERS.astype(np.float64)  # exact, all of them
_EXPONENT = 0x7FF << 52  # these bits of a float64 alone make the power of two that is not above it
_MARGIN = np.zeros(24, dtype=np.uint8)  # so that words may start before the text


def read_decimals(text: bytes, ends_T: _Integers | None = None) -> Floats | None:
    r"""The numbers of a text with one in each line; None if one of the lines is no finite number.

    Args:
        text: Ends with a line's end.
        ends_T: Where in the text the lines end, if that is known.

    >>> read_decimals(b"1\n-0.5\n2e3\n").tolist()
    [1.0, -0.5, 2000.0]
    """
    if text.translate(None, _ALPHABET) or text == b"\n":
        return None
    if len(text) > _LONG * text.count(b"\n"):
        array = np.frombuffer(text, dtype=np.uint8)
        return _read_long(text, array, np.flatnonzero(array == ord("\n")) if ends_T is None else ends_T)
    try:
        numbers = np.loadtxt([text[:-1].replace(b"\n", b",").decode()], delimiter=",", comments=None, ndmin=1)
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None


def _read_long(text: bytes, array: npt.NDArray[np.uint8], ends_T: _Integers) -> Floats | None:
    lengths_T = np.diff(ends_T, prepend=-1) - 1
    starts_T = ends_T - lengths_T
    has_exponent = np.zeros(0, dtype=np.int64)
    if b"e" in text or b"E" in text:
        has_exponent = np.searchsorted(ends_T, np.flatnonzero((array | 32) == ord("e")))
        array = _zeroed(array, starts_T[has_exponent], lengths_T[has_exponent])
    points = np.flatnonzero(array == ord("."))
    has_point = np.searchsorted(ends_T, points)
    num_points_T = np.bincount(has_point, minlength=len(ends_T))
    first_T = array[starts_T]
    is_negative_T = first_T == ord("-")
    digits_T = lengths_T - num_points_T - (is_negative_T | (first_T == ord("+")))
    # All other bytes must be digits; they are if there are as many digits as other bytes.
    num_digits = np.count_nonzero(array - np.uint8(ord("0")) < 10)
    if digits_T.min() <= 0 or num_points_T.max() > 1 or num_digits != digits_T.sum():
        return None
    points_T = ends_T.copy()
    points_T[has_point] = points
    decimals_T = np.maximum(ends_T - points_T - 1, 0)

    is_long_T = digits_T > _MOST_DIGITS
    is_long_T[has_exponent] = True
    if is_long_T.any():
        decimals_T, digits_T = np.where(is_long_T, 0, decimals_T), np.where(is_long_T, 0, digits_T)
    whole_T = _integers(array, points_T, digits_T - decimals_T)
    whole_T = whole_T * _POWERS[decimals_T] + _integers(array, ends_T, decimals_T)
    numbers_T = _quotients(whole_T, _FLOAT_POWERS[decimals_T])
    numbers_T = np.where(is_negative_T, -numbers_T, numbers_T)
    unsettled = np.flatnonzero(np.isnan(numbers_T) | is_long_T)
    if len(unsettled):
        spans = zip(starts_T[unsettled].tolist(), ends_T[unsettled].tolist(), strict=True)
        try:
            numbers_T[unsettled] = [float(text[start:end]) for start, end in spans]
        except ValueError:
            return None
    return numbers_T if np.isfinite(numbers_T).all() else None


def _zeroed(array: npt.NDArray[np.uint8], starts: _Integers, lengths: _Integers) -> npt.NDArray[np.uint8]:
    """A copy with zeros instead of some numbers."""
    array = array.copy()
    array[np.repeat(starts - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())] = ord("0")
    return array


def _integers(array: npt.NDArray[np.uint8], ends_T: _Integers, digits_T: _Integers) -> _Words:
    """The integers of that many digits, at most 19, that end there."""
    padded = np.concatenate([_MARGIN, array])
    words = np.ndarray(len(padded) - 7, dtype="<u8", buffer=padded, strides=(1,))
    whole_T = np.zeros(len(ends_T), dtype=np.uint64)
    for place in range(0, int(digits_T.max(initial=0)), 8):
        long = np.flatnonzero(digits_T > place)
        word_T = words[ends_T[long] + (len(_MARGIN) - 8 - place)] ^ np.uint64(0x3030303030303030)
        # The first digit is the lowest byte: what stands before the number is pushed out there.
        foreign_T = np.maximum(64 - 8 * (digits_T[long] - place), 0).astype(np.uint64)
        word_T = word_T >> foreign_T << foreign_T
        word_T = word_T * np.uint64(10) + (word_T >> np.uint64(8)) & np.uint64(0x00FF00FF00FF00FF)
        word_T = word_T * np.uint64(100) + (word_T >> np.uint64(16)) & np.uint64(0x0000FFFF0000FFFF)
        word_T = word_T * np.uint64(10000) + (word_T >> np.uint64(32)) & np.uint64(0x00000000FFFFFFFF)
        whole_T[long] += word_T * np.uint64(10**place)
    return whole_T


def _quotients(whole_T: _Words, power_T: Floats) -> Floats:
    """The float64 nearest to each quotient; NaN where it is too close to call."""
    numerator_T: Floats = whole_T.astype(np.float64)
    quotient_T = numerator_T / power_T
    large = np.flatnonzero(whole_T >= 2**53)
    if len(large):
        quotient_T[large] = _corrected(whole_T[large], numerator_T[large], quotient_T[large], power_T[large])
    return quotient_T


def _corrected(whole_T: _Words, numerator_T: Floats, quotient_T: Floats, power_T: Floats) -> Floats:
    """Adds what the rounding of the numerator and of the quotient took away."""
    lost_T = (whole_T - numerator_T.astype(np.uint64)).astype(np.int64).astype(np.float64)
    product_T = quotient_T * power_T
    (high_q, low_q), (high_p, low_p) = _halves(quotient_T), _halves(power_T)
    product_error_T = ((high_q * high_p - product_T) + high_q * low_p + low_q * high_p) + low_q * low_p
    remainder_T = (numerator_T - product_T) - product_error_T + lost_T
    correction_T = remainder_T / power_T
    nearest_T = quotient_T + correction_T
    rounding_T = np.abs((quotient_T - nearest_T) + correction_T)
    spacing_T = (nearest_T.view(np.int64) & _EXPONENT).view(np.float64) * 2.0**-52
    # Close to the middle of two neighbours, a correction that is itself rounded cannot tell them apart.
    margin_T = spacing_T * 2.0**-40
    is_close_T = (np.abs(rounding_T - spacing_T / 2) < margin_T) | (np.abs(rounding_T - spacing_T / 4) < margin_T)
    return np.where(is_close_T, np.nan, nearest_T)


def _halves(values_T: Floats) -> tuple[Floats, Floats]:
    scaled_T = values_T * 134217729.0  # 2^27 + 1
    high_T = scaled_T - (scaled_T - values_T)
    return high_T, values_T - high_T
