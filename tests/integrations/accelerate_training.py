"""A tiny training with Accelerate, for the tests and for the script they launch in several processes."""

from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import batchsift as bs
from batchsift.integrations.accelerate import prepare_loader

N, D, L, B, EPOCHS = 43, 5, 3, 8, 4

_generator = torch.Generator().manual_seed(1)
FEATURES = torch.randn(N, D, generator=_generator)
LABELS = (torch.rand(N, L, generator=_generator) > 0.5).float()


def make_selector(**options: Any) -> bs.Selector:
    options = {"method": "d2ace", "features": FEATURES, "batch_size": B, "epochs": EPOCHS, "seed": 3} | options
    return bs.Selector(LABELS, **options)


def make_loader(selector: Any, batch_size: int = B, **options: Any) -> DataLoader[Any]:
    return DataLoader(bs.WithIndices(TensorDataset(FEATURES, LABELS)), batch_size, sampler=selector, **options)


class Run:
    """A loop with dropout whose blocks, logits and steps of the optimiser are written down, epoch by epoch.

    Args:
        accelerator: Of the training.
        selector: Of the training.
        save: Folder, epoch and number of blocks: saves there, and goes on.
        kill: Ends the training after that saving instead.
        resume: Folder.
        **options: Of the loader.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        selector: bs.Selector,
        *,
        save: tuple[Path, int, int] | None = None,
        kill: bool = False,
        resume: Path | None = None,
        **options: Any,
    ) -> None:
        torch.manual_seed(0)
        self.selector = selector
        self.net = nn.Sequential(nn.Linear(D, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, L))
        optimizer = torch.optim.SGD(self.net.parameters(), lr=0.5, momentum=0.9)
        options = {"batch_size": B // accelerator.num_processes, "generator": torch.Generator(), **options}
        loader = prepare_loader(accelerator, make_loader(selector, **options))
        model, optimizer = accelerator.prepare(self.net, optimizer)
        self.blocks: dict[int, list[list[int]]] = {}
        self.logits: dict[int, list[Tensor]] = {}
        self.steps: dict[int, list[bool]] = {}
        if resume is not None:
            accelerator.load_state(str(resume))
        while selector.epoch < EPOCHS:
            blocks = self.blocks.setdefault(selector.epoch, [])
            for indices, (x, y) in loader:
                with accelerator.accumulate(model):
                    logits = model(x)
                    accelerator.backward(nn.functional.binary_cross_entropy_with_logits(logits, y))
                    optimizer.step()
                    optimizer.zero_grad()
                selector.observe(indices, logits, y)
                blocks.append(indices.tolist())
                self.logits.setdefault(selector.epoch, []).append(logits.detach())
                self.steps.setdefault(selector.epoch, []).append(accelerator.sync_gradients)
                if save is not None and save[1:] == (selector.epoch, len(blocks)):
                    accelerator.save_state(str(save[0]))
                    if kill:
                        return
            selector.end_epoch()

    @property
    def weights(self) -> list[Tensor]:
        return list(self.net.state_dict().values())
