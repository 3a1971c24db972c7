"""What batch selection costs a loader of pictures, and what memory a data set of many files takes.

1. Pictures a second of a `DataLoader` over an `ImageDataset`, shuffled, and of the same with `WithIndices` and a
   selector as its sampler; alternating rounds, the median of the ratios round by round. On a machine that does other
   things too, the ratio of processor times, workers included, says more. What the selector computes between epochs is
   not in it: see `benchmarks/selection`.
2. Growth of resident memory while a data set of many files is loaded and gone through once.

python benchmarks/image_loading.py [--pictures 500] [--rounds 15] [--files 20000]
"""

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader

import batchsift as bs
from batchsift.data.images import EvaluationTransform, ImageDataset, TrainTransform

WORKERS = (0, 2)
BATCH_SIZE = 32
SIDE, SIZE = 160, 128  # of the pictures, and of what a model sees


@dataclass(frozen=True)
class Throughput:
    """What was measured with a number of workers: pictures a second, and the ratios of throughputs."""

    workers: int
    plain: float
    selected: float
    ratio: float
    processor_ratio: float


def write_pictures(folder: Path, count: int) -> bs.data.ImageData:
    """Make JPEG files of smooth noise, and a table that names them."""
    rng = np.random.default_rng(0)
    for number in range(count):
        small = Image.fromarray(rng.integers(0, 256, (20, 20, 3), dtype=np.uint8))
        small.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(folder / f"{number:06}.jpg", quality=85)
    return table_of(folder, count)


def table_of(folder: Path, count: int) -> bs.data.ImageData:
    labels = np.random.default_rng(1).integers(0, 2, (count, 10))
    rows = (f"{number:06}.jpg,{','.join(map(str, labels[number]))}\n" for number in range(count))
    (folder / "labels.csv").write_text(f"file,{','.join(f'label_{label}' for label in range(10))}\n{''.join(rows)}")
    return bs.data.load(folder)


def throughput(data: bs.data.ImageData, workers: int, rounds: int) -> Throughput:
    dataset = ImageDataset(data, TrainTransform(SIZE), seed=0)
    dataset.set_epoch(0)
    selector = bs.Selector(data.labels, method="uncertainty", batch_size=BATCH_SIZE, epochs=100, seed=0)
    shuffled = DataLoader(dataset, BATCH_SIZE, shuffle=True, num_workers=workers)
    selected = DataLoader(bs.WithIndices(dataset), BATCH_SIZE, sampler=selector, num_workers=workers)
    loaders = {"plain": lambda: sum(len(labels) for _, labels in shuffled)}
    loaders["selected"] = lambda: sum(len(indices) for indices, _ in selected)
    spent: dict[str, list[Spent]] = {name: [] for name in loaders}
    for number in range(rounds):
        for name in sorted(loaders, reverse=number % 2 == 0):
            spent[name].append(seconds(loaders[name], data.num_samples))
    rates = {name: data.num_samples / statistics.median(time.wall for time in times) for name, times in spent.items()}
    pairs = list(zip(spent["plain"], spent["selected"], strict=True))
    return Throughput(
        workers,
        rates["plain"],
        rates["selected"],
        statistics.median(plain.wall / selected.wall for plain, selected in pairs),
        statistics.median(plain.processor / selected.processor for plain, selected in pairs),
    )


@dataclass(frozen=True)
class Spent:
    """Seconds of a round."""

    wall: float
    processor: float


def seconds(load: Callable[[], int], expected: int) -> Spent:
    wall, processor = time.perf_counter(), processor_time()
    if load() != expected:
        raise RuntimeError("a loader did not yield every picture once")
    return Spent(time.perf_counter() - wall, processor_time() - processor)


def processor_time() -> float:
    """Return the processor time of this process and of the workers that have ended."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def growth(folder: Path, count: int) -> float:
    """Return the growth of memory in MiB while `count` files are loaded and gone through."""
    few, many = folder / "few", folder / "many"
    for part, number in ((few, 1), (many, count)):
        part.mkdir()
        Image.new("RGB", (SIDE, SIDE), "red").save(part / "first.jpg")
        for name in range(number):
            os.link(part / "first.jpg", part / f"{name:06}.jpg")
    ImageDataset(table_of(few, 1), EvaluationTransform(SIZE))[0]
    before = resident()
    dataset = ImageDataset(table_of(many, count), EvaluationTransform(SIZE))
    return max(resident() for index in range(count) if len(dataset[index]) and index % 100 == 0) - before


def resident() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for option, default in (("pictures", 500), ("rounds", 15), ("files", 20_000)):
        parser.add_argument(f"--{option}", type=int, default=default)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"{options.files} files: {growth(folder, options.files):.1f} MiB more than one file", flush=True)
        (folder / "pictures").mkdir()
        data = write_pictures(folder / "pictures", options.pictures)
        print("workers   plain/s   selected/s   ratio   of processor time")
        for workers in WORKERS:
            found = throughput(data, workers, options.rounds)
            rates = f"{workers:7} {found.plain:9.0f} {found.selected:12.0f}"
            print(f"{rates} {found.ratio:7.3f} {found.processor_ratio:19.3f}", flush=True)


if __name__ == "__main__":
    main()
