"""The demonstration, phase by phase."""

import os
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from rich.console import Console

from framebus.cli.wait import settle
from framebus.client import Client, NoStackError, SearchResult, find_stack, home_folder
from framebus.demo.looping import looping_camera
from framebus.demo.phases import Phases
from framebus.demo.playing import shown_by
from framebus.demo.report import next_steps, ranking_table, searches_table, verdict_line
from framebus.demo.script import CLIPS, Query, Script, read_script
from framebus.demo.stack import RunningStack, running_stack
from framebus.demo.verdict import is_right

STARTING_SECONDS: Final = 60.0
INDEXED_WITHIN_SECONDS: Final = 300.0
LIVE_WITHIN_SECONDS: Final = 60.0
CAMERA_KEPT_DAYS: Final = 1
SHOWN_OF_RANKING: Final = 6
PLAYED_AFTER_MS: Final = 1_000
"""A hit may be a single sample: a little more of the recording is something to see."""


def demonstrate(home: Path, screen: Console, *, once: bool) -> bool:
    """Run the demonstration; return whether every search found, or did not find, what it should.

    Sources that a user added to this home are left alone, and the searches look at the demonstration's clips only.
    """
    script = read_script()
    phases = Phases(screen)
    began_ms = time.time_ns() // 1_000_000
    with looped(script, phases) as address, started(home, phases) as stack:
        client = Client(stack.url, stack.key, starting_seconds=STARTING_SECONDS)
        add(client, script, address, phases)
        searchable = follow(client, script, phases, screen)
        answers = search(client, script, phases)
        ranking = client.search(script.ranking, sources=script.ids, per_source=1, limit=SHOWN_OF_RANKING)
        right = show(screen, script, answers, ranking, began_ms)
        play(client, script, answers, phases)
        if not once:
            option = option_for(home, stack.url)
            screen.print()
            screen.print(next_steps(stack.url, stack.key, program(), script.ranking, option), soft_wrap=True)
            stack.wait()
    return searchable and right


def looped(script: Script, phases: Phases) -> AbstractContextManager[str]:
    """Serve the live clip as a camera while the block runs; gives its address."""
    starting = ("starting a camera", f"an RTSP camera shows {script.camera.file}, over and over")
    return phases.entered(looping_camera(CLIPS / script.camera.file), starting, ("stopping the camera", "the camera is off"))


def started(home: Path, phases: Phases) -> AbstractContextManager[RunningStack]:
    """Run the stack while the block runs."""
    starting = ("starting Kafka, Milvus and the services", "the stack is up")
    stopping = ("stopping everything in order", "stopped; what is indexed stays for the next time")
    return phases.entered(running_stack(home, phases.tell), starting, stopping)


def add(client: Client, script: Script, address: str, phases: Phases) -> None:
    """Add the clips and the camera, which begins anew each time."""
    camera = script.camera
    with phases.phase("adding the camera and the clips", f"a camera and {len(script.files)} clips are there"):
        if any(source.source_id == camera.source_id for source in client.sources()):
            client.remove(camera.source_id)
        client.add(address, camera.source_id, name=camera.title, category=camera.category, keep_days=CAMERA_KEPT_DAYS)
        for clip in script.files:
            client.add(CLIPS / clip.file, clip.source_id, name=clip.title, category=clip.category)


def follow(client: Client, script: Script, phases: Phases, screen: Console) -> bool:
    """Wait until the camera's first rows and all of the clips can be searched; return whether they can."""
    watching = ("watching the camera", "what the camera shows can be searched")
    with phases.phase(*watching, spinner=False):
        live = settle(client, [script.camera.source_id], LIVE_WITHIN_SECONDS, screen)
    with phases.phase("decoding, embedding, indexing", "the clips can be searched", spinner=False):
        final = settle(client, [clip.source_id for clip in script.files], INDEXED_WITHIN_SECONDS, screen)
    return live[0].state == "running" and all(source.state == "indexed" for source in final)


def search(client: Client, script: Script, phases: Phases) -> list[tuple[Query, SearchResult]]:
    """Ask everything in the script, of its clips alone: what a user has added to this home cannot change the answers."""
    ids = script.ids
    with phases.phase("searching", f"{len(script.queries)} searches are answered"):
        return [(query, client.search(query.text, image=picture(client, script, query), sources=ids)) for query in script.queries]


def play(client: Client, script: Script, answers: Sequence[tuple[Query, SearchResult]], phases: Phases) -> None:
    """Fetch the clip of the newest hit of the camera and decode it, as the page's player does."""
    hits = [hit for _, result in answers for hit in result.hits if hit.source_id == script.camera.source_id]
    hit = max(hits, key=lambda hit: hit.peak_ms, default=None)
    if hit is None:
        return
    with phases.phase("playing the live hit", "the live hit plays"):
        shown = shown_by(client.clip(hit.source_id, hit.start_ms, hit.end_ms + PLAYED_AFTER_MS))
        phases.note(f"{shown.seconds:.1f} s of {shown.width} x {shown.height}")


def picture(client: Client, script: Script, query: Query) -> bytes | None:
    """Return the picture of a query: a frame of one of the clips."""
    if query.image_from is None:
        return None
    source_id = next(clip.source_id for clip in script.clips if clip.file == query.image_from.file)
    return client.thumbnail(source_id, query.image_from.t_ms)


def show(
    screen: Console, script: Script, answers: Sequence[tuple[Query, SearchResult]], ranking: SearchResult, began_ms: int
) -> bool:
    """Print the searches, the ranking and the verdict; return whether all searches are right."""
    now_ms = time.time_ns() // 1_000_000
    right = sum(is_right(result, query.expect, script, began_ms) for query, result in answers)
    screen.print(searches_table(script, answers, began_ms, now_ms))
    screen.print(ranking_table(script, ranking, now_ms))
    screen.print(verdict_line(right, len(answers)))
    notice = next((result.notice for _, result in answers if result.notice), None)
    if notice:
        screen.print(notice, style="dim")
    screen.print()
    return right == len(answers)


def option_for(home: Path, url: str) -> str:
    """Return the option that commands need to reach the stack in `home`: none where they find it by themselves."""
    try:
        found = find_stack(home_folder(None, os.environ)).url == url
    except NoStackError:
        found = False
    return "" if found else f" --home {home}"


def program() -> str:
    """Return how a user calls `framebus` from here."""
    beside = Path(sys.executable).with_name("framebus")
    if shutil.which("framebus"):
        return "framebus"
    if not beside.exists():
        return f"{sys.executable} -m framebus"
    return str(beside.relative_to(Path.cwd()) if beside.is_relative_to(Path.cwd()) else beside)
