"""Which messages in the queues belong to a call. Pure."""

from dataclasses import dataclass
from datetime import timedelta

from services.agents.backend import Call
from services.answers.hop import CORRELATION_ID, match
from services.diagnosis.facts import CallSeen, Facts, QueueSeen
from services.models import Certainty, PeekedMessage

SKEW = timedelta(seconds=5)  # storage tells whole seconds, by a clock of its own
AT_ONCE_S = 2.0
SURE: tuple[Certainty, ...] = ("exact", "strong", "guess")


@dataclass(frozen=True, slots=True)
class Letter:
    message: PeekedMessage
    certainty: Certainty


@dataclass(frozen=True, slots=True)
class Place:
    """Where the message of a call lies: in its input queue, or given up on; never both. None: not there."""

    waiting: Letter | None = None
    given_up: Letter | None = None

    @property
    def letter(self) -> Letter | None:
        return self.waiting or self.given_up


def place_of(facts: Facts, call: CallSeen) -> Place:
    """Return where the message of *call* lies.

    Calls with the same arguments are told apart by their CorrelationIds; where those are not known, by the time: the
    agent service puts a message as it makes the call.
    """
    ids = frozenset(one.message_id for one in facts.log.own if one.message_id)
    waiting, given_up = _best(facts.inbound, call, ids), _best(facts.poison, call, ids)
    if waiting is None or given_up is None:
        return Place(waiting, given_up)
    surer = SURE.index(waiting.certainty) - SURE.index(given_up.certainty)
    if surer < 0 or (surer == 0 and _late_s(waiting.message, call) <= AT_ONCE_S):
        return Place(waiting=waiting)
    return Place(given_up=given_up)


def _best(queue: QueueSeen, call: CallSeen, ids: frozenset[str]) -> Letter | None:
    found = [Letter(message, sure) for message in queue.messages if (sure := _is_of(message, call, ids))]
    return min(found, key=lambda one: (SURE.index(one.certainty), _late_s(one.message, call)), default=None)


def _late_s(message: PeekedMessage, call: CallSeen) -> float:
    """Return how far from the call the message was put; 0 when nobody knows."""
    return 0.0 if message.inserted_at is None else abs((message.inserted_at - call.began_at).total_seconds())


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
