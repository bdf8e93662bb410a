"""A header that claims more than there is costs little memory. In a process of its own: the limits are the whole process's."""

import subprocess
import sys
from pathlib import Path

from originals.allocation import Growth
from tests.broken.films import REWRITTEN, rewritten
from tests.decoder.bomb import bomb
from tests.decoder.footage import write_video

LOOK = """
import sys
import av, cv2
from originals.allocation import limit_allocations
from services.query.media.original import UnreadableError
from services.query.media.picture import picture_at
from services.query.media.stretches import Stretch
from tests.broken.memory import peak_kib
from tests.query.media.conftest import ANYWHERE
assert limit_allocations()
with av.open(sys.argv[1]) as whole:
    assert len(list(whole.decode(video=0))) == 25
try:
    av.open(sys.argv[2])
except av.error.FFmpegError as error:
    print(error.strerror)
try:
    picture_at([Stretch(sys.argv[2])], 0, ANYWHERE, lambda: None)
except UnreadableError as error:
    print(error)
print(peak_kib() >> 10)
"""

GUARDED = """
import sys
from originals.allocation import MemoryGuard
from originals.errors import Unreadable
from services.decoder.inspection import inspect
from services.query.media.original import UnreadableError
from services.query.media.picture import picture_at
from services.query.media.stretches import Stretch
from tests.broken.memory import peak_kib
from tests.decoder.footage import ANYWHERE
from tests.decoder.test_bad_files import source
guard = MemoryGuard(most_grown_bytes=300 << 20)
guard.start()
try:
    inspect(source(sys.argv[1]), ANYWHERE)
except Unreadable as error:
    print(error)
try:
    picture_at([Stretch(sys.argv[1])], 0, ANYWHERE, lambda: None)
except UnreadableError as error:
    print(error)
guard.watch()
guard.stop()
print(peak_kib() >> 10)
"""


def test_many_claims_that_are_small_each_are_refused_together(tmp_path: Path) -> None:
    (tmp_path / "bomb.mp4").write_bytes(bomb(12, 6_000_000))
    looked = subprocess.run(
        [sys.executable, "-c", GUARDED, str(tmp_path / "bomb.mp4")], check=True, capture_output=True, text=True
    )
    *_, peak_mib = looked.stdout.splitlines()
    assert "can be decoded" in looked.stdout or "cannot be read" in looked.stdout
    assert int(peak_mib) < 1_000


def test_what_is_taken_slowly_or_given_back_is_no_growth() -> None:
    growth = Growth(100 << 20)
    assert growth.after(1, 90 << 20) == 0
    assert growth.after(1, 120 << 20) == 0
    assert growth.after(1, 620 << 20) == 468 << 20
    assert growth.after(10, 620 << 20) == 148 << 20
    assert growth.after(10, 620 << 20) == 0
    assert growth.after(1, 100 << 20) == 0


def test_fifty_million_samples_that_a_fragment_claims_are_not_made_room_for(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", list(range(0, 2_000, 80)))
    content = bytearray(rewritten(whole, tmp_path / "fragments.mp4", REWRITTEN["fragments.mp4"]).read_bytes())
    at = content.index(b"trun") + 8
    content[at : at + 4] = (50_000_000).to_bytes(4, "big")
    (tmp_path / "bomb.mp4").write_bytes(content)
    looked = subprocess.run(
        [sys.executable, "-c", LOOK, str(whole), str(tmp_path / "bomb.mp4")], check=True, capture_output=True, text=True
    )
    said, shown, peak_mib = looked.stdout.splitlines()
    assert said == "Cannot allocate memory"
    assert shown == "the original media cannot be read: Cannot allocate memory"
    assert int(peak_mib) < 300
