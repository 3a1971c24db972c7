"""Run by two processes, the second of which Lightning starts: writes what each rank saw and ended with.

python lightning_ddp.py FOLDER
"""

import sys
from pathlib import Path

import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning_module import B, Module, build_loader, build_selector, build_trainer

PROCESSES = 2


class Recording(Module):
    """Remembers its logits too."""

    def __init__(self):
        super().__init__()
        self.logits = []

    def training_step(self, batch, batch_idx):
        out = super().training_step(batch, batch_idx)
        self.logits.append(out["logits"].detach())
        return out


def fit(selector, *callbacks, ckpt_path=None, **options):
    settings = {"devices": PROCESSES, "strategy": "ddp", "use_distributed_sampler": False} | options
    trainer = build_trainer(selector, *callbacks, **settings)
    module = Recording()
    trainer.fit(module, build_loader(selector, batch_size=B // PROCESSES), ckpt_path=ckpt_path)
    return module, trainer


def outcome(selector, module, trainer):
    return {
        "seen": module.seen,
        "logits": module.logits,
        "epoch": selector.epoch,
        "counts": selector.counts,
        "probabilities": selector.probabilities,
        "signals": selector.signals(),
        "weights": module.state_dict(),
        "logged": dict(trainer.callback_metrics),
    }


def refusal(selector, **options):
    try:
        fit(selector, **options)
    except ValueError as error:
        return str(error)
    return ""


def main(folder):
    results = {}
    for last_batch in ("fill", "drop"):
        selector = build_selector(last_batch=last_batch)
        saving = ModelCheckpoint(folder, filename=f"{last_batch}-{{step}}", every_n_train_steps=11, save_top_k=-1)
        results[last_batch] = outcome(selector, *fit(selector, saving))
    resumed = build_selector(last_batch="fill", seed=0)
    results["resumed"] = outcome(resumed, *fit(resumed, ckpt_path=folder / "fill-step=11.ckpt"))
    parted = build_selector(last_batch="fill", seed=0)
    results["parted"] = outcome(parted, *fit(parted, ckpt_path=folder / "fill-step=11.ckpt", sharded=True))
    results["short"] = refusal(build_selector())
    results["replaced"] = refusal(build_selector(last_batch="fill"), use_distributed_sampler=True)
    torch.save(results, folder / f"{torch.distributed.get_rank()}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
