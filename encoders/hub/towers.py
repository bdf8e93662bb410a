"""The two halves of a model as a model folder promises them: pixels or ids in, unit vectors out."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from encoders.hub.model import DualEncoder
from encoders.hub.pixels import Normalisation
from encoders.hub.tokens import TextSide


class ImageTower(nn.Module):
    """`pixels` uint8 [n, height, width, 3] RGB to unit vectors [n, dimension]: the image processor's arithmetic is inside."""

    def __init__(self, encoder: DualEncoder, normalisation: Normalisation) -> None:
        super().__init__()
        self.model = encoder.model
        self.scale = nn.Buffer(torch.tensor(normalisation.scale).reshape(1, 3, 1, 1))
        self.shift = nn.Buffer(torch.tensor(normalisation.shift).reshape(1, 3, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        planes = pixels.permute(0, 3, 1, 2).to(torch.float32) * self.scale + self.shift
        return functional.normalize(self.model.get_image_features(pixel_values=planes).pooler_output, dim=-1)


class TextTower(nn.Module):
    """`input_ids` int64 [n, text_tokens] to unit vectors [n, dimension]; what fills a text is masked where the model needs it."""

    def __init__(self, encoder: DualEncoder, text: TextSide) -> None:
        super().__init__()
        self.model = encoder.model
        self.text = text
        self.pads_with_end = text.pad_id == text.own.eos_token_id

    def forward(self, input_ids: Tensor) -> Tensor:
        mask = self._mask(input_ids) if self.text.masked else None
        features = self.model.get_text_features(input_ids=input_ids, attention_mask=mask)
        return functional.normalize(features.pooler_output, dim=-1)

    def _mask(self, input_ids: Tensor) -> Tensor:
        """Return 1 for the text and 0 for what fills it: where that is the token of the end, the one beside the text counts."""
        padding = (input_ids == self.text.pad_id).long()
        if not self.pads_with_end:
            return 1 - padding
        if self.text.padding_side == "right":
            return (padding.cumsum(1) - padding == 0).long()
        end = torch.arange(input_ids.shape[1], device=input_ids.device) == input_ids.shape[1] - 1
        return (((1 - padding).cumsum(1) > 0) | end).long()
