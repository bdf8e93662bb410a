"""From a camera's timestamps to t_ms: UTC epoch milliseconds that never go back. Pure: every time is passed in.

A camera counts in its own units from a beginning of its own (pts). What is looked for is the offset, UTC less pts. Two things say
what it is: the arrival of packets, which is late by the network and never early, so the earliest of some time counts; and the
camera's sender reports, which are exact if its clock is right. Reports are believed while they are within two seconds of arrival.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final, Literal

ARRIVALS_MS: Final = 60_000
"""The earliest arrival of this long counts: long enough to see one packet that did not wait, short enough to follow a drift."""

REPORTS_WITHIN_MS: Final = 2_000
BELIEVED_AGAIN_WITHIN_MS: Final = 1_500
SLEWED_SHARE: Final = 0.005
"""The offset follows what it should be by this share of the time that passes: times stay in order, and none is repeated."""

STANDING_SHARE: Final = 0.999
"""Where it is ahead by more than half a period, time nearly stands until it is not: it never goes back."""

JUMP_MS: Final = 1_000
"""Timestamps that go back by more than this, or ahead of the arrival by more, have jumped."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When a frame was taken. `exact_ms` is t_ms before rounding; `anew`: times before it and from it on are not comparable.

    `repeated`: a frame of this time may have been given before this stretch began, so none of this one is sampled.
    """

    t_ms: int
    exact_ms: float
    anew: bool
    repeated: bool


class CameraClock:
    """The clock of one connection. `last_ms` is the last t_ms of the connection before.

    Packets come in the order of decoding, so times of one stretch may step back by a few frames.
    """

    def __init__(self, period_ms: float, last_ms: int | None = None) -> None:
        self._step_ms = period_ms / 2
        self._last_ms = self._repeated_until_ms = last_ms
        self._arrivals: deque[tuple[float, float]] = deque()  # arrival, and arrival less pts: both rising
        self._offset_ms: float | None = None
        self._last_pts_ms = self._last_arrival_ms = self._newest_pts_ms = 0.0
        self._believed = True
        self.off_ms: int | None = None

    @property
    def source(self) -> Literal["reports", "arrival"]:
        """What times are made from at the moment."""
        return "reports" if self.off_ms is not None and self._believed else "arrival"

    def hear(self, pts_ms: float, arrival_ms: float) -> bool:
        """Take a packet's arrival without asking for its time: of a burst at the beginning only the last ones are on time.

        Return whether timestamps have jumped: nobody can say any more when packets were taken that were heard before.
        """
        has_jumped = bool(self._arrivals) and self._has_jumped(pts_ms, arrival_ms)
        if has_jumped:
            self._arrivals.clear()
            self._offset_ms = None
        self._last_pts_ms, self._last_arrival_ms = pts_ms, arrival_ms
        late_ms = arrival_ms - pts_ms
        while self._arrivals and self._arrivals[-1][1] >= late_ms:
            self._arrivals.pop()
        self._arrivals.append((arrival_ms, late_ms))
        while self._arrivals[0][0] < arrival_ms - ARRIVALS_MS:
            self._arrivals.popleft()
        return has_jumped

    def place(self, pts_ms: float, reported_ms: float | None) -> Moment:
        """Return when the frame of a packet that was heard was taken.

        `reported_ms` is UTC as the camera's reports have it, None without one.
        """
        wanted_ms = self._wanted(pts_ms, reported_ms)
        anew = self._begins_anew(pts_ms, wanted_ms)
        if anew or self._offset_ms is None:
            self._offset_ms, self._repeated_until_ms, self._newest_pts_ms = wanted_ms, self._last_ms, pts_ms
        elif pts_ms > self._newest_pts_ms:
            wrong_ms = wanted_ms - self._offset_ms
            share = STANDING_SHARE if wrong_ms < -self._step_ms else SLEWED_SHARE
            most_ms = share * (pts_ms - self._newest_pts_ms)
            self._offset_ms += min(most_ms, max(-most_ms, wrong_ms))
            self._newest_pts_ms = pts_ms
        exact_ms = pts_ms + self._offset_ms
        t_ms = int(exact_ms // 1)
        self._last_ms = t_ms if self._last_ms is None else max(t_ms, self._last_ms)
        return Moment(t_ms, exact_ms, anew, self._repeated_until_ms is not None and t_ms <= self._repeated_until_ms)

    def _begins_anew(self, pts_ms: float, wanted_ms: float) -> bool:
        """Going back would repeat times: then time stands until it is right again."""
        if self._offset_ms is None:
            return True
        return abs(wanted_ms - self._offset_ms) > self._step_ms and pts_ms + wanted_ms > (self._last_ms or 0)

    def _has_jumped(self, pts_ms: float, arrival_ms: float) -> bool:
        """Frames out of order go back by little; after silence both clocks have gone on, and a burst comes from behind."""
        passed_ms = pts_ms - self._last_pts_ms
        return passed_ms < -JUMP_MS or passed_ms > arrival_ms - self._last_arrival_ms + JUMP_MS + self._behind_ms()

    def _behind_ms(self) -> float:
        """How much later than the earliest the last packet came: so far ahead may the next one be without a jump."""
        return (self._last_arrival_ms - self._last_pts_ms) - self._arrivals[0][1]

    def _wanted(self, pts_ms: float, reported_ms: float | None) -> float:
        arrived_ms = self._arrivals[0][1]
        if reported_ms is None:
            return arrived_ms if self.off_ms is None or self._offset_ms is None else self._offset_ms
        self.off_ms = round(reported_ms - pts_ms - arrived_ms)
        self._believed = abs(self.off_ms) <= (REPORTS_WITHIN_MS if self._believed else BELIEVED_AGAIN_WITHIN_MS)
        return reported_ms - pts_ms if self._believed else arrived_ms
