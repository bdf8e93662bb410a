"""The demonstration, phase by phase."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from framebus.cli.wait import settle
from framebus.client import Client, NoStackError, SearchResult, find_stack, home_folder
from framebus.demo.phases import Phases
from framebus.demo.report import next_steps, searches_table, verdict_line
from framebus.demo.script import CLIPS, Query, Script, read_script
from framebus.demo.stack import running_stack
from framebus.demo.verdict import is_right

STARTING_SECONDS: Final = 60.0
INDEXED_WITHIN_SECONDS: Final = 300.0


def demonstrate(home: Path, screen: Console, *, once: bool) -> bool:
    """Run the demonstration; return whether every search found, or did not find, what it should.

    Sources that a user added to this home are left alone, and the searches look at the demonstration's clips only.
    """
    script = read_script()
    phases = Phases(screen)
    starting = ("starting Kafka, Milvus and the services", "the stack is up")
    stopping = ("stopping everything in order", "stopped; what is indexed stays for the next time")
    with phases.entered(running_stack(home, phases.tell), starting, stopping) as stack:
        client = Client(stack.url, stack.key, starting_seconds=STARTING_SECONDS)
        indexed = index(client, script, phases, screen)
        answers = search(client, script, phases)
        right = show(screen, script, answers)
        if not once:
            screen.print(next_steps(stack.url, stack.key, program(), option_for(home, stack.url)), soft_wrap=True)
            stack.wait()
    return indexed and right


def index(client: Client, script: Script, phases: Phases, screen: Console) -> bool:
    """Add the clips and wait until they can be searched; return whether all can."""
    ids = [clip.source_id for clip in script.clips]
    with phases.phase("adding the clips", f"{len(ids)} clips are there"):
        for clip in script.clips:
            client.add(CLIPS / clip.file, clip.source_id, name=clip.title, category=clip.category)
    with phases.phase("decoding, embedding, indexing", "the clips can be searched", spinner=False):
        final = settle(client, ids, INDEXED_WITHIN_SECONDS, screen)
    return all(source.state == "indexed" for source in final)


def search(client: Client, script: Script, phases: Phases) -> list[tuple[Query, SearchResult]]:
    """Ask everything in the script, of its clips alone: what a user has added to this home cannot change the answers."""
    ids = [clip.source_id for clip in script.clips]
    with phases.phase("searching", f"{len(script.queries)} searches are answered"):
        return [(query, client.search(query.text, image=picture(client, script, query), sources=ids)) for query in script.queries]


def picture(client: Client, script: Script, query: Query) -> bytes | None:
    """Return the picture of a query: a frame of one of the clips."""
    if query.image_from is None:
        return None
    source_id = next(clip.source_id for clip in script.clips if clip.file == query.image_from.file)
    return client.thumbnail(source_id, query.image_from.t_ms)


def show(screen: Console, script: Script, answers: Sequence[tuple[Query, SearchResult]]) -> bool:
    """Print the searches and the verdict; return whether all are right."""
    right = sum(is_right(result, query.expect) for query, result in answers)
    screen.print(searches_table(script, answers))
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
