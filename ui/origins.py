"""Which pages may open a websocket here: our own.

Streamlit knows that too, but for a foreign page it first asks a host on the internet for this machine's own address.
"""

from urllib.parse import urlsplit

from streamlit import config

from ui.asgi import AsgiApp, Message, Receive, Send

HERE = ("localhost", "127.0.0.1")
FORBIDDEN = 1008  # before a websocket is accepted, the server makes a 403 of it


class OriginMiddleware:
    """Refuses the websockets of foreign pages; all else goes on, to Streamlit's own checks."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and is_foreign(scope):
            await send({"type": "websocket.close", "code": FORBIDDEN})
            return
        await self._app(scope, receive, send)


def is_foreign(scope: Message) -> bool:
    """Return whether a page of another place asks. What names no origin is no browser, and brings no cookie of ours."""
    given = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    origin = given.get(b"origin")
    if origin is None:
        return False
    try:
        parts = urlsplit(origin)
        return parts.netloc != given.get(b"host") and parts.hostname not in _known()
    except ValueError:
        return True


def _known() -> set[str | None]:
    named = {urlsplit(one.strip()).hostname for one in config.get_option("server.corsAllowedOrigins")}
    return {*HERE, config.get_option("browser.serverAddress"), *named} - {None}
