"""Which run a message in a queue belongs to: from answers that are open now, and from telemetry. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.models import Answer, Certainty, PeekedMessage
from services.monitor import live, passages
from services.monitor.passages import same_call
from services.monitor.results import Row
from services.monitor.shapes import Passage


@dataclass(frozen=True, slots=True)
class Owner:
    """The run that a message in a queue belongs to. *certainty*: how surely."""

    run_id: str
    thread_id: str
    certainty: Certainty


def correlation_of(message: PeekedMessage) -> str:
    """Return the CorrelationId in *message*; empty when it holds none."""
    told = (message.body or {}).get("CorrelationId")
    return told if isinstance(told, str) else ""


def owners(
    messages: Sequence[PeekedMessage],
    open_answers: Sequence[Answer],
    known: Mapping[str, Answer],
    rows: Sequence[Row] = (),
) -> dict[str, Owner]:
    """Return who sent each message, by its id; nobody for those whose run is not known.

    *known*: answers by the CorrelationId of a message that was seen to be theirs. *rows*: of message_runs.
    exact: the CorrelationId. strong: an open answer waits for a call with the same arguments.
    """
    told = {str(row["correlation_id"]): row for row in rows if row["run_id"]}
    calls = [
        (way, answer) for answer in open_answers for way in passages.of_answer(answer, live.bars_of(answer))
    ]
    found: dict[str, Owner] = {}
    for message in messages:
        correlation = correlation_of(message)
        if (answer := known.get(correlation)) is not None:
            found[message.id] = Owner(answer.run_id, answer.thread_id, "exact")
        elif (row := told.get(correlation)) is not None:
            found[message.id] = Owner(str(row["run_id"]), str(row["thread_id"] or ""), "exact")
        elif (caller := _caller(message, calls)) is not None:
            found[message.id] = Owner(caller.run_id, caller.thread_id, "strong")
    return found


def _caller(message: PeekedMessage, calls: Sequence[tuple[Passage, Answer]]) -> Answer | None:
    """Return the only open answer that waits for such a message; None when there are several, or none."""
    found = {answer.run_id: answer for way, answer in calls if answer.run_id and same_call(message.body, way)}
    return next(iter(found.values())) if len(found) == 1 else None
