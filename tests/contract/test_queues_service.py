"""QueueService against Local Azure: real SDK, real HTTP, time that is moved by hand."""

import base64
import json

import pytest
from azure.storage.queue import QueueServiceClient

from services.errors import AccessDenied, NotFound, ServiceError, Throttled, Unavailable
from services.queues import decode, parse_object
from tests.contract.agents_support import Lab
from tests.contract.seam_support import Seam, open_seam


@pytest.fixture
def storage(seam: Seam) -> QueueServiceClient:
    """The SDK's client, to put things into queues; the service under test cannot."""
    return seam.clients.queues


def encoded(document: object) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


def test_queues_are_listed_deepest_first(seam: Seam, storage: QueueServiceClient) -> None:
    """The one that needs attention stands on top."""
    for name, count in (("orders", 1), ("orders-big", 3), ("orders-empty", 0), ("other", 9)):
        queue = storage.create_queue(name)
        for _ in range(count):
            queue.send_message("x")

    depths = seam.queues.list_depths("orders")

    assert [(depth.name, depth.messages, depth.state) for depth in depths] == [
        ("orders-big", 3, "flowing"),
        ("orders", 1, "flowing"),
        ("orders-empty", 0, "empty"),
    ]


def test_the_age_of_the_oldest_waiting_message_is_told(seam: Seam, storage: QueueServiceClient) -> None:
    """It, not the count, says whether somebody is working on the queue. None when nothing waits."""
    queue = storage.create_queue("orders")
    queue.send_message("first")
    seam.emulator.advance(90)
    queue.send_message("second")

    assert seam.queues.depth_of("orders").oldest_age_s == pytest.approx(90, abs=3)
    seam.emulator.advance(600)
    assert seam.queues.depth_of("orders").state == "stalled"
    storage.create_queue("empty")
    assert seam.queues.depth_of("empty").oldest_age_s is None


def test_a_message_that_is_worked_on_counts_but_does_not_wait(
    seam: Seam, storage: QueueServiceClient
) -> None:
    """The count includes hidden messages; the age does not."""
    queue = storage.create_queue("orders")
    queue.send_message("x")
    queue.receive_message(visibility_timeout=60)

    depth = seam.queues.depth_of("orders")
    assert (depth.messages, depth.oldest_age_s, depth.state) == (1, None, "flowing")


def test_given_up_messages_make_a_queue_poison(seam: Seam, storage: QueueServiceClient) -> None:
    """An empty poison queue is good news."""
    storage.create_queue("orders-poison").send_message("x")
    storage.create_queue("empty-poison")

    states = {depth.name: depth.state for depth in seam.queues.list_depths()}
    assert states == {"orders-poison": "poison", "empty-poison": "empty"}


def test_a_missing_queue_is_missing_not_empty(seam: Seam) -> None:
    """Unknown is never shown as zero."""
    assert [depth.state for depth in seam.queues.depths_of(["nowhere", "neither"])] == ["missing", "missing"]
    with pytest.raises(NotFound) as caught:
        seam.queues.peek("nowhere")
    assert caught.value.code == "QueueNotFound" and caught.value.request_id


def test_peeking_shows_messages_oldest_first_and_leaves_them(seam: Seam, storage: QueueServiceClient) -> None:
    """As often as one likes: the function still gets each message, with its delivery count untouched."""
    queue = storage.create_queue("orders")
    for number in range(3):
        queue.send_message(encoded({"query": f"q{number}", "CorrelationId": str(number)}))

    for _ in range(3):
        seen = seam.queues.peek("orders")
    (first, *_), received = seen, queue.receive_message()

    assert [message.body["query"] for message in seen if message.body] == ["q0", "q1", "q2"]
    assert (
        first.inserted_at is not None
        and first.expires_at is not None
        and first.expires_at > first.inserted_at
    )
    assert received is not None and received.id == first.id and received.dequeue_count == 1
    assert len(seam.queues.peek("orders", 1)) == 1


def test_nothing_is_ever_received(seam: Seam, storage: QueueServiceClient) -> None:
    """Seen from the wire: reads, and no receive among them."""
    storage.create_queue("orders").send_message("x")
    before = len(seam.asked())

    seam.queues.list_depths()
    seam.queues.peek("orders")
    seam.health().check_all()

    asked = {name for name in seam.asked(before) if name.startswith("queues.")}
    assert asked == {"queues.list_queues", "queues.get_queue_metadata", "queues.peek_messages"}


@pytest.mark.parametrize(
    ("content", "text", "body"),
    [
        (encoded({"a": 1}), '{"a": 1}', {"a": 1}),
        ('{"a": 1}', '{"a": 1}', {"a": 1}),
        (encoded([1]), "[1]", None),
        (base64.b64encode("grüß dich".encode()).decode(), "grüß dich", None),
        (base64.b64encode(b"\xff\xfe\x00").decode(), "//4A", None),
        ("just words", "just words", None),
        ("abcd", "abcd", None),
        ("%%% not base64 %%%", "%%% not base64 %%%", None),
        ("{broken", "{broken", None),
        ("[" * 5000, "[" * 5000, None),
    ],
    ids=[
        "base64",
        "plain",
        "list",
        "umlauts",
        "binary",
        "words",
        "four-letters",
        "symbols",
        "broken",
        "deep",
    ],
)
def test_any_message_can_be_shown(
    seam: Seam, storage: QueueServiceClient, content: str, text: str, body: object
) -> None:
    """Other programs write into the same queues; a poison queue is full of oddities."""
    storage.create_queue("orders").send_message(content)

    (seen,) = seam.queues.peek("orders")

    assert (seen.text, seen.body) == (text, body)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, "TooManyRequests", Throttled),
        (503, "ServerBusy", Throttled),
        (500, "InternalError", Unavailable),
    ],
    ids=["slow-down", "busy", "down"],
)
def test_a_failure_says_what_was_attempted(
    seam: Seam, storage: QueueServiceClient, status: int, code: str, kind: type[ServiceError]
) -> None:
    """Once repeating it has not helped."""
    seam.fail("queues.list_queues", kind="status", status=status, code=code, times=4)

    with pytest.raises(kind) as caught:
        seam.queues.list_depths("orders")
    assert (caught.value.operation, caught.value.resource) == ("list queues", "orders")


def test_passing_trouble_is_not_seen(seam: Seam, storage: QueueServiceClient) -> None:
    """One retry, a fraction of a second, instead of the SDK's fifteen."""
    storage.create_queue("orders")
    seam.fail("queues.peek_messages", kind="reset")
    seam.fail("queues.list_queues", kind="truncate")

    assert [depth.name for depth in seam.queues.list_depths()] == ["orders"]


def test_queues_are_created_once(seam: Seam) -> None:
    """The second time there is nothing to do, also when the first reply was lost."""
    seam.fail("queues.create_queue", kind="reset", when="after")

    seam.queues.ensure(["a-queue", "b-queue"])

    assert seam.queues.ensure(["a-queue", "b-queue"]) == ()
    assert seam.queues.list_names() == ["a-queue", "b-queue"]


def test_a_wrong_identity_is_denied(lab: Lab) -> None:
    """With a hint at roles, and without the string that was signed."""
    with open_seam(lab.emulator, token="nonsense") as seam, pytest.raises(AccessDenied) as caught:
        seam.queues.list_names()
    assert "role" in caught.value.hint


def test_decoding_never_raises() -> None:
    """It is fed with whatever lies in a queue."""
    for text in ("", " ", "=", "====", "\x00", "a" * 9, "🙂", "YQ"):
        assert isinstance(decode(text), str)
        assert parse_object(text) is None
