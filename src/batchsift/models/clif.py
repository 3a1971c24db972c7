"""CLIF: label semantics learned on a label graph, together with label-specific features.

Citation:
    J.-Y. Hang, M.-L. Zhang. Collaborative Learning of Label Semantics and Deep Label-Specific Features for
    Multi-Label Classification. IEEE Transactions on Pattern Analysis and Machine Intelligence 44(12), 2022.

A graph isomorphism network turns the nodes of a label co-occurrence graph into embeddings. Each embedding opens
a gate for its label, which picks the relevant parts of a deep feature vector; a shared layer and a linear
classifier for each label follow. A link-prediction loss keeps the embeddings faithful to the graph.

Shapes: N samples, B batch, D features, L labels, C labels of one chunk, E embedding size, h hidden width.

| symbol | variable | |
| --- | --- | --- |
| A | `graph_LL` | A_ij = (P(j given i) + P(i given j)) / 2, A_ii = 0, of the training labels |
| H⁰ | `node_inputs_LL` | normal noise, drawn once and frozen |
| H | `embeddings_LE` | twice: U = (1 + ε_t) H + A H; H ← MLP_t(U), plus H where the widths agree |
| ε_t | `self_weight` | learned, from 0 |
| G | `gates_Lh` | σ(W_g H + b_g) |
| F | `features_Bh` | MLP(x), leaky ReLU of slope 0.1 |
| Z_bl | `specific_BCh` | leaky ReLU(W_o (F_b ⊙ G_l) + b_o) |
| s_bl | `logits_BL` | W_l · Z_bl + c_l |

Loss: mean over b, l of bce(s_bl, y_bl) + λ (1/L²) Σ_ij ((A + I)_ij − cos(H_i, H_j))².

Choices:
    - Batch normalisation over the L nodes takes the statistics of the nodes at evaluation too. The label side has no
      other input than its parameters, so this is exact with respect to training (but for dropout). It is left out
      for L = 1, and it is never synchronised between processes.
    - Where the labels of a set are not in the authors' list of settings: E = 256, λ = 1e-3.
    - A cell whose label is unknown is left out of the cross-entropy; P(j given i) is taken over the samples that have
      i and whose j is known.
    - The logits of `training_loss` are those of the training pass.
    - `label_loss` replaces the first term of the loss.

`variant="comparison"` is what papers on batch selection trained under this name: the graph is the identity (no label
sees another, and the link target A + I becomes 2I), the gate is affine without its logistic, E = L, h = 768, three
feature layers, dropout 0.2 after every activation of the graph network and of the features.

Deviation from the copies in circulation: the node inputs are a saved buffer, not a parameter.

Cheaper, exactly: with many labels `(B, L, h)` is not held whole; chunks of labels beyond the first are computed again
in the backward pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, leaky_relu, linear

from batchsift.models.base import BaseModel
from batchsift.models.layers import LabelClassifier, LinearLayers, classify, full_precision, initialize, over_labels
from batchsift.models.registry import register
from batchsift.models.settings import check_dropout, check_sizes, check_weights, choose_settings

SLOPE = 0.1  # of every leaky ReLU, below 0
TINY = 1e-6  # keeps norms and counts off 0


@dataclass(frozen=True, kw_only=True)
class CLIFSettings:
    """Hyperparameters of CLIF.

    Args:
        hidden: h (512; comparison 768).
        embedding: E (256; comparison L).
        feature_layers: Layers of the feature network (1; comparison 3).
        dropout: Share of units dropped, in [0, 1) (0; comparison 0.2).
        graph_weight: λ, of the link-prediction loss (1e-3).
    """

    hidden: int = 512
    embedding: int = 256
    feature_layers: int = 1
    dropout: float = 0.0
    graph_weight: float = 1e-3

    def __post_init__(self) -> None:
        check_sizes(hidden=self.hidden, embedding=self.embedding, feature_layers=self.feature_layers)
        check_dropout(dropout=self.dropout)
        check_weights(graph_weight=self.graph_weight)


@register
class CLIF(BaseModel):
    """Label embeddings of a co-occurrence graph gate deep features.

    `prepare` derives the graph from the training labels; without it the model refuses to work.

    Args:
        num_features: D.
        num_labels: L.
        variant: `"authors"`, or `"comparison"` (see above), which needs no `prepare`.
        hyperparameters: Some of the fields of `CLIFSettings`; the variant's values for the others.

    Raises:
        ValueError: A hyperparameter is out of its range.

    >>> model = CLIF(4, 2, hidden=8, embedding=4)
    >>> model.prepare(torch.zeros(3, 4), torch.tensor([[1, 1], [1, 0], [0, 0]]))
    >>> model.graph_LL
    tensor([[0.0000, 0.7500],
            [0.7500, 0.0000]])
    >>> model(torch.zeros(3, 4)).shape
    torch.Size([3, 2])
    """

    settings_class = CLIFSettings
    takes_label_loss = True
    graph_LL: Tensor
    node_inputs_LL: Tensor

    def __init__(self, num_features: int, num_labels: int, *, variant: str = "authors", **hyperparameters: Any) -> None:
        super().__init__()
        check_sizes(num_features=num_features, num_labels=num_labels)
        settings = choose_settings(
            {
                "authors": CLIFSettings(),
                "comparison": CLIFSettings(hidden=768, embedding=num_labels, feature_layers=3, dropout=0.2),
            },
            variant,
            **hyperparameters,
        )
        h, e = settings.hidden, settings.embedding
        self.variant, self.settings = variant, settings
        graph = torch.eye(num_labels) if variant == "comparison" else torch.full((num_labels, num_labels), torch.nan)
        self.register_buffer("graph_LL", graph)
        self.register_buffer("node_inputs_LL", torch.randn(num_labels, num_labels))
        narrow = (e + 1) // 2
        self.graph_layers = nn.ModuleList(
            GraphLayer((width, narrow, e), num_labels, settings.dropout) for width in (num_labels, e)
        )
        self.gate = nn.Linear(e, h)
        self.features = LinearLayers(
            [num_features, *[h] * settings.feature_layers], slope=SLOPE, dropout=settings.dropout
        )
        self.specific = nn.Linear(h, h)
        self.classifier = LabelClassifier(num_labels, h)
        nn.init.kaiming_uniform_(self.gate.weight, nonlinearity="linear")
        nn.init.zeros_(self.gate.bias)
        initialize(self.specific, SLOPE)
        self._has_graph = variant == "comparison"

    def prepare(self, features: Tensor, labels: Tensor) -> None:
        """Derive the label graph from the labels of the training part, `(N, L)` of 0/1 or NaN.

        Raises:
            ValueError: The labels are not those of L labels.
        """
        num_labels = len(self.graph_LL)
        if labels.ndim != 2 or labels.shape[1] != num_labels:
            raise ValueError(f"labels must have the shape (N, {num_labels}), got {tuple(labels.shape)}")
        if self.variant != "comparison":
            self.graph_LL.copy_(cooccurrence_graph(labels))
            self._has_graph = True

    def forward(self, x: Tensor) -> Tensor:
        """Predict: `(B, D)` features to `(B, L)` logits.

        Raises:
            RuntimeError: Neither `prepare` nor a loaded state has given the label graph yet.
        """
        return self._logits(x, self._embeddings())

    def training_loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return cross-entropy over the known cells plus the weighted link loss, and the logits of the same pass."""
        embeddings_LE = self._embeddings()
        logits_BL = self._logits(x, embeddings_LE)
        loss = self.label_loss(logits_BL, y)
        return loss + self.settings.graph_weight * link_loss(embeddings_LE, self.graph_LL), logits_BL

    def _embeddings(self) -> Tensor:
        if not self._has_graph:
            raise RuntimeError("CLIF has no label graph yet: call model.prepare(features, labels) before training")
        nodes_LE = self.node_inputs_LL
        with full_precision(nodes_LE):
            for layer in self.graph_layers:
                nodes_LE = layer(nodes_LE, self.graph_LL)
        return nodes_LE

    def _logits(self, x: Tensor, embeddings_LE: Tensor) -> Tensor:
        features_Bh = self.features(x)
        with full_precision(embeddings_LE):
            gates_Lh = self.gate(embeddings_LE)
        if self.variant != "comparison":
            gates_Lh = gates_Lh.sigmoid()
        weight_hh, bias_h = self.specific.weight, self.specific.bias

        def logits_of(gates_Ch: Tensor, weight_Ch: Tensor, bias_C: Tensor) -> Tensor:
            gated_BCh = features_Bh[:, None] * gates_Ch
            specific_BCh = leaky_relu(linear(gated_BCh, weight_hh, bias_h), SLOPE, inplace=True)
            return classify(specific_BCh, weight_Ch, bias_C)

        tables = (gates_Lh, self.classifier.weight, self.classifier.bias)
        logits_BL = over_labels(logits_of, tables, features_Bh.numel(), kept_per_label=2 * features_Bh.numel())
        return logits_BL.to(self.classifier.bias.dtype)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *rest)
        self._has_graph = not bool(self.graph_LL.isnan().any())


class GraphLayer(nn.Module):
    """One layer of a graph isomorphism network: H ← MLP((1 + ε) H + A H), plus H where the widths agree.

    Args:
        widths: Width of the input, then of each linear layer. Normalisation over the nodes, a leaky ReLU and dropout
            follow each.
        num_nodes: L.
        dropout: Share of units dropped in training.
    """

    def __init__(self, widths: Sequence[int], num_nodes: int, dropout: float) -> None:
        super().__init__()
        self.self_weight = nn.Parameter(torch.zeros(()))
        self.layers = nn.ModuleList(nn.Linear(wide, narrow) for wide, narrow in pairwise(widths))
        self.norms = nn.ModuleList(NodeNorm(width) if num_nodes > 1 else nn.Identity() for width in widths[1:])
        self.dropout = dropout
        for layer in self.layers:
            initialize(layer, SLOPE)

    def forward(self, nodes: Tensor, graph_LL: Tensor) -> Tensor:
        """Map `(L, in)` and the graph `(L, L)` to `(L, out)`."""
        out = (1 + self.self_weight) * nodes + graph_LL @ nodes
        for layer, norm in zip(self.layers, self.norms, strict=True):
            out = dropout(leaky_relu(norm(layer(out)), SLOPE), self.dropout, training=self.training)
        return out + nodes if out.shape == nodes.shape else out


class NodeNorm(nn.Module):
    """Batch normalisation over the nodes of a graph, by their own statistics in training and at evaluation.

    Not one of torch's classes, so that no conversion to synchronised statistics finds it.

    Args:
        width: Numbers of each node.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, nodes: Tensor) -> Tensor:
        """Normalize `(L, width)` to mean 0 and variance 1 over the nodes, then scale and shift it."""
        variance, mean = torch.var_mean(nodes, dim=0, correction=0)
        return (nodes - mean) * torch.rsqrt(variance + 1e-5) * self.weight + self.bias


def cooccurrence_graph(labels: Tensor) -> Tensor:
    """Return the symmetrised conditional probabilities of labels: `(N, L)` of 0/1 or NaN to `(L, L)` in [0, 1].

    A_ij = (P(j given i) + P(i given j)) / 2 for i ≠ j, P(j given i) = n_ij / n_i, counted over the samples whose i and
    j are both known. A label without positives has no neighbours.

    >>> cooccurrence_graph(torch.tensor([[1, 1], [1, 0]]))
    tensor([[0.0000, 0.7500],
            [0.7500, 0.0000]])
    """
    dtype = torch.promote_types(labels.dtype, torch.get_default_dtype())  # half precision counts to 2,048 only
    positive_NL = (labels == 1).to(dtype)
    known_NL = (~labels.isnan()).to(dtype)
    with full_precision(positive_NL):
        pairs_LL = positive_NL.T @ positive_NL
        conditional_LL = pairs_LL / (positive_NL.T @ known_NL).clamp(min=TINY)
    return ((conditional_LL + conditional_LL.T) / 2).fill_diagonal_(0.0)


def link_loss(embeddings_LE: Tensor, graph_LL: Tensor) -> Tensor:
    """Return the mean squared difference between A + I and the cosines of the embeddings; a scalar, not negative.

    >>> link_loss(torch.eye(2), torch.eye(2)).item()
    0.5000...
    """
    direction_LE = embeddings_LE / (embeddings_LE.norm(dim=1, keepdim=True) + TINY)
    target_LL = graph_LL + torch.eye(len(graph_LL), dtype=graph_LL.dtype, device=graph_LL.device)
    with full_precision(direction_LE):
        loss: Tensor = (target_LL - direction_LE @ direction_LE.T).square().mean()
    return loss
