"""Sessions that begin before the browser can: when it asks for a page's draft, with what its own scripts will ask for later.

Streamlit's front end needs a quarter of a second and more before it opens its websocket and asks for the page. Here the
same is asked for at once, over a websocket that leads nowhere yet: what Streamlit sends is kept until the front end
connects, and goes to it then. Its own first question is dropped where it is the one that was asked already; where it is
another, it is asked too, and the page is drawn anew.
"""

import asyncio
import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from starlette.requests import HTTPConnection
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.web.server.starlette.starlette_server_config import XSRF_COOKIE_NAME

from services.access import Principal
from ui import gate, shown
from ui.asgi import AsgiApp, Message, Receive, Send

STREAM = "/_stcore/stream"
UNCLAIMED_S = 20.0  # a browser that has not come by then will not
MOST_UNCLAIMED = 16
HELD_S = (
    0.3  # what a front end that has come waits for the draft at most: drawing would keep it from the screen
)
NO_COOKIE = "PLACEHOLDER_AUTH_TOKEN"  # what the front end sends where there is no such cookie
_OF_THE_BODY = (b"content-length", b"content-type", b"transfer-encoding")
_MARK = re.compile(rf"{shown.KEY}-(\w+)(?:-\d+){{3}}")
log = logging.getLogger(__name__)
_unclaimed: Final[dict[str, "Begun"]] = {}


class Begun:
    """A session, and what it has sent. *told*: set once the text of its page has been sent, or no more of it comes.

    *who*: for whom it was begun. *messages*: what was sent until then. *mark*: what the browser is to look for (ui/shown.py); empty when nothing was
    held back.
    """

    def __init__(self, app: AsgiApp, scope: Message, asked: BackMsg, who: Principal) -> None:
        self.asked, self.who = asked, who
        self.messages: list[ForwardMsg] = []
        self.told = asyncio.Event()
        self.mark = ""
        self._sent: list[Message] = []
        self._send: Send | None = None  # to the browser, once it has come
        self._is_shown = asyncio.Event()
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._inbox.put_nowait({"type": "websocket.connect"})
        self._inbox.put_nowait({"type": "websocket.receive", "bytes": asked.SerializeToString()})
        self._task = asyncio.create_task(self._run(app, scope), name="draft-session")

    @property
    def is_over(self) -> bool:
        return self._task.done()

    def show(self) -> None:
        """Keep nothing back any longer: the draft is on the screen, or there is none."""
        self._is_shown.set()

    async def join(self, receive: Receive, send: Send) -> None:
        """Be the session of a browser that has connected; return once that has gone."""
        await receive()  # that it wants to connect; the answer is the first thing that the session has sent
        await self._hand_over(send)
        is_first = True
        while True:
            message = await receive()
            if is_first and message["type"] == "websocket.receive":
                is_first = False
                if self._is_asked(message.get("bytes") or b""):
                    continue
            self._inbox.put_nowait(message)
            if message["type"] == "websocket.disconnect":
                break
        await self._task

    def leave(self) -> None:
        """End what no browser has come for."""
        self._inbox.put_nowait({"type": "websocket.disconnect", "code": 1001})

    async def _hand_over(self, send: Send) -> None:
        is_accepted = False
        while self._sent:
            await send(self._sent.pop(0))
            if not is_accepted:
                is_accepted = True
                with suppress(TimeoutError):
                    async with asyncio.timeout(HELD_S):
                        await self._is_shown.wait()
        self._send = send

    async def _run(self, app: AsgiApp, scope: Message) -> None:
        try:
            await app(scope, self._inbox.get, self._take)
        except Exception:
            log.exception("draft.session_failed")
        finally:
            self.told.set()

    async def _take(self, message: Message) -> None:
        if not self.told.is_set():
            self._note(message)
        if self._send is not None:
            await self._send(message)
        else:
            self._sent.append(message)

    def _note(self, message: Message) -> None:
        if not message.get("bytes"):
            return
        said = ForwardMsg.FromString(message["bytes"])
        self.messages.append(said)
        match said.WhichOneof("type"):
            case "delta" if found := _MARK.search(said.delta.add_block.id):
                self.mark = found[0]
                shown.when_drafted(found[1], self.show)
                self.told.set()
            case "script_finished" if said.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                self.told.set()

    def _is_asked(self, data: bytes) -> bool:
        try:
            return bool(BackMsg.FromString(data) == self.asked)
        except Exception:  # noqa: BLE001 - what cannot be read is for Streamlit to refuse
            return False


def begin(app: AsgiApp, scope: Message, token: str, asked: BackMsg) -> Begun | None:
    """Begin a session for the browser that sent the request of *scope* and will come back with *token*; None for whoever may
    see nothing, and where too many have been begun that nobody has come for."""
    who = gate.principal_of(scope)
    if who is None or len(_unclaimed) >= MOST_UNCLAIMED or token in _unclaimed:
        return None
    begun = Begun(app, _stream(scope), asked, who)
    _unclaimed[token] = begun
    asyncio.get_running_loop().call_later(UNCLAIMED_S, _give_up, token)
    return begun


def claim(token: str, scope: Message) -> Begun | None:
    """Return the session that was begun for *token*, once; None when there is none, or no more, and when the websocket of
    *scope* is not of who it was begun for: has signed out meanwhile, or is somebody else."""
    begun = _unclaimed.pop(token, None)
    if begun is None or begun.is_over:
        return None
    if gate.principal_of(scope) != begun.who:
        begun.leave()
        return None
    return begun


def _give_up(token: str) -> None:
    begun = _unclaimed.pop(token, None)
    if begun is not None:
        begun.leave()


def _stream(scope: Message) -> Message:
    """Return the scope of the websocket that the sender of an http request would open."""
    xsrf = HTTPConnection(scope).cookies.get(XSRF_COOKIE_NAME) or NO_COOKIE
    protocols = ["streamlit", xsrf]
    kept = [pair for pair in scope["headers"] if pair[0].lower() not in _OF_THE_BODY]
    path = scope.get("root_path", "") + STREAM
    opened: Mapping[str, object] = {
        "type": "websocket",
        "scheme": "wss" if scope.get("scheme") == "https" else "ws",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [*kept, (b"sec-websocket-protocol", ", ".join(protocols).encode("latin-1"))],
        "subprotocols": protocols,
    }
    return {**{name: value for name, value in scope.items() if name != "method"}, **opened}
