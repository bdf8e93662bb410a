"""`framebus deadletters`."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from framebus.cli.application import application
from framebus.cli.connection import HomeOption, connect
from framebus.cli.failure import FAILED, Failure, bad_usage
from framebus.cli.letters import letter_lines, letters_table
from framebus.cli.moments import parse_moment
from framebus.cli.screen import complain, console, print_json, printable
from framebus.client import Client, DeadLetter, Replay

LISTED_AT_ONCE: Final = 500
REPLAYED_AT_ONCE: Final = 100

Topic = Annotated[str | None, typer.Argument(metavar="[TOPIC]", help="One topic, for example frames-live.")]
Service = Annotated[str | None, typer.Option("--service", metavar="NAME", help="Refused by this service: embedder, indexer ...")]
Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="With this in the reason.")]
Source = Annotated[str | None, typer.Option("--source", metavar="ID", help="Of this source.")]
Since = Annotated[str | None, typer.Option("--since", metavar="TIME", help="Refused since: ISO 8601 (UTC), or -15m, -2h, -3d.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]

app = application("Records that could not be processed. A dead letter keeps the bytes, the place and the reason for 30 days.")


@app.command("list")
def list_command(
    topic: Topic = None,
    *,
    service: Service = None,
    reason: Reason = None,
    source: Source = None,
    since: Since = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="Most letters.")] = 50,
    as_json: AsJson = False,
    home: HomeOption = None,
) -> None:
    """List them, newest first: which record, of which source, refused when, by whom and why.

    \b
      framebus deadletters list frames-live --since -2h
      framebus deadletters list --reason "not registered"
    """
    wanted = {"topic": topic, "service": service, "reason": reason, "source": source, "since": _moment(since)}
    found: list[DeadLetter] = []
    more = False
    with connect(home) as client:
        for letter in _letters(client, wanted):
            more = len(found) == limit
            if more:
                break
            found.append(letter)
    if as_json:
        print_json({"dead_letters": found, "more": more})
        return
    if found:
        console().print(letters_table(found, int(time.time() * 1000)))
    print(f"{_count(len(found))}{'; there are older ones: --limit, --since' if more else ''}")


@app.command("show")
def show_command(
    letter: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it; a TOPIC is its newest.")],
    *,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help="Write the picture or vector to a new file.")
    ] = None,
    as_json: AsJson = False,
    home: HomeOption = None,
) -> None:
    """Show one: why, where it came from, every header, and the value as far as it can be read."""
    with connect(home) as client:
        whole = client.dead_letter(letter if "/" in letter else _newest_of(client, letter))
        if save is not None:
            _save(save, client.dead_letter_value(whole.id))
    if as_json:
        print_json(whole)
    else:
        for line in letter_lines(whole, int(time.time() * 1000)):
            print(line)
    if save is not None:
        complain(f"{whole.value_bytes:,} bytes written to {save}")


@app.command("replay")
def replay_command(
    letters: Annotated[list[str] | None, typer.Argument(metavar="[ID|TOPIC]...", help="As `list` shows them.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Of every topic.")] = False,
    service: Service = None,
    reason: Reason = None,
    source: Source = None,
    since: Since = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: HomeOption = None,
) -> int:
    """Send records again to the topics they came from, as they were: mend the cause first.

    A frame or embedding becomes a row of its own, unsmoothed; doing so twice changes nothing more. What fails again is a new dead
    letter that names the first. Of removed sources and ended lives nothing comes back. Exits with 1 when one was not sent.

    \b
      framebus deadletters replay frames-live/17 frames-live/18
      framebus deadletters replay --all --reason "not registered" --since -1d --dry-run
    """
    ids = [one for one in letters or [] if "/" in one]
    topics: list[str | None] = [one for one in letters or [] if "/" not in one]
    topics += [None] if everything else []
    filters = {"service": service, "reason": reason, "source": source, "since": _moment(since)}
    if not ids and not topics:
        raise bad_usage("framebus deadletters replay", "nothing to replay", "give IDs, a TOPIC or --all")
    if ids and any(filters.values()):
        raise bad_usage(" ".join(ids), "an ID and a filter", "give IDs, or a TOPIC or --all with filters")
    with connect(home) as client:
        for topic in topics:
            ids += [one.id for one in _newest_of_each(_letters(client, {"topic": topic, **filters}))]
        ids = list(dict.fromkeys(ids))
        if len(ids) > 1 and not (yes or dry_run):
            typer.confirm(f"Send again {_count(len(ids))} ({_by_topic(ids)})?", abort=True)
        return _replay(client, ids, dry_run=dry_run)


def _replay(client: Client, ids: Sequence[str], *, dry_run: bool) -> int:
    refused = 0
    for first in range(0, len(ids), REPLAYED_AT_ONCE):
        done = client.replay(ids[first : first + REPLAYED_AT_ONCE], dry_run=dry_run)
        _tell(done)
        refused += len(done.refused)
    said = "would be sent again" if dry_run else "sent again"
    print(f"{_count(len(ids) - refused)} {said}{f', {refused:,} not' if refused else ''}")
    return FAILED if refused else 0


def _tell(done: Replay) -> None:
    for one in done.replayed:
        print(f"{one.id} → {one.topic} [{one.partition}]{'' if one.offset is None else f' at {one.offset}'}")
    for refused in done.refused:
        complain(f"{refused.id}: not sent again: {printable(refused.reason)}")


def _letters(client: Client, wanted: dict[str, str | None]) -> Iterator[DeadLetter]:
    """Give all that are asked for, newest first. A page is looked for as long as one is wanted."""
    cursor = None
    while True:
        page = client.dead_letters(limit=LISTED_AT_ONCE, cursor=cursor, **wanted)
        yield from page.dead_letters
        cursor = page.next_cursor
        if cursor is None:
            return


def _newest_of_each(letters: Iterator[DeadLetter]) -> Iterator[DeadLetter]:
    """Give one letter of each record: one that was replayed and failed again has several, and is not to be sent several times."""
    seen: set[str] = set()
    for letter in letters:
        first = letter.replay_of or letter.id
        if first not in seen:
            seen.add(first)
            yield letter


def _newest_of(client: Client, topic: str) -> str:
    newest = next(_letters(client, {"topic": topic}), None)
    if newest is None:
        raise Failure(topic, "no dead letters")
    return newest.id


def _save(path: Path, value: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(value)
    except OSError as error:
        raise Failure(f"--save {path}", (error.strerror or str(error)).lower(), "name a new file") from None


def _moment(text: str | None) -> str | None:
    return None if text is None else parse_moment(text, datetime.now(UTC))


def _count(letters: int) -> str:
    return f"{letters:,} dead letter{'' if letters == 1 else 's'}"


def _by_topic(ids: Sequence[str]) -> str:
    return ", ".join(f"{count:,} of {topic}" for topic, count in Counter(one.rpartition("/")[0] for one in ids).most_common())
