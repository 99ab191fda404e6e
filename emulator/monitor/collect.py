"""The Logs Ingestion API: rows for a custom table, through a data collection rule.

Wire: POST /dataCollectionRules/{immutable id}/streams/{stream}?api-version=2023-01-01, a JSON array, gzip or not; 204.
REST: learn.microsoft.com/azure/azure-monitor/logs/logs-ingestion-api-overview
"""

import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import orjson

from emulator.monitor.envelopes import Json, Row
from emulator.monitor.schemas import RULES, KqlType, Table
from emulator.wire import Request, Response, WireError, json_response

API_VERSIONS = ("2023-01-01", "2021-11-01-preview")
MAX_CALL_BYTES = 1024 * 1024  # packed and unpacked alike
MAX_TEXT_BYTES = 64 * 1024  # longer values are cut, without a word
OLDEST, NEWEST = timedelta(days=2), timedelta(days=1)  # a time beyond that becomes that of arrival


def table_of(rule: str, stream: str) -> Table:
    """Return where *stream* of *rule* goes. Raises WireError: 404, no such rule; 400, it has no such stream."""
    streams = RULES.get(rule)
    if streams is None:
        raise WireError(404, "NotFound", f"Data collection rule with immutable Id '{rule}' not found.")
    if stream not in streams:
        raise WireError(400, "InvalidStream", f"Stream: {stream} was not found for the data collection rule.")
    return streams[stream]


def rows_of(request: Request, table: Table, at: datetime) -> list[Row]:
    """Return the rows for *table*. *at*: when they arrived, naive UTC.

    Raises WireError: 400, the version or the body cannot be used; 413, the call is larger than 1 MiB.
    """
    if request.query.get("api-version", "") not in API_VERSIONS:
        raise WireError(400, "InvalidApiVersion", f"api-version must be one of {', '.join(API_VERSIONS)}.")
    try:
        items = orjson.loads(_unpacked(request))
    except orjson.JSONDecodeError as exc:
        raise WireError(400, "InvalidPayload", f"The payload is not valid JSON: {exc}.") from exc
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise WireError(400, "InvalidPayload", "The payload must be an array of JSON objects.")
    return [_row(item, table, at) for item in items]


def refusal(error: WireError) -> Response:
    """Return *error* as this API tells it."""
    response = json_response({"error": {"code": error.code, "message": error.message}}, error.status)
    return Response(
        response.status,
        response.body,
        (*response.headers, (b"x-ms-error-code", error.code.encode()), *error.headers),
    )


def _unpacked(request: Request) -> bytes:
    body, encoding = request.body, request.header("content-encoding").strip().lower()
    if not request.header("content-type").lower().startswith("application/json"):
        raise WireError(415, "UnsupportedMediaType", "Content-Type must be application/json.")
    if encoding == "gzip":
        if len(body) > MAX_CALL_BYTES:
            raise _too_large()
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            body = unpacker.decompress(body, MAX_CALL_BYTES + 1)
        except zlib.error as exc:
            raise WireError(400, "InvalidPayload", f"The payload is not valid gzip: {exc}.") from exc
        if len(body) <= MAX_CALL_BYTES and not unpacker.eof:
            raise WireError(400, "InvalidPayload", "The payload is not valid gzip: it ends too early.")
    elif encoding not in ("", "identity"):
        raise WireError(415, "UnsupportedMediaType", f"Content-Encoding {encoding} is not known; send gzip.")
    if len(body) > MAX_CALL_BYTES:
        raise _too_large()
    return body


def _too_large() -> WireError:
    return WireError(
        413, "ContentLengthLimitExceeded", f"Maximum allowed content length: {MAX_CALL_BYTES} bytes."
    )


def _row(item: Mapping[str, Json], table: Table, at: datetime) -> Row:
    """Return the values in the table's order: what the stream does not know is dropped, what does not fit is null."""
    cells: list[object] = []
    for name, kind in table.stored.items():
        if name == "TimeGenerated":
            cells.append(_time(item.get(name), at))
        elif name == "_TimeReceived":
            cells.append(at)
        else:
            cells.append(_cell(item.get(name), kind))
    return tuple(cells)


def _time(value: Json, at: datetime) -> datetime:
    found = _cell(value, "datetime")
    if isinstance(found, datetime) and at - OLDEST <= found <= at + NEWEST:
        return found
    return at


def _cell(value: Json, kind: KqlType) -> object:
    if value is None:
        return None
    try:
        match kind:
            case "string":
                text = value if isinstance(value, str) else orjson.dumps(value).decode()
                return text if len(text) <= MAX_TEXT_BYTES // 4 else _cut(text)
            case "dynamic":
                return orjson.dumps(value).decode()
            case "datetime":
                found = datetime.fromisoformat(str(value))
                return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
            case "bool":
                return value if isinstance(value, bool) else None
            case "real":
                return float(value)
            case "int" | "long":
                return int(value)
    except (ValueError, TypeError, OverflowError):
        return None


def _cut(text: str) -> str:
    return text.encode()[:MAX_TEXT_BYTES].decode(errors="ignore")
