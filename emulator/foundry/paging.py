"""Pages of a list: limit, order, after and before as the service takes them."""

import math

from emulator.foundry.checks import refused
from emulator.foundry.documents import Json, page
from emulator.foundry.requests import read_page
from emulator.foundry.store import Shelf
from emulator.wire import Request


def list_page(shelf: Shelf, request: Request, now_s: float, run_id: str = "") -> Json:
    """Return one page of *shelf*; when the request is to lag, without what is younger than it lags behind.

    Raises WireError 400 for a cursor that was never on it.
    """
    wanted = read_page(request.query)
    known_s = now_s - request.oddities["lag"] if "lag" in request.oddities else math.inf
    newest = shelf.last()
    if newest is None or newest.born_s <= known_s:
        request.spared.add("lag")
    found, has_more = shelf.page(
        wanted.limit,
        wanted.order,
        _position(shelf, "after", wanted.after),
        _position(shelf, "before", wanted.before),
        run_id,
        known_s,
    )
    return page(found, has_more)


def _position(shelf: Shelf, name: str, cursor: str) -> int | None:
    if not cursor:
        return None
    position = shelf.position(cursor)
    if position is None:
        raise refused(f"Invalid '{name}': this list has no object with id '{cursor}'.", name, "invalid_value")
    return position
