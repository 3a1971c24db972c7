"""Use the package as someone does who installed it without an extra: every method through epochs with `observe`."""

import importlib.util

import torch
from torch.utils.data import DataLoader, TensorDataset

import batchsift as bs

EXTRAS = ("typer", "rich", "pandas", "matplotlib", "lightning", "transformers", "accelerate", "faiss", "pytest")
NEED_FEATURES = ("d2ace", "hard_imbalanced")


def main() -> None:
    """Train for four epochs with each method; the model is a single layer."""
    present = [name for name in EXTRAS if importlib.util.find_spec(name)]
    if present:
        raise SystemExit(f"not an environment with core dependencies alone: {', '.join(present)}")
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(96, 5, generator=generator)
    y = (x[:, :3] > 0).float()
    for name in bs.methods.names():
        features = x if name in NEED_FEATURES else None
        selector = bs.Selector(y, method=name, features=features, batch_size=16, epochs=4, seed=0)
        loader = DataLoader(bs.WithIndices(TensorDataset(x, y)), batch_size=16, sampler=selector)
        model = bs.models.build("mlp", 5, 3, hidden=())
        for _ in range(4):
            for indices, (inputs, targets) in loader:
                selector.observe(indices, model(inputs), targets)
            selector.end_epoch()
        if selector.epoch != 4 or abs(selector.probabilities.sum().item() - 1) > 1e-9:
            raise SystemExit(f"{name}: epoch {selector.epoch}, sum {selector.probabilities.sum()}")
    print(f"batchsift {bs.__version__}, torch {torch.__version__}: {', '.join(bs.methods.names())}")


if __name__ == "__main__":
    main()
