"""Pictures as a camera might have seen them, a whole batch at once: cropped, far away, mirrored, dim, noisy, compressed.

Which rows of a batch get a flaw is fixed by their place: rows are drawn at random, so every n-th row is a random share.
"""

import torch
from torch import Tensor
from torch.nn import functional

from training.jpeg import compressed

SMALLEST_CROP = 0.35
STRETCH = 0.3
PASTED_SHARE, BESIDE_SHARE = 0.12, 0.10
"""How often a photo stands small on the blur of another, and beside another."""
MIRRORED_SHARE, GREY_SHARE = 0.5, 0.04
BACKDROP_CELLS = 6
COARSE_FROM = 1.5
"""Photos that shrink by more than this are read at half their size, so that nothing flickers."""


def photo_views(photos: Tensor, may_mirror: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """float32 [n, 3, side, side], 0 to 255, of uint8 photos [n, h, h, 3]; and bool [n], true where the next row is seen too.

    Rows may be mirrored where `may_mirror`, bool [n], says so.
    """
    n, device = len(photos), photos.device
    pixels = photos.permute(0, 3, 1, 2).float()
    source = _crops(n, device)
    place, beside = _places(n, device)
    mirrored = (torch.rand(n, device=device) < MIRRORED_SHARE) & may_mirror
    view, inside = _placed(pixels, source, place, mirrored, side)
    others, _ = _placed(pixels.roll(-1, 0), source.roll(-1, 0), _rest(place), mirrored.roll(-1, 0), side)
    backdrop = functional.interpolate(
        functional.adaptive_avg_pool2d(others, BACKDROP_CELLS), (side, side), mode="bilinear", align_corners=False
    )
    behind = torch.where(beside[:, None, None, None], others, backdrop)
    return _recoloured(torch.where(inside[:, None], view, behind)), beside


def camera_views(views: Tensor) -> Tensor:
    """`views` [n, 3, side, side] with each flaw of a camera in some rows: weak light, blur, noise, compression; in place."""
    for start, every, flaw in ((2, 10, _dimmed), (1, 8, _blurred), (0, 5, _noisy), (3, 7, _squeezed)):
        rows = views[start::every]
        rows.copy_(flaw(rows))
    return views.clamp_(0, 255).round_()


def _crops(n: int, device: torch.device) -> Tensor:
    """x, y, width, height [n, 4] as shares of the photo."""
    area, stretch = _uniform(n, SMALLEST_CROP, 1.0, device), _uniform(n, -STRETCH, STRETCH, device).exp()
    wide, tall = (area * stretch).sqrt().clamp(max=1.0), (area / stretch).sqrt().clamp(max=1.0)
    free = torch.rand(2, n, device=device)
    return torch.stack([free[0] * (1 - wide), free[1] * (1 - tall), wide, tall], 1)


def _places(n: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Where in the view the photo stands, x, y, width, height [n, 4] as shares; bool [n], true where another stands beside."""
    place = torch.zeros(n, 4, device=device)
    place[:, 2:] = 1
    pasted, beside = round(n * PASTED_SHARE), round(n * BESIDE_SHARE)
    small, free = _uniform(pasted, 0.4, 0.8, device), torch.rand(2, pasted, device=device)
    place[:pasted] = torch.stack([free[0] * (1 - small), free[1] * (1 - small), small, small], 1)
    share = _uniform(beside, 0.4, 0.6, device)
    start, full, none = (1 - share) * (torch.rand(beside, device=device) < 0.5), torch.ones_like(share), torch.zeros_like(share)
    across = torch.rand(beside, device=device) < 0.7
    sideways, upright = torch.stack([start, none, share, full], 1), torch.stack([none, start, full, share], 1)
    place[pasted : pasted + beside] = torch.where(across[:, None], sideways, upright)
    rows = torch.arange(n, device=device)
    return place, (rows >= pasted) & (rows < pasted + beside)


def _rest(place: Tensor) -> Tensor:
    """The other part of a view that `place` [n, 4] cuts in two; all of it where it does not."""
    x, y, wide, tall = place.unbind(1)
    one, none = torch.ones_like(x), torch.zeros_like(x)
    sideways = (tall == 1) & (wide < 1)
    upright = (wide == 1) & (tall < 1)
    left, top = torch.where(x > 0, none, wide), torch.where(y > 0, none, tall)
    return torch.stack(
        [
            torch.where(sideways, left, none),
            torch.where(upright, top, none),
            torch.where(sideways, one - wide, one),
            torch.where(upright, one - tall, one),
        ],
        1,
    )


def _placed(pixels: Tensor, source: Tensor, place: Tensor, mirrored: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """The part `source` of each photo, drawn into `place` of a view [n, 3, side, side]; and where that is, [n, side, side]."""
    at = (torch.arange(side, device=pixels.device) + 0.5) / side
    x, y = ((at[None] - place[:, i, None]) / place[:, i + 2, None] for i in (0, 1))
    inside = ((y >= 0) & (y < 1))[:, :, None] & ((x >= 0) & (x < 1))[:, None, :]
    x = torch.where(mirrored[:, None], 1 - x, x)
    x, y = (2 * (source[:, i, None] + source[:, i + 2, None] * at) - 1 for i, at in ((0, x), (1, y)))
    grid = torch.stack([x[:, None, :].expand(-1, side, -1), y[:, :, None].expand(-1, -1, side)], -1)
    fine, coarse = (
        functional.grid_sample(level, grid, mode="bilinear", padding_mode="border", align_corners=False)
        for level in (pixels, functional.avg_pool2d(pixels, 2))
    )
    shrinks = pixels.shape[-1] * (source[:, 2] / place[:, 2]).maximum(source[:, 3] / place[:, 3]) / side > COARSE_FROM
    return torch.where(shrinks[:, None, None, None], coarse, fine), inside


def _recoloured(views: Tensor) -> Tensor:
    """Other light, contrast, tint and strength of colours; some rows without colour."""
    n, device = len(views), views.device
    grey = views.mean(1, keepdim=True)
    strength = _uniform(n, 0.6, 1.4, device) * (torch.rand(n, device=device) > GREY_SHARE)
    coloured = grey + (views - grey) * strength[:, None, None, None]
    tint = 1 + (torch.rand(n, 3, 1, 1, device=device) - 0.5) * 0.16
    return _relit(coloured, _uniform(n, 0.7, 1.3, device), _uniform(n, 0.75, 1.25, device), tint).clamp(0, 255)


def _relit(views: Tensor, gain: Tensor, contrast: Tensor, tint: Tensor) -> Tensor:
    mean = views.mean((1, 2, 3), keepdim=True)
    return ((views - mean) * contrast[:, None, None, None] + mean) * (gain[:, None, None, None] * tint)


def _dimmed(views: Tensor) -> Tensor:
    tint = torch.linspace(0.94, 1.07, 3, device=views.device).view(1, 3, 1, 1)
    gain = _uniform(len(views), 0.25, 0.6, views.device)
    return _relit(views, gain, torch.full_like(gain, 0.9), tint).clamp(0, 255)


def _blurred(views: Tensor) -> Tensor:
    padded = functional.pad(views, (1, 1, 1, 1), mode="replicate")
    strength = _uniform(len(views), 0.3, 1.2, views.device)[:, None, None, None]
    return views + strength * (functional.avg_pool2d(padded, 3, 1) - views)


def _noisy(views: Tensor) -> Tensor:
    return views + torch.randn_like(views) * _uniform(len(views), 2, 12, views.device)[:, None, None, None]


def _squeezed(views: Tensor) -> Tensor:
    return compressed(views.clamp(0, 255), _uniform(len(views), 20, 75, views.device))


def _uniform(n: int, low: float, high: float, device: torch.device) -> Tensor:
    return low + (high - low) * torch.rand(n, device=device)
