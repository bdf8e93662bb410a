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
from framebus.client.results import Camera, Hit, Readiness, Removal, SearchResult, SentFrame, Source, StackStatus, Took

__all__ = [
    "Camera",
    "Client",
    "FramebusError",
    "Hit",
    "NoStackError",
    "Readiness",
    "Removal",
    "SearchResult",
    "SentFrame",
    "Source",
    "Stack",
    "StackStatus",
    "Took",
    "find_stack",
    "home_folder",
]
