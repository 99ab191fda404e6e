"""What is wrong with a function call that has no reply, one rule after the other: the first that fits is the verdict. Pure.

The order matters: what was seen for certain (a message in a queue) goes before what is told from something missing.
"""

from collections.abc import Callable

from services.answers.narration import seconds
from services.diagnosis.facts import CallSeen, Facts, Invocation
from services.diagnosis.letters import Letter, place_of
from services.diagnosis.replies import bad_reply, lost, reply_unread, taken
from services.diagnosis.verdicts import Verdict
from services.diagnosis.why import DENIED, reason, shorten
from services.diagnosis.words import ROLE_OF_READER, counted, unread, waited_s
from services.models import Certainty
from services.monitor.verdict import COLD_WAIT_S, UNSERVED_S

ALIVE_S = 60.0  # a function that ran so lately has a consumer
Rule = Callable[[Facts, CallSeen], Verdict | None]


def judge(facts: Facts, call: CallSeen) -> Verdict:
    """Return what keeps *call* from having a reply; `not_known` when nothing that could be read tells."""
    for rule in RULES:
        if (found := rule(facts, call)) is not None:
            return found
    return _unknown(facts)


def _missing_queue(facts: Facts, call: CallSeen) -> Verdict | None:
    for queue in (facts.inbound, facts.outbound):
        if queue.part.state == "missing":
            return Verdict(
                "queue_missing",
                f"The queue {queue.name} of the tool {call.tool} does not exist.",
                "Create it in the storage account that the tool names: agents and functions do not create it.",
            )
    return None


def _poison(facts: Facts, call: CallSeen) -> Verdict | None:
    found = place_of(facts, call).given_up
    if found is None:
        return None
    last = facts.log.last
    why = reason(found.message, call.schema, last.exception if last else "")
    sentence = f"The function app gave the message up: it lies in {facts.poison.name}, because {why.words}."
    return Verdict(why.code, sentence, why.next_step, found.certainty)


def _waiting(facts: Facts, call: CallSeen) -> Verdict | None:
    found = place_of(facts, call).waiting
    if found is None:
        return None
    if found.message.dequeue_count > 0:
        return _failing(facts, found)
    lain_s = waited_s(facts, found.message) or 0.0
    name, lain = facts.inbound.name, seconds(lain_s)
    if lain_s < COLD_WAIT_S:
        return Verdict(
            "working", f"The message has just come into {name}.", "Wait a moment.", found.certainty
        )
    if is_served(facts):
        ahead = _ahead(facts, found)
        return Verdict(
            "function_busy",
            f"The message has waited in {name} for {lain}; the function works on others ({ahead}).",
            "Wait, or let the function app run more at once: batchSize in host.json, more instances.",
            found.certainty,
        )
    if lain_s < UNSERVED_S:
        return Verdict(
            "function_cold",
            f"The message has waited in {name} for {lain} and nobody has taken it yet: the function app is starting, "
            "or polls slowly.",
            f"Wait: a cold start takes up to {UNSERVED_S:g} s. Always-ready instances and a short maxPollingInterval avoid it.",
            found.certainty,
        )
    return Verdict(
        "no_consumer",
        f"Nobody takes messages from {name}: this one has waited for {lain}.",
        "Start the function app, and check that its trigger names this queue and this storage account, and that its "
        "identity may receive from it.",
        found.certainty,
    )


def is_served(facts: Facts) -> bool:
    """Whether somebody takes messages from the input queue: one is held now, or one was executed lately."""
    newest = facts.log.newest_at
    return facts.inbound.hidden > 0 or (newest is not None and facts.since_s(newest) < ALIVE_S)


def _ahead(facts: Facts, found: Letter) -> str:
    place = facts.inbound.messages.index(found.message)
    held = f", {facts.inbound.hidden} being worked on" if facts.inbound.hidden else ""
    return f"{place} ahead of it{held}"


def _failing(facts: Facts, found: Letter) -> Verdict:
    last = facts.log.last
    failed = counted(found.message.dequeue_count, "delivery").replace("deliverys", "deliveries")
    where = f"it is back in {facts.inbound.name} after {failed}"
    return _failure(where, last.exception if last else "", found.certainty)


def _failed_once(facts: Facts, last: Invocation) -> Verdict:
    """The message came back, and is hidden until it is tried again: visibilityTimeout of host.json."""
    return _failure(
        f"it lies hidden in {facts.inbound.name} until it is tried again", last.exception, last.certainty
    )


def _failure(where: str, exception: str, certainty: Certainty) -> Verdict:
    why = f" The last time: {shorten(exception)}." if exception else ""
    if DENIED.search(exception):
        return Verdict(
            "missing_role",
            f"The function's identity lacks a role, so it failed on the message: {where}.{why}",
            "Give the function app's identity the roles of docs/permissions.md on the storage account.",
            certainty,
        )
    return Verdict(
        "function_failing",
        f"The function failed on the message: {where}.{why}",
        "Look at the function's log. It is tried again until maxDequeueCount of host.json, then given up as poison.",
        certainty,
    )


def _running(facts: Facts, call: CallSeen) -> Verdict | None:
    last = facts.log.last
    if last is not None and last.ended in ("succeeded", "answered"):
        return None  # others hold what is hidden now
    if last is not None and last.ended == "failed" and facts.inbound.hidden > 0:
        return _failed_once(facts, last)
    begun = last is not None and not last.ended
    if not begun and facts.inbound.hidden == 0:
        return None
    certainty: Certainty = last.certainty if begun and last else "guess"
    told = f" Its log says: {shorten(last.lines[-1])}" if begun and last and last.lines else ""
    return Verdict(
        "function_running",
        f"The function has the message of {call.tool} and has not finished, {seconds(facts.since_s(call.began_at))} "
        f"after the call.{told}",
        "Wait for it: functionTimeout in host.json ends it at last. If it takes long each time, look at what it waits for.",
        certainty,
    )


def _denied(facts: Facts, call: CallSeen) -> Verdict | None:
    closed = [
        queue.name for queue in (facts.inbound, facts.outbound, facts.poison) if queue.part.state == "denied"
    ]
    if not closed:
        return None
    return Verdict(
        "missing_role",
        f"Relaydeck may not look into {', '.join(closed)}, so where the call of {call.tool} is cannot be told.",
        f"Give the dashboard's identity the role {ROLE_OF_READER}; a new role takes up to ten minutes.",
    )


def _unknown(facts: Facts) -> Verdict:
    queues = (facts.inbound, facts.outbound, facts.poison)
    told = [words for queue in queues if queue.part.state != "missing" and (words := unread(queue))]
    if facts.inbound.is_cut or facts.outbound.is_cut:
        told.append("More messages lie there than one look shows (32).")
    return Verdict(
        "not_known",
        f"The reply is not there, and where the call is cannot be told. {' '.join(told)}".strip(),
        "Look again in a moment; look at the queues and at the function's log.",
    )


RULES: tuple[Rule, ...] = (
    _missing_queue,
    _poison,
    reply_unread,
    _waiting,
    _running,
    bad_reply,
    taken,
    _denied,
    lost,
)
