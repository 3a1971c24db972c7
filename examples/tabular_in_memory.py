"""Data that sits in memory needs no DataLoader: the selector yields the index tensors of the batches.

python examples/tabular_in_memory.py
"""

import hashlib

import torch

import batchsift as bs

EPOCHS = 5

torch.manual_seed(0)
data = bs.data.load("digits")
x, y = torch.tensor(data.features, dtype=torch.float32), torch.tensor(data.labels, dtype=torch.float32)
model = bs.models.build("mlp", data.num_features, data.num_labels)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

selector = bs.Selector(y, method="uncertainty", batch_size=128, epochs=EPOCHS, seed=0)  # new
print("plan:", hashlib.sha256(str(list(selector)).encode()).hexdigest()[:16])

for epoch in range(EPOCHS):
    for indices in selector.batches():  # changed
        loss, logits = model.training_loss(x[indices], y[indices])  # changed
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        selector.observe(indices, logits)  # new
    selector.end_epoch()  # new
    print(f"epoch {epoch + 1}: loss {loss.item():.4f}, mean uncertainty {selector.summary()['mean_uncertainty']:.3f}")
