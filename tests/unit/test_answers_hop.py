"""One call's way through queue and function, told from looks in every order they can come."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from services.agents.backend import Call
from services.answers.events import AnswerEvent, Asked, Began
from services.answers.fold import fold
from services.answers.hop import Hop, match
from services.answers.parts import Interval
from services.models import Answer, Certainty

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
CALL = Call("call_1", "azure_function", "calculate", '{"expression": "6 * 7"}', None)
DONE = Call("call_1", "azure_function", "calculate", CALL.arguments, "42")


@dataclass(frozen=True)
class Message:
    id: str = "m1"
    inserted_at: datetime | None = NOON
    body: Mapping[str, object] | None = None


class Log:
    def __init__(self) -> None:
        self.events: list[AnswerEvent] = [Asked(0.0, "ans_1", "?", "", NOON), Began(0.0)]

    def __call__(self, *events: AnswerEvent) -> None:
        self.events += events

    @property
    def answer(self) -> Answer:
        return fold(self.events)

    def told(self) -> list[tuple[str, str, float | None]]:
        return [
            (step.kind, step.state, None if step.took_s is None else round(step.took_s, 3))
            for step in self.answer.steps
        ]


@pytest.fixture
def log() -> Log:
    return Log()


def out(log: Log, began_s: float = 1.0) -> Hop:
    return Hop(CALL, "run_child", None, log, began_s)


def test_a_message_seen_waiting_and_then_taken_splits_wait_and_function(log: Log) -> None:
    """The usual way: each instant lies in the middle of the two looks around it."""
    hop = out(log)
    hop.seen("strong", "m1", 1.1, 1.2)
    hop.missing(1.3, 1.5)
    hop.answered(DONE, 2.0, 2.2, failed=False)

    assert log.told() == [("wait", "done", 0.3), ("function", "done", 0.8)]
    assert hop.times().waits == (Interval(1.0, 1.3),)
    assert hop.times().certainty == "strong"
    assert log.answer.steps[1].output == "42"


def test_a_message_taken_before_the_first_look_is_a_bounded_guess(log: Log) -> None:
    """Nobody saw it wait: its wait is at most the time until the queue was first seen without it."""
    hop = out(log)
    hop.missing(1.05, 1.1)
    hop.missing(1.15, 1.2)
    hop.answered(DONE, 2.0, 2.0, failed=False)

    assert log.told() == [("wait", "done", 0.05), ("function", "done", 0.95)]
    assert hop.times().certainty == "guess"


def test_one_look_without_the_message_proves_nothing_yet(log: Log) -> None:
    """The step is told a moment before the message is put; the second look finds it."""
    hop = out(log)
    assert not hop.missing(1.0, 1.1)
    assert hop.seen("strong", "m1", 1.2, 1.3)
    assert hop.phase == "waiting"


def test_a_short_call_that_nobody_saw_is_split_evenly(log: Log) -> None:
    """All of it lies within a tenth of a second: the error is smaller than what a person reads."""
    hop = out(log)
    hop.answered(DONE, 1.0, 1.09, failed=False)

    assert log.told() == [("wait", "done", 0.03), ("function", "done", 0.03)]
    assert hop.times().certainty == "guess"


def test_a_message_seen_waiting_but_neither_taken_nor_answered_is_split_evenly(log: Log) -> None:
    """Between two looks it was taken and answered: both took some time, none of them zero."""
    hop = out(log)
    hop.seen("strong", "m1", 1.5, 1.52)
    hop.answered(DONE, 1.1, 1.8, failed=False)

    assert log.told() == [("wait", "done", 0.6), ("function", "done", 0.1)]


def test_a_long_call_without_any_look_into_the_queue_stays_unsplit(log: Log) -> None:
    """Half of ten seconds would be invented."""
    hop = out(log)
    hop.answered(DONE, 10.9, 11.1, failed=False)

    assert log.told() == [("wait", "done", None), ("function", "done", None)]
    assert hop.times().unsplit == (Interval(1.0, 11.0),)


def test_a_delivery_that_fails_starts_the_wait_over(log: Log) -> None:
    """The function raised, the message came back: a person sees the second delivery as such."""
    hop = out(log)
    hop.seen("strong", "m1", 1.0, 1.0)
    hop.missing(2.0, 2.0)
    hop.missing(3.0, 3.0)
    hop.seen("strong", "m1", 4.0, 5.0)
    hop.missing(6.0, 6.0)
    hop.answered(DONE, 7.0, 7.0, failed=False)

    assert [(kind, state) for kind, state, _ in log.told()] == [
        ("wait", "done"),
        ("function", "failed"),
        ("wait", "done"),
        ("function", "done"),
    ]
    assert len(hop.times().waits) == len(hop.times().runs) == 2


def test_a_call_still_out_is_not_known(log: Log) -> None:
    """At the deadline the time so far is not the time it takes."""
    hop = out(log)
    hop.seen("strong", "m1", 1.0, 1.1)
    assert not hop.times().known


def test_a_reply_seen_too_late_has_no_duration(log: Log) -> None:
    """The service was away for half a minute: nobody knows when the reply was read."""
    hop = out(log)
    hop.seen("strong", "m1", 1.0, 1.0)
    hop.missing(1.2, 1.2)
    hop.answered(DONE, 2.0, 33.0, failed=False)
    assert not hop.times().known
    assert log.told()[1] == ("function", "done", None)


@pytest.mark.parametrize(
    ("body", "inserted_at", "certainty"),
    [
        ({"expression": "6 * 7", "CorrelationId": "call_1"}, NOON, "exact"),
        ({"expression": "?", "CorrelationId": "run_child"}, NOON, "exact"),
        ({"expression": "6 * 7", "CorrelationId": "x"}, NOON, "strong"),
        ({"function_args": {"expression": "6 * 7"}, "CorrelationId": "x"}, NOON, "strong"),
        ({"expression": "6 * 7", "CorrelationId": "x"}, NOON - timedelta(hours=1), None),
        ({"expression": "1 + 1", "CorrelationId": "x"}, NOON, None),
        (None, NOON, "guess"),
        (None, NOON - timedelta(hours=1), None),
    ],
    ids=["by-call", "by-run", "arguments", "nested", "too-old", "others", "unreadable", "unreadable-old"],
)
def test_a_message_is_matched_with_stated_certainty(
    body: Mapping[str, object] | None, inserted_at: datetime, certainty: Certainty | None
) -> None:
    """Another question's message must never be taken for ours."""
    assert match(Message("m1", inserted_at, body), CALL, "run_child", NOON) == certainty


def test_arguments_that_are_no_json_match_nothing() -> None:
    """A model may write anything as arguments."""
    broken = Call("call_1", "azure_function", "calculate", "{oops", None)
    assert match(Message(body={"CorrelationId": "x"}), broken, "run_child", NOON) is None
