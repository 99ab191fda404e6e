"""The page that every address of ours begins with: Streamlit's own, with a script of ours before all others, and how drafts and
the text of tables look (ui/draft/draft.css, ui/sheet.css).

The script (start_page.js) does four things. It names the server: from a deep link such as /overview the front end tries
/overview/_stcore/health first, is refused, waits, and only then finds the server at the root, a fifth of a second for nothing;
it asks `window.__streamlit` before it guesses. It asks for the page's draft and shows it until the page itself is there (ui/draft/). It
puts the page's links to other scripts to work (ui/prefetch.py): the first wave once the front end has found its server, the second
with the text on the screen, the third with the charts. And it tells the server of both (ui/shown.py), each time in the frame in
which they come to the screen.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from ui.asgi import AsgiApp, Message, Receive, Send
from ui.prefetch import Link, links, read_manifest

SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
STYLES = ("sheet.css", "picture.css", "draft/draft.css")
_FONT = re.compile(r'href="(\./static/media/SourceSansVF-Upright[^"]+)"')
_HEAD, _END = "<head>", "</head>"


class StartPageMiddleware:
    """Answers GET for the addresses of our pages; all else goes on to Streamlit, and so does what lies below an address
    of its own: the script knows the root only."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        page = start_page()
        self._pages = {
            path: _with_links(page, named) for path, named in links(read_manifest()).items() if page
        }

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        is_ours = scope["type"] == "http" and scope["method"] == "GET" and not scope.get("root_path")
        page = self._pages.get(scope["path"]) if is_ours else None
        if page is None:
            await self._app(scope, receive, send)
            return
        link, body = page
        headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-cache"),
            *([(b"link", link)] if link else []),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def start_page() -> str:
    """Return Streamlit's start page with our script in it; empty when a release has another form: then it is left as it is."""
    page = files("streamlit").joinpath("static/index.html").read_text(encoding="utf-8")
    before, head, after = page.partition(_HEAD)
    return f"{before}{head}<script>{SCRIPT}</script><style>{style(page)}</style>{after}" if head else ""


def style(page: str) -> str:
    """Return how drafts and the text of tables look. Their letters are those that *page*, Streamlit's, has loaded first."""
    sheets = "".join((Path(__file__).parent / name).read_text(encoding="utf-8") for name in STYLES)
    found = _FONT.search(page)
    face = "@font-face{font-family:'Draft Sans';font-weight:200 900;src:url(%s)}"
    return (face % found[1] if found else "") + sheets


def _with_links(page: str, named: Iterable[Link]) -> tuple[bytes, bytes]:
    """Return the `Link` header, of what can wait until the browser is idle, and *page* with all other links in it."""
    idle = [one for one in named if one.wave == 0]
    waiting = "".join(one.waiting for one in named if one.wave != 0)
    return ", ".join(one.header for one in idle).encode(), page.replace(_END, waiting + _END, 1).encode()


def script_hash() -> str:
    """Return what allows our script, and no other, beside those of Streamlit's page."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()}'"
