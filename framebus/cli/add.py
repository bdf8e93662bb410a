"""`framebus add`."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from framebus.cli.addresses import expand, with_password
from framebus.cli.application import application
from framebus.cli.connection import HomeOption, connect
from framebus.cli.failure import FAILED, Failure, bad_usage, not_yet
from framebus.cli.labels import parse_labels
from framebus.cli.manifest import read_manifest
from framebus.cli.moments import parse_days, parse_moment
from framebus.cli.screen import complain
from framebus.client import Client, FramebusError, NoStackError
from streaming.secrets import shown

SOURCE_ID_RULE = "letters, digits, '-', '_' and '.', beginning with a letter or digit, at most 64"

app = application()


@app.command()
def add(
    addresses: Annotated[
        list[str] | None, typer.Argument(metavar="ADDRESS", help="Files, folders, http(s) and rtsp(s) addresses.")
    ] = None,
    *,
    source_id: Annotated[str | None, typer.Option("--id", metavar="ID", help="Id of the one source that is added.")] = None,
    name: Annotated[str | None, typer.Option("--name", metavar="TEXT", help="Name for people.")] = None,
    category: Annotated[str | None, typer.Option("--category", metavar="WORD", help="Category, to search within it.")] = None,
    label: Annotated[list[str] | None, typer.Option("--label", metavar="KEY=VALUE", help="Label; may be repeated.")] = None,
    sample_fps: Annotated[
        float | None,
        typer.Option("--sample-fps", metavar="F", min=0.001, max=60, help="Samples a second; 2 for files, 1 for cameras."),
    ] = None,
    starts_at: Annotated[
        str | None,
        typer.Option("--starts-at", metavar="ISO8601", help="When the first frame was taken, for --since and --until."),
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option("--password-file", metavar="FILE", help="File whose first line is the password.")
    ] = None,
    no_record: Annotated[bool, typer.Option("--no-record", help="Keep no recording (cameras).")] = False,
    keep: Annotated[str | None, typer.Option("--keep", metavar="14d", help="How long rows and recordings are kept.")] = None,
    recursive: Annotated[bool, typer.Option("--recursive", help="Look into the folders of a folder too.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Add what appears in a folder later (not available yet).")] = False,
    manifest: Annotated[
        Path | None, typer.Option("--manifest", metavar="FILE.csv", help="A list of sources, one a line.")
    ] = None,
    home: HomeOption = None,
) -> int:
    """Add video files, folders of them, http(s) addresses or cameras, and say under which id each is found.

    A file keeps its place: Framebus reads it, and never moves or changes it. To a server on another machine it is
    uploaded. The same file added again is the same source; what cannot be decoded is listed as failed by `framebus sources`.
    A camera is read over TCP, or over UDP where its address ends in #udp. A password
    before a host is kept apart and shown nowhere; what a query string holds is a part of the address.

    \b
      framebus add holiday.mp4
      framebus add ~/Videos --recursive --category private
      framebus add https://example.org/talk.webm --id talk --label year=2026
      framebus add rtsp://user:password@10.0.0.7/stream --id door --keep 14d
      framebus add --manifest clips.csv      (columns: address,id,name,category,sample_fps,starts_at,keep,label.KEY)
    """
    if watch:
        raise not_yet("--watch", "add the folder again when there is more in it: what is there already stays as it is")
    shared = {
        "name": name,
        "category": category,
        "labels": parse_labels(label or []),
        "sample_fps": sample_fps,
        "starts_at": _checked_start(starts_at),
        "record": False if no_record else None,
        "keep_days": parse_days(keep) if keep else None,
    }
    given = {key: value for key, value in shared.items() if value not in (None, {})}
    wanted = _wanted(addresses or [], manifest, given, source_id, recursive=recursive)
    if password_file is not None:
        password = _read_password(password_file)
        wanted = [{**line, "address": with_password(line["address"], password)} for line in wanted]
    with connect(home) as client:
        return _add_all(client, wanted)


def _wanted(
    addresses: Sequence[str], manifest: Path | None, given: dict[str, Any], source_id: str | None, *, recursive: bool
) -> list[dict[str, Any]]:
    listed = read_manifest(manifest) if manifest else []
    found = [{"address": one} for one in expand(addresses, recursive=recursive)]
    if not listed and not found:
        raise bad_usage("framebus add", "nothing to add", "give files, folders or addresses, or --manifest FILE.csv")
    wanted = [{**given, **line, "address": expand([line["address"]], recursive=False)[0]} for line in (*listed, *found)]
    if source_id is None:
        return wanted
    if len(wanted) != 1:
        raise bad_usage(f"--id {source_id}", f"{len(wanted)} sources cannot share one id", "add them one by one, or without --id")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", source_id):
        raise bad_usage(f"--id {source_id}", "not an id", SOURCE_ID_RULE)
    return [{**wanted[0], "source_id": source_id}]


def _read_password(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"--password-file {path}", "cannot be read", type(error).__name__) from None


def _checked_start(text: str | None) -> str | None:
    if text is not None and text.startswith("-"):
        raise bad_usage(f"--starts-at {text}", "not a time", "give ISO 8601 like 2026-11-20T08:00:00Z")
    return None if text is None else parse_moment(text, datetime.now(UTC))


def _add_all(client: Client, wanted: Sequence[dict[str, Any]]) -> int:
    refused = cameras = 0
    for line in wanted:
        try:
            source = client.add(**line)
        except NoStackError:
            raise
        except (FramebusError, OSError) as error:
            complain(f"{shown(line['address'])}: {error}")
            refused += 1
        else:
            print(f"{source.source_id}  {shown(line['address'])}")
            cameras += source.kind == "camera"
    if refused:
        complain(f"{refused} of {len(wanted)} could not be added")
        return FAILED
    print(_what_next(len(wanted), cameras))
    return 0


def _what_next(added: int, cameras: int) -> str:
    if cameras == added:
        return f"`framebus sources` shows whether {'they run' if added > 1 else 'it runs'}"
    return f"`framebus wait` shows when {'they' if added > 1 else 'it'} can be searched"
