"""What the calls of azure-ai-agents brought, as the JSON that the service sent; and ids that may stand in an address."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from azure.core.exceptions import HttpResponseError
from azure.core.pipeline import PipelineResponse

from services.agents import shapes
from services.agents.backend import Page
from services.agents.shapes import Json
from services.errors import InvalidInput, ShapeError

T = TypeVar("T")
Taken = list[PipelineResponse[Any, Any]]
PAGE = 100  # the most the service gives at once


def fetch(fn: Callable[..., Any], *ids: str, **arguments: object) -> Json:
    """Return the JSON object that the reply of the SDK call *fn* holds."""
    taken: Taken = []
    with status_first(taken):
        fn(*ids, raw_response_hook=taken.append, **arguments)
    return shapes.document(taken[-1].http_response.json())


def objects(fn: Callable[..., Any], limit: int, *ids: str) -> list[Json]:
    """Return at most *limit* objects of a list, newest first.

    The pages are ended by `has_more`, which the SDK ignores (it asks for one page too many), and by *limit*.
    """
    taken: Taken = []
    pages = fn(*ids, limit=min(limit, PAGE), order="desc", raw_response_hook=taken.append)
    found: list[Json] = []
    with status_first(taken):
        for _ in pages.by_page():
            more_objects, more = shapes.page(taken[-1].http_response.json())
            found += more_objects
            if not more or not more_objects or len(found) >= limit:
                break
    return found[:limit]


def one_page(
    fn: Callable[..., Any], *ids: str, limit: int = PAGE, after: str = "", order: str = "desc"
) -> object:
    """Return the JSON of one page of a list: that which follows the object *after*, else the first."""
    taken: Taken = []
    pages = fn(*ids, limit=limit, order=order, raw_response_hook=taken.append)
    with status_first(taken):
        next(pages.by_page(continuation_token=after or None), None)
    document: object = taken[-1].http_response.json()
    return document


def understood(reply: object, shape: Callable[[Json], T]) -> Page[T]:
    """Return the page that *reply* holds without what *shape* does not know: it must not hide the rest."""
    held, more = shapes.page(reply)
    found: list[T] = []
    for one in held:
        with suppress(ShapeError):
            found.append(shape(one))
    ids = (shapes.optional_text(one, "id") for one in reversed(held) if more)
    last = next(filter(None, ids), "")
    return Page(tuple(found), last, len(held) - len(found))


@contextmanager
def status_first(taken: Taken) -> Iterator[None]:
    """Let the status speak where the SDK stumbles over the body of an error: an empty one makes it forget both."""
    try:
        yield
    except ValueError as exc:
        if not taken or taken[-1].http_response.status_code < 300:
            raise
        raise HttpResponseError(response=taken[-1].http_response) from exc


def require_id(operation: str, *values: str) -> None:
    """Refuse ids that cannot be any: they come from addresses and from what tools wrote, and an empty one, or one with a
    slash in it, would turn the path into that of another operation. Raises InvalidInput."""
    for value in values:
        if (
            not value
            or len(value) > 256
            or not all(c.isalnum() or c in "_-." for c in value)
            or value[0] == "."
        ):
            shown = value[:40] + ("…" if len(value) > 40 else "")
            raise InvalidInput(
                f"Could not {operation}: {shown!r} is not an id.", operation=operation, resource=shown
            )
