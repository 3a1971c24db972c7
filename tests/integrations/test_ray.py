"""Ray Train: in a worker of two, the plan is followed with `prepare_loader`, and its loss is noticed without."""

import sys
import warnings

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import batchsift as bs

ray = pytest.importorskip("ray", reason="needs batchsift[ray]")

N, B = 48, 8
FEATURES = torch.linspace(-1, 1, N).reshape(N, 1)
LABELS = torch.cat([FEATURES > 0, FEATURES > 0.5], dim=1).float()


def make_selector():
    return bs.Selector(LABELS, method="hard", batch_size=B, epochs=2, seed=0, last_batch="fill")


def make_loader(selector, batch_size):
    return DataLoader(bs.WithIndices(TensorDataset(FEATURES, LABELS)), batch_size=batch_size, sampler=selector)


def trained(selector, loader):
    """The blocks of an epoch, and the warnings on the way."""
    blocks = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for indices, (inputs, _) in loader:
            blocks.append(indices.tolist())
            selector.observe(indices, inputs @ torch.ones(1, 2))
        selector.end_epoch()
    return blocks, [str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)]


def train_loop(config):
    from batchsift.integrations.ray import prepare_loader

    selector = make_selector()
    followed, quiet = trained(selector, prepare_loader(make_loader(selector, B // 2)))
    told = []
    for share, size in ((lambda selector: selector, B), (bs.shard, B // 2)):  # Ray replaces the sampler
        replaced = share(make_selector())
        told += trained(replaced, ray.train.torch.prepare_data_loader(make_loader(replaced, size)))[1]
    refusals = []
    for loader in (make_loader(None, 4), make_loader(make_selector(), B)):
        try:
            prepare_loader(loader)
        except ValueError as error:
            refusals.append(str(error))
    theirs = selector.probabilities.tolist()
    everything = [None, None]
    torch.distributed.all_gather_object(everything, (followed, quiet, told, refusals, theirs))
    if ray.train.get_context().get_world_rank() == 0:
        torch.save(everything, config["file"])


@pytest.mark.processes
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context")  # of its own settings
def test_two_workers(tmp_path):
    import ray.train.torch

    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import tests
    ray.init("local", num_cpus=3, include_dashboard=False, log_to_driver=False, object_store_memory=100_000_000)
    try:
        trainer = ray.train.torch.TorchTrainer(
            train_loop,
            train_loop_config={"file": str(tmp_path / "seen.pt")},
            scaling_config=ray.train.ScalingConfig(num_workers=2),
            run_config=ray.train.RunConfig(storage_path=str(tmp_path), name="run"),
        )
        trainer.fit()
    finally:
        ray.shutdown()
    everything = torch.load(tmp_path / "seen.pt")
    (first, quiet, told, refusals, probabilities), (second, quiet_too, _, _, probabilities_too) = everything
    twin = make_selector()
    plan = [block.tolist() for block in twin.batches()]
    assert [a + b for a, b in zip(first, second, strict=True)] == plan
    assert (quiet, quiet_too) == ([], [])
    for block in plan:
        twin.observe(torch.tensor(block), FEATURES[block] @ torch.ones(1, 2))
    twin.end_epoch()
    assert probabilities == probabilities_too == twin.probabilities.tolist()
    assert len(told) == 2
    assert "2 processes train, but the blocks of the plan are not shared among them" in told[0]
    assert "does not follow the plan of epoch 0" in told[1]
    assert "without shuffle=True, DistributedSampler" in told[1]
    assert "the sampler of the loader is SequentialSampler, not a Selector" in refusals[0]
    assert f"the selector has batch_size={B}, but 2 process(es) load {B} samples each" in refusals[1]
