"""The two towers of pico: a dense convolutional image tower and a small text transformer."""

import dataclasses

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.vocabulary import PAD_ID

DIMENSION = 256
TEXT_TOKENS = 24
TEXT_WIDTH = 256
RGB = 3


@dataclasses.dataclass(frozen=True)
class Shape:
    """Of an image tower: channels and residual blocks of each stage, and how many pixels one step of the stem covers."""

    widths: tuple[int, ...]
    blocks: tuple[int, ...]
    stem_px: int


PICO = Shape((48, 96, 192, 384), (1, 1, 2, 1), 4)
# What pico learns from: some ten times its arithmetic.
TEACHER = Shape((64, 128, 256, 512), (2, 2, 2, 2), 2)


def _convolution(inputs: int, outputs: int, size: int, stride: int = 1, *, gain: float = 1.0) -> nn.Sequential:
    layer, norm = nn.Conv2d(inputs, outputs, size, stride, padding=(size - 1) // 2, bias=False), nn.BatchNorm2d(outputs)
    nn.init.constant_(norm.weight, gain)
    return nn.Sequential(layer, norm)


class Block(nn.Module):
    """Two dense 3x3 convolutions with a residual: on CPUs they beat depthwise ones at equal accuracy."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _convolution(width, width, 3)
        self.second = _convolution(width, width, 3, gain=0.0)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.second(functional.relu(self.first(x))))


class ImageTower(nn.Module):
    """RGB of 0 to 255 [n, h, w, 3], of any side, to unit float32 [n, DIMENSION]; pixel scaling is inside."""

    def __init__(self, shape: Shape = PICO) -> None:
        super().__init__()
        stages: list[nn.Module] = [_convolution(RGB, shape.widths[0], shape.stem_px + 2, shape.stem_px), nn.ReLU()]
        for index, (width, blocks) in enumerate(zip(shape.widths, shape.blocks, strict=True)):
            if index:
                stages += [_convolution(shape.widths[index - 1], width, 3, 2), nn.ReLU()]
            stages += [Block(width) for _ in range(blocks)]
        self.stages = nn.Sequential(*stages)
        self.features = 2 * shape.widths[-1]
        self.project = nn.Linear(self.features, DIMENSION)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.vectors_of(self.features_of(pixels))

    def features_of(self, pixels: Tensor) -> Tensor:
        """What the last stage sees, its mean and its most: [n, features]."""
        x = (pixels.permute(0, 3, 1, 2).float() - 118.0) * (1.0 / 64.0)
        x = self.stages(x.contiguous(memory_format=torch.channels_last))
        return torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)

    def vectors_of(self, features: Tensor) -> Tensor:
        """The unit vectors of `features_of`."""
        return functional.normalize(self.project(features).float(), dim=-1)


class Layer(nn.Module):
    """One pre-norm transformer layer, attention written out so that any exporter takes it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.qkv, self.out = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.GELU(), nn.Linear(3 * width, width))

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        n, tokens, width = x.shape
        q, k, v = self.qkv(self.norm(x)).view(n, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        attention = (q @ k.transpose(-1, -2) * (width // self.heads) ** -0.5 + bias).softmax(-1)
        x = x + self.out((attention @ v).transpose(1, 2).reshape(n, tokens, width))
        seen: Tensor = x + self.mlp(x)
        return seen


class TextTower(nn.Module):
    """Ids int64 [n, tokens], padded with PAD_ID, to unit float32 [n, DIMENSION]."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, TEXT_WIDTH, padding_idx=PAD_ID)
        self.position = nn.Parameter(torch.zeros(TEXT_TOKENS, TEXT_WIDTH))
        self.layers = nn.ModuleList(Layer(TEXT_WIDTH, 4) for _ in range(2))
        self.norm, self.project = nn.LayerNorm(TEXT_WIDTH), nn.Linear(TEXT_WIDTH, DIMENSION)
        nn.init.normal_(self.embed.weight, std=0.02)
        nn.init.normal_(self.position, std=0.01)

    def forward(self, input_ids: Tensor) -> Tensor:
        keep = (input_ids != PAD_ID).float()
        # An empty text keeps its first place, so that no row is all padding and nothing becomes NaN.
        keep = torch.cat([torch.ones_like(keep[:, :1]), keep[:, 1:]], 1)
        bias = (keep[:, None, None, :] - 1.0) * 1e4
        x = self.embed(input_ids) + self.position[: input_ids.shape[1]]
        for layer in self.layers:
            x = layer(x, bias)
        pooled = (self.norm(x) * keep[:, :, None]).sum(1) / keep.sum(1, keepdim=True)
        return functional.normalize(self.project(pooled).float(), dim=-1)


class Towers(nn.Module):
    """Both towers; `vocabulary` is the number of token ids."""

    def __init__(self, vocabulary: int, shape: Shape = PICO) -> None:
        super().__init__()
        self.image, self.text = ImageTower(shape), TextTower(vocabulary)
