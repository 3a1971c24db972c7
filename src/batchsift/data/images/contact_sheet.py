"""A contact sheet: some pictures of each label, one row a label. L labels."""

import numpy as np

from batchsift.data.images.dataset import ImageData
from batchsift.data.images.decoding import Image, decode
from batchsift.data.images.pictures import PictureError
from batchsift.messages import cut_short

_TEXT = 16  # pixels of the line of text above each row


def contact_sheet(
    data: ImageData, *, columns: int = 8, side: int = 96, most_labels: int = 100, seed: int = 0
) -> Image.Image:
    """Draw some pictures of each label, with its name and count above them, the commonest label first.

    Args:
        data: The data set.
        columns: How many pictures a label shows at the most.
        side: The height and width of each, in pixels; what is longer is cut off at both ends.
        most_labels: How many labels are shown; with more, the commonest half and the rarest half of so many.
        seed: A number from 0; the same seed shows the same pictures.

    Returns:
        An RGB picture. A label that nobody has shows no pictures, and a picture that cannot be decoded is a red square.

    Raises:
        ValueError: A number below 1.
    """
    from PIL import ImageDraw, ImageOps  # noqa: PLC0415 (nothing else draws)

    for name, value in (("columns", columns), ("side", side), ("most_labels", most_labels)):
        if value < 1:
            raise ValueError(f"{name} is {value}; expected at least 1")
    positive_NL = data.labels == 1
    count_L = positive_NL.sum(axis=0)
    order = np.argsort(-count_L, kind="stable")
    if len(order) > most_labels:
        order = np.concatenate([order[: most_labels - most_labels // 2], order[len(order) - most_labels // 2 :]])
    sheet = Image.new("RGB", (columns * side, len(order) * (side + _TEXT)), "white")
    draw = ImageDraw.Draw(sheet)
    generator = np.random.default_rng(seed)
    for position, label in enumerate(order.tolist()):
        top = position * (side + _TEXT)
        draw.text(
            (2, top + 2), cut_short(f"{data.label_names[label]} ({count_L[label]})", columns * side // 7), "black"
        )
        rows = generator.permutation(np.flatnonzero(positive_NL[:, label]))[:columns]
        for column, row in enumerate(rows.tolist()):
            try:
                picture = decode(data.pictures.content(row), data.pictures.name_of(row), size=side)
                tile = ImageOps.fit(picture, (side, side))
            except PictureError:
                tile = Image.new("RGB", (side, side), "red")
            sheet.paste(tile, (column * side, top + _TEXT))
    return sheet
