"""Batch selection in several processes (DistributedDataParallel, on the CPU here).

torchrun --nproc-per-node 2 examples/ddp.py
"""

import hashlib

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, TensorDataset

import batchsift as bs

EPOCHS = 3
BATCH_SIZE = 128  # over all processes together

dist.init_process_group("gloo")  # "nccl" on GPUs
rank, world_size = dist.get_rank(), dist.get_world_size()
torch.manual_seed(0)
data = bs.data.load("digits")
x, y = torch.tensor(data.features, dtype=torch.float32), torch.tensor(data.labels, dtype=torch.float32)
model = DistributedDataParallel(bs.models.build("mlp", data.num_features, data.num_labels))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

selector = bs.Selector(  # new: it shares blocks out itself, where a DistributedSampler would stand
    y, method="d2ace", features=x, batch_size=BATCH_SIZE, epochs=EPOCHS, seed=0, last_batch="fill"
)
if rank == 0:
    print("plan:", hashlib.sha256(str(list(selector)).encode()).hexdigest()[:16], flush=True)
selector = bs.shard(selector)  # new
dataset = bs.WithIndices(TensorDataset(x, y))
loader = DataLoader(dataset, batch_size=BATCH_SIZE // world_size, sampler=selector)  # changed

for epoch in range(EPOCHS):
    for indices, (inputs, targets) in loader:  # changed
        logits = model(inputs)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        selector.observe(indices, logits, targets)  # new
    selector.end_epoch()  # new: a collective call
    digest = hashlib.sha256(selector.probabilities.numpy().tobytes()).hexdigest()[:16]
    print(f"epoch {epoch + 1}, rank {rank}: loss {loss.item():.4f}, probabilities {digest}", flush=True)
dist.destroy_process_group()
