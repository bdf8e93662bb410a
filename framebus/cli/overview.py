"""What `framebus --help` prints: made from the table of commands alone, so that it is there at once."""

from collections.abc import Iterator, Mapping
from typing import Final

from framebus.cli.commands import SECTIONS, Command

INTRODUCTION: Final = """\
Framebus finds seconds of video: text or a picture in, playable moments out.

  framebus up                      start everything on this machine
  framebus add holiday.mp4         add a video (a file, a folder, a URL)
  framebus wait                    until it can be searched
  framebus search "a red car"      find it
"""

ENDING: Final = """\
`framebus COMMAND --help` explains a command. Commands find the stack that runs in --home, FRAMEBUS_HOME or .framebus
by themselves; FRAMEBUS_URL and FRAMEBUS_API_KEY name another one. Exit codes: 0 done, 1 failed, 2 not understood."""


def overview(sections: Mapping[str, tuple[Command, ...]] = SECTIONS) -> str:
    """Return the help of the whole program."""
    return "\n".join([INTRODUCTION, *_sections(sections), ENDING])


def absence(command: Command) -> str:
    """Return what `COMMAND --help` says of a command that is not available yet."""
    return f"Usage: framebus {command.name} {command.arguments}\n\n  {command.summary.capitalize()}: not available yet."


def _sections(sections: Mapping[str, tuple[Command, ...]]) -> Iterator[str]:
    width = max(len(_call(command)) for section in sections.values() for command in section)
    for title, commands in sections.items():
        yield f"{title}:"
        yield from (f"  {_call(command):{width}}  {command.summary}" for command in commands)
        yield ""


def _call(command: Command) -> str:
    return f"{command.name} {command.arguments}".rstrip()
