"""Time and memory of reading ARFF files, beside other readers of the same rows; prints markdown tables.

    python benchmarks/arff_reading.py [--rounds 5] [--folder FOLDER]

The files: 40,000 x 120 numbers with 20 labels, dense, with two decimals, with six digits, and with all digits as `repr`
writes them; 30,000 x 50,000 with 20 labels, sparse, about 100 entries a row, ones and six digits. Readers of ARFF get
the file. The others get the rows alone, as CSV or in the svmlight format: no header, no categories to look up, no check
that a label is 0 or 1. They are a bound rather than rivals.

Every reading is a fresh process with one thread; the readers take turns. Time is CPU time, since the machine may be
busy; imports are not in it. Memory is how far the peak of the resident memory rises while reading, with whatever is
imported only then. The medians count. A reader that is not installed is left out.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path

import numpy as np

ROWS, FEATURES, LABELS = 40_000, 120, 20
SPARSE_ROWS, SPARSE_FEATURES, ENTRIES = 30_000, 50_000, 100
DENSE = {"dense, 2 decimals": "%.2f", "dense, 6 digits": "%.6g", "dense, all digits": "%r"}
SPARSE = {"sparse, ones": "1", "sparse, 6 digits": "%.6g"}


# --- Readers: what to import, and what to do then ---------------------------------------------------------------------


def batchsift(path):
    from batchsift.data import read_arff  # noqa: PLC0415

    yield
    yield read_arff(path, LABELS)


def scipy_loadarff(path):
    from scipy.io.arff import loadarff  # noqa: PLC0415

    yield
    yield loadarff(path)


def liac_arff(path, kind="DENSE"):
    import arff  # noqa: PLC0415

    yield
    with path.open() as file:
        yield arff.load(file, return_type=getattr(arff, kind))


def liac_arff_coo(path):
    yield from liac_arff(path, "COO")


def liac_arff_lod(path):
    yield from liac_arff(path, "LOD")


def pandas_c(path):
    import pandas as pd  # noqa: PLC0415

    yield
    yield pd.read_csv(path.with_suffix(".csv"), header=None).to_numpy()


def pandas_pyarrow(path):
    import pandas as pd  # noqa: PLC0415
    import pyarrow as pa  # noqa: PLC0415

    pa.set_cpu_count(1)
    yield
    yield pd.read_csv(path.with_suffix(".csv"), header=None, engine="pyarrow").to_numpy()


def polars(path):
    import polars as pl  # noqa: PLC0415

    yield
    yield pl.read_csv(path.with_suffix(".csv"), has_header=False).to_numpy()


def numpy_loadtxt(path):
    yield
    yield np.loadtxt(path.with_suffix(".csv"), delimiter=",")


def svmlight(path):
    from sklearn.datasets import load_svmlight_file  # noqa: PLC0415

    yield
    yield load_svmlight_file(str(path.with_suffix(".svm")), n_features=SPARSE_FEATURES, multilabel=True)


DENSE_READERS = {
    batchsift: "batchsift",
    scipy_loadarff: "scipy",
    liac_arff: "arff",
    pandas_c: "pandas",
    pandas_pyarrow: "pyarrow",
    polars: "polars",
    numpy_loadtxt: "numpy",
}
SPARSE_READERS = {batchsift: "batchsift", liac_arff_coo: "arff", liac_arff_lod: "arff", svmlight: "sklearn"}


# --- Files ------------------------------------------------------------------------------------------------------------


def header(path, prefix, count):
    lines = [f"@relation {path.stem}"]
    lines += [f"@attribute {prefix}{number} numeric" for number in range(count)]
    lines += [f"@attribute label{number} {{0,1}}" for number in range(LABELS)]
    return "\n".join([*lines, "@data"]) + "\n"


def write_dense(path, form):
    rng = np.random.default_rng(0)
    with path.open("w") as file, path.with_suffix(".csv").open("w") as csv:
        file.write(header(path, "x", FEATURES))
        for _ in range(ROWS):
            numbers = [form % number for number in rng.normal(size=FEATURES).tolist()]
            row = ",".join(numbers + [str(label) for label in rng.integers(0, 2, LABELS).tolist()]) + "\n"
            file.write(row)
            csv.write(row)


def write_sparse(path, form):
    rng = np.random.default_rng(0)
    with path.open("w") as file, path.with_suffix(".svm").open("w") as svm:
        file.write(header(path, "word", SPARSE_FEATURES))
        for _ in range(SPARSE_ROWS):
            columns = np.unique(rng.integers(0, SPARSE_FEATURES, ENTRIES)).tolist()
            values = [form % value if "%" in form else form for value in rng.random(len(columns)).tolist()]
            labels = np.flatnonzero(rng.random(LABELS) < 0.1).tolist()
            entries = list(zip(columns, values, strict=True)) + [(SPARSE_FEATURES + label, 1) for label in labels]
            file.write("{" + ",".join(f"{column} {value}" for column, value in entries) + "}\n")
            pairs = " ".join(f"{column}:{value}" for column, value in zip(columns, values, strict=True))
            svm.write(",".join(map(str, labels)) + f" {pairs}\n")


# --- Measuring --------------------------------------------------------------------------------------------------------


def resident(which):
    """Resident memory of this process in bytes, now (VmRSS) or at its peak (VmHWM)."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(which))
    return int(line.split()[1]) * 1024


def measure(reader, path):
    """One reading, in the process that is only for it."""
    steps = {function.__name__: function for function in [*DENSE_READERS, *SPARSE_READERS]}[reader](Path(path))
    next(steps)
    before, started = resident("VmRSS"), time.process_time()
    next(steps)
    print(json.dumps([time.process_time() - started, resident("VmHWM") - before]))


def measured(reader, path):
    """CPU seconds, and bytes of memory, of one reading in a fresh process."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, __file__, "--measure", reader.__name__, path],
        env={**os.environ, **threads},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def compare(name, path, readers, rounds):
    figures = defaultdict(list)
    installed = [reader for reader, module in readers.items() if find_spec(module)]
    for _ in range(rounds):
        for reader in installed:
            figures[reader].append(measured(reader, path))
    size = path.stat().st_size
    medians = {
        reader: [statistics.median(column) for column in zip(*rows, strict=True)] for reader, rows in figures.items()
    }
    fastest = min(seconds for reader, (seconds, _) in medians.items() if reader is not batchsift)
    print(f"\n{name}: {size / 1e6:.1f} MB\n")
    print("| reader | CPU seconds | of the fastest other's speed | memory / file |\n|---|---|---|---|")
    for reader, (seconds, memory) in sorted(medians.items(), key=lambda item: item[1][0]):
        print(f"| {reader.__name__} | {seconds:.2f} | {fastest / seconds:.2f} | {memory / size:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the files are made and kept; by default they are temporary")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(*arguments.measure)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for kinds, write, readers in ((DENSE, write_dense, DENSE_READERS), (SPARSE, write_sparse, SPARSE_READERS)):
            for name, form in kinds.items():
                path = folder / (name.replace(", ", "-").replace(" ", "-") + ".arff")
                if not path.exists():
                    write(path, form)
                compare(name, path, readers, arguments.rounds)


if __name__ == "__main__":
    main()
