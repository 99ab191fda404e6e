"""What is wrong with a function call that has no reply, one rule after the other: the first that fits is the verdict. Pure.

The order matters: what was seen for certain (a message in a queue) goes before what is told from something missing.
"""

from collections.abc import Callable

from services.answers.hop import CORRELATION_ID
from services.answers.narration import seconds
from services.diagnosis.facts import CallSeen, Facts
from services.diagnosis.letters import Letter, place_of, reply_in, strays
from services.diagnosis.verdicts import Verdict
from services.diagnosis.why import DENIED, reason, shorten
from services.diagnosis.words import ROLE_OF_READER, counted, unread, waited_s
from services.models import Certainty
from services.monitor.verdict import COLD_WAIT_S, UNSERVED_S

TOO_EARLY_S = (
    10.0  # the call may have been told before its message was put, and the service tells whole seconds
)
REPLY_GRACE_S = 10.0  # the agent service reads a reply within moments; what lies longer is not read
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


def _reply_unread(facts: Facts, call: CallSeen) -> Verdict | None:
    reply = reply_in(facts.outbound, call)
    if reply is None:
        return None
    lain_s = waited_s(facts, reply) or 0.0
    if lain_s < REPLY_GRACE_S:
        return Verdict(
            "working",
            f"The reply lies in {facts.outbound.name}; the agent service is about to read it.",
            "Wait a moment.",
        )
    return Verdict(
        "output_unread",
        f"The reply has lain in {facts.outbound.name} for {seconds(lain_s)}, and the agent service does not read it.",
        "Check that the project's identity may receive from that queue, and that the tool is bound to this output queue "
        "and this storage account.",
    )


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
    why = f" The last one failed: {shorten(last.exception)}." if last and last.exception else ""
    if why and last and DENIED.search(last.exception):
        return Verdict(
            "missing_role",
            f"The function's identity lacks a role, and {failed} of the message came back.{why}",
            "Give the function app's identity the roles of docs/permissions.md on the storage account.",
            found.certainty,
        )
    return Verdict(
        "function_failing",
        f"The function failed on the message: it is back in {facts.inbound.name} after {failed}.{why}",
        "Look at the function's log. It is tried again until maxDequeueCount of host.json, then given up as poison.",
        found.certainty,
    )


def _running(facts: Facts, call: CallSeen) -> Verdict | None:
    last = facts.log.last
    if last is not None and last.ended in ("succeeded", "answered"):
        return None  # others hold what is hidden now
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


def _bad_reply(facts: Facts, call: CallSeen) -> Verdict | None:
    """Judge what lies in the output queue since the call: the agent service takes replies that it understands."""
    found = [one for one in strays(facts, call) if (waited_s(facts, one) or 0.0) >= COLD_WAIT_S]
    if not found:
        return None
    newest = found[-1]
    name = facts.outbound.name
    sure: Certainty = "strong" if len(found) == 1 else "guess"
    if not newest.encoded:
        return Verdict(
            "output_not_base64",
            f"A reply in {name} is not base64, so the agent service leaves it there.",
            "Write replies in base64: messageEncoding in host.json, or a base64 encode policy on the queue client.",
            sure,
        )
    told = (newest.body or {}).get(CORRELATION_ID)
    if newest.body is None or not told:
        lacks = "holds no JSON object" if newest.body is None else "has no CorrelationId"
        return Verdict(
            "output_not_json" if newest.body is None else "output_wrong_id",
            f"A reply in {name} {lacks}, so the agent service leaves it there.",
            'Reply with {"Value": …, "CorrelationId": …}, the CorrelationId as it came in the message.',
            sure,
        )
    wanted = (
        f"the call's is {call.correlation_id}"
        if call.correlation_id
        else "no call waits for that one, or nobody reads that queue"
    )
    return Verdict(
        "output_wrong_id",
        f"A reply in {name} carries the CorrelationId {shorten(str(told))}; {wanted}.",
        "Have the function reply with the CorrelationId of the message that it was called with, unchanged.",
        sure if call.correlation_id else "guess",
    )


def _taken(facts: Facts, call: CallSeen) -> Verdict | None:
    if not facts.outbound.part.is_read or facts.since_s(call.began_at) < TOO_EARLY_S:
        return None
    last = facts.log.last
    answered = last is not None and last.ended == "answered"
    if not answered and facts.outbound.hidden == 0:
        return None
    name = facts.outbound.name
    held = (
        f"{counted(facts.outbound.hidden, 'message')} of it held by a reader now"
        if facts.outbound.hidden
        else ""
    )
    told = "the function's telemetry says that it replied" if answered else held
    return Verdict(
        "output_taken",
        f"The reply was taken from {name} by somebody else: {told}, and the agent service has not got it.",
        f"Find who else receives from {name}: a second project, a script, a tool that receives where it should peek. "
        "Only the agent service may.",
        last.certainty if answered and last else "guess",
    )


def _lost(facts: Facts, call: CallSeen) -> Verdict | None:
    read = facts.inbound.part.is_read and facts.outbound.part.is_read
    if (
        not read
        or facts.inbound.is_cut
        or facts.outbound.is_cut
        or facts.poison.part.state in ("denied", "failed")
    ):
        return None
    if facts.since_s(call.began_at) < TOO_EARLY_S:
        return Verdict("working", "The call was made a moment ago.", "Wait a moment.")
    last = facts.log.last
    ran = f" It ran, and said: {shorten(last.exception)}." if last and last.exception else ""
    return Verdict(
        "silent_loss",
        f"The message is gone without a trace: not in {facts.inbound.name}, no reply in {facts.outbound.name}, nothing in "
        f"{facts.poison.name}, and the run still waits.{ran}",
        "Look at the function's log. A function that catches every exception and only logs it replies nothing; it must "
        "reply with an error, or let the exception out. And it must reply into the output queue that the tool names.",
        "strong" if last else "guess",
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
    _reply_unread,
    _waiting,
    _running,
    _bad_reply,
    _taken,
    _denied,
    _lost,
)
