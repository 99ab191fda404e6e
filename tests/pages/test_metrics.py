"""The Metrics page in every state of its cards: the real page and SDKs, a workspace that answers as the test wrote."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from azure.monitor.query import LogsQueryClient
from azure.monitor.querymetrics import MetricsClient
from streamlit.testing.v1 import AppTest

import runtime
from commands.stack import Control
from services.clients import LocalCredential
from services.monitor.catalogue import all_queries
from services.monitor.logs import LogsService
from services.monitor.metrics import MetricsService
from services.prices import Price, Prices
from services.resilience import Limits, Resilience
from services.transport import build_transport
from tests.pages.conftest import ROOT, RUN_TIMEOUT_S, SHELL, words
from tests.pages.workspaces import table
from tests.scripted_server import Asked, Reply, ScriptedServer, as_json
from ui import metrics_explorer, metrics_parts, metrics_tokens

TILES = ("Calls of agents", "Calls of tools", "Tool calls that failed", "Tokens", "Cost")
TOKENS, WEEK, AZURE = {"tab": "Tokens and cost"}, {"tab": "Busy hours"}, {"tab": "Azure Monitor"}
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


@pytest.fixture
def monitor(control: Control, scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Monitor:
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


@pytest.fixture
def priced(monitor: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    running = runtime.current()
    prices = Prices({"gpt-4o": Price(Decimal("2.50"), Decimal(10))})
    monkeypatch.setattr(running, "services", replace(running.services, prices=prices))


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


def tiles(page: AppTest) -> list[str]:
    return [tile(page, label) for label in TILES]


def charts(page: AppTest) -> list[dict[str, list[dict[str, object]]]]:
    return [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]


def rows(page: AppTest, column: str) -> list[dict[str, object]]:
    """Return the rows of the table that has *column*; what is not known is None."""
    (frame,) = [one.value for one in page.dataframe if column in one.value.columns]
    found: list[dict[str, object]] = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return found


def told(page: AppTest) -> str:
    return words(page).replace("\\", "")


# Agents and tools ---------------------------------------------------------------------------------------


def test_a_full_page_shows_tables_and_panels_for_one_request(monitor: Monitor) -> None:
    monitor.plays(batch(full()))
    page = opened()

    assert tiles(page) == ["40", "20", "5 %", "25.1 k", "no price"]
    (agent,) = rows(page, "Agent")
    assert (agent["Agent"], agent["Calls"], agent["Failed"], agent["p95"]) == ("orchestrator", 40, 0.05, 4.0)
    assert len(charts(page)) == 1
    assert len(monitor.queries) == 1


def test_a_tool_tells_the_queue_from_the_function(monitor: Monitor) -> None:
    """The question people have: is it slow because it works, or because nobody takes the message?"""
    monitor.plays(batch(full()))
    page = opened()
    foo, stray = rows(page, "Tool")

    assert (foo["p95"], foo["Queue p95"], foo["Function p95"]) == (14.0, 12.0, 0.7)
    assert "wait longest: p95 12.0 s in the queue, 0.7 s in the function" in told(page)
    assert (stray["Calls"], stray["Queue p95"]) == (None, 0.05)


def test_reasons_lead_to_their_newest_run(monitor: Monitor) -> None:
    monitor.plays(batch(full()))
    first, second = rows(opened(), "Reason")

    assert (first["Reason"], first["Failures"]) == ("The function is <b>silent</b>", 5)
    assert first["Newest run"] == "trace?run=run_7&thread=thread_7"
    assert second["Newest run"] is None


def test_panels_share_their_axes_and_leave_gaps(monitor: Monitor) -> None:
    """A stretch without a call has no duration; a zero would be a lie, a line across it as well."""
    monitor.plays(batch(full()))
    (chart,) = charts(opened(panel_of="Agents"))
    p95 = next(trace for trace in chart["data"] if trace["name"] == "p95")
    y = p95["y"]

    assert isinstance(y, list)
    assert [value for value in y if value is not None] == [2.0]
    assert p95["connectgaps"] is False


def test_panels_of_calls_put_failures_at_the_bottom(monitor: Monitor) -> None:
    monitor.plays(batch(full()))
    (chart,) = charts(opened(panel_as="Calls"))
    failed, well = chart["data"]

    assert (failed["name"], well["name"]) == ("failed", "well")
    assert max(failed["y"]) == 1  # type: ignore[call-overload]  # numbers, in JSON
    assert max(well["y"]) == 12  # type: ignore[call-overload]


def test_names_cannot_be_markup_in_a_chart(monitor: Monitor) -> None:
    monitor.plays(batch(full()))
    (chart,) = charts(opened())
    notes = chart["layout"]["annotations"]  # type: ignore[call-overload]  # a mapping, in JSON

    assert notes[0]["text"] == "<b>&lt;b&gt;foo&lt;/b&gt;</b>"


def test_an_empty_range_is_no_failure(monitor: Monitor) -> None:
    """No call is known; the share of none that failed is not."""
    monitor.plays(batch(empty()))
    page = opened()

    assert tiles(page) == ["0", "0", "not known", "not known", "not known"]
    assert metrics_parts.NOBODY in words(page)
    assert metrics_parts.NO_FAILURE in words(page)
    assert charts(page) == []


def test_a_part_is_shown_as_a_part(monitor: Monitor) -> None:
    monitor.plays(batch(partial()))
    page = opened()

    assert "only a part" in words(page).lower()
    assert tile(page, "Calls of agents") == "40"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        pytest.param(Reply(403, b"{}"), "HTTP 403", id="403"),
        pytest.param(Reply(429, b"{}", {"Retry-After": "300"}), "HTTP 429", id="429"),
        pytest.param(Reply(200, b"<html>sign in</html>"), "Could not query the logs", id="html"),
        pytest.param(as_json({}), "Could not query the logs", id="bare"),
    ],
)
def test_a_workspace_that_fails_is_never_taken_for_an_empty_one(
    monitor: Monitor, reply: Reply, said: str
) -> None:
    monitor.plays(reply)
    page = opened()

    assert tiles(page) == ["not known"] * 5
    assert said in words(page)
    assert metrics_parts.NO_FAILURE not in words(page)


def test_one_query_that_fails_leaves_the_other_cards(monitor: Monitor) -> None:
    monitor.plays(
        batch(full(failure_reasons={"error": {"code": "BadArgumentError", "message": "no such column"}}))
    )
    page = opened()

    assert "no such column" in words(page)
    assert tile(page, "Calls of tools") == "20"
    assert len(charts(page)) == 1


def test_what_was_read_before_stays_when_it_cannot_be_read_again(monitor: Monitor) -> None:
    monitor.plays(batch(full()), Reply(503, b"{}"))
    page = opened(refresh="5s")
    page.button(key="view-again").click().run()

    assert len(monitor.queries) == 2
    assert tile(page, "Calls of agents") == "40"
    assert "and cannot be now" in words(page)


@pytest.mark.usefixtures("without_workspace")
def test_without_a_workspace_the_page_says_what_to_set(control: Control) -> None:
    page = opened()

    assert "RELAYDECK_LOGS_WORKSPACE" in words(page)
    assert page.metric.len == 0


# Tokens and cost ------------------------------------------------------------------------------------------


def test_without_a_price_there_is_no_cost_and_not_zero(monitor: Monitor) -> None:
    monitor.plays(batch(full()))
    page = opened(**TOKENS)

    assert "No price set for gpt-4o, gpt-mini" in told(page)
    assert "input_usd_per_million" in words(page)
    assert "$0" not in told(page)
    assert len(charts(page)) == 1


@pytest.mark.usefixtures("priced")
def test_a_cost_says_which_answers_are_not_in_it(monitor: Monitor) -> None:
    """20,000 tokens at 2.50 and 4,000 at 10 a million."""
    monitor.plays(batch(full()))
    page = opened(**TOKENS)

    assert tile(page, "Cost") == "$0.0900"
    assert "No price set for gpt-mini: 20 answers not in it. 2 answers do not tell their tokens" in told(page)
    _, cost = charts(page)
    assert [trace["name"] for trace in cost["data"]] == ["gpt-4o"]


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("Read and written", {"read", "written"}),
        ("Model", {"gpt-4o", "gpt-mini"}),
        ("Agent", {"orchestrator"}),
        ("nonsense", {"read", "written"}),
    ],
)
def test_tokens_are_stacked_by_what_was_chosen(monitor: Monitor, by: str, names: set[str]) -> None:
    monitor.plays(batch(full()))
    chart = charts(opened(**TOKENS, tokens_by=by))[0]

    assert {trace["name"] for trace in chart["data"]} == names
    assert sum(sum(trace["y"]) for trace in chart["data"]) == 25_100  # type: ignore[call-overload]  # numbers, in JSON


def test_answers_that_tell_no_tokens_have_no_amount(monitor: Monitor) -> None:
    monitor.plays(batch(full(token_use=table("token_use", [[at(5), "gpt-4o", "o", 3, 0, 0.0, 0.0]]))))
    page = opened(**TOKENS)

    assert "None of 3 answers tells how many tokens it took" in told(page)
    assert (tile(page, "Tokens"), tile(page, "Cost")) == ("not known", "not known")


def test_a_press_sends_nothing(monitor: Monitor) -> None:
    """fresh_s of this workspace is 0: what is shown differently must not be read again."""
    monitor.plays(batch(full()))
    page = opened()
    page.segmented_control(key="panel_as").set_value("Calls").run()
    page.segmented_control(key="panel_of").set_value("Agents").run()

    assert len(monitor.queries) == 1
    assert not page.exception


# Busy hours -----------------------------------------------------------------------------------------------


def test_hours_of_a_week_are_drawn_with_sunday_last(monitor: Monitor) -> None:
    monitor.plays(batch(full()))
    page = opened(**WEEK, range="7d")
    volume, slow = charts(page)
    cells = volume["data"][0]["z"]

    assert cells[6][9] == 12  # type: ignore[index]  # rows of numbers, in JSON
    assert slow["data"][0]["z"][0][3] is None  # type: ignore[index]
    assert "Most on Sun at 9:00, 12 answers" in told(page)
    assert "Slowest on Mon at 14:00, p95 15 min" in told(page)


def test_a_short_range_offers_a_longer_one(monitor: Monitor) -> None:
    monitor.plays(batch(full()))
    page = opened(**WEEK, range="1h")
    assert "at least two days are needed" in words(page)

    page.button(key="metrics-week-7d").click().run()
    assert page.query_params["range"] in ("7d", ["7d"])
    assert len(charts(page)) == 2


# Azure Monitor --------------------------------------------------------------------------------------------


def points(*values: float | None, split: str = "", name: str = "Transactions") -> Reply:
    data = [
        {"timeStamp": at(5 * place), "total": value, "average": value} for place, value in enumerate(values)
    ]
    marks = [{"name": {"value": split}, "value": "Put<b>"}] if split else []
    metric = {
        "id": "x",
        "type": "t",
        "name": {"value": name},
        "unit": "Count",
        "timeseries": [{"metadatavalues": marks, "data": data}],
    }
    return as_json({"values": [{"interval": "PT1M", "value": [metric]}]})


def test_a_metric_is_drawn_with_the_request_that_reads_it(monitor: Monitor) -> None:
    monitor.plays(batch(full()))
    monitor.measures(points(3, None, 7, split="ApiName"))
    page = opened(**AZURE, split="apiname")
    (chart,) = charts(page)

    assert chart["data"][0]["y"] == [3, None, 7]
    assert chart["data"][0]["name"] == "Put&lt;b&gt;"
    assert "Requests, total, by ApiName" in words(page)
    assert "Azure Monitor metrics · every 1 min" in words(page)
    assert (len(monitor.queries), len(monitor.metrics)) == (1, 1)


def test_only_what_the_metric_supports_is_offered(monitor: Monitor) -> None:
    monitor.plays(batch(full()))
    monitor.measures(points(4.5, name="QueueMessageCount"))
    page = opened(**AZURE, metric="QueueMessageCount", range="1h")

    assert page.selectbox(key="metrics-azure-agg").options == ["Average"]
    assert page.selectbox(key="metrics-azure-split").options == ["not split"]
    assert "1 h" in page.selectbox(key="metrics-azure-every").options
    assert "1 min" not in page.selectbox(key="metrics-azure-every").options
    assert "hourly data" in words(page)
    assert "holds too few values of it" in words(page)


def test_another_metric_drops_what_it_does_not_support(monitor: Monitor) -> None:
    monitor.plays(batch(full()))
    monitor.measures(points(3, split="ApiName"), points(4, name="QueueCount"))
    page = opened(**AZURE, split="ApiName")
    page.selectbox(key="metrics-azure-metric").set_value("QueueCount").run()

    assert not page.exception
    assert "Queues, average" in words(page)
    assert "split" not in page.query_params
    assert page.warning.len == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("resource", "moon"),
        ("metric", "' or 1 eq 1"),
        ("agg", "Median"),
        ("split", "x' or ApiName eq '*"),
        ("every", "PT7M"),
    ],
)
def test_an_address_cannot_ask_for_what_there_is_not(monitor: Monitor, name: str, value: str) -> None:
    """It is said, and replaced; nothing of it goes into the request."""
    monitor.plays(batch(full()))
    monitor.measures(points(1))
    page = opened(**AZURE, **{name: value})

    (warning,) = page.warning
    assert f"is none of {name}=" in warning.value.replace("\\", "")
    assert value not in monitor.metrics[-1].target


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        pytest.param(
            as_json({"error": {"code": "AuthorizationFailed", "message": "No role"}}, 403),
            "No role",
            id="403",
        ),
        pytest.param(as_json({}, 429, retry_after="300"), "asks for a pause of 300 s", id="429"),
        pytest.param(
            Reply(200, b"<html>", {"Content-Type": "text/html"}), "Could not read the metric", id="html"
        ),
        pytest.param(as_json({}), "Could not read the metric", id="bare"),
    ],
)
def test_a_metric_that_cannot_be_read_leaves_the_rest(monitor: Monitor, reply: Reply, said: str) -> None:
    monitor.plays(batch(full()))
    monitor.measures(reply)
    page = opened(**AZURE)

    assert said in told(page)
    assert tile(page, "Calls of agents") == "40"
    assert metrics_explorer.NO_DATA not in words(page)
    assert charts(page) == []


def test_no_value_is_not_zero(monitor: Monitor) -> None:
    monitor.plays(batch(full()))
    monitor.measures(points(None, None))
    page = opened(**AZURE)

    assert metrics_explorer.NO_DATA in words(page)
    assert charts(page) == []


def test_without_a_resource_the_tab_says_what_to_set(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = runtime.current()
    monkeypatch.setattr(running, "services", replace(running.services, metrics=None))
    monitor.plays(batch(full()))
    page = opened(**AZURE)

    assert "RELAYDECK_STORAGE_RESOURCE_ID" in words(page)
    assert tile(page, "Calls of agents") == "40"


def test_the_price_hint_is_a_list_that_would_be_read() -> None:
    """Who copies it and fills in numbers has a price list."""
    assert '[models."' in metrics_tokens.HOW_TO_PRICE
