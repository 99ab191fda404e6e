"""Records to Application Insights, by Microsoft's exporter. Importing this takes a second: only telemetry's own thread does.

The exporter is used as azure-monitor-opentelemetry configures it, without the parts that instrument, sample by rate,
store on disk or call other addresses. Wire: POST /v2.1/track, a JSON array of envelopes.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from azure.core.pipeline.transport import RequestsTransport
from azure.monitor.opentelemetry.exporter import (
    ApplicationInsightsSampler,
    AzureMonitorLogExporter,
    AzureMonitorMetricExporter,
    AzureMonitorTraceExporter,
)
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.metrics.export import (
    Gauge,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from services.redaction import hide
from services.telemetry.outbox import Delivery
from services.telemetry.records import EventRecord, MetricRecord, Record, SpanRecord
from services.translation import retry_after_s

ROLE = "relaydeck"
OUTCOME = "relaydeck.outcome"
EVENT_NAME = "microsoft.custom_event.name"  # what makes a log record a custom event
_KINDS = {"server": SpanKind.SERVER, "client": SpanKind.CLIENT, "internal": SpanKind.INTERNAL}
_RETRYABLE = frozenset({401, 403, 408, 429, 500, 502, 503, 504})  # the exporter's own judgement
_KEPT_PREFIX = "messaging."


class _Spans(AzureMonitorTraceExporter):
    """Adds what the exporter leaves out: the result code of a request, and the names of queues."""

    def _span_to_envelope(self, span: ReadableSpan) -> Any:  # as the exporter declares it
        envelope: Any = super()._span_to_envelope(span)
        data, attributes = envelope.data.base_data, span.attributes or {}
        if OUTCOME in attributes and hasattr(data, "response_code"):
            data.response_code = str(attributes[OUTCOME])
        kept = {name: str(value) for name, value in attributes.items() if name.startswith(_KEPT_PREFIX)}
        data.properties = {**(data.properties or {}), **kept}
        return envelope


class _Events(AzureMonitorLogExporter):
    """Puts the tags on custom events, too: the exporter sets them on messages only."""

    def _log_to_envelope(self, readable_log_record: ReadableLogRecord) -> Any:  # as the exporter declares it
        envelope = super()._log_to_envelope(readable_log_record)
        record, tags = readable_log_record.log_record, dict(envelope.tags or {})
        attributes = readable_log_record.resource.attributes
        tags["ai.cloud.role"] = str(attributes[SERVICE_NAME])
        tags["ai.cloud.roleInstance"] = str(attributes[SERVICE_INSTANCE_ID])
        if record.trace_id and record.span_id:
            tags["ai.operation.id"] = f"{record.trace_id:032x}"
            tags["ai.operation.parentId"] = f"{record.span_id:016x}"
        envelope.tags = tags
        return envelope


class AzureMonitor:
    """Sends records to the resource that *connection_string* names. Used by one thread at a time."""

    def __init__(
        self,
        connection_string: str,
        transport: RequestsTransport,
        *,
        sampled_share: float = 1.0,
        instance: str = "",
        role: str = ROLE,
    ) -> None:
        options: dict[str, Any] = {
            "connection_string": connection_string,
            "disable_offline_storage": True,
            "transport": transport,
            "retry_total": 0,  # the outbox repeats: it can be stopped
            "raw_response_hook": self._take_status,
        }
        self._spans, self._events = _Spans(**options), _Events(**options)
        self._metrics = AzureMonitorMetricExporter(**options)
        self._sampler = ApplicationInsightsSampler(sampled_share)
        self._resource = Resource({SERVICE_NAME: role, SERVICE_INSTANCE_ID: instance or role})
        self._scope = InstrumentationScope(role)
        self._status: int | None = None
        self._told: tuple[int, int] | None = None
        self._pause_s: float | None = None

    def send(self, records: Sequence[Record]) -> Delivery:
        """Return what became of *records*, which are all of one kind. One request, or none when sampling left none."""
        self._status = self._told = self._pause_s = None
        accepted, empty = True, False
        match records[0]:
            case SpanRecord():
                spans = [span for one in records if isinstance(one, SpanRecord) and (span := self._span(one))]
                empty = not spans
                accepted = empty or self._spans.export(spans) is SpanExportResult.SUCCESS
            case EventRecord():
                events = [
                    event for one in records if isinstance(one, EventRecord) and (event := self._event(one))
                ]
                empty = not events
                accepted = empty or self._events.export(events) is LogRecordExportResult.SUCCESS
            case MetricRecord():
                found = self._measured([one for one in records if isinstance(one, MetricRecord)])
                accepted = self._metrics.export(found) is MetricExportResult.SUCCESS
        return Delivery() if empty or (accepted and self._is_taken()) else self._failure(len(records))

    def _failure(self, records: int) -> Delivery:
        status, pause_s = self._status, self._pause_s
        if status is None:
            return Delivery(retry=True, reason="The ingestion endpoint cannot be reached or does not answer.")
        if status == 206:
            received, accepted = self._told or (records, 0)  # what is not known to have arrived is lost
            failed = min(records, received - accepted or records)
            reason = f"The ingestion endpoint refused {failed} of {records} records."
            return Delivery(failed, reason=reason, status=status)
        if status < 300:
            reason = f"The ingestion endpoint answered {status}, but not in the form that is documented."
            return Delivery(retry=True, reason=reason, status=status)
        reason = f"The ingestion endpoint answered {status}."
        if status in _RETRYABLE:
            return Delivery(retry=True, reason=reason, status=status, retry_after_s=pause_s)
        return Delivery(records, reason=reason, status=status)

    def _take_status(self, response: Any) -> None:  # azure-core's PipelineResponse
        reply = response.http_response
        self._status = int(reply.status_code)
        self._pause_s = retry_after_s(
            {str(name).lower(): str(value) for name, value in reply.headers.items()}
        )
        self._told = None
        if self._status < 300:
            try:
                self._told = _counts(json.loads(reply.text()))
            except (ValueError, TypeError, LookupError):
                self._told = (
                    None  # a sign-in page, for instance: whose counts the exporter would take for equal
                )

    def _is_taken(self) -> bool:
        """Return whether the endpoint itself said that it took all."""
        return self._status == 200 and self._told is not None and self._told[0] == self._told[1] > 0

    def _sample(self, trace_id: int) -> dict[str, Any] | None:
        """Return the attributes that say how many records one stands for; None: left out by sampling."""
        result = self._sampler.should_sample(None, trace_id, "", attributes={})
        return None if result.decision is Decision.DROP else dict(result.attributes or {})

    def _span(self, record: SpanRecord) -> ReadableSpan | None:
        trace_id = int(record.trace_id, 16)
        if (sampled := self._sample(trace_id)) is None:
            return None
        parent = _context(trace_id, record.parent_id) if record.parent_id else None
        return ReadableSpan(
            record.name,
            _context(trace_id, record.span_id),
            parent,
            self._resource,
            {**_hidden(record.attributes), **sampled},
            kind=_KINDS[record.kind],
            status=Status(StatusCode.OK if record.ok else StatusCode.ERROR),
            start_time=record.start_ns,
            end_time=record.end_ns,
            instrumentation_scope=self._scope,
        )

    def _event(self, record: EventRecord) -> ReadableLogRecord | None:
        trace_id = int(record.trace_id or "0", 16)
        if trace_id and self._sample(trace_id) is None:
            return None
        belongs_to = NonRecordingSpan(_context(trace_id, record.span_id or "0"))
        told = LogRecord(
            timestamp=record.at_ns,
            observed_timestamp=record.at_ns,
            severity_number=SeverityNumber.INFO,
            body=record.name,
            attributes={**_hidden(record.attributes), EVENT_NAME: record.name},
            context=set_span_in_context(belongs_to, Context()),
        )
        return ReadableLogRecord(told, self._resource, self._scope)

    def _measured(self, records: Sequence[MetricRecord]) -> MetricsData:
        metrics = [
            Metric(
                one.name,
                "",
                "",
                Gauge([NumberDataPoint(dict(one.attributes), one.at_ns, one.at_ns, one.value)]),
            )
            for one in records
        ]
        scoped = ScopeMetrics(self._scope, metrics, "")
        return MetricsData([ResourceMetrics(self._resource, [scoped], "")])


def _counts(body: Any) -> tuple[int, int]:
    """Return how many items were received and accepted. Raises ValueError, TypeError or LookupError."""
    received, accepted = body["itemsReceived"], body["itemsAccepted"]
    for count in (received, accepted):
        if isinstance(count, bool) or not isinstance(count, int):
            raise TypeError("not a number")
    if not 0 <= accepted <= received:
        raise ValueError("more accepted than received")
    return received, accepted


def _hidden(attributes: Mapping[str, str]) -> dict[str, str]:
    """Return *attributes* without secrets: what failed is told in the words of whoever refused it."""
    return {name: hide(value) for name, value in attributes.items()}


def _context(trace_id: int, span_id: str) -> SpanContext:
    return SpanContext(
        trace_id, int(span_id, 16), is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )
