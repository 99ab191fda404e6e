"""From what an Application Insights exporter sends to rows of the tables.

Wire: the envelopes of azure-monitor-opentelemetry-exporter 1.0.0b58, also sent by every other Application Insights SDK.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from emulator.monitor import schemas

# A JSON value: what it is, the check of each field says.
Json = Any
Row = tuple[object, ...]
OLDEST = timedelta(hours=48)  # what is older, the real service refuses
NEWEST = timedelta(hours=24)  # a clock this far ahead is wrong, not skewed
MAX_TEXT = 32_768  # characters of a message or a property that the real service keeps
SEVERITIES = {"verbose": 0, "information": 1, "warning": 2, "error": 3, "critical": 4}
_DURATION = re.compile(r"(?:(\d{1,7})\.)?(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,7}))?")
_TAGS = (
    "ai.operation.id",
    "ai.operation.parentId",
    "ai.operation.name",
    "ai.cloud.role",
    "ai.cloud.roleInstance",
    "ai.application.ver",
)
_PERSON_TAGS = (
    "ai.internal.sdkVersion",
    "ai.operation.syntheticSource",
    "ai.session.id",
    "ai.user.id",
    "ai.user.authUserId",
    "ai.user.accountId",
    "ai.device.type",
    "ai.device.model",
    "ai.device.osVersion",
    "ai.location.ip",
)


class RefusedError(Exception):
    """The item is not stored; the message is the one that the answer carries for it."""


@dataclass(frozen=True, slots=True)
class Received:
    """When a request arrived: naive UTC, as the tables hold it."""

    at: datetime

    @property
    def oldest(self) -> datetime:
        return self.at - OLDEST

    @property
    def newest(self) -> datetime:
        return self.at + NEWEST


def read_envelope(envelope: Json, received: Received) -> tuple[schemas.Table, list[Row]]:
    """Return the table and the rows that *envelope* becomes: one row, or one for each metric in it.

    Raises RefusedError: a required field is missing or of a wrong type, the time is out of range, or the kind unknown.
    """
    if not isinstance(envelope, dict):
        raise RefusedError(_wrong_type("Envelope", "Envelope", "object", envelope))
    data = envelope.get("data")
    kind = data.get("baseType") if isinstance(data, dict) else None
    base = data.get("baseData") if isinstance(data, dict) else None
    if not kind:
        raise RefusedError(_missing("baseType", "Data"))
    if not isinstance(base, dict):
        raise RefusedError(_missing("baseData", "Data"))
    reader = _READERS.get(kind)
    if reader is None:
        raise RefusedError(f"Local Azure keeps no items of type '{kind}'; it keeps {', '.join(_READERS)}.")
    table, read = reader
    if not envelope.get("iKey"):
        raise RefusedError(_missing("iKey", "Envelope"))
    common = _common(envelope, base, kind, received)
    return table, [(*common[:-3], count or common[-3], *common[-2:], *own) for count, own in read(base, kind)]


def _common(envelope: Json, base: Json, kind: str, received: Received) -> Row:
    tags = envelope.get("tags") or {}
    if not isinstance(tags, dict):
        raise RefusedError(_wrong_type("tags", "Envelope", "Dictionary<string,string>", tags))
    rate = envelope.get("sampleRate", 100)
    sampled = isinstance(rate, int | float) and 0 < rate <= 100
    return (
        _time(envelope.get("time"), received),
        received.at,
        *(_text(tags.get(tag)) for tag in _TAGS),
        _text(envelope["iKey"]),
        *(_text(tags.get(tag)) for tag in _PERSON_TAGS),
        round(100 / rate) if sampled else 1,
        _object(base, "properties", kind),
        _object(base, "measurements", kind),
    )


def _time(text: Json, received: Received) -> datetime:
    if not text:
        raise RefusedError(_missing("time", "Envelope"))
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise RefusedError(_wrong_type("time", "Envelope", "datetime", text)) from None
    at = found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    if at < received.oldest:
        raise RefusedError(
            "103: Field 'time' on type 'Envelope' is older than the allowed min date. "
            f"Expected: now - {_ms(OLDEST)}ms, Actual: now - {_ms(received.at - at)}ms"
        )
    if at > received.newest:
        raise RefusedError(
            "104: Field 'time' on type 'Envelope' is newer than the allowed max date. "
            f"Expected: now + {_ms(NEWEST)}ms, Actual: now + {_ms(at - received.at)}ms"
        )
    return at


# Each reader yields (item count when the item says it itself, else 0; the table's own columns) ----------


def _request(base: Json, kind: str) -> list[tuple[int, Row]]:
    success = base.get("success", True)
    return [
        (
            0,
            (
                _required(base, "id", kind),
                _text(base.get("name")),
                _duration(base, kind),
                success if isinstance(success, bool) else _text(success).lower() == "true",
                _required(base, "responseCode", kind),
                _text(base.get("source")),
                _text(base.get("url")),
            ),
        )
    ]


def _dependency(base: Json, kind: str) -> list[tuple[int, Row]]:
    success = base.get("success", True)
    return [
        (
            0,
            (
                _text(base.get("id")),
                _required(base, "name", kind),
                _duration(base, kind),
                success if isinstance(success, bool) else _text(success).lower() == "true",
                _text(base.get("resultCode")),
                _text(base.get("type")),
                _text(base.get("target")),
                _text(base.get("data")),
            ),
        )
    ]


def _message(base: Json, kind: str) -> list[tuple[int, Row]]:
    return [(0, (_required(base, "message", kind), _severity(base)))]


def _event(base: Json, kind: str) -> list[tuple[int, Row]]:
    return [(0, (_required(base, "name", kind),))]


def _metric(base: Json, kind: str) -> list[tuple[int, Row]]:
    points = base.get("metrics")
    if not isinstance(points, list) or not points:
        raise RefusedError(_missing("metrics", kind))
    rows: list[tuple[int, Row]] = []
    for point in points:
        if not isinstance(point, dict):
            raise RefusedError(_wrong_type("metrics", kind, "DataPoint", point))
        total = _number(point, "value")
        if total is None:
            raise RefusedError(_missing("value", "DataPoint"))
        lowest, highest = _number(point, "min"), _number(point, "max")
        count = point.get("count")
        many = count if isinstance(count, int) and count > 0 else 0
        single = not many
        rows.append(
            (
                min(many or 1, 2**31 - 1),
                (
                    _required(point, "name", "DataPoint"),
                    total,
                    total if single and lowest is None else lowest,
                    total if single and highest is None else highest,
                ),
            )
        )
    return rows


def _exception(base: Json, kind: str) -> list[tuple[int, Row]]:
    found = base.get("exceptions")
    if not isinstance(found, list) or not found or not all(isinstance(one, dict) for one in found):
        raise RefusedError(_missing("exceptions", kind))
    outer, inner = found[0], found[-1]
    outer_frame, inner_frame = _first_frame(outer), _first_frame(inner)
    message = _required(outer, "message", "ExceptionDetails")
    method = _text(outer_frame.get("method"))
    kind_name = _text(outer.get("typeName"))
    problem = _text(base.get("problemId")) or (f"{kind_name} at {method}" if method else kind_name)
    return [
        (
            0,
            (
                problem,
                _text(base.get("handledAt")),
                kind_name,
                _text(outer_frame.get("assembly")),
                method,
                kind_name,
                message,
                _text(outer_frame.get("assembly")),
                method,
                _text(inner.get("typeName")),
                _text(inner.get("message")),
                _text(inner_frame.get("assembly")),
                _text(inner_frame.get("method")),
                _severity(base),
                orjson.dumps(found).decode(),
            ),
        )
    ]


_Reader = Callable[[Json, str], list[tuple[int, Row]]]
_READERS: Mapping[str, tuple[schemas.Table, _Reader]] = {
    "RequestData": (schemas.REQUESTS, _request),
    "RemoteDependencyData": (schemas.DEPENDENCIES, _dependency),
    "MessageData": (schemas.TRACES, _message),
    "EventData": (schemas.EVENTS, _event),
    "MetricData": (schemas.METRICS, _metric),
    "ExceptionData": (schemas.EXCEPTIONS, _exception),
}


# Fields -------------------------------------------------------------------------------------------------


def _text(value: Json) -> str:
    """Return *value* as KQL holds it: a string is never null, only empty."""
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT else value[:MAX_TEXT]
    return "" if value is None else orjson.dumps(value).decode()[:MAX_TEXT]


def _required(base: Json, name: str, kind: str) -> str:
    if (value := base.get(name)) in (None, ""):
        raise RefusedError(_missing(name, kind))
    return _text(value)


def _object(base: Json, name: str, kind: str) -> str | None:
    value = base.get(name)
    if not value:
        return None
    if not isinstance(value, dict):
        raise RefusedError(_wrong_type(name, kind, "Dictionary<string,string>", value))
    return orjson.dumps(value).decode()


def _duration(base: Json, kind: str) -> float:
    text = base.get("duration")
    if not text:
        raise RefusedError(_missing("duration", kind))
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if not found:
        raise RefusedError(_wrong_type("duration", kind, "d.hh:mm:ss.fffffff", text))
    days, hours, minutes, seconds, fraction = found.groups()
    whole_s = ((int(days or 0) * 24 + int(hours)) * 60 + int(minutes)) * 60 + int(seconds)
    return whole_s * 1000 + (int(fraction) / 10 ** (len(fraction) - 3) if fraction else 0.0)


def _number(point: Json, name: str) -> float | None:
    value = point.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _severity(base: Json) -> int | None:
    value = base.get("severityLevel")
    if isinstance(value, int) and 0 <= value <= 4:
        return value
    return SEVERITIES.get(value.lower()) if isinstance(value, str) else None


def _first_frame(details: Json) -> Json:
    stack = details.get("parsedStack")
    return stack[0] if isinstance(stack, list) and stack and isinstance(stack[0], dict) else {}


def _missing(name: str, kind: str) -> str:
    return f"109: Field '{name}' on type '{kind}' is required but missing or empty. Expected: string, Actual: undefined"


def _wrong_type(name: str, kind: str, expected: str, value: Json) -> str:
    shown = orjson.dumps(value).decode()[:60]
    return f"106: Field '{name}' on type '{kind}' is of incorrect type. Expected: {expected}, Actual: {shown}"


def _ms(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)
