"""One browser tab without a browser: the websocket that Streamlit's front end speaks, and everything it was sent.

Asks for the page, presses, and asks again as the front end would. Keeps all frames as they came, so that one can look for
what must not be among them. It draws nothing.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.web.server.starlette.starlette_app_utils import (
    create_signed_value,
    generate_xsrf_token_string,
)
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME, XSRF_COOKIE_NAME
from websockets.typing import Origin, Subprotocol

LONGEST_RUN_S = 120.0


def signed_in(claims: Mapping[str, object], secret: str, address: str) -> str:
    """Return the Cookie header of who signed in with these *claims*, as Streamlit writes it after st.login."""
    told = {**claims, "origin": address, "is_logged_in": True, "provider": "entra"}
    cookie = create_signed_value(secret, USER_COOKIE_NAME, json.dumps(told)).decode()
    return f"{USER_COOKIE_NAME}={cookie}"


@dataclass
class Tab:
    """*address*: the dashboard's. *cookie*, *headers*: what the handshake brings along. *resume*: the id of a session to go
    on with. Afterwards: *frames*, all that was sent; *session*: the id it was given; *query*: of the page's address."""

    address: str
    page: str = ""
    query: str = ""
    cookie: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    resume: str = ""
    frames: list[bytes] = field(default_factory=list)
    session: str = ""
    fragments: dict[str, float] = field(default_factory=dict)
    widgets: dict[str, str] = field(default_factory=dict)
    redirects: list[str] = field(default_factory=list)

    async def __aenter__(self) -> "Tab":
        token = generate_xsrf_token_string()
        protocols = ["streamlit", token, *([self.resume] if self.resume else [])]
        cookies = "; ".join(filter(None, [f"{XSRF_COOKIE_NAME}={token}", self.cookie]))
        self._socket = await websockets.connect(
            f"{self.address.replace('http', 'ws', 1)}/_stcore/stream",
            subprotocols=[Subprotocol(one) for one in protocols],
            origin=Origin(self.address),
            additional_headers={"Cookie": cookies, **self.headers},
            max_size=None,
            compression=None,
            open_timeout=LONGEST_RUN_S,
            ping_interval=None,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._socket.close()

    async def run(
        self,
        *,
        fragment: str = "",
        timer: bool = False,
        pressed: str = "",
        asked: tuple[str, str] | None = None,
    ) -> bytes:
        """Return the frames of one run of the page, or of one *fragment* of it. *timer*: it is one that asks. *pressed*: the
        id of a button; *asked*: the id of a chat input, and what was typed there."""
        message = BackMsg()
        script = message.rerun_script
        script.query_string, script.page_name = self.query, self.page
        script.fragment_id, script.is_auto_rerun = fragment, timer
        if pressed:
            script.widget_states.widgets.add(id=pressed, trigger_value=True)
        if asked:
            script.widget_states.widgets.add(id=asked[0]).chat_input_value.data = asked[1]
        if not fragment:
            self.fragments.clear()
        await self._socket.send(message.SerializeToString())
        return await asyncio.wait_for(self._finished(), LONGEST_RUN_S)

    def has(self, words: str, frames: bytes | None = None) -> bool:
        """Return whether *words* were sent to this tab: in *frames*, or ever."""
        wanted = words.encode()
        return wanted in frames if frames is not None else any(wanted in one for one in self.frames)

    def widget(self, key: str) -> str:
        """Return the id of the widget with *key*. Raises KeyError: the page has none."""
        return next(found for found in self.widgets if found.endswith(f"-{key}"))

    async def _finished(self) -> bytes:
        """Wait for the end of the run; a run that another one overtakes ends early, and the next one counts."""
        got: list[bytes] = []
        while True:
            data = bytes(await self._socket.recv())  # type: ignore[arg-type]  # binary frames only
            got.append(data)
            self.frames.append(data)
            message = ForwardMsg.FromString(data)
            match message.WhichOneof("type"):
                case "new_session":
                    self.session = message.new_session.initialize.session_id or self.session
                case "page_info_changed":
                    self.query = message.page_info_changed.query_string
                case "auto_rerun":
                    self.fragments[message.auto_rerun.fragment_id] = message.auto_rerun.interval
                case "auth_redirect":
                    self.redirects.append(message.auth_redirect.url)
                case "delta":
                    self._keep(message)
                case "script_finished":
                    if message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                        return b"".join(got)

    def _keep(self, message: ForwardMsg) -> None:
        element = message.delta.new_element
        kind = str(element.WhichOneof("type") or "")
        found = getattr(element, kind) if kind else None
        if (
            found is not None
            and isinstance(name := getattr(found, "id", ""), str)
            and name.startswith("$$ID")
        ):
            self.widgets[name] = kind
