"""What `bench.vit` says of the sizes of towers, held against what others have published."""

import pytest

from bench.vit import SO400M_224, SO400M_384, VIT_B_16, VIT_B_32, Sizes


@pytest.mark.parametrize(
    ("sizes", "gflops", "tolerance"),
    [
        (VIT_B_32, 8.82, 0.03),
        (VIT_B_16, 35.13, 0.01),
        (SO400M_224, 220.4, 0.01),
        (SO400M_384, 670.4, 0.01),
    ],
)
def test_operations_are_those_of_open_clip_s_table(sizes: Sizes, gflops: float, tolerance: float) -> None:
    assert sizes.flops_per_image == pytest.approx(gflops * 1e9, rel=tolerance), "but for a class token, or a head that attends"


@pytest.mark.parametrize(("sizes", "millions"), [(VIT_B_16, 86), (SO400M_384, 412)])
def test_weights_are_as_many_as_is_said(sizes: Sizes, millions: int) -> None:
    assert sizes.parameters == pytest.approx(millions * 1e6, rel=0.01)


def test_what_is_left_at_the_edges_is_no_patch() -> None:
    assert SO400M_384.tokens == 27 * 27
