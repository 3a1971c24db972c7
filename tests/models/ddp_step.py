"""One of two processes: the gradients of every model after a step on its half of a batch.

torchrun --nproc-per-node 2 ddp_step.py FOLDER
"""

import sys

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from batchsift import models

PROCESSES = 2


class Step(torch.nn.Module):
    """What is given to DistributedDataParallel: gradients are exchanged after its forward pass."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x, y):
        return self.model.training_loss(x, y)


def batch():
    generator = torch.Generator().manual_seed(0)
    return torch.rand(12, 8, generator=generator), (torch.rand(12, 5, generator=generator) < 0.4).float()


def built(name):
    torch.manual_seed(0)
    model = models.build(name, 8, 5)
    model.prepare(*batch())
    return model


def gradients(step, rows, seed):
    """Of two steps, the second on the weights the first has left: exchanging must go on."""
    x, y = batch()
    torch.manual_seed(seed)
    for _ in range(2):
        step.zero_grad()
        loss, _ = step(x[rows], y[rows])
        loss.backward()
    return {key.removeprefix("module."): parameter.grad for key, parameter in step.named_parameters()}


def main(folder):
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    found = {}
    for name in models.names():
        step = DistributedDataParallel(Step(built(name)))
        found[name] = gradients(step, slice(rank, None, PROCESSES), seed=rank)
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1])
