"""What the monitor's tests share: the real SDK clients, and telemetry as exporters write it."""

import gzip
import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.monitor.query import LogsQueryClient, LogsQueryPartialResult, LogsQueryResult, LogsTable
from azure.monitor.querymetrics import MetricsClient

from emulator.server import Emulator
from services.clients import LocalCredential

# A JSON value.
Json = Any
KEY = "00000000-0000-0000-0000-000000000000"
NOW = "the clock of Local Azure"  # stands in an item until it is sent: tests move that clock
Span = timedelta | tuple[datetime, datetime] | tuple[datetime, timedelta]


@dataclass(frozen=True, slots=True)
class Tracked:
    """The answer of the ingestion endpoint."""

    status: int
    document: Json
    headers: Mapping[str, str]


def logs_client(emulator: Emulator, token: str = "", **options: object) -> LogsQueryClient:
    credential = LocalCredential(token or emulator.token)
    return LogsQueryClient(
        credential, endpoint=emulator.url, connection_verify=str(emulator.ca_file), retry_total=0, **options
    )


def metrics_client(emulator: Emulator) -> MetricsClient:
    return MetricsClient(
        emulator.url,
        LocalCredential(emulator.token),
        connection_verify=str(emulator.ca_file),
        retry_total=0,
    )


def ask(
    emulator: Emulator, query: str, workspace: str = "", timespan: Span | None = None, **options: object
) -> LogsQueryResult | LogsQueryPartialResult:
    """Return what the SDK makes of *query*."""
    with logs_client(emulator) as client:
        return client.query_workspace(
            workspace or emulator.workspace_id,
            query,
            timespan=timespan,
            **options,  # type: ignore[arg-type]  # the SDK's own names
        )


def refused(emulator: Emulator, query: str, **options: object) -> HttpResponseError:
    with pytest.raises(HttpResponseError) as caught:
        ask(emulator, query, **options)  # type: ignore[arg-type]  # the SDK's own names
    return caught.value


def table(emulator: Emulator, query: str, timespan: Span | None = None) -> LogsTable:
    found = ask(emulator, query, timespan=timespan)
    assert isinstance(found, LogsQueryResult)
    return found.tables[0]


def rows(emulator: Emulator, query: str, timespan: Span | None = None) -> list[list[Json]]:
    return [list(row) for row in table(emulator, query, timespan).rows]


def track(
    emulator: Emulator,
    items: Sequence[Json] | bytes,
    *,
    path: str = "/v2.1/track",
    packed: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Tracked:
    """Send *items*, or the very bytes, to the plain listener."""
    body = items if isinstance(items, bytes) else json.dumps(items).encode()
    body = body.replace(NOW.encode(), _wire_time(emulator.clock.now()).encode())
    sent = {"Content-Type": "application/json", **(headers or {})}
    if packed:
        body, sent["Content-Encoding"] = gzip.compress(body), "gzip"
    request = urllib.request.Request(emulator.http_url + path, body, sent, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return Tracked(reply.status, json.load(reply), dict(reply.headers))
    except urllib.error.HTTPError as error:
        with error:
            return Tracked(error.code, json.load(error), dict(error.headers))


def envelope(kind: str, base: Json, at: datetime | None = None, **parts: Json) -> Json:
    """Return an item as an exporter writes it. *at* None: the moment at which track() sends it."""
    return {
        "ver": 1,
        "name": f"Microsoft.ApplicationInsights.{kind.removesuffix('Data')}",
        "time": _wire_time(at) if at else NOW,
        "sampleRate": 100,
        "iKey": KEY,
        "tags": {"ai.operation.id": "a" * 32, "ai.cloud.role": "tests"},
        "data": {"baseType": kind, "baseData": {"ver": 2, **base}},
        **parts,
    }


def dependency(name: str = "call", at: datetime | None = None, **base: Json) -> Json:
    fields = {"id": "b" * 16, "name": name, "duration": "0.00:00:01.250", "success": True, "type": "InProc"}
    return envelope("RemoteDependencyData", {**fields, **base}, at)


def message(text: str = "said", at: datetime | None = None, **base: Json) -> Json:
    return envelope("MessageData", {"message": text, "severityLevel": 1, **base}, at)


def _wire_time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
