"""Whether the demonstration's searches find what they must: `python -m training.demo_check FOLDER`."""

import argparse
import dataclasses
import pathlib
import sys
from collections.abc import Sequence

import numpy as np

from encoders.address import load
from encoders.encoder import Encoder
from encoders.folder import Vectors
from framebus.demo.script import CLIPS, Query, Script, read_script
from training.fit_found import texts_less_background
from training.footage import ClipRows, index_clip, picture_at
from training.heldout import embed_pictures


@dataclasses.dataclass(frozen=True)
class Answer:
    """The best sample over all clips: where it is, its score, and from where on something counts as found."""

    query: Query
    source_id: str
    t_ms: int
    score: float
    threshold: float

    @property
    def found(self) -> bool:
        return self.score >= self.threshold

    @property
    def right(self) -> bool:
        """Found where it must be found, and not found where nothing shows it."""
        expected = self.query.expect
        if expected is None or not self.found:
            return expected is None and not self.found
        first_ms, last_ms = expected.within_ms
        return self.source_id == expected.source_id and first_ms <= self.t_ms <= last_ms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path, help="the model folder")
    arguments = parser.parse_args()
    answers = check(load(str(arguments.folder), threads=1), read_script(), CLIPS)
    for answer in answers:
        asked = answer.query.text or "a picture"
        verdict = "right" if answer.right else "WRONG"
        where = f"{answer.source_id:18} {answer.t_ms / 1000:5.1f} s"
        print(f"{verdict}  {asked:44} {where}  {answer.score:.3f} / {answer.threshold:.3f}")
    sys.exit(0 if all(answer.right for answer in answers) else 1)


def check(encoder: Encoder, script: Script, clips: pathlib.Path) -> list[Answer]:
    """Ask every query of `script` of the clips, sampled and smoothed as the services do it."""
    rows = [dataclasses.replace(index_clip(encoder, clips / clip.file), name=clip.source_id) for clip in script.clips]
    return [_answer(encoder, rows, query, clips) for query in script.queries]


def _answer(encoder: Encoder, clips: Sequence[ClipRows], query: Query, folder: pathlib.Path) -> Answer:
    scores = [(clip.vectors @ _vector(encoder, query, folder).T)[:, 0] for clip in clips]
    best = int(np.argmax([score.max() for score in scores]))
    moment = int(scores[best].argmax())
    return Answer(
        query,
        clips[best].name,
        round(clips[best].seconds[moment] * 1000),
        float(scores[best][moment]),
        _threshold(encoder, query),
    )


def _vector(encoder: Encoder, query: Query, folder: pathlib.Path) -> Vectors:
    if query.image_from is not None:
        picture = picture_at(folder / query.image_from.file, query.image_from.t_ms / 1000)
        return embed_pictures(encoder, [picture])
    return texts_less_background(encoder, [query.text or ""])


def _threshold(encoder: Encoder, query: Query) -> float:
    if encoder.found is None:
        raise ValueError(f"{encoder.name} has no thresholds: run python -m training.fit_found on its folder")
    return encoder.found.text if query.image_from is None else encoder.found.image


if __name__ == "__main__":
    main()
