"""The typed Python client of the HTTP API.

from framebus.client import Client

with Client.local() as client:                      # the stack that `framebus up` started here
    client.add("holiday.mp4")
    for progress in client.wait():
        print(progress)
    print(client.search(text="a red car").hits[0])
"""

from framebus.client.client import Client
from framebus.client.discovery import Stack, find_stack, home_folder
from framebus.client.errors import FramebusError, NoStackError
from framebus.client.results import (
    Camera,
    DeadLetter,
    DeadLetterPage,
    Hit,
    Readiness,
    Removal,
    Replay,
    SearchResult,
    SentFrame,
    Source,
    StackStatus,
    Took,
    WholeLetter,
)

__all__ = [
    "Camera",
    "Client",
    "DeadLetter",
    "DeadLetterPage",
    "FramebusError",
    "Hit",
    "NoStackError",
    "Readiness",
    "Removal",
    "Replay",
    "SearchResult",
    "SentFrame",
    "Source",
    "Stack",
    "StackStatus",
    "Took",
    "WholeLetter",
    "find_stack",
    "home_folder",
]
