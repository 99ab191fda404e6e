"""What is told, before any exporter's shape: spans, events and measurements. Plain, frozen, made anywhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

SpanKind = Literal["server", "client", "internal"]
DEMO = "relaydeck.demo"  # "true" on every record that was made up to have something to show; absent on all others


@dataclass(frozen=True, slots=True)
class SpanRecord:
    """*start_ns*, *end_ns*: since 1970, in nanoseconds. *parent_id*: None for the first of a trace."""

    name: str
    kind: SpanKind
    trace_id: str
    span_id: str
    parent_id: str | None
    start_ns: int
    end_ns: int
    attributes: Mapping[str, str] = field(default_factory=dict)
    ok: bool = True


@dataclass(frozen=True, slots=True)
class EventRecord:
    """A custom event. *trace_id* and *span_id*: empty when it belongs to no answer."""

    name: str
    at_ns: int
    attributes: Mapping[str, str] = field(default_factory=dict)
    trace_id: str = ""
    span_id: str = ""


@dataclass(frozen=True, slots=True)
class MetricRecord:
    """One measured value. *at_ns*: nanoseconds since 1970."""

    name: str
    at_ns: int
    value: float
    attributes: Mapping[str, str] = field(default_factory=dict)


Record = SpanRecord | EventRecord | MetricRecord


def milliseconds(seconds: float) -> str:
    """Return *seconds* in milliseconds, as a property holds it."""
    return f"{seconds * 1000:.3f}".rstrip("0").rstrip(".")
