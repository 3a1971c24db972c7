"""What `import batchsift` costs beside `import torch`, alternating fresh interpreters: medians and their ratio.

python benchmarks/import_time.py
"""

import statistics
import subprocess
import sys
import time

ROUNDS = 15


def seconds(module):
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
    return time.perf_counter() - start


def main():
    rounds = [(seconds("torch"), seconds("batchsift")) for _ in range(ROUNDS)]
    torch_alone, with_batchsift = (statistics.median(times) for times in zip(*rounds, strict=True))
    print(f"import torch      {torch_alone:.2f} s")
    print(f"import batchsift  {with_batchsift:.2f} s, {with_batchsift / torch_alone:.3f} of it")


if __name__ == "__main__":
    main()
