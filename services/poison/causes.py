"""Why a message was given up on: decode test, contract test, and what the function's log says. Pure."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from services.models import Certainty
from services.monitor.results import Row
from services.poison.contract import Contract, Verdict, check
from services.poison.reading import Reading
from services.poison.shapes import Cause, Failure
from services.poison.store import Stored

BEFORE = timedelta(seconds=15)  # slow storage: the host repeats the copy into the poison queue for a while
AFTER = timedelta(seconds=2)  # the time of insertion has whole seconds, and clocks differ
LONGEST_EXCEPTION = 1_000
UNKNOWN = Cause(
    "unknown",
    "Nothing in the message explains it, and no failed execution is known that fits. The function may have been ended "
    "from outside (time limit, memory, a restart), or its log has not arrived.",
)
_RAISED = re.compile(r"Exception:\s*(.+?)(?:\s*\n\s*Stack:|\s+Stack:|\Z)", re.DOTALL)


def judge(reading: Reading, contract: Contract | None) -> Verdict | None:
    """Return how the call in *reading* stands to the contract; None when there is none, or nothing to judge."""
    arguments = reading.arguments
    return None if contract is None or arguments is None else check(arguments, contract.schema)


def causes(reading: Reading, verdict: Verdict | None, failure: Failure | None) -> tuple[Cause, ...]:
    """Return the reasons, the likeliest first; never none."""
    found: list[Cause] = []
    if fault := reading.encoding_fault:
        found.append(Cause("encoding", fault, "exact"))
    if fault := reading.form_fault:
        found.append(Cause("form", fault, "exact"))
    if failure is not None:
        times = f" on delivery {failure.deliveries}" if failure.deliveries else ""
        words = f"The function failed{times}: {failure.exception or 'its log does not say why.'}"
        found.append(Cause("exception", words, failure.certainty))
    if verdict is not None and verdict.problems:
        words = "The arguments break the tool's contract: " + "; ".join(verdict.problems)
        found.append(Cause("contract", words, "exact"))
    return tuple(found) or (UNKNOWN,)


def failures(
    messages: Sequence[Stored], readings: Mapping[str, Reading], rows: Sequence[Row]
) -> dict[str, Failure]:
    """Return the last failed execution of each message, by its id in the poison queue; none where none is known.

    *rows*: of poison_failures. exact: by the CorrelationId. strong: the only one that ended when the message came into
    the poison queue, which no other message did. guess: one of several.
    """
    known = [row for row in rows if isinstance(row["ended"], datetime)]
    by_correlation: dict[str, Row] = {}
    for row in known:  # newest first
        if told := str(row["correlation_id"] or ""):
            by_correlation.setdefault(told, row)
    found: dict[str, Failure] = {}
    for message in messages:
        correlation = readings[message.id].correlation
        if (exact := by_correlation.get(correlation) if correlation else None) is not None:
            found[message.id] = _failure(exact, "exact")
        elif readings[message.id].encoding == "plain":
            continue  # the host never calls the function with what it cannot decode
        elif (near := _by_time(message, known)) is not None:
            found[message.id] = _failure(near[0], _certainty(message, messages, near[1]))
    return found


def raised(text: str) -> str:
    """Return what was raised, from a line of the host's log; as it is when it has another form."""
    found = _RAISED.search(text)
    said = " ".join((found[1] if found else text).split())
    return said if len(said) <= LONGEST_EXCEPTION else said[: LONGEST_EXCEPTION - 1] + "…"


def _by_time(message: Stored, rows: Sequence[Row]) -> tuple[Row, int] | None:
    """Return the execution that ended nearest to the message's insertion, and how many messages ended then.

    One with a CorrelationId of its own is another message's, or would have been found by it.
    """
    at = message.inserted_at
    if at is None:
        return None
    near = [row for row in rows if at - BEFORE <= _ended(row) <= at + AFTER and not row["correlation_id"]]
    if not near:
        return None
    nearest = min(near, key=lambda row: abs((_ended(row) - at).total_seconds()))
    own = [
        row for row in near if _message_of(row) == _message_of(nearest)
    ]  # its deliveries, the last one counts
    return max(own, key=_ended), len({_message_of(row) for row in near})


def _message_of(row: Row) -> str:
    return str(row["message_id"] or row["invocation"])


def _certainty(message: Stored, messages: Sequence[Stored], candidates: int) -> Certainty:
    at = message.inserted_at
    alike = [one for one in messages if at and one.inserted_at and abs(one.inserted_at - at) <= BEFORE]
    return "strong" if candidates == 1 and len(alike) == 1 else "guess"


def _failure(row: Row, certainty: Certainty) -> Failure:
    deliveries = row["deliveries"]
    return Failure(
        _ended(row),
        str(row["invocation"] or ""),
        str(row["message_id"] or ""),
        deliveries if isinstance(deliveries, int) else None,
        raised(str(row["exception"] or "")),
        certainty,
    )


def _ended(row: Row) -> datetime:
    found = row["ended"]
    assert isinstance(found, datetime), "rows without it were left out"
    return found
