"""Batch selection with Hugging Face Accelerate; the same script in one process and in several.

python examples/accelerate_loop.py
torchrun --nproc-per-node 2 examples/accelerate_loop.py
"""

import hashlib

import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader, TensorDataset

import batchsift as bs
from batchsift.integrations.accelerate import prepare_loader  # new

EPOCHS = 5
BATCH_SIZE = 64  # of one process

torch.manual_seed(0)
accelerator = Accelerator(cpu=True)
data = bs.data.load("digits")
x, y = torch.tensor(data.features, dtype=torch.float32), torch.tensor(data.labels, dtype=torch.float32)
model = bs.models.build("mlp", data.num_features, data.num_labels)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

selector = bs.Selector(  # new: blocks of all processes together
    y,
    method="d2ace",
    features=x,
    batch_size=BATCH_SIZE * accelerator.num_processes,
    epochs=EPOCHS,
    seed=0,
    last_batch="fill",
)
accelerator.print("plan:", hashlib.sha256(str(list(selector)).encode()).hexdigest()[:16])
loader = DataLoader(bs.WithIndices(TensorDataset(x, y)), batch_size=BATCH_SIZE, sampler=selector)  # changed
model, optimizer = accelerator.prepare(model, optimizer)
loader = prepare_loader(accelerator, loader)  # changed

for _ in range(EPOCHS):
    for indices, (inputs, targets) in loader:  # changed
        logits = model(inputs)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)
        optimizer.zero_grad()
        accelerator.backward(loss)
        optimizer.step()
        selector.observe(indices, logits, targets)  # new
    selector.end_epoch()  # new: in every process

summary = selector.summary()  # in every process, too
accelerator.print(f"mean loss of all cells: {summary['mean_loss']:.4f}")
accelerator.end_training()
