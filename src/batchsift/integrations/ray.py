"""Ray Train: prepare a loader in a worker of a `TorchTrainer` without sharing the plan out a second time."""

from typing import Any

from torch.utils.data import DataLoader

from batchsift.integrations.accelerate import check_length, check_sizes
from batchsift.selection.selector import Selector
from batchsift.selection.sharding import shard

try:
    from ray import train
    from ray.train.torch import prepare_data_loader
except ImportError as error:
    raise ImportError(f'Ray Train is needed ({error}): pip install "batchsift[ray]"') from error


def prepare_loader(loader: DataLoader[Any], *, move_to_device: bool = True, auto_transfer: bool = True) -> Any:
    """Prepare a loader whose sampler is a `Selector`, in place of `ray.train.torch.prepare_data_loader`.

    That one replaces every sampler by a `DistributedSampler` where there are several workers, so nothing of what was
    selected would be trained on; the selector warns if that happens. Here the selector is shared by `batchsift.shard`,
    each worker gets its slice of every block, and Ray only moves the batches to the worker's device.

        def train_loop_per_worker(config):
            workers = ray.train.get_context().get_world_size()
            selector = Selector(labels, batch_size=32 * workers, last_batch="fill", ...)
            loader = prepare_loader(DataLoader(WithIndices(dataset), batch_size=32, sampler=selector))

    Call it in the training loop, in every worker; every worker then calls `end_epoch()` and `state_dict()`, too.

    Args:
        loader: A plain `DataLoader` whose batch size is the selector's divided by the number of workers.
        move_to_device: Move batches to the worker's device.
        auto_transfer: Copy them ahead, where the device is a GPU.

    Returns:
        The loader as Ray prepares it.

    Raises:
        ValueError: The loader has another sampler, or a batch size that does not fit.

    Warns:
        UserWarning: The data set is longer than the labels.
    """
    selector = getattr(loader, "sampler", None)
    if not isinstance(selector, Selector):
        raise ValueError(
            f"the sampler of the loader is {type(selector).__name__}, not a Selector: make it "
            "DataLoader(WithIndices(dataset), batch_size=..., sampler=selector); prepare other loaders by "
            "ray.train.torch.prepare_data_loader"
        )
    num_workers = train.get_context().get_world_size()
    check_sizes(selector, loader.batch_size or 1, num_workers, drop_last=loader.drop_last)
    check_length(selector, loader.dataset)
    if num_workers > 1:
        shard(selector)
    return prepare_data_loader(
        loader, add_dist_sampler=False, move_to_device=move_to_device, auto_transfer=auto_transfer
    )
