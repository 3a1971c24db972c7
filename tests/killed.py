"""Commands that tests kill, forked from this process: it has imported everything, which takes a new one seconds."""

import multiprocessing
import os
import sys
import warnings

from batchsift import cli


def start_command(*arguments, folder):
    """Start `batchsift` with these arguments in a process of its own, in a folder; what it writes goes nowhere."""
    process = multiprocessing.get_context("fork").Process(target=_run, args=(arguments, folder))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, which pytest-xdist has; it uses none here
        process.start()
    return process


def _run(arguments, folder):
    sys.stdout, sys.stderr = (open(os.devnull, "w") for _ in range(2))  # noqa: PTH123, SIM115 (until it is killed)
    os.chdir(folder)
    sys.argv = ["batchsift", *map(str, arguments)]
    cli.main()
