"""What is wrong with the reply of a function call: not read, not readable, taken by another, or never written. Pure."""

from services.answers.hop import CORRELATION_ID
from services.answers.narration import seconds
from services.diagnosis.facts import CallSeen, Facts
from services.diagnosis.letters import reply_in, strays
from services.diagnosis.verdicts import Verdict
from services.diagnosis.why import shorten
from services.diagnosis.words import counted, waited_s
from services.models import Certainty
from services.monitor.verdict import COLD_WAIT_S

TOO_EARLY_S = 10.0  # a call may be told before its message is put, and the service tells whole seconds
REPLY_GRACE_S = 10.0  # the agent service reads a reply within moments; what lies longer is not read


def reply_unread(facts: Facts, call: CallSeen) -> Verdict | None:
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


def bad_reply(facts: Facts, call: CallSeen) -> Verdict | None:
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


def taken(facts: Facts, call: CallSeen) -> Verdict | None:
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


def lost(facts: Facts, call: CallSeen) -> Verdict | None:
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
