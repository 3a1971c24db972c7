"""The command line: a few verbs, no logic. One file a verb; `endings` says how commands end.

A user's mistake ends with one short message on stderr and exit code 2; everything a user can get wrong is
looked at before anything is computed. What fails after that is a bug, and shows where.
"""

import sys
from importlib.util import find_spec

from batchsift.cli.endings import INTERRUPTED, USER_MISTAKE, stop


def main() -> None:
    """The console entry point."""
    missing = [package for package in ("typer", "rich", "matplotlib") if find_spec(package) is None]
    if missing:
        stop(f'not installed: {", ".join(missing)}; pip install "batchsift[experiments]"', USER_MISTAKE)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show an arrow must not cost anyone a result.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        from batchsift.cli.verbs import verbs  # noqa: PLC0415 (needs extras)

        verbs()
    except KeyboardInterrupt:  # before a verb began: what is imported takes seconds
        stop("interrupted", INTERRUPTED)
