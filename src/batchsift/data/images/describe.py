"""What a data set of pictures is like: its labels, its parts, and the sizes of a sample of its pictures.

Sizes are read from the heads of files, without decoding a picture. N samples, S of them looked at.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from batchsift.data.describe import LabelsDescription, describe_labels
from batchsift.data.images.decoding import Image
from batchsift.data.images.parts import PARTS
from batchsift.data.images.pictures import PictureError

if TYPE_CHECKING:
    from batchsift.data.images.dataset import ImageData


@dataclass(frozen=True, kw_only=True)
class ImageDescription(LabelsDescription):
    """What `describe_images` finds: all that is said of labels, and of parts and pictures.

    Attributes:
        parts: The parts that the source divides the samples into, and how many each has; empty where it does not.
        looked_at: S, how many pictures the following is about.
        widths: The least, the median and the largest width in pixels, before an orientation is applied.
        heights: The same of the heights.
        kinds: Formats and color modes, such as `JPEG RGB`, and how many pictures have them, the commonest first.
        unreadable: The names of pictures, among those looked at, whose heads cannot be read.
    """

    parts: tuple[tuple[str, int], ...]
    looked_at: int
    widths: tuple[int, int, int] | None
    heights: tuple[int, int, int] | None
    kinds: tuple[tuple[str, int], ...]
    unreadable: tuple[str, ...] = field(repr=False)


def describe_images(data: "ImageData", *, sample: int = 256, seed: int = 0) -> ImageDescription:
    """Describe a data set of pictures.

    Args:
        data: The data set.
        sample: How many pictures are looked at, drawn at random; all where there are no more.
        seed: A number from 0; the same seed looks at the same pictures.
    """
    rows = np.random.default_rng(seed).permutation(data.num_samples)[:sample]
    sizes, kinds, unreadable = [], Counter[str](), []
    for row in np.sort(rows).tolist():
        try:
            content = data.pictures.content(row)
            if isinstance(content, np.ndarray):
                image = Image.fromarray(content)
                size, kind = image.size, f"array {image.mode}"
            else:
                with Image.open(content) as image:
                    size, kind = image.size, f"{image.format} {image.mode}"
        except (PictureError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
            unreadable.append(data.pictures.name_of(row))
        else:
            sizes.append(size)
            kinds[kind] += 1
    return ImageDescription(
        **vars(describe_labels(data)),
        parts=tuple((part, len(data.rows_of(part))) for part in PARTS) if data.split is not None else (),
        looked_at=len(rows),
        widths=_spread([width for width, _ in sizes]),
        heights=_spread([height for _, height in sizes]),
        kinds=tuple(kinds.most_common()),
        unreadable=tuple(unreadable),
    )


def _spread(lengths: list[int]) -> tuple[int, int, int] | None:
    return (min(lengths), int(np.median(lengths)), max(lengths)) if lengths else None
