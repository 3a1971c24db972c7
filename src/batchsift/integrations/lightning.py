"""PyTorch Lightning: a callback that observes every batch, ends the epochs, logs, and goes into the checkpoint."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from batchsift.integrations.accelerate import check_length
from batchsift.loading import INDEX_KEY
from batchsift.selection.selector import Selector
from batchsift.selection.sharding import shard

try:
    from lightning.pytorch import Callback, LightningModule, Trainer
except ImportError as error:
    raise ImportError(
        "batchsift.integrations.lightning needs Lightning: python -m pip install 'batchsift[lightning]'"
    ) from error


class SelectorCallback(Callback):
    """A callback with which a selector chooses the training batches of a Lightning `Trainer`.

    Two things are up to you: the one training `DataLoader` has the selector as its sampler and yields the indices, and
    `training_step` returns the logits beside the loss:

        loader = DataLoader(WithIndices(dataset), batch_size=128, sampler=selector)
        trainer = Trainer(callbacks=[SelectorCallback(selector)])

        def training_step(self, batch, batch_idx):
            indices, (x, y) = batch
            ...
            return {"loss": loss, "logits": logits}

    A `"targets"` entry beside the logits is compared with the labels, which finds an index that is off. Every batch
    is a block of the plan, also under `accumulate_grad_batches`. At the end of each epoch `selector.summary()` is
    logged as `selection/entropy`, `selection/share_drawn`, `selection/mean_uncertainty` and so on.

    Checkpoints hold the selector. `fit(ckpt_path=...)` goes on with exactly the batches that were left, in the middle
    of an epoch too, whatever the number of workers: Lightning's warning that the data loader is not resumable does
    not apply. A checkpoint without the selector, made before the callback was added, is refused.

    `fast_dev_run` leaves the selector as it was. Any other epoch is one of the selector's, also one that is stopped or
    that `StochasticWeightAveraging` adds; more of them than its `epochs` are warned of.

    In several processes (DDP and its like) the callback calls `batchsift.shard`: give the loader `batch_size` divided
    by their number, and pass `Trainer(use_distributed_sampler=False)`. After `fit` the selector is still shared, so
    every process must call its `signals()`, `summary()` and so on.

    Args:
        selector: The sampler of the training `DataLoader`.
        sharded: Whether each process remembers only the samples it owns; see `batchsift.shard`. A checkpoint is whole
            nevertheless, and every process puts it together: where that is too much, save by `batchsift.save_state`.
    """

    def __init__(self, selector: Selector, *, sharded: bool = False) -> None:
        self.selector = selector
        self._sharded = sharded
        self._fitting = False
        self._within_epoch = False  # blocks of the selector's epoch were observed here
        self._before_trial: dict[str, Any] | None = None  # the selector's state before a trial run
        self._summary: dict[str, float] | None = None  # of the epoch that ended, until it is logged

    # Lightning's hooks ---------------------------------------------------------------------------------------

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Share the blocks among the processes, and close an epoch that an earlier `fit` broke off.

        Raises:
            ValueError: The processes cannot share the blocks.
        """
        self._fitting = stage == "fit"
        if self._fitting:
            shard(self.selector, trainer.global_rank, trainer.world_size, sharded=self._sharded)
            if self._within_epoch:
                self._end_epoch()
            if trainer.fast_dev_run:  # type: ignore[attr-defined]
                self._before_trial = self.selector.state_dict()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Forget a trial run (`fast_dev_run`)."""
        if self._fitting and self._before_trial is not None:
            self.selector.load_state_dict(self._before_trial)
            self._before_trial, self._summary, self._within_epoch = None, None, False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refuse a training that would not follow the plan.

        Raises:
            ValueError: The loader has another sampler or a position of its own, there are several loaders, or
                `training_step` takes a `dataloader_iter`.
        """
        _check_loader(trainer, self.selector)
        check_length(self.selector, getattr(trainer.train_dataloader, "dataset", None))
        if "dataloader_iter" in inspect.signature(pl_module.training_step).parameters:
            raise ValueError(
                "training_step(dataloader_iter) may fetch batches ahead, whose indices are not those of its logits: "
                "use training_step(batch, batch_idx)"
            )

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check the loader again: `reload_dataloaders_every_n_epochs` makes new ones."""
        _check_loader(trainer, self.selector)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Leave an epoch that is over.

        With `max_steps` and no validation, Lightning resumes from a checkpoint of an epoch's end with one batch more
        in that epoch. It belongs to the next, which begins with it.

        Raises:
            StopIteration: The epoch is over; Lightning ends it on this.
        """
        if batch_idx >= trainer.num_training_batches:
            raise StopIteration

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Observe the batch; the last of an epoch ends it.

        It does so here since Lightning leaves `on_train_epoch_end` out when it resumes from a checkpoint made at the
        last batch. Checkpoint callbacks come after all others, so a checkpoint made at this batch includes it.

        Raises:
            ValueError: The batch has no indices, the outputs have no logits, or the batch is not a block of the plan.
        """
        logits, targets = _predictions(outputs)
        self.selector.observe(_indices(batch), logits, targets)
        self._within_epoch = True
        if trainer.is_last_batch:
            self._end_epoch()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the summary, and end an epoch that was cut short, unless Lightning would resume within it."""
        if self._within_epoch and not _resumes_within_epoch(trainer):
            self._end_epoch()
        summary = self.selector.summary() if self._within_epoch else self._summary
        self._summary = None
        if summary is not None:
            pl_module.log_dict({f"selection/{name}": value for name, value in summary.items()}, sync_dist=True)

    def state_dict(self) -> dict[str, Any]:
        """Return the selector's state; Lightning asks every process for it, as the collective call needs."""
        return {"selector": self.selector.state_dict(), "summary": self._summary}

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Refuse to go on from a checkpoint that does not know the selector.

        Raises:
            ValueError: It has no state of this callback.
        """
        if self._fitting and self.state_key not in checkpoint["callbacks"]:
            raise ValueError(
                f"the checkpoint has no state of {self.state_key}, so the plan cannot go on: resume from one that was "
                "saved with this callback, or start anew (with the weights alone: load_from_checkpoint, then fit "
                "without ckpt_path)"
            )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where the checkpoint was made; `validate`, `test` and `predict` leave the selector as it is.

        Raises:
            ValueError: The state is of a selector with other labels, another method or other settings.
        """
        if self._fitting:
            self.selector.load_state_dict(state_dict["selector"])
            self._summary = state_dict["summary"]
            self._within_epoch = False

    # ---------------------------------------------------------------------------------------------------------

    def _end_epoch(self) -> None:
        self._summary = self.selector.summary()
        self.selector.end_epoch()
        self._within_epoch = False


def _resumes_within_epoch(trainer: Trainer) -> bool:
    """Tell whether training stops here, and Lightning would resume from a checkpoint made here in the same epoch.

    Lightning does so if `max_steps` is set; else it starts the next epoch.
    """
    stops = trainer.should_stop or trainer.global_step >= trainer.max_steps
    return trainer.max_steps != -1 and stops and not trainer.is_last_batch


def _check_loader(trainer: Trainer, selector: Selector) -> None:
    """Check that the plan reaches the model as it is.

    Raises:
        ValueError: The sampler is not the selector (Lightning replaces it in several processes, unless told not to),
            there are several loaders, or the loader skips by itself what was seen before a resume.
    """
    loader = trainer.train_dataloader
    sampler = getattr(loader, "sampler", None)
    if sampler is not selector:
        source = (
            type(loader).__name__ if sampler is None else f"{type(loader).__name__}(sampler={type(sampler).__name__})"
        )
        unreplaced = ", and Trainer(use_distributed_sampler=False)" if trainer.world_size > 1 else ""
        raise ValueError(
            f"the training data come from {source}, not from the selector of SelectorCallback: pass one "
            f"DataLoader(WithIndices(dataset), batch_size=..., sampler=selector) with that selector{unreplaced}"
        )
    if hasattr(loader, "load_state_dict"):
        raise ValueError(
            f"{type(loader).__name__} restores a position of its own, so that a resumed epoch would skip twice: use "
            "torch.utils.data.DataLoader, the selector keeps the position"
        )


def _indices(batch: Any) -> Tensor:
    """Return the sample indices that `WithIndices` put into a batch, `(B,)`.

    Raises:
        ValueError: There are none.
    """
    indices = None
    if isinstance(batch, Mapping):
        indices = batch.get(INDEX_KEY)
    elif isinstance(batch, Sequence) and len(batch) == 2:
        indices = batch[0]
    if isinstance(indices, Tensor) and indices.ndim == 1 and not indices.is_floating_point():
        return indices
    raise ValueError(
        f"the training batch ({type(batch).__name__}) carries no sample indices: wrap the data set in "
        "DataLoader(WithIndices(dataset), ...), a collate function of your own in collate_with_indices(...), and keep "
        f"(indices, sample) or the key {INDEX_KEY!r} in hooks that change the batch"
    )


def _predictions(outputs: Any) -> tuple[Tensor, Tensor | None]:
    """Return logits `(B, L)` and, if given, targets from the outputs of `training_step`.

    Raises:
        ValueError: There are no logits.
    """
    if not isinstance(outputs, Mapping) or "logits" not in outputs:
        given = f"a dict with {sorted(outputs)}" if isinstance(outputs, Mapping) else type(outputs).__name__
        raise ValueError(
            f"training_step gave {given}, but the selector needs the logits of the batch: return "
            '{"loss": loss, "logits": logits} from every training_step'
        )
    return outputs["logits"], outputs.get("targets")
