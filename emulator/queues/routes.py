"""Which operation a request asks for, and the parameters it brings.

Source: learn.microsoft.com/rest/api/storageservices/queue-service-rest-api
"""

import re
from dataclasses import dataclass
from typing import Literal

from emulator.queues import errors
from emulator.queues.models import MAX_METADATA_BYTES
from emulator.wire import Request

Kind = Literal["service", "queue", "messages", "message"]
METADATA_PREFIX = "x-ms-meta-"
QUEUE_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
METADATA_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. *query*: what tells it from others on the same path."""

    operation: str
    method: str
    kind: Kind
    query: str = ""


ROUTES = (
    Route("list_queues", "GET", "service", "comp=list"),
    Route("get_service_properties", "GET", "service", "restype=service&comp=properties"),
    Route("set_service_properties", "PUT", "service", "restype=service&comp=properties"),
    Route("get_service_stats", "GET", "service", "restype=service&comp=stats"),
    Route("get_user_delegation_key", "POST", "service", "restype=service&comp=userdelegationkey"),
    Route("create_queue", "PUT", "queue"),
    Route("delete_queue", "DELETE", "queue"),
    Route("get_queue_metadata", "GET", "queue", "comp=metadata"),
    Route("get_queue_metadata", "HEAD", "queue", "comp=metadata"),
    Route("set_queue_metadata", "PUT", "queue", "comp=metadata"),
    Route("get_queue_acl", "GET", "queue", "comp=acl"),
    Route("get_queue_acl", "HEAD", "queue", "comp=acl"),
    Route("set_queue_acl", "PUT", "queue", "comp=acl"),
    Route("put_message", "POST", "messages"),
    Route("get_messages", "GET", "messages"),
    Route("peek_messages", "GET", "messages", "peekonly=true"),
    Route("clear_messages", "DELETE", "messages"),
    Route("update_message", "PUT", "message"),
    Route("delete_message", "DELETE", "message"),
    Route("preflight", "OPTIONS", "service"),
    Route("preflight", "OPTIONS", "queue"),
    Route("preflight", "OPTIONS", "messages"),
    Route("preflight", "OPTIONS", "message"),
)
_PATHS = {
    "service": "",
    "queue": "/{queue}",
    "messages": "/{queue}/messages",
    "message": "/{queue}/messages/{id}",
}
_TABLE = {(route.method, route.kind, route.query): route.operation for route in ROUTES}


@dataclass(frozen=True, slots=True)
class Target:
    kind: Kind
    queue: str = ""
    message_id: str = ""


def find_target(path: str) -> Target | None:
    """Return what *path* (/account/queue/messages/id) names; None when it names nothing."""
    match path.rstrip("/").split("/"):
        case ["", _]:
            return Target("service")
        case ["", _, queue]:
            return Target("queue", queue)
        case ["", _, queue, "messages"]:
            return Target("messages", queue)
        case ["", _, queue, "messages", message_id]:
            return Target("message", queue, message_id)
    return None


def find_operation(request: Request) -> str | None:
    """Return the operation's name; None when the service has no such operation."""
    if (target := find_target(request.path)) is None:
        return None
    if request.method == "OPTIONS":
        return "preflight"
    query = request.query
    told = ""
    if comp := query.get("comp", "").lower():
        told = f"comp={comp}"
    if target.kind == "service" and query.get("restype", "").lower() == "service":
        told = f"restype=service&{told}"
    elif target.kind == "messages" and query.get("peekonly", "").lower() == "true":
        told = "peekonly=true"
    return _TABLE.get((request.method, target.kind, told))


def describe_routes(account: str) -> list[tuple[str, str, str]]:
    """Return (operation, method, path template) of every route."""
    return [
        (
            route.operation,
            route.method,
            f"/{account}{_PATHS[route.kind]}" + (f"?{route.query}" if route.query else ""),
        )
        for route in ROUTES
    ]


# Parameters ---------------------------------------------------------------------------------------


def integer(request: Request, name: str) -> int | None:
    """Return the query parameter as a number; None when it is absent or empty. Raises WireError 400."""
    text = request.query.get(name, "")
    if not text:
        return None
    if not _INTEGER.fullmatch(text):
        raise errors.invalid_query_value(name, text, "The value must be a whole number.")
    return int(text)


def ranged(request: Request, name: str, lowest: int, highest: int, default: int) -> int:
    """Return the query parameter as a number from *lowest* to *highest*. Raises WireError 400."""
    value = integer(request, name)
    if value is None:
        return default
    if not lowest <= value <= highest:
        raise errors.query_out_of_range(name, value, lowest, highest)
    return value


def required(request: Request, name: str) -> str:
    """Return the query parameter. Raises WireError 400 when it is absent or empty."""
    if not (value := request.query.get(name, "")):
        raise errors.missing_query_parameter(name)
    return value


def check_name(name: str) -> None:
    """Raise WireError 400 when *name* cannot name a queue."""
    if not 3 <= len(name) <= 63:
        raise errors.resource_name_out_of_range()
    if not QUEUE_NAME.fullmatch(name):
        raise errors.invalid_resource_name()


def read_metadata(request: Request) -> dict[str, str]:
    """Return the request's metadata, names in the case they were sent in. Raises WireError 400."""
    found: dict[str, str] = {}
    for header, value in request.headers.items():
        if header[: len(METADATA_PREFIX)].lower() != METADATA_PREFIX:
            continue
        name = header[len(METADATA_PREFIX) :]
        if not METADATA_NAME.fullmatch(name):
            raise errors.invalid_metadata(f"{name!r} is not a C# identifier of ASCII letters, digits and _.")
        found[name] = value.strip()
    if sum(len(name) + len(value) for name, value in found.items()) > MAX_METADATA_BYTES:
        raise errors.metadata_too_large(MAX_METADATA_BYTES)
    return found
