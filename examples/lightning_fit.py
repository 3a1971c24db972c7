"""Batch selection in PyTorch Lightning: two new lines, three changed. It goes into checkpoints by itself.

python examples/lightning_fit.py
"""

import hashlib
import logging
import warnings

import lightning.pytorch as pl
import torch
from torch.utils.data import DataLoader, TensorDataset

import batchsift as bs
from batchsift.integrations.lightning import SelectorCallback

EPOCHS = 3


class Classifier(pl.LightningModule):
    """An ordinary module, but for its batches and what a step returns."""

    def __init__(self, num_features: int, num_labels: int) -> None:
        super().__init__()
        self.net = bs.models.build("mlp", num_features, num_labels)

    def training_step(self, batch, batch_idx):
        """Return the logits beside the loss; the targets are optional, the selector checks them."""
        _indices, (inputs, targets) = batch  # changed
        logits = self.net(inputs)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)
        return {"loss": loss, "logits": logits, "targets": targets}  # changed

    def configure_optimizers(self):
        """As ever."""
        return torch.optim.Adam(self.parameters(), lr=1e-3)


logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
warnings.filterwarnings("ignore", message=".*does not have many workers")
torch.manual_seed(0)
data = bs.data.load("digits")
x, y = torch.tensor(data.features, dtype=torch.float32), torch.tensor(data.labels, dtype=torch.float32)

selector = bs.Selector(y, method="d2ace", features=x, batch_size=128, epochs=EPOCHS, seed=0)  # new
loader = DataLoader(bs.WithIndices(TensorDataset(x, y)), batch_size=128, sampler=selector)  # changed
print("plan:", hashlib.sha256(str(list(selector)).encode()).hexdigest()[:16])

trainer = pl.Trainer(
    max_epochs=EPOCHS,
    accelerator="cpu",
    callbacks=[SelectorCallback(selector)],  # new
    logger=False,
    enable_checkpointing=False,
    enable_progress_bar=False,
    enable_model_summary=False,
)
trainer.fit(Classifier(data.num_features, data.num_labels), loader)
print(f"mean loss of all cells: {trainer.callback_metrics['selection/mean_loss']:.4f}")
