"""The contrastive loss: softmax both ways, with every true pair of the batch a positive."""

import torch
from torch import Tensor, nn

LARGEST_SCALE = 60.0


class ContrastiveLoss(nn.Module):
    """Cross-entropy between softmax(scale * v q^T) and the evenly shared positives (CLIP with several positives)."""

    def __init__(self) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(12.0).log())

    def forward(self, images: Tensor, texts: Tensor, positives: Tensor) -> Tensor:
        """`images`, `texts` unit [n, d]; `positives` [n, n], 1 where text j holds for picture i."""
        logits = self.log_scale.exp().clamp(max=LARGEST_SCALE) * (images @ texts.T)
        return (_soft_cross_entropy(logits, positives) + _soft_cross_entropy(logits.T, positives.T)) / 2


def _soft_cross_entropy(logits: Tensor, positives: Tensor) -> Tensor:
    targets = positives / positives.sum(1, keepdim=True)
    return -(targets * logits.log_softmax(1)).sum(1).mean()
