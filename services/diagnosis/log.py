"""The function's own log and telemetry, read for one call: which invocation was its, how it ended, why it failed. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from services.diagnosis.facts import CallSeen, Invocation, LogSeen, Part
from services.models import Certainty
from services.monitor.results import Row
from services.monitor.spans import CORRELATION, HASH, INVOCATION, Span, link
from services.telemetry.spans import argument_hash

_TRIGGER = re.compile(r"Trigger Details: MessageId: ([^,\s]+), DequeueCount: (\d+)")
_ENDED = re.compile(r"Executed 'Functions\.[^']*' \((Succeeded|Failed)")
_CALLED_OFF = re.compile(
    r"Executed 'Functions\.[^']*' \(Cancell?ed"
)  # given back before it began: it says nothing
_EXCEPTION = re.compile(r"^Exception: (.+)$", re.MULTILINE)
_MESSAGE, _DELIVERY, _OUTCOME = "messaging.message.id", "relaydeck.dequeue_count", "relaydeck.outcome"
REPLIED = frozenset({"answered", "repeated", "refused"})
KEPT_LINES = 20


def as_call(call: CallSeen, lasted: timedelta) -> Span:
    """Return *call* as a span, to find the executions that it caused."""
    known = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": call.tool,
        "gen_ai.tool.call.id": call.id,
        CORRELATION: call.correlation_id,
        HASH: argument_hash(call.arguments) if call.arguments else "",
    }
    name, took_s = f"execute_tool {call.tool}", lasted.total_seconds()
    return Span(call.id, "", name, call.began_at, took_s, False, "", known)


def correlation_in(call: CallSeen, executions: Sequence[Span], lasted: timedelta) -> str:
    """Return the CorrelationId that the function's telemetry tells of *call*; empty when it tells none for sure."""
    found = link(as_call(call, lasted), executions)
    return found[0].properties.get(CORRELATION, "") if found and found[1] != "guess" else ""


def log_of(
    call: CallSeen,
    lasted: timedelta,
    executions: Sequence[Span],
    rows: Sequence[Row],
    message_ids: frozenset[str],
) -> LogSeen:
    """Return the invocations of *call*. *rows*: of call_log. *message_ids*: of its message, seen in a queue."""
    invocations = _invocations(rows)
    newest = max([one.at for one in invocations.values()] + [one.at for one in executions], default=None)
    linked = link(as_call(call, lasted), executions)
    told: dict[str, Invocation] = {}
    ids = set(message_ids)
    if linked is not None:
        span, certainty, _ = linked
        for execution in executions:
            if _is_same(execution, span):
                told[execution.properties[INVOCATION]] = _of_span(execution, certainty, invocations)
                ids |= {execution.properties.get(_MESSAGE, "")} - {""}
    for one in invocations.values():
        if one.id not in told and _names(one, call, ids):
            told[one.id] = one
    if not told and len({one.message_id for one in invocations.values()}) == 1:
        told = {
            one.id: replace(one, certainty="guess") for one in invocations.values() if one.at >= call.began_at
        }
    return LogSeen(Part("read"), tuple(sorted(told.values(), key=lambda one: one.at)), newest)


def _is_same(one: Span, other: Span) -> bool:
    """Whether both executed the same message: each delivery has an execution of its own."""
    message = other.properties.get(_MESSAGE)
    return one is other or bool(message and one.properties.get(_MESSAGE) == message)


def _of_span(span: Span, certainty: Certainty, known: Mapping[str, Invocation]) -> Invocation:
    invocation = known.get(span.properties[INVOCATION])
    outcome, delivery = span.properties.get(_OUTCOME, ""), span.properties.get(_DELIVERY, "")
    ended = "answered" if outcome in REPLIED else "failed" if span.failed or outcome == "failed" else ""
    return Invocation(
        span.properties[INVOCATION],
        span.at,
        certainty,
        ended or (invocation.ended if invocation else ""),  # type: ignore[arg-type]  # one of the literals
        invocation.exception if invocation else "",
        span.properties.get(_MESSAGE, ""),
        int(delivery) if delivery.isdecimal() else None,
        invocation.lines if invocation else (),
    )


def _invocations(rows: Sequence[Row]) -> dict[str, Invocation]:
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(str(row["Invocation"]), []).append(row)
    return {
        name: _invocation(name, lines)
        for name, lines in grouped.items()
        if not any(_CALLED_OFF.search(str(row["Message"])) for row in lines)
    }


def _invocation(name: str, rows: Sequence[Row]) -> Invocation:
    texts = [str(row["Message"] or "") for row in rows]
    whole = "\n".join(texts)
    trigger, ended = _TRIGGER.search(whole), _ENDED.search(whole)
    first = rows[0]["TimeGenerated"]
    assert isinstance(first, datetime), "the query orders by it"
    thrown = [str(row["Message"]) for row in rows if row["Source"] == "AppExceptions"]
    thrown += _EXCEPTION.findall(whole)
    thrown += [text for row, text in zip(rows, texts, strict=True) if _is_error(row, text)]
    return Invocation(
        name,
        first,
        "strong",
        ended[1].lower() if ended else "",  # type: ignore[arg-type]  # succeeded or failed
        thrown[0].strip() if thrown else "",
        trigger[1] if trigger else "",
        int(trigger[2]) if trigger else None,
        tuple(texts[:KEPT_LINES]),
    )


def _is_error(row: Row, text: str) -> bool:
    """Whether a function that catches everything itself has written down that it failed."""
    level = row["SeverityLevel"]
    return isinstance(level, int) and level >= 3 and not _ENDED.search(text)


def _names(one: Invocation, call: CallSeen, message_ids: set[str]) -> bool:
    by_message = bool(one.message_id) and one.message_id in message_ids
    return by_message or bool(call.correlation_id and any(call.correlation_id in line for line in one.lines))
