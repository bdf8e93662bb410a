"""A rebuild beside running indexers: the same rows in a new collection, nothing said twice, and no row lost in between."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pymilvus import MilvusClient, MilvusException

from framebus.local.places import CHECKOUT
from schemas.collection import ALIAS, rebuilt_name
from schemas.errors import InvalidMessage
from schemas.groups import Lane
from schemas.messages import Life, Source
from schemas.topics import TOPICS
from services.indexer import rebuild as rebuild_module
from services.indexer.asking import Lacking
from services.indexer.beyond import Part
from services.indexer.comparing import Counting, Searched, lacks
from services.indexer.core.entry import Entry, RowSample
from services.indexer.core.partition import PartitionIndex
from services.indexer.core.settings import Smoothing
from services.indexer.rebuild import NEAR_RECORDS, Filled, check_rows, drop_others, main
from services.indexer.rows import row_of
from services.indexer.store import Store
from streaming.errors import Unavailable
from streaming.settings import SettingError
from tests.indexer.made_logs import DIMENSION, unit
from tests.indexer.service import Bench, as_stored, await_that
from tests.indexer.test_service import NONE, expected_of, faults, logs_of
from tests.indexer.test_store import settings_of

LANES: tuple[Lane, ...] = ("live", "bulk")


@pytest.fixture
def bench(kafka: str, milvus: str, tmp_path: Path) -> Iterator[Bench]:
    """Give a bench whose collection will get the alias, and free the alias for others."""
    client = MilvusClient(uri=milvus)
    client.drop_alias(ALIAS)
    made = Bench(kafka, milvus, tmp_path)
    first = made.collection
    yield made
    made.stop()
    client.drop_alias(ALIAS)
    for name in client.list_collections():
        if name.startswith(first):
            client.drop_collection(name)
    client.close()


def named(bench: Bench) -> str | None:
    """Return the collection that is searched."""
    client = MilvusClient(uri=bench.milvus)
    try:
        return str(client.describe_alias(ALIAS)["collection_name"])
    except MilvusException:
        return None
    finally:
        client.close()


def rebuild(bench: Bench, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a rebuild to its end."""
    environ = {
        **os.environ, "FRAMEBUS_KAFKA": bench.kafka, "FRAMEBUS_MILVUS": bench.milvus, "FRAMEBUS_ENCODER": str(bench.model),
        "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    command = [sys.executable, "-m", "services.indexer.rebuild", *words]
    return subprocess.run(command, cwd=CHECKOUT, env=environ, capture_output=True, text=True, check=False, timeout=120)


def letters_of(bench: Bench) -> int:
    """Count all dead letters of vectors."""
    return sum(len(bench.read(name)) for name in TOPICS if name.startswith("embeddings-") and name.endswith(".dlq"))


def final_rows(logs: dict[int, list[Entry]]) -> int:
    """Count the rows that these logs give while more may come."""
    rows = 0
    for log in logs.values():
        index = PartitionIndex(Smoothing(), log[0].offset, resumed=False)
        for entry in log:
            with contextlib.suppress(InvalidMessage):
                index.feed(as_stored(entry))
        rows += len(index.drain().rows)
    return rows


def halves(logs: dict[int, list[Entry]]) -> Iterator[dict[int, list[Entry]]]:
    yield {partition: log[: len(log) // 2] for partition, log in logs.items()}
    yield {partition: log[len(log) // 2 :] for partition, log in logs.items()}


def write(bench: Bench, parts: Sequence[dict[int, list[Entry]]]) -> None:
    """Write the logs of both lanes."""
    for lane, logs in zip(LANES, parts, strict=True):
        for partition, log in logs.items():
            bench.write(lane, partition, log)


def test_rows_are_made_again_beside_running_indexers_which_go_on_in_the_new_collection(bench: Bench) -> None:
    logs = logs_of(bench, range(60, 64), name="rebuilt")
    live, bulk = ({partition: logs[partition] for partition in some} for some in ((0, 1), (2, 3)))
    expected, _ = expected_of(logs)
    gone = next(iter(expected))[0]
    indexers = [bench.indexer(lane) for lane in LANES]
    parts = list(zip(halves(live), halves(bulk), strict=True))
    write(bench, parts[0])
    final = sum(final_rows(part) for part in parts[0])
    await_that(lambda: len(bench.told()) == final, what="the rows of the first half")
    before, first = (final, letters_of(bench)), bench.collection

    done = rebuild(bench)
    assert done.returncode == 0, done.stderr
    new = named(bench)
    assert new not in (None, first)
    assert (len(bench.told()), letters_of(bench)) == before
    bench.collection = new or ""
    bench.source(gone, "camera", wanted="removed")
    for indexer in indexers:
        assert indexer.process.wait(30) == 0, indexer.log.read_text()
        indexer.start()
    write(bench, parts[1])
    kept = {key: vector for key, vector in expected.items() if key[0] != gone}
    await_that(lambda: faults(bench.rows(), kept) == NONE, what="every row but those of the removed source")


def test_an_indexer_that_is_frozen_while_others_take_over_writes_nothing_more_to_the_old_collection(bench: Bench) -> None:
    logs = logs_of(bench, range(70, 72), name="frozen")
    expected, _ = expected_of(logs)
    before, after = halves(logs)
    frozen = bench.indexer("live")
    write(bench, [before, {}])
    await_that(lambda: len(bench.told()) == final_rows(before), what="the rows of the first half")
    with frozen.asleep():
        done = rebuild(bench)
        assert done.returncode == 0, done.stderr
        bench.collection = named(bench) or ""
        other = bench.indexer("live")
        await_that(lambda: "taken over" in other.log.read_text(), what="the taking over")
        assert other.stop() == 0
        write(bench, [after, {}])
    assert frozen.process.wait(30) == 0, frozen.log.read_text()
    other.start()
    await_that(lambda: faults(bench.rows(), expected) == NONE, what="every row in the new collection")


def test_an_indexer_that_was_away_during_a_rebuild_tells_of_the_rows_that_it_alone_has_read(bench: Bench) -> None:
    logs = logs_of(bench, range(80, 82), name="away")
    expected, _ = expected_of(logs)
    before, after = halves(logs)
    indexer = bench.indexer("live")
    write(bench, [before, {}])
    await_that(lambda: len(bench.told()) == final_rows(before), what="the rows of the first half")
    assert indexer.stop() == 0
    write(bench, [after, {}])
    done = rebuild(bench)
    assert done.returncode == 0, done.stderr
    bench.collection = named(bench) or ""
    indexer.start()
    await_that(lambda: faults(bench.rows(), expected) == NONE, what="every row in the new collection")
    await_that(
        lambda: {(row.source_id, row.life, row.t_ms) for row in bench.told() if not row.provisional} >= set(expected),
        what="word of every row",
    )


def test_milvus_that_is_away_at_the_end_costs_no_collection(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    set_servers(bench, monkeypatch)
    monkeypatch.setattr(rebuild_module, "_fill", lambda *_: filled())
    told = [failing_once(Store, name, monkeypatch) for name in ("seal", "count", "take_name", "others")]
    main(threading.Event())
    assert [len(calls) for calls in told] == [2, 3, 2, 2]
    kept = named(bench)
    assert kept is not None
    assert kept.startswith(f"{bench.collection}_r")
    with closing(MilvusClient(uri=bench.milvus)) as client:
        assert client.has_collection(kept)


def test_a_rebuild_that_is_asked_to_stop_just_as_it_arrives_leaves_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    set_servers(bench, monkeypatch)
    stopping = threading.Event()

    def fill(*_: Any) -> Filled:
        stopping.set()
        return filled()

    monkeypatch.setattr(rebuild_module, "_fill", fill)
    main(stopping)
    assert named(bench) is None
    with closing(MilvusClient(uri=bench.milvus)) as client:
        assert not [name for name in client.list_collections() if name.startswith(f"{bench.collection}_r")]


def set_servers(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("KAFKA", bench.kafka), ("MILVUS", bench.milvus), ("ENCODER", str(bench.model))):
        monkeypatch.setenv(f"FRAMEBUS_{name}", value)


def failing_once(of: type, name: str, monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Let a method do its work and not say so the first time; return the calls, as they come."""
    calls: list[None] = []
    act = getattr(of, name)

    def acting(*arguments: Any, **named: Any) -> Any:
        done = act(*arguments, **named)
        calls.append(None)
        if len(calls) == 1:
            raise Unavailable("the answer is lost")
        return done

    monkeypatch.setattr(of, name, acting)
    return calls


def test_what_the_log_no_longer_holds_is_not_given_up_unasked(bench: Bench) -> None:
    made_with = settings_of(bench.space)
    old = Store(bench.milvus, made_with, DIMENSION)
    new = Store(bench.milvus, made_with, DIMENSION, collection=rebuilt_name(bench.space, 1))
    old.prepare()
    new.prepare()
    assert (old.named(), old.collection) == (bench.collection, bench.collection)
    vector = unit(np.random.default_rng(1))
    samples = [RowSample("a", "a", 1, t_ms, -1, vector) for t_ms in range(NEAR_RECORDS + 1)]
    old.upsert([row_of(sample) for sample in samples])
    assert old.count() == len(samples), "a bounded read sees them now"
    searched = counted(new, old.collection, "a", "b")
    with pytest.raises(SettingError, match="0 parts could not be decoded again, and 1001 rows that are searched are not there"):
        check_rows(new, filled(searched=searched), even_if_fewer=False)
    (lack,) = lacks(new, old.collection, searched)
    assert (lack.source_id, lack.rows, lack.span) == ("a", NEAR_RECORDS + 1, f"0 ms to {NEAR_RECORDS} ms")
    check_rows(new, filled(searched=searched), even_if_fewer=True)
    new.upsert([row_of(sample) for sample in samples])
    lacking = Lacking(Part("a/1/c0", "a", 1, 0, 0, 9, 2.0), "/videos/a.mp4 does not exist")
    with pytest.raises(SettingError, match="1 parts could not be decoded again, and 0 rows"):
        check_rows(new, filled(lacking, searched=searched), even_if_fewer=False)
    check_rows(new, filled(lacking, searched=searched), even_if_fewer=True)
    new.take_name()
    follower = Store(bench.milvus, made_with, DIMENSION)
    follower.prepare()
    assert follower.collection == new.collection == old.named()
    assert new.others() == [old.collection]
    drop_others(Store(bench.milvus, made_with, DIMENSION))
    assert new.others() == []
    for store in (old, new, follower):
        store.close()


def counted(store: Store, named: str, *source_ids: str) -> Sequence[Searched]:
    lives = (Life(life=1, began_ms=0),)
    sources = [Source(source_id=source_id, kind="camera", life=1, lives=lives, sample_fps=2.0) for source_id in source_ids]
    counting = Counting(store, named, sources, 1.0, 80_000_000)  # a day before that none was taken yet
    counting.go_on(60.0)
    assert counting.is_complete
    return counting.searched


def filled(*lacking: Lacking, searched: Sequence[Searched] = ()) -> Filled:
    return Filled(arrived=True, lacking=lacking, searched=tuple(searched))


def test_words_that_a_rebuild_does_not_know_are_refused() -> None:
    with pytest.raises(SettingError, match="--whatever"):
        main(threading.Event(), ["--whatever"])
