"""The network: a U-Net that works at twice the voxel size of its input and draws the border at full size."""

import torch
from torch import Tensor, nn

GROUPS = 8
FINE = 2
"""Voxels of the input along each axis that make one voxel of the U-Net."""
STEP = 8
"""Sizes of an input are multiples of this."""


class Block(nn.Module):
    """Two convolutions with a shortcut."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.first = nn.Conv3d(n_in, n_out, 3, padding=1, bias=False)
        self.first_norm = nn.GroupNorm(GROUPS, n_out)
        self.second = nn.Conv3d(n_out, n_out, 3, padding=1, bias=False)
        self.second_norm = nn.GroupNorm(GROUPS, n_out)
        self.shortcut = nn.Identity() if n_in == n_out else nn.Conv3d(n_in, n_out, 1, bias=False)
        self.act = nn.LeakyReLU(0.01)

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the same size."""
        y = self.act(self.first_norm(self.first(x)))
        y = self.second_norm(self.second(y))
        features: Tensor = self.act(y + self.shortcut(x))
        return features


def gathered(x: Tensor) -> Tensor:
    """Return (n, 8 c, z/2, y/2, x/2): the voxels of each block of two as channels."""
    n, c, z, y, w = x.shape
    x = x.reshape(n, c, z // FINE, FINE, y // FINE, FINE, w // FINE, FINE)
    blocks: Tensor = x.permute(0, 1, 3, 5, 7, 2, 4, 6).reshape(n, c * FINE**3, z // FINE, y // FINE, w // FINE)
    return blocks


def spread(x: Tensor) -> Tensor:
    """Return (n, c / 8, 2 z, 2 y, 2 x): the reverse of ``gathered``."""
    n, c, z, y, w = x.shape
    x = x.reshape(n, c // FINE**3, FINE, FINE, FINE, z, y, w)
    return x.permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(n, c // FINE**3, z * FINE, y * FINE, w * FINE)


class RegionNet(nn.Module):
    """Give each voxel a logit of every class.

    The U-Net (Çiçek et al., MICCAI 2016, arXiv 1606.06650) sees blocks of 2³ voxels as channels (Shi et al., CVPR
    2016, sub-pixel convolution), which makes it eight times cheaper than at full size; two layers at full size then
    place the border, with the image beside them. These are not normalised: a kidney would
    count for what its share of the image makes of it, and learning took three times as long.

    Parameters
    ----------
    n_inputs, n_classes : int
        Channels in and out.
    widths : three int
        Features at two, four and eight times the voxel size; multiples of 8, fastest of 32.
    border_width : int
        Features at full size.
    """

    def __init__(
        self, *, n_inputs: int, n_classes: int, widths: tuple[int, int, int] = (32, 64, 128), border_width: int = 16
    ) -> None:
        super().__init__()
        a, b, c = widths
        self.stem = nn.Conv3d(n_inputs * FINE**3, a, 1, bias=False)
        self.down_0 = Block(a, a)
        self.shrink_1 = nn.Conv3d(a, b, 2, stride=2, bias=False)
        self.down_1 = Block(b, b)
        self.shrink_2 = nn.Conv3d(b, c, 2, stride=2, bias=False)
        self.deep = nn.Sequential(Block(c, c), Block(c, c))
        self.grow_1 = nn.ConvTranspose3d(c, b, 2, stride=2, bias=False)
        self.up_1 = Block(2 * b, b)
        self.grow_0 = nn.ConvTranspose3d(b, a, 2, stride=2, bias=False)
        self.up_0 = Block(2 * a, a)
        self.to_fine = nn.Conv3d(a, border_width * FINE**3, 1)
        self.border = nn.Conv3d(border_width + n_inputs, border_width, 3, padding=1)
        self.act = nn.LeakyReLU(0.01)
        self.classes = nn.Conv3d(border_width, n_classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Return (n, n_classes, z, y, x) logits of an (n, n_inputs, z, y, x) image, sizes multiples of 8."""
        at_2 = self.down_0(self.stem(gathered(image)))
        at_4 = self.down_1(self.shrink_1(at_2))
        at_8 = self.deep(self.shrink_2(at_4))
        at_4 = self.up_1(torch.cat([self.grow_1(at_8), at_4], dim=1))
        at_2 = self.up_0(torch.cat([self.grow_0(at_4), at_2], dim=1))
        fine = spread(self.to_fine(at_2))
        fine = self.act(self.border(torch.cat([fine, image], dim=1)))
        logits: Tensor = self.classes(fine)
        return logits
