"""What a function tells Application Insights: one request for every message it handled.

Only when APPLICATIONINSIGHTS_CONNECTION_STRING is set, and never on an answer's way: answering hands a few plain
values over, a thread of its own imports the exporter (a second, once), builds the request and sends it. What cannot
be sent is lost and counted; an answer is never late for it. In Azure the host itself may tell requests of the same
names; host.json decides that.
"""

import atexit
import hashlib
import json
import logging
import os
import re
import secrets
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure.monitor.opentelemetry.exporter import AzureMonitorTraceExporter
    from azure.monitor.opentelemetry.exporter._generated.exporter.models import TelemetryItem
    from opentelemetry.sdk.trace import ReadableSpan

log = logging.getLogger(__name__)
SETTING = "APPLICATIONINSIGHTS_CONNECTION_STRING"
ROLE = "relaydeck-functions"
CAPACITY = 2000
BATCH = 200
LINGER_S = 0.5
TIMEOUT_S = 5
FLUSH_S = 3.0
HASH_LENGTH = 16
# Read by the exporter from the environment only: nothing but the one endpoint is to be called.
SWITCHES = {
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED": "true",
    "APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED": "true",
    "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "otel",
}
_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class Handled:
    """One delivery of one message. Times: nanoseconds since 1970. *trace*: the traceparent that came, "" for none."""

    tool: str
    queue: str
    started_ns: int
    ended_ns: int
    outcome: str
    trace: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)


def argument_hash(arguments: Mapping[str, object]) -> str:
    """Return what identifies a call by its arguments: the same as the dashboard computes from what the agent sent."""
    text = json.dumps(dict(arguments), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_LENGTH]


def wait_properties(inserted: datetime | None, started_ns: int) -> dict[str, str]:
    """Return when the message came into the queue and how long it waited; nothing when the host does not say.

    Storage gives whole seconds: the wait may be up to one second too long.
    """
    if inserted is None:
        return {}
    at = inserted if inserted.tzinfo else inserted.replace(tzinfo=UTC)
    waited_ms = max(0.0, started_ns / 1e6 - at.timestamp() * 1000)
    return {"relaydeck.inserted_at": at.isoformat(), "relaydeck.queue_wait_ms": f"{waited_ms:.0f}"}


def properties_of(
    message_id: str,
    delivery: int,
    inserted: datetime | None,
    started_ns: int,
    *,
    invocation_id: str = "",
    correlation_id: str | None = None,
    arguments: Mapping[str, object] | None = None,
) -> dict[str, str]:
    """Return what is told of one delivery; what is None or empty is not known and left out."""
    found = {
        "messaging.message.id": message_id,
        "relaydeck.dequeue_count": str(delivery),
        **wait_properties(inserted, started_ns),
    }
    if invocation_id:
        found["relaydeck.invocation.id"] = invocation_id
    if correlation_id is not None:
        found["relaydeck.correlation_id"] = correlation_id
    if arguments is not None:
        found["relaydeck.argument_hash"] = argument_hash(arguments)
    return found


class Telemetry:
    """A bounded buffer and the thread that empties it. told() takes microseconds and never raises."""

    def __init__(self, connection_string: str) -> None:
        self._connection_string = connection_string
        self._changed = threading.Condition()
        self._waiting: deque[Handled] = deque()
        self._busy = self._hurry = False
        self._thread: threading.Thread | None = None
        self.sent = self.lost = 0

    def told(self, handled: Handled) -> None:
        """Take *handled* to be sent in the background. Returns at once; of too many, the oldest are dropped."""
        with self._changed:
            if len(self._waiting) >= CAPACITY:
                self._waiting.popleft()
                self.lost += 1
            self._waiting.append(handled)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="telemetry", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self, timeout_s: float = FLUSH_S) -> bool:
        """Return whether everything told so far has been sent, or lost, within *timeout_s*."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout_s)
            self._hurry = False
            return done

    def _serve(self) -> None:
        exporter: AzureMonitorTraceExporter | None = None
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: bool(self._waiting))
                self._changed.wait_for(lambda: self._hurry, LINGER_S)
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                self._busy = True
            sent = False
            try:
                exporter = exporter or _exporter(self._connection_string)
                sent = _export(exporter, batch)
            except Exception:
                log.exception("telemetry.broken")
            self._count(len(batch), sent=sent)

    def _count(self, records: int, *, sent: bool) -> None:
        if sent:
            self.sent += records
            return
        if not self.lost:
            log.warning("telemetry.lost records=%d", records)
        self.lost += records


def telemetry() -> Telemetry | None:
    """Return the process's telemetry; None when there is none to be."""
    global _current
    connection_string = os.environ.get(SETTING, "").strip()
    if not connection_string:
        return None
    with _lock:
        if _current is None or _current[0] != connection_string:
            made = Telemetry(connection_string)
            atexit.register(made.flush)  # a worker that is told to end lets the last requests out
            _current = (connection_string, made)
        return _current[1]


_lock = threading.Lock()
_current: tuple[str, Telemetry] | None = None


def _exporter(connection_string: str) -> "AzureMonitorTraceExporter":
    os.environ.update(SWITCHES)
    logging.getLogger("azure.monitor.opentelemetry.exporter").setLevel(
        logging.CRITICAL
    )  # it logs whole records
    from azure.monitor.opentelemetry.exporter import AzureMonitorTraceExporter

    class Exporter(AzureMonitorTraceExporter):
        """Adds what Microsoft's leaves out: the result code, and the names of messages and queues."""

        def _span_to_envelope(self, span: "ReadableSpan") -> "TelemetryItem":
            envelope = super()._span_to_envelope(span)
            attributes = span.attributes or {}
            data = envelope.data.base_data  # type: ignore[union-attr]  # every span has both
            data.response_code = str(attributes.get("relaydeck.outcome", "0"))  # type: ignore[union-attr]
            kept = {name: str(value) for name, value in attributes.items() if name.startswith("messaging.")}
            data.properties = {**data.properties, **kept}  # type: ignore[union-attr]
            return envelope

    return Exporter(
        connection_string=connection_string,
        disable_offline_storage=True,
        retry_total=0,
        timeout=TIMEOUT_S,
        read_timeout=TIMEOUT_S,
    )


def _export(exporter: "AzureMonitorTraceExporter", batch: list[Handled]) -> bool:
    from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource
    from opentelemetry.sdk.trace.export import SpanExportResult

    instance = os.environ.get("WEBSITE_INSTANCE_ID", "") or f"{ROLE}-{os.getpid()}"
    resource = Resource({SERVICE_NAME: ROLE, SERVICE_INSTANCE_ID: instance})
    spans = [_span(one, resource) for one in batch]
    return exporter.export(spans) is SpanExportResult.SUCCESS


def _span(handled: Handled, resource: object) -> "ReadableSpan":
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

    came = _TRACEPARENT.fullmatch(handled.trace)
    flags = TraceFlags(TraceFlags.SAMPLED)
    trace_id = int(came[1], 16) if came else secrets.randbits(128) or 1
    parent = SpanContext(trace_id, int(came[2], 16), is_remote=True, trace_flags=flags) if came else None
    failed = handled.outcome == "failed"
    return ReadableSpan(
        handled.tool,
        SpanContext(trace_id, secrets.randbits(64) or 1, is_remote=False, trace_flags=flags),
        parent,
        resource,  # type: ignore[arg-type]  # a Resource: its type is known where it is imported
        {
            **handled.properties,
            "messaging.destination.name": handled.queue,
            "relaydeck.outcome": handled.outcome,
        },
        kind=SpanKind.CONSUMER,
        status=Status(StatusCode.ERROR if failed else StatusCode.OK),
        start_time=handled.started_ns,
        end_time=max(handled.started_ns, handled.ended_ns),
    )
