"""The size of the outgoing picture."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.decoder.size import LARGEST_PIXELS, LONGEST_SIDE_PX, picture_size


@pytest.mark.parametrize(
    ("width", "height", "aspect", "size"),
    [
        (1920, 1080, None, (512, 288)),
        (1080, 1920, None, (288, 512)),
        (768, 432, Fraction(1), (512, 288)),
        (200, 112, None, (200, 112)),
        (201, 113, None, (200, 112)),
        (720, 576, Fraction(64, 45), (512, 288)),
        (720, 576, Fraction(16, 15), (384, 288)),
        (1440, 1080, Fraction(4, 3), (512, 288)),
        (360, 576, Fraction(1, 2), (288, 922)),
        (640, 360, Fraction(1, 9_999), (512, 288)),
        (70_000, 16, None, (65_500, 14)),
        (16, 70_000, None, (14, 65_500)),
        (16_384, 16, Fraction(8), (65_500, 8)),
        (1_000_000, 2, None, (65_500, 2)),
    ],
)
def test_sizes_keep_the_display_aspect_ratio(width: int, height: int, aspect: Fraction | None, size: tuple[int, int]) -> None:
    assert picture_size(width, height, aspect) == size


@given(width=st.integers(2, 8_000), height=st.integers(2, 8_000))
def test_a_picture_is_never_larger_than_its_source_nor_than_a_record(width: int, height: int) -> None:
    wide, high = picture_size(width, height, None)
    assert 2 <= wide <= width
    assert 2 <= high <= height
    assert wide * high <= LARGEST_PIXELS * 1.01


@given(width=st.integers(288, 3_400), height=st.integers(288, 3_000))
def test_the_short_side_is_what_every_encoder_can_use(width: int, height: int) -> None:
    assert min(picture_size(width, height, None)) == 288


@given(
    width=st.integers(1, 2_000_000),
    height=st.integers(1, 2_000_000),
    aspect=st.sampled_from([None, *map(Fraction, ("1/8", "3", "8"))]),
)
def test_no_side_is_longer_than_the_jpeg_encoder_takes_nor_odd_nor_gone(width: int, height: int, aspect: Fraction | None) -> None:
    for side in picture_size(width, height, aspect):
        assert 2 <= side <= LONGEST_SIDE_PX
        assert side % 2 == 0
