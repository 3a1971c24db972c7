"""Batch selection in a plain PyTorch loop: three new lines, two changed. Restarted with the same command, it resumes.

python examples/plain_loop.py [CHECKPOINT]
"""

import hashlib
import sys
from pathlib import Path

import torch
from torch.utils.data import DataLoader, TensorDataset

import batchsift as bs

EPOCHS = 5
checkpoint = Path(sys.argv[1]) if len(sys.argv) > 1 else None

torch.manual_seed(0)
data = bs.data.load("digits")
x, y = torch.tensor(data.features, dtype=torch.float32), torch.tensor(data.labels, dtype=torch.float32)
model = bs.models.build("mlp", data.num_features, data.num_labels)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

selector = bs.Selector(y, method="d2ace", features=x, batch_size=128, epochs=EPOCHS, seed=0)  # new
loader = DataLoader(bs.WithIndices(TensorDataset(x, y)), batch_size=128, sampler=selector)  # changed
print("plan:", hashlib.sha256(str(list(selector)).encode()).hexdigest()[:16])

if checkpoint and checkpoint.exists():
    state = torch.load(checkpoint, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    selector.load_state_dict(state["selector"])

while selector.epoch < EPOCHS:
    for indices, (inputs, targets) in loader:  # changed
        logits = model(inputs)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        selector.observe(indices, logits, targets)  # new
        if checkpoint:  # at any batch: what is left of the epoch follows after a restart
            state = {"model": model, "optimizer": optimizer, "selector": selector}
            torch.save({name: part.state_dict() for name, part in state.items()}, checkpoint)
    selector.end_epoch()  # new
    print(f"epoch {selector.epoch}: mean loss of all cells {selector.summary()['mean_loss']:.4f}")
