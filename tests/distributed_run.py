"""Run by several processes: trains two epochs and a half, resumes from a state, and writes what each rank has seen.

torchrun --nproc-per-node 2 distributed_run.py FOLDER METHOD:LAST_BATCH ...
"""

import sys
from pathlib import Path

import torch
import torch.distributed as dist

import batchsift as bs

N, L, B = 26, 3, 6


def build(method, last_batch):
    labels = (torch.arange(N)[:, None] % torch.tensor([2, 3, 5]) == 0).float()
    features = torch.randn(N, 4, generator=torch.Generator().manual_seed(1))
    return bs.Selector(labels, method=method, features=features, batch_size=B, epochs=6, seed=3, last_batch=last_batch)


def logits_for(indices, epoch):
    return torch.sin(indices[:, None] * torch.tensor([1.0, 2.0, 3.0]) + epoch)


def train(selector, epochs, last_blocks=None):
    """Epochs as a loop has them, the last one cut after some blocks; gives this rank's blocks."""
    seen = []
    for number in range(epochs):
        for k, indices in enumerate(selector.batches()):
            if number == epochs - 1 and k == last_blocks:
                return seen
            logits = logits_for(indices, selector.epoch)
            if indices[0] % 7 == 0:
                logits[0] = float("nan")
            selector.observe(indices, logits)
            seen.append(indices.tolist())
        selector.observe(indices[:1], logits_for(indices[:1], 9), in_plan=False)
        selector.end_epoch()
    return seen


def outcome(selector, seen):
    return {
        "seen": seen,
        "plan": list(selector),
        "length": len(selector),
        "probabilities": selector.probabilities,
        "signals": selector.signals(),
        "counts": selector.counts,
        "suspects": vars(selector.suspects(N * L)),
        "summary": selector.summary(),
    }


def train_and_resume(folder, method, last_batch):
    first = bs.shard(build(method, last_batch))
    seen = train(first, 3, last_blocks=2)
    state = first.state_dict()
    second = bs.shard(build(method, last_batch))
    second.load_state_dict(state)
    seen += train(second, 2)
    file = Path(folder) / f"{method}:{last_batch}.{dist.get_rank()}.pt"
    torch.save({**outcome(second, seen), "state": state}, file)


def main(folder, *runs):
    dist.init_process_group("gloo")
    for run in runs:
        train_and_resume(folder, *run.split(":"))
    dist.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
