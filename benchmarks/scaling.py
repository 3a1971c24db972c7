"""What several processes send each other, and what each of them remembers: measured, and by formula.

    python -m benchmarks.scaling --samples 100000 --labels 200             1 to 4 processes, both forms
    python -m benchmarks.scaling --samples 400000 --processes 4
    python -m benchmarks.scaling --extrapolate                             by formula, for sizes nobody has here

Bytes are counted by wrapping the collectives: what a process hands over for others, however a backend forwards it.
Memory is the largest resident set of a process less what it had before the selector was made, labels included.
"""

import argparse
import datetime
import gc
import json
import os
import socket
import tempfile
import time
import warnings
from pathlib import Path

import torch
import torch.distributed as dist

import batchsift as bs
from benchmarks.selection import memory

EPOCHS = 2  # a warm-up, and one that is drawn by what was observed
POSITIVES = 3  # of a sample
STATE_BYTES = {"d2ace": 24, "uncertainty": 20, "hard": 4}  # of a cell, in float32 and with a window of five
COURSE_BYTES = 8  # of a cell, for suspects
CORRELATED = {"d2ace": 2, "uncertainty": 25, "hard": 0}  # cells for each pair of labels that are summed up
SCORES = {"d2ace": 2, "uncertainty": 1, "hard": 1}


def sent_by_formula(samples, labels, processes, method, sharded):
    """Bytes that a process sends in an epoch that is drawn by what was observed."""
    others = processes - 1
    rows = samples / processes
    if not sharded:
        return rows * others * (4 * labels + 8)
    observed = rows * others / processes * (4 * labels + 32)
    sums = 2 * 8 * CORRELATED[method] * labels**2 * others / processes
    moments = 2 * 3 * 8 * labels * others if method == "d2ace" else 0
    return observed + 8 * SCORES[method] * rows * others + sums + moments


def remembered_by_formula(samples, labels, processes, method, sharded, suspects=True):
    """Bytes that a process keeps: the state, the labels, and what is as long as the data."""
    cells = samples * labels / (processes if sharded else 1)
    return cells * (STATE_BYTES[method] + COURSE_BYTES * suspects) + samples * labels + 40 * samples


class Counter:
    """Counts the bytes that collectives hand over for other processes."""

    def __init__(self):
        self.sent = 0
        for name, count in (
            ("all_gather", lambda _, mine, **_options: mine.nbytes * (dist.get_world_size() - 1)),
            ("all_to_all_single", self._traded),
            ("broadcast", self._broadcast),
        ):
            setattr(dist, name, self._counting(getattr(dist, name), count))

    @staticmethod
    def _traded(_arriving, sent, _out_splits=None, in_splits=None, **_):
        rank = dist.get_rank()
        row = sent.nbytes // max(1, len(sent))
        own = in_splits[rank] if in_splits else len(sent) // dist.get_world_size()
        return (len(sent) - own) * row

    @staticmethod
    def _broadcast(value, group_src=0, **_):
        return value.nbytes * (dist.get_world_size() - 1) * (group_src == dist.get_rank())

    def _counting(self, collective, count):
        def counted(*arguments, **options):
            self.sent += count(*arguments, **options)
            return collective(*arguments, **options)

        return counted


def labels_of(samples, count):
    generator = torch.Generator().manual_seed(0)
    labels = torch.zeros(samples, count, dtype=torch.uint8)
    return labels.scatter_(1, torch.randint(count, (samples, POSITIVES), generator=generator), 1)


def train_epoch(selector, labels):
    generator = torch.Generator().manual_seed(dist.get_rank())
    for indices in selector.batches():
        selector.observe(indices, torch.randn(len(indices), labels, generator=generator))
    selector.end_epoch()


def measure(options, labels, folder):
    """One process: what it sent in the last epoch, what it held, how long an epoch took."""
    processes = dist.get_world_size()
    neighbors = torch.randint(len(labels), (len(labels), 6), generator=torch.Generator().manual_seed(1))
    method = bs.D2ACE(neighbors=neighbors.int()) if options.method == "d2ace" else options.method
    gc.collect()
    before = memory.resident("cpu")
    selector = bs.Selector(labels, method=method, batch_size=256 * 12, epochs=10, last_batch="fill")
    if processes > 1:
        bs.shard(selector, sharded=options.form == "sharded")
    counter = Counter()
    for _ in range(EPOCHS):
        start, counter.sent = time.perf_counter(), 0
        train_epoch(selector, labels.shape[1])
    seconds = time.perf_counter() - start
    held = memory.peak("cpu")
    result = {"sent": counter.sent, "peak": held, "more": held - before, "seconds": round(seconds, 1)}
    (folder / f"{dist.get_rank()}.json").write_text(json.dumps(result))


def in_processes(options, processes):
    """The results of all processes."""
    labels = labels_of(options.samples, options.labels)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as name:
        children = []
        for rank in range(processes):
            child = os.fork()
            if child == 0:
                warnings.simplefilter("ignore")
                torch.set_num_threads(1)
                address = f"tcp://127.0.0.1:{port}"
                dist.init_process_group(
                    "gloo", address, rank=rank, world_size=processes, timeout=datetime.timedelta(minutes=20)
                )
                measure(options, labels, Path(name))
                dist.destroy_process_group()
                os._exit(0)
            children.append(child)
        if any(os.waitpid(child, 0)[1] for child in children):
            raise SystemExit("a process failed")
        return [json.loads((Path(name) / f"{rank}.json").read_text()) for rank in range(processes)]


def row(options, processes, form, results):
    sizes = options.samples, options.labels, processes, options.method, form == "sharded"
    sent = sum(one["sent"] for one in results) / processes
    formula = sent_by_formula(*sizes)
    ratio = f"{sent / formula:.3f}" if formula else ""
    return (
        f"| {form} | {processes} | {sent / 1e6:.1f} | {formula / 1e6:.1f} | {ratio} | "
        f"{max(one['more'] for one in results) / 1e6:.0f} | {remembered_by_formula(*sizes) / 1e6:.0f} | "
        f"{max(one['peak'] for one in results) / 1e6:.0f} | {max(one['seconds'] for one in results)} |"
    )


def extrapolate():
    print("| samples x labels | processes | form | sent, GB an epoch | kept, GB |\n| --- | --- | --- | --- | --- |")
    for samples, labels, processes in ((9_000_000, 600, 8), (100_000_000, 1000, 64)):
        for sharded in (False, True):
            sizes = samples, labels, processes, "d2ace", sharded
            print(
                f"| {samples:,} x {labels:,} | {processes} | {'sharded' if sharded else 'replicated'} | "
                f"{sent_by_formula(*sizes) / 1e9:.1f} | {remembered_by_formula(*sizes) / 1e9:.1f} |"
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--labels", type=int, default=200)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 3, 4])
    parser.add_argument("--form", choices=("replicated", "sharded", "both"), default="both")
    parser.add_argument("--method", choices=tuple(SCORES), default="d2ace")
    parser.add_argument("--extrapolate", action="store_true")
    options = parser.parse_args()
    if options.extrapolate:
        extrapolate()
        return
    print("| form | processes | sent, MB | formula | ratio | memory, MB | formula | resident, MB | s an epoch |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for form in ("replicated", "sharded") if options.form == "both" else (options.form,):
        for processes in options.processes:
            if processes > 1 or form == "replicated":
                options_here = argparse.Namespace(**{**vars(options), "form": form})
                print(row(options, processes, form, in_processes(options_here, processes)), flush=True)


if __name__ == "__main__":
    main()
