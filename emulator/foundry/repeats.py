"""Answers a repeated POST with its first reply, so that an SDK's retry creates nothing twice.

azure-core keeps x-ms-client-request-id over the retries of one call; other calls differ in path or body.
"""

from collections import OrderedDict

from emulator.foundry.events import Segment
from emulator.wire import Reply, Request, Response

REPLIES_KEPT = 1000
BYTES_KEPT = 16 * 1024 * 1024
STREAMS_KEPT = 64

Key = tuple[str, str, int]


class Repeats:
    """Holds the latest replies in memory only: after a restart a repeated request counts as a new one."""

    def __init__(self) -> None:
        self._replies: OrderedDict[Key, Response] = OrderedDict()
        self._streams: OrderedDict[Key, Segment] = OrderedDict()
        self._bytes = 0

    def key(self, request: Request) -> Key | None:
        """Return what a repetition of *request* shares with it; None when nobody could repeat it."""
        request_id = request.header("x-ms-client-request-id")
        if request.method != "POST" or not request_id:
            return None
        return request_id, request.path, hash(request.body)

    def find(self, key: Key) -> Reply | None:
        if segment := self._streams.get(key):
            return segment.reply()
        return self._replies.get(key)

    def remember(self, key: Key, reply: Response | Segment) -> None:
        if isinstance(reply, Segment):
            self._streams[key] = reply
            if len(self._streams) > STREAMS_KEPT:
                self._streams.popitem(last=False)
            return
        self._replies[key] = reply
        self._bytes += len(reply.body)
        while self._bytes > BYTES_KEPT or len(self._replies) > REPLIES_KEPT:
            _, dropped = self._replies.popitem(last=False)
            self._bytes -= len(dropped.body)

    def clear(self) -> None:
        self._replies.clear()
        self._streams.clear()
        self._bytes = 0
