"""The buffer between answers and the network: it never makes anybody wait, and it counts what is lost."""

import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from services.telemetry.outbox import Delivery, Outbox
from services.telemetry.records import EventRecord, MetricRecord, Record


def events(count: int, start: int = 0) -> list[Record]:
    return [EventRecord(str(number), 0) for number in range(start, start + count)]


class Sink:
    """Takes batches; *replies* are used up one a batch, then everything is accepted."""

    def __init__(self, *replies: Delivery) -> None:
        self.replies, self.batches = list(replies), list[list[Record]]()
        self.open = threading.Event()
        self.open.set()

    def send(self, batch: Sequence[Record]) -> Delivery:
        self.open.wait(20)
        self.batches.append(list(batch))
        return self.replies.pop(0) if self.replies else Delivery()


@pytest.fixture
def outbox() -> Iterator[Outbox]:
    made = Outbox(100, linger_s=0.01, first_retry_s=0.01)
    yield made
    made.discard()


def test_what_was_told_before_there_was_an_address_is_sent_then(outbox: Outbox) -> None:
    """The address is found in the background; the first answers come earlier."""
    outbox.put(events(3))
    sink = Sink()

    outbox.attach(sink.send)

    assert outbox.flush(5) and sink.batches == [events(3)]
    assert outbox.counts().sent == 3


def test_records_of_different_kinds_travel_in_batches_of_one_kind(outbox: Outbox) -> None:
    """Each kind has an exporter of its own; their order within the kind stays."""
    measured = MetricRecord("m", 0, 1.0)
    outbox.put([*events(2), measured, *events(1, 2)])
    sink = Sink()

    outbox.attach(sink.send)

    assert outbox.flush(5) and sink.batches == [events(3), [measured]]


def test_the_oldest_give_way_and_are_counted(outbox: Outbox) -> None:
    """Memory is bounded however long the endpoint is down."""
    outbox.put(events(130))
    sink = Sink()

    assert outbox.counts().dropped == 30 and outbox.counts().waiting == 100
    outbox.attach(sink.send)
    assert outbox.flush(5) and sink.batches[0][0] == events(1, 30)[0]


def test_a_batch_that_nobody_took_is_sent_again(outbox: Outbox) -> None:
    """A restart of the endpoint must not cost a record."""
    sink = Sink(Delivery(retry=True, reason="down"), Delivery(retry=True, reason="down"))
    outbox.attach(sink.send)

    outbox.put(events(4))

    assert outbox.flush(5) and sink.batches == [events(4)] * 3
    counts = outbox.counts()
    assert (counts.sent, counts.failed, counts.dropped, counts.reason) == (4, 0, 0, "")


def test_a_refused_batch_is_counted_and_let_go(outbox: Outbox) -> None:
    """Sent again it would be refused again, and keep the others waiting."""
    sink = Sink(Delivery(3, reason="The ingestion endpoint answered 400."))
    outbox.attach(sink.send)

    outbox.put(events(3))

    assert outbox.flush(5) and outbox.counts().failed == 3
    assert "400" in outbox.counts().reason


def test_a_broken_exporter_does_not_end_the_thread(outbox: Outbox) -> None:
    """One record that cannot be turned into an envelope must not cost all that follow."""
    calls: list[int] = []

    def send(batch: Sequence[Record]) -> Delivery:
        calls.append(len(batch))
        if len(calls) == 1:
            raise ValueError("odd record")
        return Delivery()

    outbox.attach(send)
    outbox.put(events(2))
    assert outbox.flush(5)
    outbox.put(events(1))

    assert outbox.flush(5) and (outbox.counts().failed, outbox.counts().sent) == (2, 1)


def test_putting_never_waits_for_a_sender_that_hangs(outbox: Outbox) -> None:
    """It is called where answers end."""
    sink = Sink()
    sink.open.clear()
    outbox.attach(sink.send)
    outbox.put(events(1))

    started_s = time.monotonic()
    for _ in range(50):
        outbox.put(events(1))
    took_s = time.monotonic() - started_s
    sink.open.set()

    assert took_s < 5


def test_the_end_waits_no_longer_than_it_was_told_and_counts_what_is_left(outbox: Outbox) -> None:
    """A hanging endpoint must not keep the process alive, nor hide what it cost."""
    sink = Sink()
    sink.open.clear()
    outbox.attach(sink.send)
    outbox.put(events(5))

    started_s = time.monotonic()
    assert not outbox.close(0.2)
    took_s = time.monotonic() - started_s
    sink.open.set()

    assert took_s < 20 and outbox.counts().dropped == 5
