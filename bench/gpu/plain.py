"""The tower of `bench.vit` as anyone writes it in torch: bfloat16, one product for q, k and v, torch's own attention."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.vit import Sizes


class Block(nn.Module):
    """One block: attention and an MLP, each behind a normalisation and beside what came in."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.heads, width = sizes.heads, sizes.width
        self.before_attention, self.before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.joined = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, sizes.hidden), nn.Linear(sizes.hidden, width)
        self.gelu = nn.GELU(sizes.gelu)

    def forward(self, x: Tensor) -> Tensor:
        """Return tokens [n, tokens, width] for such tokens."""
        n, tokens, width = x.shape
        q, k, v = self.qkv(self.before_attention(x)).view(n, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v)
        x = x + self.joined(mixed.transpose(1, 2).reshape(n, tokens, width))
        changed: Tensor = self.narrow(self.gelu(self.wide(self.before_mlp(x))))
        return x + changed


class Plain(nn.Module):
    """The whole tower: uint8 pixels [n, side, side, 3] in, unit vectors out."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, sizes.width, sizes.patch, sizes.patch)
        self.blocks = nn.ModuleList(Block(sizes) for _ in range(sizes.blocks))
        self.last, self.out = nn.LayerNorm(sizes.width), nn.Linear(sizes.width, sizes.out)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return unit vectors [n, out] in float32."""
        scaled = pixels.permute(0, 3, 1, 2).to(torch.bfloat16) / 255
        x = self.patches(scaled).flatten(2).transpose(1, 2)
        for block in self.blocks:
            x = block(x)
        vectors: Tensor = self.out(self.last(x).mean(1))
        return functional.normalize(vectors.float(), dim=1)


def plain(sizes: Sizes, device: torch.device) -> Plain:
    """Return the tower with random weights, ready to run."""
    with device:
        return Plain(sizes).to(torch.bfloat16).eval().requires_grad_(False)
