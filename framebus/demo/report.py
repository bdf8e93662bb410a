"""What the demonstration prints: the searches as a table, one ranking in full, and where to go from there. Pure."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from rich import box
from rich.table import Table
from rich.text import Text

from framebus.cli.moments import age, span
from framebus.client import Hit, SearchResult
from framebus.demo.script import Expectation, Query, Script, title_of
from framebus.demo.verdict import is_right

RIGHT: Final = Text("✓", "bold green")
WRONG: Final = Text("✗", "bold red")
NOTHING: Final = "nothing"
LIVE: Final = Text("● live", "red")
FILE: Final = Text("file", "dim")
NARROW: Final = ("", "from", "when", "score", "ms")


def searches_table(script: Script, answers: Sequence[tuple[Query, SearchResult]], began_ms: int, now_ms: int) -> Table:
    """Return a line for each search: what was asked, the first hit, and whether it is what should be found."""
    table = _table("", "search", "found", "from", "when", "score", "ms")
    for query, result in answers:
        right = is_right(result, query.expect, script, began_ms)
        hit = result.hits[0] if result.found and result.hits else None
        found = _cells(hit, script, now_ms) if hit else (Text(NOTHING, "yellow"), "", "", "")
        table.add_row(RIGHT if right else WRONG, title_of(query, script), *found, f"{result.took_ms.total:.0f}")
        if not right:
            table.add_row("", Text("should be", "dim"), *_expected(query.expect, script), style="red")
    return table


def ranking_table(script: Script, result: SearchResult, now_ms: int) -> Table:
    """Return the hits of the text that files and camera both answer, best first."""
    table = _table("", f"“{script.ranking}”, best first", "from", "when", "score")
    for place, hit in enumerate(result.hits, 1):
        table.add_row(Text(str(place), "dim"), *_cells(hit, script, now_ms))
    return table


def _table(*titles: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in titles:
        table.add_column(title, justify="right" if title in ("score", "ms") else "left", no_wrap=title in NARROW)
    return table


def _cells(hit: Hit, script: Script, now_ms: int) -> tuple[Text, Text, str, str]:
    """Return where a hit is from, and when: of the camera, how long ago."""
    live = hit.source_id == script.camera.source_id
    when = f"{age(hit.peak_ms, now_ms)} ago" if live else span(hit.start_ms, hit.end_ms)
    return Text(script.titles.get(hit.source_id, hit.source_id), "bold"), LIVE if live else FILE, when, f"{hit.score:.3f}"


def _expected(expected: Expectation | None, script: Script) -> tuple[str, str, str]:
    if expected is None:
        return NOTHING, "", ""
    live = expected.source_id == script.camera.source_id
    when = "since the demo began" if live else span(*expected.within_ms)
    return script.titles.get(expected.source_id, expected.source_id), "live" if live else "file", when


def verdict_line(right: int, total: int) -> Text:
    """Return whether all searches found what they should."""
    if right == total:
        return Text(f"All {total} searches found what they should, and nothing where nothing is.", "bold green")
    return Text(f"{total - right} of {total} searches did not find what they should.", "bold red")


def next_steps(url: str, key: str, program: str, text: str, option: str = "") -> Text:
    """Return where to go from here. The key is in the fragment of the address, which a browser sends to no server.

    `text` is what the page searches for at once; `option` is what commands need to reach the stack.
    """
    page, search = f"{url}/#key={key}", f"{url}/?q={quote(text)}#key={key}"
    lines = [
        Text.assemble(("The page      ", "bold"), (page, f"cyan underline link {page}")),
        Text.assemble(("Watch it live ", "bold"), (search, f"cyan underline link {search}")),
        Text.assemble(("Search        ", "bold"), f'{program} search "a red car"{option}'),
        Text.assemble(("Add your own  ", "bold"), f"{program} add FILE{option}, then {program} wait{option}"),
        Text.assemble(("Add a camera  ", "bold"), f"{program} add rtsp://user:password@host/path{option}"),
        Text("\nCtrl-C stops everything.", "dim"),
    ]
    return Text("\n").join(lines)
