"""The registry of models and the plain base model."""

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from batchsift import models


@pytest.mark.parametrize("name", models.names())
@pytest.mark.parametrize(("batch", "num_labels"), [(1, 1), (1, 3), (5, 1), (5, 3)])
def test_every_model_offers_logits_and_a_loss(name, batch, num_labels):
    model = models.build(name, 4, num_labels)
    x, y = torch.randn(batch, 4), torch.randint(0, 2, (batch, num_labels)).float()
    model.prepare(x, y)
    loss, logits = model.training_loss(x, y)
    loss.backward()
    assert model(x).shape == logits.shape == (batch, num_labels)
    assert loss.shape == ()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(ValueError, match="'mpl': did you mean 'mlp'"):
        models.build("mpl", 4, 2)


@pytest.mark.parametrize("wrong", [{"hidden": (8, 0)}, {"dropout": 1.0}, {"dropout": -0.1}])
def test_hyperparameters_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        models.build("mlp", 4, 2, **wrong)


def test_building_takes_weights_from_the_current_generator_and_seeds_nothing():
    torch.manual_seed(3)
    first = models.build("mlp", 4, 2, hidden=(8,)).head.weight
    second = models.build("mlp", 4, 2, hidden=(8,)).head.weight
    torch.manual_seed(3)
    again = models.build("mlp", 4, 2, hidden=(8,)).head.weight
    assert torch.equal(first, again)
    assert not torch.equal(first, second)


def test_loss_is_the_mean_over_known_cells():
    model = models.MLP(3, 2, hidden=(4,))
    x, y = torch.randn(4, 3), torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
    loss, logits = model.training_loss(x, y)
    assert loss.item() == pytest.approx(binary_cross_entropy_with_logits(logits, y).item())
    y[1, 0] = y[2] = math.nan
    loss, logits = model.training_loss(x, y)
    known = ~y.isnan()
    assert loss.item() == pytest.approx(binary_cross_entropy_with_logits(logits[known], y[known]).item())


def test_a_batch_without_any_known_cell_has_a_zero_gradient():
    model = models.MLP(3, 2, hidden=(4,))
    loss, _ = model.training_loss(torch.randn(2, 3), torch.full((2, 2), math.nan))
    loss.backward()
    assert loss.item() == 0.0
    assert all((p.grad == 0).all() for p in model.parameters())


def test_integer_targets_are_welcome():
    model, x = models.MLP(3, 2), torch.randn(2, 3)
    y = torch.tensor([[1, 0], [0, 1]], dtype=torch.uint8)
    assert model.training_loss(x, y)[0].item() == pytest.approx(model.training_loss(x, y.float())[0].item())
