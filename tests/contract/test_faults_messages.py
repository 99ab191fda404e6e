"""What a fault script does to queue messages and to the model: twice, out of order, late, never, unreadable, unseen."""

from collections.abc import Iterator

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.queue import QueueClient

from emulator.faults import Fault
from emulator.server import Emulator
from tests.contract.agents_support import FOO_IN, FOO_OUT, Lab, start_foo
from tests.contract.answers_support import (
    IN,
    Desk,
    answer_by_hand,
    make_queues,
    open_desk,
    plays_calculation,
    plays_talk,
)

# On the wire ----------------------------------------------------------------------------------------


def fail(emulator: Emulator, operation: str, kind: str, **how: object) -> None:
    emulator.fail(Fault(operation, kind, **how))  # type: ignore[arg-type]  # Fault checks its values


def receive(queue: QueueClient, count: int = 32) -> list[str]:
    pages = queue.receive_messages(messages_per_page=count, visibility_timeout=60).by_page()
    return [str(message.content) for message in next(pages, [])]


def test_a_put_whose_sender_repeated_it_lies_there_twice(
    emulator: Emulator, local_target_queue: QueueClient
) -> None:
    """Two messages, two ids, one text: only what is inside can tell that they are one call."""
    fail(emulator, "queues.put_message", "duplicate")
    local_target_queue.send_message("call")
    local_target_queue.send_message("another")

    assert receive(local_target_queue) == ["call", "call", "another"]


def test_a_message_delivered_twice_belongs_to_who_received_it_last(
    emulator: Emulator, local_target_queue: QueueClient
) -> None:
    """As when a lease ran out: the first receiver works on, and can delete nothing any more."""
    local_target_queue.send_message("call")
    fail(emulator, "queues.get_messages", "duplicate", times=None)
    first = local_target_queue.receive_message(visibility_timeout=60)
    second = local_target_queue.receive_message(visibility_timeout=60)
    assert first is not None and second is not None

    assert (first.id, first.dequeue_count, second.dequeue_count) == (second.id, 1, 2)
    assert first.pop_receipt is not None
    with pytest.raises(HttpResponseError) as caught:
        local_target_queue.delete_message(first.id, first.pop_receipt)
    assert caught.value.error_code == "PopReceiptMismatch"  # type: ignore[attr-defined]  # set by the storage SDK
    assert local_target_queue.receive_message() is None
    local_target_queue.delete_message(second)


def test_messages_are_received_out_of_order(emulator: Emulator, local_target_queue: QueueClient) -> None:
    for text in ("one", "two", "three"):
        local_target_queue.send_message(text)
    fail(emulator, "queues.get_messages", "reorder")

    assert [receive(local_target_queue, 2), receive(local_target_queue, 2)] == [["three", "two"], ["one"]]


def test_what_changes_nothing_has_not_been_met(emulator: Emulator, local_target_queue: QueueClient) -> None:
    """A host polls ten times a second: an empty queue must not use a fault up."""
    for kind in ("duplicate", "reorder", "asleep"):
        fail(emulator, "queues.get_messages", kind, delay_s=60)
        assert receive(local_target_queue) == []
        assert [fault["kind"] for fault in emulator.unspent_faults()] == [kind]
        emulator.clear_faults()
    assert emulator.faults_met() == []


def test_a_late_message_appears_when_its_time_has_come(
    emulator: Emulator, local_target_queue: QueueClient
) -> None:
    fail(emulator, "queues.put_message", "late", delay_s=20)
    local_target_queue.send_message("late")
    assert receive(local_target_queue) == []
    emulator.advance(20)

    assert receive(local_target_queue) == ["late"]


def test_a_lost_message_was_acknowledged_all_the_same(
    emulator: Emulator, local_target_queue: QueueClient
) -> None:
    fail(emulator, "queues.put_message", "lose")

    assert local_target_queue.send_message("gone").id
    assert local_target_queue.get_queue_properties().approximate_message_count == 0


def test_a_receiver_that_sleeps_leaves_messages_for_all_to_see(
    emulator: Emulator, local_target_queue: QueueClient
) -> None:
    """What a host that is down or cold looks like from outside: depth and age grow, nothing is taken."""
    fail(emulator, "queues.get_messages", "asleep", delay_s=20, times=None)
    local_target_queue.send_message("waits")
    assert receive(local_target_queue) == []
    assert [message.content for message in local_target_queue.peek_messages()] == ["waits"]
    emulator.advance(20)

    assert receive(local_target_queue) == ["waits"]
    assert [(met.kind, met.count) for met in emulator.faults_met()] == [("asleep", 1)]


def test_a_fault_of_one_queue_spares_the_others(emulator: Emulator, local_target_queue: QueueClient) -> None:
    name = local_target_queue.queue_name
    fail(emulator, "queues.put_message", "lose", on="*/somewhere-else/messages")
    local_target_queue.send_message("kept")
    assert receive(local_target_queue) == ["kept"]

    assert emulator.unspent_faults() != []
    emulator.clear_faults()
    fail(emulator, "queues.put_message", "lose", on=f"*/{name}/messages")
    local_target_queue.send_message("gone")
    assert receive(local_target_queue) == []


# What the project sends and reads ---------------------------------------------------------------------


def test_a_call_sent_twice_is_answered_once(lab: Lab) -> None:
    """Two functions answer under one CorrelationId: the run takes the first, and the second leaves nothing behind."""
    fail(lab.emulator, "project.put_message", "duplicate")
    run = start_foo(lab)
    calls = [lab.sent(FOO_IN), lab.sent(FOO_IN)]
    assert calls[0] == calls[1]
    for value in ("first", "second"):
        lab.reply(FOO_OUT, {"Value": value, "CorrelationId": calls[0]["CorrelationId"]})
    ended = lab.wait(run)

    assert ended.status == "completed"
    assert [call["azure_function"]["output"] for call in lab.tool_calls(run)] == ["first"]
    assert lab.left(FOO_OUT) == []


def test_a_call_whose_sending_was_not_confirmed_lies_in_the_queue(lab: Lab) -> None:
    """The project was told 503 and the message was taken: whoever sends it again makes it two."""
    fail(lab.emulator, "project.put_message", "status", when="after")
    start_foo(lab)

    assert len(lab.left(FOO_IN)) >= 1


def test_a_reply_held_back_keeps_the_run_waiting(lab: Lab) -> None:
    """Late output: the function has long answered, and the run goes on when its message may be seen."""
    run = start_foo(lab)
    fail(lab.emulator, "queues.put_message", "late", delay_s=30, on=f"*/{FOO_OUT}/messages")
    lab.reply(FOO_OUT, {"Value": "at last", "CorrelationId": lab.sent(FOO_IN)["CorrelationId"]})
    assert lab.get(run).status == "requires_action"
    lab.emulator.advance(30)

    assert lab.wait(run).status == "completed"


def test_calls_of_others_come_first_and_leave_nothing_behind(lab: Lab) -> None:
    """A burst: the queue is full of another application's calls, which take their own replies."""
    fail(lab.emulator, "project.put_message", "crowd", count=5)
    run = start_foo(lab, query="why", traceparent=f"00-{'a' * 32}-{'b' * 16}-01")
    calls = [lab.sent(FOO_IN) for _ in range(6)]
    theirs, ours = calls[:5], calls[5]
    assert all(call["CorrelationId"].startswith("crowd-") for call in theirs)
    assert all("traceparent" not in call and call["query"] == "why" for call in theirs)
    for call in calls:
        lab.reply(FOO_OUT, {"Value": "foo", "CorrelationId": call["CorrelationId"]})

    assert lab.wait(run).status == "completed"
    assert ours["traceparent"].startswith("00-")
    assert lab.left(FOO_OUT) == []


def test_a_garbled_call_can_be_read_by_nobody(lab: Lab) -> None:
    fail(lab.emulator, "project.put_message", "garble")
    start_foo(lab)

    assert [text.startswith("!garbled!") for text in lab.left(FOO_IN)] == [True]


# What a person is told ---------------------------------------------------------------------------------


@pytest.fixture
def desk(lab: Lab) -> Iterator[Desk]:
    with open_desk(lab.emulator) as desk:
        make_queues(desk)
        desk.running.services.team.orchestrator()
        yield desk


def test_a_throttled_model_fails_the_run_inside_a_reply_that_succeeded(lab: Lab, desk: Desk) -> None:
    """429 of the model comes as last_error of the run, never as a status; the next question goes through."""
    plays_talk(lab, "Well?")
    fail(lab.emulator, "project.run_model", "status", status=429, headers={"Retry-After": "7"})
    refused, answered = desk.ask("Hello?"), desk.ask("Hello again?")

    assert refused.state == "failed" and refused.problem
    assert refused.problem.code == "throttled"
    assert "Try again in 7 seconds" in refused.problem.detail
    assert answered.state == "answered"


def test_a_late_output_is_waited_for_and_told(lab: Lab) -> None:
    """The answer arrives; until then the words say that the queue is empty and the function silent."""
    with open_desk(lab.emulator, tool_wait_s="1") as desk:
        make_queues(desk)
        plays_calculation(lab)
        fail(lab.emulator, "queues.put_message", "late", delay_s=60, on="*-output/messages")
        asked = desk.answers.ask("What is 6 * 7?")
        answer_by_hand(lab)
        desk.until_noted(asked, "calculate has not answered for 1.0 s")
        lab.emulator.advance(60)

        assert desk.settled(asked).state == "answered"


def test_a_sleeping_function_host_is_told_with_what_waits(lab: Lab) -> None:
    with open_desk(lab.emulator, answer_deadline_s="1") as desk:
        make_queues(desk)
        plays_calculation(lab)
        fail(lab.emulator, "queues.get_messages", "asleep", delay_s=600, times=None)
        asked = desk.answers.ask("What is 6 * 7?")
        desk.until(asked, "wait")
        with lab.queues.get_queue_client(IN) as client:
            assert client.receive_message() is None
        answer = desk.settled(asked)

        assert answer.problem and "1 waiting in azure-function-calculate-input" in answer.problem.detail


def test_a_stream_that_drips_brings_the_whole_answer(lab: Lab, desk: Desk) -> None:
    plays_talk(lab, "One ", "two ", "three.")
    fail(lab.emulator, "foundry.create_run", "drip", delay_s=0.01)

    answer = desk.ask("Count.")
    assert (answer.state, answer.text) == ("answered", "One two three.")


def test_a_full_disk_takes_no_message_and_keeps_those_it_has(
    emulator: Emulator, local_target_queue: QueueClient
) -> None:
    local_target_queue.send_message("kept")
    emulator.fill_disk()
    with pytest.raises(HttpResponseError) as caught:
        for _ in range(20):  # what room there is in the last page is filled first
            local_target_queue.send_message("x" * 60_000)
    assert caught.value.status_code == 507
    assert [message.content for message in local_target_queue.peek_messages()] == ["kept"]
    emulator.fill_disk(False)

    local_target_queue.send_message("y" * 60_000)
