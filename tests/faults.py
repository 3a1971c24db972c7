"""Makes the k-th operation on files fail, for every k, and looks at how a verb ends and what the next one leaves.

An operation is whatever Python does to a file below a folder: opening, renaming, removing, listing, changing modes,
making folders, and every write and synchronization of the files that the package writes. One of them

- fails (`error`: EIO, `space`: ENOSPC, `permission`: EACCES),
- writes half of what it was given, and then finds the disk full (`short`),
- or never happens, and nothing after it (`kill`): as if the process had been killed between two operations.

The command must end with status 2 and one line, or as if nothing had been wrong. Started again, it must leave what an
undisturbed run leaves.

python -m tests.faults --verb train --fault kill       every k; all verbs and faults without the two options
"""

import argparse
import contextlib
import errno
import io
import os
import shutil
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from batchsift.files import UNFINISHED
from tests.undisturbed import VERBS, contents, write_data

CODES = {"error": errno.EIO, "space": errno.ENOSPC, "short": errno.ENOSPC, "permission": errno.EACCES}
FAULTS = (*CODES, "kill")
CHANGES = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.scandir", "os.listdir")


class KilledError(BaseException):
    """The process is dead, as far as the disk can tell."""


@dataclass
class Fault:
    """What goes wrong, and where.

    Args:
        root: Operations on what lies below it are counted.
        kind: One of `FAULTS`; None only counts.
        at: The number of the operation, from 0.
    """

    root: str
    kind: str | None = None
    at: int = -1
    count: int = 0
    is_dead: bool = False
    seen: list[str] = field(default_factory=list)

    def operation(self, name, path):
        """Count one operation; raise where it is the one that fails."""
        self.seen.append(f"{name} {path}")
        number, self.count = self.count, self.count + 1
        if self.kind == "kill" and (self.is_dead or number == self.at):
            self.is_dead = True
            raise KilledError
        if number == self.at and self.kind is not None:
            raise OSError(CODES[self.kind], os.strerror(CODES[self.kind]), str(path))


_active: list[Fault] = []  # one, while it is to happen


@cache
def _hook():
    """Let every operation be counted from now on: a hook cannot be taken away again."""
    sys.addaudithook(_on_event)


def _on_event(event, arguments):
    if not _active or event not in CHANGES or not isinstance(arguments[0], (str, bytes, os.PathLike)):
        return
    path = os.fsdecode(arguments[0])
    if str(Path(path).absolute()).startswith(_active[0].root):
        _active[0].operation(event, path)


def _path_of(handle):
    return str(Path(f"/proc/self/fd/{handle}").readlink())


class _Written(io.RawIOBase):
    """A file whose writes count as operations, a short one writes half of it."""

    def __init__(self, file, fault):
        self._file, self._fault, self._path = file, fault, _path_of(file.fileno())

    def writable(self):
        return True

    def fileno(self):
        return self._file.fileno()

    def write(self, content):
        try:
            self._fault.operation("write", self._path)
        except (OSError, KilledError):
            if self._fault.kind in ("short", "kill"):
                self._file.write(bytes(content)[: len(content) // 2])
                self._file.flush()
            raise
        return self._file.write(content)

    def flush(self):
        if not self._file.closed:
            self._file.flush()

    def close(self):
        self._file.close()


@contextlib.contextmanager
def injected(fault):
    """Let a fault happen within the block."""
    _hook()
    opened, synchronized = os.fdopen, os.fsync

    def fdopen(handle, mode="r", *arguments, **options):
        file = opened(handle, mode, *arguments, **options)
        is_own = _path_of(file.fileno()).startswith(fault.root)
        return _Written(file, fault) if is_own and "w" in mode and "b" in mode else file

    def fsync(handle):
        if (path := _path_of(handle)).startswith(fault.root):
            fault.operation("fsync", path)
        return synchronized(handle)

    os.fdopen, os.fsync = fdopen, fsync
    _active.append(fault)
    try:
        yield fault
    finally:
        os.fdopen, os.fsync = opened, synchronized
        _active.clear()


@dataclass(frozen=True)
class Ending:
    """How a command ended: its status, and what it wrote to standard error."""

    code: int | None
    error: str


def run(words, fault=None):
    """Run a command in this process, in the working directory."""
    from batchsift import cli

    output, error = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    before, sys.argv = sys.argv, ["batchsift", *words]
    with warnings.catch_warnings(), contextlib.redirect_stderr(error), contextlib.redirect_stdout(output):
        warnings.simplefilter("default")
        try:
            with injected(fault) if fault is not None else contextlib.nullcontext():
                cli.main()
            code = 0
        except SystemExit as ending:
            code = ending.code or 0
        except KilledError:
            code = None
        except BaseException:
            code = -1
            traceback.print_exc(file=error)
        finally:
            sys.argv = before
    error.flush()
    return Ending(code, error.buffer.getvalue().decode())


class Trials:
    """Runs of one verb with faults, in folders below one.

    Args:
        verb: A name of `VERBS`.
        place: A folder for all of it.
    """

    def __init__(self, verb, place):
        self.verb, self.place = VERBS[verb], Path(place).resolve()
        self.start = self.place / "start"
        write_data(self.start)
        if verb == "predict":
            with contextlib.chdir(self.start):
                assert run([*VERBS["train"].arguments, "--out", "model"]).code == 0
        self.fault = Fault(str(self._fresh("whole")))
        with contextlib.chdir(self.place / "whole"):
            whole = run(self.verb.words(), self.fault)
            assert whole.code == 0, whole.error
            self.expected = contents(self.verb.out)

    def _fresh(self, name):
        shutil.rmtree(self.place / name, ignore_errors=True)
        return shutil.copytree(self.start, self.place / name)

    def disturbed(self, kind, at):
        """Run the verb with a fault, then again without; return what is wrong, or how it ended: "refused", "done"."""
        folder = self._fresh("disturbed")
        with contextlib.chdir(folder):
            first = run(self.verb.words(), Fault(str(folder), kind, at))
            wrong = self._wrong(first, kind)
            again = run(self.verb.words(again=True))
            where = f"{kind} at {at} ({self.fault.seen[at]}): "
            if wrong:
                return where + wrong
            if again.code != 0:
                return f"{where}not again: {again.error}"
            left = contents(self.verb.out)
            if not self.verb.sweeps:
                left = {name: content for name, content in left.items() if UNFINISHED not in name}
            if left != self.expected:
                names = [name for name in {**left, **self.expected} if left.get(name) != self.expected.get(name)]
                return f"{where}another result: {names}"
        return {None: "killed", 0: "done", 1: "failed cells"}.get(first.code, "refused")

    def _wrong(self, ending, kind):
        """Return what is wrong with an ending; None if nothing is."""
        if kind == "kill":
            return None if ending.code in (None, 0) else f"ended with {ending.code}: {ending.error}"
        if ending.code == 0:
            return None
        if ending.code == 1 and self.verb.again:  # a failed cell of a study is told in its table
            return None
        complaints = [line for line in ending.error.splitlines() if line.startswith("batchsift: ")]
        is_plain = ending.code == 2 and len(complaints) == 1 and "Traceback" not in ending.error
        return None if is_plain else f"ended with {ending.code}: {ending.error}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--verb", choices=VERBS, action="append")
    parser.add_argument("--fault", choices=FAULTS, action="append")
    parser.add_argument("--every", type=int, default=1, help="every so many operations")
    given = parser.parse_args()
    failed = False
    for verb in given.verb or VERBS:
        with tempfile.TemporaryDirectory() as place:
            trials = Trials(verb, place)
            for kind in given.fault or FAULTS:
                endings = [trials.disturbed(kind, at) for at in range(0, trials.fault.count, given.every)]
                wrong = [ending for ending in endings if ending not in ("refused", "done", "killed", "failed cells")]
                counts = Counter(ending for ending in endings if ending not in wrong)
                tried = f"{len(endings)} of {trials.fault.count} operations"
                print(f"{verb}, {kind}: {tried}, {dict(counts)}, {len(wrong)} wrong")
                print(*(f"    {ending.strip()[-600:]}" for ending in wrong), sep="\n", flush=True)
                failed |= bool(wrong)
    sys.exit(failed)


if __name__ == "__main__":
    main()
