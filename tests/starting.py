"""Commands as processes of their own: from the first instruction of Python, or forked once all is imported."""

import json
import os
import subprocess
import sys
import time
import traceback
import warnings
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMPORTED = (  # what the verbs import; the first optimizer of a process imports torch._dynamo, which takes seconds
    *("filelock", "matplotlib.figure", "pandas", "sklearn.compose", "sklearn.pipeline", "torch._dynamo"),
    *("batchsift.cli.verbs", "batchsift.report.console.plots", "batchsift.report.suspects"),
    *("batchsift.studies.run", "batchsift.training.fit"),
)


class Started:
    """A process of its own: Python from its first instruction.

    Args:
        words: The words after `batchsift`.
        folder: The working directory.
        error: The file for what it writes to standard error.
    """

    def __init__(self, words, folder, error):
        with Path(error).open("wb") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "batchsift", *words],
                cwd=folder,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )

    def signal(self, number):
        self._process.send_signal(number)

    def ended(self, seconds):
        """Return the exit code; None if it is still at work after that long."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None


class Server:
    """Forks processes that have imported everything already, in which a verb begins at once."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.starting"],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **request):
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def start(self, words, folder, error):
        return Forked(self, words, folder, error)

    def close(self):
        self._process.terminate()  # the end of its input may never come: a fork of this process may hold it open
        self._process.wait(60)
        self._process.stdin.close()
        self._process.stdout.close()


class Forked:
    """A forked process; see `Started`."""

    def __init__(self, server, words, folder, error):
        self._server = server
        self._pid = server.ask(words=words, folder=str(folder), error=str(error))
        self._code = None

    def signal(self, number):
        if self.ended(0) is None:  # until the server has waited for it, nobody else has its number
            os.kill(self._pid, number)

    def ended(self, seconds):
        deadline = time.monotonic() + seconds
        while self._code is None:
            self._code = self._server.ask(ended=self._pid)
            if self._code is None and time.monotonic() >= deadline:
                return None
            time.sleep(0.002 if self._code is None else 0)
        return self._code


def serve():
    """Fork a process for each line of standard input, and say how earlier ones ended."""
    for module in IMPORTED:
        import_module(module)
    for line in sys.stdin:
        request = json.loads(line)
        if "ended" in request:
            pid, status = os.waitpid(request["ended"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        else:
            answer = os.fork()
            if not answer:
                _become(**request)
        print(json.dumps(answer), flush=True)


def _become(words, folder, error):
    """Be a command, until the end of the process."""
    from batchsift import cli

    code = 1
    try:
        os.chdir(folder)
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(os.open(os.devnull, os.O_RDWR), 1)
        os.dup2(os.open(error, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), 2)
        sys.argv = ["batchsift", *words]
        warnings.resetwarnings()
        cli.main()
    except SystemExit as ending:
        code = int(ending.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
