"""Plays the scripts of sources whose lives end while everything is killed, and looks for what is left of them."""

import random
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self

import numpy as np
from confluent_kafka import Producer
from pymilvus import MilvusClient

from encoders.encoder import Encoder
from framebus.client import Client, FramebusError
from framebus.demo.camera import CameraServer
from schemas.headers import FrameHeaders, encode_frame_headers
from schemas.topics import FRAMES_BULK, FRAMES_LIVE, dead_letter_topic
from schemas.vectors import encode_vector
from streaming.clients import producer_settings
from streaming.dead_letters import write_letter
from streaming.records import Partition, Record
from tests.chaos.acknowledged import Log, frames_of, open_runs, rows
from tests.chaos.films import FILM_FPS, Form, camera, films
from tests.chaos.fleet import Ground
from tests.chaos.late import Message, Payload, late
from tests.chaos.leftovers import Kept, leftovers
from tests.chaos.moves import FILE_FREE_MS, SCRIPTS, Mover, Step, Wish
from tests.chaos.recorded import complaints, lost
from tests.comparison import Differences, Found, Rows, compare, file_rows, never_final, rows_of, stored, stored_twice
from tests.end_to_end.uninterrupted import uninterrupted
from tests.end_to_end.videos import as_jpeg, scene

GAP_SECONDS: Final = (1.0, 6.0)
"""From one step of a source to the next: chunks are decoded, samples smoothed and rows written when a life ends."""
SCENES: Final = (4, 3)
SLOW_FPS: Final = 2.0
CAMERAS: Final = 3
LOGIN: Final = ("cam", "secret-of-a-camera")
ANSWER_SECONDS: Final = 30.0
MOVED: Final = "moved"


@dataclass
class Account:
    """What is left of lives that are over, and how the others compare."""

    rows: Differences = field(default_factory=Differences)
    lives: int = 0
    rows_left: int = 0
    files_left: list[str] = field(default_factory=list)
    messages: int = 0
    replays: int = 0

    def line(self) -> str:
        """Say it."""
        told = f"removed lives: {self.lives}, rows left: {self.rows_left}, files left: {len(self.files_left)}"
        return f"{told}; {self.messages} late messages, {self.replays} replays"


class Removals:
    """Sources of its own, by names of `SCRIPTS`. `turn` is called again and again: what query does not answer is asked again."""

    def __init__(self, ground: Ground, client: Client, encoder: Encoder, seed: int, scripts: Sequence[str], name: str) -> None:
        self._ground, self._client, self._encoder = ground, client, encoder
        self._dice, self._scripts, self._name = random.Random(seed), scripts, name
        self._running = ExitStack()
        self._movers: list[Mover] = []
        self._producer = Producer(producer_settings(ground.kafka, "late"))
        self._account = Account()
        self._hurries = self._is_ending = False

    def __enter__(self) -> Self:
        wishes = self._wishes() if self._scripts else {}
        for script in self._scripts:
            steps, is_camera = deque(SCRIPTS[script]), script.startswith("camera")
            self._movers.append(Mover(f"{self._name}-{script}", is_camera, steps, deque(wishes[script]), self._due_at()))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._running.close()

    @property
    def moved(self) -> int:
        """How many sources there are."""
        return len(self._movers)

    def turn(self) -> None:
        """Take the next step of each source that is due; at the end let its camera rest."""
        self._producer.poll(0)
        for mover in self._movers:
            with suppress(FramebusError):
                if mover.steps and time.monotonic() >= mover.due_at:
                    self._take(mover, mover.steps[0])
                    mover.steps.popleft()
                    mover.due_at = self._due_at()
                elif not mover.steps and not mover.is_settled:
                    self._settle(mover)

    def hurry(self) -> None:
        """Take the steps that are left without pauses."""
        self._hurries = True
        for mover in self._movers:
            mover.due_at = 0.0

    def end(self) -> None:
        """Pause the cameras, so that their last runs are ended."""
        self._is_ending = True

    def unfinished(self) -> list[str]:
        """Return what is not done yet."""
        undone = [f"{mover.source_id} has {len(mover.steps)} steps to go" for mover in self._movers if mover.steps]
        undone += [mover.source_id for mover in self._movers if not mover.is_settled and mover.wish is not None]
        unsent = self._producer.flush(0.0)
        return undone or ([f"{unsent} late messages are on their way"] if unsent else [])

    def is_caught_up(self, until_ms: int) -> bool:
        """Return whether all that cameras recorded until then in the lives that stay has final rows, or is called lost."""
        if any(mover.steps for mover in self._movers):
            return False
        if not self._recording():
            return True
        with closing(MilvusClient(self._ground.milvus, timeout=ANSWER_SECONDS)) as milvus:
            found = [row.key for source_id in self._recording() for row in rows_of(milvus, source_id) if not row.provisional]
        return not self._lost(found, until_ms)[0]

    def left(self) -> list[str]:
        """Return every file of a life that is over, else of whom there are rows, else whose camera's last run was not ended."""
        return self._files_left() or self._rows_left() or open_runs(self._log())

    def account(self) -> Account:
        """Compare every row, and count what is left."""
        made, account = rows(self._log()), self._account
        final: list[str] = []
        with closing(MilvusClient(self._ground.milvus, timeout=ANSWER_SECONDS)) as milvus:
            for mover in self._movers:
                found = rows_of(milvus, mover.source_id)
                account.rows.add(compared(mover, found, made))
                account.rows.twice += stored_twice(milvus, mover.source_id, found)
                account.rows_left += sum(_life(row) != mover.in_force for row in found)
                final += [row.key for row in found if not row.provisional]
        account.rows.missing += complaints(*self._lost(final, _now_ms()), made)
        account.lives = sum(len(mover.over) for mover in self._movers)
        account.files_left = self._files_left()
        return account

    # Steps

    def _take(self, mover: Mover, step: Step) -> None:
        steps: Mapping[Step, Callable[[Mover], None]] = {
            "add": self._add, "change": self._change, "remove": self._remove, "look": self._look,
            "late": self._late, "letter": self._letter, "replay": self._replay,
        }  # fmt: skip
        steps[step](mover)

    def _add(self, mover: Mover) -> None:
        wish = mover.wishes[0]
        added = self._client.add(wish.address, mover.source_id, sample_fps=wish.sample_fps, record=wish.record)
        mover.lives_on(added.life, _now_ms())

    def _change(self, mover: Mover) -> None:
        mover.lives_on(self._client.change(mover.source_id, sample_fps=mover.wishes[0].sample_fps).life, _now_ms())

    def _remove(self, mover: Mover) -> None:
        try:
            self._client.remove(mover.source_id)
        except FramebusError as error:
            if error.status != HTTPStatus.NOT_FOUND:  # the answer to an earlier try was lost
                raise
        mover.is_removed(_now_ms())

    def _look(self, mover: Mover) -> None:
        """Ask for pictures as a page does; there may be none yet."""
        t_ms = _now_ms() - 2000 if mover.is_camera else 1000
        with suppress(FramebusError):
            self._client.thumbnail(mover.source_id, t_ms)
            self._client.clip(mover.source_id, t_ms, t_ms + 1000)

    def _late(self, mover: Mover) -> None:
        for over in mover.over:
            for message in late(over, _now_ms(), self._payload()):
                self._send(message)

    def _letter(self, mover: Mover) -> None:
        """Write a dead letter whose record can be processed: the next life must not get it."""
        topic = FRAMES_LIVE.name if mover.is_camera else FRAMES_BULK.name
        t_ms = _now_ms() if mover.is_camera else FILE_FREE_MS
        headers = FrameHeaders(source_id=mover.source_id, stream=mover.source_id, life=mover.life, t_ms=t_ms)
        record = Record(Partition(topic, 0), 0, b"", self._payload().jpeg, encode_frame_headers(headers), _now_ms())
        letter = write_letter(record, "made for chaos", "embedder", _now_ms())
        self._producer.produce(
            dead_letter_topic(topic), letter.value, letter.key, headers=list(letter.headers),
            on_delivery=lambda error, message: None if error else mover.letters.append(f"{topic}/{message.offset()}"),
        )  # fmt: skip
        self._producer.flush(ANSWER_SECONDS)

    def _replay(self, mover: Mover) -> None:
        self._client.replay(mover.letters)
        self._account.replays += 1

    def _settle(self, mover: Mover) -> None:
        """Let a camera rest that was seen to have a row of its life: one that is never captured is never done."""
        if mover.wish is None:
            mover.is_settled = True
        elif not mover.is_camera:
            mover.is_settled = self._client.source(mover.source_id).state == "indexed"
        elif not mover.is_sampled:
            source = self._client.source(mover.source_id)
            mover.is_sampled = source.life == mover.life and source.last_t_ms is not None
        elif self._is_ending:
            self._client.pause(mover.source_id)
            mover.is_settled = True

    def _send(self, message: Message) -> None:
        self._producer.produce(
            message.topic, message.value, message.key, headers=list(message.headers), timestamp=message.timestamp_ms or 0
        )  # fmt: skip
        self._account.messages += 1

    # What there is

    def _wishes(self) -> dict[str, Sequence[Wish]]:
        one, other = films(self._ground.folder / f"{self._name}-films", self._encoder, SCENES)
        slow = uninterrupted(other.path, self._encoder, SLOW_FPS)
        first, second = Wish(str(one.path), FILM_FPS, one.rows), Wish(str(other.path), FILM_FPS, other.rows)
        files: dict[str, Sequence[Wish]] = {
            "file-again": (first, second, Wish(str(other.path), SLOW_FPS, slow)),
            "file-gone": (first,),
            "file-elsewhere": (first, second),
        }
        return files | (self._camera_wishes() if any(script.startswith("camera") for script in self._scripts) else {})

    def _camera_wishes(self) -> dict[str, Sequence[Wish]]:
        scenes = {f"{self._name}-{number}": camera(100 + number, Form()) for number in range(CAMERAS)}
        server = self._running.enter_context(CameraServer(scenes, login=LOGIN))
        here, elsewhere, unrecorded = (server.url(name) for name in scenes)
        return {
            "camera-again": (Wish(here, 2.0), Wish(here, 4.0), Wish(elsewhere, 2.0)),
            "camera-gone": (Wish(unrecorded, 2.0, record=False),),
        }

    def _payload(self) -> Payload:
        vector = np.ones(self._encoder.dimension, np.float32)
        return Payload(as_jpeg(scene(7)), encode_vector(vector / np.linalg.norm(vector)), self._encoder.space)

    def _log(self) -> Log:
        """Return what Kafka has of the lives of cameras that are in force."""
        lives = {mover.source_id: mover.in_force for mover in self._movers if mover.is_camera}
        log = frames_of(self._ground.kafka, [FRAMES_LIVE.name, FRAMES_BULK.name], lives, self._encoder) if lives else {}
        return {place: [one for one in of_place if one.life == lives[one.headers.source_id]] for place, of_place in log.items()}

    def _recording(self) -> dict[str, int]:
        """Return the life of every camera that records and stays: the files of one that is to go may go while they are read."""
        staying = [one for one in self._movers if one.is_camera and not one.steps]
        return {one.source_id: one.life for one in staying if one.wish is not None and one.wish.record}

    def _lost(self, found: Collection[str], until_ms: int) -> tuple[list[str], list[str]]:
        return lost(self._ground.home.media, self._ground.kafka, self._recording(), found, until_ms)

    def _rows_left(self) -> list[str]:
        """Return a line for every source that has rows of lives that are over, provisional ones too."""
        if not self._movers:
            return []
        with closing(MilvusClient(self._ground.milvus, timeout=ANSWER_SECONDS)) as milvus:
            counts = {mover.source_id: stored(milvus, _not_in_force(mover)) for mover in self._movers}
        return [f"{count} rows of {source_id} are of lives that are over" for source_id, count in counts.items() if count]

    def _files_left(self) -> list[str]:
        home = self._ground.home
        kept = {one.source_id: Kept(one.in_force, one.is_camera and one.in_force is not None) for one in self._movers}
        return [path for source_id, one in kept.items() for path in leftovers(home.media, home.secrets, source_id, one)]

    def _due_at(self) -> float:
        return 0.0 if self._hurries else time.monotonic() + self._dice.uniform(*GAP_SECONDS)


def compared(mover: Mover, found: Sequence[Found], made: Rows) -> Differences:
    """Compare the rows of a source's life in force; of others none may be left, and a camera's must have some."""
    expected = _expected(mover, made)
    in_force = [row for row in found if _life(row) == mover.in_force]
    differences = compare(in_force, expected)
    differences.extra += never_final(in_force, expected)
    left = Counter(_life(row) for row in found if _life(row) != mover.in_force)
    differences.extra += [f"{count} rows of life {life} of {mover.source_id} are left" for life, count in sorted(left.items())]
    if mover.is_camera and mover.wish is not None and not expected:
        differences.missing.append(f"{mover.source_id} has no sample of life {mover.life}")
    return differences


def _not_in_force(mover: Mover) -> str:
    """Return the expression of a source's rows that must go."""
    of_source = f'source_id == "{mover.source_id}"'
    return of_source if mover.in_force is None else f"{of_source} and life != {mover.in_force}"


def _expected(mover: Mover, made: Rows) -> Rows:
    """Return the rows that there must be of a source: those of the life in force, and none once it is removed."""
    if mover.wish is None:
        return {}
    if mover.wish.rows is not None:
        return file_rows(mover.source_id, mover.wish.rows, mover.life)
    prefix = f"{mover.source_id}/{mover.life}/"
    return {key: row for key, row in made.items() if key.startswith(prefix)}


def _life(row: Found) -> int:
    return row.moment[1]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
