"""The Metrics page in every state of its cards: the real page and SDKs, a workspace that answers as the test wrote."""

from dataclasses import replace
from decimal import Decimal

import pytest
from streamlit.testing.v1 import AppTest

import runtime
from commands.stack import Control
from services.prices import Price, Prices
from tests.pages.conftest import words
from tests.pages.metrics_monitor import (
    Monitor,
    at,
    batch,
    charts,
    empty,
    full,
    install,
    opened,
    partial,
    rows,
    tile,
    told,
)
from tests.pages.workspaces import table
from tests.scripted_server import Reply, ScriptedServer, as_json
from ui import metrics_parts, metrics_tokens

TILES = ("Calls of agents", "Calls of tools", "Tool calls that failed", "Tokens", "Cost")
TOKENS, WEEK = {"tab": "Tokens and cost"}, {"tab": "Busy hours"}


@pytest.fixture
def monitor(control: Control, scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Monitor:
    """A server in place of Local Azure's monitor, for logs and metrics; all else is real."""
    return install(scripted, monkeypatch)


@pytest.fixture
def priced(monitor: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    running = runtime.current()
    prices = Prices({"gpt-4o": Price(Decimal("2.50"), Decimal(10))})
    monkeypatch.setattr(running, "services", replace(running.services, prices=prices))


def tiles(page: AppTest) -> list[str]:
    return [tile(page, label) for label in TILES]


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


def test_the_price_hint_is_a_list_that_would_be_read() -> None:
    """Who copies it and fills in numbers has a price list."""
    assert '[models."' in metrics_tokens.HOW_TO_PRICE
