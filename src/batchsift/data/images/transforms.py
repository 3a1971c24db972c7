"""Pictures to tensors of one size, by Pillow: random crops and flips for training, a centered square for evaluation.

Any callable that takes an RGB `PIL.Image` does as well: these two are what is there without another package.

The random crop is the one of Szegedy et al. (Going Deeper with Convolutions, CVPR 2015): a share of the area and an
aspect ratio are drawn, then a place. Their smallest share, 0.08, leaves out most objects of a picture, whose labels
would then be wrong; here it is one half.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from batchsift.data.images.decoding import Image

# The means and standard deviations of the channels over ImageNet, in [0, 1], which pretrained backbones expect.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_TRIES = 10


@dataclass(frozen=True)
class TrainTransform:
    """Crop at random, flip at random, normalize.

    Draws from torch's generator of the CPU, as transforms of torchvision do; `ImageDataset` decides its state.

    Args:
        size: Height and width of the result, in pixels.
        scale: The share of the area that a crop may have, from and to, in (0, 1].
        ratio: The width over the height that a crop may have, from and to.
        flip: The probability of mirroring left and right; 0 where sides have a meaning (text, X-rays).
        mean: What is subtracted from each channel in [0, 1].
        std: What each channel is then divided by.

    Raises:
        ValueError: A number out of its range.
    """

    size: int = 224
    scale: tuple[float, float] = (0.5, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    flip: float = 0.5
    mean: Sequence[float] = MEAN
    std: Sequence[float] = STD

    def __post_init__(self) -> None:
        _check(self.size, self.std)
        if not 0 < self.scale[0] <= self.scale[1] <= 1:
            raise ValueError(f"scale is {self.scale}; expected two shares of the area, the smaller first, in (0, 1]")
        if not 0 < self.ratio[0] <= self.ratio[1]:
            raise ValueError(f"ratio is {self.ratio}; expected two positive numbers, the smaller first")
        if not 0 <= self.flip <= 1:
            raise ValueError(f"flip is {self.flip}; expected a probability, in [0, 1]")

    @property
    def decode_size(self) -> int:
        """The side that a picture needs for the smallest crop to have `size` pixels a side."""
        narrowest = math.sqrt(self.scale[0] * min(self.ratio[0], 1 / self.ratio[1]))
        return math.ceil(self.size / narrowest)

    def __call__(self, image: Image.Image) -> Tensor:
        """Return the picture as `(3, size, size)` float32."""
        cropped = image.resize((self.size, self.size), Image.Resampling.BILINEAR, self._box(*image.size))
        if float(torch.rand((), device="cpu")) < self.flip:
            cropped = cropped.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return normalized(cropped, self.mean, self.std)

    def _box(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Draw the left, upper, right and lower edge of a crop."""
        low, high = map(math.log, self.ratio)
        for _ in range(_TRIES):
            share, ratio, x, y = torch.rand(4, device="cpu").tolist()
            area = width * height * (self.scale[0] + share * (self.scale[1] - self.scale[0]))
            aspect = math.exp(low + ratio * (high - low))
            across, down = math.sqrt(area * aspect), math.sqrt(area / aspect)
            if across <= width and down <= height:
                left, upper = x * (width - across), y * (height - down)
                return left, upper, left + across, upper + down
        # A picture too narrow for such crops: the largest in its middle.
        across = min(width, height * self.ratio[1])
        down = min(height, width / self.ratio[0])
        left, upper = (width - across) / 2, (height - down) / 2
        return left, upper, left + across, upper + down


@dataclass(frozen=True)
class EvaluationTransform:
    """Resize, take the square in the middle, normalize.

    Args:
        size: Height and width of the result, in pixels.
        crop: The share of the shorter side that the square has, in (0, 1].
        mean: What is subtracted from each channel in [0, 1].
        std: What each channel is then divided by.

    Raises:
        ValueError: A number out of its range.
    """

    size: int = 224
    crop: float = 1.0
    mean: Sequence[float] = MEAN
    std: Sequence[float] = STD

    def __post_init__(self) -> None:
        _check(self.size, self.std)
        if not 0 < self.crop <= 1:
            raise ValueError(f"crop is {self.crop}; expected a share of the shorter side, in (0, 1]")

    @property
    def decode_size(self) -> int:
        """The side that a picture needs for the square to have `size` pixels a side."""
        return math.ceil(self.size / self.crop)

    def __call__(self, image: Image.Image) -> Tensor:
        """Return the picture as `(3, size, size)` float32."""
        width, height = image.size
        side = min(width, height) * self.crop
        left, upper = (width - side) / 2, (height - side) / 2
        box = (left, upper, left + side, upper + side)
        return normalized(image.resize((self.size, self.size), Image.Resampling.BILINEAR, box), self.mean, self.std)


def normalized(image: Image.Image, mean: Sequence[float] = MEAN, std: Sequence[float] = STD) -> Tensor:
    """Return an RGB picture as `(3, H, W)` float32: channels in [0, 1], less their mean, over their deviation.

    >>> normalized(Image.new("RGB", (1, 1), (255, 0, 51)), mean=(0, 0, 0), std=(1, 1, 1)).flatten()
    tensor([1.0000, 0.0000, 0.2000])
    """
    pixels_HWC = torch.from_numpy(np.array(image, dtype=np.uint8))
    picture = pixels_HWC.permute(2, 0, 1).to(torch.float32, memory_format=torch.contiguous_format).div_(255)
    shift, scale = (torch.tensor(values, dtype=torch.float32, device="cpu").view(3, 1, 1) for values in (mean, std))
    return picture.sub_(shift).div_(scale)


def _check(size: int, std: Sequence[float]) -> None:
    if size < 1:
        raise ValueError(f"size is {size}; expected at least one pixel")
    if min(std) <= 0:
        raise ValueError(f"std is {tuple(std)}; expected positive numbers")
