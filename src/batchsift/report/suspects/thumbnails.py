"""Small pictures of suspects, inside the page itself."""

import base64
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from batchsift.data.images import ImageData, PictureError

SIDE = 96  # pixels of the longer side


@dataclass(frozen=True)
class Thumbnail:
    """A picture as the page shows it.

    Args:
        name: The picture's file, or what else messages call it.
        source: The small picture as a `data:` address; empty where it cannot be decoded any more.
    """

    name: str
    source: str


def thumbnails(data: ImageData, rows: Iterable[int]) -> Mapping[int, Thumbnail]:
    """Return small pictures of some samples, by their rows.

    Args:
        data: The pictures.
        rows: Rows of it.
    """
    return {row: Thumbnail(data.pictures.name_of(row), _address(data, row)) for row in sorted(set(rows))}


def _address(data: ImageData, row: int) -> str:
    from batchsift.data.images.decoding import decode  # noqa: PLC0415 (Pillow)

    try:
        picture = decode(data.pictures.content(row), data.pictures.name_of(row), size=SIDE)
    except PictureError:
        return ""
    picture.thumbnail((SIDE, SIDE))
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"
