"""What learns: the towers, how sharply they choose, and the second task of naming what a picture shows."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from training.batches import Batch
from training.towers import Shape, Towers

FIRST_SCALE, LARGEST_SCALE = 12.0, 60.0
NAMING_WEIGHT = 0.5


class Learner(nn.Module):
    """Towers of `shape` with their scale and a layer that names `classes` facts."""

    def __init__(self, vocabulary: int, classes: int, shape: Shape) -> None:
        super().__init__()
        self.towers = Towers(vocabulary, shape)
        self.naming = nn.Linear(self.towers.image.features, classes)
        self.log_scale = nn.Parameter(torch.tensor(FIRST_SCALE).log())

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Scores [pictures, texts], and the logits of each picture's facts [pictures, classes]."""
        with torch.autocast(batch.pixels.device.type, torch.bfloat16, cache_enabled=False):
            features = self.towers.image.features_of(batch.pixels)
            images, texts = self.towers.image.vectors_of(features), self.towers.text(batch.input_ids)
            named = self.naming(features)
        scale = self.log_scale.exp().clamp(max=LARGEST_SCALE)
        return scale * (images.float() @ texts.float().T), named.float()


def loss_of(scores: Tensor, named: Tensor, wanted: "Wanted") -> tuple[Tensor, Tensor]:
    """The loss to descend, and the contrastive part of it."""
    contrast = (_cross_entropy(scores, wanted.texts) + _cross_entropy(scores.T, wanted.images)) / 2
    return contrast + NAMING_WEIGHT * _cross_entropy(named, wanted.facts), contrast


class Wanted:
    """What each picture should choose among the texts, each text among the pictures, each picture among the facts."""

    def __init__(self, texts: Tensor, images: Tensor, facts: Tensor) -> None:
        self.texts, self.images, self.facts = texts, images, facts


def wanted_of(batch: Batch) -> Wanted:
    """The truth: evenly shared between all positives (CLIP with several positives)."""
    return Wanted(_shares(batch.positives), _shares(batch.positives.T), batch.facts)


@torch.no_grad()
def taught(batch: Batch, teachers: Sequence[Learner], trust: float) -> Wanted:
    """The truth, and for a share of `trust` what the teachers choose for the very same views (Hinton et al. 2015,
    arxiv.org/abs/1503.02531; Beyer et al. 2022, arxiv.org/abs/2106.05237)."""
    truth = wanted_of(batch)
    told = [teacher(batch) for teacher in teachers]
    texts = sum(scores.softmax(1) for scores, _ in told) / len(told)
    images = sum(scores.T.softmax(1) for scores, _ in told) / len(told)
    facts = sum(named.softmax(1) for _, named in told) / len(told)
    mixed = [kept.lerp(said, trust) for kept, said in ((truth.texts, texts), (truth.images, images), (truth.facts, facts))]
    return Wanted(*mixed)


def _shares(positives: Tensor) -> Tensor:
    return positives / positives.sum(1, keepdim=True).clamp(min=1)


def _cross_entropy(logits: Tensor, wanted: Tensor) -> Tensor:
    return -(wanted * logits.log_softmax(1)).sum(1).mean()
