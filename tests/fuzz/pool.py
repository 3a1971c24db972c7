"""Child processes that try cases, so that one which crashes, hangs or eats all memory is caught and named."""

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

SECONDS_A_CASE = 60
_START_SECONDS = 120
_TESTS = Path(__file__).resolve().parents[1]


class Child:
    """One process that tries one case after the other; started again where it died."""

    def __init__(self, seconds: float = SECONDS_A_CASE) -> None:
        self._seconds = seconds
        self._folder, self._log = tempfile.TemporaryDirectory(), tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process: subprocess.Popen[str] | None = None

    def attempt(self, reader: str, seed: int, changes: int | None = None) -> tuple[str, str]:
        """Return what becomes of a case: "loaded", "refused" or "failed", and how."""
        is_new = self._process is None
        process = self._process = self._process or self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{reader} {seed} {'-' if changes is None else changes}\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], self._seconds + _START_SECONDS * is_new)
        if not ready:
            self._end()
            return "failed", f"hangs for more than {self._seconds} s"
        line = process.stdout.readline()
        if not line:
            code = process.wait()
            self._end()
            self._log.seek(0)
            return "failed", f"the process ended with {code}: {self._log.read()[-600:]}"
        outcome, how = json.loads(line)
        return outcome, how

    def close(self) -> None:
        """End the process."""
        self._end()
        self._folder.cleanup()
        self._log.close()

    def _started(self) -> subprocess.Popen[str]:
        self._log.truncate(0)
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(_TESTS), *sys.path])}
        return subprocess.Popen(
            [sys.executable, "-m", "fuzz.trying", self._folder.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=environment,
        )

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def attempts(readers: list[str], first: int, count: int) -> Iterator[tuple[str, int, str, str]]:
    """Yield what becomes of so many cases of each reader: its name, the case's number, the outcome and how."""
    child = Child()
    try:
        for seed in range(first, first + count):
            for reader in readers:
                yield reader, seed, *child.attempt(reader, seed)
    finally:
        child.close()
