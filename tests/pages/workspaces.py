"""A workspace that answers pages as a test wrote it down: the real SDK, over the wire, query by query."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import streamlit as st
from azure.monitor.query import LogsQueryClient

import runtime
from services.clients import LocalCredential
from services.monitor.catalogue import all_queries
from services.monitor.logs import LogsService
from services.monitor.trace import TraceService
from services.resilience import Limits, Resilience
from services.transport import build_transport
from tests.scripted_server import Asked, Reply, ScriptedServer, as_json

TYPES = {"datetime": "datetime", "string": "string", "real": "real", "long": "long", "bool": "bool"}
Body = Mapping[str, object]


def table(query: str, rows: Sequence[Sequence[object]]) -> Body:
    """Return the body of a result of *query*."""
    columns = [
        {"name": name, "type": TYPES.get(kind, kind)} for name, kind in all_queries()[query].columns.items()
    ]
    return {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": rows}]}


def partial(query: str, rows: Sequence[Sequence[object]], message: str) -> Body:
    return {**table(query, rows), "error": {"code": "PartialError", "message": message}}


def refusal(code: str, message: str) -> Body:
    return {"error": {"code": code, "message": message}}


@dataclass
class Workspace:
    """*bodies*: by query; queries without one find nothing. *whole*: instead of any of them, the reply to a request."""

    bodies: dict[str, Body] = field(default_factory=dict)
    whole: Reply | None = None
    requests: list[tuple[str, ...]] = field(default_factory=list)

    def reply(self, asked: Asked) -> Reply:
        sent = asked.document["requests"]
        assert isinstance(sent, list)
        names = tuple(_name(one["body"]["query"]) for one in sent)
        self.requests.append(names)
        if self.whole is not None:
            return self.whole
        found = []
        for one, name in zip(sent, names, strict=True):
            body = self.bodies.get(name) or table(name, [])
            found.append({"id": one["id"], "status": 200 if "tables" in body else 400, "body": body})
        return as_json({"responses": found})

    def asked_for(self, query: str) -> int:
        """Return how many requests had *query* among theirs."""
        return sum(query in names for names in self.requests)


def install(scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Put a workspace of written-down answers in place of Local Azure's; all else is real."""
    found = Workspace()
    scripted.play(found.reply)
    ask_of(scripted, monkeypatch, fresh_s=0.0)
    st.cache_resource.clear()
    return found


def ask_of(scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch, *, fresh_s: float = 5.0) -> None:
    """Have the services ask *scripted* in place of Local Azure's workspace, by the real SDK."""
    transport = build_transport(
        ca_file=scripted.ca_file, connect_timeout_s=5, read_timeout_s=5, use_environment=False
    )
    client = LogsQueryClient(
        LocalCredential("token"),
        endpoint=scripted.url,
        transport=transport,
        retry_total=0,
        permit_redirects=False,
    )
    running = runtime.current()
    resilience = Resilience("Log Analytics", Limits(call_retries=0))
    logs = LogsService(lambda: client, "workspace", resilience, runtime.now, fresh_s=fresh_s)
    traces = TraceService(running.services.answers, logs, runtime.now)
    monkeypatch.setattr(running, "services", replace(running.services, logs=logs, traces=traces))


def _name(kql: Any) -> str:
    return next(name for name, query in all_queries().items() if query.text in kql)
