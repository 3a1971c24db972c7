import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def picture(tmp_path):
    """Writes a picture of one color and returns its path."""

    def save(name, color=(200, 30, 60), *, size=(40, 30), mode="RGB", **options):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new(mode, size, color).save(path, **options)
        return path

    return save


@pytest.fixture
def noise():
    """Makes an RGB picture that no two seeds share."""

    def make(seed, size=(64, 48)):
        pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        return Image.fromarray(pixels)

    return make


@pytest.fixture
def real_images():
    """The folder of real data sets of pictures, where it is."""
    folder = Path(os.environ.get("BATCHSIFT_DATA", "nowhere")) / "images"
    if not folder.is_dir():
        pytest.skip("BATCHSIFT_DATA names no folder with images")
    return folder
