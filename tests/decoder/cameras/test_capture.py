"""What a capture does where Kafka takes nothing."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from schemas.messages import Camera, Life, Source
from services.decoder.cameras.capture import Capture, Surroundings
from services.decoder.cameras.clock import Moment
from services.decoder.cameras.sampler import CameraSample
from services.decoder.metrics import METRICS
from services.decoder.picture import Picture
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.secrets import SecretStore

PICTURE = bytes(500_000)
SAMPLES = 200
"""More than the queue of a producer holds."""


def test_where_kafka_takes_no_picture_one_run_is_given_up_and_not_one_a_sample(tmp_path: Path) -> None:
    metrics = Metrics(METRICS)
    around = Surroundings(Outbox("127.0.0.1:1", "test", metrics), metrics, SecretStore(tmp_path), (), tmp_path)
    source = Source(source_id="a", kind="camera", life=1, lives=(Life(life=1, began_ms=0),), url="", sample_fps=1.0, record=False)
    capture, session = Capture(source, None, around), SimpleNamespace(described=lambda _: camera())
    capture._run = 1
    runs = []
    for number in range(SAMPLES):
        capture._send(as_session(session), sample(number))
        runs.append(capture._run)
    assert capture._broken
    assert set(runs) == {1}


def sample(number: int) -> CameraSample:
    return CameraSample(Picture(number, PICTURE, 2, 2), Moment(number, number, anew=False, repeated=False))


def camera() -> Camera:
    return Camera(codec="h264", width=2, height=2, decodes="frames", gop_ms=None, clock="arrival", clock_off_ms=None)


def as_session(session: Any) -> Any:
    return session
