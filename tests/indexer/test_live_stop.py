"""How a live lane ends that is asked to: in time, and committing nothing that was not finished."""

import asyncio
import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from services.indexer import live
from services.indexer.live import LiveLane
from streaming.errors import Stopped


class Ground:
    """A Faust that starts and stops at once, and a lane whose turns and end are given."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.said: list[str] = []
        self.app = SimpleNamespace(
            start=self._say("start"),
            stop=self._say("stop"),
            consumer=SimpleNamespace(withhold=lambda: self.said.append("withhold")),
        )

    async def turn(self) -> None:
        """Ask to stop in the first one."""
        self.stopping.set()

    async def finish(self) -> None:
        """Finish what is in hand."""
        self.said.append("finish")

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
