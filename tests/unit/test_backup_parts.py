"""The parts of back-up and restore that need no service: waiting, addresses, marks, restored exchanges."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from services.agents.backend import ThreadMessage
from services.answers.restored import NOTICE, restored_answers
from services.backup.mapping import Addresses
from services.backup.marks import MARK, origin_of
from services.backup.patience import WINDOW, Patience, in_order
from services.errors import AccessDenied, Throttled, Unavailable
from services.resilience.clock import RealPace

BEFORE, NOW = "https://old.queue.core.windows.net", "https://new.queue.core.windows.net"
AT = datetime(2026, 11, 1, tzinfo=UTC)


class Waits(RealPace):
    """Waits pass at once and are noted."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def sleep(self, seconds: float) -> bool:
        self.seconds += seconds
        return True


def test_what_the_service_asks_for_is_waited_and_then_tried_again() -> None:
    pace, left = Waits(), [Throttled("Busy.", operation="x", retry_after_s=7.0)]

    def do() -> str:
        if left:
            raise left.pop()
        return "done"

    assert Patience(pace, lambda _: None)(do) == "done"
    assert pace.seconds == 7.0


def test_an_outage_that_lasts_is_raised_in_the_end() -> None:
    """Within the time that is allowed for, not after it."""
    pace = Waits()

    def do() -> str:
        raise Unavailable("Away.", operation="x")

    with pytest.raises(Unavailable):
        Patience(pace, lambda _: None, longest_s=60)(do)
    assert 0 < pace.seconds <= 60


def test_what_an_earlier_attempt_created_after_all_is_not_created_again() -> None:
    tries: list[int] = []

    def do() -> str:
        tries.append(1)
        raise Unavailable("The reply was lost.", operation="x")

    assert Patience(Waits(), lambda _: None)(do, lambda: "found") == "found"
    assert len(tries) == 1


def test_a_failure_that_stays_ends_the_waits_of_all_others() -> None:
    """Eight read at once: seven must not wait five minutes for a service that denies the eighth."""
    patience = Patience(RealPace(), lambda _: None)

    def work(number: int) -> str:
        if number == 3:
            raise AccessDenied("Denied.", operation="x")
        return patience(away)

    def away() -> str:
        raise Unavailable("Away.", operation="x")

    began_s = time.monotonic()
    with pytest.raises(AccessDenied):
        list(in_order(work, range(100), patience))
    assert time.monotonic() - began_s < 30


def test_little_is_read_ahead_and_the_order_is_kept() -> None:
    """Thousands of threads are never in memory together."""
    taken: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    results = in_order(lambda number: number * 2, numbers(), Patience(Waits(), lambda _: None))

    assert [next(results) for _ in range(5)] == [0, 2, 4, 6, 8]
    assert len(taken) <= 5 + WINDOW
    results.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BEFORE, NOW),
        (f"Send to {BEFORE}/azure-function-foo-output.", f"Send to {NOW}/azure-function-foo-output."),
        (f'"{BEFORE}"', f'"{NOW}"'),
        (f"{BEFORE}.evil.example", f"{BEFORE}.evil.example"),
        (f"{BEFORE}:444/x", f"{BEFORE}:444/x"),
        (f"{BEFORE}-more", f"{BEFORE}-more"),
        ("nothing", "nothing"),
    ],
    ids=["alone", "in-words", "quoted", "longer-host", "other-port", "longer-name", "none"],
)
def test_only_the_whole_address_is_replaced(text: str, expected: str) -> None:
    assert Addresses(BEFORE, NOW).moved({"a": [text, 1, None]}) == {"a": [expected, 1, None]}


def test_an_address_that_is_none_replaces_nothing() -> None:
    """An altered manifest could name a single letter."""
    assert Addresses("a", NOW).moved("banana") == "banana"
    assert Addresses("", NOW).moved("banana") == "banana"


@pytest.mark.parametrize("mark", ["", "x", "a b", "a b c d"], ids=["none", "word", "two-words", "four-words"])
def test_other_marks_are_none(mark: str) -> None:
    assert origin_of({MARK: mark}) is None


@pytest.mark.parametrize("seconds", ["0", "soon", "9" * 30, "-5"])
def test_an_odd_time_is_not_known(seconds: str) -> None:
    origin = origin_of({MARK: f"bkp_1 msg_1 {seconds}"})
    assert origin is not None and origin.created_at is None


def said(role: str, text: str, number: int, *, restored: bool = True) -> ThreadMessage:
    tags = {MARK: f"bkp_1 old_{number} {int(AT.timestamp()) + number}"} if restored else {}
    return ThreadMessage(f"msg_{number}", "user" if role == "user" else "assistant", text, AT, "", tags)


def test_restored_messages_become_exchanges_in_their_order() -> None:
    """Several replies are one answer; a question without one was cut off; what was said here since is not among them."""
    messages = [
        said("assistant", "Welcome.", 1),
        said("user", "One?", 2),
        said("assistant", "Uno,", 3),
        said("assistant", "eins.", 4),
        said("user", "Two?", 5),
        said("user", "Since then?", 6, restored=False),
    ]

    found = restored_answers("thread_1", messages)

    assert [(one.question, one.text, one.state) for one in found] == [
        ("", "Welcome.", "answered"),
        ("One?", "Uno,\n\neins.", "answered"),
        ("Two?", "", "cancelled"),
    ]
    assert [one.asked_at.timestamp() - AT.timestamp() for one in found if one.asked_at] == [1, 2, 5]
    assert {one.notice for one in found} == {NOTICE} and not any(one.is_open or one.run_id for one in found)
