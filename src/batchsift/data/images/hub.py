"""Picture columns of Hugging Face data sets; `readers.hf` reads their labels. N samples, L labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from batchsift.data.images.dataset import ImageData
from batchsift.data.images.pictures import ImageColumn
from batchsift.data.readers.columns import named_column
from batchsift.data.readers.hf import check_dataset, labels_of_dataset


def images_from_hf(
    dataset: Any, *, image: str = "image", labels: str | Sequence[str], delimiter: str | None = None, name: str = "data"
) -> ImageData:
    """Make a data set of a picture column and label columns of a `datasets.Dataset`.

    Pictures stay where they are, in files or in the mapped table, and are decoded when they are asked for.

    Args:
        dataset: One split, in memory or mapped; not a stream.
        image: The column of pictures (`datasets.Image`).
        labels: One column of lists (of class labels, of texts, of numbers, or one 0/1 value for each label), of class
            labels or of delimited tags; or columns of 0/1 or booleans, one for each label.
        delimiter: What parts tags; by default the one of `|`, `;` and `,` that occurs.
        name: The data set's name.

    Raises:
        TypeError: Not a `datasets.Dataset`.
        ValueError: No such column, or one that is not as above.
    """
    check_dataset(dataset)
    named_column(list(dataset.column_names), image, "image")
    kind = dataset.features[image]
    if type(kind).__name__ != "Image":
        raise ValueError(
            f"the column {image!r} holds {kind}; expected pictures: cast it with "
            f"dataset.cast_column({image!r}, datasets.Image())"
        )
    label_names, matrix = labels_of_dataset(dataset, labels, delimiter)
    stored = dataset.select_columns([image]).cast_column(image, type(kind)(decode=False))
    pictures = ImageColumn(stored.with_format(None), image, np.arange(len(matrix)))
    return ImageData(pictures, matrix, label_names, name)
