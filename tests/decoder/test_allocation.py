"""A header that claims more than there is costs no memory. In a process of its own: the limit is the whole process's."""

import subprocess
import sys
from pathlib import Path

from tests.broken.films import REWRITTEN, rewritten
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
