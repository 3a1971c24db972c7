"""Query2Label: a learned query for each label attends to the places of the map in a transformer.

Citation:
    S. Liu, L. Zhang, X. Yang, H. Su, J. Zhu. Query2Label: A Simple Transformer Way to Multi-Label Classification.
    arXiv 2107.10834, 2021.

Shapes: B batch, C channels, H and W rows and columns of the map, N = H W, e width, L labels.

| symbol | variable | |
| --- | --- | --- |
| F | `places_BNe` | the map's places projected C -> e; as they are where C = e |
| P | `position_Ne` | sine code of the places |
| Q | `queries_Le` | learned, standard normal at first |
| t | `t_BLe` | 0 at first, `(L, e)` for each picture |
| s_bl | | w_l · LN(t_bl) + c_l, w and c uniform in ±1/√e |

With A(q, k, v) attention and M(t) = W2 drop(ReLU(W1 t)), each layer of the encoder is

    F ← LN(F + drop(A(F + P, F + P, F)));  F ← LN(F + drop(M(F)))

and each of the decoder

    t ← LN(t + drop(A(t + Q, t + Q, t)));  t ← LN(t + drop(A(t + Q, F + P, F)));  t ← LN(t + drop(M(t)))

Sine code: half of e for the row, half for the column. Row r of H, counted from 1, is the angle 2π r / H; the numbers 2k
and 2k + 1 of a half are sine and cosine of the angle over 10000^(2k / (e/2)).

Choices:
    - Codes are added to what attends and is attended to, not to the values.
    - The labels attend to each other in both decoder layers, as the paper draws it. (The authors' code has options that
      take this out.)
    - Weight matrices of the transformer start Glorot-uniform, as the authors' do.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, relu

from batchsift.models.images.heads import Head
from batchsift.models.layers import LabelClassifier, classify
from batchsift.models.settings import check_dropout, check_sizes

LONGEST_PERIOD = 10_000.0  # of the sine code, in times of the shortest


@dataclass(frozen=True, kw_only=True)
class Query2LabelSettings:
    """Hyperparameters of Query2Label.

    Args:
        width: e, a multiple of 4 and of `heads`.
        heads: Heads of each attention.
        inner: Width between W1 and W2.
        encoder_layers: Layers over the places.
        decoder_layers: Layers over the labels.
        dropout: Share of units dropped in training, in [0, 1).
    """

    width: int = 2048
    heads: int = 4
    inner: int = 8192
    encoder_layers: int = 1
    decoder_layers: int = 2
    dropout: float = 0.1

    def __post_init__(self) -> None:
        check_sizes(
            width=self.width,
            heads=self.heads,
            inner=self.inner,
            encoder_layers=self.encoder_layers,
            decoder_layers=self.decoder_layers,
        )
        check_dropout(dropout=self.dropout)
        if self.width % math.lcm(4, self.heads):
            raise ValueError(f"width must be a multiple of 4 and of heads={self.heads}, got {self.width}")


class Query2Label(Head):
    """A transformer with a query for each label; see `Head` for the arguments.

    >>> head = Query2Label(16, 7, width=8, heads=2, inner=4)
    >>> head(torch.zeros(2, 16, 5, 5)).shape
    torch.Size([2, 7])
    """

    settings_class = Query2LabelSettings
    settings: Query2LabelSettings

    def __init__(self, channels: int, num_labels: int, **hyperparameters: Any) -> None:
        super().__init__(channels, num_labels, **hyperparameters)
        e = self.settings.width
        self.projection = nn.Identity() if channels == e else nn.Linear(channels, e)
        self.encoder = nn.ModuleList(EncoderLayer(self.settings) for _ in range(self.settings.encoder_layers))
        self.decoder = nn.ModuleList(DecoderLayer(self.settings) for _ in range(self.settings.decoder_layers))
        self.norm = nn.LayerNorm(e)
        self.queries_Le = nn.Parameter(torch.randn(num_labels, e))
        self.classifier = LabelClassifier(num_labels, e)
        for parameter in (*self.encoder.parameters(), *self.decoder.parameters()):
            if parameter.ndim > 1:
                nn.init.xavier_uniform_(parameter)

    def forward(self, map_BCHW: Tensor) -> Tensor:
        """Map `(B, C, H, W)` to `(B, L)` logits."""
        places_BNe = self.projection(map_BCHW.flatten(2).transpose(1, 2))
        position_Ne = sine_code(map_BCHW.shape[2], map_BCHW.shape[3], self.settings.width, like=places_BNe)
        for layer in self.encoder:
            places_BNe = layer(places_BNe, position_Ne)
        t_BLe = torch.zeros_like(self.queries_Le).expand(len(map_BCHW), -1, -1)
        for layer in self.decoder:
            t_BLe = layer(t_BLe, self.queries_Le, places_BNe, position_Ne)
        return classify(self.norm(t_BLe), self.classifier.weight, self.classifier.bias)


class TransformerLayer(nn.Module):
    """What encoder and decoder layers share: attention and a feed-forward part, each added and normalised."""

    def __init__(self, settings: Query2LabelSettings, attentions: int) -> None:
        super().__init__()
        e = settings.width
        self.attentions = nn.ModuleList(
            nn.MultiheadAttention(e, settings.heads, dropout=settings.dropout, batch_first=True)
            for _ in range(attentions)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(e) for _ in range(attentions + 1))
        self.widening, self.narrowing = nn.Linear(e, settings.inner), nn.Linear(settings.inner, e)
        self.dropout = settings.dropout

    def attend(self, number: int, t: Tensor, code: Tensor, memory: Tensor, memory_code: Tensor) -> Tensor:
        """Return LN(t + drop(attention(t + code, memory + code, memory)))."""
        attended, _ = self.attentions[number](t + code, memory + memory_code, memory, need_weights=False)
        added: Tensor = self.norms[number](t + self._drop(attended))
        return added

    def feed_forward(self, t: Tensor) -> Tensor:
        """Return LN(t + drop(W2 drop(ReLU(W1 t))))."""
        added: Tensor = self.norms[-1](t + self._drop(self.narrowing(self._drop(relu(self.widening(t))))))
        return added

    def _drop(self, x: Tensor) -> Tensor:
        return dropout(x, self.dropout, training=self.training)


class EncoderLayer(TransformerLayer):
    """Places attend to places."""

    def __init__(self, settings: Query2LabelSettings) -> None:
        super().__init__(settings, attentions=1)

    def forward(self, places_BNe: Tensor, position_Ne: Tensor) -> Tensor:
        """Map `(B, N, e)` to `(B, N, e)`."""
        return self.feed_forward(self.attend(0, places_BNe, position_Ne, places_BNe, position_Ne))


class DecoderLayer(TransformerLayer):
    """Labels attend to labels, then to places."""

    def __init__(self, settings: Query2LabelSettings) -> None:
        super().__init__(settings, attentions=2)

    def forward(self, t_BLe: Tensor, queries_Le: Tensor, places_BNe: Tensor, position_Ne: Tensor) -> Tensor:
        """Map `(B, L, e)` to `(B, L, e)`."""
        t_BLe = self.attend(0, t_BLe, queries_Le, t_BLe, queries_Le)
        return self.feed_forward(self.attend(1, t_BLe, queries_Le, places_BNe, position_Ne))


def sine_code(rows: int, columns: int, width: int, *, like: Tensor) -> Tensor:
    """Return the sine code of the places of a map, row by row: `(N, e)` in [-1, 1].

    Args:
        rows: H.
        columns: W.
        width: e, a multiple of 4.
        like: A tensor of the dtype and device wanted.

    >>> sine_code(1, 4, 4, like=torch.zeros(())).round(decimals=4)[0]
    tensor([0., 1., 1., -0.])
    """
    half = width // 2
    pairs = torch.arange(half // 2, dtype=torch.float32, device=like.device)
    frequency_k = LONGEST_PERIOD ** (-2 * pairs / half)

    def code(count: int) -> Tensor:
        places = torch.arange(1, count + 1, dtype=torch.float32, device=like.device)
        angle = (2 * math.pi / count) * places[:, None] * frequency_k
        return torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)

    row_HWe = code(rows)[:, None].expand(rows, columns, half)
    column_HWe = code(columns)[None].expand(rows, columns, half)
    return torch.cat([row_HWe, column_HWe], dim=2).flatten(0, 1).to(like.dtype)
