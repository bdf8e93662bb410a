"""What JPEG does to a picture, as arithmetic on a batch (ITU-T T.81, with the example tables of its annex K)."""

import functools
import math

import torch
from torch import Tensor
from torch.nn import functional

BLOCK_PX = 8
LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
CHROMINANCE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)
TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
COSINES = tuple(
    tuple(math.sqrt((1 if k == 0 else 2) / BLOCK_PX) * math.cos((2 * i + 1) * k * math.pi / (2 * BLOCK_PX)) for i in range(8))
    for k in range(8)
)


class Tables:
    """The constants on one device."""

    def __init__(self, device: torch.device) -> None:
        self.to_ycc, self.cosines, self.luminance, self.chrominance = (
            torch.tensor(table, dtype=torch.float32, device=device) for table in (TO_YCC, COSINES, LUMINANCE, CHROMINANCE)
        )
        self.to_rgb = torch.linalg.inv(torch.tensor(TO_YCC)).to(device)


# Made once for a device: a recorded step may copy nothing from the host.
tables_on = functools.cache(Tables)


def compressed(pictures: Tensor, quality: Tensor) -> Tensor:
    """float32 RGB [n, 3, h, w], 0 to 255, as a JPEG of each row's `quality` [n] (1 to 100) keeps it; h, w multiples of 16.

    Colours are kept at half the size (4:2:0).
    """
    tables = tables_on(pictures.device)
    ycc = torch.einsum("kc,nchw->nkhw", tables.to_ycc, pictures)
    scale = torch.where(quality < 50, 50 / quality, 2 - quality / 50)[:, None, None, None]
    light = _quantised(ycc[:, :1] - 128, tables.luminance, scale, tables.cosines) + 128
    colour = functional.interpolate(
        _quantised(functional.avg_pool2d(ycc[:, 1:], 2), tables.chrominance, scale, tables.cosines),
        scale_factor=2,
        mode="nearest",
    )
    return torch.einsum("kc,nchw->nkhw", tables.to_rgb, torch.cat([light, colour], 1)).clamp(0, 255)


def _quantised(planes: Tensor, table: Tensor, scale: Tensor, cosines: Tensor) -> Tensor:
    n, channels, height, width = planes.shape
    blocks = planes.view(n, -1, height // BLOCK_PX, BLOCK_PX, width // BLOCK_PX, BLOCK_PX).transpose(3, 4)
    steps = (table * scale).clamp(min=1)[:, :, None, None]
    kept = torch.round((cosines @ blocks @ cosines.T) / steps) * steps
    return (cosines.T @ kept @ cosines).transpose(3, 4).reshape(n, channels, height, width)
