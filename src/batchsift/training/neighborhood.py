"""Neighbors of pictures for the methods that look at them: found in embeddings, and renewed while the model learns.

Shapes: N training samples, C channels of an embedding, K neighbors.
"""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from batchsift.methods import D2ACE, Method
from batchsift.models import BaseModel
from batchsift.models.images import ImageModel
from batchsift.training.picture_rows import PictureRows

ROWS = 4096  # embedded at a time, at most


@runtime_checkable
class RenewsNeighbors(Protocol):
    """A method whose neighbors can be renewed between epochs."""

    neighbors: Any
    warmup_epochs: int

    def renew_neighbors(self, *, features: Any = None, neighbors: Any = None) -> None:
        """Put other neighbors in the place of those it looks at."""


@dataclass(frozen=True, eq=False)
class Neighborhood:
    """Where a method that looks at neighbors finds those of pictures.

    Args:
        rows: The pictures that are trained on.
        epochs: The epochs of the training.
    """

    rows: PictureRows
    epochs: int

    @classmethod
    def of(cls, method: Method, rows: Any, epochs: int) -> "Neighborhood | None":
        """Return the neighborhood; None for features, and for a method that looks at no neighbors or has been given.

        Args:
            method: The method, before it serves a selector.
            rows: The features of the part that is trained on.
            epochs: The epochs of the training.
        """
        switched_off = isinstance(method, D2ACE) and not method.correlation
        looks = isinstance(method, RenewsNeighbors) and method.neighbors is None and not switched_off
        if not isinstance(rows, PictureRows) or not looks:
            return None
        return cls(rows, epochs)

    def first_options(self) -> dict[str, Any]:
        """Return the option that a method begins with where there are no neighbors yet, `(N, 0)`."""
        if self.rows.settings.neighbors == "pretrained":
            return {}
        return {"neighbors": torch.empty(self.rows.data.num_samples, 0, dtype=torch.int64, device="cpu")}

    def first_features(self, network: BaseModel, *, pretrained: bool) -> Tensor | None:
        """Return `(N, C)` embeddings to find neighbors in before the training; None where there are none yet.

        Args:
            network: The model before its first step.
            pretrained: Whether the weights of its backbone were loaded.

        Raises:
            ValueError: They are to be those of a pretrained backbone, which it is not.
        """
        if self.rows.settings.neighbors != "pretrained":
            return None
        if not pretrained:
            raise ValueError(
                "neighbors='pretrained' came with a backbone whose weights are not loaded: neighbors in embeddings of "
                "an untrained network are no better than chance; take neighbors='model', or a pretrained backbone"
            )
        return self.embed(network)

    def renew_if_due(self, method: Method, network: BaseModel, epoch: int) -> None:
        """Give a method the neighbors that the network sees at the end of an epoch, first that of the warm-up's last.

        Args:
            method: The method, which serves a selector.
            network: The model that predicts.
            epoch: The epoch that ends, counted from 0.

        Raises:
            PictureError: A picture cannot be decoded; the message names it.
        """
        if self.rows.settings.neighbors != "model" or not isinstance(method, RenewsNeighbors):
            return
        first = max(method.warmup_epochs, 1) - 1
        if first <= epoch < self.epochs - 1 and (epoch - first) % self.rows.settings.neighbor_epochs == 0:
            method.renew_neighbors(features=self.embed(network))

    @torch.no_grad()
    def embed(self, network: BaseModel) -> Tensor:
        """Return the embeddings of all pictures, without augmentation: `(N, C)` float32 on the CPU."""
        if not isinstance(network, ImageModel):
            raise TypeError(f"got {type(network).__name__}; expected a model of pictures")
        network.eval()
        return torch.cat([network.embed(pictures).float().cpu() for pictures in self.rows.split(ROWS)])
