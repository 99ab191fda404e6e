"""The Overview page in every state a card can have: the real page and SDK, a workspace that answers as the test wrote."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from azure.core.exceptions import ResourceExistsError
from streamlit.testing.v1 import AppTest

import runtime
from commands.stack import Control
from services.prices import Price, Prices
from tests.pages.conftest import ANSWER_TIMEOUT_S, ROOT, RUN_TIMEOUT_S, SHELL, words
from tests.pages.overview_workspace import (
    Body,
    Row,
    Workspace,
    at,
    empty,
    full,
    partial,
)
from tests.pages.workspaces import ask_of, table
from tests.scripted_server import Reply, ScriptedServer
from tests.waiting import wait_for
from ui import context, depth_board, overview_charts, overview_tiles

TILES = (
    "Answers per minute",
    "Success",
    "Answer time, p95",
    "Queue wait, p95",
    "Oldest message now",
    "Poison messages",
    "Open answers",
    "Tokens",
)
CARDS = (
    "Where does the time go?",
    "How long do answers take?",
    "How do answers end?",
    "Do messages pile up?",
)


@pytest.fixture
def workspace(control: Control, scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Relaydeck with a scripted workspace in place of Local Azure's; all else is real."""
    scripted.play()
    ask_of(scripted, monkeypatch, fresh_s=0.0)
    return Workspace(scripted)


def opened(**parameters: str) -> AppTest:
    page = AppTest.from_file(str(SHELL), default_timeout=RUN_TIMEOUT_S)
    for name, value in parameters.items():
        page.query_params[name] = value
    page.switch_page(str(ROOT / "pages" / "overview.py"))
    page.run()
    assert not page.exception
    return page


def tile(page: AppTest, label: str) -> str:
    (found,) = [metric.value for metric in page.metric if label in metric.label]
    return str(found)


def charts(page: AppTest) -> list[dict[str, object]]:
    return [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]


# What telemetry tells ---------------------------------------------------------------------------------


def test_a_full_page_shows_figures_changes_and_four_charts_for_one_request(workspace: Workspace) -> None:
    workspace.answers(full())
    page = opened(refresh="off")

    assert [tile(page, label) for label in TILES[:4]] == ["0.7", "90 %", "14.2 s", "7.0 s"]
    assert tile(page, "Tokens") == "12.3 k"
    changes = {metric.label: metric.delta for metric in page.metric}
    assert changes["Success"] == "-10 points"
    assert changes["Answer time, p95"] == "+11.0 s"
    assert len(charts(page)) == 4
    assert workspace.asked == 1


def test_each_chart_says_what_was_found_and_of_how_many(workspace: Workspace) -> None:
    workspace.answers(full())
    told = words(opened(refresh="off")).replace("\\", "")

    assert "n = 20 measured of 40 answers" in told
    assert "p95 was above 10 s in 1 of 2 stretches" in told
    assert "4 of 40 failed or expired" in told
    assert (
        "azure-function-foo-input: up to 6 messages, the oldest for 12.5 s. 1 of 2 queues held any." in told
    )


def test_a_stretch_without_answers_is_a_gap_in_the_lines_and_has_no_bar(workspace: Workspace) -> None:
    """Never a zero: nobody knows how long no answer took."""
    workspace.answers(full())
    parts, times, outcomes, _ = charts(opened(refresh="off"))

    lines = {trace["name"]: trace["y"] for trace in times["data"] if "name" in trace}  # type: ignore[attr-defined]  # JSON
    assert len(lines["p95"]) > 55
    assert sum(value is not None for value in lines["p95"]) == 2
    assert 0 not in lines["p95"]
    assert all(len(trace["x"]) == 1 for trace in parts["data"])  # type: ignore[attr-defined]  # only one is measured
    failed = next(trace for trace in outcomes["data"] if trace["name"] == "failed")  # type: ignore[attr-defined]
    assert failed["y"] == [3]
    answered = next(trace for trace in outcomes["data"] if trace["name"] == "answered")  # type: ignore[attr-defined]
    assert len(answered["y"]) > 55  # one for each stretch: there is something to point at


def test_problems_lead_to_a_run_and_their_text_means_nothing_to_the_page(workspace: Workspace) -> None:
    workspace.answers(full())
    page = opened(refresh="off")

    assert "The function is \\<b\\>silent" in words(page) or "&lt;b&gt;" in words(page)
    links = [link.proto.query_string for link in page.get("page_link") if "run_" in link.proto.query_string]
    assert any("run_7" in link and "thread_7" in link for link in links)
    assert any("run_9" in link for link in links)  # the slowest of the too slow


def test_an_empty_range_is_no_failure(workspace: Workspace) -> None:
    """0 answers is known; everything about them is not."""
    workspace.answers(empty())
    page = opened(refresh="off")

    assert tile(page, "Answers per minute") == "0"
    assert [tile(page, label) for label in TILES[1:4]] == ["no answers", "no answers", "no waits"]
    assert words(page).count(overview_charts.NO_ANSWER) == 3
    assert overview_charts.NO_READING in words(page)
    assert charts(page) == []


def test_a_part_is_shown_as_a_part(workspace: Workspace) -> None:
    workspace.answers(partial())
    page = opened(refresh="off")

    assert words(page).lower().count("only a part") >= 5
    assert tile(page, "Success") == "90 %"


def test_a_workspace_that_fails_leaves_what_is_live(workspace: Workspace) -> None:
    """Failed is never empty, and never 0."""
    workspace.answers(Reply(403, b"{}"))
    page = opened(refresh="off")

    assert [tile(page, label) for label in TILES[:4]] == ["not known"] * 4
    assert tile(page, "Open answers") == "0"
    assert "HTTP 403" in words(page)
    assert "Nothing needs you" not in words(page)
    assert overview_charts.NO_ANSWER not in words(page)


def test_one_query_that_fails_leaves_the_other_cards(workspace: Workspace) -> None:
    error: Body = {"error": {"code": "BadArgumentError", "message": "no such column"}}
    workspace.answers(full(queue_history=error))
    page = opened(refresh="off")

    assert len(charts(page)) == 3
    assert "no such column" in words(page)
    assert tile(page, "Success") == "90 %"


def test_a_workspace_that_asks_for_a_pause_is_quoted(workspace: Workspace) -> None:
    workspace.answers(Reply(429, b"{}", {"Retry-After": "300"}))
    page = opened(refresh="off")

    assert "HTTP 429" in words(page)
    assert tile(page, "Success") == "not known"


def test_what_was_read_before_stays_when_it_cannot_be_read_again(workspace: Workspace) -> None:
    workspace.answers(full(), Reply(503, b"{}"))
    page = opened(refresh="5s")
    page.button(key="view-again").click().run()

    assert workspace.asked == 2
    assert tile(page, "Success") == "90 %"
    assert "not read again since" in words(page).lower()
    assert len(charts(page)) == 4


@pytest.mark.parametrize("body", [b"<html>sign in</html>", b"{}", b"[]"], ids=["html", "bare", "list"])
def test_an_answer_that_is_none_is_a_failure_in_words(workspace: Workspace, body: bytes) -> None:
    workspace.answers(Reply(200, body, {"Content-Type": "application/json"}))
    page = opened(refresh="off")

    assert tile(page, "Answers per minute") == "not known"
    assert "Could not query the logs" in words(page)


def test_a_cost_is_shown_where_a_price_is_set_and_says_what_it_leaves_out(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two models one has a price: the sum is at least that."""
    running = runtime.current()
    prices = Prices({"gpt-4o": Price(Decimal("2.5"), Decimal("10"))})
    monkeypatch.setattr(running, "services", replace(running.services, prices=prices))
    rows: list[Row] = [
        [at(20), "gpt-4o", "clerk", 30, 30, 1_000_000.0, 100_000.0],
        [at(20), "other", "clerk", 10, 10, 1000.0, 100.0],
    ]
    workspace.answers({**full(), "token_use": table("token_use", rows)})
    page = opened(refresh="off")

    assert tile(page, "Tokens and cost") == "12.3 k · at least $3.50"
    assert "No price set for other" in next(one.help for one in page.metric if "Tokens" in one.label)
    assert workspace.asked == 1


# Requests ---------------------------------------------------------------------------------------------


def test_a_press_sends_nothing(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also much later, as long as the page is paused: here nothing stays fresh by itself."""
    monkeypatch.setattr(depth_board, "DEPTHS_FRESH_S", 0.0)
    workspace.answers(full())
    page = opened(refresh="off")
    depths = context.depth_board().read(3600.0)
    page.run()
    page.run()

    assert workspace.asked == 1
    assert context.depth_board().read(3600.0) is depths
    assert len(charts(page)) == 4


def test_a_second_viewer_costs_no_request(workspace: Workspace) -> None:
    workspace.answers(full())
    opened(refresh="30s")
    running = runtime.current().services.logs
    assert running is not None
    running._fresh_s = 5.0
    second = opened(refresh="30s")

    assert tile(second, "Success") == "90 %"
    assert workspace.asked == 1


# Without a workspace, and live ------------------------------------------------------------------------


@pytest.mark.usefixtures("without_workspace")
def test_without_a_workspace_the_page_says_so_once_and_shows_what_is_live(control: Control) -> None:
    page = opened()

    assert words(page).count("No Log Analytics workspace is set") == 1
    assert [tile(page, label) for label in TILES[:4]] == ["not known"] * 4
    assert tile(page, "Open answers") == "0"


@pytest.mark.usefixtures("without_workspace")
def test_poison_is_red_and_leads_to_its_queue(control: Control) -> None:
    client = runtime.current()._clients.queues.get_queue_client("overview-input-poison")
    try:
        client.create_queue()
    except ResourceExistsError:
        client.clear_messages()
    client.send_message("given up")
    try:
        page = opened()
        (label,) = [metric.label for metric in page.metric if "Poison" in metric.label]

        assert label.startswith(":red[")
        assert "message given up on in overview-input-poison" in words(page).replace("\\", "")
        links = [link.proto.query_string for link in page.get("page_link")]
        assert any("overview-input-poison" in link for link in links)
    finally:
        client.delete_queue()


@pytest.mark.usefixtures("without_workspace")
def test_queues_that_cannot_be_read_are_not_empty_queues(control: Control) -> None:
    control.fail(operation="queues.list_queues", status=403, code="AuthorizationFailure", times=50)
    page = opened()
    control.clear_faults()

    assert [tile(page, label) for label in ("Oldest message now", "Poison messages")] == ["not known"] * 2
    assert "HTTP 403" in words(page)
    assert "could not be looked at" in words(page)


def test_an_answer_that_was_given_is_on_the_page(control: Control, state_folder: Path) -> None:
    """Through Local Azure's own ingestion and KQL, nothing scripted."""
    services = runtime.current().services
    services.telemetry.start()
    answer = services.answers.ask("What would foo say about the most prevalent element in the universe?")
    assert services.answers.finish(answer.id, ANSWER_TIMEOUT_S).state == "answered"
    assert services.telemetry.flush(ANSWER_TIMEOUT_S)
    page = wait_for(lambda: found if tile(found := opened(), "Success") != "no answers" else None, 20.0, 0.5)

    assert tile(page, "Success") != "not known"
    assert tile(page, "Answers per minute") not in ("0", "not known")
    assert len(charts(page)) >= 3


def test_a_range_of_the_past_is_read_as_it_is_named(control: Control) -> None:
    page = opened(**{"range": "custom", "from": "2026-01-01T10:00:00Z", "to": "2026-01-01T11:00:00Z"})

    assert tile(page, "Answers per minute") == "0"
    assert "the hour before" in words(page)


@pytest.mark.parametrize(
    "parameters",
    [
        {"range": "10y"},
        {"range": "custom", "from": "tomorrow", "to": "'; drop table"},
        {"range": "custom", "from": "2099-01-01T00:00:00Z", "to": "2098-01-01T00:00:00Z"},
        {"refresh": "1ms", "zone": "<script>"},
    ],
    ids=["range", "words", "future", "refresh"],
)
def test_an_address_that_makes_no_sense_is_told_and_the_page_is_drawn(
    control: Control, parameters: dict[str, str]
) -> None:
    page = opened(**parameters)

    assert len(page.metric) == len(TILES)
    assert page.warning


# In words ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "shown"),
    [(0, "0"), (0.004, "<0.01"), (0.05, "0.05"), (0.3, "0.3"), (12.4, "12"), (1234.0, "1,234")],
)
def test_a_rate_that_is_not_nothing_is_not_shown_as_0(rate: float, shown: str) -> None:
    assert overview_tiles.rate_words(rate) == shown


@pytest.mark.parametrize(
    ("part", "shown"),
    [(1.0, "100 %"), (0.9996, ">99.9 %"), (0.945, "94.5 %"), (0.0001, "<0.1 %"), (0.0, "0 %")],
)
def test_all_and_none_are_shown_only_where_they_are(part: float, shown: str) -> None:
    """One failure of ten thousand is not a hundred percent."""
    assert overview_tiles.percent(part) == shown


@pytest.mark.parametrize(
    ("difference_s", "shown"),
    [(None, None), (0.0, None), (0.01, None), (-0.42, "-0.4 s"), (75.0, "+1 min 15 s")],
)
def test_a_change_that_is_none_is_not_drawn_as_a_rise(difference_s: float | None, shown: str | None) -> None:
    assert overview_tiles.seconds_change(difference_s) == shown
