"""Videos that are broken in any way: samples that are sane, or a refusal with its reason; the decoder goes on."""

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.broken.films import films
from tests.broken.hostile import ELSEWHERE, PLAYLISTS, hostile
from tests.broken.jury import MOST_SECONDS, Jury
from tests.broken.mutation import mutants

SEED = 21
FOUND = Path(__file__).parent / "found"
MUTANTS = 60
"""A tenth of what `python -m tests.broken` tries at least."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return films(tmp_path_factory.mktemp("films"), shared=False)


@pytest.fixture(scope="module")
def jury(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jury]:
    made = Jury(tmp_path_factory.mktemp("jury") / "juror.log")
    yield made
    made.close()


def test_mutants_of_every_kind_of_video_give_sane_samples_or_a_reason(whole: list[Path], jury: Jury, tmp_path: Path) -> None:
    contents = [path.read_bytes() for path in whole]
    judged = []
    for number, content in enumerate([*contents, *mutants(SEED, contents, MUTANTS)]):
        path = tmp_path / f"{number}-{whole[number % len(whole)].name}"
        path.write_bytes(content)
        judged.append(jury.judge(path))
    faults = [f"seed {SEED}, {one.path.name}: {one.fault}" for one in judged if one.fault]
    assert not faults, "\n".join(faults)
    unread = [one.path.name for one in judged[: len(whole)] if one.refusal]
    assert [name.rpartition(".")[2] for name in unread] == ["avi"], "whole videos are read, all but AVI"
    assert sum(one.samples > 0 for one in judged) > len(judged) // 3


def test_what_was_found_once_is_answered(tmp_path: Path) -> None:
    found = [Path(shutil.copy(path, tmp_path)) for path in sorted(FOUND.iterdir())]
    assert found
    with closing(Jury(tmp_path / "juror.log", watching=True)) as jury:
        assert not {path.name: fault for path in found if (fault := jury.judge(path).fault)}


def test_making_videos_leaves_its_caller_no_more_urgent_than_it_was(whole: list[Path]) -> None:
    assert "av1.mp4" in {path.name for path in whole}
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_files_that_are_made_to_harm_do_none_and_lead_nowhere(jury: Jury, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as asked:
        asked.setblocking(False)
        judged = {path.name: jury.judge(path) for path in hostile(tmp_path, asked.getsockname()[1])}
        with pytest.raises(BlockingIOError):
            asked.accept()
    assert not {name: one.fault for name, one in judged.items() if one.fault}
    lists = [one for name, one in judged.items() if name.partition("-")[0] in PLAYLISTS]
    assert len(lists) == len(PLAYLISTS) * len(ELSEWHERE) * 2
    assert all("is not a video that can be read" in (one.refusal or "") for one in lists)
    assert judged["nothing.mp4"].refusal == f"{tmp_path}/nothing.mp4 is empty"
    assert all(judged[name].samples for name in ("named-matroska.mkv", "named-mp4.mp4")), "what it is called does not matter"
    assert all(judged[name].samples for name in ("YCgCo.mp4", "wide.mkv", "stretched.mp4", "noise.mp4")), "they are videos"
    assert max(one.peak_mib for one in judged.values()) < 400


def test_a_juror_that_dies_or_is_stuck_is_told_and_replaced(jury: Jury, whole: list[Path], tmp_path: Path) -> None:
    film = tmp_path / whole[0].name
    film.write_bytes(whole[0].read_bytes())
    for number, told in ((signal.SIGSEGV, "ended the process by SIGSEGV"), (signal.SIGSTOP, "was not done in 0.5 s")):
        jury.most_seconds = MOST_SECONDS
        assert jury.judge(film).samples
        assert jury._juror is not None
        jury.most_seconds = 0.5
        jury._juror.send_signal(number)
        assert told in (jury.judge(film).fault or "")
