"""Which messages in the queues belong to a call. Pure."""

from dataclasses import dataclass
from datetime import timedelta

from services.agents.backend import Call
from services.answers.hop import CORRELATION_ID, match
from services.diagnosis.facts import CallSeen, Facts, QueueSeen
from services.models import Certainty, PeekedMessage

SKEW = timedelta(seconds=5)  # storage tells whole seconds, by a clock of its own
SURE: tuple[Certainty, ...] = ("exact", "strong", "guess")


@dataclass(frozen=True, slots=True)
class Letter:
    message: PeekedMessage
    certainty: Certainty


def request_in(queue: QueueSeen, call: CallSeen, message_ids: frozenset[str] = frozenset()) -> Letter | None:
    """Return the message of *call* in its input or poison queue, the surest one; None: not among those that were seen.

    *message_ids*: of the deliveries that the function's log tells.
    """
    found = [
        Letter(message, sure) for message in queue.messages if (sure := _is_of(message, call, message_ids))
    ]
    return min(found, key=lambda one: SURE.index(one.certainty), default=None)


def _is_of(message: PeekedMessage, call: CallSeen, message_ids: frozenset[str]) -> Certainty | None:
    told = (message.body or {}).get(CORRELATION_ID)
    if message.id in message_ids:
        return "exact"
    if call.correlation_id and told == call.correlation_id:
        return call.known
    if call.correlation_id and told:
        return None  # another call's, though its arguments may be the same
    asked = Call(call.id, "azure_function", call.tool, call.arguments, None)
    return match(message, asked, call.run_id, call.began_at)


def reply_in(queue: QueueSeen, call: CallSeen) -> PeekedMessage | None:
    """Return the reply that carries the call's CorrelationId, as the agent service wants it; None: it is not there."""
    if not call.correlation_id:
        return None
    return next(
        (
            one
            for one in queue.messages
            if one.encoded
            and one.body is not None
            and str(one.body.get(CORRELATION_ID)) == call.correlation_id
        ),
        None,
    )


def strays(facts: Facts, call: CallSeen) -> list[PeekedMessage]:
    """Return the replies that came since the call and that no waiting call has taken, oldest first."""
    right = reply_in(facts.outbound, call)
    return [
        one
        for one in facts.outbound.messages
        if one is not right and (one.inserted_at is None or one.inserted_at >= call.began_at - SKEW)
    ]
