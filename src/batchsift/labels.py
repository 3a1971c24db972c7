"""What a label matrix is: which labels each sample has, and which cells are not labelled at all."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from batchsift.devices import check_device
from batchsift.functional.chunks import row_chunks
from batchsift.matrices import as_matrix


@dataclass(frozen=True, eq=False)
class LabelMatrix:
    """Validated labels of N samples and L labels; they are not to be changed.

    Attributes:
        positive_NL: Boolean: the sample is known to have the label.
        known_NL: Boolean: the cell is labelled; None when all cells are.
    """

    positive_NL: Tensor
    known_NL: Tensor | None

    @classmethod
    def of(cls, labels: Any, device: torch.device | str | None = None) -> Self:
        """Read `(N, L)` labels of 0, 1 and NaN ("not labelled"); a copy.

        Args:
            labels: Tensor, array, nested list, data frame or scipy sparse matrix.
            device: Where the result lives; where `labels` lives by default.

        Raises:
            ValueError: Another shape, nothing in it, values other than 0, 1 and NaN, or a device that cannot be used.
        """
        if device is not None:
            check_device(device)
        matrix = _as_matrix(labels)
        if device is None:
            device = labels.device if isinstance(labels, Tensor) else "cpu"
        if matrix.ndim != 2 or 0 in matrix.shape:
            hint = " (one label? pass labels[:, None])" if matrix.ndim == 1 else ""
            raise ValueError(
                f"labels must be a matrix (N, L) of at least one sample and one label, got {matrix.shape}{hint}"
            )
        positive_NL = np.empty(matrix.shape, dtype=bool)
        known_NL = None
        for rows in row_chunks(matrix.shape):  # nothing else as large as the labels is made on the way
            array = matrix[rows].toarray() if hasattr(matrix, "toarray") else matrix[rows]
            positive = np.equal(array, 1, out=positive_NL[rows])
            other = ~(positive | (array == 0))
            if not other.any():
                continue
            unknown = np.isnan(array) if array.dtype.kind == "f" else np.zeros(array.shape, dtype=bool)
            _refuse(array, other & ~unknown, rows.start)
            known_NL = np.ones(matrix.shape, dtype=bool) if known_NL is None else known_NL
            known_NL[rows] = ~unknown
        known = None if known_NL is None else torch.from_numpy(known_NL).to(device)
        return cls(torch.from_numpy(positive_NL).to(device), known)

    @classmethod
    def sharing(cls, labels: Tensor) -> Self:
        """Read what `tensor` gave, without a copy where all cells are labelled."""
        plain = isinstance(labels, Tensor) and labels.dtype == torch.uint8 and labels.ndim == 2 and labels.numel() > 0
        return cls(labels.view(torch.bool), None) if plain and int(labels.max()) <= 1 else cls.of(labels)

    @property
    def num_samples(self) -> int:
        """The number of samples, N."""
        return self.positive_NL.shape[0]

    @property
    def num_labels(self) -> int:
        """The number of labels, L."""
        return self.positive_NL.shape[1]

    def tensor(self) -> Tensor:
        """Return the labels as `(N, L)` uint8 of 0 and 1, or as float32 with NaN if some cells are not labelled."""
        if self.known_NL is None:
            return self.positive_NL.view(torch.uint8)
        return self.positive_NL.float().masked_fill(~self.known_NL, float("nan"))

    def of_rows(self, rows: slice) -> Self:
        """Return the labels of consecutive samples, not copied."""
        return type(self)(self.positive_NL[rows], None if self.known_NL is None else self.known_NL[rows])

    def masked(self, values: Tensor, rows: slice = slice(None)) -> Tensor:
        """Return the values `(N, L)`, or `(R, L)` of consecutive rows, with 0 in the cells that are not labelled."""
        return values if self.known_NL is None else values.where(self.known_NL[rows], 0.0)

    def fingerprint(self) -> str:
        """Return a hash of shape and content, equal for equal labels whatever form they came in."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        digest = hashlib.blake2b(f"{self.num_samples} x {self.num_labels}".encode(), digest_size=16)
        for part in (self.positive_NL, self.known_NL):
            if part is not None:
                for rows in row_chunks(part.shape):  # multiples of eight rows: whole bytes
                    digest.update(np.packbits(part[rows].cpu().numpy()).data)
        return digest.hexdigest()


def _refuse(array: np.ndarray[Any, np.dtype[Any]], wrong: np.ndarray[Any, np.dtype[Any]], first_row: int) -> None:
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ValueError(
            f"labels must be 0, 1 or NaN (not labelled), got {array[row, column]!s} for sample {first_row + row}, "
            f"label {column}: map -1/+1 labels with (labels + 1) / 2 and cut soft labels at a threshold first"
        )


def _as_matrix(labels: Any) -> Any:
    """Return labels as an array, or as a scipy sparse matrix whose rows can be cut out."""
    matrix = as_matrix(labels, "labels")
    if hasattr(matrix, "tocsr") and matrix.ndim == 2:
        matrix = matrix.tocsr()
    if matrix.dtype.kind not in "biuf":
        raise ValueError(
            f"labels must be numbers 0, 1 or NaN, got {type(labels).__name__} of {matrix.dtype}: make one 0/1 column "
            "for each label (scikit-learn's MultiLabelBinarizer does)"
        )
    return matrix
