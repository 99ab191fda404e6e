"""Queues themselves: made, listed, described, deleted; and the service's own properties."""

from datetime import timedelta

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import (
    AccessPolicy,
    CorsRule,
    Metrics,
    QueueAnalyticsLogging,
    QueueClient,
    QueueSasPermissions,
    QueueServiceClient,
    RetentionPolicy,
)

from tests.contract.conftest import Connect, QueueTarget, error_code, new_name


def test_a_queue_exists_from_its_creation_to_its_deletion(queue_service: QueueServiceClient) -> None:
    """The round trip; everything after the deletion is 404 QueueNotFound."""
    queue = queue_service.create_queue(new_name())
    queue.send_message("one")

    queue.delete_queue()

    for act in (queue.get_queue_properties, queue.receive_message, queue.clear_messages, queue.delete_queue):
        with pytest.raises(ResourceNotFoundError) as caught:
            act()
        assert error_code(caught.value) == "QueueNotFound"


def test_a_queue_made_anew_is_empty(queue_service: QueueServiceClient) -> None:
    """Messages belong to the queue they were sent to, not to its name."""
    name = new_name()
    queue_service.create_queue(name).send_message("old")
    queue_service.delete_queue(name)

    queue = queue_service.create_queue(name)

    assert queue.peek_messages() == []
    assert queue.get_queue_properties().approximate_message_count == 0


@pytest.mark.parametrize("metadata", [None, {"owner": "a"}], ids=["plain", "with-metadata"])
def test_creating_the_same_queue_again_is_no_conflict(
    queue_service: QueueServiceClient, queue_target: QueueTarget, metadata: dict[str, str] | None
) -> None:
    """204 on the wire: start-up code may create its queues each time. The SDK reports it as existing."""
    name = new_name()
    queue_service.create_queue(name, metadata=metadata)
    headers = {f"x-ms-meta-{key}": value for key, value in (metadata or {}).items()}

    assert queue_target.raw("PUT", name, headers=headers).status == 204

    with pytest.raises(ResourceExistsError) as caught:
        queue_service.create_queue(name, metadata=metadata)
    assert error_code(caught.value) == "QueueAlreadyExists"


def test_creating_it_again_with_other_metadata_is_a_conflict(
    queue_service: QueueServiceClient, queue_target: QueueTarget
) -> None:
    """409 on the wire: it is not the queue the caller meant."""
    name = new_name()
    queue_service.create_queue(name, metadata={"owner": "a"})

    reply = queue_target.raw("PUT", name, headers={"x-ms-meta-owner": "b"})

    assert (reply.status, reply.headers["x-ms-error-code"]) == (409, "QueueAlreadyExists")


def test_metadata_is_kept_as_written_and_replaced_as_a_whole(queue: QueueClient) -> None:
    """Names keep their case; what the new set lacks is gone."""
    queue.set_queue_metadata({"Owner": "Team A", "a_b": "1", "aB1": "2", "ab": "3"})
    assert queue.get_queue_properties().metadata == {"Owner": "Team A", "a_b": "1", "aB1": "2", "ab": "3"}

    queue.set_queue_metadata({"stage": "two"})

    assert queue.get_queue_properties().metadata == {"stage": "two"}


def test_the_count_includes_hidden_messages(queue: QueueClient) -> None:
    """It is the depth of the queue: work in progress is work not done."""
    for number in range(3):
        queue.send_message(str(number))
    queue.receive_message()

    properties = queue.get_queue_properties()

    assert properties.approximate_message_count == 3
    assert properties.name == queue.queue_name


def test_listing_pages_through_all_queues_of_a_prefix(
    queue_service: QueueServiceClient, queue_target: QueueTarget
) -> None:
    """Pages of two out of five, in order of names, with a marker that a later request can start from.

    Azurite's markers follow the order of creation: queues made in reverse send its pages round for ever.
    """
    prefix = new_name("list")
    names = [f"{prefix}-{number}" for number in range(5)]
    for name in names if queue_target.name == "azurite" else reversed(names):
        queue_service.create_queue(name)
    queue_service.create_queue(new_name("other"))

    pages = queue_service.list_queues(name_starts_with=prefix, results_per_page=2).by_page()
    found = [[queue.name for queue in page] for page in pages]

    assert found == [names[0:2], names[2:4], names[4:5]]


def test_listing_tells_metadata_when_asked(queue_service: QueueServiceClient) -> None:
    """One request instead of one for each queue."""
    prefix = new_name("list")
    queue_service.create_queue(f"{prefix}-a", metadata={"owner": "A & B <c>"})
    queue_service.create_queue(f"{prefix}-b")

    asked = list(queue_service.list_queues(name_starts_with=prefix, include_metadata=True))
    plain = list(queue_service.list_queues(name_starts_with=prefix))

    assert [queue.metadata or {} for queue in asked] == [{"owner": "A & B <c>"}, {}]
    assert [queue.metadata for queue in plain] == [None, None]


def test_a_prefix_is_text_and_not_a_pattern(queue_service: QueueServiceClient) -> None:
    """Characters that mean something in URLs and patterns find nothing, and are signed correctly."""
    queue_service.create_queue(new_name("plain"))
    assert list(queue_service.list_queues(name_starts_with="pl%_+ &é*")) == []


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ab", "OutOfRangeInput"),
        ("a" * 64, "OutOfRangeInput"),
        ("Upper-Case", "InvalidResourceName"),
        ("two--hyphens", "InvalidResourceName"),
        ("-first", "InvalidResourceName"),
        ("last-", "InvalidResourceName"),
        ("under_score", "InvalidResourceName"),
    ],
)
def test_a_bad_name_is_refused(queue_service: QueueServiceClient, name: str, code: str) -> None:
    """400 with Azure's own code, before anything is stored."""
    with pytest.raises(HttpResponseError) as caught:
        queue_service.create_queue(name)
    assert (caught.value.status_code, error_code(caught.value)) == (400, code)


def test_access_policies_are_kept_and_replaced(queue: QueueClient, queue_target: QueueTarget) -> None:
    """Reading them back gives what was set: id, permission, start and expiry."""
    now = queue_target.now().replace(microsecond=0)
    read = AccessPolicy(QueueSasPermissions(read=True), start=now, expiry=now + timedelta(hours=1))

    queue.set_queue_access_policy({"readers": read, "adders": AccessPolicy("a")})
    found = queue.get_queue_access_policy()

    assert set(found) == {"readers", "adders"}
    assert found["readers"].permission == "r"
    assert str(found["readers"].start).startswith(now.strftime("%Y-%m-%dT%H:%M:%S"))
    queue.set_queue_access_policy({})
    assert queue.get_queue_access_policy() == {}


def test_a_queue_holds_five_access_policies_at_most(queue: QueueClient) -> None:
    """The sixth is refused and the five before it stay."""
    five = {f"p{number}": AccessPolicy("r") for number in range(5)}
    queue.set_queue_access_policy(five)

    with pytest.raises(HttpResponseError) as caught:
        queue.set_queue_access_policy({**five, "p5": AccessPolicy("r")})

    assert (caught.value.status_code, error_code(caught.value)) == (400, "InvalidXmlDocument")
    assert len(queue.get_queue_access_policy()) == 5


def test_service_properties_are_kept_section_by_section(queue_service: QueueServiceClient) -> None:
    """What a request leaves out stays as it was."""
    week = RetentionPolicy(enabled=True, days=7)
    rule = CorsRule(["https://a.example"], ["GET"], max_age_in_seconds=60, allowed_headers=["x-ms-*"])
    queue_service.set_service_properties(
        analytics_logging=QueueAnalyticsLogging(read=True, write=True, delete=False, retention_policy=week),
        hour_metrics=Metrics(enabled=True, include_apis=True, retention_policy=week),
        cors=[rule],
    )

    queue_service.set_service_properties(minute_metrics=Metrics(enabled=False))
    found = queue_service.get_service_properties()

    assert (found["analytics_logging"].read, found["analytics_logging"].delete) == (True, False)
    assert (found["hour_metrics"].enabled, found["hour_metrics"].retention_policy.days) == (True, 7)
    assert found["minute_metrics"].enabled is False
    assert [kept.allowed_origins for kept in found["cors"]] == ["https://a.example"]
    queue_service.set_service_properties(cors=[])
    assert queue_service.get_service_properties()["cors"] == []


def test_the_replica_is_live(local_target: QueueTarget, connect: Connect) -> None:
    """Azurite answers this at an address that the Python SDK cannot spell on loopback; ours needs only its host."""
    host = local_target.url.removeprefix("https://").partition("/")[0]
    stats = connect(local_target, secondary_hostname=host).get_service_stats()
    assert stats["geo_replication"]["status"] == "live"
