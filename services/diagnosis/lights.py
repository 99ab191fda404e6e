"""The six hops of a function call as lights, each with what proves it. Pure."""

from services.agents.backend import TERMINAL
from services.answers.narration import seconds
from services.diagnosis.facts import CallSeen, Facts
from services.diagnosis.letters import Letter, place_of, reply_in
from services.diagnosis.replies import TOO_EARLY_S
from services.diagnosis.verdicts import Code, Verdict
from services.diagnosis.why import shorten
from services.diagnosis.words import counted, unread, waited_s
from services.monitor.shapes import Hop

_BAD_REPLIES: frozenset[Code] = frozenset({"output_not_base64", "output_not_json", "output_wrong_id"})


def lights(facts: Facts, verdict: Verdict) -> tuple[Hop, ...]:
    """Return the six hops of the call that the verdict is about; none when no function was called."""
    call = facts.call
    if call is None:
        return ()
    if call.output is not None:
        return _answered(facts)
    place = place_of(facts, call)
    waiting, given_up = place.waiting, place.given_up
    fault = verdict.cause or verdict.code
    return (
        _enqueued(facts, call, waiting, given_up, fault),
        _picked_up(facts, call, waiting, given_up),
        _executed(facts, waiting, given_up),
        _written(facts, call, waiting, given_up, fault),
        _read(facts, call, fault),
        _advanced(facts),
    )


def _answered(facts: Facts) -> tuple[Hop, ...]:
    """A call that came back went all the way; who saw it on its way is another matter."""
    last = facts.log.last
    told = "The call came back, so it did. Nobody saw it."
    if last is None:
        seen = [
            Hop(name, "done", told, "strong")
            for name in ("Enqueued", "Picked up", "Executed", "Output written")
        ]
    else:
        delivery = f", delivery {last.delivery}" if last.delivery else ""
        message = f"Message {last.message_id}." if last.message_id else told
        ended = f"Invocation {last.id} {last.ended or 'ran'}."
        seen = [
            Hop("Enqueued", "done", message, last.certainty),
            Hop("Picked up", "done", f"By invocation {last.id}{delivery}.", last.certainty),
            Hop("Executed", "done", ended, last.certainty),
            Hop("Output written", "done", "The reply was read, so it was written.", "exact"),
        ]
    return (*seen, Hop("Output read", "done", "The call has its output.", "exact"), _advanced(facts))


def _enqueued(
    facts: Facts, call: CallSeen, waiting: Letter | None, given_up: Letter | None, fault: Code
) -> Hop:
    if fault == "queue_missing":
        return Hop("Enqueued", "failed", unread(facts.inbound) or unread(facts.outbound))
    seen = waiting or given_up
    if seen is not None:
        place = facts.inbound.name if waiting else facts.poison.name
        return Hop("Enqueued", "done", f"Message {seen.message.id}, seen in {place}.", seen.certainty)
    if (last := facts.log.last) is not None:
        known = f"Message {last.message_id}" if last.message_id else "Its message"
        return Hop("Enqueued", "done", f"{known}, as the function's log tells.", last.certainty)
    if not facts.inbound.part.is_read:
        return Hop("Enqueued", "unknown", unread(facts.inbound) or "The queue was not looked at.")
    if facts.since_s(call.began_at) < TOO_EARLY_S:
        return Hop("Enqueued", "active", "The call was made a moment ago; its message was not seen yet.")
    return Hop(
        "Enqueued", "done", "The agent service says that the call was made; nobody saw its message.", "guess"
    )


def _picked_up(facts: Facts, call: CallSeen, waiting: Letter | None, given_up: Letter | None) -> Hop:
    if waiting is not None and waiting.message.dequeue_count == 0:
        lain_s = waited_s(facts, waiting.message)
        since = f" for {seconds(lain_s)}" if lain_s is not None else ""
        return Hop("Picked up", "active", f"It still waits in {facts.inbound.name}{since}, dequeue count 0.")
    if waiting is not None:
        times = f"Dequeue count {waiting.message.dequeue_count}: taken, and given back."
        return Hop("Picked up", "done", times, waiting.certainty)
    if (last := facts.log.last) is not None:
        delivery = f", delivery {last.delivery}" if last.delivery else ""
        return Hop("Picked up", "done", f"By invocation {last.id}{delivery}.", last.certainty)
    if given_up is not None:
        return Hop("Picked up", "done", "It was taken, and given up on.", given_up.certainty)
    if not facts.inbound.part.is_read:
        return Hop("Picked up", "unknown", unread(facts.inbound) or "The queue was not looked at.")
    if facts.inbound.is_cut:
        return Hop("Picked up", "unknown", "The queue holds more than one look shows (32).")
    if facts.inbound.hidden:
        held = counted(facts.inbound.hidden, "message")
        return Hop("Picked up", "done", f"Not among those that wait; a reader holds {held} now.", "guess")
    if facts.since_s(call.began_at) < TOO_EARLY_S:
        return Hop("Picked up", "unknown", "The call was made a moment ago.")
    return Hop("Picked up", "done", f"It is not in {facts.inbound.name} any more.", "strong")


def _executed(facts: Facts, waiting: Letter | None, given_up: Letter | None) -> Hop:
    last = facts.log.last
    if last is not None and (last.ended or last.exception):
        bad = last.ended == "failed" or (last.exception and last.ended != "answered")
        why = f" {shorten(last.exception)}" if last.exception else ""
        return Hop(
            "Executed",
            "failed" if bad else "done",
            f"Invocation {last.id} {last.ended}.{why}",
            last.certainty,
        )
    if given_up is not None:
        return Hop("Executed", "failed", f"Each delivery failed.{_no_log(facts)}", given_up.certainty)
    if waiting is not None and waiting.message.dequeue_count:
        return Hop("Executed", "failed", f"The last delivery failed.{_no_log(facts)}", waiting.certainty)
    if waiting is not None:
        return Hop("Executed", "ahead", "No function has the message.")
    if last is not None or facts.inbound.hidden:
        certainty = last.certainty if last else "guess"
        return Hop("Executed", "active", "The function has the message.", certainty)
    return Hop("Executed", "unknown", f"Nothing is known of it.{_no_log(facts)}")


def _no_log(facts: Facts) -> str:
    part = facts.log.part
    match part.state:
        case "unset":
            return " No Log Analytics workspace is set, so its log is not known."
        case "read":
            return " Its log does not tell (yet): it arrives minutes later."
        case "skipped":
            return ""
    return f" Its log could not be read. {shorten(part.words)}"


def _written(
    facts: Facts, call: CallSeen, waiting: Letter | None, given_up: Letter | None, fault: Code
) -> Hop:
    outbound, last = facts.outbound, facts.log.last
    if (reply := reply_in(outbound, call)) is not None:
        return Hop(
            "Output written",
            "done",
            f"Message {reply.id} in {outbound.name}, with this CorrelationId.",
            "exact",
        )
    if fault in _BAD_REPLIES:
        found = (
            "not base64"
            if fault == "output_not_base64"
            else "no JSON"
            if fault == "output_not_json"
            else "another id"
        )
        return Hop(
            "Output written", "failed", f"A reply lies in {outbound.name}, but with {found}.", "strong"
        )
    if last is not None and last.ended == "answered":
        return Hop("Output written", "done", "The function's telemetry says that it replied.", last.certainty)
    if waiting or given_up:
        return Hop(
            "Output written", "ahead" if waiting else "failed", "None: the function has not succeeded."
        )
    if not outbound.part.is_read:
        return Hop("Output written", "unknown", unread(outbound) or "The queue was not looked at.")
    if fault == "silent_loss":
        return Hop("Output written", "failed", f"No reply to this call lies in {outbound.name}.", "strong")
    if fault == "output_taken":
        return Hop("Output written", "done", "A reader holds it, as far as can be told.", "guess")
    return Hop("Output written", "unknown", f"No reply to this call lies in {outbound.name}.")


def _read(facts: Facts, call: CallSeen, fault: Code) -> Hop:
    over = facts.run is not None and facts.run.state in TERMINAL
    if fault == "output_taken":
        return Hop("Output read", "failed", "By somebody else: the agent service has not got it.", "strong")
    if reply_in(facts.outbound, call) is not None:
        state, told = ("failed", "It was never read.") if over else ("active", "It lies there, not read yet.")
        return Hop("Output read", state, told)  # type: ignore[arg-type]  # one of two literals
    if fault in _BAD_REPLIES:
        return Hop("Output read", "failed", "The agent service leaves what it cannot tell the call of.")
    return Hop("Output read", "failed" if over else "ahead", "The call has no output.")


def _advanced(facts: Facts) -> Hop:
    run = facts.run
    assert run is not None, "a call has a run"
    said = f" {shorten(run.error_message)}" if run.error_message else ""
    told = f"Run state {run.state}.{said}"
    if run.state == "completed":
        return Hop("Run advanced", "done", told, "exact")
    if run.state in TERMINAL:
        return Hop("Run advanced", "failed", told, "exact")
    waits = run.state == "requires_action" or (facts.call is not None and facts.call.output is None)
    return Hop("Run advanced", "active", f"{told} It waits for the reply." if waits else told, "exact")
