"""Lets the browser fetch what charts and tables are drawn with while the page itself is still on its way.

Plotly is 4.7 MB of script that Streamlit asks for only when the first chart arrives; a visitor would wait for it then.
Links in headers: https://developer.mozilla.org/docs/Web/HTML/Reference/Attributes/rel/modulepreload
"""

from collections.abc import Iterable
from importlib.resources import files

from ui.hardening import AsgiApp, Message, Receive, Send

NEEDED = ("PlotlyChart", "DataFrame", "arrowFormatUtils")
WITHOUT_CHARTS = ("/", "/ask")
_HTML = b"text/html"


class PreloadMiddleware:
    """Adds Link headers to the start page: now, where charts are drawn at once; else when the browser is idle."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        found = list(chunks())
        self._now = _links(found, "modulepreload")
        self._later = _links(found, "prefetch; as=script")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        link = self._later if path in WITHOUT_CHARTS else self._now

        async def send_with_links(message: Message) -> None:
            if message["type"] == "http.response.start" and link and _is_html(message.get("headers", ())):
                message["headers"] = [*message["headers"], (b"link", link)]
            await send(message)

        await self._app(scope, receive, send_with_links)


def chunks() -> Iterable[str]:
    """Return the paths of the scripts, as Streamlit's own start page would name them.

    Their names carry a hash of the release. None is found when a release renames them: then nothing is preloaded.
    """
    for file in files("streamlit").joinpath("static/static/js").iterdir():
        if file.name.endswith(".js") and file.name.partition(".")[0] in NEEDED:
            yield f"./static/js/{file.name}"


def _links(found: Iterable[str], relation: str) -> bytes:
    return ", ".join(f"<{path}>; rel={relation}; crossorigin" for path in found).encode()


def _is_html(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(name.lower() == b"content-type" and value.startswith(_HTML) for name, value in headers)
