"""`framebus search`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from framebus.cli.application import application
from framebus.cli.connection import HomeOption, connect
from framebus.cli.failure import Failure, bad_usage, not_yet
from framebus.cli.labels import parse_labels
from framebus.cli.moments import parse_moment
from framebus.cli.screen import console, print_json
from framebus.cli.tables import hits_table
from framebus.client import SearchResult

LATER = "Not available yet."

app = application()


@app.command()
def search(
    text: Annotated[str | None, typer.Argument(metavar='"TEXT"', help="What the moment shows, in words.")] = None,
    *,
    image: Annotated[
        Path | None, typer.Option("--image", metavar="FILE", help="A picture to look for: JPEG, PNG or WebP.")
    ] = None,
    source: Annotated[
        list[str] | None, typer.Option("--source", metavar="ID", help="Only in this source; may be repeated.")
    ] = None,
    category: Annotated[
        list[str] | None, typer.Option("--category", metavar="WORD", help="Only in this category; may be repeated.")
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", metavar="KEY=VALUE", help="Only where this label is; may be repeated.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Captured since: ISO 8601 (UTC), or -15m, -2h, -3d.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Captured until, as --since.")] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=200, help="Most hits.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="The answer of the API, as JSON.")] = False,
    unwanted: Annotated[list[str] | None, typer.Option("--not", metavar='"TEXT"', help=LATER)] = None,
    together: Annotated[list[str] | None, typer.Option("--all", metavar='"TEXT"', help=LATER)] = None,
    then: Annotated[str | None, typer.Option("--then", metavar='"TEXT"', help=LATER)] = None,
    within: Annotated[float | None, typer.Option("--within", metavar="SECONDS", help=LATER)] = None,
    chart: Annotated[Path | None, typer.Option("--chart", metavar="FILE.png", help=LATER)] = None,
    home: HomeOption = None,
) -> None:
    """Find the seconds of video that show a text, look like a picture, or both; best first.

    Says clearly when nothing was found, and then lists the nearest. Filters narrow what is searched.

    \b
      framebus search "a red car turns left"
      framebus search --image logo.png --category news
      framebus search "a person on a bicycle" --source cam-1 --since -2h
    """
    later = {"--not": unwanted, "--all": together, "--then": then, "--within": within, "--chart": chart}
    for option, value in later.items():
        if value:
            raise not_yet(f"framebus search {option}")
    if not (text and text.strip()) and image is None:
        raise bad_usage("framebus search", "nothing to look for", 'give a text ("a red car"), --image FILE, or both')
    now = datetime.now(UTC)
    request: dict[str, Any] = {
        "image": _picture(image) if image else None,
        "sources": source or (),
        "categories": category or (),
        "labels": parse_labels(label or []),
        "since": parse_moment(since, now) if since else None,
        "until": parse_moment(until, now) if until else None,
        "limit": limit,
    }
    with connect(home) as client:
        result = client.search(text, **request)
    if as_json:
        print_json(result)
    else:
        show(console(), result)


def _picture(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Failure(f"--image {path}", (error.strerror or str(error)).lower(), "give a JPEG, PNG or WebP file") from None


def show(screen: Console, result: SearchResult) -> None:
    """Print hits as a table, and say when nothing was found."""
    if not result.found:
        screen.print("Nothing found." + (" The nearest, not good enough to be it:" if result.hits else ""), style="bold yellow")
    if result.hits:
        screen.print(hits_table(result.hits, found=result.found))
    hits = f"{len(result.hits)} hit{'' if len(result.hits) == 1 else 's'}" if result.found else "searched"
    screen.print(f"{hits} in {result.took_ms.total:.0f} ms · {result.space}", style="dim")
    if result.sources_without_clock:
        screen.print(f"{result.sources_without_clock} sources were left out: nobody knows when they were taken", style="dim")
    if result.notice:
        screen.print(result.notice, style="dim")
