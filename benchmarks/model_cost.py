"""What a training step of each base model costs: parameters, operations, time and memory.

    python benchmarks/model_cost.py [MODEL ...]

A step is `training_loss` and its backward pass on a batch of random numbers, on one CPU thread. Each model and number
of labels runs in a process of its own, whose memory is read before the model is built and after three steps.
Operations are the multiplications and additions of matrix products, counted by torch, of a prediction (B rows through
`forward`) and of a step; elementwise operations (most of PACA's flows, and Φ in MPVAE) are not among them.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import torch
from rich.console import Console
from rich.table import Table
from torch.utils.flop_counter import FlopCounterMode

import batchsift as bs

STEPS = 3


def peak_mib():
    """Return the most memory this process has held so far, in MiB (on macOS the system counts bytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def step(model, x, y):
    """Take a training step: the loss and its backward pass."""
    loss, _ = model.training_loss(x, y)
    loss.backward()


def measure(name, num_features, num_labels, batch_size, variant):
    """Measure a model in this process: parameters, operations, seconds of a step, and MiB."""
    torch.set_num_threads(1)
    options = {"variant": variant} if variant else {}
    x = torch.rand(batch_size, num_features)
    y = (torch.rand(batch_size, num_labels) < 0.1).float()
    step(bs.models.build("mlp", num_features, 1), x, y[:, :1])  # loads what every backward pass needs
    before = peak_mib()
    model = bs.models.build(name, num_features, num_labels, **options)
    model.prepare(x, y)
    seconds = []
    for _ in range(STEPS):
        start = time.perf_counter()
        step(model, x, y)
        seconds.append(time.perf_counter() - start)
    memory = peak_mib() - before
    operations = []
    for run in (lambda: model.eval()(x), lambda: step(model.train(), x, y)):
        with FlopCounterMode(display=False) as counter:
            run()
        operations.append(counter.get_total_flops())
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "prediction": operations[0],
        "step": operations[1],
        "seconds": min(seconds),
        "memory": memory,
    }


def measure_in_own_process(arguments, name, num_labels):
    """Measure a model in a process of its own, whose memory nothing else has touched."""
    command = [sys.executable, __file__, name, "--alone", "--labels", str(num_labels)]
    command += ["--features", str(arguments.features), "--batch-size", str(arguments.batch_size)]
    command += ["--variant", arguments.variant] if arguments.variant and name != "mlp" else []
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description="Parameters, operations, time and memory of a training step.")
    parser.add_argument("models", nargs="*", default=bs.models.names())
    parser.add_argument("--labels", type=int, nargs="+", default=[14, 174, 374])
    parser.add_argument("--features", type=int, default=100)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--variant")
    parser.add_argument("--alone", action="store_true", help="measure in this process, and print JSON")
    arguments = parser.parse_args()
    if arguments.alone:
        (name,), (num_labels,) = arguments.models, arguments.labels
        sizes = (arguments.features, num_labels, arguments.batch_size)
        print(json.dumps(measure(name, *sizes, arguments.variant)))
        return
    table = Table("model", "L", "parameters", "GFLOP, prediction", "GFLOP, step", "seconds, step", "peak MiB")
    for name in arguments.models:
        for num_labels in arguments.labels:
            cost = measure_in_own_process(arguments, name, num_labels)
            table.add_row(
                name,
                str(num_labels),
                f"{cost['parameters'] / 1e6:.2f} M",
                f"{cost['prediction'] / 1e9:.2f}",
                f"{cost['step'] / 1e9:.2f}",
                f"{cost['seconds']:.2f}",
                f"{cost['memory']:.0f}",
            )
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
