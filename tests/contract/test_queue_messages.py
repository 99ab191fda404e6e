"""What happens to a message: sent, seen, received, changed, deleted. On our service and on Azurite."""

from datetime import timedelta

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.queue import QueueClient, QueueMessage

from tests.contract.conftest import QueueTarget, error_code


def take(queue: QueueClient, hidden_s: int | None = None) -> QueueMessage:
    message = queue.receive_message(visibility_timeout=hidden_s)
    assert message is not None
    return message


def texts(queue: QueueClient, count: int = 32) -> list[str]:
    return [message.content for message in queue.peek_messages(max_messages=count)]


def test_a_sent_message_comes_back_as_it_was_sent(queue: QueueClient) -> None:
    """Markup, quotes, spaces at both ends and characters outside the BMP are content, not syntax."""
    text = " <a href=\"x\">&amp;</a> 'Grüße' 日本 😀\ttab "
    sent = queue.send_message(text)

    received = take(queue)

    assert (received.id, received.content, received.dequeue_count) == (sent.id, text, 1)


def test_an_empty_message_is_a_message(queue: QueueClient) -> None:
    """A producer that signals by presence alone sends nothing in it."""
    queue.send_message("")
    received = take(queue)
    assert not received.content


def test_a_send_answers_with_id_times_and_receipt(queue: QueueClient) -> None:
    """The receipt lets the sender take back what it has just sent, without receiving it."""
    sent = queue.send_message("one")
    assert sent.id and sent.pop_receipt
    assert sent.inserted_on is not None and sent.expires_on is not None and sent.next_visible_on is not None
    assert sent.expires_on - sent.inserted_on == timedelta(days=7)
    assert sent.next_visible_on == sent.inserted_on

    queue.delete_message(sent)

    assert texts(queue) == []


def test_messages_come_in_the_order_they_were_sent(queue: QueueClient) -> None:
    """Azure promises best effort; both servers keep strict order, and pages do not break it."""
    for number in range(40):
        queue.send_message(str(number))

    received = [message.content for message in queue.receive_messages(messages_per_page=16)]

    assert received == [str(number) for number in range(40)]


def test_a_received_message_is_hidden_until_its_time_is_over(
    queue: QueueClient, queue_target: QueueTarget
) -> None:
    """A consumer that dies gives its message back."""
    queue.send_message("one")
    first = take(queue, hidden_s=1)
    assert queue.receive_message() is None
    assert texts(queue) == []

    queue_target.pass_time(1.2)

    again = take(queue)
    assert (again.id, again.dequeue_count) == (first.id, 2)
    assert again.pop_receipt != first.pop_receipt


def test_without_a_visibility_timeout_a_message_is_hidden_for_thirty_seconds(queue: QueueClient) -> None:
    """The documented default; a consumer may rely on it."""
    sent = queue.send_message("one")
    received = queue.receive_message()
    assert received is not None and received.next_visible_on is not None and sent.inserted_on is not None
    assert 29 <= (received.next_visible_on - sent.inserted_on).total_seconds() <= 32


def test_a_returned_message_goes_behind_those_that_were_visible_before_it(
    queue: QueueClient, queue_target: QueueTarget
) -> None:
    """Order is by the time of becoming visible: one poisonous message cannot block the line."""
    for text in ("one", "two"):
        queue.send_message(text)
    first = take(queue, hidden_s=1)
    queue_target.pass_time(1.2)

    assert texts(queue) == ["two", first.content]


def test_a_peek_changes_nothing(queue: QueueClient) -> None:
    """Whoever looks must not take: the page looks at output queues, the agent reads them."""
    queue.send_message("one")

    peeked = [queue.peek_messages()[0] for _ in range(3)]

    assert [message.dequeue_count for message in peeked] == [0, 0, 0]
    assert peeked[0].pop_receipt is None
    received = queue.receive_message()
    assert received is not None
    assert received.dequeue_count == 1


def test_a_delayed_message_appears_when_its_delay_is_over(
    queue: QueueClient, queue_target: QueueTarget
) -> None:
    """It counts, but nobody sees it before."""
    queue.send_message("later", visibility_timeout=1)
    assert texts(queue) == []
    assert queue.get_queue_properties().approximate_message_count == 1

    queue_target.pass_time(1.2)

    assert texts(queue) == ["later"]


def test_a_message_is_gone_after_its_time_to_live(queue: QueueClient, queue_target: QueueTarget) -> None:
    """Neither seen nor counted nor deletable."""
    short = queue.send_message("short", time_to_live=1)
    queue.send_message("long")

    queue_target.pass_time(1.2)

    assert texts(queue) == ["long"]
    received = [message.content for message in queue.receive_messages()]
    assert received == ["long"]
    if queue_target.name == "local":  # Azurite sweeps once a minute and counts until then
        assert queue.get_queue_properties().approximate_message_count == 1
        with pytest.raises(ResourceNotFoundError):
            queue.delete_message(short)


def test_a_message_may_live_for_ever(queue: QueueClient) -> None:
    """-1 is how the wire says so; year 9999 is how it answers."""
    sent = queue.send_message("stay", time_to_live=-1)
    assert sent.expires_on is not None and sent.expires_on.year == 9999


def test_an_update_changes_text_visibility_and_receipt(queue: QueueClient) -> None:
    """A long-running consumer notes its progress in the message and keeps it."""
    queue.send_message("draft")
    held = take(queue)

    updated = queue.update_message(held, content="final", visibility_timeout=0)

    assert updated.pop_receipt != held.pop_receipt
    again = take(queue)
    assert (again.content, again.dequeue_count) == ("final", 2)


def test_an_update_without_text_keeps_the_text(queue: QueueClient) -> None:
    """Renewing the hold on a message is the commonest update."""
    queue.send_message("same")
    held = take(queue)

    updated = queue.update_message(held, visibility_timeout=60)

    assert updated.next_visible_on is not None and held.inserted_on is not None
    assert (updated.next_visible_on - held.inserted_on).total_seconds() >= 59
    queue.update_message(held.id, updated.pop_receipt, visibility_timeout=0)
    assert texts(queue) == ["same"]


@pytest.mark.parametrize("act", ["delete", "update"])
def test_a_receipt_ends_when_another_consumer_receives(
    queue: QueueClient, queue_target: QueueTarget, act: str
) -> None:
    """The slow consumer must not delete what the next one works on."""
    queue.send_message("one")
    slow = take(queue, hidden_s=1)
    queue_target.pass_time(1.2)
    assert queue.receive_message() is not None

    with pytest.raises(HttpResponseError) as caught:
        if act == "delete":
            queue.delete_message(slow)
        else:
            queue.update_message(slow, visibility_timeout=0)

    assert (caught.value.status_code, error_code(caught.value)) == (400, "PopReceiptMismatch")


def test_a_receipt_outlives_its_timeout_while_nobody_else_received(
    queue: QueueClient, queue_target: QueueTarget
) -> None:
    """The work is done; late is better than twice."""
    queue.send_message("one")
    held = take(queue, hidden_s=1)
    queue_target.pass_time(1.2)

    queue.delete_message(held)

    assert texts(queue) == []


def test_a_deleted_message_cannot_be_deleted_again(queue: QueueClient) -> None:
    """404, so that a retry after a lost reply can tell that the work is done."""
    queue.send_message("one")
    held = take(queue)
    queue.delete_message(held)

    with pytest.raises(ResourceNotFoundError) as caught:
        queue.delete_message(held)

    assert error_code(caught.value) == "MessageNotFound"


def test_clearing_removes_visible_and_hidden_messages(queue: QueueClient) -> None:
    """An emptied queue is empty: nothing comes back when a timeout ends."""
    for text in ("one", "two", "three"):
        queue.send_message(text)
    queue.receive_message()

    queue.clear_messages()

    assert queue.get_queue_properties().approximate_message_count == 0
    assert texts(queue) == []


def test_one_request_receives_thirty_two_at_most(queue: QueueClient) -> None:
    """The limit of the wire; the thirty-third stays visible."""
    for number in range(33):
        queue.send_message(str(number))

    page = next(queue.receive_messages(messages_per_page=32).by_page())

    assert len(list(page)) == 32
    assert texts(queue) == ["32"]
