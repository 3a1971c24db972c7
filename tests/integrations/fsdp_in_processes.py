"""Run by two processes: a model cut by FSDP2, a selector in both forms, and one process that is fed the same.

forked.py fsdp_in_processes.py
"""

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

import batchsift as bs

N, L, B, EPOCHS = 50, 3, 12, 3
LABELS = (torch.arange(N)[:, None] % torch.tensor([2, 3, 5]) == 0).float()
FEATURES = torch.randn(N, 4, generator=torch.Generator().manual_seed(0))


def build():
    return bs.Selector(LABELS, method="uncertainty", batch_size=B, epochs=EPOCHS, seed=0, last_batch="fill")


def train(sharded):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, L))
    fully_shard(model, mesh=init_device_mesh("cpu", (dist.get_world_size(),)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    selector, alone = bs.shard(build(), sharded=sharded, exchange_every=2), bs.shard(build(), 0, 1)
    for _ in range(EPOCHS):
        for indices, block in zip(selector.batches(), alone.batches(), strict=True):
            logits = model(FEATURES[indices])
            torch.nn.functional.binary_cross_entropy_with_logits(logits, LABELS[indices]).backward()
            optimizer.step()
            optimizer.zero_grad()
            selector.observe(indices, logits, LABELS[indices])
            shares = [torch.empty_like(logits.detach()) for _ in range(dist.get_world_size())]
            dist.all_gather(shares, logits.detach())
            alone.observe(block, torch.cat(shares), LABELS[block])
        selector.end_epoch()
        alone.end_epoch()
        assert torch.equal(selector.probabilities, alone.probabilities)
    assert torch.equal(selector.signals()["uncertainty"], alone.signals()["uncertainty"])


def main():
    dist.init_process_group("gloo")
    for sharded in (False, True):
        train(sharded)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
