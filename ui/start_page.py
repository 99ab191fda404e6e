"""The page that every address of ours begins with: Streamlit's own, told where its server is, and what to load with it.

From a deep link such as /overview the front end tries /overview/_stcore/health first, is refused, waits, and only then
finds the server at the root: a fifth of a second for nothing. It asks `window.__streamlit` before it guesses.
"""

import base64
import hashlib
from importlib.resources import files

from ui.asgi import AsgiApp, Message, Receive, Send
from ui.prefetch import links, read_manifest

SCRIPT = 'window.__streamlit = {BACKEND_BASE_URL: location.origin + "/"}'
_HEAD = "<head>"


class StartPageMiddleware:
    """Answers GET for the addresses of our pages; all else goes on to Streamlit, and so does what lies below an address
    of its own: the script knows the root only."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self._links = {path: link.encode() for path, link in links(read_manifest()).items()}
        self._page = start_page().encode()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        is_ours = scope["type"] == "http" and scope["method"] == "GET" and not scope.get("root_path")
        link = self._links.get(scope["path"]) if is_ours else None
        if link is None or not self._page:
            await self._app(scope, receive, send)
            return
        headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-length", str(len(self._page)).encode()),
            (b"cache-control", b"no-cache"),
            (b"link", link),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self._page})


def start_page() -> str:
    """Return Streamlit's start page with our script in it; empty when a release has another form: then it is left as it is."""
    page = files("streamlit").joinpath("static/index.html").read_text(encoding="utf-8")
    before, head, after = page.partition(_HEAD)
    return f"{before}{head}<script>{SCRIPT}</script>{after}" if head else ""


def script_hash() -> str:
    """Return what allows our script, and no other, beside those of Streamlit's page."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()}'"
