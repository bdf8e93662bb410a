"""From a camera's timestamps to t_ms: UTC epoch milliseconds that never go back. Pure: every time is passed in.

A camera counts in its own units from a beginning of its own (pts). What is looked for is the offset, UTC less pts. Two things say
what it is: the arrival of packets, which is late by the network and never early, so the earliest of some time counts; and the
camera's sender reports, which are exact if its clock is right. Reports are believed while they are within two seconds of arrival.

Some cameras count the pictures of a bright day while they send the fewer ones of a night: their timestamps go slower than time.
Then an offset is soon wrong, and so is a report until the next one comes: only the latest arrivals tell.
"""

from collections import deque
from dataclasses import dataclass
from math import inf
from typing import Final, Literal

ARRIVALS_MS: Final = 60_000
"""The earliest arrival of this long counts: long enough to see one packet that did not wait, short enough to follow a drift."""

LATEST_ARRIVALS_MS: Final = 5_000
"""The same where timestamps are slow: an earlier one is wrong by what they have lost since."""

LONGEST_PAUSE_MS: Final = 1_000
"""A pause between packets counts as no more: what comes after it has waited, and what came before tells better."""

REPORTS_WITHIN_MS: Final = 2_000
BELIEVED_AGAIN_WITHIN_MS: Final = 1_500
SLEWED_SHARE: Final = 0.005
"""The offset follows what it should be by this share of the time that passes: times stay in order, and none is repeated."""

STANDING_SHARE: Final = 0.999
"""Where it is ahead by more than half a period, time nearly stands until it is not: it never goes back."""

SLICE_MS: Final = 5_000
SLICES_BEFORE: Final = 3
SLOW_SLICES: Final = 9
"""Timestamps are slow when all slices of a minute show it: sooner, a network that is ever more behind may be the cause."""

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
        self._arrivals: deque[tuple[float, float]] = deque()  # time heard until then, and arrival less pts: both rising
        self._pace = _Pace()
        self._offset_ms: float | None = None
        self._last_pts_ms = self._last_arrival_ms = self._newest_pts_ms = self._heard_ms = 0.0
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
            self._offset_ms, self._pace = None, _Pace()
        self._heard_ms += min(max(0.0, arrival_ms - self._last_arrival_ms), LONGEST_PAUSE_MS)
        self._last_pts_ms, self._last_arrival_ms = pts_ms, arrival_ms
        late_ms = arrival_ms - pts_ms
        while self._arrivals and self._arrivals[-1][1] >= late_ms:
            self._arrivals.pop()
        self._arrivals.append((self._heard_ms, late_ms))
        while self._arrivals[0][0] < self._heard_ms - (LATEST_ARRIVALS_MS if self._pace.is_slow else ARRIVALS_MS):
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
            most_ms = self._share(wrong_ms) * (pts_ms - self._newest_pts_ms)
            self._offset_ms += min(most_ms, max(-most_ms, wrong_ms))
            self._newest_pts_ms = pts_ms
        exact_ms = pts_ms + self._offset_ms
        t_ms = int(exact_ms // 1)
        self._last_ms = t_ms if self._last_ms is None else max(t_ms, self._last_ms)
        return Moment(t_ms, exact_ms, anew, self._repeated_until_ms is not None and t_ms <= self._repeated_until_ms)

    def _share(self, wrong_ms: float) -> float:
        """Return by how much of the time that passes the offset may follow; what slow timestamps lose is added at once."""
        if wrong_ms > 0 and self._pace.is_slow:
            return inf
        return STANDING_SHARE if wrong_ms < -self._step_ms else SLEWED_SHARE

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
        wanted_ms = self._told(pts_ms, reported_ms)
        is_reported = reported_ms is not None and self.source == "reports"
        self._pace.hear(wanted_ms if is_reported else self._last_arrival_ms - self._last_pts_ms, self._heard_ms)
        return wanted_ms

    def _told(self, pts_ms: float, reported_ms: float | None) -> float:
        arrived_ms = self._arrivals[0][1]
        if self._pace.is_slow:
            self.off_ms = None
            return arrived_ms
        if reported_ms is None:
            return arrived_ms if self.off_ms is None or self._offset_ms is None else self._offset_ms
        self.off_ms = round(reported_ms - pts_ms - arrived_ms)
        self._believed = abs(self.off_ms) <= (REPORTS_WITHIN_MS if self._believed else BELIEVED_AGAIN_WITHIN_MS)
        return reported_ms - pts_ms if self._believed else arrived_ms


class _Pace:
    """Whether timestamps go slower than time, by more than the offset follows: the least offset of each slice has risen."""

    def __init__(self) -> None:
        self._before: deque[float] = deque(maxlen=SLICES_BEFORE)
        self._least_ms, self._ends_ms = inf, 0.0
        self._slices_risen = 0

    @property
    def is_slow(self) -> bool:
        """Whether that was so for a minute, and is."""
        return self._slices_risen >= SLOW_SLICES

    def hear(self, offset_ms: float, heard_ms: float) -> None:
        """Take in an offset that a packet tells, and how long packets have been heard."""
        if heard_ms >= self._ends_ms:
            self._end_slice()
            self._ends_ms = heard_ms + SLICE_MS
        self._least_ms = min(self._least_ms, offset_ms)

    def _end_slice(self) -> None:
        """Compare with what was some slices ago, since the least of one slice may have waited a little too."""
        least_risen_ms = SLEWED_SHARE * SLICE_MS * SLICES_BEFORE
        has_risen = len(self._before) == SLICES_BEFORE and self._least_ms > self._before[0] + least_risen_ms
        self._slices_risen = self._slices_risen + 1 if has_risen else 0
        self._before.append(self._least_ms)
        self._least_ms = inf
