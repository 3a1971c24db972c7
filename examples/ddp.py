"""Batch selection in several processes: DistributedDataParallel, on GPUs (NCCL) where there are any, else on the CPU.

torchrun --nproc-per-node 2 examples/ddp.py
torchrun --nproc-per-node 2 examples/ddp.py --sharded    each process remembers only its part of the samples
"""

import hashlib
import os
import sys

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, TensorDataset

import batchsift as bs

EPOCHS = 3
BATCH_SIZE = 128  # over all processes together

on_gpu = torch.cuda.is_available()
device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if on_gpu else torch.device("cpu")
if on_gpu:
    torch.cuda.set_device(device)
dist.init_process_group("nccl" if on_gpu else "gloo")
rank, world_size = dist.get_rank(), dist.get_world_size()
torch.manual_seed(0)
data = bs.data.load("digits")
x, y = torch.tensor(data.features, dtype=torch.float32), torch.tensor(data.labels, dtype=torch.float32)
model = DistributedDataParallel(bs.models.build("mlp", data.num_features, data.num_labels).to(device))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

selector = bs.Selector(  # new: it shares blocks out itself, where a DistributedSampler would stand
    y, method="d2ace", features=x, batch_size=BATCH_SIZE, epochs=EPOCHS, seed=0, last_batch="fill"
)
if rank == 0:
    print("plan:", hashlib.sha256(str(list(selector)).encode()).hexdigest()[:16], flush=True)
selector = bs.shard(selector, sharded="--sharded" in sys.argv)  # new
dataset = bs.WithIndices(TensorDataset(x, y))
loader = DataLoader(dataset, batch_size=BATCH_SIZE // world_size, sampler=selector)  # changed

for epoch in range(EPOCHS):
    for indices, (inputs, targets) in loader:  # changed
        logits = model(inputs.to(device))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        selector.observe(indices, logits, targets)  # new
    selector.end_epoch()  # new: a collective call
    digest = hashlib.sha256(selector.probabilities.numpy().tobytes()).hexdigest()[:16]
    print(f"epoch {epoch + 1}, rank {rank}: loss {loss.item():.4f}, probabilities {digest}", flush=True)
dist.destroy_process_group()
