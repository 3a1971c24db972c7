import csv
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset

import batchsift as bs
from scripts import run_script

pl = pytest.importorskip("lightning.pytorch")

from lightning.pytorch.callbacks import Callback, ModelCheckpoint, StochasticWeightAveraging  # noqa: E402
from lightning.pytorch.loggers import CSVLogger  # noqa: E402

import integrations.lightning_module as run  # noqa: E402
from batchsift.integrations.lightning import SelectorCallback  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec.* is deprecated"),
    pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint that ended before the epoch ended"),
    pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`"),
    pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
]


def plain_run(*, blocks=run.BLOCKS, accumulate=1, **options):
    """The same training as a plain loop: selector, module, and what `summary` said at the end of each epoch."""
    selector, module, summaries = run.build_selector(**options), run.Module(), []
    optimizer = module.configure_optimizers()
    for _ in range(run.EPOCHS):
        for k, indices in enumerate(list(selector.batches())[:blocks]):
            out = module.training_step((indices, (run.FEATURES[indices], run.LABELS[indices])), k)
            (out["loss"] / accumulate).backward()
            selector.observe(indices, out["logits"])
            if (k + 1) % accumulate == 0 or k + 1 == blocks:
                optimizer.step()
                optimizer.zero_grad()
        summaries.append(selector.summary())
        selector.end_epoch()
    return selector, module, summaries


@pytest.fixture(scope="module")
def plain():
    return plain_run()


def assert_same_end(selector, module, expected):
    """Also of a run that began in the middle."""
    expected_selector, expected_module = expected[:2]
    assert module.seen == expected_module.seen[len(expected_module.seen) - len(module.seen) :]
    assert all(map(torch.equal, module.state_dict().values(), expected_module.state_dict().values()))
    assert selector.epoch == expected_selector.epoch
    assert torch.equal(selector.probabilities, expected_selector.probabilities)
    assert torch.equal(selector.counts, expected_selector.counts)
    assert list(selector) == list(expected_selector)


# Training


@pytest.mark.parametrize("workers", [0, 2])
def test_trains_and_logs_as_the_plain_loop(plain, tmp_path, workers):
    selector = run.build_selector()
    logger = CSVLogger(tmp_path, flush_logs_every_n_steps=1)
    module, _ = run.fit(selector, workers=workers, logger=logger, log_every_n_steps=1)
    assert len(module.seen) == run.EPOCHS * run.BLOCKS
    assert_same_end(selector, module, plain)
    with (Path(logger.log_dir) / "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["selection/entropy"]]
    assert [int(row["epoch"]) for row in rows] == list(range(run.EPOCHS))
    for row, summary in zip(rows, plain[2], strict=True):
        logged = {name.removeprefix("selection/"): float(value) for name, value in row.items() if "selection/" in name}
        assert logged == pytest.approx(summary, rel=1e-6)
        assert {"entropy", "share_drawn", "mean_uncertainty"} <= logged.keys()


def test_accumulated_batches_are_blocks_each():
    selector = run.build_selector()
    module, trainer = run.fit(selector, accumulate_grad_batches=2)
    assert trainer.global_step == run.EPOCHS * run.BLOCKS // 2
    assert_same_end(selector, module, plain_run(accumulate=2))


def test_an_epoch_cut_by_limit_train_batches_ends():
    selector = run.build_selector()
    module, _ = run.fit(selector, limit_train_batches=5)
    assert_same_end(selector, module, plain_run(blocks=5))


def test_bfloat16_logits():
    selector = run.build_selector()
    module, _ = run.fit(selector, precision="bf16-mixed", max_epochs=2)
    assert module.seen[: run.BLOCKS] == [block.tolist() for block in run.build_selector().batches()]
    assert selector.summary()["skipped_rows"] == 0
    assert (selector.counts > 0).sum() == run.N
    assert selector.signals()["loss"].isfinite().all()


def test_samples_that_are_mappings():
    class Mappings(Dataset):
        def __len__(self):
            return run.N

        def __getitem__(self, index):
            return {"x": run.FEATURES[index], "y": run.LABELS[index]}

    class Module(run.Module):
        def training_step(self, batch, batch_idx):
            return super().training_step((batch["sample_index"], (batch["x"], batch["y"])), batch_idx)

    selector, module = run.build_selector(), Module()
    run.build_trainer(selector, max_epochs=2).fit(module, run.build_loader(selector, Mappings()))
    assert selector.epoch == 2
    assert module.seen[: run.BLOCKS] == [block.tolist() for block in run.build_selector().batches()]


def test_loaders_made_anew_every_epoch(plain):
    selector = run.build_selector()

    class Data(pl.LightningDataModule):
        made = 0

        def train_dataloader(self):
            self.made += 1
            return run.build_loader(selector)

    module, data = run.Module(), Data()
    run.build_trainer(selector, reload_dataloaders_every_n_epochs=1).fit(module, datamodule=data)
    assert data.made == run.EPOCHS
    assert_same_end(selector, module, plain)


class LeaveAfter(Callback):
    """Ends the first epoch after some batches, by whatever it is told to do."""

    def __init__(self, batches, leave):
        self.batches, self.leave = batches, leave

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.current_epoch == 0 and batch_idx + 1 == self.batches:
            self.leave(trainer)


def fail(trainer):
    raise RuntimeError("broken off")


def stop(trainer):
    trainer.should_stop = True


@pytest.mark.parametrize("leave", [fail, stop])
def test_fit_after_an_epoch_that_was_cut_short_begins_the_next(leave):
    selector = run.build_selector()
    callback, module = SelectorCallback(selector), run.Module()
    trainer = run.build_trainer(selector)
    trainer.callbacks = [callback, LeaveAfter(3, leave)]
    try:
        trainer.fit(module, run.build_loader(selector))
    except RuntimeError:
        assert leave is fail
    second = run.build_trainer(selector, max_epochs=1)
    second.callbacks = [callback]
    second.fit(module, run.build_loader(selector))
    twin = run.build_selector()
    first_blocks = [block.tolist() for block in twin.batches()]
    assert module.seen[:3] == first_blocks[:3]
    assert module.seen[3:] != first_blocks
    assert len(module.seen) == 3 + run.BLOCKS
    assert selector.epoch == 2


# Epochs that are used up


def test_a_trial_run_leaves_the_selector_as_it_was(plain):
    selector = run.build_selector()
    callback = SelectorCallback(selector)
    for trial in (True, 3):
        trainer = run.build_trainer(selector, fast_dev_run=trial)
        trainer.callbacks = [callback, *trainer.callbacks[1:]]
        trainer.fit(run.Module(), run.build_loader(selector))
        assert selector.epoch == 0
        assert not selector.counts.any()
    trainer = run.build_trainer(selector)
    trainer.callbacks = [callback, *trainer.callbacks[1:]]
    module = run.Module()
    trainer.fit(module, run.build_loader(selector))
    assert_same_end(selector, module, plain)


def lines(caught):
    """The files of the warnings that are not Lightning's own."""
    return [one.filename for one in caught if "lightning" not in Path(one.filename).parts]


class NormalizingModule(run.Module):
    """Has what the averaging of weights goes through one epoch more for."""

    def __init__(self):
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Linear(5, 16), torch.nn.BatchNorm1d(16), torch.nn.Linear(16, run.L))


@pytest.mark.filterwarnings("ignore:Swapping scheduler")
def test_the_epoch_that_an_averaging_of_weights_adds_is_said():
    selector = run.build_selector()
    with pytest.warns(
        UserWarning, match=r"epoch 5 of a selector that was made for epochs=4.*averages weights"
    ) as caught:
        module, _ = run.fit(selector, StochasticWeightAveraging(0.01), module=NormalizingModule())
    assert lines(caught) == [run.__file__]
    assert len(module.seen) == (run.EPOCHS + 1) * run.BLOCKS


# Resuming

STEPS = run.EPOCHS * run.BLOCKS


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """A folder with a checkpoint of every step, made by a run with two workers, which fetch ahead."""
    folder = tmp_path_factory.mktemp("checkpoints")
    every_step = ModelCheckpoint(folder, filename="{step}", every_n_train_steps=1, save_top_k=-1)
    run.fit(run.build_selector(), every_step, workers=2)
    return folder


FIRST, MIDDLE, LAST = 1, run.BLOCKS // 2, run.BLOCKS  # batches of an epoch that were trained on


@pytest.mark.parametrize(
    ("epoch", "batches", "workers"),
    [
        *[(0, FIRST, 0), (0, MIDDLE, 2), (0, LAST - 1, 0), (0, LAST, 2)],
        *[(1, FIRST, 2), (1, MIDDLE, 0), (1, LAST, 0), (2, LAST - 1, 2), (run.EPOCHS - 1, LAST, 0)],
    ],
)
def test_resumes_at_any_batch(checkpoints, plain, epoch, batches, workers):
    step = epoch * run.BLOCKS + batches
    selector = run.build_selector(seed=0)  # the seed comes with the state
    module, trainer = run.fit(selector, ckpt_path=checkpoints / f"step={step}.ckpt", workers=workers)
    assert len(module.seen) == STEPS - step
    assert_same_end(selector, module, plain)
    if module.seen:
        assert trainer.callback_metrics["selection/entropy"] == pytest.approx(plain[2][-1]["entropy"])


@pytest.mark.parametrize(
    ("checkpoint", "options", "workers"),
    [
        ({"every_n_epochs": 1}, {}, 0),
        ({"every_n_epochs": 1, "save_on_train_epoch_end": False}, {}, 2),
        ({"monitor": "validation_loss"}, {"val_check_interval": 0.5}, 0),
    ],
    ids=["epoch end", "after validation", "after validation within the epoch"],
)
def test_resumes_from_what_validation_or_an_epochs_end_saved(plain, tmp_path, checkpoint, options, workers):
    saving = ModelCheckpoint(tmp_path, filename="{step}", save_top_k=-1, **checkpoint)
    run.fit(run.build_selector(), saving, module=run.ValidatedModule(), max_epochs=2, workers=workers, **options)
    paths = sorted(tmp_path.glob("*.ckpt"))
    assert len(paths) == (4 if options else 2)
    for path in paths:
        selector = run.build_selector()
        module, _ = run.fit(selector, module=run.ValidatedModule(), ckpt_path=path, workers=workers, **options)
        assert len(module.seen) == STEPS - int(path.stem.removeprefix("step="))
        assert_same_end(selector, module, plain)


def test_resumes_between_accumulated_steps(tmp_path):
    saving = ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=3, save_top_k=-1)
    run.fit(run.build_selector(), saving, accumulate_grad_batches=2)
    expected = plain_run(accumulate=2)
    for step in (3, 9):
        selector = run.build_selector()
        path = tmp_path / f"step={step}.ckpt"
        module, _ = run.fit(selector, ckpt_path=path, accumulate_grad_batches=2)
        assert len(module.seen) == STEPS - 2 * step
        assert_same_end(selector, module, expected)


@pytest.mark.parametrize("first", [run.BLOCKS * 2, run.BLOCKS * 2 + 3], ids=["at an epoch's end", "within an epoch"])
@pytest.mark.parametrize("module", [run.Module, run.ValidatedModule])
def test_resumes_with_more_steps(plain, tmp_path, first, module):
    saving = ModelCheckpoint(tmp_path, filename="saved", every_n_epochs=1)  # at the end of the run
    run.fit(run.build_selector(), saving, module=module(), max_steps=first, max_epochs=-1)
    selector, module = run.build_selector(), module()
    run.fit(selector, module=module, ckpt_path=tmp_path / "saved.ckpt", max_steps=STEPS, max_epochs=-1)
    assert len(module.seen) == STEPS - first
    assert_same_end(selector, module, plain)


def test_a_failure_is_resumed_from_what_it_saved(plain, tmp_path):
    class Failing(run.Module):
        def training_step(self, batch, batch_idx):
            if len(self.seen) == 11:
                fail(self.trainer)
            return super().training_step(batch, batch_idx)

    saving = ModelCheckpoint(tmp_path, filename="saved", save_on_exception=True, every_n_epochs=100)
    with pytest.raises(RuntimeError, match="broken off"):
        run.fit(run.build_selector(), saving, module=Failing(), workers=2)
    selector = run.build_selector()
    module, _ = run.fit(selector, ckpt_path=tmp_path / "saved.ckpt", workers=2)
    assert len(module.seen) == STEPS - 11
    assert_same_end(selector, module, plain)


def test_validating_with_a_checkpoint_leaves_the_selector(checkpoints):
    selector, module = run.build_selector(), run.ValidatedModule()
    trainer = run.build_trainer(selector)
    trainer.fit(module, run.build_loader(selector), DataLoader(run.DATASET, batch_size=30))
    plan = list(selector)
    trainer.validate(
        module, DataLoader(run.DATASET, batch_size=30), ckpt_path=checkpoints / "step=3.ckpt", verbose=False
    )
    assert selector.epoch == run.EPOCHS
    assert list(selector) == plan


@pytest.mark.filterwarnings("ignore:.*callbacks used to create the checkpoint")
def test_a_checkpoint_from_before_the_callback_is_refused(tmp_path):
    saving = ModelCheckpoint(tmp_path, filename="saved", every_n_epochs=1)
    trainer = run.build_trainer(run.build_selector(), saving, max_epochs=1)
    trainer.callbacks = [saving]
    trainer.fit(run.Module(), run.build_loader(run.build_selector()))
    selector = run.build_selector()
    with pytest.raises(
        ValueError, match=r"has no state of SelectorCallback, so the plan cannot go on.*load_from_check"
    ):
        run.fit(selector, ckpt_path=tmp_path / "saved.ckpt")
    validating = run.build_trainer(selector)
    validating.validate(
        run.ValidatedModule(), DataLoader(run.DATASET, batch_size=30), ckpt_path=tmp_path / "saved.ckpt", verbose=False
    )
    assert selector.epoch == 0


def test_a_checkpoint_of_another_selector_is_refused(checkpoints):
    with pytest.raises(ValueError, match="the state was saved with method='d2ace', this selector has method='random'"):
        run.fit(run.build_selector(method="random"), ckpt_path=checkpoints / "step=3.ckpt")


# Refusals


def fit_loader(selector, loader, module=None):
    run.build_trainer(selector).fit(module or run.Module(), loader)


class Restoring(DataLoader):
    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda s: DataLoader(bs.WithIndices(run.DATASET), batch_size=run.B),
            r"DataLoader\(sampler=SequentialSampler\)",
        ),
        (lambda s: run.build_loader(run.build_selector()), r"with that selector$"),
        (lambda s: [run.build_loader(s), run.build_loader(s)], "come from list, .* pass one DataLoader"),
        (lambda s: run.build_loader(s, batch_size=run.B * 2), f"DataLoader's batch size must be {run.B}"),
        (
            lambda s: Restoring(bs.WithIndices(run.DATASET), batch_size=run.B, sampler=s),
            "resumed epoch would skip twice",
        ),
        (
            lambda s: DataLoader(run.DATASET, batch_size=run.B, sampler=s),
            r"wrap the data set in DataLoader\(WithIndices",
        ),
    ],
    ids=["sampler", "other selector", "two loaders", "batch size", "stateful loader", "no indices"],
)
def test_refuses_a_loader_that_would_not_follow_the_plan(make, message):
    class Module(run.Module):
        def training_step(self, batch, batch_idx):
            if len(batch[0]) != 2 and batch[0].ndim == 1:
                return super().training_step(batch, batch_idx)
            logits = self.net(batch[0])
            return {"loss": logits.sum(), "logits": logits}

    selector = run.build_selector()
    with pytest.raises(ValueError, match=message):
        fit_loader(selector, make(selector), Module())


def test_samples_without_labels_are_said_never_to_be_drawn():
    selector = run.build_selector()
    longer = TensorDataset(*(torch.cat([part, part]) for part in run.DATASET.tensors))
    with pytest.warns(UserWarning, match="the training set has 120 samples, the labels of the selector 60") as caught:
        run.build_trainer(selector, max_epochs=2).fit(run.Module(), run.build_loader(selector, longer))
    assert lines(caught) == [__file__]


def test_a_module_that_observes_by_itself_what_no_selector_chose():
    selector = run.build_selector()

    class Observing(run.Module):
        def training_step(self, batch, batch_idx):
            out = super().training_step(batch, batch_idx)
            selector.observe(batch[0], out["logits"])
            return out

        def on_train_epoch_end(self):
            selector.end_epoch()

    trainer = run.build_trainer(selector)
    trainer.callbacks = []
    loader = DataLoader(bs.WithIndices(run.DATASET), batch_size=run.B, shuffle=True)
    with pytest.warns(UserWarning, match="does not follow the plan of epoch 0: block 1 of 8") as caught:
        trainer.fit(Observing(), loader)
    assert lines(caught) == [__file__]


@pytest.mark.filterwarnings("ignore:`training_step` returned `None`")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda out: out["loss"],
            r"training_step gave a dict with \['loss'\].*return \{\"loss\": loss, \"logits\": logits\}",
        ),
        (lambda out: None, "training_step gave .*the selector needs the logits"),
        (lambda out: out | {"targets": out["targets"].roll(1, 0)}, "targets"),
    ],
    ids=["loss only", "nothing", "shifted targets"],
)
def test_refuses_outputs_without_logits_or_with_wrong_targets(change, message):
    class Module(run.Module):
        def training_step(self, batch, batch_idx):
            return change(super().training_step(batch, batch_idx))

    with pytest.raises(ValueError, match=message):
        run.fit(run.build_selector(), module=Module())


@pytest.mark.filterwarnings("ignore:.*`dataloader_iter`")
def test_refuses_a_step_that_fetches_batches_itself():
    class Module(run.Module):
        def training_step(self, dataloader_iter):
            return super().training_step(next(dataloader_iter)[0], 0)

    with pytest.raises(ValueError, match=r"use training_step\(batch, batch_idx\)"):
        run.fit(run.build_selector(), module=Module())


# Several processes


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """What each of two processes saw and ended with."""
    folder = tmp_path_factory.mktemp("ranks")
    run_script(Path(__file__).with_name("lightning_ddp.py"), folder)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in (0, 1)]


@pytest.mark.parametrize("last_batch", ["fill", "drop"])
def test_two_processes_are_one_selector(ranks, last_batch):
    both = [rank[last_batch] for rank in ranks]
    seen = [left + right for left, right in zip(*(rank["seen"] for rank in both), strict=True)]
    logits = map(torch.cat, zip(*(rank["logits"] for rank in both), strict=True))
    whole, expected = run.build_selector(last_batch=last_batch), []
    for _ in range(run.EPOCHS):
        for block, logits_BL in zip(whole.batches(), logits, strict=False):
            expected.append(block.tolist())
            whole.observe(block, logits_BL)
        summary = whole.summary()
        whole.end_epoch()
    assert seen == expected
    for rank in both:
        assert rank["epoch"] == run.EPOCHS
        assert torch.equal(rank["probabilities"], whole.probabilities)
        assert torch.equal(rank["counts"], whole.counts)
        assert all(torch.equal(rank["signals"][name], signal) for name, signal in whole.signals().items())
        assert rank["logged"] == pytest.approx({f"selection/{name}": value for name, value in summary.items()})


def test_two_processes_resume_within_an_epoch(ranks):
    for rank in ranks:
        assert rank["resumed"]["seen"] == rank["fill"]["seen"][11:]
        assert torch.equal(rank["resumed"]["probabilities"], rank["fill"]["probabilities"])
        assert all(map(torch.equal, rank["resumed"]["weights"].values(), rank["fill"]["weights"].values()))


def test_two_processes_that_remember_a_part_each_go_on_from_a_whole_checkpoint(ranks):
    for rank in ranks:
        assert rank["parted"]["seen"] == rank["resumed"]["seen"]
        assert torch.equal(rank["parted"]["probabilities"], rank["resumed"]["probabilities"])
        assert torch.equal(rank["parted"]["counts"], rank["resumed"]["counts"])
        assert all(map(torch.equal, rank["parted"]["signals"].values(), rank["resumed"]["signals"].values()))
        assert all(map(torch.equal, rank["parted"]["weights"].values(), rank["resumed"]["weights"].values()))


def test_two_processes_are_refused_what_they_cannot_share(ranks):
    for rank in ranks:
        assert 'use last_batch="fill" or last_batch="drop"' in rank["short"]
        assert "and Trainer(use_distributed_sampler=False)" in rank["replaced"]
