"""Batches drawn on the device that learns from them."""

import dataclasses

import torch
from torch import Tensor

from training.pool import Pool
from training.views import camera_views, photo_views
from training.vocabulary import PAD_ID

WORLD_SHARE = 0.15
"""How much of a batch is generated scenes."""
LOST_SHARE = 0.08
"""How many of a text's pieces are left out, of texts longer than `SHORTEST_CUT`: no single word may carry a caption."""
SHORTEST_CUT = 4


@dataclasses.dataclass(frozen=True)
class Batch:
    """`pixels` float32 [n, side, side, 3], 0 to 255; `input_ids` int64 [n, tokens]; float32 `positives` [n, n], 1 where text
    j holds for picture i, and `facts` [n, classes], each row shared evenly between the classes that hold, or zeros."""

    pixels: Tensor
    input_ids: Tensor
    positives: Tensor
    facts: Tensor


def draw(pool: Pool, size: int, side: int, world_share: float = WORLD_SHARE) -> Batch:
    """`size` pictures with a text each, from torch's own generator."""
    device, scenes = pool.pixels.device, round(size * world_share)
    photos = torch.searchsorted(pool.heights, torch.rand(size - scenes, device=device)).clamp(max=pool.photos - 1)
    painted = torch.randint(pool.photos, max(len(pool.pixels), pool.photos + 1), (scenes,), device=device)
    items = torch.cat([photos, painted])
    texts = pool.choices[items].gather(1, torch.randint(pool.choices.shape[1], (size, 1), device=device))[:, 0]
    views, beside = photo_views(pool.pixels[photos], pool.may_mirror[texts[: len(photos)]], side)
    scenery = torch.nn.functional.interpolate(
        pool.pixels[painted].permute(0, 3, 1, 2).float(), (side, side), mode="bilinear", antialias=True, align_corners=False
    )
    pixels = camera_views(torch.cat([views, scenery])).permute(0, 2, 3, 1).contiguous()
    truth = _held(pool.truths[items], pool.facts)
    truth[: len(photos)] += truth[: len(photos)].roll(-1, 0) * beside[:, None]
    truth.clamp_(max=1)
    return Batch(pixels, _with_losses(pool.ids[texts]), _positives(pool, truth, items, texts), _shared(truth[:, : pool.classes]))


def _held(numbers: Tensor, facts: int) -> Tensor:
    """bfloat16 [n, facts]: 1 where a fact is among the row's `numbers`."""
    held = torch.zeros(len(numbers), facts + 1, dtype=torch.bfloat16, device=numbers.device)
    return held.scatter_(1, numbers, 1.0)[:, :facts].clone()


def _positives(pool: Pool, truth: Tensor, items: Tensor, texts: Tensor) -> Tensor:
    """float32 [n, n]: a text holds where all that it claims is true, or where it is the picture's own caption."""
    claims = _held(pool.claims[texts], pool.facts)
    asked = claims.sum(1, dtype=torch.float32)
    all_true = ((truth @ claims.T).float() == asked) & (asked > 0)
    own = items[:, None] == pool.owners[texts][None, :]
    return (all_true | own).float()


def _shared(held: Tensor) -> Tensor:
    counts = held.sum(1, keepdim=True, dtype=torch.float32)
    return held.float() / counts.clamp(min=1)


def _with_losses(ids: Tensor) -> Tensor:
    """`ids` [n, tokens] with some pieces left out and the rest moved together."""
    present = ids != PAD_ID
    long = present.sum(1, keepdim=True) > SHORTEST_CUT
    lost = present & long & (torch.rand(ids.shape, device=ids.device) < LOST_SHARE)
    order = (lost | ~present).to(torch.uint8).argsort(dim=1, stable=True)
    return torch.where(lost, PAD_ID, ids).gather(1, order)
