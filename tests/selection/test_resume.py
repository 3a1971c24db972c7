"""A training that is killed anywhere and resumed ends exactly as one that was never killed."""

import io

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import batchsift as bs

N, L, B, EPOCHS = 43, 3, 8, 5
BATCHES = 6
STREAM = torch.Generator().manual_seed(0)
X = torch.randn(N, 5, generator=STREAM)
Y = (X[:, :L] + 0.5 * torch.randn(N, L, generator=STREAM) > 0.3).float()
KILLED_AFTER = (0, 1, 5, 6, 7, 11, 12, 13, 14, 16, 17, 18, 19, 21, 23, 24, 25, 27, 29, 30)  # first and last of epochs


class Training:
    """A plain loop with everything a checkpoint holds."""

    def __init__(self, method, workers=0):
        with torch.random.fork_rng():
            torch.manual_seed(1)
            self.model = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.Tanh(), torch.nn.Linear(8, L))
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.05)
        self.selector = bs.Selector(Y, method=method, features=X, batch_size=B, epochs=EPOCHS, seed=0)
        dataset = bs.WithIndices(TensorDataset(X, Y))
        self.loader = DataLoader(dataset, batch_size=B, sampler=self.selector, num_workers=workers)
        self.curve = []

    def run(self, steps=None):
        """Train to the end, or for some steps."""
        while self.selector.epoch < EPOCHS:
            if len(self.curve) == steps:
                return self
            for indices, (x, y) in self.loader:
                logits = self.model(x)
                loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, y)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                self.selector.observe(indices, logits, y)
                self.curve.append((indices.tolist(), loss.item()))
                if len(self.curve) == steps:
                    return self
            self.selector.end_epoch()
        return self

    def parts(self):
        return {"model": self.model, "optimizer": self.optimizer, "selector": self.selector}

    def saved(self):
        file = io.BytesIO()
        torch.save({name: part.state_dict() for name, part in self.parts().items()}, file)
        file.seek(0)
        return file

    def resumed(self, file):
        state = torch.load(file, weights_only=True)
        for name, part in self.parts().items():
            part.load_state_dict(state[name])
        return self


@pytest.mark.parametrize("method", bs.methods.names())
def test_killed_at_any_batch(method):
    whole = Training(method).run()
    assert len(whole.curve) == EPOCHS * BATCHES - (5 if method == "info_batch" else 0)  # its epochs are shorter
    for steps in KILLED_AFTER:
        first = Training(method).run(steps)
        second = Training(method).resumed(first.saved()).run()
        assert first.curve + second.curve == whole.curve, steps
        assert torch.equal(second.selector.probabilities, whole.selector.probabilities)
        assert list(second.selector) == list(whole.selector)
        for name, weights in whole.model.state_dict().items():
            assert torch.equal(second.model.state_dict()[name], weights), (steps, name)


@pytest.mark.parametrize("steps", [3, 12, 20])
def test_what_workers_had_fetched_is_drawn_again(steps):
    whole = Training("d2ace").run()
    first = Training("d2ace", workers=2).run(steps)
    second = Training("d2ace", workers=2).resumed(first.saved()).run()
    assert first.curve + second.curve == whole.curve


@pytest.mark.parametrize("refresh", ["epoch", "step"])
@pytest.mark.parametrize("steps", [0, 7, 12, 15])
def test_blocks_in_memory(refresh, steps):
    def run(selector, seen, stop=None):
        while selector.epoch < EPOCHS:
            if len(seen) == stop:
                return seen
            for indices in selector.batches():
                selector.observe(indices, torch.sin(X[indices, :L] * (selector.epoch + 1)))
                seen.append(indices.tolist())
                if len(seen) == stop:
                    return seen
            selector.end_epoch()
        return seen

    def build():
        return bs.Selector(Y, method=bs.Hard(refresh=refresh), batch_size=B, epochs=EPOCHS, seed=0)

    first, second = build(), build()
    seen = run(first, [], steps)
    second.load_state_dict(first.state_dict())
    assert run(second, seen) == run(build(), [])
