"""Verdicts on the message of a call: each is created as it happens, through the real SDKs, then diagnosed."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.contract.agents_support import FOO_IN, start_foo
from tests.contract.diagnosis_support import Ward, foo_app, lights_of, put_away
from tests.waiting import wait_for


def poisoned(ward: Ward) -> bool:
    names = {queue.name for queue in ward.lab.queues.list_queues()}
    return f"{FOO_IN}-poison" in names and bool(ward.lab.left(f"{FOO_IN}-poison"))


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
