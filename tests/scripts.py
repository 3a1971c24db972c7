"""Scripts that tests run in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
TWO_PROCESSES = (Path(__file__).with_name("forked.py"),)  # as torchrun, in half the time


def processes(number):
    """The beginning of a command that runs a script in some processes of one group."""
    return (*TWO_PROCESSES, "--processes", number)


def run_script(*command):
    """Run Python with these arguments, on one thread; return what it wrote to stdout.

    Raises:
        AssertionError: It failed; the message is the end of what it wrote to stderr.
    """
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
