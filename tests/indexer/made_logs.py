"""Random logs of one partition: several streams interleaved, with everything that a log can show."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np

from schemas.headers import EmbeddingHeaders, Mark
from services.indexer.core.entry import Entry

DIMENSION = 8
SPACE = "test@00000000"
FIRST_OFFSET = 40
START_MS = 1_700_000_000_000


def record(
    source_id: str,
    t_ms: int | None,
    vector: np.ndarray | None = None,
    *,
    stream: str = "",
    life: int = 1,
    run: int | None = None,
    seq: int | None = None,
    mark: Mark | None = None,
    context: bool = False,
    push: bool = False,
    timestamp_ms: int = 0,
    samples: int | None = None,
) -> Entry:
    """Make one record; its offset is given when it is put into a log."""
    headers = EmbeddingHeaders(
        source_id=source_id,
        t_ms=t_ms,
        stream=stream or source_id,
        life=life,
        run=run,
        seq=seq,
        mark=mark,
        context=context,
        space=SPACE,
        samples=samples,
    )
    return Entry(-1, timestamp_ms, headers, life, push, done=False, vector=vector)


def unit(rng: np.random.Generator, near: np.ndarray | None = None, noise: float = 0.1) -> np.ndarray:
    """Make a random unit vector, or one near another."""
    vector = rng.normal(size=DIMENSION)
    if near is not None:
        vector = near + noise * vector / np.linalg.norm(vector)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def numbered(records: list[Entry]) -> list[Entry]:
    """Give offsets, with gaps as compaction and transactions leave them."""
    offset, log = FIRST_OFFSET, []
    for number, entry in enumerate(records):
        log.append(replace(entry, offset=offset, timestamp_ms=entry.timestamp_ms or START_MS + number))
        offset += 1 + (number % 7 == 0)
    return log


def in_frame(entry: Entry, frame_offset: int, sent_ms: int) -> Entry:
    """Return an entry that names its frame, and has its time."""
    return replace(entry, headers=msgspec.structs.replace(entry.headers, frame_offset=frame_offset), timestamp_ms=sent_ms)


def copies(records: list[Entry]) -> list[Entry]:
    """Return the same records, as others of the log."""
    return [replace(entry) for entry in records]


@dataclass
class Maker:
    """Makes the streams of a log."""

    dice: random.Random
    rng: np.random.Generator
    repeats: bool = True
    loses_beginnings: bool = False
    late: dict[int, Entry] = field(default_factory=dict)
    """What a frozen embedder still sends, by identity: the one that took over never reads it."""

    def run(self, source_id: str, stream: str, run: int, start_ms: int) -> Iterator[Entry]:
        """Make the samples of one run: shots, gaps, holes, marks, refused vectors, times that go back, margins."""
        dice = self.dice
        seq, t_ms, shot = 0, start_ms, unit(self.rng)
        period_ms = dice.choice([40, 200, 500, 1000, 5000])
        length = dice.randrange(45)
        margin = dice.randrange(6) if "/" in stream else 0
        for number in range(length):
            context = number < margin or number >= length - margin
            if dice.random() < 0.12:
                shot = unit(self.rng)
            vector: np.ndarray | None = unit(self.rng, shot, dice.choice([0.02, 0.2]))
            mark: Mark | None = None
            if seq and dice.random() < 0.12:
                vector, mark = None, "same"
            elif dice.random() < 0.02:
                vector = None
            yield record(source_id, t_ms, vector, stream=stream, run=run, seq=seq, mark=mark, context=context)
            seq += 1 + (dice.random() < 0.03)
            if dice.random() < 0.02:
                yield record(source_id, t_ms - dice.randrange(3), unit(self.rng), stream=stream, run=run, seq=seq)
                seq += 1
            step_ms = period_ms if dice.random() < 0.6 else dice.randrange(1, 2 * period_ms)
            t_ms += step_ms if dice.random() > 0.04 else dice.randrange(2500, 9000)

    def camera(self, name: str) -> list[Entry]:
        """Make a camera: runs that end themselves or are ended by a newer one; an old owner that wakes late."""
        records: list[Entry] = []
        run = start_ms = 0
        for _ in range(self.dice.randrange(1, 4)):
            run += self.dice.randrange(1, 4)
            mine = self.repeated(list(self.run(name, name, run, start_ms)))
            if self.loses_beginnings and self.dice.random() < 0.5:
                del mine[: self.dice.randrange(1, 20)]
            start_ms += 400_000
            if self.dice.random() < 0.6:
                mine.append(record(name, None, run=run, mark="run_end"))
            if records and len(mine) > 3:
                mine[len(mine) // 2 : len(mine) // 2] = self.sleeper(name, run - 1)
            records += mine
        return records

    def sleeper(self, name: str, run: int) -> list[Entry]:
        """Make what an owner of an older run still sends."""
        first = self.dice.randrange(60, 90)
        return [
            record(name, 10**9 + seq, unit(self.rng), run=run, seq=seq) for seq in range(first, first + self.dice.randrange(4))
        ]

    def chunk(self, name: str, index: int, *, two_at_once: bool) -> list[Entry]:
        """Make a chunk: perhaps abandoned and decoded again, once more after its end, or by two workers at once."""
        stream = f"{name}/1/c{index}"
        samples = list(self.run(name, stream, 0, index * 10**6))
        last_seq = max((one.headers.seq or 0 for one in samples), default=-1)
        lost = self.dice.choice([0, 0, 0, 1])  # of its end: nothing but the mark's number shows it
        end = record(name, None, stream=stream, run=0, mark="stream_end", samples=last_seq + 1 + lost)
        again = copies(samples[self.dice.randrange(len(samples) + 1) :])
        if two_at_once:
            return [*self.interleaved([samples, samples]), end, end]
        ways = [[*samples, end], [*self.repeated(samples), end], [*copies(samples[: len(again)]), *samples, end]]
        if not lost and {one.headers.seq for one in samples} == set(range(last_seq + 1)):  # else it comes again as a larger run
            ways.append([*samples, end, *again, *copies([end])])
        return self.dice.choice(ways)

    def alone(self, name: str) -> list[Entry]:
        """Make what a simple producer sends."""
        times_ms = [self.dice.randrange(50) * 100 for _ in range(self.dice.randrange(20))]
        return [record(name, t_ms, unit(self.rng), context=self.dice.random() < 0.1) for t_ms in times_ms]

    def repeated(self, records: list[Entry]) -> list[Entry]:
        """Send a stretch of a stream once more, later, interleaved with what follows it, as a frozen embedder does that wakes."""
        if not (records and self.repeats) or self.dice.random() < 0.4:
            return records
        first = self.dice.randrange(len(records))
        end = self.dice.randrange(first, len(records)) + 1
        late = copies(records[first:end])
        self.late.update((id(entry), entry) for entry in late)
        return records[:end] + list(self.interleaved([late, records[end:]]))

    def sent_again(self, log: list[Entry]) -> list[Entry]:
        """Let the embedder crash and send again from its commit, in the order of the frames that it reads."""
        crashed = self.dice.randrange(len(log) + 1)
        read = {id(entry): entry for entry in log[:crashed] if id(entry) not in self.late}
        return [*log[:crashed], *list(read.values())[-30:], *log[crashed:]]

    def interleaved(self, streams: list[list[Entry]]) -> Iterator[Entry]:
        """Mix streams in bursts, each in its own order."""
        waiting = [list(reversed(stream)) for stream in streams if stream]
        while waiting:
            one = self.dice.choice(waiting)
            for _ in range(min(len(one), self.dice.randrange(1, 9))):
                yield one.pop()
            waiting = [stream for stream in waiting if stream]


def made_log(seed: int, *, two_at_once: bool = False, prefix: str = "") -> list[Entry]:
    """Make the log of one partition from a seed: with an embedder that crashes, or with two workers on every chunk."""
    maker = Maker(random.Random(seed), np.random.default_rng(seed))
    streams = [maker.camera(f"{prefix}cam-{n}") for n in range(maker.dice.randrange(3))]
    streams += [maker.chunk(f"{prefix}file-1", n, two_at_once=two_at_once) for n in range(maker.dice.randrange(4))]
    streams += [maker.alone(f"{prefix}push-1")]
    log = list(maker.interleaved(streams))
    for _ in range(0 if two_at_once else maker.dice.randrange(3)):
        log = maker.sent_again(log)
    return numbered(log)


def made_mixed(seed: int) -> list[Entry]:
    """Make the log of sources that send runs and records without run in between, many of them for the same moments."""
    maker = Maker(random.Random(seed), np.random.default_rng(seed))
    dice = maker.dice
    streams = [maker.chunk("file-1", 0, two_at_once=False)]
    for name in ("push-1", "push-2"):
        runs = maker.camera(name)
        times_ms = [entry.headers.t_ms for entry in runs if entry.headers.t_ms is not None]
        alone = [record(name, t_ms, unit(maker.rng)) for t_ms in sorted(dice.sample(times_ms, len(times_ms) // 2))]
        streams += [runs, alone, maker.alone(name)]
    return numbered(list(maker.interleaved(streams)))


def made_frames(seed: int, *, loses_beginnings: bool = False) -> tuple[list[Entry], list[Entry]]:
    """Make the log of one partition whose vectors name their frames, and what it is without what comes more than once.

    Any stretch, with any parts left out, comes again at any later time, as often as it likes. `loses_beginnings`: of some runs of
    cameras the first records were lost before they came to the log.
    """
    maker = Maker(random.Random(seed), np.random.default_rng(seed), repeats=False, loses_beginnings=loses_beginnings)
    dice = maker.dice
    streams = [maker.camera(f"cam-{n}") for n in range(dice.randrange(1, 3))]
    streams += [maker.chunk("file-1", n, two_at_once=dice.random() < 0.2) for n in range(dice.randrange(4))]
    named = [replace(entry) for entry in maker.interleaved(streams)]
    frame = dice.randrange(1000)
    for number, entry in enumerate(named):
        frame += 1 if dice.random() < 0.9 else dice.randrange(2, 50)
        sent_ms = START_MS + number + (0 if dice.random() < 0.9 else dice.randrange(-2000, 2000))
        named[number] = in_frame(entry, frame, sent_ms)
    once = list(maker.interleaved([named, maker.alone("push-1")]))
    log = list(once)
    for _ in range(dice.randrange(5)):
        log = _with_repeats(dice, log)
    return numbered(log), numbered(once)


def _with_repeats(dice: random.Random, log: list[Entry]) -> list[Entry]:
    first = dice.randrange(len(log) + 1)
    end = min(len(log), first + dice.randrange(1, 60))
    kept = dice.choice([1.0, 0.8, 0.3])
    late = copies([one for one in log[first:end] if one.headers.frame_offset is not None and dice.random() < kept])
    begin = dice.randrange(end, len(log) + 1)
    rest = log[begin:]
    mixed = list(Maker(dice, np.random.default_rng(0)).interleaved([late, rest])) if dice.random() < 0.5 else [*late, *rest]
    return [*log[:begin], *mixed]
