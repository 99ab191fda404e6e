"""Browsers and queues: which pages may call, and what they are told."""

import pytest
from azure.storage.queue import CorsRule

from tests.contract.conftest import Connect, QueueTarget

PAGE = "https://app.example"


@pytest.fixture
def ruled(local_target: QueueTarget, connect: Connect) -> QueueTarget:
    """Our service with one rule: PAGE may GET and PUT, and read x-ms-request-id."""
    rule = CorsRule(
        [PAGE],
        ["GET", "PUT"],
        max_age_in_seconds=60,
        allowed_headers=["x-ms-*", "content-type"],
        exposed_headers=["x-ms-request-id"],
    )
    connect(local_target).set_service_properties(cors=[rule])
    return local_target


def preflight(target: QueueTarget, origin: str, method: str, headers: str = "") -> tuple[int, dict[str, str]]:
    asked = {"origin": origin, "access-control-request-method": method}
    if headers:
        asked["access-control-request-headers"] = headers
    reply = target.raw("OPTIONS", "orders/messages", headers=asked, signed=False)
    return reply.status, reply.headers


def test_a_preflight_that_a_rule_admits_goes_through(ruled: QueueTarget) -> None:
    """Without credentials: the browser asks before it signs."""
    status, headers = preflight(ruled, PAGE, "PUT", "x-ms-date,content-type")
    assert status == 200
    assert headers["access-control-allow-origin"] == PAGE
    assert headers["access-control-allow-methods"] == "PUT"
    assert headers["access-control-allow-headers"] == "x-ms-date,content-type"
    assert headers["access-control-max-age"] == "60"


@pytest.mark.parametrize(
    ("origin", "method", "headers"),
    [("https://evil.example", "GET", ""), (PAGE, "DELETE", ""), (PAGE, "GET", "authorization")],
    ids=["origin", "method", "header"],
)
def test_any_other_preflight_is_refused(ruled: QueueTarget, origin: str, method: str, headers: str) -> None:
    """403, and no header that a browser could take for a yes."""
    status, answered = preflight(ruled, origin, method, headers)
    assert (status, answered["x-ms-error-code"]) == (403, "CorsPreflightFailure")
    assert "access-control-allow-origin" not in answered


def test_without_rules_every_preflight_is_refused(local_target: QueueTarget) -> None:
    """No web page reaches a queue unless the account's owner wants it."""
    assert preflight(local_target, PAGE, "GET")[0] == 403


def test_a_preflight_must_say_who_asks(ruled: QueueTarget) -> None:
    """Both headers are required."""
    reply = ruled.raw("OPTIONS", "orders", headers={"origin": PAGE}, signed=False)
    assert (reply.status, reply.headers["x-ms-error-code"]) == (400, "InvalidHeaderValue")


def test_replies_tell_an_admitted_page_what_it_may_read(ruled: QueueTarget) -> None:
    """And a page that is not admitted nothing at all."""
    admitted = ruled.raw("GET", "", "comp=list", headers={"origin": PAGE})
    other = ruled.raw("GET", "", "comp=list", headers={"origin": "https://evil.example"})

    assert admitted.headers["access-control-allow-origin"] == PAGE
    assert admitted.headers["access-control-expose-headers"] == "x-ms-request-id"
    assert "access-control-allow-origin" not in other.headers
    assert other.headers["vary"] == "Origin"
