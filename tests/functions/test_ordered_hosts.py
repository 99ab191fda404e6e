"""An ordered tool on several hosts at once: real processes, real queues, deliveries in any order and more than once."""

from pathlib import Path

import pytest

from chaos import ordered
from emulator.faults import Fault
from emulator.server import Emulator
from tests.functions.hosting import Queues
from tests.functions.ordering import INPUT, OUTPUT, Desk


@pytest.fixture
def desk(tmp_path: Path, emulator: Emulator, queues: Queues) -> Desk:
    for name in (INPUT, OUTPUT):
        queues.service.create_queue(name)
    return Desk(tmp_path, emulator, queues)


def test_three_hosts_work_conversations_off_in_order_however_their_calls_arrive() -> None:
    """Each call is in the queue twice, all of them shuffled. `run.py chaos` does it at full size and kills hosts."""
    figures = list(ordered.run(8, seed=5))

    assert {figure.name: figure.value for figure in figures} == {
        "ordered calls out of order": 0,
        "ordered calls with two effects": 0,
        "ordered calls lost": 0,
    }
    assert all(figure.met and figure.detail["sent"] == 16 for figure in figures)


def test_one_conversation_does_not_wait_for_another(desk: Desk) -> None:
    """Order costs time within a conversation only: of six, several are at work at the same moment."""
    for key in ("a", "b", "c", "d", "e", "f"):
        desk.send(key, 1, after=0, takes_s=0.5)

    with desk.hosts(2):
        desk.await_done()

    at_work, most = 0, 0
    for word, _, _ in desk.journal:
        at_work += 1 if word == "began" else -1
        most = max(most, at_work)
    assert most >= 3


def test_a_host_that_dies_at_work_gives_its_call_back_before_later_ones_run(desk: Desk) -> None:
    """Killed in the middle of 1: the message comes again to the other host, and 2 and 3 have waited for it."""
    desk.send("red", 1, dies=True)
    desk.send("red", 2)
    desk.send("red", 3)

    with desk.hosts(2):
        desk.await_done()

    assert desk.effects() == {"red": [1, 2, 3]}
    assert [word for word, _, _ in desk.journal] == [
        "began",
        "began",
        "ended",
        "began",
        "ended",
        "began",
        "ended",
    ]


def test_a_call_that_fails_keeps_its_place_and_one_given_up_ends_it(desk: Desk) -> None:
    """1 works at its third delivery. In the other conversation 1 never does: answered as an error, then 2 runs."""
    desk.send("red", 1, fails_until=3)
    desk.send("red", 2)
    desk.send("blue", 1, fails_until=99)
    desk.send("blue", 2)

    with desk.hosts(2):
        desk.await_done()

    assert desk.effects() == {"red": [1, 2], "blue": [2]}
    assert [number for word, key, number in desk.journal if key == "blue" and word == "began"] == [1, 1, 1, 2]
    answers = desk.answers()
    assert answers["red-1"] == ["red 1"] and answers["red-2"] == ["red 2"]
    assert "given up" in answers["blue-1"][0] and answers["blue-2"] == ["blue 2"]


def test_a_call_that_never_comes_is_given_up_after_the_stated_time_and_refused_when_it_comes_after_all(
    desk: Desk,
) -> None:
    """1 is lost. 2 and 3 go on, in order; 1, late, is answered but not carried out."""
    desk.send("red", 3)
    desk.send("red", 2)

    with desk.hosts(2, TOOL_ORDER_WAIT_S="2"):
        desk.await_done()
        assert desk.effects() == {"red": [2, 3]}
        desk.send("red", 1)
        desk.await_done()

    assert desk.effects() == {"red": [2, 3]}
    (late,) = desk.answers()["red-1"]
    assert "too late" in late and "not carried out" in late


def test_lost_replies_of_the_ledger_cost_a_moment_not_the_order(desk: Desk, emulator: Emulator) -> None:
    """The claim was written and its reply was lost: asked again, it is still the same delivery's."""
    for number in (2, 1, 3):
        desk.send("red", number)
    emulator.fail(Fault(operation="queues.update_message", kind="reset", when="after", times=3))

    with desk.hosts(2):
        desk.await_done()

    assert desk.effects() == {"red": [1, 2, 3]}
    assert desk.answers() == {f"red-{number}": [f"red {number}"] for number in (1, 2, 3)}
