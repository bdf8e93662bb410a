"""Every decoder of bytes, given thousands of mutants: a sound value, or `InvalidMessage` with a sentence; nothing else."""

import pytest

from schemas.headers import EMBEDDING, FRAME
from schemas.topics import TOPICS
from tests.broken.fuzzing import inputs
from tests.broken.targets import Target, targets
from tests.broken.wire import pack, unpack

SEED = 55
INPUTS = 1_000
INPUTS_OF_PICTURES = 200
"""A picture takes a hundred times as long as a message; `python -m tests.broken` tries more."""


@pytest.mark.parametrize("target", targets(), ids=lambda target: target.name)
def test_a_decoder_of_bytes_answers_or_refuses_with_a_sentence(target: Target, capfd: pytest.CaptureFixture[str]) -> None:
    count = INPUTS_OF_PICTURES if "pic" in target.name or target.name == "jpeg" else INPUTS
    for whole in target.wholes:
        target.judge(whole)
    for number, given in enumerate(inputs(target, SEED, count)):
        try:
            target.check(given)
        except Exception:
            print(f"{target.name}, seed {SEED}, input {number}: {given[:4000]!r}")
            raise
    capfd.readouterr()  # what libjpeg and libpng say of each


def test_every_topic_has_a_target() -> None:
    assert {topic.schema for topic in TOPICS.values()} <= {FRAME, EMBEDDING} | {target.name for target in targets()}


def test_a_record_comes_out_of_the_bytes_that_it_was_packed_into() -> None:
    for target in targets():
        for whole in target.wholes:
            assert target.name not in ("frame/1", "embedding/1", "dead-letter") or pack(unpack(whole)) == whole
    assert unpack(b"").headers == []
