"""What the demonstration prints: the searches as a table, and where to go from there. Pure."""

from collections.abc import Sequence
from typing import Final

from rich import box
from rich.table import Table
from rich.text import Text

from framebus.cli.moments import span
from framebus.client import SearchResult
from framebus.demo.script import Expectation, Query, Script, title_of
from framebus.demo.verdict import is_right

RIGHT: Final = Text("✓", "bold green")
WRONG: Final = Text("✗", "bold red")
NOTHING: Final = "nothing"


def searches_table(script: Script, answers: Sequence[tuple[Query, SearchResult]]) -> Table:
    """Return a line for each search: what was asked, the first hit, and whether it is what should be found."""
    titles = {clip.source_id: clip.title for clip in script.clips}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("", "search", "found", "at", "score", "ms"):
        table.add_column(
            title, justify="right" if title in ("score", "ms") else "left", no_wrap=title in ("", "at", "score", "ms")
        )
    for query, result in answers:
        right = is_right(result, query.expect)
        found, moment, score = _first(result, titles)
        table.add_row(RIGHT if right else WRONG, title_of(query, script), found, moment, score, f"{result.took_ms.total:.0f}")
        if not right:
            table.add_row("", Text("should be", "dim"), *_expected(query.expect, titles), style="red")
    return table


def _first(result: SearchResult, titles: dict[str, str]) -> tuple[Text, str, str]:
    if not result.found or not result.hits:
        return Text(NOTHING, "yellow"), "", ""
    hit = result.hits[0]
    return Text(titles.get(hit.source_id, hit.source_id), "bold"), span(hit.start_ms, hit.end_ms), f"{hit.score:.3f}"


def _expected(expected: Expectation | None, titles: dict[str, str]) -> tuple[str, str]:
    if expected is None:
        return NOTHING, ""
    return titles.get(expected.source_id, expected.source_id), span(*expected.within_ms)


def verdict_line(right: int, total: int) -> Text:
    """Return whether all searches found what they should."""
    if right == total:
        return Text(f"All {total} searches found what they should, and nothing where nothing is.", "bold green")
    return Text(f"{total - right} of {total} searches did not find what they should.", "bold red")


def next_steps(url: str, key: str, program: str, option: str = "") -> Text:
    """Return where to go from here. The key is in the fragment of the address, which a browser sends to no server.

    `option` is what commands need to reach the stack.
    """
    address = f"{url}/#key={key}"
    lines = [
        Text.assemble(("The page      ", "bold"), (address, f"cyan underline link {address}")),
        Text.assemble(("Search        ", "bold"), f'{program} search "a red car"{option}'),
        Text.assemble(("Add your own  ", "bold"), f"{program} add FILE{option}, then {program} wait{option}"),
        Text("\nCtrl-C stops everything.", "dim"),
    ]
    return Text("\n").join(lines)
