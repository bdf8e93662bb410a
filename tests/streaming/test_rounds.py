"""Rounds: one at a time, at intervals, and a failure is told to whoever asks for the next one."""

import threading

from streaming.rounds import Rounds
from tests.streaming.conftest import await_that


def test_a_round_is_begun_once_an_interval_and_its_work_is_done_elsewhere() -> None:
    done: list[int] = []
    rounds = Rounds("test", 3600.0)
    for _ in range(3):
        rounds.follow(lambda: lambda: done.append(threading.get_ident()))
    rounds.close()
    assert len(done) == 1
    assert done[0] != threading.get_ident()


def test_the_next_round_waits_for_the_last_one_and_tells_its_failure() -> None:
    go_on, begun = threading.Event(), threading.Semaphore(0)

    def work() -> None:
        begun.release()
        assert go_on.wait(10)
        raise OSError("the disk is gone")

    rounds = Rounds("test", 0.0)
    rounds.follow(lambda: work)
    assert begun.acquire(timeout=10)
    rounds.follow(lambda: work)
    assert not begun.acquire(blocking=False)
    go_on.set()

    def is_told() -> bool:
        try:
            rounds.follow(lambda: lambda: None)
        except OSError as error:
            return str(error) == "the disk is gone"
        return False

    await_that(is_told)
    rounds.close()
