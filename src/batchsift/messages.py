"""What messages share: where a warning points, the nearest known word, the first few names, numbers with nouns."""

import difflib
import math
import sys
import unicodedata
import warnings
from collections.abc import Iterable, Sequence
from types import FrameType

_LONGEST_NAME = 200
_INVISIBLE = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")  # Unicode's categories of what is not seen, or moves what is
_NOT_THE_USERS = {"batchsift", "torch", "lightning", "pytorch_lightning", "transformers", "accelerate", "ray"}


def warn(message: str | UserWarning) -> None:
    """Warn, as a UserWarning or the one that is given, at the line of the user.

    That is the nearest one that is in no frame of this package or a framework.

    (`skip_file_prefixes` of `warnings.warn` would do this from Python 3.12 on.)
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _is_not_the_users(frame):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, UserWarning, stacklevel=level)


def _is_not_the_users(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] in _NOT_THE_USERS


def did_you_mean(word: str, known: Iterable[str], *, most: int = 1, like: str | None = None) -> str:
    """Return a hint at the known words nearest to an unknown one, without regard to case.

    Args:
        word: What the user wrote.
        known: The words there are.
        most: How many of them to name at the most.
        like: Compare this with the known words instead of `word`, such as an abbreviation spelled out.

    Returns:
        `did you mean 'hard'?`, or an empty text where nothing is near.

    >>> did_you_mean("hardd", ["random", "hard"]), did_you_mean("x", ["random"])
    ("did you mean 'hard'?", '')
    """
    written = {name.casefold(): name for name in known}
    near = [written[name] for name in difflib.get_close_matches((like or word).casefold(), written, n=most)]
    return f"did you mean {' or '.join(map(repr, near))}?" if near else ""


def there_are(word: str, known: Iterable[str], *, like: str | None = None) -> str:
    """Return the end of a message about an unknown word: the nearest known one, then all of them.

    Args:
        word: What the user wrote.
        known: The words there are.
        like: Compare this with the known words instead of `word`.

    >>> there_are("hardd", ["random", "hard"])
    ": did you mean 'hard'? There are random, hard"
    >>> there_are("x", [])
    ': there are none'
    """
    known = list(known)
    hint = did_you_mean(word, known, like=like)
    return f": {hint + ' ' if hint else ''}There are {', '.join(known)}" if known else ": there are none"


def first_few(names: Sequence[str], shown: int = 5, between: str = ", ") -> str:
    """Join the first few names, with `between` them, and say how many more there are; long ones are cut short.

    >>> first_few(["a", "b", "c"], shown=2)
    'a, b and 1 more'
    """
    more = len(names) - shown
    return between.join(cut_short(str(name), _LONGEST_NAME) for name in names[:shown]) + (
        f" and {more} more" if more > 0 else ""
    )


def cut_short(text: str, length: int = 60) -> str:
    """Cut a text to at most `length` characters, the last three of which are then dots.

    >>> cut_short("abcdefgh", 6)
    'abc...'
    """
    return text if len(text) <= length else text[: length - 3] + "..."


def visible(text: str, *, lines: bool = False) -> str:
    r"""Return a text with what could not be seen, or would move what can be, written out.

    Everything that is shown to people goes through here: terminals, pages, pictures. Names come from files of others,
    and a terminal obeys some characters, a browser refuses a page for others.

    Args:
        text: Any text.
        lines: Whether line ends and tabs stay as they are.

    >>> visible("red\n"), visible("\x1b[31mred"), visible("größe"), visible("a\nb", lines=True)
    ('red\\n', '\\x1b[31mred', 'größe', 'a\nb')
    """
    if text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in _INVISIBLE and not (lines and character in "\n\t")
        else character
        for character in text
    )


def num_digits(number: int) -> int:
    """Return how many decimal digits a whole number has; for one of thousands, which Python does not write, nearly.

    >>> num_digits(-123)
    3
    """
    try:
        return len(str(abs(number)))
    except ValueError:
        return int(number.bit_length() * math.log10(2)) + 1


def shown(value: object, length: int = 40) -> str:
    r"""Return a value as messages show it: texts in quotes, cut short, in one line.

    >>> shown("a\nb"), shown(1.5), shown("x" * 50, 8)
    ("'a\\nb'", '1.5', "'xxxxx...'")
    """
    if isinstance(value, str):
        return repr(cut_short(value, length))
    try:
        return cut_short(" ".join(str(value).split()), length)
    except ValueError:  # Python writes no whole numbers of thousands of digits
        return f"a number of {num_digits(value)} digits" if isinstance(value, int) else f"a {type(value).__name__}"


def count_nouns(number: int, noun: str) -> str:
    """Write a number with its noun.

    >>> count_nouns(1, "data set"), count_nouns(3, "data set")
    ('1 data set', '3 data sets')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"
