"""What the addresses of clips and thumbnails say: a time on a source's timeline, and which life of the source is meant."""

from typing import Annotated

from fastapi import Query

from schemas.limits import LARGEST_T_MS
from schemas.messages import Source
from services.query.problems import Problem

Time = Annotated[int, Query(ge=-LARGEST_T_MS, le=LARGEST_T_MS)]
"""Milliseconds, bounded: files are named by them, and containers count to some number."""


def check_life(source: Source, life: int | None) -> None:
    """Raise the problem of an address that was made for another life than the one in force; None is any.

    A browser keeps what it got for an address, and another life has other pictures at the same times.
    """
    if life not in (None, source.life):
        detail = f"life {life}: source {source.source_id} is in life {source.life} now, whose media are others: search again"
        raise Problem(404, "another-life", detail, field="life")
