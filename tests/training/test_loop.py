"""The training loop by itself: its state, between two epochs, is all it needs to go on."""

import io

import numpy as np
import pytest
import torch

from batchsift.training.configuration import Configuration
from batchsift.training.loop import TrainingLoop
from batchsift.training.parts import Part
from batchsift.training.recording import SignalRecord
from batchsift.training.settings import Settings

CONFIGURATION = Configuration(
    model="mlp",
    method="d2ace",
    settings=Settings(epochs=4, batch_size=16, learning_rate=1e-2),
    hyperparameters={"hidden": [8], "dropout": 0.0},
)


def part(seed, num_samples=48):
    features = np.random.default_rng(seed).normal(size=(num_samples, 3))
    return Part(torch.tensor(features, dtype=torch.float32), torch.tensor(features[:, :2] > 0, dtype=torch.float32))


def built(with_signals):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return TrainingLoop(CONFIGURATION, part(0), part(1), selection_seed=5, with_signals=with_signals)


@pytest.mark.parametrize("with_signals", [True, False])
@pytest.mark.parametrize("done", [0, 1, 3])
def test_a_loop_goes_on_from_its_state(with_signals, done):
    whole = built(with_signals)
    expected = list(whole.epochs())
    first, second = built(with_signals), built(with_signals)
    for _, _ in zip(range(done), first.epochs(), strict=False):
        pass
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second.load_state_dict(torch.load(file, weights_only=True))
    assert len(list(second.epochs())) == 4 - done
    assert second.records == expected
    assert all((record.signals == SignalRecord()) != with_signals for record in second.records)
    for name, value in whole.best_weights.items():
        assert torch.equal(value, second.best_weights[name]), name
