"""How a live lane ends that is asked to: in time, and committing nothing that was not finished."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, cast

import pytest

from services.indexer import live, seeking
from services.indexer.live import LiveLane
from streaming.errors import Stopped


class Ground:
    """A Faust that starts and stops at once, and a lane whose turns and end are given."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.said: list[str] = []
        self.app = SimpleNamespace(start=self._say("start"), stop=self._say("stop"))

    async def turn(self) -> None:
        """Ask to stop in the first one."""
        self.stopping.set()

    async def finish(self) -> None:
        """Finish what is in hand."""
        self.said.append("finish")

    def withhold(self) -> None:
        """Commit and write nothing any more."""
        self.said.append("withhold")

    def run(self) -> list[str]:
        """Run the lane to its end; return what was said."""
        asyncio.run(live._run(self.app, cast("LiveLane", self), self.stopping))
        return self.said

    def _say(self, word: str) -> Any:
        async def say() -> None:
            self.said.append(word)

        return say


def test_what_is_in_hand_is_finished_and_committed() -> None:
    assert Ground().run() == ["start", "finish", "stop"]


@pytest.mark.parametrize("where", ["turn", "finish"])
def test_what_takes_too_long_is_given_up_and_nothing_more_is_committed(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang() -> None:
        ground.stopping.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(live, "FINISH_SECONDS", 0.05)
    ground = Ground()
    setattr(ground, where, hang)
    assert ground.run() == ["start", "withhold", "stop"]


def test_work_that_is_under_way_on_its_thread_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    let = threading.Event()

    async def work() -> None:
        ground.stopping.set()
        await asyncio.get_running_loop().run_in_executor(thread, let.wait, 30)
        ground.said.append("acknowledge")

    monkeypatch.setattr(live, "FINISH_SECONDS", 0.05)
    ground, thread = Ground(), ThreadPoolExecutor(1)
    ground.turn = work  # type: ignore[method-assign]
    assert ground.run() == ["start", "withhold", "stop"]
    let.set()
    thread.shutdown()


def test_a_lane_that_may_write_nothing_more_leaves_without_a_commit() -> None:
    async def stop() -> None:
        raise Stopped

    ground = Ground()
    ground.turn = stop  # type: ignore[method-assign]
    assert ground.run() == ["start", "withhold", "stop"]


@pytest.mark.parametrize("error", [RuntimeError("no"), TimeoutError("no")])
def test_a_fault_ends_the_process_also_one_that_is_a_matter_of_time(error: Exception) -> None:
    async def fail() -> None:
        raise error

    ground = Ground()
    ground.turn = fail  # type: ignore[method-assign]
    with pytest.raises(type(error)):
        ground.run()
    assert ground.said == ["start", "stop"]


def test_the_loop_turns_while_a_thread_of_faust_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    async def stopped(_: object) -> None:
        pass

    monkeypatch.setattr("mode.services.Service.stop", stopped)
    let = threading.Event()
    thread = cast("Any", object.__new__(seeking._Thread))
    thread._started = asyncio.Event()
    thread._thread = SimpleNamespace(stop=lambda: let.wait(30))

    async def run() -> float:
        thread._started.set()
        began = time.monotonic()
        stopping = asyncio.ensure_future(thread.stop())
        await asyncio.sleep(0)
        let.set()
        await stopping
        return time.monotonic() - began

    assert asyncio.run(run()) < 10
