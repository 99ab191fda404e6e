"""The poison desk's look: real SDK, real HTTP, a real host that gives up, and telemetry as exporters write it."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from emulator.functions_host.insights import attach
from emulator.server import Emulator, EmulatorSettings
from services.errors import AccessDenied, NotFound
from services.poison import desk
from services.poison.shapes import Look
from tests.contract.agents_support import Lab, start_foo
from tests.contract.monitor_support import Json, envelope, track
from tests.contract.poison_support import INPUT, LOOSE, POISON, Bench, call, encoded, open_bench
from tests.functions.conftest import import_path  # noqa: F401 - a host leaves its app on sys.path
from tests.functions.hosting import Hosted, settings_for, write_app
from tests.waiting import wait_for

TRACE = "d" * 32
CARRIED = f"00-{TRACE}-{'e' * 16}-01"
BROKEN = f"""
import azure.functions as func

app = func.FunctionApp()

@app.queue_trigger("message", queue_name="{INPUT}", connection="STORE")
def foo(message: func.QueueMessage) -> None:
    raise RuntimeError("the disk is full")
"""


@pytest.fixture
def bench(lab: Lab) -> Iterator[Bench]:
    with open_bench(lab.emulator) as found:
        yield found


def line(text: str, invocation: str, severity: int = 1) -> Json:
    """Return a line of the host's log, as Application Insights keeps it."""
    properties = {"InvocationId": invocation, "Category": "Function.foo"}
    return envelope("MessageData", {"message": text, "severityLevel": severity, "properties": properties})


def failed(invocation: str, correlation: str, exception: str) -> list[Json]:
    """Return what telemetry tells of one execution that failed for good. The exception as Azure's own host tells it."""
    told = {"relaydeck.invocation.id": invocation, "relaydeck.correlation_id": correlation}
    request = {"id": "1" * 16, "name": "foo", "duration": "0.00:00:01", "responseCode": "1", "success": False}
    outer = {
        "typeName": "FunctionInvocationException",
        "message": "Exception while executing function: Functions.foo",
    }
    inner = {
        "typeName": "RpcException",
        "message": f"Result: Failure\nException: {exception}\nStack:   File x",
    }
    return [
        line(
            f"Executing 'Functions.foo' (Reason='New queue message detected on '{INPUT}'.', Id={invocation})",
            invocation,
        ),
        line(f"Trigger Details: MessageId: m-{invocation}, DequeueCount: 3, InsertionTime: 2026", invocation),
        line(f"Executed 'Functions.foo' (Failed, Id={invocation}, Duration=1ms)", invocation, 3),
        envelope("RequestData", {**request, "properties": told}),
        envelope("ExceptionData", {"exceptions": [outer, inner], "properties": {"InvocationId": invocation}}),
    ]


def answered(run_id: str, thread_id: str) -> Json:
    """Return the span of an answer whose trace is TRACE."""
    told = {"relaydeck.run.id": run_id, "gen_ai.conversation.id": thread_id}
    request = {
        "id": "2" * 16,
        "name": "answer",
        "duration": "0.00:00:02",
        "responseCode": "0",
        "success": True,
    }
    return envelope("RequestData", {**request, "properties": told}, tags={"ai.operation.id": TRACE})


def test_a_look_shows_the_first_32_of_about_so_many_and_takes_none(bench: Bench) -> None:
    bench.put(POISON, *(call(n) for n in range(40)))

    look = bench.desk.look(POISON)

    assert (len(look.messages), look.about, look.whole) == (32, 40, False)
    assert "queues.get_messages" not in bench.asked()
    assert len(bench.contents(POISON)) == 32


def test_all_can_be_gone_through_and_show_again_at_once(bench: Bench) -> None:
    """Guarded: it takes them for a moment, which an operator confirms and the log tells."""
    ids = bench.put(POISON, *(call(n) for n in range(70)))

    look = bench.desk.look_through(POISON)

    assert ([one.id for one in look.messages], look.whole) == (ids, True)
    assert {one.dequeue_count for one in look.messages} == {1}
    assert len(bench.contents(POISON)) == 32 and bench.count(POISON) == 70
    assert len(bench.desk.look_through(POISON, most=40).messages) == 40


def test_going_through_many_large_messages_ends_before_memory_does(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "WHOLE_BYTES", 100_000)
    bench.put(POISON, *("A" * 4_000 for _ in range(40)))

    look = bench.desk.look_through(POISON)

    assert (len(look.messages), look.about, look.whole) == (32, 40, False)


def test_what_could_not_be_shown_again_shows_by_itself(bench: Bench) -> None:
    """An identity that may take messages but not change them: Storage Queue Data Message Processor."""
    bench.put(POISON, call(1))
    bench.fail("queues.update_message", status=403, code="AuthorizationPermissionMismatch")

    assert len(bench.desk.look_through(POISON).messages) == 1
    assert bench.contents(POISON) == []
    bench.emulator.advance(61)
    assert bench.contents(POISON) == [call(1)]


@pytest.mark.parametrize(
    ("content", "kinds", "words"),
    [
        ('{"query": "x", "CorrelationId": "c"}', ["encoding"], "not in base64"),
        (encoded(encoded({"query": "x", "CorrelationId": "c"})), ["encoding"], "twice"),
        ("eyJxdWVyeSI6/w==", ["encoding", "form"], "no UTF-8"),
        (encoded("hello"), ["form"], "text that is no JSON"),
        (encoded("[1]"), ["form"], "a JSON array"),
        (encoded({"query": "x"}), ["form"], "nobody to answer"),
        (encoded({"query": "x", "CorrelationId": True}), ["form"], "neither text nor"),
        (encoded({"query": 5, "CorrelationId": "c"}), ["contract"], "not of type 'string'"),
        (
            encoded({"function_args": {"q": "<b>x</b>"}, "CorrelationId": "c"}),
            ["contract"],
            "'query' is a required",
        ),
        (encoded({"query": "x", "CorrelationId": "c"}), ["unknown"], "no failed execution"),
        ("A" * 65_536, ["encoding", "form"], "no UTF-8"),
    ],
    ids=["json", "twice", "bytes", "text", "array", "no id", "bad id", "kind", "nested", "good", "64 KiB"],
)
def test_the_message_itself_tells_why_the_function_could_not_take_it(
    bench: Bench, content: str, kinds: list[str], words: str
) -> None:
    bench.put(POISON, content)

    (message,) = bench.desk.look(POISON).messages

    assert [one.kind for one in message.causes] == kinds
    assert words in message.causes[0].words
    assert message.comes_back == (kinds[0] in ("encoding", "form"))


def test_the_contract_is_the_one_of_the_agent_where_it_can_be_read(lab: Lab, bench: Bench) -> None:
    """The catalogue wants a query; the agent that made the call was told of a colour."""
    lab.agent(tools=lab.function_tool("foo", colour="Which one.").definitions)
    bench.put(POISON, encoded({"colour": 7, "CorrelationId": "c"}))

    look = bench.desk.look(POISON)

    assert look.contract is not None and look.contract.source == "agent"
    assert "colour: 7 is not of type 'string'" in look.messages[0].causes[0].words


def test_without_the_agents_the_catalogue_is_the_contract_and_that_is_said(bench: Bench) -> None:
    bench.put(POISON, encoded({"colour": 7, "CorrelationId": "c"}))
    bench.fail("foundry.list_agents", status=403, code="Forbidden")

    look = bench.desk.look(POISON)

    assert look.contract is not None and look.contract.source == "catalogue"
    assert [type(one) for one in look.problems] == [AccessDenied]


def test_a_host_that_gave_up_tells_the_exception(
    state: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The message in the poison queue is a copy with another id: they are joined by the time, and that is said.

    A Local Azure of its own: what the host logs bears the time of day, and other tests have moved the shared clock.
    """
    caplog.set_level(logging.INFO)
    with Emulator(EmulatorSettings(state=state)) as own, open_bench(own) as bench:
        sent = give_up(bench, write_app(tmp_path / "app", BROKEN))
        (message,) = wait_for(lambda: [one for one in bench.desk.look(POISON).messages if one.failure])

    assert message.failure is not None and message.failure.message_id == sent != message.id
    assert (message.failure.certainty, message.failure.deliveries) == ("strong", 3)
    assert [one.kind for one in message.causes] == ["exception"]
    assert message.causes[0].words == "The function failed on delivery 3: RuntimeError: the disk is full"


def give_up(bench: Bench, app: Path) -> str:
    """Return the id of a message that *app* was given three times, once it lies in the poison queue and all is told."""
    sink = attach({"APPLICATIONINSIGHTS_CONNECTION_STRING": bench.emulator.insights_connection_string})
    assert sink is not None
    try:
        with Hosted(app, settings_for(bench.emulator)):
            (sent,) = bench.put(INPUT, encoded({"query": "x", "CorrelationId": "c"}))
            wait_for(
                lambda: POISON in bench.run.services.queues.list_names(POISON) and bench.contents(POISON)
            )
        assert sink.finish(20.0)
    finally:
        logging.getLogger().removeHandler(sink)
    return sent


def test_of_messages_given_up_on_together_each_has_its_own_exception(bench: Bench) -> None:
    """By the CorrelationId that the function told; one that told none is left without, rather than with another's."""
    first, second, silent = bench.put(POISON, call(1), call(2), call(3))
    track(
        bench.emulator, [*failed("i-1", "corr-1", "KeyError: 'a'"), *failed("i-2", "corr-2", "ValueError: b")]
    )

    told = {one.id: one.failure for one in bench.desk.look(POISON).messages}

    assert [told[one].exception for one in (first, second)] == ["KeyError: 'a'", "ValueError: b"]  # type: ignore[union-attr]  # an absent one fails the test
    assert {told[one].certainty for one in (first, second)} == {"exact"}  # type: ignore[union-attr]  # as above
    assert told[silent] is None


def test_an_id_that_no_query_can_hold_costs_the_others_nothing(bench: Bench) -> None:
    bench.put(POISON, encoded({"query": "x", "CorrelationId": "a\u0000b\ud800"}), call(1))
    call_span = {"id": "3" * 16, "name": "execute_tool foo", "duration": "0.00:00:01", "success": True}
    told = {"relaydeck.correlation_id": "corr-1"}
    dependency = envelope("RemoteDependencyData", {**call_span, "type": "InProc", "properties": told})
    track(bench.emulator, [answered("run_1", "thread_1"), {**dependency, "tags": {"ai.operation.id": TRACE}}])

    look = bench.desk.look(POISON)

    assert look.problems == ()
    assert [one.owner.run_id if one.owner else "" for one in look.messages] == ["", "run_1"]


def test_whose_run_is_over_nobody_waits(lab: Lab, bench: Bench) -> None:
    """Its trace context, which the call carries, leads to the run; the agent service tells how that ended."""
    lab.model.reset()
    run = lab.ask(lab.agent(), "Hello")
    track(bench.emulator, [answered(run.id, run.thread_id)])
    bench.put(POISON, encoded({"query": "x", "CorrelationId": "c", "traceparent": CARRIED}))

    (message,) = bench.desk.look(POISON).messages

    assert message.owner is not None
    assert (message.owner.run_id, message.owner.thread_id, message.owner.certainty) == (
        run.id,
        run.thread_id,
        "exact",
    )
    assert (message.awaited, message.run_state) == ("no", "completed")


def test_whose_run_is_open_somebody_waits(lab: Lab, bench: Bench) -> None:
    run = start_foo(lab)
    track(bench.emulator, [answered(run.id, run.thread_id)])
    bench.put(POISON, encoded({"query": "x", "CorrelationId": "c", "traceparent": CARRIED}))

    (message,) = bench.desk.look(POISON).messages

    assert message.awaited == "yes"


def test_a_run_that_was_deleted_waits_for_nothing(bench: Bench) -> None:
    track(bench.emulator, [answered("run_gone", "thread_gone")])
    bench.put(POISON, encoded({"query": "x", "CorrelationId": "c", "traceparent": CARRIED}))

    (message,) = bench.desk.look(POISON).messages

    assert (message.awaited, message.run_state) == ("no", "deleted")


def test_a_run_whose_state_cannot_be_read_is_not_called_closed(lab: Lab, bench: Bench) -> None:
    run = start_foo(lab)
    track(bench.emulator, [answered(run.id, run.thread_id)])
    bench.put(POISON, encoded({"query": "x", "CorrelationId": "c", "traceparent": CARRIED}))
    bench.fail("foundry.get_run", status=403, code="Forbidden")

    look = bench.desk.look(POISON)

    assert look.messages[0].awaited == "unknown"
    assert [type(one) for one in look.problems] == [AccessDenied]


def test_when_the_workspace_refuses_the_messages_are_shown_all_the_same(bench: Bench) -> None:
    bench.put(POISON, call(1))
    bench.fail("monitor.*", status=403, code="InsufficientAccessError")

    look = bench.desk.look(POISON)

    assert len(look.messages) == 1
    assert any(isinstance(one, AccessDenied) for one in look.problems)


def where(look: Look) -> tuple[str, str] | None:
    return (look.destination.queue, look.destination.how) if look.destination else None


def test_where_a_message_belongs_is_known_or_not_and_never_guessed(lab: Lab, bench: Bench) -> None:
    bench.put(POISON, "x")
    bench.put(LOOSE, "x")
    bench.put("orders-poison", "x")
    bench.put("orders", "x")
    lab.agent(tools=lab.function_tool("paint").definitions)
    bench.put("azure-function-paint-input-poison", "x")

    assert where(bench.desk.look(POISON)) == (INPUT, "catalogue")
    assert where(bench.desk.look("azure-function-paint-input-poison")) == (
        "azure-function-paint-input",
        "agent",
    )
    assert where(bench.desk.look("orders-poison")) == ("orders", "name")
    assert where(bench.desk.look(LOOSE)) is None


def test_a_queue_that_there_is_not_says_so(bench: Bench) -> None:
    with pytest.raises(NotFound):
        bench.desk.look(POISON)


def test_a_refused_look_names_the_role(bench: Bench) -> None:
    bench.put(POISON, "x")
    bench.fail("queues.peek_messages", status=403, code="AuthorizationPermissionMismatch", skip=1)

    with pytest.raises(AccessDenied) as caught:
        bench.desk.look(POISON)
    assert "Storage Queue Data Reader" in caught.value.hint


def test_a_message_that_expires_is_shown_with_when(bench: Bench) -> None:
    bench.put(POISON, "x", time_to_live=60)

    (message,) = bench.desk.look(POISON).messages

    assert message.inserted_at is not None
    assert message.expires_at == message.inserted_at + timedelta(seconds=60)
