"""Verdicts on a call that has no reply: each is created as it happens, through the real SDKs, then diagnosed."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from emulator.faults import Fault
from emulator.server import Emulator, EmulatorSettings
from services.telemetry.spans import argument_hash
from tests.contract.agents_support import FOO_IN, FOO_OUT, Lab, ScriptedModel, open_lab, start_foo
from tests.contract.diagnosis_support import Ward, foo_app, lights_of, open_ward, put_away
from tests.contract.monitor_support import envelope, track
from tests.waiting import wait_for

PATIENT: dict[str, Any] = {
    "breaker_failure_share": "1",
    "breaker_min_calls": "20",
}  # one test's failures do not shut out the next


@pytest.fixture(scope="module")
def own_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A Local Azure whose clock nobody moves: a function app tells its log by the real time."""
    model = ScriptedModel()
    settings = EmulatorSettings(state=tmp_path_factory.mktemp("ward"))
    with Emulator(settings, model=model) as emulator, open_lab(emulator, model) as lab:
        yield lab


@pytest.fixture(scope="module")
def seeing(own_lab: Lab) -> Iterator[Ward]:
    with open_ward(own_lab, **PATIENT) as ward:
        ward.service.patience(())  # the first query is slow
        yield ward


@pytest.fixture(scope="module")
def unseeing(own_lab: Lab) -> Iterator[Ward]:
    with open_ward(own_lab, workspace=False, **PATIENT) as ward:
        yield ward


@pytest.fixture
def ward(seeing: Ward) -> Iterator[Ward]:
    seeing.begin_anew()
    yield seeing
    assert seeing.lab.emulator.unspent_faults() == []


@pytest.fixture
def blind(unseeing: Ward) -> Iterator[Ward]:
    """Relaydeck without a workspace."""
    unseeing.begin_anew()
    yield unseeing
    assert unseeing.lab.emulator.unspent_faults() == []


def poisoned(ward: Ward) -> bool:
    names = {queue.name for queue in ward.lab.queues.list_queues()}
    return f"{FOO_IN}-poison" in names and bool(ward.lab.left(f"{FOO_IN}-poison"))


def tell_execution(ward: Ward, correlation_id: str) -> None:
    """Tell what the function app tells of a call that it has answered (docs/telemetry.md)."""
    told = {
        "relaydeck.invocation.id": "i-1",
        "relaydeck.correlation_id": correlation_id,
        "relaydeck.outcome": "answered",
        "messaging.message.id": "m-1",
        "relaydeck.dequeue_count": "1",
        "relaydeck.argument_hash": argument_hash('{"query": "why"}'),
    }
    item = envelope(
        "RequestData",
        {"id": "c" * 16, "name": "foo", "duration": "0.00:00:00.100", "success": True, "responseCode": "0"}
        | {"properties": told},
    )
    assert track(ward.lab.emulator, [item]).status == 200


# In the input queue ----------------------------------------------------------------------------------


def test_a_call_that_was_just_made_has_nothing_wrong(ward: Ward) -> None:
    found = ward.diagnose(start_foo(ward.lab), later_s=-5)

    assert found.verdict.code == "working"
    assert lights_of(found) == {
        "Enqueued": "done",
        "Picked up": "active",
        "Executed": "ahead",
        "Output written": "ahead",
        "Output read": "ahead",
        "Run advanced": "active",
    }


def test_a_message_that_waits_as_long_as_a_start_takes_waits_for_a_cold_function(ward: Ward) -> None:
    found = ward.diagnose(start_foo(ward.lab), later_s=12)

    assert found.verdict.code == "function_cold"
    assert "cold start" in found.verdict.next_step


def test_a_message_that_nobody_takes_has_no_consumer(ward: Ward) -> None:
    """The function app is stopped."""
    found = ward.diagnose(start_foo(ward.lab), later_s=45)

    assert (found.verdict.code, found.verdict.certainty) == ("no_consumer", "strong")
    assert FOO_IN in found.verdict.sentence and re.search(r"4[56].\d s", found.verdict.sentence)
    assert found.lights[1].evidence.endswith("dequeue count 0.")


def test_a_message_behind_others_that_are_worked_on_waits_for_a_busy_function(ward: Ward) -> None:
    run = start_foo(ward.lab)
    with ward.lab.queues.get_queue_client(FOO_IN) as queue:
        queue.send_message("b3RoZXI=")  # one more, behind it
        first = queue.receive_message(visibility_timeout=600)
        assert first is not None
        queue.send_message(first.content)  # the call itself, put again behind: what is held is another's now
    found = ward.diagnose(run, later_s=40)

    assert found.verdict.code == "function_busy"
    assert "1 ahead of it, 1 being worked on" in found.verdict.sentence


def test_a_message_that_is_held_is_with_the_function(ward: Ward) -> None:
    """Invisible in the input queue: taken, and not finished."""
    run = start_foo(ward.lab)
    with ward.lab.queues.get_queue_client(FOO_IN) as queue:
        queue.receive_message(visibility_timeout=600)
    found = ward.diagnose(run, later_s=20)

    assert (found.verdict.code, found.verdict.certainty) == ("function_running", "guess")
    assert lights_of(found)["Executed"] == "active"


def test_a_queue_that_was_deleted_is_missing(ward: Ward) -> None:
    run = start_foo(ward.lab)
    ward.lab.queues.delete_queue(FOO_IN)
    found = ward.diagnose(run)

    assert found.verdict.code == "queue_missing"
    assert lights_of(found)["Enqueued"] == "failed"


# The function fails ----------------------------------------------------------------------------------


def test_a_function_that_fails_and_tries_again_says_why(ward: Ward, tmp_path: Path) -> None:
    """The message is back in the queue after a failed delivery; its log tells the exception."""
    run = start_foo(ward.lab)
    how: dict[str, Any] = {"visibilityTimeout": "00:00:01", "maxDequeueCount": 50}
    with foo_app(ward.lab, tmp_path, 'raise ValueError("no such planet")', **how):
        wait_for(lambda: any(seen.dequeue_count for seen in ward.running.services.queues.peek(FOO_IN)))
    wait_for(lambda: ward.lab.left(FOO_IN))
    found = ward.diagnose(run)

    assert found.verdict.code == "function_failing"
    assert re.search(r"after \d+ deliver(y|ies)", found.verdict.sentence)
    assert "ValueError: no such planet" in found.verdict.sentence


@pytest.mark.parametrize(
    ("body", "host", "code", "said"),
    [
        ('raise ValueError("no such planet")', {}, "poison_exception", "ValueError: no such planet"),
        ("json.loads(msg.get_body())", {"messageEncoding": "none"}, "poison_encoding", "JSONDecodeError"),
        ('json.loads(msg.get_body())["function_args"]', {}, "poison_contract", "function_args"),
        (
            'raise PermissionError("403 AuthorizationPermissionMismatch: not authorized to perform this operation")',
            {},
            "poison_role",
            "AuthorizationPermissionMismatch",
        ),
    ],
    ids=["exception", "encoding", "contract", "role"],
)
def test_a_message_that_was_given_up_says_why(
    ward: Ward, tmp_path: Path, body: str, host: dict[str, Any], code: str, said: str
) -> None:
    """The message itself, the tool's own schema and the last exception by MessageId tell the reason."""
    run = start_foo(ward.lab)
    with foo_app(ward.lab, tmp_path, body, **host):
        wait_for(lambda: poisoned(ward))
    found = ward.diagnose(run)

    assert found.verdict.code == code
    assert said in found.verdict.sentence
    assert lights_of(found)["Executed"] == "failed"
    assert found.lights[2].certainty == "guess", "the only message that this function ran at that time"


def test_without_a_workspace_poison_is_seen_and_its_reason_is_said_to_be_unknown(
    blind: Ward, tmp_path: Path
) -> None:
    run = start_foo(blind.lab)
    with foo_app(blind.lab, tmp_path, 'raise ValueError("no such planet")'):
        wait_for(lambda: poisoned(blind))
    found = blind.diagnose(run)

    assert found.verdict.code == "poison_unknown"
    assert any("No Log Analytics workspace is set" in note for note in found.notes)


def test_a_message_in_poison_that_is_not_base64_says_so(ward: Ward) -> None:
    """Somebody put the call again, by hand and as plain text; the host could not decode it."""
    run = start_foo(ward.lab)
    put_away(ward.lab)
    ward.lab.queues.create_queue(f"{FOO_IN}-poison")
    ward.lab.put(f"{FOO_IN}-poison", '{"query": "why"}')

    assert ward.code(run, later_s=20) == "poison_encoding"


def test_a_call_whose_arguments_its_own_schema_refuses_breaks_the_contract(
    ward: Ward, tmp_path: Path
) -> None:
    run = start_foo(ward.lab, query=7)
    with foo_app(ward.lab, tmp_path, 'raise ValueError("query")'):
        wait_for(lambda: poisoned(ward))
    found = ward.diagnose(run)

    assert found.verdict.code == "poison_contract"
    assert "query is not of type string" in found.verdict.sentence


# No reply, or one that nobody can use ----------------------------------------------------------------


def test_a_function_that_says_nothing_has_lost_the_call_silently(blind: Ward) -> None:
    """Gone from the input queue, nothing in the output queue, nothing in poison, and the run waits."""
    run = start_foo(blind.lab)
    put_away(blind.lab)
    found = blind.diagnose(run, later_s=20)

    assert (found.verdict.code, found.verdict.certainty) == ("silent_loss", "guess")
    assert lights_of(found)["Output written"] == "failed"


def test_a_function_that_catches_everything_has_its_log_quoted(ward: Ward, tmp_path: Path) -> None:
    """As the official sample does it: every exception is logged, none is let out."""
    body = 'import logging\nlogging.getLogger("emulator.functions_host.app").error("no such planet")'
    run = start_foo(ward.lab)
    with foo_app(ward.lab, tmp_path, body), ward.lab.queues.get_queue_client(FOO_IN) as queue:
        wait_for(lambda: queue.get_queue_properties().approximate_message_count == 0)
    found = ward.diagnose(run, later_s=20)

    assert (found.verdict.code, found.verdict.certainty) == ("silent_loss", "strong")
    assert "no such planet" in found.verdict.sentence
    assert lights_of(found)["Picked up"] == "done"


def test_a_call_that_was_just_taken_is_not_called_lost(blind: Ward) -> None:
    run = start_foo(blind.lab)
    put_away(blind.lab)
    assert blind.code(run, later_s=2) == "working"


def test_a_reply_with_another_id_is_named_with_both(ward: Ward) -> None:
    run = start_foo(ward.lab)
    put_away(ward.lab)
    ward.lab.reply(FOO_OUT, {"Value": "42", "CorrelationId": "not-yours"})
    found = ward.diagnose(run, later_s=20)

    assert found.verdict.code == "output_wrong_id"
    assert "not-yours" in found.verdict.sentence
    assert lights_of(found)["Output written"] == "failed"


@pytest.mark.parametrize(
    ("text", "code"),
    [('{"Value": "42", "CorrelationId": "x"}', "output_not_base64"), ("cGxhaW4=", "output_not_json")],
    ids=["plain-text", "no-json"],
)
def test_a_reply_that_the_service_cannot_read_is_named(ward: Ward, text: str, code: str) -> None:
    run = start_foo(ward.lab)
    put_away(ward.lab)
    ward.lab.put(FOO_OUT, text)

    assert ward.code(run, later_s=20) == code


def test_a_reply_that_somebody_else_took_is_told_by_the_functions_own_telemetry(ward: Ward) -> None:
    """It was written, and it is gone, and the run waits still."""
    run = start_foo(ward.lab)
    sent = put_away(ward.lab)
    with ward.lab.queues.get_queue_client(FOO_OUT) as queue:
        reply = queue.send_message("e30=", visibility_timeout=60)
        queue.delete_message(reply)
    tell_execution(ward, sent["CorrelationId"])
    found = ward.diagnose(run, later_s=20)

    assert found.verdict.code == "output_taken"
    assert lights_of(found)["Output read"] == "failed"


def test_a_reply_that_a_reader_holds_is_perhaps_taken(blind: Ward) -> None:
    run = start_foo(blind.lab)
    put_away(blind.lab)
    blind.lab.reply(FOO_OUT, {"Value": "42", "CorrelationId": "hidden"}, visibility_timeout=600)
    found = blind.diagnose(run, later_s=20)

    assert (found.verdict.code, found.verdict.certainty) == ("output_taken", "guess")


def test_a_reply_that_the_service_does_not_read_is_told_from_a_wrong_one(ward: Ward) -> None:
    """The project's identity may not receive from the output queue."""
    lab = ward.lab
    run = start_foo(lab)
    sent = put_away(lab)
    lab.emulator.fail(Fault("project.get_messages", "status", 403, "AuthorizationPermissionMismatch"))
    lab.reply(FOO_OUT, {"Value": "42", "CorrelationId": sent["CorrelationId"]})
    wait_for(lambda: not lab.emulator.unspent_faults())
    tell_execution(ward, sent["CorrelationId"])
    found = wait_for(
        lambda: known if (known := ward.diagnose(run, later_s=20)).lights[3].state == "done" else None
    )

    assert found.verdict.code == "output_unread"
    assert lights_of(found)["Output read"] == "active"


# What may not, or cannot, be looked at ------------------------------------------------------------------


def test_queues_that_may_not_be_looked_into_are_a_missing_role(ward: Ward) -> None:
    run = start_foo(ward.lab)
    ward.lab.emulator.fail(Fault("queues.*", "status", 403, "AuthorizationPermissionMismatch", times=3))
    found = ward.diagnose(run, later_s=45)

    assert found.verdict.code == "missing_role"
    assert "Storage Queue Data Reader" in found.verdict.next_step
    assert lights_of(found)["Picked up"] == "unknown"
    assert found.lights[5].state == "active", "the run itself was read"


def test_a_workspace_that_may_not_be_asked_leaves_the_rest_as_it_is(ward: Ward) -> None:
    run = start_foo(ward.lab)
    ward.service.patience(())  # how long answers take has been read before
    ward.lab.emulator.fail(Fault("monitor.*", "status", 403, "InsufficientAccessError"))
    found = ward.diagnose(run, later_s=45)

    assert found.verdict.code == "no_consumer"
    assert any("log could not be read" in note for note in found.notes)


def test_a_storage_account_that_is_away_is_not_a_verdict_on_the_function(ward: Ward) -> None:
    run = start_foo(ward.lab)
    ward.lab.emulator.fail(Fault("queues.*", "status", 503, "ServerBusy", times=12))
    found = ward.diagnose(run, later_s=45)
    ward.lab.emulator.call(ward.lab.emulator.faults.clear)

    assert found.verdict.code == "not_known"
    assert "could not be looked into" in found.verdict.sentence


def test_looking_takes_no_message_and_counts_no_delivery(ward: Ward) -> None:
    """A diagnosis that received would make the very loss that it looks for."""
    run = start_foo(ward.lab)
    for _ in range(3):
        ward.diagnose(run)
    (waiting,) = ward.running.services.queues.peek(FOO_IN)

    assert waiting.dequeue_count == 0
    assert not [seen for seen in ward.lab.emulator.requests() if "get_messages" in seen.operation]


def test_a_diagnosis_costs_no_more_requests_than_it_says(ward: Ward) -> None:
    run = start_foo(ward.lab)
    before = len(ward.lab.emulator.requests())
    ward.diagnose(run, later_s=timedelta(seconds=45).total_seconds())

    assert len(ward.lab.emulator.requests()) - before <= 12


def test_how_long_is_too_long_comes_from_azure_monitor_and_says_so(own_lab: Lab) -> None:
    """The p99 of the answers that took the same route; asked once, whoever asks again."""
    own_lab.emulator.reset()
    told = {"relaydeck.outcome": "answered", "relaydeck.tools": "foo"}
    item = {"name": "answer", "duration": "0.00:00:04.000", "success": True, "responseCode": "answered"}
    items = [envelope("RequestData", {**item, "id": f"{n:016x}", "properties": told}) for n in range(20)]
    assert track(own_lab.emulator, items).status == 200
    with open_ward(own_lab) as ward:
        found = ward.service.patience(("foo",))
        before = len(own_lab.emulator.requests())
        again = ward.service.patience(())

    assert (found.seconds, again.seconds) == (4.0, 4.0)
    assert "p99 of answers by foo" in found.source and "Log Analytics" in found.source
    assert len(own_lab.emulator.requests()) == before
