"""What arrives at the ingestion endpoint: items in JSON, one answer for each.

Wire: POST /v2.1/track and /v2/track, a JSON array or one JSON object a line, gzip or not, without authorization.
"""

import zlib
from datetime import datetime

import orjson

from emulator.monitor.envelopes import Json, Received, RefusedError, Row, read_envelope
from emulator.wire import MAX_BODY_BYTES, Request, Response, WireError, json_response

MAX_ERRORS = 1000  # the answer names so many refused items; the counts stay exact
Answer = tuple[int, dict[str, object]]


def store_items(request: Request, at: datetime) -> tuple[dict[str, list[Row]], Answer]:
    """Return the rows of *request*'s items, by table, and the answer: 200 all, 206 some, 400 none accepted.

    *at*: when they arrived, naive UTC. Raises WireError: 400 when the body cannot be read, 413 when it unpacks to
    more than 64 MiB.
    """
    items = _items(_unpacked(request))
    received = Received(at)
    rows: dict[str, list[Row]] = {}
    problems: list[dict[str, object]] = []
    refused = 0
    for index, item in enumerate(items):
        try:
            if isinstance(item, _Broken):
                raise RefusedError(item.message)
            table, found = read_envelope(item, received)
        except RefusedError as exc:
            refused += 1
            if len(problems) < MAX_ERRORS:
                problems.append({"index": index, "statusCode": 400, "message": str(exc)})
            continue
        rows.setdefault(table.name, []).extend(found)
    status = 200 if not refused else 206 if refused < len(items) else 400
    document = {"itemsReceived": len(items), "itemsAccepted": len(items) - refused, "errors": problems}
    return rows, (status, document)


def refusal(error: WireError) -> Response:
    """Return *error* as the ingestion endpoint tells it: as the failure of the first item."""
    first = {"index": 0, "statusCode": error.status, "message": error.message}
    response = json_response({"itemsReceived": 0, "itemsAccepted": 0, "errors": [first]}, error.status)
    return Response(response.status, response.body, (*response.headers, *error.headers))


class _Broken:
    """A line that is not JSON: an item that is refused while the others are kept."""

    def __init__(self, message: str) -> None:
        self.message = message


def _unpacked(request: Request) -> bytes:
    body = request.body
    encoding = request.header("content-encoding").strip().lower()
    if encoding in ("", "identity") and body[:2] != b"\x1f\x8b":
        return body
    if encoding not in ("", "identity", "gzip"):
        raise WireError(415, "UnsupportedMediaType", f"Content-Encoding {encoding} is not known; send gzip.")
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        unpacked = unpacker.decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error as exc:
        raise WireError(400, "InvalidBody", f"The body is not valid gzip: {exc}.") from exc
    if len(unpacked) > MAX_BODY_BYTES:
        raise WireError(413, "RequestBodyTooLarge", f"The body unpacks to more than {MAX_BODY_BYTES} bytes.")
    if not unpacker.eof:
        raise WireError(400, "InvalidBody", "The body is not valid gzip: it ends too early.")
    return unpacked


def _items(body: bytes) -> list[Json]:
    text = body.strip()
    if not text:
        raise WireError(400, "InvalidBody", "The body is empty; send a JSON array of telemetry items.")
    try:
        found = orjson.loads(text)
        return found if isinstance(found, list) else [found]
    except orjson.JSONDecodeError as exc:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2 or text[:1] == b"[":
            raise WireError(400, "InvalidBody", f"The body is not JSON: {exc}.") from exc
    return [item for line in lines for item in _line(line)]


def _line(line: bytes) -> list[Json]:
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError as exc:
        return [_Broken(f"The line is not JSON: {exc}.")]
    return found if isinstance(found, list) else [found]
