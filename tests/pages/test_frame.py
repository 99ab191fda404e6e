"""The frame of the pages that watch: the bar, its address, the cards, and what a press of something costs."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

import runtime
from commands.stack import Control
from services.errors import Throttled, Unavailable
from services.monitor.results import Result
from tests.pages.conftest import ROOT, RUN_TIMEOUT_S, SHELL, address, words
from ui import cards, formats, view

QUEUES = str(ROOT / "pages" / "queues.py")
ASK = str(ROOT / "pages" / "ask.py")


def opened(page: str = QUEUES, **parameters: str) -> AppTest:
    """Open *page* as a browser with these parameters would; `since` stands for ?from=."""
    at = AppTest.from_file(str(SHELL), default_timeout=RUN_TIMEOUT_S)
    for name, value in parameters.items():
        at.query_params["from" if name == "since" else name] = value
    at.switch_page(page)
    at.run()
    assert not at.exception
    return at


def chosen(at: AppTest) -> tuple[object, ...]:
    return tuple(at.segmented_control(key=f"view-{name}").value for name in ("range", "refresh", "zone"))


def told_on(at: AppTest) -> str:
    """Everything that can be read, as it is read: without the marks that keep it from being markup."""
    return words(at).replace("\\", "")


@pytest.mark.usefixtures("control")
def test_a_first_visit_shows_the_last_hour_and_leaves_the_address_alone() -> None:
    at = opened()
    assert chosen(at) == ("1h", "5s", "local")
    assert [name for name in ("range", "refresh", "zone") if name in at.query_params] == []


@pytest.mark.usefixtures("control")
def test_the_address_is_what_is_shown() -> None:
    assert chosen(opened(range="6h", refresh="30s", zone="utc")) == ("6h", "30s", "utc")


@pytest.mark.usefixtures("control")
def test_what_is_chosen_goes_into_the_address() -> None:
    """A copied link shows the same to somebody else."""
    at = opened()
    at.segmented_control(key="view-range").set_value("24h").run()
    at.segmented_control(key="view-zone").set_value("utc").run()
    assert (address(at, "range"), address(at, "zone")) == ("24h", "utc")
    assert chosen(at) == ("24h", "5s", "utc")


@pytest.mark.usefixtures("control")
def test_pressing_what_is_chosen_changes_nothing() -> None:
    """Streamlit takes the second press for taking the choice back."""
    at = opened(range="6h")
    at.segmented_control(key="view-range").set_value(None).run()
    assert chosen(at)[0] == "6h"
    assert address(at, "range") == "6h"


@pytest.mark.usefixtures("control")
def test_a_switch_of_pages_keeps_it_although_the_menu_drops_the_address() -> None:
    at = opened(range="6h", zone="utc")
    at.query_params.clear()
    at.switch_page(ASK).run()
    assert "range" not in at.query_params, "this page has no range"
    at.query_params.clear()
    at.switch_page(QUEUES).run()
    assert chosen(at) == ("6h", "5s", "utc")
    assert (address(at, "range"), address(at, "zone")) == ("6h", "utc")


@pytest.mark.usefixtures("control")
def test_a_link_wins_over_what_was_chosen_before() -> None:
    at = opened(range="6h", zone="utc")
    at.query_params.clear()
    at.query_params["range"] = "7d"
    at.run()
    assert chosen(at) == ("7d", "5s", "utc")


@pytest.mark.usefixtures("control")
def test_what_a_page_keeps_in_the_address_stays_there(control: Control) -> None:
    at = opened(other="x")
    at.segmented_control(key="view-range").set_value("7d").run()
    assert (address(at, "other"), address(at, "range")) == ("x", "7d")


@pytest.mark.usefixtures("control")
@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"range": "10y"}, "There is no range “10y”: the last hour is shown."),
        ({"range": "custom", "since": "2026-01-02", "to": "2026-01-01"}, "wrong way round"),
        ({"range": "custom", "since": "2999-01-01", "to": "2999-01-02"}, "lies in the future"),
        ({"range": "custom", "since": "2010-01-01", "to": "2020-01-01"}, "31 days at most"),
        ({"range": "custom", "since": "soon", "to": "2026-01-02"}, "“soon” is not a time that can be read"),
        ({"refresh": "0"}, "There is no refresh “0”"),
        ({"zone": "x"}, "There is no zone “x”"),
    ],
    ids=["unknown", "reversed", "future", "ten years", "unreadable", "refresh", "zone"],
)
def test_an_address_that_makes_no_sense_is_told(parameters: dict[str, str], told: str) -> None:
    at = opened(**parameters)
    assert told in at.warning[0].value.replace("\\", "")


@pytest.mark.usefixtures("control")
def test_markup_in_the_address_is_text() -> None:
    """A link is written by anybody."""
    at = opened(range="![x](https://evil.example/x.png)<b>")
    (told,) = [one.value for one in at.warning]
    assert "![x](" not in told and "<b>" not in told.replace("\\<b\\>", "")
    assert "evil" in told


@pytest.mark.usefixtures("control")
def test_a_range_that_stands_still_has_no_refresh() -> None:
    at = opened(since="2026-01-01T10:00Z", to="2026-01-01T12:00Z")
    assert at.segmented_control(key="view-refresh").disabled
    assert chosen(at)[0] is None


# What the inventories and the health check ask by themselves, whoever presses what.
IN_THE_BACKGROUND = (
    "foundry.list_agents",
    "foundry.list_threads",
    "foundry.list_runs",
    "foundry.list_run_steps",
    "foundry.get_deployment",
)


@pytest.mark.usefixtures("control")
def test_no_press_of_the_bar_asks_azure(control: Control) -> None:
    """Zone, pause and refresh show what is there in another way; another range does not concern this page."""
    at = opened(refresh="30s")  # at 5 s, what a slow machine has drawn may be due again before the last press
    before = control.last_request()
    for name, value in (("zone", "utc"), ("refresh", "off"), ("refresh", "30s"), ("zone", "local")):
        at.segmented_control(key=f"view-{name}").set_value(value).run()
    after = [seen["operation"] for seen in control.requests(before)]
    sent = [str(one) for one in after if one not in IN_THE_BACKGROUND]
    assert [one for one in sent if one.startswith(("monitor.query", "foundry"))] == []


# What is old enough to be read again -----------------------------------------------------------------


def patience_after(seconds: float, monkeypatch: pytest.MonkeyPatch, **stated: str) -> float:
    """Return the patience of a session that opened a page *seconds* ago; what was read shortly before will do, too."""
    began = datetime(2026, 11, 22, 12, tzinfo=UTC)
    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.setattr(st, "query_params", dict(stated))
    monkeypatch.setattr(formats, "now", lambda: began)
    view.restore("x.py")
    monkeypatch.setattr(formats, "now", lambda: began + timedelta(seconds=seconds))
    return view.patience_s()


@pytest.mark.parametrize(
    ("stated", "after_s", "patience_s"),
    [
        ({"refresh": "5s"}, 60, 4.0),
        ({"refresh": "30s"}, 60, 24.0),
        ({"refresh": "30s"}, 5, 15.0),
        ({"refresh": "off"}, 600, 610.0),
        ({"from": "2026-11-21T10:00Z", "to": "2026-11-21T11:00Z"}, 600, 610.0),
    ],
    ids=["5 s", "30 s", "page just opened", "paused", "stands still"],
)
def test_a_press_reads_nothing_that_the_page_shows_already(
    stated: dict[str, str], after_s: float, patience_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert patience_after(after_s, monkeypatch, **stated) == pytest.approx(patience_s)


def test_a_paused_range_ends_where_it_was_paused(monkeypatch: pytest.MonkeyPatch) -> None:
    patience_after(600, monkeypatch, refresh="off")
    paused = view.current()
    assert (formats.now() - paused.end).total_seconds() == 600
    view.read_again()
    assert view.current().end == formats.now()
    assert view.patience_s() == 0.0


def test_pausing_keeps_what_is_on_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the last refresh brought is good enough; nothing older that somebody else has read."""

    class Address(dict[str, str]):
        def from_dict(self, values: dict[str, str]) -> None:
            self.clear()
            self.update(values)

    patience_after(600, monkeypatch, refresh="30s")
    monkeypatch.setattr(st, "query_params", Address(refresh="30s"))
    view.change(refresh="off")
    assert view.patience_s() == pytest.approx(60)
    assert view.current().end == formats.now()


# Any id ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("control")
def test_an_id_that_is_not_known_is_told_and_stays_until_another_is_looked_for() -> None:
    at = opened()
    at.text_input(key="find-id").set_value("run_nope").run()
    assert "There is no run run_nope" in told_on(at)
    at.run()
    assert "There is no run run_nope" in told_on(at)
    at.text_input(key="find-id").set_value("").run()
    assert "There is no run" not in words(at)


@pytest.mark.usefixtures("control")
def test_what_is_no_id_is_told_and_nothing_of_it_is_markup() -> None:
    at = opened()
    at.text_input(key="find-id").set_value('run_1" | union ![x](https://evil.example/x.png)').run()
    told = words(at)
    assert "cannot be an id" in told
    assert "![x](" not in told


def test_an_id_is_looked_for_once(control: Control) -> None:
    """The page is drawn again every few seconds; the search is not."""
    at = opened()
    before = control.last_request()
    at.text_input(key="find-id").set_value("corr-nope").run()
    for _ in range(3):
        at.run()
    asked = [seen["operation"] for seen in control.requests(before)]
    assert asked.count("monitor.query_batch") <= 2, "the search, and the page's own history"


@pytest.mark.usefixtures("control")
def test_a_conversation_is_opened_from_its_id() -> None:
    clients = runtime.current()._clients
    thread = clients.agents.threads.create()
    at = opened(range="6h")
    at.text_input(key="find-id").set_value(thread.id).run()
    assert not at.exception
    assert address(at, "thread") == thread.id
    assert at.chat_input(key="question")


# Cards ----------------------------------------------------------------------------------------------

READ_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
KQL = 'let start = datetime(2026-11-22);\nAppRequests | where Name == "answer"'
OK = Result("kpis", "ok", ({"n": 1},), READ_AT, kql=KQL)
DOWN = Unavailable("The workspace did not answer.", operation="query the logs", hint="Wait.")


def card(results: object, body: Callable[[], None] | None = None, **more: object) -> AppTest:
    """Draw one card in a page of its own."""

    def page() -> None:
        import streamlit as st

        from ui import cards

        given = dict(st.session_state["card"])
        cards.draw("How long?", given.pop("results"), given.pop("body"), key="one", **given)
        st.caption("the next card")

    at = AppTest.from_function(page, default_timeout=RUN_TIMEOUT_S)
    at.session_state["card"] = {"results": results, "body": body or draw_chart, **more}
    at.run()
    assert not at.exception
    assert "the next card" in words(at), "whatever one card meets, the others are drawn"
    return at


def draw_chart() -> None:
    import streamlit as st

    st.markdown("the chart")


def draw_throttled() -> None:
    raise Throttled("Too many at once.", operation="query the logs")


def draw_broken() -> None:
    raise ZeroDivisionError


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "now", lambda: READ_AT + timedelta(seconds=40))


@pytest.mark.usefixtures("now")
def test_a_card_says_where_its_number_comes_from_its_grain_and_its_age() -> None:
    at = card(OK, grain=timedelta(minutes=5))
    assert "the chart" in words(at)
    assert "Log Analytics · every 5 min · read 40 s ago" in words(at)


@pytest.mark.usefixtures("now")
@pytest.mark.parametrize(
    ("results", "told", "drawn"),
    [
        (None, "RELAYDECK_LOGS_WORKSPACE", False),
        (Result("kpis", "empty", (), READ_AT), "Nobody has asked anything.", False),
        (Result("kpis", "failed", problem=DOWN), "The workspace did not answer.", False),
        (
            Result("kpis", "throttled", problem=Throttled("Slow down.", operation="query the logs")),
            "Slow down.",
            False,
        ),
        (Result("kpis", "partial", OK.rows, READ_AT, said="3 of 4"), "Only a part was read. 3 of 4", True),
        (Result("kpis", "stale", OK.rows, READ_AT, DOWN), "The workspace did not answer.", True),
        ((OK, Result("runs", "failed", problem=DOWN)), "The workspace did not answer.", False),
        ((OK, Result("runs", "empty", (), READ_AT)), "Log Analytics", True),
    ],
    ids=["no workspace", "empty", "failed", "throttled", "partial", "stale", "one failed", "one empty"],
)
def test_a_card_never_shows_as_none_what_it_does_not_know(results: object, told: str, *, drawn: bool) -> None:
    at = card(results, empty="Nobody has asked anything.")
    assert told in told_on(at)
    assert ("the chart" in words(at)) is drawn
    assert ("Nobody has asked" in words(at)) is (told == "Nobody has asked anything.")


@pytest.mark.parametrize(
    ("body", "told"),
    [(draw_throttled, "Too many at once."), (draw_broken, "Something in Relaydeck itself went wrong")],
    ids=["a service fails", "a bug"],
)
def test_what_fails_in_a_card_is_told_in_it_and_nowhere_else(body: Callable[[], None], told: str) -> None:
    assert told in told_on(card(OK, body))


def test_one_failure_of_two_queries_is_told_once() -> None:
    """The queries of one request fail together."""
    failed = [Result(name, "failed", problem=DOWN) for name in ("kpis", "runs")]
    assert told_on(card(failed)).count("The workspace did not answer.") == 1


def test_a_failed_card_keeps_its_height() -> None:
    at = card(Result("kpis", "failed", problem=DOWN), height=260)
    assert reserved(at) == [260]


def reserved(at: AppTest) -> list[int]:
    """The heights in pixels that containers of the page ask for."""
    found, todo = [], [at.main]
    while todo:
        block = todo.pop()
        found.append(block.proto.height_config.pixel_height if block.proto else 0)
        todo += [child for child in block.children.values() if isinstance(child, Block)]
    return [height for height in found if height]


@pytest.mark.usefixtures("now")
@pytest.mark.parametrize("refresh", ["off", "5s"])
def test_an_age_is_only_shown_where_something_redraws_it(
    refresh: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.setattr(st, "query_params", {"refresh": refresh, "zone": "utc"})
    expected = "read at 12\\:00\\:00" if refresh == "off" else "read 40 s ago"
    assert cards.source_words([OK]) == f"Log Analytics · {expected}"


def test_the_query_is_built_only_when_it_is_looked_at() -> None:
    assert KQL not in words(card(OK, about="Counted."))


@pytest.mark.parametrize(
    ("value", "shown"), [("12", "12"), (None, "not known"), ("0", "0")], ids=["known", "unknown", "zero"]
)
def test_a_tile_does_not_show_zero_for_what_is_not_known(value: str | None, shown: str) -> None:
    def page() -> None:
        import streamlit as st

        from ui import cards

        cards.metric(
            "Stuck", st.session_state["value"], place=cards.tile("one"), delta=1.0, trend=(1.0, None, 2.0)
        )

    at = AppTest.from_function(page, default_timeout=RUN_TIMEOUT_S)
    at.session_state["value"] = value
    at.run()
    assert not at.exception
    (tile,) = at.metric
    assert tile.value == shown
    assert (tile.delta == "") is (value is None)


def test_the_trend_of_a_figure_is_told_in_words_too_and_needs_two_values() -> None:
    def page() -> None:
        from ui import cards

        cards.metric("Runs", "4", place=cards.tile("one"), trend=(1.0, None, 4.0))
        cards.metric("Poison", "0", place=cards.tile("two"), trend=(None, 1.0))

    (trend,) = AppTest.from_function(page, default_timeout=RUN_TIMEOUT_S).run().get("html")
    assert 'alt="Trend: from 1 to 4, now 4"' in trend.proto.body


def test_no_page_draws_plotly_by_itself() -> None:
    """One look: every figure goes through ui/charts/style.py."""
    for folder in ("ui", "pages"):
        for file in Path(ROOT / folder).rglob("*.py"):
            if file.name != "style.py":
                assert "st.plotly_chart" not in file.read_text("utf-8"), file
