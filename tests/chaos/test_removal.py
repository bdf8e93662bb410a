"""What comes late of a life that is over is dropped everywhere, files of it are found, and scripts end as they say."""

from collections import deque
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from framebus.client import Source as ToldSource
from schemas.headers import EMBEDDING, decode_embedding_headers, decode_frame_headers
from schemas.identity import row_key, source_no
from schemas.lives import life_at, stated_life
from schemas.messages import Life, Source, Wanted
from services.embedder.admission import Dropped, admit
from services.indexer.lives import standing
from streaming.secrets import SecretStore
from tests.chaos.late import Message, Over, Payload, late
from tests.chaos.leftovers import Kept, leftovers
from tests.chaos.moves import SCRIPTS, Mover, Wish
from tests.chaos.removal import Removals, compared
from tests.comparison import Expected, Found, rest_of

OVER = Over("a", 1, in_force_ms=1500, free_ms=9000)
PAYLOAD = Payload(b"jpeg", b"vector", "tiny@00000000")
NOW_MS = 2500


def source(life: int, wanted: Wanted) -> Source:
    lives = tuple(Life(life=number, began_ms=1000 * number) for number in range(1, life + 1))
    return Source(source_id="a", kind="file", life=life, lives=lives, sample_fps=1.0, wanted=wanted)


@pytest.mark.parametrize("now", [source(1, "removed"), source(2, "running"), source(2, "removed")])
def test_late_messages_are_dropped_by_embedder_and_indexer(now: Source) -> None:
    messages = list(late(OVER, NOW_MS, PAYLOAD))
    assert len(messages) == 16
    for message in messages:
        written_ms = message.timestamp_ms or NOW_MS
        if is_embedding(message):
            headers = decode_embedding_headers(message.headers)
            stated = stated_life(headers)
            assert standing(now, life_at(now, written_ms) if stated is None else stated) == "over"
        else:
            assert isinstance(admit(decode_frame_headers(message.headers), written_ms, now), Dropped)


def test_late_messages_say_their_life_in_headers_or_by_their_time_alone() -> None:
    said = {(decode_frame_headers(one.headers).life, one.timestamp_ms) for one in late(OVER, 1, PAYLOAD) if not is_embedding(one)}
    assert said == {(1, None), (None, OVER.in_force_ms)}


def is_embedding(message: Message) -> bool:
    return ("schema", EMBEDDING.encode()) in message.headers


def test_files_of_other_lives_uploads_of_the_removed_and_passwords_of_nobody_are_left_over(tmp_path: Path) -> None:
    media, secrets = tmp_path / "media", tmp_path / "secrets"
    for path in (media / "recordings/a/1/day/x.mp4", media / "clips/a/2/y.mp4", media / "uploads/a/z/v.mp4"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    SecretStore(secrets).put("a", "hunter2", "rtsp://10.0.0.7")
    SecretStore(secrets).put("a.5", "hunter2", "rtsp://10.0.0.7")

    def names(kept: Kept) -> list[str]:
        return [Path(path).name for path in leftovers(media, secrets, "a", kept)]

    assert names(Kept(2, has_password=True)) == ["x.mp4"]
    assert names(Kept(1)) == ["y.mp4", ".a@origin", "a"]
    assert names(Kept(None)) == ["y.mp4", "x.mp4", "v.mp4", ".a@origin", "a"]
    assert leftovers(media, secrets, "b", Kept(None)) == []


def test_lives_that_a_script_ends_are_noted_with_a_time_at_which_they_were_in_force() -> None:
    wishes = [Wish("one", 4.0, {}), Wish("two", 4.0, {}), Wish("two", 2.0, {})]
    mover = Mover("a", False, deque(SCRIPTS["file-again"]), deque(wishes))
    mover.lives_on(1, 100)
    mover.is_removed(200)
    between = mover.in_force
    mover.lives_on(2, 300)
    mover.lives_on(3, 400)
    assert (between, mover.in_force, mover.wish) == (None, 3, wishes[2])
    assert [(over.life, over.in_force_ms) for over in mover.over] == [(1, 100), (2, 300)]


def test_a_camera_that_is_only_sampled_at_another_rate_stays_in_its_life() -> None:
    mover = Mover("a", True, deque(SCRIPTS["camera-again"]), deque([Wish("one", 2.0), Wish("one", 4.0)]))
    mover.lives_on(1, 100)
    mover.lives_on(1, 200)
    assert (mover.over, mover.in_force, mover.seen_ms) == ([], 1, 200)


@pytest.mark.parametrize(("script", "steps"), SCRIPTS.items())
def test_a_script_begins_with_adding_and_sends_late_messages_of_every_life_it_ends(script: str, steps: tuple[str, ...]) -> None:
    assert steps[0] == "add"
    assert steps[-1] == "late", script


ONE = np.ones(1, np.float32)


def row(life: int, t_ms: int = 7, *, provisional: bool = False) -> Found:
    key = row_key("a", life, "f", t_ms, provisional=provisional)
    return Found(key, ("a", life, t_ms), t_ms, provisional, ONE, t_ms, source_no("a"), rest_of(key))


def camera(life: int = 2) -> Mover:
    mover = Mover("a", True, deque(), deque([Wish("one", 2.0)]))
    mover.lives_on(life, 100)
    return mover


MADE = {"a/2/f/7": Expected(7, (ONE,)), "b/2/f/7": Expected(7, (ONE,)), "a/1/f/7": Expected(7, (ONE,))}


def test_of_a_source_the_rows_of_the_life_in_force_are_compared_and_of_others_none_may_be_left() -> None:
    assert compared(camera(), [row(2), row(2, provisional=True)], MADE).lines() == []
    assert compared(camera(), [], MADE).missing == ["a/2/f/7 is missing"]
    left = compared(camera(), [row(2), row(1, provisional=True), row(1), row(3)], MADE)
    assert left.lines() == left.extra == ["2 rows of life 1 of a are left", "1 rows of life 3 of a are left"]
    assert len(compared(camera(), [row(2), row(2, 8, provisional=True)], MADE).extra) == 1
    gone = camera()
    gone.is_removed(200)
    assert compared(gone, [], MADE).lines() == []
    assert compared(gone, [row(2, provisional=True)], MADE).extra == ["1 rows of life 2 of a are left"]


def test_a_camera_that_was_never_captured_in_its_life_is_missing() -> None:
    assert compared(camera(3), [], MADE).missing == ["a has no sample of life 3"]


@pytest.fixture
def _no_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.chaos.removal.Producer", lambda _: SimpleNamespace(poll=lambda _: 0, flush=lambda _: 0))


def removals_of(client: object, mover: Mover) -> Removals:
    removals = Removals(cast("Any", SimpleNamespace(kafka="none")), cast("Any", client), cast("Any", None), 1, (), "a")
    removals._movers = [mover]
    return removals


@pytest.mark.usefixtures("_no_kafka")
def test_a_camera_rests_once_it_was_seen_to_have_a_row_of_its_life() -> None:
    paused: list[str] = []
    said = {"life": 2, "last_t_ms": None}

    def told(source_id: str) -> ToldSource:
        return ToldSource(source_id=source_id, kind="camera", state="running", **cast("Any", said))

    removals = removals_of(SimpleNamespace(source=told, pause=paused.append), camera())
    removals.end()

    def turned() -> list[str]:
        removals.turn()
        removals.turn()
        return paused

    assert (turned(), removals.unfinished()) == ([], ["a"])
    said |= {"life": 1, "last_t_ms": 5}
    assert (turned(), removals.unfinished()) == ([], ["a"])
    said |= {"life": 2}
    assert (turned(), removals.unfinished()) == (["a"], [])


@pytest.mark.usefixtures("_no_kafka")
def test_whoever_has_steps_to_go_is_not_caught_up_and_who_records_nothing_is() -> None:
    mover = camera()
    mover.steps.append("remove")
    removals = removals_of(None, mover)
    assert (removals._recording(), removals.is_caught_up(0)) == ({}, False)
    mover.steps.clear()
    assert removals._recording() == {"a": 2}
    mover.is_removed(200)
    assert (removals._recording(), removals.is_caught_up(0)) == ({}, True)


def test_a_new_life_is_to_be_seen_anew() -> None:
    mover = camera()
    mover.is_sampled = mover.is_settled = True
    mover.wishes.append(Wish("two", 2.0))
    mover.lives_on(3, 200)
    assert (mover.is_sampled, mover.is_settled) == (False, False)
