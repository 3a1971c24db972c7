import os
import signal
import sys

import pytest

from batchsift import cli

if "PYTEST_XDIST_WORKER" in os.environ:  # one thread for each of several processes; read when torch is imported
    os.environ.setdefault("OMP_NUM_THREADS", "1")

if (
    signal.getsignal(signal.SIGINT) == signal.SIG_IGN
):  # started in the background: what tests start would ignore it, too
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def batchsift(monkeypatch, capsys, tmp_path):
    """Runs the command in a folder of its own: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["batchsift", *map(str, arguments)])
        with pytest.raises(SystemExit) as ending:
            cli.main()
        return ending.value.code or 0, *capsys.readouterr()

    return run


@pytest.fixture(scope="session")
def server():
    """Starts commands as processes that have imported everything; see `tests.starting`."""
    from tests.starting import Server

    server = Server()
    yield server
    server.close()
