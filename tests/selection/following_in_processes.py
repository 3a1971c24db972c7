"""Run by two processes: writes, for each way to train in them, how often the selector warned and of what.

torchrun --nproc-per-node 2 following_in_processes.py FOLDER
"""

import json
import sys
import warnings
from pathlib import Path

import torch
import torch.distributed as dist
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

import batchsift as bs

N, B, EPOCHS = 48, 8, 3
LABELS = (torch.arange(N)[:, None] % torch.tensor([2, 3]) == 0).float()
DATASET = TensorDataset(torch.randn(N, 4, generator=torch.Generator().manual_seed(0)))


def build():
    return bs.Selector(LABELS, method="uncertainty", batch_size=B, epochs=EPOCHS, last_batch="fill")


def train(selector, batch_size, sampler=None):
    loader = DataLoader(bs.WithIndices(DATASET), batch_size, sampler=selector if sampler is None else sampler)
    for _ in range(EPOCHS):
        for indices, (x,) in loader:
            selector.observe(indices, x[:, :2])
        selector.end_epoch()


def not_shared():
    train(build(), B)


def not_shared_but_cut_by_a_distributed_sampler():
    train(build(), B, DistributedSampler(DATASET))


def shared_and_cut_again_by_a_distributed_sampler():
    train(bs.shard(build()), B // 2, DistributedSampler(DATASET, shuffle=False))


def shared():
    train(bs.shard(build()), B // 2)


def meant_not_to_be_shared():
    train(bs.shard(build(), rank=0, world_size=1), B)


def shared_in_another_order():
    """Each process gets its blocks in an order of its own, as from a loader that keeps none."""
    selector = bs.shard(build())
    for _ in range(EPOCHS):
        for indices in list(selector.batches())[:: 1 if dist.get_rank() else -1]:
            selector.observe(indices, DATASET.tensors[0][indices, :2])
        selector.end_epoch()


def main(folder):
    dist.init_process_group("gloo")
    said = {}
    for training in (
        not_shared,
        not_shared_but_cut_by_a_distributed_sampler,
        shared_and_cut_again_by_a_distributed_sampler,
        shared,
        meant_not_to_be_shared,
        shared_in_another_order,
    ):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            training()
        said[training.__name__] = [str(warning.message) for warning in caught]
    (Path(folder) / f"{dist.get_rank()}.json").write_text(json.dumps(said))
    dist.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
