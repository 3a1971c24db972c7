"""Which columns of a table are meant, by their names or by patterns."""

import glob
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

import numpy as np
import numpy.typing as npt

from batchsift.messages import did_you_mean, first_few

MOST_NAMES = 100_000_000
_WORDS = ("?", "NA", "N/A", "#N/A", "<NA>", "NaN", "NULL", "<null>", "None")
# What stands for a missing value in text files, in any of the usual cases; an empty cell does too.
MISSING = frozenset(form(word) for word in _WORDS for form in (str, str.upper, str.lower, str.capitalize))
# The first two are the index of a pandas frame, as it is written and as it is read again.
_IDENTIFIERS = {"", "unnamed:_0", "id", "instance_id", "sample_id", "example_id", "row_id", "record_id"}
# Words that end the name of an identifier, or (of `id_customer`) begin it; "userid" is written in one, too.
_LAST_WORDS = {"id", "ids", "uid", "uuid", "guid", "identifier", "key", "pk", "index", "idx", "no", "nr", "number"}
_LAST_WORDS |= {"phone", "telephone", "mobile", "iban", "isbn", "ean", "ssn"}
_FIRST_WORDS = {"id", "uid", "uuid", "guid"}
_IN_ONE = re.compile(
    r"(user|customer|client|patient|person|member|employee|student|account|order|item|product|session|row|record|sample"
    r"|example|instance|doc|document|image|case)id"
)


def chosen_columns(names: Sequence[str], patterns: str | Sequence[str], option: str) -> npt.NDArray[np.bool_]:
    """Return which columns the patterns mean.

    Args:
        names: The names of all columns.
        patterns: Names, or patterns with `*`, `?` and `[...]`; in one string they are separated by commas. A name that
            reads like a pattern is taken as the name. Nothing in them, no column.
        option: What the user calls the patterns, for the message.

    Returns:
        A mask of the columns.

    Raises:
        ValueError: Patterns that no column matches, all of them.

    >>> chosen_columns(["x", "y_red", "y_blue"], "y_*", "label_columns").tolist()
    [False, True, True]
    """
    known = set(names)
    if isinstance(patterns, str):
        parts = [patterns] if patterns in known or not patterns else patterns.split(",")
        patterns = [part if part in known else part.strip() for part in parts if part]
    mask, wrong = np.zeros(len(names), dtype=bool), []
    for pattern in patterns:
        matches = [name == pattern if pattern in known else fnmatchcase(name, pattern) for name in names]
        mask |= np.array(matches, dtype=bool)
        wrong += [] if any(matches) else [pattern]
    if wrong:
        shown = " and ".join(f"{option}={pattern!r}" for pattern in wrong)
        hint = _hint(wrong[0], names)
        raise ValueError(f"{shown} match{'es' if len(wrong) == 1 else ''} none of the {len(names)} columns{hint}")
    return mask


def named_column(names: Sequence[str], name: str, option: str) -> npt.NDArray[np.bool_]:
    """Return a mask of the one column with this name, pattern or not.

    Raises:
        ValueError: There is none.
    """
    if name not in names:
        raise ValueError(f"{option}={name!r} is none of the {len(names)} columns{_hint(name, names)}")
    return np.array([other == name for other in names])


def is_identifier(name: str) -> bool:
    """Return whether a column of this name tells rows apart rather than describes them.

    >>> is_identifier("Sample ID"), is_identifier("idle")
    (True, False)
    """
    return re.sub(r"[-. ]", "_", name.strip().lower()) in _IDENTIFIERS


def is_called_identifier(name: str) -> bool:
    """Return whether a column of this name tells rows apart if each row has a value of its own.

    >>> [is_called_identifier(name) for name in ("customer_id", "OrderNo", "userid", "paid", "num_orders")]
    [True, True, True, False, False]
    """
    words = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower())
    if not words:
        return is_identifier(name)
    return words[-1] in _LAST_WORDS or words[0] in _FIRST_WORDS or _IN_ONE.fullmatch(words[-1]) is not None


def is_unnamed(name: str) -> bool:
    """Return whether a column has no name, or the one that pandas makes up for such a column."""
    return re.fullmatch(r"(Unnamed: \d+)?", name.strip()) is not None


def true_at_ends(flags: Sequence[bool]) -> list[int]:
    """Return the positions of those true before the first false one, from either end; none where all are true.

    >>> true_at_ends([True, True, False, True, False, True])
    [0, 1, 5]
    """
    kept = [position for position, flag in enumerate(flags) if not flag]
    return [position for position in range(len(flags)) if kept and not kept[0] <= position <= kept[-1]]


def how_to_drop(
    names: Sequence[str], columns: Sequence[str], given: str | Sequence[str] | None, *, can_stay: bool
) -> str:
    """Return what to write so that columns which are dropped by themselves go without a word, or stay.

    Args:
        names: The columns that are dropped.
        columns: All columns.
        given: The patterns that `drop` has.
        can_stay: Whether these columns, and all others, could be features.

    >>> how_to_drop(["id"], ["id", "x"], None, can_stay=True)
    "drop='id' makes it silent, drop='' keeps it as a feature"
    """
    it, features = ("it", "a feature") if len(names) == 1 else ("them", "features")
    option = drop_option(names, columns, given)
    # The name of an index that was written to a file is empty, and a text cannot name it.
    ways = [f"{option} makes it silent"] if not option.startswith("drop=[") else []
    ways += [f"drop='' keeps {it} as {features}"] if can_stay else []
    return ", ".join(ways) or f"{option} makes it silent"


def drop_option(names: Sequence[str], columns: Sequence[str], given: str | Sequence[str] | None) -> str:
    """Return the whole option `drop` that leaves out these columns beside those it left out already.

    >>> drop_option(["when", "a,b"], ["x", "when", "a,b"], "id*")
    "drop='id*,when,a?b'"
    """
    return f"drop={drop_patterns(names, columns, given)!r}"


def drop_patterns(
    names: Sequence[str], columns: Sequence[str], given: str | Sequence[str] | None
) -> str | Sequence[str]:
    """Return the value of that option: one text where a text can say it, else a list."""
    already = [given] if isinstance(given, str) and given else [] if isinstance(given, str) else list(given or ())
    patterns = [name if "," not in name else glob.escape(name).replace(",", "?") for name in names]
    mean_one = all(
        pattern in columns or [name for name in columns if fnmatchcase(name, pattern)] == [meant]
        for pattern, meant in zip(patterns, names, strict=True)
    )
    if all(names) and mean_one and (given is None or isinstance(given, str) or not already):
        return ",".join([*already, *patterns])
    return [*(already[0].split(",") if isinstance(given, str) and already else already), *names]


def numbered(prefix: str, count: int) -> tuple[str, ...]:
    """Return names for columns that have none.

    Raises:
        ValueError: There are more columns than names could be kept of.

    >>> numbered("label", 2)
    ('label_0', 'label_1')
    """
    if count > MOST_NAMES:
        raise ValueError(f"{count:,} columns of {prefix}s; expected at most {MOST_NAMES:,}, each of which needs a name")
    return tuple(f"{prefix}_{position}" for position in range(count))


def repeated_name(names: Sequence[str]) -> str | None:
    """Return a message about the first name that occurs twice, with its positions from 1; None where there is none."""
    seen: dict[str, int] = {}
    for position, name in enumerate(names, start=1):
        if name in seen:
            return f"the columns {seen[name]} and {position} are both called {name!r}: rename one of them"
        seen[name] = position
    return None


def _hint(pattern: str, names: Sequence[str]) -> str:
    """Return the end of a message about a pattern: the names the user may have meant, else the first ones."""
    hint = did_you_mean(pattern, names, most=3)
    return f"; {hint}" if hint else f": {first_few([repr(name) for name in names], shown=8)}"
