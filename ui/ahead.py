"""Begins to read what a page shows as soon as its address is asked for, while the browser still reads its own scripts.

That takes a browser a quarter of a second at the least, about as long as a workspace takes to answer. The page joins the
reading that is under way, or finds what it brought (services/monitor/logs.py, ui/kept.py): nothing is asked for twice.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC
from typing import Final
from urllib.parse import parse_qsl

import runtime
from services.monitor.results import Ask
from ui import (
    agents_data,
    context,
    demo,
    formats,
    gate,
    metrics_data,
    overview_data,
    queue_data,
    runs_data,
    runs_filters,
    startup,
    view,
)
from ui.asgi import AsgiApp, Message, Receive, Send
from ui.time_range import View, parse

MOST_AT_ONCE = 4  # beyond that, pages read for themselves, as if there was nothing of this
LONGEST_S = 30.0
MOST_PARAMETERS = 50
Address = Mapping[str, str]
Reading = Callable[[View, Address], Iterable[threading.Event | None]]
log = logging.getLogger(__name__)
_room = threading.BoundedSemaphore(MOST_AT_ONCE)


class AheadMiddleware:
    """Passes everything on. For whoever is signed in and opens a page of ours, it has read what that page will ask for.

    Only for a browser that opens a page: an image or a script of a foreign one that names our address begins nothing.
    """

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        is_opened = scope["type"] == "http" and (b"sec-fetch-dest", b"document") in scope["headers"]
        read = READINGS.get(scope["path"]) if is_opened and scope["method"] == "GET" else None
        if read is not None and gate.principal_of(scope) is not None:
            begin(read, scope["query_string"])
        await self._app(scope, receive, send)


def begin(read: Reading, query: bytes) -> threading.Thread | None:
    """Have *read* called with what the address says, in a thread that ends with the readings; return that thread, None
    where as many are under way already, or nothing can be read. Raises nothing."""
    if startup.failure() is not None or not runtime.is_running() or not _room.acquire(blocking=False):
        return None
    thread = threading.Thread(target=_read, args=[read, query], name="ahead", daemon=True)
    thread.start()
    return thread


def _read(read: Reading, query: bytes) -> None:
    try:
        address = dict(parse_qsl(query.decode("latin-1"), max_num_fields=MOST_PARAMETERS))
        for under_way in read(parse(address, formats.now(), UTC), address):
            if under_way is not None:
                under_way.wait(LONGEST_S)
    except Exception as exc:  # noqa: BLE001 - the page meets it again, and says it in words
        log.info("ahead.failed", extra={"reason": str(exc)})
    finally:
        _room.release()


# What pages ask for first ----------------------------------------------------------------------------------------------


def _overview(seen: View, _: Address) -> Iterable[threading.Event | None]:
    return _depths(), _logs(seen, overview_data.asks_of(seen))


def _runs(seen: View, address: Address) -> Iterable[threading.Event | None]:
    wanted = runs_filters.parse(address, seen)
    return (_logs(seen, runs_data.asks_of(seen, wanted, wanted.page)),)


def _queues(seen: View, _: Address) -> Iterable[threading.Event | None]:
    return _depths(), _logs(seen, queue_data.asks_of(seen))


def _metrics(seen: View, _: Address) -> Iterable[threading.Event | None]:
    # The hours of a week are those of the reader's time zone, which only the page's own session tells.
    asks = [one for one in metrics_data.asks_of(seen) if one.query != metrics_data.WEEK]
    return (_logs(seen, asks),)


def _agents(seen: View, _: Address) -> Iterable[threading.Event | None]:
    return (_logs(seen, agents_data.asks_of(seen)),)


def _trace(_: View, address: Address) -> Iterable[threading.Event | None]:
    run_id = address.get("run", "").strip()
    return (context.begin_trace(run_id, address.get("thread", "").strip()) if run_id else None,)


def _depths() -> threading.Event | None:
    return context.depth_board().begin(0.0)


def _logs(seen: View, asks: Iterable[Ask]) -> threading.Event | None:
    """Begin *asks*, and with them what the frame of the page asks for."""
    logs = context.services().logs
    if logs is None:
        return None
    return logs.begin(*asks, demo.ask_of(seen), patience_s=view.first_patience_s(seen.refresh_s))


READINGS: Final[Mapping[str, Reading]] = {
    "/overview": _overview,
    "/runs": _runs,
    "/queues": _queues,
    "/metrics": _metrics,
    "/agents": _agents,
    "/trace": _trace,
}
