"""Files of a cache on their way to a client: they may be removed at any moment, with their life or to make room."""

import asyncio
import os

from starlette.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send

from services.query.media.refusals import gone


class CachedFile(FileResponse):
    """A file whose answer begins when it is open: until then its removal is told, and not an answer that breaks off."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the file, or with the problem of one that is gone."""
        waiting: list[Message] = []
        has_begun = False

        async def begin_late(message: Message) -> None:
            nonlocal has_begun
            waiting.append(message)
            if message["type"] != "http.response.start":
                has_begun = True
                while waiting:
                    await send(waiting.pop(0))

        try:
            self.stat_result = await asyncio.to_thread(os.stat, self.path)
            self.set_stat_headers(self.stat_result)
            await super().__call__(scope, receive, begin_late)
        except FileNotFoundError:
            if has_begun:
                raise
            await gone().response()(scope, receive, send)
