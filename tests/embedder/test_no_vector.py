"""A picture without a vector is a dead letter; an encoder that gives none any more ends the process before anything is lost."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from encoders.encoder import Encoder
from encoders.errors import EncoderError
from encoders.lookup import find_folder
from encoders.onnx_runtime import describe, open_tower
from encoders.pictures import encode_jpeg
from schemas.headers import FrameHeaders, encode_frame_headers
from schemas.topics import EMBEDDINGS_LIVE, FRAMES_LIVE
from streaming.records import Partition, Record
from tests.broken.stages import embed, source
from tests.tiny_model import make_tiny_model

SIZE = 32


class Failing:
    """A tower that gives no vector for dark pictures, and for none at all once it has failed, as a GPU may."""

    def __init__(self, whole: Any) -> None:
        self._whole = whole
        self.has_failed = False

    def run(self, inputs: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        vectors = np.array(self._whole.run(inputs))
        vectors[(inputs.reshape(len(inputs), -1).mean(axis=1) < 50) | self.has_failed] = np.nan
        return vectors


def picture(grey: int, offset: int) -> Record:
    headers = encode_frame_headers(FrameHeaders(source_id="push", stream="push", t_ms=1000 * offset, life=1))
    return Record(
        Partition(FRAMES_LIVE.name, 0), offset, b"push", encode_jpeg(np.full((SIZE, SIZE, 3), grey, np.uint8)), headers, 10
    )


@pytest.fixture
def opened() -> list[Failing]:
    return []


@pytest.fixture
def encoder(tmp_path: Path, opened: list[Failing]) -> Encoder:
    def open_failing(path: Path, *, input_name: str, output_name: str) -> Failing:
        opened.append(Failing(open_tower(path, input_name=input_name, output_name=output_name, threads=1)))
        return opened[-1]

    folder = find_folder(str(make_tiny_model(tmp_path / "model", dimension=8, size=SIZE, text=False)))
    return Encoder(folder, open_failing, describe(1))


def test_a_picture_without_a_vector_is_a_dead_letter_and_others_of_its_batch_are_not(encoder: Encoder, tmp_path: Path) -> None:
    records = [picture(grey, offset) for offset, grey in enumerate((200, 10, 220))]
    outcome = embed(records, [source("push", "push")], encoder, tmp_path)
    assert outcome.rejected == 1
    assert [one.topic for one in outcome.sent] == [EMBEDDINGS_LIVE.name] * 2


def test_an_encoder_that_gives_no_vectors_any_more_ends_the_process(
    encoder: Encoder, opened: list[Failing], tmp_path: Path
) -> None:
    encoder.warm(texts=False)
    opened[0].has_failed = True
    with pytest.raises(EncoderError, match=r"image\.onnx: gives vectors with NaN"):
        embed([picture(200, 0)], [source("push", "push")], encoder, tmp_path)
