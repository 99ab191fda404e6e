"""Server-sent events as the Agents SDK reads them: LF only, no comments, a name on every frame.

A comment frame or CRLF breaks the SDK's parser, so a quiet stream stays quiet: nothing keeps it alive.
"""

import asyncio
from collections.abc import AsyncIterator

import orjson

from emulator.wire import Stream

HEADERS = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache"))
DONE = b"event: done\ndata: [DONE]\n\n"
CHUNK_BYTES = 16 * 1024  # the SDK copies the rest of a chunk for every event in it


class Segment:
    """One stream from its request to `done`. Read it as often as needed, also after it has ended."""

    def __init__(self) -> None:
        self._frames: list[bytes] = []
        self._ended = False
        self._news = asyncio.Event()

    def add(self, frame: bytes) -> None:
        self._frames.append(frame)
        self._news.set()

    def end(self) -> None:
        """No frame follows. Without a `done` frame before it, clients take the stream for broken off."""
        self._ended = True
        self._news.set()

    def reply(self, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Stream:
        return Stream(self._read(), (*HEADERS, *headers))

    async def _read(self) -> AsyncIterator[bytes]:
        position = 0
        while True:
            self._news.clear()
            while position < len(self._frames):
                chunk = bytearray()
                while position < len(self._frames) and len(chunk) < CHUNK_BYTES:
                    chunk += self._frames[position]
                    position += 1
                yield bytes(chunk)
            if self._ended and position == len(self._frames):
                return
            await self._news.wait()


class Channel:
    """Where a run tells what happens to it. Costs nothing while nobody listens."""

    def __init__(self) -> None:
        self._segment: Segment | None = None

    def listen(self) -> Segment:
        """Return a stream of what is published from now on, until the run ends or waits for its client."""
        if self._segment is None:
            self._segment = Segment()
        return self._segment

    @property
    def heard(self) -> bool:
        return self._segment is not None

    def publish(self, event: str, document: object) -> None:
        if self._segment is not None:
            self._segment.add(b"event: %b\ndata: %b\n\n" % (event.encode(), orjson.dumps(document)))

    def finish(self) -> None:
        """End the stream properly."""
        if self._segment is not None:
            self._segment.add(DONE)
        self.cut()

    def cut(self) -> None:
        """End the stream where it is."""
        if self._segment is not None:
            self._segment.end()
            self._segment = None
