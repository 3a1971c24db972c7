"""ML-Decoder: group queries attend to the places of the map, and each answers for a group of labels.

Citation:
    T. Ridnik, G. Sharir, A. Ben-Cohen, E. Ben-Baruch, A. Noy. ML-Decoder: Scalable and Versatile Classification Head.
    WACV 2023, arXiv 2111.12933.

Cross-attention from fixed queries replaces global pooling; there is no attention among the queries, so that the cost is
linear in their number.

Shapes: B batch, C channels, H and W rows and columns of the map, N = H W, K queries, g labels of a query, e width,
L labels.

| symbol | variable | |
| --- | --- | --- |
| V | `places_BNe` | ReLU(W F + b), C -> e |
| K | `num_queries` | min(groups, L); with groups ≥ L each label has a query (full decoding) |
| t⁰ | `queries_Ke` | standard normal, drawn once, fixed |
| t | `t_BKe` | LN(t + drop(t)), then LN(t + drop(attention(t, V, V))), then LN(t + drop(W2 drop(ReLU(W1 t)))) |
| g | `group_size` | ⌈L / K⌉ |
| Q_k | `group_Keg` | (e x g) of query k, Glorot-normal each by itself |
| s | | t_k Q_k of all k one after another, the first L of these K g, plus a bias that starts at 0 |

Choices:
    - At evaluation the first step is LN(2 t⁰).
    - With K g > L the last columns answer for no label, and their gradient is 0.

Deviations from the authors' code: g is the true ceiling (theirs is too small when L / K exceeds an integer by less than
0.001), and Q_k is scaled by its own fan-in and fan-out (theirs by those of the whole tensor).
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, relu

from batchsift.models.images.heads import Head
from batchsift.models.settings import check_dropout, check_sizes


@dataclass(frozen=True, kw_only=True)
class MLDecoderSettings:
    """Hyperparameters of ML-Decoder.

    Args:
        groups: Queries at most.
        width: e, a multiple of `heads`.
        heads: Heads of the attention.
        inner: Width between W1 and W2.
        dropout: Share of units dropped in training, in [0, 1).
    """

    groups: int = 100
    width: int = 768
    heads: int = 8
    inner: int = 2048
    dropout: float = 0.1

    def __post_init__(self) -> None:
        check_sizes(groups=self.groups, width=self.width, heads=self.heads, inner=self.inner)
        check_dropout(dropout=self.dropout)
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads={self.heads}, got {self.width}")


class MLDecoder(Head):
    """Cross-attention of fixed group queries; see `Head` for the arguments.

    >>> head = MLDecoder(16, 7, groups=3, width=8, heads=2, inner=4)
    >>> head(torch.zeros(2, 16, 5, 5)).shape, head.group_size
    (torch.Size([2, 7]), 3)
    """

    settings_class = MLDecoderSettings
    settings: MLDecoderSettings
    queries_Ke: Tensor

    def __init__(self, channels: int, num_labels: int, **hyperparameters: Any) -> None:
        super().__init__(channels, num_labels, **hyperparameters)
        e = self.settings.width
        self.num_labels, self.num_queries = num_labels, min(self.settings.groups, num_labels)
        self.group_size = -(-num_labels // self.num_queries)
        self.embedding = nn.Linear(channels, e)
        self.register_buffer("queries_Ke", torch.randn(self.num_queries, e))
        self.attention = nn.MultiheadAttention(e, self.settings.heads, dropout=self.settings.dropout, batch_first=True)
        self.widening, self.narrowing = nn.Linear(e, self.settings.inner), nn.Linear(self.settings.inner, e)
        self.norms = nn.ModuleList(nn.LayerNorm(e) for _ in range(3))
        self.group_Keg = nn.Parameter(torch.empty(self.num_queries, e, self.group_size))
        self.bias_L = nn.Parameter(torch.zeros(num_labels))
        for group_eg in self.group_Keg:
            nn.init.xavier_normal_(group_eg)

    def forward(self, map_BCHW: Tensor) -> Tensor:
        """Map `(B, C, H, W)` to `(B, L)` logits."""
        places_BNe = relu(self.embedding(map_BCHW.flatten(2).transpose(1, 2)))
        t_BKe = self.queries_Ke.expand(len(map_BCHW), -1, -1)
        t_BKe = self.norms[0](t_BKe + self._drop(t_BKe))
        attended_BKe, _ = self.attention(t_BKe, places_BNe, places_BNe, need_weights=False)
        t_BKe = self.norms[1](t_BKe + self._drop(attended_BKe))
        t_BKe = self.norms[2](t_BKe + self._drop(self.narrowing(self._drop(relu(self.widening(t_BKe))))))
        scores_BKg = torch.einsum("bke,keg->bkg", t_BKe, self.group_Keg)
        return scores_BKg.flatten(1)[:, : self.num_labels] + self.bias_L

    def _drop(self, x: Tensor) -> Tensor:
        return dropout(x, self.settings.dropout, training=self.training)
