"""Batch selection with Ray Train: two workers on the CPUs of this machine, or of the cluster that it belongs to.

python examples/ray_train.py [FOLDER]

The folder keeps checkpoints; where there is one, training goes on from it.
"""

import hashlib
import sys
import tempfile
from pathlib import Path

import ray.train
import ray.train.torch
import torch
from ray.train import Checkpoint, RunConfig, ScalingConfig
from torch.utils.data import DataLoader, TensorDataset

import batchsift as bs
from batchsift.integrations.ray import prepare_loader  # new

EPOCHS = 3
BATCH_SIZE = 64  # of one worker


def train_loop():
    torch.manual_seed(0)
    context = ray.train.get_context()
    data = bs.data.load("digits")
    x, y = torch.tensor(data.features, dtype=torch.float32), torch.tensor(data.labels, dtype=torch.float32)
    model = ray.train.torch.prepare_model(bs.models.build("mlp", data.num_features, data.num_labels))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    selector = bs.Selector(  # new: blocks of all workers together
        y,
        method="d2ace",
        features=x,
        batch_size=BATCH_SIZE * context.get_world_size(),
        epochs=EPOCHS,
        seed=0,
        last_batch="fill",
    )
    loader = DataLoader(bs.WithIndices(TensorDataset(x, y)), batch_size=BATCH_SIZE, sampler=selector)  # changed
    loader = prepare_loader(loader)  # changed: in place of ray.train.torch.prepare_data_loader

    checkpoint = ray.train.get_checkpoint()
    if checkpoint:
        with checkpoint.as_directory() as folder:
            state = torch.load(Path(folder) / "state.pt", weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        selector.load_state_dict(state["selector"])  # new

    for epoch in range(selector.epoch, EPOCHS):
        for indices, (inputs, targets) in loader:  # changed
            logits = model(inputs)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            selector.observe(indices, logits, targets)  # new
        selector.end_epoch()  # new: in every worker
        metrics = {
            "epoch": epoch + 1,
            "loss": loss.item(),
            "probabilities": hashlib.sha256(selector.probabilities.numpy().tobytes()).hexdigest()[:16],
        }
        state = {
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "selector": selector.state_dict(),  # new: in every worker
        }
        with tempfile.TemporaryDirectory() as folder:
            torch.save(state, Path(folder) / "state.pt")
            kept = Checkpoint.from_directory(folder) if context.get_world_rank() == 0 else None
            ray.train.report(metrics, checkpoint=kept)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else temporary).resolve()
        trainer = ray.train.torch.TorchTrainer(
            train_loop,
            scaling_config=ScalingConfig(num_workers=2),
            run_config=RunConfig(storage_path=str(folder), name="digits"),
        )
        metrics = trainer.fit().metrics
    print(f"epoch {metrics['epoch']}: loss {metrics['loss']:.4f}, probabilities {metrics['probabilities']}")
