"""Deliveries of telemetry through the wrapper: what counts against the endpoint, and what is left to the outbox."""

import pytest

from services.resilience import Dependencies, Limits
from services.resilience.dependencies import INGESTION
from services.telemetry.guarded import guarded
from services.telemetry.outbox import Delivery
from services.telemetry.records import MetricRecord
from tests.unit.test_resilience import HandPace

RECORDS = [MetricRecord("queue.depth", 1, 3.0)]
DOWN = Delivery(retry=True, reason="The ingestion endpoint answered 503.", status=503)


def test_an_endpoint_that_is_down_is_left_alone_and_tried_again() -> None:
    """The outbox asks every half second to begin with; its batch is kept, whatever the answer."""
    pace = HandPace()
    dependencies = Dependencies(Limits(call_retries=0), pace)
    replies = [DOWN] * 10 + [Delivery()]
    send = guarded(lambda _: replies.pop(0), dependencies.caller(INGESTION))

    assert [send(RECORDS).reason for _ in range(10)] == [DOWN.reason] * 10
    refused = send(RECORDS)
    assert refused.retry and "left alone; next try in 18 s" in refused.reason and len(replies) == 1
    pace.time_s += 18.1
    assert send(RECORDS) == Delivery() and not replies


def test_a_pause_that_the_endpoint_asks_for_is_given_to_it() -> None:
    """At most what the setting grants, and without a request."""
    pace = HandPace()
    busy = Delivery(retry=True, reason="The ingestion endpoint answered 429.", status=429, retry_after_s=120)
    replies = [busy, Delivery()]
    send = guarded(
        lambda _: replies.pop(0),
        Dependencies(Limits(call_retries=0, retry_after_max_s=30), pace).caller(INGESTION),
    )

    assert send(RECORDS).reason == busy.reason
    assert "asked for a pause of another 30 s" in send(RECORDS).reason and len(replies) == 1
    pace.time_s += 30.1
    assert send(RECORDS) == Delivery()


@pytest.mark.parametrize("status", [401, 403, 429, 439, 402], ids=str)
def test_an_endpoint_that_answers_is_not_down(status: int) -> None:
    """A missing role and a spent quota are told, and the breaker stays closed."""
    dependencies = Dependencies(Limits(call_retries=0), HandPace())
    send = guarded(
        lambda _: Delivery(retry=True, reason="No.", status=status), dependencies.caller(INGESTION)
    )
    for _ in range(30):
        assert send(RECORDS).retry
    assert dependencies.breaker(INGESTION).state == "closed"


def test_records_that_were_refused_for_good_are_not_sent_again() -> None:
    """They are counted; the endpoint is well."""
    lost = Delivery(1, reason="The ingestion endpoint answered 400.", status=400)

    assert guarded(lambda _: lost, Dependencies(Limits()).caller(INGESTION))(RECORDS) is lost
