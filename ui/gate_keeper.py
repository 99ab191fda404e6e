"""Stands before everything that this process serves. Without a sign-in that holds, only what is the same for everybody is
served: the start page, its files, the way to sign in, and whether the process lives.

Also sees to what Streamlit leaves open. A tab that is left alone asks for its timed fragments for ever, past every gate
that stands in a page: once its sign-in is over, such a message is turned into one for the whole page, which then says so.
"""

import re
from collections.abc import Iterable

from streamlit.proto.BackMsg_pb2 import BackMsg

from services.signin.claims import Login, Refused
from ui.asgi import AsgiApp, Message, Receive, Send
from ui.gate import Gate, current, is_from_here
from ui.menu import MENU

OPEN = {
    "/",
    "/favicon.png",
    "/manifest.json",
    "/livez",
    "/readyz",
    "/_stcore/health",
    "/_stcore/host-config",
    "/_stcore/stream",  # the page itself is behind ui/guard.py
    "/draft",  # empty for whoever is not signed in
    "/auth/login",
    "/auth/logout",
    "/oauth2callback",
    *(f"/{screen.file.removesuffix('.py')}" for section in MENU.values() for screen in section),
}
OPEN_BELOW = "/static/"
PERSONAL = ("/media/", "/_stcore/upload_file")
FROM_THE_PLATFORM = (b"x-ms-client-principal", b"x-ms-token-")
_MAX_AGE = re.compile(rb"Max-Age=\d{5,}")
AWAY = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Relaydeck</title>
<body style="font-family:sans-serif;max-width:36rem;margin:15vh auto;padding:0 1rem">
<h1>Signing in is not possible now</h1>
<p>The sign-in service does not answer, or refuses this dashboard. Whoever is signed in already can go on.</p>
<p><a href="/">Try again</a></p></body></html>"""


class GateMiddleware:
    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        gate = current()
        if not gate.trusts_headers:
            kept = [pair for pair in scope["headers"] if not pair[0].lower().startswith(FROM_THE_PLATFORM)]
            scope["headers"] = kept
        if gate.rules.mode == "none":
            if is_from_here(scope):
                await self._app(scope, receive, send)
            else:
                await _refuse(
                    scope, send, 403, b"Without sign-in this dashboard serves its own machine only."
                )
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if scope["type"] == "websocket":
            await self._app(scope, _watched(receive, gate, gate.login_of(scope)), send)
        elif path in OPEN or path.startswith(OPEN_BELOW) or gate.principal_of(scope) is not None:
            await self._app(scope, receive, _finished(send, path, gate))
        else:
            await _refuse(scope, send, 401, b"Sign in first.")


def _watched(receive: Receive, gate: Gate, login: Login | Refused) -> Receive:
    async def checked() -> Message:
        message = await receive()
        if message["type"] == "websocket.receive" and message.get("bytes"):
            message["bytes"] = pass_on(message["bytes"], gate, login)
        return message

    return checked


def pass_on(data: bytes, gate: Gate, login: Login | Refused) -> bytes:
    """Return what goes on to Streamlit of a tab's message: one for the whole page instead of a part, once nobody is signed
    in there any more. Notes that somebody is there, unless it is a timer that speaks."""
    try:
        message = BackMsg.FromString(data)
    except Exception:  # noqa: BLE001 - what cannot be read is for Streamlit to refuse
        return data
    if message.WhichOneof("type") != "rerun_script":
        return data
    if isinstance(gate.judge(login), Refused):
        message.rerun_script.fragment_id = ""
        message.rerun_script.is_auto_rerun = False
        whole: bytes = message.SerializeToString()
        return whole
    if isinstance(login, Login) and not message.rerun_script.is_auto_rerun:
        gate.sessions.touch(login)
    return data


def _finished(send: Send, path: str, gate: Gate) -> Send:
    """Return *send* with what Streamlit leaves out: cookies that only travel encrypted and end in time, replies that no
    cache keeps, and a page for a sign-in service that is away."""
    away = False

    async def finished(message: Message) -> None:
        nonlocal away
        if message["type"] == "http.response.start":
            headers = [(name, _cookie(name, value, gate)) for name, value in message.get("headers", ())]
            if path.startswith(PERSONAL):
                headers = [*_without(headers, b"cache-control"), (b"cache-control", b"private, no-store")]
            away = path == "/auth/login" and message["status"] == 400
            if away:
                headers = [(b"content-type", b"text/html; charset=utf-8"), (b"cache-control", b"no-store")]
                message["status"] = 503
            message["headers"] = headers
        elif away:
            message = {"type": "http.response.body", "body": b"" if message.get("more_body") else AWAY}
        await send(message)

    return finished


def _cookie(name: bytes, value: bytes, gate: Gate) -> bytes:
    if name.lower() != b"set-cookie":
        return value
    value = _MAX_AGE.sub(b"Max-Age=%d" % int(gate.rules.max_age_s), value)
    over_tls = gate.rules.address.startswith("https://")
    return value + b"; Secure" if over_tls and b"secure" not in value.lower() else value


def _without(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[tuple[bytes, bytes]]:
    return [pair for pair in headers if pair[0].lower() != name]


async def _refuse(scope: Message, send: Send, status: int, words: bytes) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": words})
