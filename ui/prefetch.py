"""Lets the browser fetch what charts and tables are drawn with while the first page is being read.

Plotly is 4.7 MB of script, and Streamlit asks for it only when the first chart arrives. Where charts are drawn at once
it is not asked for any earlier: there the browser has text to draw first.
Links in headers: https://developer.mozilla.org/docs/Web/HTML/Reference/Attributes/rel/prefetch
"""

from collections.abc import Iterable
from importlib.resources import files

from ui.hardening import AsgiApp, Message, Receive, Send

NEEDED = ("PlotlyChart", "DataFrame", "arrowFormatUtils")
WITHOUT_CHARTS = ("/", "/ask")
_HTML = b"text/html"


class PrefetchMiddleware:
    """Adds a Link header to the start page where nothing is charted: the browser follows it when it is idle."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self._link = ", ".join(
            f"<{path}>; rel=prefetch; as=script; crossorigin" for path in chunks()
        ).encode()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._link:
            await self._app(scope, receive, send)
            return
        wanted = scope["path"].removeprefix(scope.get("root_path", "")) in WITHOUT_CHARTS

        async def send_with_link(message: Message) -> None:
            if wanted and message["type"] == "http.response.start" and _is_html(message.get("headers", ())):
                message["headers"] = [*message["headers"], (b"link", self._link)]
            await send(message)

        await self._app(scope, receive, send_with_link)


def chunks() -> Iterable[str]:
    """Return the paths of the scripts, as Streamlit's own start page would name them.

    Their names carry a hash of the release. None is found when a release renames them: then nothing is fetched early.
    """
    for file in files("streamlit").joinpath("static/static/js").iterdir():
        if file.name.endswith(".js") and file.name.partition(".")[0] in NEEDED:
            yield f"./static/js/{file.name}"


def _is_html(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(name.lower() == b"content-type" and value.startswith(_HTML) for name, value in headers)
