"""Hugging Face Transformers: a `Trainer` whose training batches a selector chooses."""

import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from batchsift.integrations.accelerate import check_accelerator, check_sizes, unshared
from batchsift.loading import INDEX_KEY, WithIndices, collate_with_indices
from batchsift.selection.selector import Selector
from batchsift.selection.sharding import shard

try:
    from transformers import Trainer, TrainerCallback
    from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR, get_last_checkpoint
except ImportError as error:
    raise ImportError(
        "batchsift.integrations.transformers needs Transformers: python -m pip install 'batchsift[transformers]'"
    ) from error

_STATE_FILE = "selector.pt"
_SKIPPED = 0  # stands for the samples that the Trainer skips on resume, which are not loaded


class SelectorTrainer(Trainer):
    """A `transformers.Trainer` whose training batches a selector chooses.

    Data set, collator, model and arguments stay as they are. The index of each sample travels beside the batch and
    never reaches the model. After every training forward the selector observes `outputs.logits`, `(B, L)`, and where
    the batch's `labels` are 0 and 1 it compares them with its own. At the end of each epoch `selector.summary()` is
    logged as `selection/entropy`, `selection/share_drawn` and so on, unless `logging_strategy="no"`.

    Every micro-batch is a block: `selector.batch_size` is `per_device_train_batch_size` times the number of devices,
    whatever `gradient_accumulation_steps`. With several processes the trainer calls `batchsift.shard`; the selector's
    `signals()`, `summary()` and so on are then collective, during and after training.

    Every checkpoint holds the selector in `selector.pt`, and `train(resume_from_checkpoint=...)` restores it, at any
    step: the batches are those that were left, exactly.

    Args:
        *args: Arguments of `Trainer`.
        selector: The selector, made for the labels of `train_dataset`, in its order; it serves one training. Or a
            function that makes one, of the `TrainingArguments` or of nothing: every training that starts anew gets its
            own, and in `hyperparameter_search` every trial, with the arguments of the trial:
            `lambda args: Selector(labels, batch_size=args.train_batch_size, epochs=int(args.num_train_epochs))`.
        **kwargs: Keyword arguments of `Trainer`.

    Raises:
        ValueError: The arguments of the training do not follow the plan of the selector; the message says what to do.
        TypeError: The training set cannot be indexed, or `selector` is no selector and makes none.
    """

    def __init__(self, *args: Any, selector: Selector | Callable[..., Selector], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _check_arguments(self.args)
        check_accelerator(self.accelerator)
        self._source = selector
        self._goes_on = False  # whether training resumes from a checkpoint
        self._take_selector()
        self.add_callback(_EpochCallback(self))

    def _take_selector(self) -> None:
        """Take the selector, or a new one where there is a function that makes it, for a training from the start."""
        selector = _made(self._source, self.args)
        check_sizes(
            selector, self.args.train_batch_size, self.args.world_size, drop_last=self.args.dataloader_drop_last
        )
        if self.train_dataset is not None:
            _check_dataset(self.train_dataset, selector.num_samples)
        self.selector = shard(selector)
        self._rows = 0  # of the selector's epoch, observed in this process
        self._indices: Tensor | None = None  # of the batch that is being trained on
        self._first: list[int] | None = None  # the samples of the batch that training goes on with

    # Data ----------------------------------------------------------------------------------------------------

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Return the training loader; its batches gain `sample_index`."""
        dataset = self.train_dataset
        if dataset is not None and not isinstance(dataset, WithIndices):
            self.train_dataset = WithIndices(dataset)
        try:
            return unshared(super().get_train_dataloader())
        finally:
            self.train_dataset = dataset

    def _get_train_sampler(self, *args: Any, **kwargs: Any) -> Sampler[int]:
        return _WholePlan(self.selector)

    def _get_collator_with_removed_columns(self, data_collator: Any, description: str | None = None) -> Any:
        collate = super()._get_collator_with_removed_columns(data_collator, description)
        return _CollateMapping(collate) if str(description).lower() == "training" else collate

    # Training ------------------------------------------------------------------------------------------------

    def training_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Tensor:
        """Train on a batch without its indices, and observe it.

        Raises:
            ValueError: The batch has no indices or is not the one that the selector expects after a resume, or
                `compute_loss` did not show the logits.
        """
        indices = inputs.get(INDEX_KEY)
        if indices is None:
            raise ValueError(
                f"the training batch has no {INDEX_KEY!r}: keep what get_train_dataloader of SelectorTrainer returns"
            )
        self._check_first(indices)
        self._indices = indices
        without_index = {name: value for name, value in inputs.items() if name != INDEX_KEY}
        loss: Tensor = super().training_step(model, without_index, *args, **kwargs)
        if self._indices is not None:
            raise ValueError(
                "the selector saw no logits: a compute_loss of your own must get loss and outputs from "
                "super().compute_loss(model, inputs, return_outputs=True)"
            )
        return loss

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, *args: Any, **kwargs: Any) -> Any:
        """Compute the loss as `Trainer` does; in training the selector observes the logits."""
        targets = inputs.get("labels")
        loss, outputs = super().compute_loss(model, inputs, True, *args, **kwargs)
        if self._indices is not None:
            logits = _logits(outputs)
            self.selector.observe(self._indices, logits, targets if _is_hard(targets, logits) else None)
            self._rows += len(self._indices)
            self._indices = None
        return (loss, outputs) if return_outputs else loss

    def _end_epoch(self, control: Any) -> None:
        """Log the selector and end its epoch."""
        if self.args.logging_strategy != "no":
            should_log = control.should_log
            self.log({f"selection/{name}": value for name, value in self.selector.summary().items()})
            control.should_log = should_log  # which log() takes for done
        self.selector.end_epoch()
        self._rows = 0

    def _is_epoch_complete(self) -> bool:
        return self._rows == len(self.selector)

    # Checkpoints ---------------------------------------------------------------------------------------------

    def train(self, resume_from_checkpoint: Any = None, trial: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Train, from a checkpoint if one is given; see `Trainer.train`.

        Raises:
            ValueError: The checkpoint holds no selector, or one of other labels or settings; or there is none, and the
                selector was trained with already.
        """
        if resume_from_checkpoint is True:
            resume_from_checkpoint = get_last_checkpoint(self.args.output_dir) or True  # type: ignore[no-untyped-call]
        if isinstance(resume_from_checkpoint, str | os.PathLike):
            self._load_selector(Path(resume_from_checkpoint))
        elif not resume_from_checkpoint and (self.selector.epoch or self._rows):
            if isinstance(self._source, Selector):
                raise ValueError(
                    f"training starts anew, but the selector is in epoch {self.selector.epoch} already: make a new "
                    "Selector, or pass resume_from_checkpoint=True to go on; for hyperparameter_search pass a function "
                    "that makes a selector for each trial: SelectorTrainer(..., selector=lambda args: Selector(...))"
                )
            if trial is None:
                self._take_selector()
        self._goes_on = bool(resume_from_checkpoint)
        return super().train(resume_from_checkpoint, trial, *args, **kwargs)

    def _hp_search_setup(self, trial: Any) -> None:
        super()._hp_search_setup(trial)
        if trial is not None and not self._goes_on and not isinstance(self._source, Selector):
            self._take_selector()  # for the arguments of the trial

    def _load_selector(self, checkpoint: Path) -> None:
        file = checkpoint / _STATE_FILE
        if not file.is_file():
            raise ValueError(
                f"{checkpoint} has no {_STATE_FILE}, so the plan cannot go on: resume from a checkpoint that "
                "SelectorTrainer saved, or start anew"
            )
        self.selector.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
        self._rows = len(self.selector) - len(list(self.selector))

    def _save_checkpoint(self, model: Any, trial: Any, *args: Any, **kwargs: Any) -> None:
        state = self.selector.state_dict()  # collective
        if self.args.should_save:
            folder = Path(self._get_output_dir(trial=trial)) / f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}"
            folder.mkdir(parents=True, exist_ok=True)
            torch.save(state, folder / _STATE_FILE)  # first, so that a whole checkpoint has it
        super()._save_checkpoint(model, trial, *args, **kwargs)

    def _expect_first(self) -> None:
        in_order = getattr(self.args, "dataloader_in_order", True)
        self._first = list(islice(self.selector, self.args.train_batch_size)) if in_order else None

    def _check_first(self, indices: Tensor) -> None:
        """Check once that the Trainer goes on where the selector does.

        Raises:
            ValueError: The first batch is another one.
        """
        if self._first is not None and indices.tolist() != self._first:
            raise ValueError(
                "the Trainer goes on with another batch than the selector. It computes the place from global_step, "
                "which needs the gradient_accumulation_steps of the checkpoint, epochs that no callback stopped "
                "early, and the loader that get_train_dataloader of SelectorTrainer returns; old versions of "
                "Transformers also need the batches of an epoch to be a multiple of it"
            )
        self._first = None


class _EpochCallback(TrainerCallback):
    """A callback that ends the epochs of the selector."""

    def __init__(self, trainer: SelectorTrainer) -> None:
        self._trainer = trainer

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """End an epoch whose last step the checkpoint was made at: the Trainer goes on with the next."""
        if self._trainer._is_epoch_complete():
            self._trainer._end_epoch(control)
        self._trainer._expect_first()

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """End the epoch, unless training stopped within it, where it would go on after a resume."""
        if self._trainer._is_epoch_complete() or not control.should_training_stop:
            self._trainer._end_epoch(control)


class _WholePlan(Sampler[int]):
    """The plan of a selector from the start of the epoch: after a resume the Trainer skips by itself."""

    def __init__(self, selector: Selector) -> None:
        self._selector = selector

    def __len__(self) -> int:
        return len(self._selector)

    def __iter__(self) -> Iterator[int]:
        left = list(self._selector)
        return chain(repeat(_SKIPPED, len(self) - len(left)), left)


@dataclass(frozen=True)
class _CollateMapping:
    """A collate function that takes the indices off the samples, collates these, and adds the indices to the batch."""

    collate: Callable[[list[Any]], Any]

    def __call__(self, batch: list[Any]) -> dict[str, Any]:
        """Collate samples of `WithIndices`.

        Raises:
            TypeError: The collator of the user does not make a mapping.
        """
        collated = collate_with_indices(self.collate)(batch)
        if isinstance(collated, Mapping):
            return dict(collated)
        indices, inputs = collated
        if not isinstance(inputs, Mapping):
            raise TypeError(
                f"the collator made a {type(inputs).__name__}: the Trainer needs a mapping with what the model takes"
            )
        return {**inputs, INDEX_KEY: indices}


def _check_arguments(args: Any) -> None:
    """Refuse arguments under which the batches are not the plan's.

    Raises:
        ValueError: They ask for another sampler or another batch size, or do not skip data on resume.
    """
    strategy = "group_by_length" if getattr(args, "group_by_length", False) else None
    strategy = strategy or getattr(args, "train_sampling_strategy", "random")
    if strategy != "random":
        raise ValueError(f"{strategy!r} asks for another sampler than the selector: leave it out")
    if args.auto_find_batch_size:
        raise ValueError("auto_find_batch_size would change the batch size under the selector: leave it out")
    if args.ignore_data_skip:
        raise ValueError(
            "ignore_data_skip=True would count a resumed epoch from its start: leave it out, nothing is loaded to skip"
        )


def _made(source: Selector | Callable[..., Selector], args: Any) -> Selector:
    """Return a selector, or the one that a function makes for the arguments of a training.

    Raises:
        TypeError: It is none, and makes none.
    """
    made: Any = source
    if callable(source):
        parameters = inspect.signature(source).parameters.values()
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        takes_one = any(one.kind in positional and one.default is one.empty for one in parameters)
        made = source(args) if takes_one else source()
    if not isinstance(made, Selector):
        raise TypeError(f"selector must be a Selector, or a function that makes one, got {made!r} from {source!r}")
    return made


def _check_dataset(dataset: Any, num_samples: int) -> None:
    """Check that the training set has an index for every row of the labels.

    Raises:
        ValueError: It has another number of samples.
        TypeError: It cannot be indexed.
    """
    if len(WithIndices(dataset)) != num_samples:
        raise ValueError(
            f"train_dataset has {len(dataset)} samples, the labels of the selector {num_samples}: make the Selector "
            "from the labels of this data set"
        )


def _logits(outputs: Any) -> Tensor:
    """Return the logits of a model's output.

    Raises:
        ValueError: It has none.
    """
    logits = outputs.get("logits") if isinstance(outputs, Mapping) else getattr(outputs, "logits", None)
    if not isinstance(logits, Tensor):
        raise ValueError(
            f"the model's output ({type(outputs).__name__}) has no logits: it must be a ModelOutput or a dict with "
            "'loss' and 'logits' (B, L)"
        )
    return logits


def _is_hard(targets: Any, logits: Tensor) -> bool:
    """Tell whether targets can be compared with labels: 0, 1 or not labelled, not mixed or smoothed."""
    if not isinstance(targets, Tensor) or targets.shape != logits.shape:
        return False
    return bool(((targets == 0) | (targets == 1) | targets.isnan()).all())
