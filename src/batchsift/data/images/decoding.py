"""A picture's content to an upright RGB picture.

- JPEG files are decoded at the smallest of 1, 1/2, 1/4, 1/8 of their size that is as large as asked for (`draft`).
- The orientation that a camera notes (EXIF) is applied.
- Palettes, CMYK, gray and two-color pictures become RGB; 16-bit values keep their upper 8 bits; what is transparent
  shows a white ground. Of an animation, or of several pages, the first picture is taken.
- Pictures of 32-bit whole numbers or floats, and of Lab colors, are refused: there is no one way to 8 bits.

Pillow refuses pictures of more than twice `PIL.Image.MAX_IMAGE_PIXELS` pixels, and warns of more than that. It does not
notice bytes that were changed within the data of a JPEG file, which decode to a picture with wrong parts.
"""

from typing import Any

import numpy as np

from batchsift.data.images.pictures import PictureError

try:
    from PIL import Image, ImageOps, UnidentifiedImageError
except ImportError as missing:
    raise ImportError("decoding pictures needs Pillow: pip install 'batchsift[images]'") from missing

__all__ = ["Image", "decode"]

_SIXTEEN_BITS = {"PNG", "PPM"}  # formats whose mode "I" is 16 bits


def decode(content: Any, name: str, *, size: int | None = None) -> Image.Image:
    """Decode a picture.

    Args:
        content: A path, a binary file, or an array `(H, W)` or `(H, W, 3)` of uint8.
        name: What to call the picture in messages.
        size: The least height and width that are needed, in pixels; a JPEG file of several times that is decoded at a
            fraction of its size.

    Returns:
        An RGB picture, upright.

    Raises:
        PictureError: The file is missing, is no picture, is cut short or damaged, is too large, or has a mode that does
            not become RGB in one way.
    """
    try:
        if isinstance(content, np.ndarray):
            return Image.fromarray(content).convert("RGB")
        with Image.open(content) as image:
            if size is not None:
                image.draft("RGB", (size, size))
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
            return _as_rgb(image, name)
    except (MemoryError, PictureError):
        raise
    except FileNotFoundError as error:
        raise PictureError(f"{name}: there is no such file") from error
    except UnidentifiedImageError as error:
        raise PictureError(f"{name}: this is no picture that Pillow knows{_beginning(content)}") from error
    except Image.DecompressionBombError as error:
        raise PictureError(
            f"{name}: a decompression bomb? {error}; set PIL.Image.MAX_IMAGE_PIXELS if the picture is meant to be so "
            "large"
        ) from error
    except Exception as error:  # Pillow's plugins end in almost any of them
        raise PictureError(f"{name}: the picture is damaged, or of an unknown kind: {error}") from error


def _as_rgb(image: Image.Image, name: str) -> Image.Image:
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in _SIXTEEN_BITS):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F", "LAB"):
        raise PictureError(
            f"{name}: the mode {image.mode} has no one way to 8-bit RGB; save the picture with 8 or 16 bits a channel"
        )
    if image.has_transparency_data:
        picture = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    return image.convert("RGB")


def _beginning(content: Any) -> str:
    """Return how a file begins, for a message."""
    try:
        if hasattr(content, "seek"):
            content.seek(0)
            start = content.read(8)
        else:
            with open(content, "rb") as file:  # noqa: PTH123 (a path of any kind)
                start = file.read(8)
    except OSError:
        return ""
    return f"; it begins with {start!r}" if start else "; it is empty"
