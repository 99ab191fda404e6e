"""What the workspace may answer, and what a card makes of it. The real client, a scripted server."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from azure.monitor.query import LogsQueryClient

from services.clients import LocalCredential
from services.errors import AccessDenied, InvalidInput, Throttled, Unavailable, UnexpectedReply
from services.monitor.catalogue import all_queries
from services.monitor.kql import Value
from services.monitor.logs import KEPT_ROWS, LogsService
from services.monitor.results import Ask, cell
from services.resilience import Limits, Resilience
from services.transport import build_transport
from tests.scripted_server import Asked, Reply, ScriptedServer, as_json
from tests.unit.conftest import Impatient

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
RANGE: dict[str, Value] = {"start": NOW - timedelta(hours=1), "end": NOW}
KPIS, ATTENTION = Ask("kpis", RANGE), Ask("attention", RANGE)
TYPES = {"dynamic": "dynamic", "string": "string", "real": "real", "long": "long", "bool": "bool"}
Build = Callable[[], LogsService]


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def logs(script: ScriptedServer, hands: Hands) -> Build:
    def build() -> LogsService:
        transport = build_transport(
            ca_file=script.ca_file, connect_timeout_s=2, read_timeout_s=2, use_environment=False
        )
        client = LogsQueryClient(
            LocalCredential("token"),
            endpoint=script.url,
            transport=transport,
            retry_total=0,
            permit_redirects=False,
        )
        return LogsService(
            lambda: client,
            "ws",
            Resilience("Log Analytics", Limits(call_retries=0), Impatient()),
            hands,
            fresh_s=5,
        )

    return build


def table(query: str, *rows: list[object], without: str = "") -> dict[str, object]:
    kinds = all_queries()[query].columns
    columns = [
        {"name": name, "type": TYPES.get(kind, "datetime")} for name, kind in kinds.items() if name != without
    ]
    return {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": list(rows)}]}


def batch(*bodies: dict[str, object], status: int = 200) -> Callable[[Asked], Reply]:
    def reply(asked: Asked) -> Reply:
        requests = asked.document["requests"]
        assert isinstance(requests, list)
        return as_json(
            {
                "responses": [
                    {"id": one["id"], "status": status, "body": body}
                    for one, body in zip(requests, bodies, strict=True)
                ]
            }
        )

    return reply


KPI_ROW: list[object] = [
    "now",
    3,
    2,
    1,
    0,
    100.0,
    200.0,
    300.0,
    0,
    "NaN",
    0,
    None,
    5.0,
    0,
    300.0,
    "run_1",
    "",
]
PROBLEM_ROW: list[object] = [
    "Silent",
    "failed",
    2,
    "2026-11-22T10:30:00Z",
    "2026-11-22T11:00:00Z",
    "run_1",
    "thread_1",
]


def test_a_page_costs_one_request(script: ScriptedServer, logs: Build) -> None:
    script.play(batch(table("kpis", KPI_ROW), table("attention")))
    kpis, attention = logs().ask(KPIS, ATTENTION)

    assert len(script.asked) == 1
    assert (kpis.state, attention.state) == ("ok", "empty")
    assert kpis.rows[0]["answers"] == 3
    assert kpis.read_at == NOW
    assert "let start = datetime(2026-11-22T11:00:00" in kpis.kql


def test_what_is_not_known_is_none(script: ScriptedServer, logs: Build) -> None:
    """An average of nothing must not be drawn as zero."""
    script.play(batch(table("kpis", KPI_ROW)))
    (kpis,) = logs().ask(KPIS)

    assert kpis.rows[0]["wait_p95_ms"] is None
    assert kpis.rows[0]["input_tokens"] is None


def test_all_who_look_share_one_reading_until_it_is_old(
    script: ScriptedServer, logs: Build, hands: Hands
) -> None:
    script.play(batch(table("kpis", KPI_ROW)))
    service = logs()
    for _ in range(5):
        service.ask(KPIS)
    assert len(script.asked) == 1
    hands.now += timedelta(seconds=6)
    service.ask(KPIS)
    assert len(script.asked) == 2


def test_one_query_that_fails_leaves_the_others(script: ScriptedServer, logs: Build) -> None:
    broken: dict[str, object] = {"error": {"code": "BadArgumentError", "message": "no such column 'x'"}}
    script.play(batch(broken, table("attention", PROBLEM_ROW)))
    kpis, attention = logs().ask(KPIS, ATTENTION)

    assert (kpis.state, attention.state) == ("failed", "ok")
    assert isinstance(kpis.problem, InvalidInput)
    assert "no such column" in kpis.problem.message
    assert attention.rows[0]["newest"] == datetime(2026, 11, 22, 11, tzinfo=UTC)


def test_a_partial_result_shows_its_rows_and_says_so(script: ScriptedServer, logs: Build) -> None:
    error = {"error": {"code": "PartialError", "message": "one shard was too slow"}}
    script.play(batch({**table("kpis", KPI_ROW), **error}))
    (kpis,) = logs().ask(KPIS)

    assert (kpis.state, len(kpis.rows)) == ("partial", 1)
    assert "too slow" in kpis.said


@pytest.mark.parametrize(
    ("reply", "state", "kind"),
    [
        (Reply(body=b"<html>Sign in</html>", headers={"Content-Type": "text/html"}), "failed", UnexpectedReply),
        (as_json({}), "failed", UnexpectedReply),
        (as_json({"responses": []}), "failed", UnexpectedReply),
        (as_json([]), "failed", UnexpectedReply),
        (batch({}), "failed", UnexpectedReply),
        (batch({"tables": []}), "failed", UnexpectedReply),
        (batch(table("kpis", KPI_ROW[:-1], without="demo")), "failed", UnexpectedReply),
        (batch(table("kpis", ["now", "many", *KPI_ROW[2:]])), "failed", UnexpectedReply),
        (batch({"error": {"code": "ThrottledError", "message": "slow down"}}), "throttled", Throttled),
        (batch({"error": {"code": "InsufficientAccessError", "message": "no"}}), "failed", AccessDenied),
        (as_json({"error": {"code": "InsufficientAccessError"}}, 403), "failed", AccessDenied),
        (as_json({"error": {"code": "Throttled"}}, 429, Retry_After="120"), "throttled", Throttled),
        (as_json({"error": {"code": "Broken"}}, 500), "failed", Unavailable),
        (Reply(how="reset"), "failed", Unavailable),
        (Reply(body=b'{"responses"', how="truncate"), "failed", Unavailable),
        (Reply(how="hang"), "failed", Unavailable),
    ],
    ids=[
        "html", "nothing", "no-items", "list", "empty-body", "no-table", "missing-column", "wrong-kind",
        "item-throttled", "item-forbidden", "403", "429", "500", "reset", "truncated", "hang",
    ],
)  # fmt: skip
def test_a_failure_is_never_an_empty_result(
    script: ScriptedServer, logs: Build, reply: Reply, state: str, kind: type[Exception]
) -> None:
    script.play(reply)
    (kpis,) = logs().ask(KPIS)

    assert kpis.state == state
    assert isinstance(kpis.problem, kind)
    assert not kpis.is_known
    assert kpis.rows == ()


def test_what_was_read_before_stands_in_with_its_age(
    script: ScriptedServer, logs: Build, hands: Hands
) -> None:
    script.play(batch(table("kpis", KPI_ROW)))
    service = logs()
    service.ask(KPIS)
    hands.now += timedelta(minutes=1)
    script.play(as_json({"error": {"code": "Broken"}}, 500))
    (kpis,) = service.ask(Ask("kpis", {"start": hands.now - timedelta(hours=1), "end": hands.now}))

    assert (kpis.state, kpis.read_at, len(kpis.rows)) == ("stale", NOW, 1)
    assert isinstance(kpis.problem, Unavailable)


def test_other_filters_are_never_stood_in_for(script: ScriptedServer, logs: Build) -> None:
    """Rows of another filter shown as this one's would be a lie."""
    filters: dict[str, Value] = {
        "outcomes": [],
        "agent": "",
        "tool": "",
        "min_ms": 0,
        "min_wait_ms": 0,
        "problem": "",
        "words": "",
        "first_row": 0,
        "last_row": 49,
        "sorting": "started",
        "direction": 1,
    }
    script.play(batch(table("runs")))
    service = logs()
    service.ask(Ask("runs", {**RANGE, **filters}))
    script.play(as_json({}, 500))
    (runs,) = service.ask(Ask("runs", {**RANGE, **filters, "agent": "x"}))

    assert runs.state == "failed"


def test_a_value_that_cannot_be_asked_fails_its_own_card_only(script: ScriptedServer, logs: Build) -> None:
    script.play(batch(table("kpis", KPI_ROW)))
    kpis, spans = logs().ask(KPIS, Ask("trace_spans", {**RANGE, "run": "a\x00"}))

    assert (kpis.state, spans.state) == ("ok", "failed")
    assert isinstance(spans.problem, InvalidInput)


def test_properties_that_are_no_bag_are_empty() -> None:
    """Telemetry of others may hold anything."""
    assert cell("dynamic", "not json") == {}
    assert cell("dynamic", "[1]") == {}
    assert cell("dynamic", '{"a": 1, "b": null, "c": "x"}') == {"a": "1", "c": "x"}


def test_rows_of_a_whole_export_are_given_and_not_kept(script: ScriptedServer, logs: Build) -> None:
    """Two hundred kept exports would take the process's memory, and nobody asks for the same again."""
    samples: dict[str, object] = {"string": "x", "datetime": "2026-11-22T12:00:00Z", "dynamic": "{}"}
    row = [samples.get(kind, 1) for kind in all_queries()["attention"].columns.values()]
    script.play(batch(table("attention", *[row] * (KEPT_ROWS + 1))))
    service = logs()
    (first,) = service.ask(ATTENTION)
    script.play(as_json({}, 500))
    (second,) = service.ask(ATTENTION)

    assert (first.state, len(first.rows)) == ("ok", KEPT_ROWS + 1)
    assert second.state == "failed"
