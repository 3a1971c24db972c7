"""What a data set of pictures is.

Shape suffixes: N samples, L labels.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from batchsift.data.images.parts import PARTS
from batchsift.data.images.pictures import Pictures
from batchsift.data.labelled import Labelled, checked_labels, checked_names, positions

if TYPE_CHECKING:
    from batchsift.data.images.describe import ImageDescription


@dataclass(frozen=True, eq=False)
class ImageData(Labelled):
    """Labels in memory, and the place of the picture of each sample.

    Args:
        pictures: Where the N pictures are: `ImageFiles`, `ImageColumn`, `ImageArrays`, or a class of your own with the
            methods of `Pictures`.
        labels: `(N, L)` of 0 and 1, dense or sparse, stored as a uint8 array; with NaN where a cell is not labelled,
            as float32.
        label_names: L names, one a column of `labels`.
        name: What tables and plots call the data set.
        split: `(N,)` texts: the part that the source puts each sample into, `"train"`, `"validation"` or `"test"`;
            empty for a sample that it puts into none. None where the source divides nothing.

    Raises:
        ValueError: If a shape, the number of names, a label value or a part is not as above.

    >>> from batchsift.data.images import ImageFiles
    >>> data = ImageData(ImageFiles.of("cats", ["a.jpg", "b.jpg"]), [[1, 1], [0, 1]], ("tabby", "asleep"), "cats")
    >>> data.num_samples, data.num_labels, data.cardinality
    (2, 2, 1.5)
    >>> data.select(rows=[1], labels=[True, False])
    ImageData('cats', 1 pictures x 1 labels)
    """

    pictures: Pictures
    labels: npt.NDArray[Any]
    label_names: tuple[str, ...]
    name: str = ""
    split: npt.NDArray[np.str_] | None = None

    def __post_init__(self) -> None:
        labels = checked_labels(self.labels)
        if len(self.pictures) != len(labels):
            raise ValueError(
                f"there are {len(self.pictures)} pictures and {len(labels)} rows of labels; expected one row for each"
            )
        # The dataclass is frozen for its users; this is the one moment at which it is still being made.
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "label_names", checked_names("label", self.label_names, labels))
        object.__setattr__(self, "split", None if self.split is None else _checked_split(self.split, len(labels)))

    @property
    def num_features(self) -> int:
        """0: pictures have no features."""
        return 0

    def select(self, *, rows: npt.ArrayLike | None = None, labels: npt.ArrayLike | None = None) -> Self:
        """Return some of the samples or labels, in the order asked for.

        Args:
            rows: Indices, or a mask of N; all samples by default.
            labels: Indices, or a mask of L; all labels by default.

        Raises:
            IndexError: An index out of range, or a mask of another length.
            ValueError: Nothing would be left.
        """
        pictures, matrix, names, split = self.pictures, self.labels, self.label_names, self.split
        if rows is not None:
            chosen = positions(rows, self.num_samples)
            pictures, matrix, split = pictures.select(chosen), matrix[chosen], None if split is None else split[chosen]
        if labels is not None:
            chosen = positions(labels, self.num_labels)
            matrix, names = matrix[:, chosen], tuple(names[column] for column in chosen)
        return replace(self, pictures=pictures, labels=matrix, label_names=names, split=split)

    def rows_of(self, part: str) -> npt.NDArray[np.int64]:
        """Return the rows that the source puts into a part; none where it divides nothing.

        Args:
            part: `"train"`, `"validation"` or `"test"`.

        Raises:
            ValueError: Another word.
        """
        if part not in PARTS:
            raise ValueError(f"there is no part {part!r}; expected one of {', '.join(PARTS)}")
        return np.flatnonzero(self.split == part) if self.split is not None else np.arange(0)

    def describe(self) -> "ImageDescription":
        """Describe what the data set is like: labels, imbalance, sizes; see `batchsift.data.images.describe`."""
        from batchsift.data.images.describe import describe_images  # noqa: PLC0415 (Pillow)

        return describe_images(self)

    def __repr__(self) -> str:
        return f"ImageData({self.name!r}, {self.num_samples} pictures x {self.num_labels} labels)"


def check_no_pictures(data: object, source: object = None) -> None:
    """Check that data which need features hold no pictures.

    Args:
        data: What was given or loaded.
        source: What it was loaded from, for the message.

    Raises:
        ValueError: The data are an `ImageData`.
    """
    if isinstance(data, ImageData):
        told = f"got {data}" if source is None else f"{source} holds pictures: {data}"
        raise ValueError(
            f"{told}; expected a data set with features. A training loop of your own takes pictures: "
            "batchsift.data.images.ImageDataset makes tensors of them"
        )


def _checked_split(split: Any, num_samples: int) -> npt.NDArray[np.str_]:
    parts = np.asarray(split, dtype=str)
    wrong = sorted(set(np.unique(parts).tolist()) - {*PARTS, ""})
    if parts.shape != (num_samples,) or wrong:
        raise ValueError(
            f"split has the shape {parts.shape}{f' and holds {wrong[0]!r}' if wrong else ''}; expected one of "
            f"{', '.join(PARTS)}, or an empty text, for each of {num_samples} samples"
        )
    return parts
