"""A tiny training with `SelectorTrainer`, for the tests and for the script they launch in several processes."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset
from transformers import TrainingArguments

import batchsift as bs
from batchsift.integrations.transformers import SelectorTrainer

N, D, L, B, EPOCHS = 43, 5, 3, 8, 4

_generator = torch.Generator().manual_seed(1)
FEATURES = torch.randn(N, D, generator=_generator)
LABELS = (torch.rand(N, L, generator=_generator) > 0.5).float()


class Samples(Dataset[dict[str, Any]]):
    """Mappings with a column that the model does not take."""

    def __len__(self) -> int:
        return N

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not 0 <= index < N:
            raise IndexError(index)
        return {"x": FEATURES[index], "labels": LABELS[index], "text": "left out"}


class Net(nn.Module):
    """Dropout makes the random state matter; arguments it does not know are an error."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(D, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, L))

    def forward(self, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        logits = self.layers(x)
        loss = nn.functional.binary_cross_entropy_with_logits(logits, LABELS[0] if labels is None else labels)
        return {"loss": loss, "logits": logits}


def make_selector(**options: Any) -> bs.Selector:
    options = {"method": "d2ace", "features": FEATURES, "batch_size": B, "epochs": EPOCHS, "seed": 3} | options
    return bs.Selector(LABELS, **options)


def make_arguments(out: Any, **options: Any) -> TrainingArguments:
    options = {
        "per_device_train_batch_size": B,
        "num_train_epochs": EPOCHS,
        "learning_rate": 0.05,
        "logging_steps": 1,
        "save_strategy": "no",
        "use_cpu": True,
        "dataloader_pin_memory": False,
        "disable_tqdm": True,
        "report_to": [],
    } | options
    return TrainingArguments(str(out), **options)


class Run:
    """A training whose blocks are written down: `blocks[epoch]` is a list of index lists."""

    def __init__(
        self,
        out: Any,
        *,
        resume: Any = None,
        selector: bs.Selector | None = None,
        trainer_class: type[SelectorTrainer] = SelectorTrainer,
        trainer_options: dict[str, Any] | None = None,
        **arguments: Any,
    ) -> None:
        torch.manual_seed(0)
        self.model = Net()
        self.selector = make_selector() if selector is None else selector
        self.blocks: dict[int, list[list[int]]] = {}
        self._write_blocks()
        options = {"train_dataset": Samples(), **(trainer_options or {})}
        self.trainer = trainer_class(self.model, make_arguments(out, **arguments), selector=self.selector, **options)
        self.trainer.train(resume_from_checkpoint=resume)

    def _write_blocks(self) -> None:
        observe = self.selector.observe

        def observed(indices: Tensor, *args: Any, **kwargs: Any) -> None:
            self.blocks.setdefault(self.selector.epoch, []).append(indices.tolist())
            observe(indices, *args, **kwargs)

        self.selector.observe = observed  # type: ignore[method-assign]

    @property
    def weights(self) -> list[Tensor]:
        return list(self.model.state_dict().values())

    @property
    def curve(self) -> list[dict[str, float]]:
        """What was logged, without the timing at the end."""
        return [entry for entry in self.trainer.state.log_history if "train_runtime" not in entry]
