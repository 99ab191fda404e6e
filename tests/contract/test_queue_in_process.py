"""What the local Foundry uses: the queue service from inside its own process, while clients use it over HTTP."""

import threading
from collections.abc import Callable, Iterator

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from emulator.server import Emulator
from emulator.wire import WireError
from tests.contract.conftest import QueueTarget

Watch = Callable[[str], tuple["Bell", Callable[[], None]]]
WAIT_S = 5


class Bell:
    """Counts calls; wait() returns whether there was a new one."""

    def __init__(self) -> None:
        self._rung = threading.Semaphore(0)

    def ring(self) -> None:
        self._rung.release()

    def wait(self) -> bool:
        return self._rung.acquire(timeout=WAIT_S)

    def is_silent(self) -> bool:
        return not self._rung.acquire(blocking=False)


@pytest.fixture
def watch(emulator: Emulator) -> Iterator[Watch]:
    """watch(queue) -> a bell that its messages ring, and what ends the watch."""
    stops: list[Callable[[], None]] = []

    def watch(queue: str) -> tuple[Bell, Callable[[], None]]:
        bell = Bell()
        stop = emulator.call(lambda: emulator.queues.watch(queue, bell.ring))
        stops.append(stop)
        return bell, lambda: emulator.call(stop)

    yield watch
    for stop in stops:
        emulator.call(stop)


def test_a_message_from_inside_is_received_outside(
    emulator: Emulator, local_target_queue: QueueClient
) -> None:
    """One store, two doors."""
    name = local_target_queue.queue_name
    message_id = emulator.call(lambda: emulator.queues.put_message(name, "hello"))

    received = local_target_queue.receive_message()

    assert received is not None
    assert (received.id, received.content) == (message_id, "hello")


def test_looking_from_inside_hides_nothing(emulator: Emulator, local_target_queue: QueueClient) -> None:
    """Messages are listed first in line first, with all that is known of them, and stay."""
    name = local_target_queue.queue_name
    for text in ("one", "two"):
        local_target_queue.send_message(text)
    local_target_queue.send_message("later", visibility_timeout=60)

    for _ in range(2):
        found = emulator.call(lambda: emulator.queues.visible_messages(name))
        assert [(message.text, message.dequeue_count) for message in found] == [("one", 0), ("two", 0)]
    assert len(emulator.call(lambda: emulator.queues.visible_messages(name, limit=1))) == 1


def test_removing_from_inside_takes_a_message_even_from_its_holder(
    emulator: Emulator, local_target_queue: QueueClient
) -> None:
    """True once; its holder then meets 404."""
    name = local_target_queue.queue_name
    sent = local_target_queue.send_message("one")
    held = local_target_queue.receive_message()
    assert held is not None

    assert emulator.call(lambda: emulator.queues.remove_message(name, sent.id)) is True
    assert emulator.call(lambda: emulator.queues.remove_message(name, sent.id)) is False
    with pytest.raises(ResourceNotFoundError):
        local_target_queue.delete_message(held)


@pytest.mark.parametrize(
    ("queue", "text", "status", "code"),
    [
        ("missing", "x", 404, "QueueNotFound"),
        ("", "x" * 65537, 413, "RequestBodyTooLarge"),
        ("", "é" * 32769, 413, "RequestBodyTooLarge"),
        ("", "a\x00b", 400, "InvalidXmlDocument"),
    ],
    ids=["no-queue", "too-large", "too-large-in-bytes", "no-xml"],
)
def test_what_cannot_be_sent_is_refused_inside_as_outside(
    emulator: Emulator, local_target_queue: QueueClient, queue: str, text: str, status: int, code: str
) -> None:
    """A tool call that does not fit its queue must fail in words, not be cut or lost."""
    name = queue or local_target_queue.queue_name
    with pytest.raises(WireError) as caught:
        emulator.call(lambda: emulator.queues.put_message(name, text))
    assert (caught.value.status, caught.value.code) == (status, code)


def test_a_message_that_lives_a_minute_is_gone_after_it(
    emulator: Emulator, local_target_queue: QueueClient
) -> None:
    """A call whose run has expired must not wake a function."""
    name = local_target_queue.queue_name
    emulator.call(lambda: emulator.queues.put_message(name, "short", ttl_s=60))
    emulator.advance(61)
    assert emulator.call(lambda: emulator.queues.visible_messages(name)) == []


def test_a_watch_rings_for_what_a_client_sends(local_target_queue: QueueClient, watch: Watch) -> None:
    """The answer of a function is seen at once, without polling."""
    bell, _ = watch(local_target_queue.queue_name)
    assert bell.is_silent()

    local_target_queue.send_message("one")

    assert bell.wait()


def test_a_watch_rings_when_a_delay_ends(
    emulator: Emulator, local_target_queue: QueueClient, watch: Watch
) -> None:
    """Two delays, two calls, each at its time."""
    bell, _ = watch(local_target_queue.queue_name)
    local_target_queue.send_message("late", visibility_timeout=60)
    local_target_queue.send_message("sooner", visibility_timeout=30)
    assert bell.is_silent()

    emulator.advance(31)
    assert bell.wait()
    assert [message.content for message in local_target_queue.peek_messages(5)] == ["sooner"]
    emulator.advance(30)
    assert bell.wait()


def test_a_watch_rings_when_a_holder_lets_go(
    emulator: Emulator, local_target_queue: QueueClient, watch: Watch
) -> None:
    """By time, and by an update that shows the message again."""
    name = local_target_queue.queue_name
    local_target_queue.send_message("one")
    local_target_queue.receive_message(visibility_timeout=30)
    bell, _ = watch(name)

    emulator.advance(31)
    assert bell.wait()

    held = local_target_queue.receive_message(visibility_timeout=30)
    assert held is not None
    local_target_queue.update_message(held, visibility_timeout=0)
    assert bell.wait()


def test_a_watch_stays_silent_for_what_was_deleted_meanwhile(
    emulator: Emulator, local_target_queue: QueueClient, watch: Watch
) -> None:
    """A finished message wakes nobody when its timeout would have ended."""
    bell, _ = watch(local_target_queue.queue_name)
    sent = local_target_queue.send_message("one", visibility_timeout=30)
    local_target_queue.delete_message(sent)

    emulator.advance(31)
    local_target_queue.peek_messages()  # a round trip: the alarm has run by now

    assert bell.is_silent()


def test_an_ended_watch_is_silent(local_target_queue: QueueClient, watch: Watch) -> None:
    """Ending it twice is harmless, and another watch of the same queue goes on."""
    first, stop = watch(local_target_queue.queue_name)
    second, _ = watch(local_target_queue.queue_name)
    stop()
    stop()

    local_target_queue.send_message("one")

    assert second.wait()
    assert first.is_silent()


@pytest.mark.parametrize(
    ("endpoint", "ours"),
    [
        ("{url}", True),
        ("{url}/", True),
        ("{http_url}", True),
        ("http://localhost:10001/devstoreaccount1", True),
        ("https://devstoreaccount1.queue.core.windows.net", True),
        ("https://devstoreaccount1.queue.core.windows.net/", True),
        ("https://other.queue.core.windows.net", False),
        ("https://devstoreaccount1.queue.core.windows.net.evil.example", False),
        ("https://127.0.0.1/other", False),
        ("https://127.0.0.1/devstoreaccount1/a-queue", False),
        ("https://evil.example/devstoreaccount1", False),
        ("https://user@127.0.0.1/devstoreaccount1", False),
        ("ftp://127.0.0.1/devstoreaccount1", False),
        ("https://[broken/devstoreaccount1", False),
        ("devstoreaccount1", False),
        ("", False),
    ],
)
def test_the_service_knows_its_own_address(
    emulator: Emulator, local_target: QueueTarget, endpoint: str, ours: bool
) -> None:
    """A tool whose queues lie elsewhere must not be served from here."""
    address = endpoint.format(url=local_target.url, http_url=local_target.http_url)
    assert emulator.queues.owns(address) is ours
