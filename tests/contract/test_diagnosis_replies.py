"""Verdicts on a reply that is not there, or that nobody can use, and on what may not be looked at; each as it happens."""

from pathlib import Path

import pytest

from emulator.faults import Fault
from services.telemetry.spans import argument_hash
from tests.contract.agents_support import FOO_IN, FOO_OUT, Lab, start_foo
from tests.contract.diagnosis_support import Ward, foo_app, lights_of, open_ward, put_away
from tests.contract.monitor_support import envelope, track
from tests.waiting import wait_for


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
    ward.diagnose(run, later_s=45)

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
