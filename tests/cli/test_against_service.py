"""Commands against the real query service, on the real broker and the real Milvus. Nothing decodes: files stay waiting."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from encoders.address import load
from framebus.cli import main
from streaming.admin import create_topics
from tests.query.app_under_test import KEY, close, make_app
from tests.query.corpus import make_corpus
from tests.query.serving import serve
from tests.tiny_model import make_tiny_model


@pytest.fixture(scope="module")
def service(kafka: str, milvus: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Give the address of the service, and the folder that files may be added from."""
    folder = tmp_path_factory.mktemp("service")
    create_topics(kafka)
    encoder = load(str(make_tiny_model(folder / "model")), threads=1)
    corpus = make_corpus(milvus, encoder.space, encoder.dimension)
    under_test = make_app(encoder, folder, milvus, corpus.alias, kafka)
    with serve(under_test.app) as url:
        yield url, folder
    close(under_test)
    corpus.drop()


@pytest.fixture(autouse=True)
def connected(service: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAMEBUS_URL", service[0])
    monkeypatch.setenv("FRAMEBUS_API_KEY", KEY)
    monkeypatch.chdir(service[1])


def listed(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    capsys.readouterr()
    assert main(["sources", "--json"]) == 0
    return {source["source_id"]: source for source in json.loads(capsys.readouterr().out)["sources"]}


def test_a_file_is_added_paused_resumed_and_removed(service: tuple[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    (service[1] / "holiday.mp4").touch()
    words = [
        "add",
        "holiday.mp4",
        "--id",
        "holiday",
        "--category",
        "private",
        "--label",
        "site=north",
        "--starts-at",
        "2026-11-20",
    ]
    assert main(words) == 0
    assert "holiday  " in capsys.readouterr().out
    source = listed(capsys)["holiday"]
    assert (source["kind"], source["state"], source["category"]) == ("file", "waiting", "private")
    assert (source["labels"], source["starts_at"]) == ({"site": "north"}, "2026-11-20T00:00:00.000Z")
    assert main(["pause", "holiday"]) == 0
    assert "holiday: paused" in capsys.readouterr().out
    assert main(["resume", "holiday"]) == 0
    assert "holiday: waiting" in capsys.readouterr().out
    assert main(["remove", "holiday"]) == 0
    assert "holiday: removed: 0 rows" in capsys.readouterr().out
    assert "holiday" not in listed(capsys)


def test_a_camera_is_added_and_its_password_is_shown_nowhere(
    service: tuple[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["add", "rtsp://me:hunter2@127.0.0.1:8554/live", "--id", "door", "--keep", "14d", "--no-record"]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == ["door  rtsp://me:***@127.0.0.1:8554/live", "`framebus sources` shows whether it runs"]
    source = listed(capsys)["door"]
    assert (source["kind"], source["sample_fps"], source["record"], source["keep_days"]) == ("camera", 1.0, False, 14.0)
    assert source["url"] == "rtsp://me:${secret:door}@127.0.0.1:8554/live"
    assert main(["sources"]) == 0
    assert main(["add", "rtsp://me:hunter2@10.0.0.7/live", "--id", "far"]) == 1
    refused = capsys.readouterr()
    assert "cameras may lie in 127.0.0.0/8" in refused.err
    assert "hunter2" not in said.err + refused.out + refused.err
    assert main(["pause", "door"]) == 0
    assert main(["remove", "door"]) == 0
    assert "door: removed" in capsys.readouterr().out


def test_a_password_can_come_from_a_file(service: tuple[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    (service[1] / "password").write_text("hunter2\n")
    assert main(["add", "rtsp://me@127.0.0.1/live", "--id", "gate", "--password-file", "password"]) == 0
    assert "hunter2" not in capsys.readouterr().out
    assert listed(capsys)["gate"]["url"] == "rtsp://me:${secret:gate}@127.0.0.1/live"
    assert (service[1] / "secrets" / "gate").read_text() == "hunter2"


def test_the_derived_id_of_a_camera_does_not_depend_on_its_password(capsys: pytest.CaptureFixture[str]) -> None:
    for password in ("one", "two"):
        assert main(["add", f"rtsp://me:{password}@127.0.0.1/channels/7"]) == 0
    ids = {line.split()[0] for line in capsys.readouterr().out.splitlines() if "rtsp" in line}
    assert len(ids) == 1


def test_a_folder_is_added_file_by_file(service: tuple[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    (service[1] / "trip").mkdir()
    for name in ("one.mp4", "two.mkv"):
        (service[1] / "trip" / name).touch()
    assert main(["add", "trip"]) == 0
    assert {"one", "two"} <= {source_id.partition("-")[0] for source_id in listed(capsys)}


def test_what_the_server_refuses_is_told_file_by_file(service: tuple[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    (service[1] / "allowed.mp4").touch()
    assert main(["add", __file__, "allowed.mp4"]) == 1
    captured = capsys.readouterr()
    assert "local files may lie below" in captured.err
    assert "1 of 2 could not be added" in captured.err
    assert "allowed-" in captured.out


@pytest.mark.parametrize("words", [["pause", "nobody"], ["resume", "nobody"], ["remove", "nobody"], ["wait", "nobody"]])
def test_an_unknown_source_is_an_error_that_names_it(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 1
    assert "nobody" in capsys.readouterr().err


def test_waiting_gives_up_at_its_timeout(service: tuple[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    (service[1] / "slow.mp4").touch()
    assert main(["add", "slow.mp4", "--id", "slow"]) == 0
    assert main(["wait", "slow", "--timeout", "0"]) == 1
    assert "not done after 0 s: slow" in capsys.readouterr().err


def test_waiting_for_a_paused_source_is_a_failure_that_says_so(
    service: tuple[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    (service[1] / "held.mp4").touch()
    assert main(["add", "held.mp4", "--id", "held"]) == 0
    assert main(["pause", "held"]) == 0
    assert main(["wait", "held"]) == 1
    assert "held: paused" in capsys.readouterr().err


def test_a_search_of_an_empty_index_finds_nothing_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "a red car"]) == 0
    assert capsys.readouterr().out.startswith("Nothing found.\n")
    assert main(["search", "a red car", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["found"] is False


def test_a_search_with_what_is_no_picture_is_refused_by_the_server(
    service: tuple[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    (service[1] / "note.jpg").write_text("not a picture")
    assert main(["search", "--image", "note.jpg"]) == 1
    assert "expected JPEG, PNG or WebP" in capsys.readouterr().err


def test_a_search_in_an_unknown_source_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "a red car", "--source", "nobody"]) == 1
    assert "nobody" in capsys.readouterr().err


def test_a_wrong_key_says_where_the_right_one_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FRAMEBUS_API_KEY", "fb_wrong")
    assert main(["sources"]) == 1
    assert "FRAMEBUS_API_KEY" in capsys.readouterr().err


def test_the_status_shows_the_parts_and_the_sources(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 0
    said = capsys.readouterr().out
    assert all(part in said for part in ("kafka", "milvus", "model", "sources", "brokers", "unread", "dead letters"))
