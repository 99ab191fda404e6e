"""Pages of a list: limit, order, after and before as the service takes them."""

from emulator.foundry.checks import refused
from emulator.foundry.documents import Json, page
from emulator.foundry.requests import read_page
from emulator.foundry.store import Shelf


def list_page(shelf: Shelf, query: dict[str, str], run_id: str = "") -> Json:
    """Return one page of *shelf*. Raises WireError 400 for a cursor that was never on it."""
    wanted = read_page(query)
    found, has_more = shelf.page(
        wanted.limit,
        wanted.order,
        _position(shelf, "after", wanted.after),
        _position(shelf, "before", wanted.before),
        run_id,
    )
    return page(found, has_more)


def _position(shelf: Shelf, name: str, cursor: str) -> int | None:
    if not cursor:
        return None
    position = shelf.position(cursor)
    if position is None:
        raise refused(f"Invalid '{name}': this list has no object with id '{cursor}'.", name, "invalid_value")
    return position
