"""A small residual network for a processor, small pictures and tests.

Citation:
    K. He, X. Zhang, S. Ren, J. Sun. Deep Residual Learning for Image Recognition. CVPR 2016: the block.
    Y. Wu, K. He. Group Normalization. ECCV 2018: the normalisation.

A stem (3 x 3, stride 2) and three stages of one basic block each, with 32, 64 and 128 channels; each stage after the
first halves the map. 0.3 million weights; a map is an eighth of the picture, rounded up.

Deviation from the paper: the normalisation is over groups of channels, not over the batch. A picture's logits then do
not depend on which others are in its batch: those of the training pass, which a selector observes, are the prediction,
and a selection that changes the mixture of batches changes no statistics.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import relu
from torch.utils.checkpoint import checkpoint

from batchsift.models.images.backbones import Backbone
from batchsift.models.settings import check_sizes

GROUP_CHANNELS = 16  # of one group of the normalisation, as in table 3 of the paper


class SmallResNet(Backbone):
    """A stem and stages of basic residual blocks; the map is the output of the last stage.

    Args:
        num_channels: Channels of a picture.
        widths: Channels of each stage, multiples of 16.
        blocks: Residual blocks of each stage.
        stem_stride: Stride of the first convolution, in pixels.

    Raises:
        ValueError: A size is below 1, or a width no multiple of 16.

    >>> import torch
    >>> SmallResNet(1)(torch.zeros(2, 1, 18, 18)).shape
    torch.Size([2, 128, 3, 3])
    """

    def __init__(
        self,
        num_channels: int = 3,
        *,
        widths: Sequence[int] = (32, 64, 128),
        blocks: int = 1,
        stem_stride: int = 2,
    ) -> None:
        super().__init__()
        check_sizes(num_channels=num_channels, blocks=blocks, stem_stride=stem_stride, stages=len(widths))
        if any(width < 1 or width % GROUP_CHANNELS for width in widths):
            raise ValueError(f"widths must be multiples of {GROUP_CHANNELS}, got {tuple(widths)}")
        self.channels = widths[-1]
        self.stem = nn.Conv2d(num_channels, widths[0], 3, stride=stem_stride, padding=1, bias=False)
        self.norm = _normalization(widths[0])
        self.stages = nn.ModuleList()
        wide = widths[0]
        for stage, width in enumerate(widths):
            strides = [1 if stage == 0 else 2] + [1] * (blocks - 1)
            self.stages.append(
                nn.Sequential(
                    *(BasicBlock(wide if block == 0 else width, width, stride) for block, stride in enumerate(strides))
                )
            )
            wide = width
        self.checkpointing = False

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures to `(B, C, H, W)`."""
        x = relu(self.norm(self.stem(x)))
        for stage in self.stages:
            x = checkpoint(stage, x, use_reentrant=False) if self.checkpointing and self.training else stage(x)
        return x

    def enable_checkpointing(self) -> None:
        """Keep the outputs of the stages alone for the backward pass."""
        self.checkpointing = True


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions, and what came in added to what comes out.

    Args:
        wide: Channels of the input.
        width: Channels of the output.
        stride: Of the first convolution.
    """

    def __init__(self, wide: int, width: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(wide, width, 3, stride=stride, padding=1, bias=False)
        self.first_norm = _normalization(width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second_norm = _normalization(width)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or wide != width:
            self.shortcut = nn.Sequential(nn.Conv2d(wide, width, 1, stride=stride, bias=False), _normalization(width))
        for convolution in (self.first, self.second):
            nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(self.second_norm.weight)  # at first, a block is its shortcut (Goyal et al., 2017)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, wide, H, W)` to `(B, width, H', W')`."""
        out = relu(self.first_norm(self.first(x)))
        return relu(self.second_norm(self.second(out)) + self.shortcut(x))


def _normalization(width: int) -> nn.GroupNorm:
    return nn.GroupNorm(width // GROUP_CHANNELS, width)
