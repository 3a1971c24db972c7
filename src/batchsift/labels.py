"""What a label matrix is: which labels each sample has, and which cells are not labelled at all."""

import hashlib
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class LabelMatrix:
    """Validated labels of N samples and L labels.

    Attributes:
        positive_NL: Boolean: the sample is known to have the label.
        known_NL: Boolean: the cell is labelled; None when all cells are.
    """

    positive_NL: Tensor
    known_NL: Tensor | None

    @classmethod
    def of(cls, labels: Any, device: torch.device | str | None = None) -> Self:
        """Read `(N, L)` labels of 0, 1 and NaN ("not labelled").

        Args:
            labels: Tensor, array, nested list, data frame or scipy sparse matrix.
            device: Where the result lives; where `labels` lives by default.

        Raises:
            ValueError: Another shape, nothing in it, or values other than 0, 1 and NaN.
        """
        if device is None:
            device = labels.device if isinstance(labels, Tensor) else "cpu"
        array = _as_array(labels)
        if array.ndim != 2 or 0 in array.shape:
            hint = " (one label? pass labels[:, None])" if array.ndim == 1 else ""
            raise ValueError(
                f"labels must be a matrix (N, L) of at least one sample and one label, got {array.shape}{hint}"
            )
        positive = array == 1
        unknown = np.isnan(array) if array.dtype.kind == "f" else np.zeros((), dtype=bool)
        wrong = ~(positive | (array == 0) | unknown)
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise ValueError(
                f"labels must be 0, 1 or NaN (not labelled), got {array[row, column]!s} for sample {row}, label "
                f"{column}: map -1/+1 labels with (labels + 1) / 2 and cut soft labels at a threshold first"
            )
        known = torch.from_numpy(~unknown).to(device) if unknown.any() else None
        return cls(torch.from_numpy(positive).to(device), known)

    @property
    def num_samples(self) -> int:
        """N."""
        return self.positive_NL.shape[0]

    @property
    def num_labels(self) -> int:
        """L."""
        return self.positive_NL.shape[1]

    def tensor(self) -> Tensor:
        """The labels as `(N, L)` uint8 of 0 and 1, or as float32 with NaN if some cells are not labelled."""
        if self.known_NL is None:
            return self.positive_NL.view(torch.uint8)
        return self.positive_NL.float().masked_fill(~self.known_NL, float("nan"))

    def masked(self, values_NL: Tensor) -> Tensor:
        """The values with 0 in the cells that are not labelled."""
        return values_NL if self.known_NL is None else values_NL.where(self.known_NL, 0.0)

    def fingerprint(self) -> str:
        """A hash of shape and content, equal for equal labels whatever form they came in."""
        digest = hashlib.blake2b(f"{self.num_samples} x {self.num_labels}".encode(), digest_size=16)
        for part in (self.positive_NL, self.known_NL):
            if part is not None:
                digest.update(np.packbits(part.cpu().numpy()).data)
        return digest.hexdigest()


def _as_array(labels: Any) -> np.ndarray[Any, np.dtype[Any]]:
    if isinstance(labels, Tensor):
        labels = labels.detach().cpu()
        labels = labels.to_dense() if labels.layout is not torch.strided else labels
        labels = labels.float() if labels.dtype == torch.bfloat16 else labels
    elif hasattr(labels, "toarray"):
        labels = labels.toarray()
    try:
        array = np.asarray(labels)
    except ValueError as error:
        raise ValueError(f"labels must be a matrix (N, L) with rows of one length: {error}") from error
    if array.dtype == object and array.ndim == 2:  # a data frame of mixed columns
        array = array.astype(np.float64)
    if array.dtype.kind not in "biuf":
        raise ValueError(
            f"labels must be numbers 0, 1 or NaN, got {type(labels).__name__} of {array.dtype}: make one 0/1 column "
            "for each label (scikit-learn's MultiLabelBinarizer does)"
        )
    return array
