"""A small data set, selector and module for the Lightning tests, also for the script that two processes run."""

import lightning.pytorch as pl
import torch
from torch.utils.data import DataLoader, TensorDataset

import batchsift as bs
from batchsift.integrations.lightning import SelectorCallback

N, L, B = 60, 3, 8
BLOCKS = 8  # the last one has 4 samples
EPOCHS = 4

LABELS = (torch.arange(N)[:, None] % torch.tensor([2, 3, 5]) == 0).float()
FEATURES = torch.randn(N, 5, generator=torch.Generator().manual_seed(1))
DATASET = TensorDataset(FEATURES, LABELS)


def build_selector(**options):
    settings = {"method": "d2ace", "features": FEATURES, "batch_size": B, "epochs": EPOCHS, "seed": 3} | options
    return bs.Selector(LABELS, **settings)


def build_loader(selector, dataset=DATASET, batch_size=B, **options):
    return DataLoader(bs.WithIndices(dataset), batch_size=batch_size, sampler=selector, **options)


class Module(pl.LightningModule):
    """Remembers which samples it was trained on."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.net = torch.nn.Sequential(torch.nn.Linear(5, 16), torch.nn.ReLU(), torch.nn.Linear(16, L))
        self.seen = []

    def training_step(self, batch, batch_idx):
        indices, (x, y) = batch
        self.seen.append(indices.tolist())
        logits = self.net(x)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, y)
        return {"loss": loss, "logits": logits, "targets": y}

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.05)


class ValidatedModule(Module):
    def validation_step(self, batch, batch_idx):
        x, y = batch
        self.log("validation_loss", torch.nn.functional.binary_cross_entropy_with_logits(self.net(x), y))


def build_trainer(selector, *callbacks, sharded=False, **options):
    settings = {
        "max_epochs": EPOCHS,
        "accelerator": "cpu",
        "logger": False,
        "enable_checkpointing": any(isinstance(one, pl.callbacks.Checkpoint) for one in callbacks),
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    return pl.Trainer(callbacks=[SelectorCallback(selector, sharded=sharded), *callbacks], **settings | options)


def fit(selector, *callbacks, module=None, workers=0, ckpt_path=None, **options):
    """Train; gives the module and the trainer."""
    module = Module() if module is None else module
    trainer = build_trainer(selector, *callbacks, **options)
    validation = DataLoader(DATASET, batch_size=30) if isinstance(module, ValidatedModule) else None
    trainer.fit(module, build_loader(selector, num_workers=workers), validation, ckpt_path=ckpt_path)
    return module, trainer
