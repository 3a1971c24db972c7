"""How commands end: a user's mistake in one line, an interruption without a traceback."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

USER_MISTAKE = 2
INTERRUPTED = 130


@contextmanager
def mistakes_explained() -> Iterator[None]:
    """What the library refuses is a user's mistake."""
    try:
        yield
    except (ValueError, TypeError, OSError) as error:
        stop(str(error), USER_MISTAKE)


@contextmanager
def plain_endings(interrupted: str = "interrupted; nothing was written") -> Iterator[None]:
    """Warnings as lines a user can read, and no traceback for an interruption."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: complain(f"note: {message}")
        try:
            yield
        except KeyboardInterrupt:
            stop(interrupted, INTERRUPTED)


def complain(message: str) -> None:
    """One line on stderr."""
    sys.stderr.write(" ".join(message.split()) + "\n")


def stop(message: str, code: int) -> NoReturn:
    """One line on stderr, and the end."""
    complain(f"batchsift: {message}")
    sys.exit(code)
