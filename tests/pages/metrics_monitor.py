"""The Metrics page before an Azure Monitor that answers as a test wrote it down: logs and metrics, by the real SDKs."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from azure.monitor.query import LogsQueryClient
from azure.monitor.querymetrics import MetricsClient
from streamlit.testing.v1 import AppTest

import runtime
from services.clients import LocalCredential
from services.monitor.catalogue import all_queries
from services.monitor.logs import LogsService
from services.monitor.metrics import MetricsService
from services.resilience import Limits, Resilience
from services.transport import build_transport
from tests.pages.conftest import ROOT, RUN_TIMEOUT_S, SHELL, words
from tests.pages.workspaces import table
from tests.scripted_server import Asked, Reply, ScriptedServer, as_json

QUERIES = ("parts_health", "parts_over_time", "failure_reasons", "token_use", "week_hours")
Body = Mapping[str, object]
Row = list[object]
Answer = Reply | Callable[[Asked], Reply]


def at(minutes_ago: float) -> str:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    return (now - timedelta(minutes=minutes_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


ROWS: dict[str, Callable[[], list[Row]]] = {
    "parts_health": lambda: [
        ["agent", "orchestrator", 40, 2, 900.0, 4000.0, None, at(5)],
        ["tool", "<b>foo</b>", 20, 1, 500.0, 14000.0, None, at(5)],
        ["function", "<b>foo</b>", 21, 2, 30.0, 700.0, 12000.0, at(5)],
        ["function", "stray", 3, 0, 30.0, 40.0, 50.0, at(9)],
    ],
    "parts_over_time": lambda: [
        [at(30), "agent", "orchestrator", 20, 0, 800.0, 2000.0],
        [at(10), "agent", "orchestrator", 20, 2, None, None],
        [at(30), "tool", "<b>foo</b>", 12, 0, 400.0, 9000.0],
        [at(10), "tool", "<b>foo</b>", 8, 1, 700.0, 14000.0],
    ],
    "failure_reasons": lambda: [
        ["answer", "The function is <b>silent</b>", 5, at(5), "run_7", "thread_7"],
        ["function", "foo broke off", 2, at(6), "", ""],
    ],
    "token_use": lambda: [
        [at(30), "gpt-4o", "orchestrator", 20, 18, 20_000.0, 4_000.0],
        [at(10), "gpt-mini", "orchestrator", 20, 20, 1_000.0, 100.0],
    ],
    "week_hours": lambda: [[0, 9, 12, 3000.0], [1, 14, 4, 900_000.0]],
}


def full(**instead: Body) -> dict[str, Body]:
    return {name: instead.get(name) or table(name, rows()) for name, rows in ROWS.items()}


def empty() -> dict[str, Body]:
    return {name: table(name, []) for name in QUERIES}


def partial() -> dict[str, Body]:
    error = {"code": "PartialError", "message": "The result set is too large", "details": []}
    return {name: {**body, "error": error} for name, body in full().items()}


def batch(bodies: dict[str, Body]) -> Callable[[Asked], Reply]:
    """Answer a batch query by query: told apart by what only that query's text has."""

    def reply(asked: Asked) -> Reply:
        requests = asked.document["requests"]
        assert isinstance(requests, list)
        found = []
        for one in requests:
            body = next(bodies[name] for name in bodies if all_queries()[name].text in one["body"]["query"])
            found.append({"id": one["id"], "status": 200 if "tables" in body else 400, "body": body})
        return as_json({"responses": found})

    return reply


class Monitor:
    """Azure Monitor as the test wrote it: replies for the page's queries and for metrics, the last again and again.

    The frame's own question, whether there is demo history, is answered with no and not counted.
    """

    def __init__(self, script: ScriptedServer) -> None:
        self._script = script
        self._logs: list[Answer] = []
        self._metrics: list[Answer] = []
        self.queries: list[Asked] = []
        self.metrics: list[Asked] = []
        script.play(self._answer)

    def plays(self, *replies: Answer) -> None:
        self._logs = list(replies)

    def measures(self, *replies: Reply) -> None:
        self._metrics = list(replies)

    def _answer(self, asked: Asked) -> Reply:
        if "getBatch" in asked.target:
            self.metrics.append(asked)
            return self._next(self._metrics, asked)
        if all_queries()["demo_rows"].text in json.dumps(asked.document).encode().decode("unicode_escape"):
            return batch({"demo_rows": table("demo_rows", [[0, 0, 0]])})(asked)
        self.queries.append(asked)
        return self._next(self._logs, asked)

    def _next(self, replies: list[Answer], asked: Asked) -> Reply:
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        return reply if isinstance(reply, Reply) else reply(asked)


def install(scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Monitor:
    """A server in place of Local Azure's monitor, for logs and metrics; all else is real."""
    transport = build_transport(
        ca_file=scripted.ca_file, connect_timeout_s=5, read_timeout_s=5, use_environment=False
    )
    options = {"transport": transport, "retry_total": 0, "permit_redirects": False}
    logs = LogsQueryClient(LocalCredential("token"), endpoint=scripted.url, **options)
    metrics = MetricsClient(scripted.url, LocalCredential("token"), **options)
    running = runtime.current()
    known = running.services.metrics
    assert known is not None
    limits = Limits(call_retries=0)
    services = replace(
        running.services,
        logs=LogsService(lambda: logs, "ws", Resilience("logs", limits), runtime.now, fresh_s=0.0),
        metrics=MetricsService(
            lambda: metrics, scripted.url, known.resources, Resilience("metrics", limits), runtime.now
        ),
    )
    monkeypatch.setattr(running, "services", services)
    return Monitor(scripted)


def opened(**parameters: str) -> AppTest:
    page = AppTest.from_file(str(SHELL), default_timeout=RUN_TIMEOUT_S)
    for name, value in {"refresh": "off", **parameters}.items():
        page.query_params[name] = value
    page.switch_page(str(ROOT / "pages" / "metrics.py"))
    page.run()
    assert not page.exception
    return page


def tile(page: AppTest, label: str) -> str:
    (found,) = [metric.value for metric in page.metric if label in metric.label]
    return str(found)


def charts(page: AppTest) -> list[dict[str, list[dict[str, object]]]]:
    return [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]


def rows(page: AppTest, column: str) -> list[dict[str, object]]:
    """Return the rows of the table that has *column*; what is not known is None."""
    (frame,) = [one.value for one in page.dataframe if column in one.value.columns]
    found: list[dict[str, object]] = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return found


def told(page: AppTest) -> str:
    return words(page).replace("\\", "")
