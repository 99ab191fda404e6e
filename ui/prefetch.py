"""Tells the browser, with the start page, which scripts the page will be drawn with: it need not find out one by one.

Streamlit's front end asks for the script of a kind of element when the first one arrives, and for what that imports after
it. Plotly's 4.7 MB are asked for early only where nothing is charted, once the browser is idle: elsewhere there is text to
be drawn first, and reading that script takes the browser longer than fetching it.
Links in headers: https://developer.mozilla.org/docs/Web/HTML/Reference/Attributes/rel/modulepreload
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files

from ui.hardening import AsgiApp, Message, Receive, Send
from ui.menu import MENU, Screen

BAR = ("Button", "ButtonGroup", "TextInput", "PageLink", "Metric", "Selectbox")
TABLE = ("ReadOnlyGrid",)
LATER = (*BAR, *TABLE, "PlotlyChart")
Manifest = Mapping[str, Mapping[str, object]]
_HTML = b"text/html"


class PrefetchMiddleware:
    """Adds a Link header to the start page: scripts to load at once, or on the first page, which has no charts, later."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self._links = {path: link.encode() for path, link in links(read_manifest()).items()}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", "")) if scope["type"] == "http" else ""
        link = self._links.get(path)
        if not link:
            await self._app(scope, receive, send)
            return

        async def send_with_link(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_html(message.get("headers", ())):
                message["headers"] = [*message["headers"], (b"link", link)]
            await send(message)

        await self._app(scope, receive, send_with_link)


def links(manifest: Manifest) -> dict[str, str]:
    """Return the header of each page, by its path; a page without any is not among them."""
    found = {}
    for screen in (one for section in MENU.values() for one in section):
        name = screen.file.removesuffix(".py")
        link = ", ".join(_link(screen, manifest))
        for path in (f"/{name}", *(["/"] if screen.default else [])):
            if link:
                found[path] = link
    return found


def read_manifest() -> Manifest:
    """Return what Streamlit's build says of its scripts; empty when a release says it no more: then nothing is early."""
    try:
        found = json.loads(files("streamlit").joinpath("static/manifest.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def scripts(manifest: Manifest, names: Iterable[str]) -> list[str]:
    """Return the files that draw the kinds of element in *names*, with all they import, less what every page loads."""
    keys = {str(value.get("name")): key for key, value in manifest.items() if value.get("isDynamicEntry")}
    loaded: set[str] = set()
    for key, value in manifest.items():
        if value.get("isEntry"):
            loaded |= _with_imports(manifest, key, set())
    found: dict[str, None] = {}
    for key in (keys[name] for name in names if name in keys):
        found |= {
            str(manifest[one]["file"]): None for one in sorted(_with_imports(manifest, key, set()) - loaded)
        }
    return list(found)


def _link(screen: Screen, manifest: Manifest) -> Iterator[str]:
    if screen.default:  # where nothing is charted
        for file in scripts(manifest, LATER):
            yield f"<./{file}>; rel=prefetch; as=script; crossorigin"
        return
    for file in scripts(manifest, (*BAR, *(TABLE if screen.tables else ()))):
        yield f"<./{file}>; rel=modulepreload; crossorigin"


def _with_imports(manifest: Manifest, key: str, found: set[str]) -> set[str]:
    if key not in found and key in manifest:
        found.add(key)
        imports = manifest[key].get("imports")
        for one in imports if isinstance(imports, list) else ():
            _with_imports(manifest, str(one), found)
    return found


def _is_html(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(name.lower() == b"content-type" and value.startswith(_HTML) for name, value in headers)
