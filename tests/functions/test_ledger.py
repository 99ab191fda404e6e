"""The ledger of ordered tools in a real queue: who has it is alone, nothing written is lost, it fits."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.queue import QueueClient, TextBase64DecodePolicy, TextBase64EncodePolicy

from emulator.faults import Fault
from emulator.server import Emulator
from tests.functions.hosting import Queues
from tools import ledger
from tools.ledger import Ledger
from tools.turns import Done, Running, State

QUEUE = "relaydeck-order-note-0"


@pytest.fixture
def client(queues: Queues) -> QueueClient:
    return queues.service.get_queue_client(
        QUEUE,
        message_encode_policy=TextBase64EncodePolicy(),
        message_decode_policy=TextBase64DecodePolicy(),
    )


def next_number(state: State) -> int:
    state.ran += 1
    state.at_s = time.time()
    return state.ran


def test_many_who_begin_at_once_count_to_one_number_together(client: QueueClient) -> None:
    """Each is an instance of its own: the queue is made, filled, and no change is lost."""
    books = [Ledger(client) for _ in range(4)]

    with ThreadPoolExecutor(len(books)) as pool:
        found = list(pool.map(lambda book: [book.change("t", next_number) for _ in range(5)], books))

    assert sorted(number for numbers in found for number in numbers) == list(range(1, 21))
    assert client.get_queue_properties().approximate_message_count == 1


def test_a_change_costs_three_requests(client: QueueClient, emulator: Emulator) -> None:
    """Receive, count, write; a call makes two changes."""
    Ledger(client).change("t", next_number)
    before = len(emulator.requests())

    Ledger(client).change("t", next_number)

    assert [seen.operation for seen in emulator.requests()[before:]] == [
        "queues.get_messages",
        "queues.get_queue_metadata",
        "queues.update_message",
    ]


def test_two_who_both_filled_the_queue_are_brought_together(client: QueueClient) -> None:
    """One of them may have written already; what it knows must not go with the copy."""
    book = Ledger(client)
    book.change("t", next_number)
    client.send_message("{}", time_to_live=ledger.NEVER_EXPIRES)

    assert book.change("t", next_number) == 2
    assert client.get_queue_properties().approximate_message_count == 1


def test_who_held_it_too_long_writes_nothing_and_begins_again(
    client: QueueClient, emulator: Emulator
) -> None:
    """A process that was paused finds its receipt used up; another has written meanwhile."""
    slow, quick, paused = Ledger(client), Ledger(client), [True]
    quick.change("t", next_number)

    def pausing(state: State) -> int:
        if paused.pop() if paused else False:
            emulator.clock.advance(seconds=ledger.HOLD_S + 1)
            quick.change("t", next_number)
        return next_number(state)

    assert slow.change("t", pausing) == 3
    assert quick.change("t", next_number) == 4


def test_one_that_may_not_write_says_so_at_once(client: QueueClient, emulator: Emulator) -> None:
    """A missing role does not pass by waiting."""
    Ledger(client).change("t", next_number)
    emulator.fail(Fault(operation="queues.get_messages", status=403, code="AuthorizationFailure"))

    with pytest.raises(HttpResponseError) as caught:
        Ledger(client).change("t", next_number)
    assert caught.value.status_code == 403


def test_conversations_spread_over_the_queues_and_stay_where_they_are() -> None:
    """Else every call of a busy tool would wait for the same message."""
    queues = [ledger.queue_of("order_status", f"thread_{number}") for number in range(200)]

    assert set(queues) == {f"relaydeck-order-order-status-{shard}" for shard in range(ledger.SHARDS)}
    assert queues == [ledger.queue_of("order_status", f"thread_{number}") for number in range(200)]


def test_what_is_old_goes_first_and_work_in_hand_never() -> None:
    """A queue takes 48 KiB; the conversations nobody has used for longest are forgotten."""
    states = {
        f"{number:016}": State(settled=1, ran=1, at_s=float(number), done=[Done(1, "c" * 20, "v" * 900)])
        for number in range(200)
    }
    states[f"{0:016}"].running = Running(1, "c", "m", 1, 900.0)

    text = ledger.write(states, 200.0)
    kept = ledger.read(text)

    assert ledger.MAX_BYTES * 0.9 < len(text) <= ledger.MAX_BYTES
    assert f"{0:016}" in kept and f"{199:016}" in kept and f"{1:016}" not in kept
    assert kept[f"{199:016}"] == states[f"{199:016}"]


def test_a_week_after_its_last_call_a_conversation_is_forgotten() -> None:
    """No message that could still come is older."""
    states = {"old": State(ran=1, at_s=1000.0), "young": State(ran=1, at_s=2000.0)}

    assert ledger.read(ledger.write(states, 1500.0 + ledger.KEPT_S)) == {"young": states["young"]}
