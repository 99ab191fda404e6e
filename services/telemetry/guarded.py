"""Deliveries through the one wrapper of remote calls: a deadline, a breaker, and a pause when the endpoint asks for one."""

from collections.abc import Sequence
from typing import Any

from services.errors import AccessDenied, ServiceError, Throttled, Unavailable, UnexpectedReply
from services.resilience import Resilience
from services.telemetry.outbox import Delivery, Send
from services.telemetry.records import Record

OPERATION = "send telemetry"
AT_ITS_LIMIT = (402, 429, 439)


def guarded(send: Send, calls: Resilience) -> Send:
    """Return *send*, made by *calls*, which repeats nothing: the outbox does. What is returned raises no ServiceError."""

    def deliver(records: Sequence[Record]) -> Delivery:
        def once() -> Delivery:
            delivery = send(records)
            if delivery.retry:
                raise _error(delivery)
            return delivery

        try:
            return calls.once(OPERATION, "", once)
        except ServiceError as error:
            return Delivery(retry=True, reason=error.message, status=error.status)

    return deliver


def _error(delivery: Delivery) -> ServiceError:
    about: dict[str, Any] = {"operation": OPERATION, "status": delivery.status}
    if delivery.status in AT_ITS_LIMIT:
        return Throttled(delivery.reason, retry_after_s=delivery.retry_after_s, **about)
    if delivery.status in (401, 403):
        return AccessDenied(delivery.reason, **about)
    if delivery.status is not None and delivery.status < 300:
        return UnexpectedReply(delivery.reason, **about)
    return Unavailable(delivery.reason, retry_after_s=delivery.retry_after_s, **about)
