"""Where a browser tells that something is on its screen: the script of the start page does, of each part once.

What it waits for stands in the class of an element (Streamlit makes one of a container's key), with a token that nobody
else knows. A telling that nobody waits for is answered alike and changes nothing.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

KEY = "shown"
DRAFT, TEXT, CHARTS = "draft", "text", "charts"
_expected: dict[str, "Visit"] = {}
_awaited: dict[str, Callable[[], None]] = {}


@dataclass(frozen=True)
class Visit:
    """One page on its way to one screen. *text*, *charts*: set once the browser shows all of them."""

    token: str = field(default_factory=lambda: secrets.token_hex(8))
    text: Event = field(default_factory=Event)
    charts: Event = field(default_factory=Event)

    def key(self, figures: int, tables: int, charts: int) -> str:
        """Return the key of an element that names how many of each there are on the page."""
        return f"{KEY}-{self.token}-{figures}-{tables}-{charts}"


@contextmanager
def expected(visit: Visit) -> Iterator[None]:
    """Take what the browser tells of *visit* in here."""
    _expected[visit.token] = visit
    try:
        yield
    finally:
        del _expected[visit.token]
        _awaited.pop(visit.token, None)


def when_drafted(token: str, then: Callable[[], None]) -> None:
    """Have *then* called, by the thread that serves, when the browser tells of the draft or the text of an expected visit."""
    if token in _expected:
        _awaited[token] = then


async def told(request: Request) -> Response:
    token, part = request.path_params["token"], request.path_params["part"]
    visit = _expected.get(token)
    if visit is not None:
        {TEXT: visit.text, CHARTS: visit.charts}.get(part, Event()).set()
        if part in (DRAFT, TEXT) and (then := _awaited.pop(token, None)) is not None:
            then()
    return Response(status_code=204, headers={"Cache-Control": "no-store"})


ROUTE = Route(f"/{KEY}/{{token}}/{{part}}", told, methods=["POST"])
