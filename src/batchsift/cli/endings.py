"""How commands end: with a document or the paths written, with a user's mistake in one line, or interrupted."""

import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from batchsift.files import json_text
from batchsift.messages import visible

FAILED = 1
USER_MISTAKE = 2
INTERRUPTED = 130
TRACEBACK = "BATCHSIFT_TRACEBACK"
ISSUES = "https://github.com/batchsift/batchsift/issues"


@contextmanager
def mistakes_explained() -> Iterator[None]:
    """Take what the library refuses for a user's mistake."""
    try:
        yield
    except (ValueError, TypeError, OSError, ImportError) as error:
        stop(str(error), USER_MISTAKE)


@contextmanager
def failures_explained() -> Iterator[None]:
    """End what nothing else explains in one line: what the system denies, and bugs of ours.

    A bug shows its traceback where the environment variable BATCHSIFT_TRACEBACK is set.
    """
    try:
        yield
    except OSError as error:
        stop(str(error), USER_MISTAKE)
    except MemoryError:
        stop("there is not enough memory", FAILED)
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        frame = traceback.extract_tb(error.__traceback__)[-1]
        stop(
            f"this is a bug of batchsift: {type(error).__name__}: {error} ({frame.filename}, line {frame.lineno}). "
            f"{TRACEBACK}=1 in the environment shows where; please report it: {ISSUES}",
            FAILED,
        )


@contextmanager
def deaths_explained() -> Iterator[None]:
    """Say in one line that the system ended a process, or what a cluster cannot run: that is no bug of ours."""
    from concurrent.futures.process import BrokenProcessPool

    from batchsift.studies.executor import EngineError

    try:
        yield
    except BrokenProcessPool as error:
        reason = str(error).partition("\n")[0]
        stop(f"a process died, for want of memory? What was finished is kept. {reason}", FAILED)
    except EngineError as error:
        stop(f"{error}. What was finished is kept", FAILED)


@contextmanager
def plain_endings(interrupted: str = "interrupted; nothing was written") -> Iterator[None]:
    """Show warnings as lines a user can read, and end an interruption without a traceback."""
    with warnings.catch_warnings(), _on_interrupt(signal.default_int_handler):
        warnings.showwarning = lambda message, *_, **__: complain(f"note: {message}")
        try:
            yield
        except KeyboardInterrupt:
            stop(interrupted, INTERRUPTED)


@contextmanager
def interrupts_end_at_once() -> Iterator[None]:
    """End the process itself, in one line, where Ctrl-C comes before `plain_endings` or after it.

    That is for the seconds in which modules are imported: an import may swallow a KeyboardInterrupt, or let another
    error out in its place.
    """
    with _on_interrupt(_end):
        yield


def complain(message: str) -> None:
    """Write one line to stderr."""
    sys.stderr.write(visible(" ".join(message.split())) + "\n")


def say(text: str, *, on_stderr: bool = False) -> None:
    """Write lines to stdout, or to stderr."""
    (sys.stderr if on_stderr else sys.stdout).write(visible(text, lines=True))


def show_paths(paths: Iterable[Path], *, as_json: bool) -> None:
    """Say which files were written: on stdout, or on stderr where stdout is for a JSON document."""
    say("".join(f"{path}\n" for path in paths), on_stderr=as_json)


def show_json(document: Mapping[str, Any]) -> None:
    """Write a JSON document to stdout."""
    sys.stdout.write(json_text(document) + "\n")


def stop(message: str, code: int) -> NoReturn:
    """Write one line to stderr, and exit."""
    complain(f"batchsift: {message}")
    sys.exit(code)


@contextmanager
def _on_interrupt(handler: Any) -> Iterator[None]:
    """Set what Ctrl-C does; where it is ignored, or another program's to handle, it stays as it is."""
    before = signal.getsignal(signal.SIGINT)
    if before not in (signal.default_int_handler, _end) or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end(_signal: int, _frame: FrameType | None) -> NoReturn:
    os.write(2, b"batchsift: interrupted\n")
    os._exit(INTERRUPTED)
