"""Hugging Face Accelerate: prepare a loader without sharing the plan out a second time."""

from typing import Any

from torch.utils.data import DataLoader

from batchsift.messages import warn
from batchsift.selection.selector import Selector
from batchsift.selection.sharding import shard


def prepare_loader(accelerator: Any, loader: DataLoader[Any]) -> DataLoader[Any]:
    """Prepare a loader whose sampler is a `Selector`, as `accelerator.prepare` does for others.

    In one process the two are the same. In several, the selector is shared by `batchsift.shard`, and Accelerate
    only places the batches: each process gets its slice of every block, once. The selector is also registered for
    checkpointing, so `accelerator.save_state()` and `load_state()` take it along.

    After `load_state()` iterate the loader as it is: it begins with the first batch that was not observed, so leave out
    `accelerator.skip_first_batches`. Making its iterator draws once from torch's global random state; if the model
    does too (dropout), give the loader `generator=torch.Generator()`, then a resume in the middle of an epoch is exact.

        selector = Selector(labels, batch_size=32 * accelerator.num_processes, last_batch="fill", ...)
        loader = DataLoader(WithIndices(dataset), batch_size=32, sampler=selector)
        model, optimizer = accelerator.prepare(model, optimizer)
        loader = prepare_loader(accelerator, loader)

    Args:
        accelerator: The `accelerate.Accelerator` of the training.
        loader: A plain `DataLoader` whose batch size is the selector's divided by the number of processes.

    Returns:
        The prepared loader.

    Raises:
        ValueError: The loader has another sampler, has a batch size that does not fit, is prepared already or keeps a
            position of its own; or settings of Accelerate would share the batches out otherwise.

    Warns:
        UserWarning: The data set is longer than the labels.
    """
    if getattr(loader, "_is_accelerate_prepared", False):
        raise ValueError("the loader is prepared already: pass the plain DataLoader")
    selector = getattr(loader, "sampler", None)
    if not isinstance(selector, Selector):
        raise ValueError(
            f"the sampler of the loader is {type(selector).__name__}, not a Selector: make it "
            "DataLoader(WithIndices(dataset), batch_size=..., sampler=selector); prepare other loaders as usual"
        )
    check_accelerator(accelerator)
    if hasattr(loader, "load_state_dict"):
        raise ValueError(
            f"{type(loader).__name__} keeps a position of its own and would set the selector back to it: use "
            "torch.utils.data.DataLoader, the selector keeps the position"
        )
    check_sizes(selector, loader.batch_size or 1, accelerator.num_processes, drop_last=loader.drop_last)
    check_length(selector, loader.dataset)
    shard(selector)
    accelerator.register_for_checkpointing(selector)
    prepared: DataLoader[Any] = accelerator.prepare(loader)
    return unshared(prepared)


def check_accelerator(accelerator: Any) -> None:
    """Check that Accelerate leaves the batches to the selector.

    Raises:
        ValueError: It would split or dispatch batches or keep their position, or processes train on the same ones.
    """
    remedies = {
        "split_batches": "give the loader the batch size of one process",
        "dispatch_batches": "every process reads its own share",
        "use_stateful_dataloader": "the selector keeps the position",
    }
    for name, instead in remedies.items():
        if getattr(accelerator, name, False):
            raise ValueError(f"Accelerate's {name}=True would not follow the plan: turn it off, {instead}")
    parallelism = getattr(accelerator, "parallelism_config", None)
    if getattr(parallelism, "non_data_parallel_size", 1) > 1:
        raise ValueError(
            f"several processes train on the same samples ({parallelism}), but the plan is shared by all of them: use "
            "data parallelism only"
        )


def check_sizes(selector: Selector, batch_size: int, num_processes: int, *, drop_last: bool) -> None:
    """Check that the loaders of all processes together load the selector's blocks.

    Args:
        selector: The sampler.
        batch_size: Samples that one process loads at a time.
        num_processes: Number of processes.
        drop_last: Whether the loaders leave out an incomplete last batch.

    Raises:
        ValueError: Their batches are not the blocks, or they leave out the last.
    """
    block_size = selector.batch_size
    if batch_size * num_processes != block_size:
        raise ValueError(
            f"the selector has batch_size={block_size}, but {num_processes} process(es) load {batch_size} samples each:"
            f" use Selector(..., batch_size={batch_size * num_processes}), all processes together; gradient "
            "accumulation does not count, every micro-batch is a block"
        )
    if drop_last and len(selector) % batch_size:
        raise ValueError(
            "the loader drops the last batch of an epoch, which the selector plans: use Selector(..., "
            'last_batch="drop") and let the loader keep all batches'
        )


def check_length(selector: Selector, dataset: Any) -> None:
    """Warn if a training set has another number of samples than the selector: of more, the last are never drawn."""
    if hasattr(dataset, "__len__") and len(dataset) != selector.num_samples:
        warn(
            f"the training set has {len(dataset)} samples, the labels of the selector {selector.num_samples}: only the "
            "samples that have labels are drawn; make the Selector from the labels of this data set, in its order"
        )


def unshared(prepared: DataLoader[Any]) -> DataLoader[Any]:
    """Let a prepared loader yield all its sampler yields, which is this process' share already."""
    batches: Any = prepared.batch_sampler
    if hasattr(batches, "num_processes"):
        batches.num_processes, batches.process_index = 1, 0
    return prepared
