"""One tiny model and data set: whichever loop trains it, the batches are the same, and so is what comes out.

The methods select by what the model predicts, so one different batch or step would change all that follow.
"""

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

import batchsift as bs

N, D, L, B, EPOCHS = 44, 5, 3, 8, 4

STREAM = torch.Generator().manual_seed(2)
X = torch.randn(N, D, generator=STREAM)
Y = (torch.rand(N, L, generator=STREAM) > 0.6).float()
LOSS = nn.functional.binary_cross_entropy_with_logits


class Net(nn.Module):
    """Logits from features, or, as the Trainer wants it, a mapping with the loss."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.layers = nn.Sequential(nn.Linear(D, 16), nn.Tanh(), nn.Linear(16, L))

    def forward(self, x, labels=None):
        logits = self.layers(x)
        return logits if labels is None else {"loss": LOSS(logits, labels), "logits": logits}


class Mappings(Dataset):
    def __len__(self):
        return N

    def __getitem__(self, index):
        return {"x": X[index], "labels": Y[index]}


def build(seen):
    """A selector that writes down what it observes, a model and its optimiser."""
    selector = bs.Selector(Y, method="d2ace", features=X, batch_size=B, epochs=EPOCHS, seed=5)
    observe = selector.observe

    def observed(indices, *arguments, **options):
        seen.append((selector.epoch, indices.tolist()))
        observe(indices, *arguments, **options)

    selector.observe = observed
    model = Net()
    return selector, model, torch.optim.SGD(model.parameters(), lr=0.5)


def loader_of(selector):
    return DataLoader(bs.WithIndices(TensorDataset(X, Y)), batch_size=B, sampler=selector)


def plain_loop(seen, tmp_path):
    selector, model, optimizer = build(seen)
    loader = loader_of(selector)
    for _ in range(EPOCHS):
        for indices, (x, y) in loader:
            logits = model(x)
            optimizer.zero_grad()
            LOSS(logits, y).backward()
            optimizer.step()
            selector.observe(indices, logits, y)
        selector.end_epoch()
    return model


def in_memory(seen, tmp_path):
    selector, model, optimizer = build(seen)
    for _ in range(EPOCHS):
        for indices in selector.batches():
            logits = model(X[indices])
            optimizer.zero_grad()
            LOSS(logits, Y[indices]).backward()
            optimizer.step()
            selector.observe(indices, logits)
        selector.end_epoch()
    return model


def lightning(seen, tmp_path):
    pl = pytest.importorskip("lightning.pytorch")
    from batchsift.integrations.lightning import SelectorCallback

    selector, model, optimizer = build(seen)

    class Module(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = model

        def training_step(self, batch, batch_idx):
            _, (x, y) = batch
            logits = self.net(x)
            return {"loss": LOSS(logits, y), "logits": logits}

        def configure_optimizers(self):
            return optimizer

    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    callbacks = [SelectorCallback(selector)]
    trainer = pl.Trainer(max_epochs=EPOCHS, accelerator="cpu", callbacks=callbacks, enable_checkpointing=False, **quiet)
    trainer.fit(Module(), loader_of(selector))
    return model


def hugging_face(seen, tmp_path):
    transformers = pytest.importorskip("transformers")
    from batchsift.integrations.transformers import SelectorTrainer

    selector, model, optimizer = build(seen)
    arguments = transformers.TrainingArguments(
        str(tmp_path),
        per_device_train_batch_size=B,
        num_train_epochs=EPOCHS,
        max_grad_norm=0,
        save_strategy="no",
        use_cpu=True,
        dataloader_pin_memory=False,
        disable_tqdm=True,
        report_to=[],
    )
    constant = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    SelectorTrainer(
        model, arguments, train_dataset=Mappings(), optimizers=(optimizer, constant), selector=selector
    ).train()
    return model


def accelerate(seen, tmp_path):
    framework = pytest.importorskip("accelerate")
    from batchsift.integrations.accelerate import prepare_loader

    selector, model, optimizer = build(seen)
    accelerator = framework.Accelerator(cpu=True)
    loader = prepare_loader(accelerator, loader_of(selector))
    prepared, optimizer = accelerator.prepare(model, optimizer)
    for _ in range(EPOCHS):
        for indices, (x, y) in loader:
            logits = prepared(x)
            optimizer.zero_grad()
            accelerator.backward(LOSS(logits, y))
            optimizer.step()
            selector.observe(indices, logits, y)
        selector.end_epoch()
    return model


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
@pytest.mark.filterwarnings("ignore:.*The number of training batches")
@pytest.mark.filterwarnings("ignore:.*treespec:FutureWarning")
@pytest.mark.parametrize("train", [in_memory, lightning, hugging_face, accelerate])
def test_same_batches_and_same_weights(train, tmp_path, capsys):
    expected, seen = [], []
    weights = plain_loop(expected, tmp_path).state_dict()
    trained = train(seen, tmp_path).state_dict()
    assert seen == expected
    assert len(expected) == EPOCHS * 6
    assert all(torch.equal(trained[name], value) for name, value in weights.items())
