"""Batches: shares of scenes, truths and positives, views of photos, and pieces left out of texts."""

import cv2
import numpy as np
import pytest
import torch

from training.batches import draw
from training.jpeg import compressed
from training.photos import Part, Photo, Pixels
from training.pool import Pool, gather
from training.scenes import Painted, paint
from training.views import photo_views
from training.vocabulary import PAD_ID, train_tokenizer

DOG = Photo("Chihuahua", ("dog",), ())
BUS = Photo("school bus", ("bus",), ())
CAPTIONED = Photo("", (), ("A dog runs on grass .", "A brown dog ."))


def striped(count: int) -> Pixels:
    """Pictures whose left half is black and whose right half is white."""
    pixels = np.zeros((count, 96, 96, 3), np.uint8)
    pixels[:, :, 48:] = 255
    return pixels


@pytest.fixture(scope="module")
def scenes() -> list[Painted]:
    return paint(20, seed=3)


def pool_of(scenes: list[Painted], *photos: Photo) -> Pool:
    parts = [Part("flickr8k", striped(len(photos)), photos)]
    texts = [caption.text for scene in scenes for caption in scene.captions]
    return gather(parts, scenes, train_tokenizer([*texts, "a Chihuahua", "a dog", "a school bus"] * 2, text_tokens=24), seed=0)


def test_equal_seeds_paint_equal_scenes(scenes: list[Painted]) -> None:
    again = paint(20, seed=3)
    assert all(np.array_equal(a.pixels, b.pixels) and a.captions == b.captions for a, b in zip(scenes, again, strict=True))


def test_a_batch_has_its_share_of_scenes_and_every_text_holds_for_its_own_picture(scenes: list[Painted]) -> None:
    pool = pool_of(scenes, DOG, CAPTIONED)
    torch.manual_seed(0)
    batch = draw(pool, 64, 48, world_share=0.25)
    assert batch.pixels.shape == (64, 48, 48, 3)
    assert 0 <= float(batch.pixels.min()) <= float(batch.pixels.max()) <= 255
    assert batch.positives.diagonal().all()
    held = pool.truths[pool.photos :]
    assert all(set(row.tolist()) - {pool.facts} for row in held)


def test_a_label_is_true_of_every_photo_that_shows_it_and_a_caption_of_its_own_alone(scenes: list[Painted]) -> None:
    pool = pool_of(scenes, DOG, DOG, BUS, CAPTIONED)
    torch.manual_seed(0)
    batch = draw(pool, 200, 48, world_share=0.0)
    shares = batch.positives.sum(0)
    whole = batch.positives[:, shares < shares.max()]
    assert set(batch.positives.unique().tolist()) == {0.0, 1.0}
    assert whole.numel()
    assert float(batch.facts.sum(1).max()) <= 1 + 1e-6


def test_equal_seeds_draw_equal_batches(scenes: list[Painted]) -> None:
    pool = pool_of(scenes, DOG, CAPTIONED)
    batches = []
    for _ in range(2):
        torch.manual_seed(5)
        batches.append(draw(pool, 32, 48))
    assert all(torch.equal(getattr(batches[0], name), getattr(batches[1], name)) for name in ("pixels", "input_ids", "positives"))


@pytest.mark.parametrize("may_mirror", [False, True])
def test_only_pictures_whose_text_names_no_side_are_mirrored(may_mirror: bool) -> None:
    torch.manual_seed(0)
    photos = torch.from_numpy(striped(200))
    views, beside = photo_views(photos, torch.full((200,), may_mirror), 48)
    whole = views[40:][~beside[40:]]
    mirrored = whole[..., :4].mean((1, 2, 3)) > whole[..., -4:].mean((1, 2, 3)) + 60
    assert bool(mirrored.any()) == may_mirror


def test_a_text_that_names_a_side_is_known(scenes: list[Painted]) -> None:
    pool = pool_of(scenes, Photo("", (), ("a dog on the left",)), DOG)
    own = pool.choices[0][pool.owners[pool.choices[0]] == 0]
    assert not pool.may_mirror[own].any()
    assert pool.may_mirror[pool.choices[1]].all()


def test_two_photos_in_one_picture_are_both_true_of_it(scenes: list[Painted]) -> None:
    pool = pool_of(scenes, DOG, BUS)
    torch.manual_seed(0)
    batch = draw(pool, 400, 48, world_share=0.0)
    names = batch.positives.sum(1)
    assert int((names > 300).sum()) == pytest.approx(20, abs=12), (
        "half of the tenth that stand beside another stand beside the other kind"
    )


def test_the_parts_of_a_picture_of_two_fill_it() -> None:
    torch.manual_seed(0)
    photos = torch.full((100, 96, 96, 3), 200, dtype=torch.uint8)
    views, beside = photo_views(photos, torch.ones(100, dtype=torch.bool), 48)
    spread = views[beside].amax((2, 3)) - views[beside].amin((2, 3))
    assert int(beside.sum()) == 10
    assert float(spread.max()) < 1.0


def test_pieces_left_out_of_a_text_leave_no_hole(scenes: list[Painted]) -> None:
    pool = pool_of(scenes, DOG)
    torch.manual_seed(0)
    ids = draw(pool, 600, 48, world_share=0.9).input_ids
    present = (ids != PAD_ID).int()
    assert bool((present.diff(dim=1) <= 0).all())
    lengths = set((pool.ids != PAD_ID).sum(1).tolist())
    assert int(present.sum(1).min()) >= min(lengths)


@pytest.mark.parametrize("quality", [20, 50, 75])
def test_compression_does_to_a_picture_what_jpeg_does(scenes: list[Painted], quality: int) -> None:
    picture = scenes[0].pixels
    _, encoded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    assert decoded is not None
    theirs = np.asarray(decoded[..., ::-1], np.float32)
    planes = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
    ours = compressed(planes, torch.tensor([float(quality)]))[0].permute(1, 2, 0).numpy()
    lost = np.abs(theirs - picture).mean()
    assert np.abs(ours - theirs).mean() < 0.5 * lost
    assert np.abs(ours - picture).mean() == pytest.approx(lost, rel=0.25)
