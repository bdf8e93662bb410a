"""The schedule of faults: repeatable, complete, different with another seed."""

from collections import Counter

from tests.chaos.faults import CAMERA_FAULTS, CHANGES, DEATHS, LASTS_SECONDS, SERVERS, TARGETS, camera_schedule, schedule


def test_a_seed_gives_the_same_faults_again_and_another_seed_others() -> None:
    assert schedule(7, 40) == schedule(7, 40)
    assert schedule(7, 40) != schedule(8, 40)


def test_everything_is_killed_and_frozen_before_anything_is_again() -> None:
    deaths = [(fault.kind, fault.target) for fault in schedule(3, 2 * len(DEATHS)) if (fault.kind, fault.target) in DEATHS]
    for half in (deaths[: len(DEATHS)], deaths[len(DEATHS) :]):
        assert sorted(half) == sorted(DEATHS)
    assert {target for _, target in deaths} == set(TARGETS)


def test_workers_join_and_leave_between_the_kills() -> None:
    kinds = Counter(fault.kind for fault in schedule(5, 2 * len(CHANGES)))
    assert kinds["leave"] + kinds["join"] == len(CHANGES) - kinds["slow"] - kinds["refuse"]
    assert kinds["slow"] == kinds["refuse"] == 1
    assert not any(fault.target in SERVERS for fault in schedule(5, 60) if fault.kind in ("leave", "join"))


def test_times_lie_within_what_is_said() -> None:
    for fault in (*schedule(11, 60), *camera_schedule(11, 60)):
        shortest, longest = LASTS_SECONDS[fault.kind]
        assert shortest <= fault.lasts_seconds <= longest
        assert fault.after_seconds > 0


def test_cameras_suffer_everything_before_anything_comes_again() -> None:
    pairs = [(fault.kind, fault.target) for fault in camera_schedule(4, 2 * len(CAMERA_FAULTS))]
    for half in (pairs[: len(CAMERA_FAULTS)], pairs[len(CAMERA_FAULTS) :]):
        assert sorted(half) == sorted(CAMERA_FAULTS)
    assert camera_schedule(4, 20) == camera_schedule(4, 20)
    assert camera_schedule(4, 20) != camera_schedule(5, 20)
