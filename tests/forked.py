"""Runs a script in some processes of one group, two by default.

As torchrun would, but forked once the script has imported everything.

Starting Python and importing torch costs seconds, which torchrun takes for itself and for each process.

python forked.py [--processes N] SCRIPT ARGUMENTS
"""

import os
import runpy
import socket
import sys
from pathlib import Path

import torch._dynamo  # noqa: F401  the first optimizer of a process imports it, which takes seconds


def run_rank(rank, port, script, count):
    ranks = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
    group = {**ranks, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in group.items()})
    runpy.run_path(script, run_name="__main__")


def main(script, count):
    sys.path.insert(0, str(Path(script).parent))
    runpy.run_path(script, run_name="imported")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = []
    for rank in range(count):
        process = os.fork()
        if not process:
            run_rank(rank, port, script, count)
            return
        processes.append(process)
    statuses = [os.waitpid(process, 0)[1] for process in processes]
    if any(statuses):
        sys.exit(f"exit codes of the processes: {[os.waitstatus_to_exitcode(status) for status in statuses]}")


if __name__ == "__main__":
    sys.argv.pop(0)
    number = 2
    if sys.argv[0] == "--processes":
        number = int(sys.argv[1])
        del sys.argv[:2]
    main(sys.argv[0], number)
