"""What starting costs: processor time of fresh interpreters, in seconds; medians of alternating rounds.

python benchmarks/import_time.py
"""

import resource
import statistics
import subprocess
import sys

ROUNDS = 11
STARTS = {
    "python": ["-c", ""],
    "import batchsift": ["-c", "import batchsift"],
    "batchsift --version": ["-m", "batchsift", "--version"],
    "batchsift --help": ["-m", "batchsift", "--help"],
    "batchsift compare --help": ["-m", "batchsift", "compare", "--help"],
    "batchsift report --help": ["-m", "batchsift", "report", "--help"],
    "a usage error": ["-m", "batchsift", "compare", "digits", "--methods", "hrd"],
    "import torch": ["-c", "import torch"],
    "from batchsift import *": ["-c", "from batchsift import *"],
}


def spent():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def seconds(arguments):
    before = spent()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return spent() - before


def main():
    rounds = [[seconds(arguments) for arguments in STARTS.values()] for _ in range(ROUNDS)]
    for name, times in zip(STARTS, zip(*rounds, strict=True), strict=True):
        print(f"{name:26} {statistics.median(times):.2f} s (at most {max(times):.2f})")


if __name__ == "__main__":
    main()
