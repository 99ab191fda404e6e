"""The metrics API for several resources at once: metrics:getBatch.

REST: learn.microsoft.com/rest/api/monitor/metrics-batch/batch
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import get_args

import orjson

from emulator.monitor.catalogue import AGGREGATIONS, NAMESPACES, Aggregation, Metric, documented_namespace
from emulator.monitor.counting import PlatformMetrics, Point, Sum, floor_time
from emulator.monitor.timespans import Span, read_duration, read_time, write_duration, write_time
from emulator.wire import Request, WireError

GRAINS_MIN = (1, 5, 15, 30, 60, 360, 720, 1440)
MAX_RESOURCES = 50
MAX_POINTS = 50_000
DEFAULT_TOP = 10
_CLAUSE = re.compile(r"\s*(.+?)\s+(eq|ne|sw)\s+'((?:[^']|'')*)'\s*(?:(and|or)\b|$)", re.IGNORECASE)
Document = dict[str, object]
Clause = tuple[str, str, str]  # dimension, operator, value


@dataclass(frozen=True, slots=True)
class Ask:
    """What one request wants, of every resource it names. Times are naive UTC."""

    resources: tuple[str, ...]
    namespace: str
    metrics: tuple[Metric, ...]
    span: Span
    grain: timedelta
    aggregations: tuple[Aggregation, ...]
    clauses: tuple[Clause, ...]
    together: frozenset[str]
    top: int
    order: str


def read_ask(request: Request, subscription: str, known: Mapping[str, str], now: datetime) -> Ask:
    """Return what *request* asks for. *known*: {resource id in lower case: namespace}; *now*: naive UTC.

    Raises WireError in the words of Azure Monitor: 400 for what does not fit together, 404 for unknown resources.
    """
    query = {name.lower(): value for name, value in request.query.items()}
    if not query.get("api-version"):
        raise _bad("The api-version query parameter is required.")
    namespace = documented_namespace(query.get("metricnamespace", ""))
    if namespace is None:
        raise _bad(
            f"Metric namespace '{query.get('metricnamespace', '')}' is not known here. "
            f"Local Azure has: {', '.join(NAMESPACES)}."
        )
    metrics = _metrics(query.get("metricnames", ""), namespace)
    clauses = _clauses(query.get("filter", ""), metrics)
    span = _span(query, now)
    return Ask(
        resources=_resources(request.body, subscription, namespace, known),
        namespace=namespace,
        metrics=metrics,
        span=span,
        grain=_grain(query.get("interval", ""), metrics, span),
        aggregations=_aggregations(query.get("aggregation", "")),
        clauses=clauses,
        together=frozenset(
            name.strip().lower() for name in query.get("rollupby", "").split(",") if name.strip()
        ),
        top=_top(query.get("top", "")),
        order=query.get("orderby", "").strip().lower(),
    )


def answer_ask(ask: Ask, counted: PlatformMetrics) -> Document:
    """Return the reply. An interval in which nothing was counted holds null, never 0. Waits: not for the event loop."""
    start = floor_time(ask.span.start, ask.grain)
    found = counted.read((metric.name for metric in ask.metrics), start, ask.span.end)
    values = [
        {
            "starttime": write_time(ask.span.start),
            "endtime": write_time(ask.span.end),
            "interval": write_duration(ask.grain),
            "namespace": ask.namespace,
            "resourceregion": "local",
            "resourceid": resource,
            "value": [_value(metric, found[metric.name], ask, resource) for metric in ask.metrics],
        }
        for resource in ask.resources
    ]
    return {"values": values}


# The reply ----------------------------------------------------------------------------------------------


def _value(metric: Metric, points: Sequence[Point], ask: Ask, resource: str) -> Document:
    name: Document = {"value": metric.name, "localizedValue": metric.name}
    return {
        "id": f"{resource}/providers/Microsoft.Insights/metrics/{metric.name}",
        "type": "Microsoft.Insights/metrics",
        "name": name,
        "displayDescription": metric.description,
        "unit": metric.unit,
        "errorCode": "Success",
        "timeseries": _series(metric, points, ask),
    }


def _series(metric: Metric, points: Sequence[Point], ask: Ask) -> list[Document]:
    shown = [
        name
        for name in metric.dimensions
        if name.lower() in {clause[0].lower() for clause in ask.clauses} and name.lower() not in ask.together
    ]
    groups: dict[tuple[str, ...], dict[datetime, Sum]] = {} if ask.clauses else {(): {}}
    for point in points:
        if not _passes(point, ask.clauses):
            continue
        key = tuple(point.dimensions.get(name, "") for name in shown)
        bins = groups.setdefault(key, {})
        bins.setdefault(floor_time(point.at, ask.grain), Sum()).merge(point.sum)
    aggregations = ask.aggregations or (metric.usual,)
    ranked = sorted(
        groups.items(), key=lambda group: _weight(group[1], ask.order), reverse="asc" not in ask.order.split()
    )
    return [
        {
            "metadatavalues": [
                {"name": {"value": name, "localizedValue": name}, "value": value}
                for name, value in zip(shown, key, strict=True)
            ],
            "data": _data(bins, aggregations, ask),
        }
        for key, bins in ranked[: ask.top if ask.clauses else None]
    ]


def _data(bins: Mapping[datetime, Sum], aggregations: Iterable[Aggregation], ask: Ask) -> list[Document]:
    data: list[Document] = []
    at = floor_time(ask.span.start, ask.grain)
    while at < ask.span.end:
        one = bins.get(at)
        values = {name.lower(): None if one is None else _aggregate(one, name) for name in aggregations}
        data.append({"timeStamp": write_time(at), **values})
        at += ask.grain
    return data


def _aggregate(one: Sum, aggregation: Aggregation) -> float:
    match aggregation:
        case "Average":
            return one.total / one.samples
        case "Minimum":
            return one.lowest
        case "Maximum":
            return one.highest
        case "Total":
            return one.total
        case "Count":
            return one.samples


def _weight(bins: Mapping[datetime, Sum], order: str) -> float:
    whole = Sum()
    for one in bins.values():
        whole.merge(one)
    if not whole.samples:
        return -math.inf
    wanted = order.split(" ")[0]
    known = {name.lower(): name for name in AGGREGATIONS} | {"sum": "Total"}
    return _aggregate(whole, known.get(wanted, "Total"))


def _passes(point: Point, clauses: Sequence[Clause]) -> bool:
    """Return whether *point* meets every dimension's clauses: one of its eq and sw, and all of its ne."""
    values = {name.lower(): value.lower() for name, value in point.dimensions.items()}
    for name in {clause[0].lower() for clause in clauses}:
        have = values.get(name, "")
        own = [(kind, value.lower()) for other, kind, value in clauses if other.lower() == name]
        chosen = [(kind, value) for kind, value in own if kind != "ne"]
        if any(kind == "ne" and have == value for kind, value in own):
            return False
        if chosen and not any(
            value == "*" or (have.startswith(value) if kind == "sw" else have == value)
            for kind, value in chosen
        ):
            return False
    return True


# The request --------------------------------------------------------------------------------------------


def _metrics(names: str, namespace: str) -> tuple[Metric, ...]:
    known = {name.lower(): metric for name, metric in NAMESPACES[namespace].items()}
    found: list[Metric] = []
    for name in [part.strip() for part in names.split(",") if part.strip()]:
        if name.lower() not in known:
            provider, _, kind = namespace.partition("/")
            raise _bad(
                f"Failed to find metric configuration for provider: {provider}, resource Type: {kind}, "
                f"metric: {name}, Valid metrics: {','.join(NAMESPACES[namespace])}"
            )
        found.append(known[name.lower()])
    if not found:
        raise _bad("The query parameter metricnames is required.")
    return tuple(found)


def _resources(body: bytes, subscription: str, namespace: str, known: Mapping[str, str]) -> tuple[str, ...]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise _bad(f"The body is not JSON: {exc}.") from exc
    named = document.get("resourceids") if isinstance(document, dict) else None
    if not isinstance(named, list) or not named or not all(isinstance(one, str) for one in named):
        raise _bad("The body must hold a list of resource ids named resourceids.")
    if len(named) > MAX_RESOURCES:
        raise _bad(f"A batch holds at most {MAX_RESOURCES} resources.")
    for resource in named:
        if not resource.lower().startswith(f"/subscriptions/{subscription.lower()}/"):
            raise _bad(f"The resource {resource} is not in the subscription {subscription}.")
        if known.get(resource.rstrip("/").lower()) != namespace:
            has = ", ".join(name for name, kind in known.items() if kind == namespace)
            raise WireError(
                404,
                "ResourceNotFound",
                f"The Resource '{resource}' of {namespace} was not found. Local Azure has: {has}.",
            )
    return tuple(named)


def _span(query: Mapping[str, str], now: datetime) -> Span:
    try:
        end = read_time(query["endtime"]) if query.get("endtime") else now
        start = read_time(query["starttime"]) if query.get("starttime") else end - timedelta(hours=1)
    except ValueError as exc:
        raise _bad(f"The time range is not valid: {exc}.") from exc
    if start >= end:
        raise _bad(f"Start time {write_time(start)} must be before end time {write_time(end)}.")
    return Span(start, end)


def _grain(text: str, metrics: Sequence[Metric], span: Span) -> timedelta:
    finest = max(metric.grain_min for metric in metrics)
    if not text:
        grain = timedelta(minutes=finest)
    else:
        try:
            grain = read_duration(text)
        except ValueError as exc:
            raise _bad(f"The interval is not valid: {exc}.") from exc
    for metric in metrics:
        fit = [timedelta(minutes=minutes) for minutes in GRAINS_MIN if minutes >= metric.grain_min]
        if grain not in fit:
            raise _bad(
                f"Detected invalid time grain input for metric: {metric.name}. Time grain: {text}, "
                f"supported ones are: {','.join(write_duration(one) for one in fit)}"
            )
    if (span.end - span.start) / grain > MAX_POINTS:
        raise _bad(
            f"The range holds more than {MAX_POINTS} intervals of {write_duration(grain)}. Widen the interval."
        )
    return grain


def _aggregations(text: str) -> tuple[Aggregation, ...]:
    known: dict[str, Aggregation] = {name.lower(): name for name in get_args(Aggregation)}
    wanted = [part.strip() for part in text.split(",") if part.strip()]
    for name in wanted:
        if name.lower() not in known:
            raise _bad(f"Aggregation '{name}' is not valid. Valid ones are: {','.join(AGGREGATIONS)}")
    return tuple(known[name.lower()] for name in wanted)


def _clauses(text: str, metrics: Sequence[Metric]) -> tuple[Clause, ...]:
    found: list[Clause] = []
    position = 0
    while position < len(text):
        part = _CLAUSE.match(text, position)
        if part is None or (part[4] is not None and part.end() >= len(text)):
            raise _bad(
                f"The filter cannot be read at '{text[position : position + 40]}'. Example: ApiName eq '*'"
            )
        found.append((part[1], part[2].lower(), part[3].replace("''", "'")))
        position = part.end()
    for name, _, _ in found:
        for metric in metrics:
            if name.lower() not in {dimension.lower() for dimension in metric.dimensions}:
                raise _bad(
                    f"Metric: {metric.name} does not support requested dimension combination: {name}, "
                    f"supported ones are: {','.join(metric.dimensions) or 'none'}"
                )
    return tuple(found)


def _top(text: str) -> int:
    if not text:
        return DEFAULT_TOP
    if not text.isdecimal() or not 1 <= int(text) <= 10_000:
        raise _bad(f"top must be a whole number from 1 to 10000, not '{text}'.")
    return int(text)


def _bad(message: str) -> WireError:
    return WireError(400, "BadRequest", message)
