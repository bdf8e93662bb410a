"""A camera that sends and gives no picture is left; one whose pictures are rare, late or damaged for a while is not."""

import pytest

from services.decoder.cameras.clock import STANDING_SHARE, Moment
from services.decoder.cameras.errors import CameraDown
from services.decoder.cameras.watchdog import Undecodable, Watchdog
from services.decoder.sampling import Grid

BEGIN_MS = 1_763_625_600_000
FRAME_MS = 40


class Connection:
    """A connection whose pictures come every 40 ms, with a keyframe every `gop_ms`."""

    def __init__(self, sample_fps: float = 1.0, gop_ms: int = 1_000, knows_gop: bool = True) -> None:
        self.grid, self.gop_ms = Grid(sample_fps), gop_ms
        self.knows_gop = knows_gop
        self.watchdog = Watchdog(self.grid)
        self.now_ms = BEGIN_MS
        self.sampled_ms: int | None = None
        self.stood_ms = 0
        self.is_anew = False
        self.watchdog.begin_run()

    def stand(self, seconds: float, share: float) -> None:
        """Let so much time pass while timestamps go on by a share of it."""
        for number in range(round(1000 * seconds / FRAME_MS)):
            t_ms = self.now_ms + int(share * FRAME_MS * number)
            at = Moment(t_ms, t_ms, anew=False, repeated=False)
            self.stood_ms += FRAME_MS
            arrival_ms = self.now_ms + self.stood_ms + 5
            self.watchdog.hear(at, arrival_ms, self.gop_ms, keyframe=False, waits_for_keyframe=False)

    def run(
        self, seconds: float, *, usable: bool = True, keyframes: bool = True, repeated: bool = False, waits: bool = False
    ) -> None:
        """Let so much time pass. Only keyframes give pictures, and only where the grid wants one."""
        until_ms = self.now_ms + round(1000 * seconds)
        while self.now_ms < until_ms:
            at = Moment(self.now_ms, self.now_ms, anew=self.is_anew, repeated=repeated)
            self.is_anew = False
            keyframe = keyframes and (self.now_ms - BEGIN_MS) % self.gop_ms == 0
            if keyframe and usable and self.grid.is_sample(self.sampled_ms, self.now_ms):
                self.watchdog.see(at)
                self.sampled_ms = self.now_ms
            gop_ms = self.gop_ms if self.knows_gop else None
            self.watchdog.hear(at, self.now_ms + self.stood_ms + 5, gop_ms, keyframe=keyframe, waits_for_keyframe=waits)
            self.now_ms += FRAME_MS


def test_pictures_that_cannot_be_decoded_end_the_connection_after_a_while() -> None:
    connection = Connection()
    connection.run(30)
    connection.run(15, usable=False)
    with pytest.raises(Undecodable, match="the camera's pictures cannot be decoded"):
        connection.run(3, usable=False)


def test_damage_of_some_seconds_does_not_end_it_however_often_it_comes() -> None:
    connection = Connection()
    for _ in range(10):
        connection.run(12, usable=False)
        connection.run(2)


def test_keyframes_that_never_come_end_it() -> None:
    connection = Connection(knows_gop=False)
    connection.run(15, keyframes=False, waits=True)
    with pytest.raises(CameraDown, match="the camera sends no keyframe"):
        connection.run(1, keyframes=False, waits=True)


def test_keyframes_that_stop_are_waited_for_longer_than_a_camera_that_saves_bits_lets_one_wait() -> None:
    connection = Connection()
    connection.run(30)
    connection.run(59, keyframes=False)
    connection.run(5)
    connection.run(60, keyframes=False)
    with pytest.raises(CameraDown, match="the camera sends no keyframe"):
        connection.run(3, keyframes=False)


def test_a_sample_in_a_thousand_seconds_is_enough_where_no_more_is_wanted() -> None:
    connection = Connection(sample_fps=0.001)
    connection.run(2_000 - BEGIN_MS / 1000 % 1_000)
    connection.run(2)
    connection.run(997, usable=False)
    connection.run(15, usable=False)
    with pytest.raises(Undecodable):
        connection.run(3, usable=False)


def test_a_camera_with_rare_keyframes_may_miss_one() -> None:
    connection = Connection(gop_ms=40_000)
    connection.run(42)
    connection.run(77, usable=False)
    connection.run(2)
    connection.run(78, usable=False)
    with pytest.raises(Undecodable):
        connection.run(41, usable=False)


def test_pictures_of_times_that_were_sampled_before_are_told() -> None:
    connection = Connection()
    connection.run(15, repeated=True)
    with pytest.raises(CameraDown, match="a clock was set back"):
        connection.run(1, repeated=True)


def test_a_clock_that_was_set_back_is_told_as_what_it_is() -> None:
    connection = Connection()
    connection.run(30)
    connection.now_ms -= 20_000
    connection.is_anew = True
    with pytest.raises(CameraDown, match="a clock was set back"):
        connection.run(20, repeated=True)


def test_the_time_that_a_process_stood_still_says_little_of_a_camera() -> None:
    connection = Connection()
    connection.run(5, usable=False)
    connection.now_ms += 25_000
    connection.run(4, usable=False)
    connection.run(2)


@pytest.mark.parametrize(("share", "seconds"), [(0.0, 15), (0.0002, 23)])
def test_timestamps_that_stand_are_told(share: float, seconds: int) -> None:
    connection = Connection()
    connection.run(20)
    connection.stand(seconds, share)
    with pytest.raises(CameraDown, match="the camera's timestamps stand still"):
        connection.stand(5, share)


def test_time_that_stands_for_a_while_is_forgiven_and_that_nearly_stands_waits_for_a_clock() -> None:
    connection = Connection()
    for _ in range(5):
        connection.stand(14, 0.0)
        connection.run(1)
    connection.stand(50, 1 - STANDING_SHARE)
