"""A disk that is full, or can only be read, is told: on a disk of its own, in a process that alone sees it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from services.query.media.store import MediaStore
from tests.chaos.small_disk import Disk
from tests.query.media.conftest import ANYWHERE, Desk, file_source, served_desk
from tests.query.media.drawn import write_video

INSIDE: Final = ("unshare", "--user", "--map-root-user", "--mount")
CALL: Final = "import sys; from pathlib import Path; from tests.query.media.test_full_disk import told; told(Path(sys.argv[1]))"


def told(folder: Path) -> None:
    """Print the status codes of answers while a disk is full, while it has room, and while it can only be read."""
    disk = Disk(folder / "disk")
    video = write_video(folder / "film.mp4")
    with served_desk(MediaStore(folder / "disk" / "media", ANYWHERE)) as desk:
        desk.add(file_source("film", video))
        disk.fill()
        full = answers(desk, 0)
        disk.clear()
        with_room = answers(desk, 0)
        subprocess.run(("mount", "-o", "remount,ro", str(folder / "disk")), check=True)
        only_read = answers(desk, 400)
        shown_again = answers(desk, 0)
    disk.close()
    print(json.dumps({"full": full, "with room": with_room, "only read": only_read, "shown again": shown_again}))


def answers(desk: Desk, at_ms: int) -> dict[str, int]:
    """Ask for all that writes to the disk."""

    def unannounced(size: int) -> Iterator[bytes]:
        yield bytes(size)

    clip = desk.client.get("/v1/sources/film/clip", params={"start_ms": at_ms, "end_ms": at_ms + 400})
    picture = desk.client.get("/v1/sources/film/thumbnail", params={"t_ms": at_ms})
    assert not picture.is_success or picture.content.startswith(b"\xff\xd8")
    uploads = [desk.client.put("/v1/sources/new/media", content=unannounced(size)) for size in (100, 2_000_000)]
    named = {"clip": clip, "thumbnail": picture, "short upload": uploads[0], "long upload": uploads[1]}
    return {name: answer.status_code for name, answer in named.items()}


def test_a_full_disk_refuses_what_has_to_be_kept_and_shows_the_rest(tmp_path: Path) -> None:
    try:
        subprocess.run([*INSIDE, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"the system refuses namespaces: {error}")
    done = subprocess.run([*INSIDE, sys.executable, "-c", CALL, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    refused = {"clip": 507, "thumbnail": 200, "short upload": 507, "long upload": 507}
    assert json.loads(done.stdout) == {
        "full": refused,
        "with room": {"clip": 200, "thumbnail": 200, "short upload": 201, "long upload": 201},
        "only read": refused,
        "shown again": refused | {"clip": 200},
    }
