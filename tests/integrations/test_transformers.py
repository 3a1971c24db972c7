import importlib
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

import batchsift as bs
from scripts import TWO_PROCESSES, run_script

pytest.importorskip("transformers", reason="needs batchsift[transformers]")
pytest.importorskip("accelerate", reason="needs batchsift[transformers]")

from transformers import EarlyStoppingCallback, TrainerCallback

from batchsift.integrations.transformers import SelectorTrainer
from integrations.hf_training import (
    EPOCHS,
    FEATURES,
    LABELS,
    B,
    N,
    Net,
    Run,
    Samples,
    make_arguments,
    make_selector,
)

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")

EACH_STEP = {"save_strategy": "steps", "save_steps": 1}


def blocks_of_twin(run: Run) -> dict[int, list[list[int]]]:
    """What a selector without any loader plans when it is shown the logits that the run observed."""
    twin = make_selector()
    blocks = {}
    for epoch in range(EPOCHS):
        blocks[epoch] = [block.tolist() for block in twin.batches()]
        for block, logits in zip(blocks[epoch], run.logits[epoch], strict=True):  # type: ignore[attr-defined]
            twin.observe(block, logits)
        twin.end_epoch()
    return blocks


class WritesLogits(SelectorTrainer):
    """Keeps the logits of every block, as a user's `compute_loss` may."""

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **kwargs: Any) -> Any:
        assert "sample_index" not in inputs
        epoch = self.selector.epoch
        loss, outputs = super().compute_loss(model, inputs, return_outputs=True, **kwargs)
        self.__dict__.setdefault("logits", {}).setdefault(epoch, []).append(outputs["logits"].detach())
        return (loss, outputs) if return_outputs else loss


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("accumulate", [1, 4])
def test_blocks_are_those_of_a_selector_alone(tmp_path, workers, accumulate):
    run = Run(
        tmp_path,
        trainer_class=WritesLogits,
        dataloader_num_workers=workers,
        gradient_accumulation_steps=accumulate,
    )
    run.logits = run.trainer.logits
    assert run.blocks == blocks_of_twin(run)
    assert run.selector.epoch == EPOCHS
    assert run.selector.counts.sum() == EPOCHS * N
    steps = -(-6 // accumulate)
    assert run.trainer.state.global_step == EPOCHS * steps


def test_bfloat16(tmp_path):
    run = Run(tmp_path, bf16=True, trainer_class=WritesLogits)
    run.logits = run.trainer.logits
    assert run.blocks == blocks_of_twin(run)


@pytest.fixture(scope="module", params=[1, 4], ids=["each batch a step", "four batches a step"])
def uninterrupted(request, tmp_path_factory) -> Run:
    return Run(tmp_path_factory.mktemp("whole"), gradient_accumulation_steps=request.param, **EACH_STEP)


@pytest.mark.parametrize("share", [0.05, 0.25, 0.4, 0.75, 0.96])
def test_resume_is_exact(tmp_path, uninterrupted, share):
    whole = uninterrupted
    accumulate = whole.trainer.args.gradient_accumulation_steps
    steps = -(-6 // accumulate)
    step = max(1, round(share * EPOCHS * steps))
    run = Run(
        tmp_path,
        resume=Path(whole.trainer.args.output_dir) / f"checkpoint-{step}",
        gradient_accumulation_steps=accumulate,
    )
    everything = [block for epoch in range(EPOCHS) for block in whole.blocks[epoch]]
    left = [block for epoch in sorted(run.blocks) for block in run.blocks[epoch]]
    assert left == everything[step // steps * 6 + step % steps * accumulate :]
    assert all(map(torch.equal, run.weights, whole.weights))
    assert torch.equal(run.selector.probabilities, whole.selector.probabilities)
    assert list(run.selector) == list(whole.selector)
    assert run.curve == whole.curve


def test_resume_from_the_last_checkpoint_of_an_epoch_strategy(tmp_path):
    whole = Run(tmp_path / "whole", save_strategy="epoch")
    run = Run(tmp_path / "resumed", resume=str(tmp_path / "whole" / "checkpoint-12"))
    assert all(map(torch.equal, run.weights, whole.weights))
    assert run.curve == whole.curve


def test_training_that_max_steps_stopped_goes_on(tmp_path):
    arguments = {"lr_scheduler_type": "constant"}
    whole = Run(tmp_path / "whole", **arguments)
    Run(tmp_path / "part", save_strategy="epoch", max_steps=9, **arguments)
    run = Run(tmp_path / "part", resume=True, **arguments)
    assert run.trainer.state.global_step == whole.trainer.state.global_step
    assert all(map(torch.equal, run.weights, whole.weights))


def test_checkpoints_hold_the_selector(tmp_path):
    run = Run(tmp_path, save_strategy="epoch", num_train_epochs=1)
    state = torch.load(tmp_path / "checkpoint-6" / "selector.pt", weights_only=True)
    selector = make_selector()
    selector.load_state_dict(state)
    assert selector.epoch == 1
    assert list(selector) == list(run.selector)


def test_summary_is_logged_beside_the_loss(tmp_path):
    run = Run(tmp_path, logging_strategy="epoch")
    entropies = [entry["selection/entropy"] for entry in run.curve if "selection/entropy" in entry]
    assert len(entropies) == EPOCHS
    assert entropies[0] == pytest.approx(torch.tensor(float(N)).log().item())
    assert entropies[-1] < entropies[0]
    assert sum("loss" in entry for entry in run.curve) == EPOCHS
    assert not any("selection/entropy" in entry for entry in Run(tmp_path, logging_strategy="no").curve)


def test_evaluation_is_not_observed(tmp_path):
    run = Run(tmp_path, trainer_options={"eval_dataset": Samples()}, eval_strategy="epoch")
    assert run.selector.counts.sum() == EPOCHS * N
    assert run.trainer.evaluate(run.trainer.train_dataset)["eval_loss"] > 0
    assert run.selector.counts.sum() == EPOCHS * N


def test_epoch_that_a_callback_stops_is_ended(tmp_path):
    class StopsEpochs(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            control.should_epoch_stop = state.global_step % 3 == 0

    run = Run(tmp_path, trainer_options={"callbacks": [StopsEpochs()]})
    assert [len(run.blocks[epoch]) for epoch in range(EPOCHS)] == [3] * EPOCHS
    assert run.selector.epoch == EPOCHS


def test_early_stopping(tmp_path):
    run = Run(
        tmp_path,
        trainer_options={"eval_dataset": Samples(), "callbacks": [EarlyStoppingCallback(1)]},
        eval_strategy="epoch",
        save_strategy="epoch",
        load_best_model_at_end=True,
        learning_rate=0.0,
    )
    assert run.selector.epoch == 2


def test_data_set_wrapped_already_and_columns_kept(tmp_path):
    class TakesText(Net):
        def forward(self, x, labels, text):
            assert text == ["left out"] * len(x)
            return super().forward(x, labels)

    def collate(samples):
        assert set(samples[0]) == {"x", "labels", "text"}
        columns = {name: torch.stack([sample[name] for sample in samples]) for name in ("x", "labels")}
        return {**columns, "text": [sample["text"] for sample in samples]}

    trainer = SelectorTrainer(
        TakesText(),
        make_arguments(tmp_path, remove_unused_columns=False, num_train_epochs=1),
        train_dataset=bs.WithIndices(Samples()),
        data_collator=collate,
        selector=make_selector(),
    )
    trainer.train()
    assert trainer.selector.epoch == 1


def test_samples_that_only_the_collator_makes_mappings_of(tmp_path):
    def collate(samples):
        x, y = zip(*samples, strict=True)
        return {"x": torch.stack(x), "labels": torch.stack(y)}

    run = Run(
        tmp_path,
        trainer_options={"train_dataset": TensorDataset(FEATURES, LABELS), "data_collator": collate},
        num_train_epochs=1,
    )
    assert run.selector.counts.tolist() == [1] * N


def test_hugging_face_data_set(tmp_path):
    datasets = pytest.importorskip("datasets")
    table = datasets.Dataset.from_dict({"x": FEATURES.tolist(), "labels": LABELS.tolist(), "text": ["left out"] * N})
    run = Run(tmp_path / "table", trainer_options={"train_dataset": table})
    assert run.blocks == Run(tmp_path / "samples").blocks


def test_targets_that_are_off_are_found(tmp_path):
    class Shifted(Samples):
        def __getitem__(self, index):
            return super().__getitem__((index + 1) % N)

    with pytest.raises(ValueError, match="do not belong to these samples"):
        Run(tmp_path, trainer_options={"train_dataset": Shifted()})


def test_soft_targets_are_not_compared(tmp_path):
    class Smoothed(Samples):
        def __getitem__(self, index):
            sample = super().__getitem__((index + 1) % N)
            return {**sample, "labels": 0.9 * sample["labels"] + 0.05}

    assert Run(tmp_path, trainer_options={"train_dataset": Smoothed()}).selector.epoch == EPOCHS


class Stream(IterableDataset):
    def __iter__(self):
        return iter(Samples())


@pytest.mark.parametrize(
    ("arguments", "selector", "message"),
    [
        ({"per_device_train_batch_size": 4}, {}, r"use Selector\(..., batch_size=4\)"),
        ({"train_sampling_strategy": "group_by_length"}, {}, "'group_by_length' asks for another sampler"),
        ({"dataloader_drop_last": True}, {}, 'last_batch="drop"'),
        ({"auto_find_batch_size": True}, {}, "auto_find_batch_size would change"),
        ({"ignore_data_skip": True}, {}, "ignore_data_skip=True would count"),
        ({"accelerator_config": {"split_batches": True}}, {}, "split_batches=True would not follow the plan"),
        ({"accelerator_config": {"dispatch_batches": True}}, {}, "dispatch_batches=True would not follow the plan"),
    ],
)
def test_arguments_that_do_not_follow_the_plan(tmp_path, arguments, selector, message):
    with pytest.raises(ValueError, match=message):
        Run(tmp_path, selector=make_selector(**selector), **arguments)


def test_dropping_what_the_selector_drops_is_fine(tmp_path):
    run = Run(tmp_path, selector=make_selector(last_batch="drop"), dataloader_drop_last=True, num_train_epochs=1)
    assert [len(block) for block in run.blocks[0]] == [B] * 5


def test_data_sets_that_do_not_fit(tmp_path):
    with pytest.raises(TypeError, match="cannot be indexed"):
        Run(tmp_path, trainer_options={"train_dataset": Stream()}, max_steps=3)
    with pytest.raises(ValueError, match="train_dataset has 20 samples, the labels of the selector 43"):
        Run(tmp_path, trainer_options={"train_dataset": torch.utils.data.Subset(Samples(), range(20))})


def test_collator_that_makes_no_mapping(tmp_path):
    with pytest.raises(TypeError, match="the collator made a list"):
        Run(tmp_path, trainer_options={"data_collator": list}, remove_unused_columns=False)


class WithoutIndices(SelectorTrainer):
    def get_train_dataloader(self):
        return torch.utils.data.DataLoader(Samples(), batch_size=B, sampler=self.selector)


class HidesLogits(SelectorTrainer):
    def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
        return model(**inputs)["loss"]


@pytest.mark.filterwarnings("ignore:.*pin_memory.*:UserWarning")
@pytest.mark.parametrize(
    ("trainer_class", "message"),
    [(WithoutIndices, "no 'sample_index'"), (HidesLogits, "the selector saw no logits")],
)
def test_subclasses_that_lose_something(tmp_path, trainer_class, message):
    with pytest.raises(ValueError, match=message):
        Run(tmp_path, trainer_class=trainer_class, trainer_options={"train_dataset": Samples()})


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        (lambda out: {"loss": out["loss"]}, "has no logits"),
        (lambda out: (out["loss"], out["logits"]), r"\(tuple\) has no logits"),
        (lambda out: {**out, "logits": out["logits"][:, :2]}, r"logits must have shape \(8, 3\)"),
    ],
)
def test_outputs_that_do_not_fit(tmp_path, monkeypatch, outputs, message):
    forward = Net.forward
    monkeypatch.setattr(Net, "forward", lambda self, x, labels=None: outputs(forward(self, x, labels)))
    with pytest.raises(ValueError, match=message):
        Run(tmp_path)


def test_selector_serves_one_training(tmp_path):
    run = Run(tmp_path, num_train_epochs=1)
    with pytest.raises(ValueError, match=r"in epoch 1 already: make a new Selector"):
        run.trainer.train()


class TestFunctionThatMakesTheSelector:
    @staticmethod
    def make(args):
        return make_selector(batch_size=args.train_batch_size, epochs=int(args.num_train_epochs), seed=args.seed)

    def trainer(self, out, source, **arguments):
        return SelectorTrainer(
            model_init=Net,
            args=make_arguments(out, **arguments),
            train_dataset=Samples(),
            eval_dataset=Samples(),
            selector=source,
        )

    def test_every_trial_of_a_search_has_its_own(self, tmp_path):
        pytest.importorskip("optuna")
        trainer = self.trainer(tmp_path, self.make, num_train_epochs=2)
        seen = []

        def objective(metrics):
            chosen = trainer.selector
            seen.append((chosen, chosen.epoch, chosen.batch_size, int(chosen.counts.sum())))
            return 0.0

        sizes = iter([4, 8, 16])
        trainer.hyperparameter_search(
            lambda trial: {"per_device_train_batch_size": next(sizes)},
            objective,
            n_trials=3,
            backend="optuna",
        )
        assert [what for _, *what in seen] == [[2, size, 2 * N] for size in (4, 8, 16)]
        assert len({id(selector) for selector, *_ in seen}) == 3

    def test_every_training_from_the_start_has_its_own(self, tmp_path):
        trainer = self.trainer(tmp_path, make_selector, save_strategy="epoch", save_total_limit=1)
        first = trainer.selector
        trainer.train()
        assert trainer.selector is first
        trainer.train()
        assert trainer.selector is not first
        assert trainer.selector.epoch == first.epoch == EPOCHS
        trainer.train(resume_from_checkpoint=True)
        assert trainer.selector.epoch == EPOCHS

    def test_one_selector_cannot_serve_a_search(self, tmp_path):
        trainer = self.trainer(tmp_path, make_selector(epochs=2), num_train_epochs=2)
        trainer.train()
        with pytest.raises(ValueError, match=r"for hyperparameter_search pass a function.*selector=lambda args"):
            trainer.train()

    @pytest.mark.parametrize("source", [None, 3, lambda args: None])
    def test_what_makes_no_selector(self, tmp_path, source):
        with pytest.raises(TypeError, match="must be a Selector, or a function that makes one, got"):
            self.trainer(tmp_path, source)


class ShufflesByItself(SelectorTrainer):
    """Has a loader of its own, as many subclasses of `Trainer` do."""

    def get_train_dataloader(self):
        generator = torch.Generator().manual_seed(0)
        return DataLoader(
            bs.WithIndices(Samples()), B, shuffle=True, generator=generator, collate_fn=bs.collate_with_indices(collate)
        )


def collate(samples):
    return {name: torch.stack([sample[name] for sample in samples]) for name in ("x", "labels")}


def test_a_loader_of_the_users_own_is_noticed(tmp_path):
    with pytest.raises(ValueError, match="the loader that get_train_dataloader of SelectorTrainer returns"):
        Run(tmp_path, trainer_class=ShufflesByItself)
    with pytest.warns(UserWarning, match="does not follow the plan of epoch 0: block 1 of 6") as caught:
        Run(tmp_path, trainer_class=ShufflesByItself, dataloader_in_order=False, dataloader_num_workers=1)
    assert len(caught) == 1


def test_an_epoch_too_many_is_said(tmp_path):
    with pytest.warns(UserWarning, match="epoch 4 of a selector that was made for epochs=3"):
        Run(tmp_path, selector=make_selector(epochs=3))


def test_checkpoint_without_a_selector(tmp_path):
    run = Run(tmp_path, save_strategy="epoch", num_train_epochs=1)
    (tmp_path / "checkpoint-6" / "selector.pt").unlink()
    with pytest.raises(ValueError, match=r"has no selector\.pt"):
        run.trainer.train(resume_from_checkpoint=True)
    with pytest.raises(ValueError, match="No valid checkpoint found"):
        Run(tmp_path / "empty", resume=True)


def test_checkpoint_that_the_trainer_places_elsewhere(tmp_path):
    Run(tmp_path / "whole", max_steps=9, **EACH_STEP)
    for step in (4, 9):
        with pytest.raises(ValueError, match="another batch than the selector"):
            Run(tmp_path / "other", resume=tmp_path / "whole" / f"checkpoint-{step}", gradient_accumulation_steps=2)


def test_without_transformers(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    monkeypatch.delitem(sys.modules, "batchsift.integrations.transformers")
    with pytest.raises(ImportError, match=r"'batchsift\[transformers\]'"):
        importlib.import_module("batchsift.integrations.transformers")


def test_two_processes(tmp_path):
    run_script(*TWO_PROCESSES, Path(__file__).with_name("hf_distributed.py"), tmp_path)
    left, right = (torch.load(tmp_path / f"rank{rank}.pt") for rank in range(2))
    for last_batch, count in (("fill", 6), ("drop", 5)):
        mine, other = left[last_batch], right[last_batch]
        together = {
            epoch: [a + b for a, b in zip(mine["blocks"][epoch], other["blocks"][epoch], strict=True)]
            for epoch in range(EPOCHS)
        }
        alone = make_selector(last_batch=last_batch)
        assert together[0] == [block.tolist() for block in alone.batches()]
        for blocks in together.values():
            assert [len(set(block)) for block in blocks] == [B] * count
        assert torch.equal(mine["plan"], other["plan"])
        assert torch.equal(mine["probabilities"], other["probabilities"])
        for ranks in (mine, other):
            assert ranks["resumed_blocks"][1] == ranks["blocks"][1][7 - count :]
            assert [ranks["resumed_blocks"][epoch] for epoch in (2, 3)] == [ranks["blocks"][epoch] for epoch in (2, 3)]
            assert torch.equal(ranks["resumed_probabilities"], ranks["probabilities"])
            assert all(map(torch.equal, ranks["resumed_weights"], ranks["weights"]))
    assert 'use last_batch="fill" or last_batch="drop"' in left["short"]
