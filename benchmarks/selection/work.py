"""The process at work: makes one measurement and reports it. Started by `jobs.run`."""

import inspect
import json
import sys
from contextlib import nullcontext

import torch

from benchmarks.selection import around, balancing, beside, cell, drawing, floors, memory, stability, storage
from benchmarks.selection.clock import Clock, processor_time
from benchmarks.selection.jobs import Job, Limits, machine, report
from benchmarks.selection.sizes import Size


def _cnn(size: Size, device: str, *, quick: bool) -> float:
    """Seconds of a training epoch of the CNN."""
    step = beside.training_step(*beside.cnn(size.labels), size.labels, device)
    clock = Clock(device)
    first = clock.seconds(step)
    return first * size.batches if quick else beside.epoch_seconds(step, 3, size, clock)


KINDS = {
    "machine": machine,
    "bandwidth": floors.copy_bandwidth,
    "cell": cell.measure,
    "cnn": _cnn,
    "contention": stability.contention,
    "growth": stability.growth,
    "host_waits": stability.host_waits,
    "storage_cost": storage.cost,
    "score_errors": storage.score_errors,
    "result_differences": storage.result_differences,
    "startup": around.startup,
    "loading": around.loading,
    "drawing": drawing.drawing,
    "balancing": balancing.balancing,
}
ON_THE_WALL = ("contention",)  # is about it, hence always measured by it


def main() -> None:
    job, limits = Job(**json.loads(sys.argv[1])), Limits(**json.loads(sys.argv[2]))
    torch.set_num_threads(job.threads)
    sizes = {"size", "small", "large"}
    arguments = {k: Size.of(v) if k in sizes else v for k, v in job.arguments.items()}
    on_request = {"device": limits.device, "quick": limits.quick}
    taken = inspect.signature(KINDS[job.kind]).parameters
    arguments |= {name: value for name, value in on_request.items() if name in taken}
    if not limits.device.startswith("cuda"):  # there, addresses are reserved freely
        memory.limit(limits.memory)
    with processor_time() if limits.cpu_time and job.kind not in ON_THE_WALL else nullcontext():
        report(KINDS[job.kind](**arguments))


if __name__ == "__main__":
    main()
