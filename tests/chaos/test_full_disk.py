import pytest

from tests.chaos.full_disk import untold_full


@pytest.mark.parametrize(
    ("times", "told", "complains"), [(0, 0, False), (1, 0, False), (2, 0, True), (2, 1, False), (5, 9, False)]
)
def test_a_disk_that_was_full_again_and_again_is_told_by_somebody(times: int, told: int, complains: bool) -> None:
    assert bool(untold_full(times, told)) is complains
