"""A workspace that does not behave: the real client against every odd reply, and what each card is told."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from azure.monitor.query import LogsQueryClient

from services.clients import LocalCredential
from services.errors import InvalidInput, ServiceError, Throttled, Unavailable, UnexpectedReply
from services.monitor import logs as logs_module
from services.monitor.kql import Value
from services.monitor.logs import LogsService
from services.monitor.results import Ask, Result
from services.resilience import Limits, Resilience
from services.resilience.clock import RealPace
from services.transport import build_transport
from tests.scripted_server import Asked, Reply, ScriptedServer, as_json

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
RANGE: dict[str, Value] = {"start": NOW - timedelta(hours=1), "end": NOW}
TOKENS = Ask("token_use", {**RANGE, "grain": timedelta(minutes=1)})
DEMO = Ask("demo_rows", RANGE)
TOKENS_COLUMNS = [
    {"name": "bucket", "type": "datetime"},
    {"name": "model", "type": "string"},
    {"name": "agent", "type": "string"},
    {"name": "answers", "type": "long"},
    {"name": "counted", "type": "long"},
    {"name": "input_tokens", "type": "real"},
    {"name": "output_tokens", "type": "real"},
]
ROW: list[object] = ["2026-11-22T11:30:00Z", "gpt", "lead", 3, 3, 200.0, 300.0]
GOOD: dict[str, object] = {"tables": [{"name": "PrimaryResult", "columns": TOKENS_COLUMNS, "rows": [ROW]}]}
DEMO_COLUMNS = [{"name": name, "type": "long"} for name in ("answers", "demo_answers", "demo")]
GOOD_DEMO: dict[str, object] = {"tables": [{"name": "P", "columns": DEMO_COLUMNS, "rows": [[4, 2, 9]]}]}
MISSING_TABLE = {
    "error": {
        "code": "BadArgumentError",
        "message": "The request had some invalid properties",
        "innererror": {
            "code": "SemanticError",
            "message": "A semantic error occurred.",
            "innererror": {
                "code": "SEM0100",
                "message": "'where' operator: Failed to resolve table or column expression named 'AppRequests'",
            },
        },
    }
}
Build = Callable[..., LogsService]


class Pauses(RealPace):
    """Time passes when somebody waits, and only then for them."""

    def __init__(self) -> None:
        super().__init__()
        self.slept_s = 0.0

    def now_s(self) -> float:
        return super().now_s() + self.slept_s

    def sleep(self, seconds: float) -> bool:
        self.slept_s += seconds
        return True


@pytest.fixture
def logs(script: ScriptedServer) -> Build:
    """Return a service on the scripted server. *pauses* tells how long it would have waited."""

    def build(pauses: Pauses | None = None, read_timeout_s: float = 2, retries: int = 0) -> LogsService:
        transport = build_transport(
            ca_file=script.ca_file,
            connect_timeout_s=2,
            read_timeout_s=read_timeout_s,
            use_environment=False,
        )
        client = LogsQueryClient(
            LocalCredential("token"),
            endpoint=script.url,
            transport=transport,
            retry_total=0,
            permit_redirects=False,
        )
        resilience = Resilience("Log Analytics", Limits(call_retries=retries), pauses or Pauses())
        return LogsService(lambda: client, "ws", resilience, lambda: NOW, fresh_s=5)

    return build


def replies(**bodies: object) -> Callable[[Asked], Reply]:
    """Answer each query of the batch by what it asks: *tokens*, *demo*; an item may be given whole."""

    def reply(asked: Asked) -> Reply:
        requests = asked.document["requests"]
        assert isinstance(requests, list)
        items = []
        for one in requests:
            body = bodies["demo" if "demo_answers" in one["body"]["query"] else "tokens"]
            whole = isinstance(body, Mapping) and "status" in body
            item = dict(body) if isinstance(body, Mapping) and whole else {"status": 200, "body": body}
            items.append({"id": one["id"], **item})
        return as_json({"responses": items})

    return reply


def with_rows(*rows: object, columns: object = TOKENS_COLUMNS) -> dict[str, object]:
    return {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": list(rows)}]}


def refusal(result: Result) -> ServiceError:
    assert result.problem is not None and not result.is_known and result.rows == ()
    return result.problem


def test_a_missing_table_is_named_with_what_to_do(script: ScriptedServer, logs: Build) -> None:
    """A workspace that no application has written to yet; its outermost message says nothing at all."""
    script.play(replies(tokens={"status": 400, "body": MISSING_TABLE}, demo=GOOD_DEMO))
    tokens, demo = logs().ask(TOKENS, DEMO)

    problem = refusal(tokens)
    assert isinstance(problem, InvalidInput) and tokens.state == "failed"
    assert "'AppRequests'" in problem.message and "first telemetry" in problem.hint
    assert demo.state == "ok"


def test_a_missing_table_of_all_is_named_when_the_whole_request_is_refused(
    script: ScriptedServer, logs: Build
) -> None:
    script.play(as_json(MISSING_TABLE, 400))
    (tokens,) = logs().ask(TOKENS)

    assert isinstance(refusal(tokens), InvalidInput) and "AppRequests" in refusal(tokens).message


def test_a_partial_error_says_what_is_missing_and_keeps_the_rows(script: ScriptedServer, logs: Build) -> None:
    error = {
        "code": "PartialError",
        "message": "There were some errors when processing your query.",
        "details": [
            {"code": "EngineError", "message": "Query result set has exceeded the internal data size limit"}
        ],
    }
    script.play(replies(tokens={**GOOD, "error": error}))
    (tokens,) = logs().ask(TOKENS)

    assert (tokens.state, len(tokens.rows)) == ("partial", 1)
    assert "exceeded the internal data size limit" in tokens.said


def test_a_partial_error_without_any_table_is_a_failure(script: ScriptedServer, logs: Build) -> None:
    """Half of nothing is not an empty table."""
    script.play(replies(tokens={"error": {"code": "PartialError", "message": "too slow"}}))
    (tokens,) = logs().ask(TOKENS)

    assert tokens.state == "failed" and "too slow" in refusal(tokens).message


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(None, id="null-body"),
        pytest.param([], id="list"),
        pytest.param("<html>Sign in</html>", id="html-in-an-item"),
        pytest.param({"tables": None}, id="null-tables"),
        pytest.param({"tables": [None]}, id="null-table"),
        pytest.param({"tables": "no"}, id="text-for-tables"),
        pytest.param({"tables": [{"name": "P", "rows": []}]}, id="no-columns"),
        pytest.param({"tables": [{"name": "P", "columns": TOKENS_COLUMNS}]}, id="no-rows-member"),
        pytest.param({"tables": [{"columns": [{"name": "bucket"}], "rows": [[1]]}]}, id="no-types"),
        pytest.param(with_rows(ROW[:2]), id="row-too-short"),
        pytest.param(with_rows([*ROW, 1]), id="row-too-long"),
        pytest.param(with_rows(7), id="row-that-is-none"),
        pytest.param(with_rows(["yesterday", *ROW[1:]]), id="no-date"),
        pytest.param(with_rows([*ROW[:5], "fast", 3.0]), id="no-number"),
        pytest.param(with_rows([*ROW[:5], {"a": 1}, 3.0]), id="bag-for-number"),
        pytest.param(with_rows(ROW, columns=TOKENS_COLUMNS[::-1][:6]), id="column-missing"),
        pytest.param({"status": 500, "body": None}, id="failed-without-a-body"),
        pytest.param({"status": 200}, id="item-without-a-body"),
    ],
)
def test_one_odd_item_fails_its_own_card_and_no_other(
    script: ScriptedServer, logs: Build, body: object
) -> None:
    """A page asks all its queries at once; what one of them brings must not empty the others."""
    script.play(replies(tokens=body, demo=GOOD_DEMO))
    tokens, demo = logs().ask(TOKENS, DEMO)

    assert isinstance(refusal(tokens), UnexpectedReply), refusal(tokens)
    assert tokens.state == "failed"
    assert demo.state == "ok" and demo.rows[0]["demo"] == 9


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(as_json({"responses": None}), id="null"),
        pytest.param(
            as_json({"responses": [{"id": "of-another", "status": 200, "body": GOOD}]}), id="other-id"
        ),
        pytest.param(as_json({"responses": [{"status": 200, "body": GOOD}]}), id="no-id"),
        pytest.param(as_json({"responses": "none"}), id="text"),
        pytest.param(Reply(body=b"<html>", headers={"Content-Type": "application/json"}), id="html-as-json"),
        pytest.param(Reply(body=b"\xff\xfe", headers={"Content-Type": "application/json"}), id="no-utf-8"),
        pytest.param(Reply(body=b"", headers={"Content-Type": "application/json"}), id="nothing"),
        pytest.param(Reply(204), id="204"),
        pytest.param(Reply(302, headers={"Location": "https://login.example/"}), id="redirect-to-sign-in"),
    ],
)
def test_a_reply_that_is_none_fails_with_few_requests(
    script: ScriptedServer, logs: Build, reply: Reply
) -> None:
    """A sign-in page in between answers everything; asking it query by query would only be a load."""
    script.play(reply)
    found = logs().ask(*(Ask("token_use", {**RANGE, "grain": timedelta(minutes=n)}) for n in range(1, 11)))

    assert all(isinstance(refusal(one), ServiceError) and one.state == "failed" for one in found)
    assert len(script.asked) <= 3


def test_a_short_pause_that_is_asked_for_is_kept_and_the_page_filled(
    script: ScriptedServer, logs: Build
) -> None:
    pauses = Pauses()
    script.play(as_json({"error": {"code": "TooManyRequests"}}, 429, Retry_After="3"), replies(tokens=GOOD))
    (tokens,) = logs(pauses, retries=2).ask(TOKENS)

    assert tokens.state == "ok" and pauses.slept_s >= 3


def test_a_long_pause_is_told_and_not_sat_out(script: ScriptedServer, logs: Build) -> None:
    """Nobody looks at a page for two minutes; the next refresh tries again."""
    pauses = Pauses()
    script.play(as_json({"error": {"code": "TooManyRequests"}}, 429, Retry_After="120"))
    (tokens,) = logs(pauses, retries=2).ask(TOKENS)

    problem = refusal(tokens)
    assert tokens.state == "throttled" and isinstance(problem, Throttled)
    assert problem.retry_after_s == 120 and pauses.slept_s == 0 and len(script.asked) == 1


@pytest.mark.parametrize("how", ["drip", "hang"])
def test_a_workspace_that_says_nothing_is_given_up_in_time(
    script: ScriptedServer, logs: Build, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty silent seconds, and a byte now and then: both end at the deadline, shortened here."""
    monkeypatch.setattr(logs_module, "DEADLINE_S", 0.6)
    body = json.dumps({"responses": []}).encode()
    headers = {"Content-Type": "application/json"}
    script.play(Reply(body=body * 100, headers=headers, how=how, pause_s=0.05))  # type: ignore[arg-type]  # one of the manners
    (tokens,) = logs(read_timeout_s=30).ask(TOKENS)

    assert tokens.state == "failed" and isinstance(refusal(tokens), Unavailable)


def test_ten_megabytes_of_rows_are_read(script: ScriptedServer, logs: Build) -> None:
    script.play(replies(tokens=with_rows(*([ROW] * 180_000))))
    (tokens,) = logs().ask(TOKENS)

    assert len(tokens.rows) == 180_000


def test_a_second_table_and_more_columns_change_nothing(script: ScriptedServer, logs: Build) -> None:
    """Log Analytics may add to what it sends."""
    wide = with_rows([*ROW, "x"], columns=[*TOKENS_COLUMNS, {"name": "more", "type": "string"}])
    both = {"tables": [*wide["tables"], {"name": "Extra", "columns": [], "rows": []}]}  # type: ignore[misc]  # a list
    script.play(replies(tokens=both))
    (tokens,) = logs().ask(TOKENS)

    assert tokens.state == "ok" and tokens.rows[0]["output_tokens"] == 300.0
