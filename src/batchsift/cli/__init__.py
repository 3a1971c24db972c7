"""The command line: a few verbs, no logic. One file a verb; `endings` says how commands end.

A user's mistake ends with one short message on stderr and exit code 2; everything a user can get wrong is
looked at before anything is computed. What the system denies (a full disk, say) ends in the same way. What fails beyond
that is a bug: one line says so, with exit code 1, and BATCHSIFT_TRACEBACK=1 shows where.

Only `typer` is imported before a verb has looked at its options, so that help and usage errors come at once. What a
verb needs beyond that is imported inside it.
"""

import sys
from importlib.util import find_spec

from batchsift.cli.endings import USER_MISTAKE, failures_explained, interrupts_end_at_once, stop


def main() -> None:
    """Run the command that the console entry point was called with."""
    with interrupts_end_at_once():
        missing = [package for package in ("typer", "rich", "matplotlib") if find_spec(package) is None]
        if missing:
            stop(f'not installed: {", ".join(missing)}; pip install "batchsift[experiments]"', USER_MISTAKE)
        for stream in (sys.stdout, sys.stderr):
            # A terminal that cannot show an arrow must not cost anyone a result.
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
        with failures_explained():
            from batchsift.cli.verbs import verbs

            verbs()
