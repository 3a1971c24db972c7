"""CLIF: the label graph, and the cheaper forms against plain loops."""

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, leaky_relu

from batchsift.models import CLIF
from batchsift.models.clif import cooccurrence_graph, link_loss

D, L = 6, 4


def prepared(seed=0, variant="authors", **hyperparameters):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = CLIF(D, L, variant=variant, **hyperparameters).double()
        x, y = torch.rand(30, D).double(), (torch.rand(30, L) < 0.4).double()
    model.prepare(x, y)
    return model, x, y


def loop_logits(model, x):
    """The logits of one instance and label after the other."""
    nodes = model.node_inputs_LL
    for layer in model.graph_layers:
        inputs = nodes
        nodes = torch.stack(
            [
                (1 + layer.self_weight) * nodes[i] + sum(model.graph_LL[i, j] * nodes[j] for j in range(L))
                for i in range(L)
            ]
        )
        for linear, norm in zip(layer.layers, layer.norms, strict=True):
            nodes = linear(nodes)
            nodes = (nodes - nodes.mean(0)) / (nodes.var(0, correction=0) + 1e-5).sqrt() * norm.weight + norm.bias
            nodes = leaky_relu(nodes, 0.1)
        if nodes.shape == inputs.shape:
            nodes = nodes + inputs
    gates = torch.stack([model.gate(node) for node in nodes])
    if model.variant == "authors":
        gates = torch.sigmoid(gates)
    features = x
    for linear in model.features.layers:
        features = leaky_relu(linear(features), 0.1)
    logits = torch.empty(len(x), L, dtype=x.dtype)
    for b in range(len(x)):
        for label in range(L):
            specific = leaky_relu(model.specific(features[b] * gates[label]), 0.1)
            logits[b, label] = model.classifier.weight[label] @ specific + model.classifier.bias[label]
    return logits, nodes, gates


@pytest.mark.parametrize("variant", ["authors", "comparison"])
def test_equals_the_loop(variant):
    model, x, y = prepared(variant=variant, hidden=12, embedding=L)
    logits, nodes, gates = loop_logits(model.eval(), x)
    torch.testing.assert_close(model(x), logits)
    loss, _ = model.training_loss(x, y)
    link = sum(
        (model.graph_LL[i, j] + (i == j) - torch.cosine_similarity(nodes[i], nodes[j], dim=0)) ** 2
        for i in range(L)
        for j in range(L)
    )
    expected = binary_cross_entropy_with_logits(logits, y) + 1e-3 * link / L**2
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=1e-8)
    outside = (gates <= 0) | (gates >= 1)
    assert bool(outside.any()) == (variant == "comparison")


def test_graph_by_hand():
    labels = torch.tensor([[1, 1, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    graph = cooccurrence_graph(labels)
    expected = torch.zeros(3, 3)
    expected[0, 1] = expected[1, 0] = (2 / 3 + 2 / 3) / 2
    torch.testing.assert_close(graph, expected)


def test_graph_counts_known_pairs_only():
    labels = torch.tensor([[1, 1], [1, math.nan], [1, 0], [math.nan, 1]])
    graph = cooccurrence_graph(labels)
    assert graph[0, 1].item() == pytest.approx((1 / 2 + 1 / 1) / 2)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.uint8, torch.float64])
def test_graph_of_any_dtype_of_labels(dtype):
    labels = torch.zeros(70_000, 2, dtype=dtype)
    labels[:, 0], labels[:23_333, 1] = 1, 1
    with torch.autocast("cpu", dtype=torch.bfloat16):
        graph = cooccurrence_graph(labels)
    assert graph[0, 1].item() == pytest.approx((23_333 / 70_000 + 1) / 2, rel=1e-6)


def test_a_label_without_positives_has_no_neighbours():
    graph = cooccurrence_graph(torch.tensor([[1, 0], [1, 0]]))
    assert torch.equal(graph, torch.zeros(2, 2))


def test_permuting_labels_with_the_graph_permutes_the_outputs():
    model, x, y = prepared(hidden=12, embedding=6)
    order = torch.tensor([2, 0, 3, 1])
    other, _, _ = prepared(hidden=12, embedding=6)
    state = model.state_dict()
    state["classifier.weight"], state["classifier.bias"] = (
        state["classifier.weight"][order],
        state["classifier.bias"][order],
    )
    state["node_inputs_LL"] = state["node_inputs_LL"][order]
    other.load_state_dict(state)
    other.prepare(x, y[:, order])
    torch.testing.assert_close(other.graph_LL, model.graph_LL[order][:, order])
    torch.testing.assert_close(other(x), model(x)[:, order])


def test_changing_the_neighbours_of_a_label_changes_its_logit():
    model, x, _ = prepared(hidden=12, embedding=6)
    before = model(x)
    with torch.no_grad():
        model.graph_LL[1, 2] = model.graph_LL[2, 1] = 1 - model.graph_LL[1, 2]
    assert not torch.isclose(model(x)[:, 1], before[:, 1]).any()


def test_comparison_has_no_graph_and_a_link_target_out_of_reach():
    model, x, y = prepared(variant="comparison")
    assert torch.equal(model.graph_LL, torch.eye(L).double())
    assert model.settings.hidden == 768
    assert model.settings.embedding == L
    assert link_loss(torch.eye(L), torch.eye(L)).item() == pytest.approx(1 / L, rel=1e-4)
    assert CLIF(D, L, variant="comparison")(x.float()).shape == y.shape


def test_without_its_graph_it_says_what_to_do():
    model = CLIF(D, L)
    with pytest.raises(RuntimeError, match="prepare"):
        model(torch.zeros(2, D))
    with pytest.raises(RuntimeError, match="prepare"):
        model.training_loss(torch.zeros(2, D), torch.zeros(2, L))
    model.load_state_dict(CLIF(D, L).state_dict())
    with pytest.raises(RuntimeError, match="prepare"):
        model(torch.zeros(2, D))


def test_prepare_refuses_labels_of_another_width():
    with pytest.raises(ValueError, match=r"\(N, 4\), got \(3, 2\)"):
        CLIF(D, L).prepare(torch.zeros(3, D), torch.zeros(3, 2))


def test_node_inputs_are_frozen_and_saved():
    model, x, _ = prepared()
    assert "node_inputs_LL" not in dict(model.named_parameters())
    assert "node_inputs_LL" in model.state_dict()
    other, _, _ = prepared(seed=9)
    weights = {key: value for key, value in model.state_dict().items() if key != "node_inputs_LL"}
    other.load_state_dict(weights, strict=False)
    assert not torch.allclose(other(x), model(x))


def test_unknown_cells_are_left_out():
    model, x, y = prepared(graph_weight=0.0)
    y[0, 1] = y[3] = math.nan
    loss, logits = model.training_loss(x, y)
    known = ~y.isnan()
    torch.testing.assert_close(loss, binary_cross_entropy_with_logits(logits[known], y[known]))


def test_synchronised_normalisation_does_not_find_the_label_side():
    model, _, _ = prepared()
    converted = torch.nn.SyncBatchNorm.convert_sync_batchnorm(model)
    assert not any(isinstance(module, torch.nn.SyncBatchNorm) for module in converted.modules())
