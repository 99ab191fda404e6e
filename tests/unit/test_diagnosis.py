"""The rules of a diagnosis on facts that are hard to create, and the words around them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.agents.backend import Run
from services.agents.bindings import functions_of
from services.diagnosis.facts import CallSeen, Facts, Invocation, LogSeen, Part, Patience, QueueSeen
from services.diagnosis.lights import lights
from services.diagnosis.log import log_of
from services.diagnosis.patience import patience_of
from services.diagnosis.rules import judge
from services.diagnosis.verdicts import CODES
from services.diagnosis.why import contract_fault, reason
from services.models import PeekedMessage
from services.monitor.results import Row

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BEGAN = NOW - timedelta(seconds=60)
IN, OUT = "azure-function-foo-input", "azure-function-foo-output"
READ = Part("read")
SCHEMA = {"type": "object", "properties": {"query": {"type": "string"}, "times": {"type": "integer"}}}


def run(state: str = "requires_action", **fields: object) -> Run:
    return Run("run_1", "thread_1", "asst_1", state, BEGAN, None, {}, **fields)  # type: ignore[arg-type]  # as named


def message(
    query: str = "why", after_s: float = 0.0, correlation: str = "c-1", tries: int = 0, name: str = "m-1"
) -> PeekedMessage:
    body = {"query": query, "CorrelationId": correlation}
    return PeekedMessage(name, BEGAN + timedelta(seconds=after_s), None, tries, body, "", encoded=True)


def facts(
    waiting: tuple[PeekedMessage, ...] = (),
    given_up: tuple[PeekedMessage, ...] = (),
    replies: tuple[PeekedMessage, ...] = (),
    held: int = 0,
    log: LogSeen | None = None,
    correlation: str = "",
) -> Facts:
    call = CallSeen("call_1", "foo", "run_1", '{"query": "why"}', None, BEGAN, correlation, schema=SCHEMA)
    return Facts(
        NOW,
        Patience(30.0, "a test"),
        run(),
        call=call,
        calls=1,
        inbound=QueueSeen(IN, READ, waiting, len(waiting) + held),
        outbound=QueueSeen(OUT, READ, replies, len(replies)),
        poison=QueueSeen(f"{IN}-poison", READ, given_up),
        log=log or LogSeen(Part("unset", "None is set.")),
    )


def ran(ended: str, exception: str = "", *, ago_s: float = 50.0) -> LogSeen:
    one = Invocation("i-1", NOW - timedelta(seconds=ago_s), "exact", ended, exception, "m-1", 1)  # type: ignore[arg-type]
    return LogSeen(READ, (one,), one.at)


def test_of_two_calls_with_the_same_arguments_each_finds_its_own_message() -> None:
    """Ids unknown, one given up, one waiting: the agent service puts a message as it makes the call."""
    later, given_up = message(after_s=9, name="m-2"), message(after_s=4, name="m-3")

    assert judge(facts((later,), (given_up,))).code == "poison_unknown"
    assert judge(facts((message(after_s=1),), (given_up,))).code == "no_consumer"


def test_a_message_with_another_correlation_is_not_the_calls_though_its_arguments_are_the_same() -> None:
    """A known id decides, whatever the arguments are."""
    assert judge(facts((message(correlation="c-2"),), correlation="c-1")).code == "silent_loss"
    assert judge(facts((message(correlation="c-1"),), correlation="c-1")).certainty == "exact"


def test_a_queue_too_full_to_see_all_of_it_proves_no_loss() -> None:
    """A peek shows 32 messages; the call may lie behind them."""
    crowd = tuple(message(f"other {number}", correlation=f"x-{number}") for number in range(32))
    found = judge(facts(crowd, correlation="c-1"))

    assert found.code == "not_known"
    assert "32" in found.sentence


def test_a_function_that_ended_does_not_hold_what_others_hold() -> None:
    """One message is hidden, but the log says that the call's own was finished."""
    assert judge(facts(held=1)).code == "function_running"
    assert judge(facts(held=1, log=ran("succeeded"))).code == "silent_loss"


def test_a_function_that_ran_lately_is_busy_and_not_away() -> None:
    """Nobody holds a message at this moment, but its log shows another execution seconds ago."""
    log = LogSeen(READ, (), NOW - timedelta(seconds=5))
    assert judge(facts((message(),), log=log)).code == "function_busy"


def test_a_retry_that_lacks_a_role_is_named_as_that() -> None:
    log = ran("failed", "HttpResponseError: 403 AuthorizationPermissionMismatch")
    assert judge(facts((message(tries=2),), log=log)).code == "missing_role"


def test_a_failed_message_that_is_hidden_until_the_next_try_is_not_being_worked_on() -> None:
    """visibilityTimeout hides it; nobody holds it."""
    found = judge(facts(held=1, log=ran("failed", "ValueError: no such planet")))
    assert found.code == "function_failing"
    assert "ValueError: no such planet" in found.sentence


def test_a_poison_queue_that_cannot_be_read_proves_no_loss() -> None:
    known = facts()
    closed = replace(known, poison=QueueSeen(f"{IN}-poison", Part("failed", "It was away.")))
    assert judge(closed).code == "not_known"


def test_a_run_in_a_state_that_nobody_knows_is_still_at_work() -> None:
    """The service may learn new words."""
    known = replace(facts(), call=None, run=run("pondering"), at=BEGAN + timedelta(seconds=5))
    assert judge(known).code == "working"
    assert lights(known, judge(known)) == ()


@pytest.mark.parametrize("known", [facts(), facts((message(),)), facts((), (message(),)), facts(held=1)])
def test_there_are_always_six_lights_and_each_has_words(known: Facts) -> None:
    found = lights(known, judge(known))
    assert [light.name for light in found] == [
        "Enqueued",
        "Picked up",
        "Executed",
        "Output written",
        "Output read",
        "Run advanced",
    ]
    assert all(light.evidence for light in found)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"query": "why"}, "no CorrelationId"),
        ({"query": "why", "CorrelationId": "c"}, ""),
        ({"query": 7, "CorrelationId": "c"}, "query is not of type string"),
        ({"query": "why", "times": True, "CorrelationId": "c"}, "times is not of type integer"),
        ({"function_args": {"query": "why"}, "CorrelationId": "c"}, ""),
        ({"function_args": {}, "CorrelationId": "c"}, "query is missing"),
    ],
)
def test_a_call_is_held_against_its_own_schema(body: Mapping[str, object], said: str) -> None:
    fault = contract_fault(body, {**SCHEMA, "required": ["query"]})
    assert said in fault if said else fault == ""


@pytest.mark.parametrize(
    "schema", [{}, {"required": "query"}, {"properties": []}, {"properties": {"query": 1}}]
)
def test_a_schema_that_is_none_faults_nobody(schema: Mapping[str, object]) -> None:
    """Others' tools declare what they like."""
    assert contract_fault({"query": "why", "CorrelationId": "c"}, schema) == ""


def test_what_is_no_object_breaks_the_contract_and_plain_text_the_encoding() -> None:
    plain = replace(message(), body=None, encoded=False)
    assert reason(plain, {}, "").code == "poison_encoding"
    assert reason(replace(plain, encoded=True), {}, "").code == "poison_contract"


def line(invocation: str, text: str, after_s: float, level: int = 1) -> Row:
    at = BEGAN + timedelta(seconds=after_s)
    return {
        "TimeGenerated": at,
        "Source": "AppTraces",
        "Message": text,
        "SeverityLevel": level,
        "Category": "Function.foo",
        "Invocation": invocation,
    }


def test_an_invocation_that_was_called_off_is_not_the_last_failure() -> None:
    """A host that stops gives back what it has not begun; the failure before it is the one to tell."""
    trigger = "Trigger Details: MessageId: m-1, DequeueCount: {}, InsertionTime: now"
    rows = [
        line("i-1", trigger.format(1), 1),
        line(
            "i-1", "Exception while executing function\nException: ValueError: no such planet\nStack: …", 2, 3
        ),
        line("i-1", "Executed 'Functions.foo' (Failed, Id=i-1, Duration=1ms)", 2, 3),
        line("i-2", trigger.format(2), 3),
        line("i-2", "Executed 'Functions.foo' (Cancelled, Id=i-2, Duration=0ms)", 3, 3),
    ]
    call = facts().call
    assert call is not None
    (only,) = log_of(call, timedelta(minutes=1), (), rows, frozenset({"m-1"})).own

    assert (only.id, only.ended, only.delivery) == ("i-1", "failed", 1)
    assert only.exception == "ValueError: no such planet"


def times(*rows: tuple[str, int, float]) -> list[Row]:
    return [{"tools": tools, "answers": count, "p99_ms": p99_ms} for tools, count, p99_ms in rows]


@pytest.mark.parametrize(
    ("tools", "wait_s"),
    [
        ((), 9.0),
        (("foo",), 9.0),
        (("calculate",), 4.0),
        (("order_status",), 60.0),
        (("foo", "calculate"), 60.0),
    ],
    ids=["none-yet", "slowest-over-foo", "calculate", "too-few", "nobody-went-there"],
)
def test_a_run_may_take_as_long_as_its_route_does(tools: tuple[str, ...], wait_s: float) -> None:
    """Too few answers make no percentile; the setting then holds, and the words say so."""
    rows = times(
        ("foo", 100, 2_000), ("foo,orders", 30, 9_000), ("calculate", 20, 4_000), ("order_status", 19, 1.0)
    )
    found = patience_of(rows, tools, 60.0)

    assert found.seconds == wait_s
    assert ("RELAYDECK_TOOL_WAIT_S" in found.source) == (wait_s == 60.0)
    assert ("p99" in found.source) == (wait_s != 60.0)


@pytest.mark.parametrize(
    "tools",
    [None, "text", [1], [{}], [{"azure_function": {"function": {"name": "x"}}}], [{"azure_function": "x"}]],
)
def test_tools_that_say_too_little_are_left_out(tools: object) -> None:
    assert functions_of({"tools": tools}) == ()


def test_every_verdict_is_documented_and_no_other() -> None:
    """Whoever meets a code looks it up there."""
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    documented = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]
    assert sorted(documented) == sorted(CODES)
