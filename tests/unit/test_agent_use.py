"""Who was called how often: the query on rows whose answer is known, and what is made of its rows."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from services.inventory.agents_use import Use, uses_of
from services.monitor.kql import Value
from tests.log_tables import LogTables
from tests.unit.agent_rows import NOW, board, calls, entry, row, team

RANGE: dict[str, Value] = {"start": NOW - timedelta(hours=1), "end": NOW}
AT = NOW - timedelta(minutes=30)


@pytest.fixture
def tables() -> Iterator[LogTables]:
    found = LogTables()
    yield found
    found.close()


def tell(tables: LogTables, operation: str, leader: str, *, failed: bool = False) -> None:
    """One answer: the orchestrator, the agent it calls, that agent's tool."""
    tables.add_span(
        "AppDependencies",
        "invoke_agent orchestrator",
        AT,
        900,
        operation=operation,
        span=f"{operation}-o",
        success=not failed,
        gen_ai__operation__name="invoke_agent",
        gen_ai__agent__name="orchestrator",
        gen_ai__agent__id=leader,
        gen_ai__usage__input_tokens="10",
        gen_ai__usage__output_tokens="2",
    )
    tables.add_span(
        "AppDependencies",
        "invoke_agent foo_bot",
        AT,
        500,
        operation=operation,
        span=f"{operation}-d",
        parent=f"{operation}-o",
        gen_ai__operation__name="invoke_agent",
        gen_ai__agent__name="foo_bot",
    )
    tables.add_span(
        "AppDependencies",
        "execute_tool foo",
        AT,
        300,
        operation=operation,
        span=f"{operation}-t",
        parent=f"{operation}-d",
        success=not failed,
        gen_ai__operation__name="execute_tool",
        gen_ai__tool__name="foo",
    )


def test_each_call_is_told_with_who_led_to_it(tables: LogTables) -> None:
    """Delegations carry no id of the agent they go to; their trace's orchestrator and the name lead to it."""
    tell(tables, "a", "asst_1")
    tell(tables, "b", "asst_2", failed=True)
    rows = {(r["part"], r["leader_id"] or r["agent_id"]): r for r in tables.ask("agent_use", RANGE)}

    assert set(rows) == {
        (part, leader) for part in ("agent", "connected", "tool") for leader in ("asst_1", "asst_2")
    }
    assert (rows["agent", "asst_1"]["counted"], rows["agent", "asst_1"]["input_tokens"]) == (1, 10)
    assert (rows["tool", "asst_2"]["agent"], rows["tool", "asst_2"]["failed"]) == ("foo_bot", 1)
    assert (rows["connected", "asst_1"]["name"], rows["connected", "asst_1"]["p95_ms"]) == ("foo_bot", 500)


def test_what_an_answer_that_somebody_stopped_began_does_not_count(tables: LogTables) -> None:
    tell(tables, "a", "asst_1")
    tables.add_span("AppRequests", "answer", AT, 900, operation="a", relaydeck__outcome="cancelled")
    assert tables.ask("agent_use", RANGE) == []


def test_waits_are_told_by_queue(tables: LogTables) -> None:
    for number, wait_ms in enumerate((100, 900)):
        tables.add_span(
            "AppRequests",
            "foo",
            AT,
            30,
            span=f"f{number}",
            relaydeck__invocation__id=f"i{number}",
            messaging__destination__name="foo-in",
            relaydeck__queue_wait_ms=str(wait_ms),
        )
    (found,) = tables.ask("agent_use", RANGE)
    assert (found["part"], found["name"], found["calls"], found["p95_ms"]) == ("queue", "foo-in", 2, 900)


def test_the_calls_of_one_agent_over_time_leave_out_those_of_its_namesakes(tables: LogTables) -> None:
    tell(tables, "a", "asst_1")
    tell(tables, "b", "asst_2")
    asked: dict[str, Value] = {
        **RANGE,
        "grain": timedelta(hours=1),
        "agents": ["asst_foo"],
        "called": "foo_bot",
    }

    assert [r["calls"] for r in tables.ask("agent_calls", {**asked, "leaders": ["asst_1"]})] == [1]
    assert [r["calls"] for r in tables.ask("agent_calls", {**asked, "leaders": ["asst_1", "asst_2"]})] == [2]
    assert [
        r["calls"] for r in tables.ask("agent_calls", {**asked, "agents": ["asst_2"], "leaders": []})
    ] == [1]


def test_a_connected_agent_is_found_through_its_orchestrator() -> None:
    found = uses_of(
        [
            row("agent", "orchestrator", agent_id="asst_lead", calls=3, counted=3, input_tokens=30.0),
            row("connected", "foo_bot", leader_id="asst_lead", calls=2, failed=1),
            row("tool", "foo", leader_id="asst_lead", agent="foo_bot", calls=2),
            row("queue", "foo-in", calls=2, p95_ms=250.0),
        ],
        team(),
    )
    assert found.agents["asst_lead"].calls == 3 and found.agents["asst_lead"].input_tokens == 30
    foo = found.agents["asst_foo"]
    assert (foo.calls, foo.failed, foo.tokens, foo.success_share) == (2, 1, None, 0.5)
    assert found.links["asst_lead", "foo_bot"].calls == 2
    assert found.tools["asst_foo", "foo"].calls == 2
    assert found.queues["foo-in"].p95_s == 0.25


def test_two_orchestrators_make_a_bound_of_what_they_share() -> None:
    """The percentile of both together cannot be told from theirs, but it is no larger than the larger."""
    leaders = [
        entry(f"asst_{n}", calls("asst_foo", "foo_bot"), role="orchestrator", name="orchestrator")
        for n in (1, 2)
    ]
    rows = [
        row("connected", "foo_bot", leader_id="asst_1", calls=2, p95_ms=1000.0),
        row("connected", "foo_bot", leader_id="asst_2", calls=3, p95_ms=4000.0),
    ]
    found = uses_of(rows, board(*leaders, entry("asst_foo", name="foo_bot")))

    foo = found.agents["asst_foo"]
    assert (foo.calls, foo.p95_s, foo.is_bound) == (5, 4.0, True)
    assert not found.links["asst_1", "foo_bot"].is_bound
    assert found.leaders["asst_foo"] == ("asst_1", "asst_2")


def test_one_of_ours_that_nobody_called_has_no_calls_and_one_of_others_is_not_known() -> None:
    """Telemetry of others may go elsewhere, or nowhere; without telemetry nothing is known of ours either."""
    found = uses_of([], team())
    ours, theirs = entry("asst_lead"), entry("asst_x", owner="foreign", standing=None)
    assert found.of(ours) == Use()
    assert found.of(ours, is_told=False) is None
    assert found.of(theirs) is None


def test_an_agent_that_is_no_more_is_named_once_all_were_read() -> None:
    rows = [row("agent", "old", agent_id="asst_old", calls=7)]
    assert [(one.agent_id, one.use.calls) for one in uses_of(rows, team()).gone] == [("asst_old", 7)]
    assert uses_of(rows, board(state="partial")).gone == ()


def test_demo_history_stands_in_until_the_team_is_used() -> None:
    """Its agents never were; a first visitor still sees what the page is for."""
    demo = [
        row("agent", "orchestrator", agent_id="asst_Demo", demo=True, calls=9),
        row("connected", "foo_bot", leader_id="asst_Demo", demo=True, calls=8),
    ]
    found = uses_of(demo, team())
    assert (found.agents["asst_lead"].calls, found.agents["asst_foo"].demo, found.gone) == (9, True, ())
    used = uses_of([*demo, row("agent", "orchestrator", agent_id="asst_lead")], team())
    assert (used.agents["asst_lead"].calls, used.agents["asst_lead"].demo) == (1, False)
