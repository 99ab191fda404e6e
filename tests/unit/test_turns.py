"""The order of calls, without queues and hosts: whatever is delivered when, however often."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools import turns
from tools.envelope import Question, ToolError
from tools.turns import Call, State, Turn

WAIT_S, CLAIM_S, AGAIN_S = 60.0, 130.0, 10.0


class Conversation:
    """One conversation and a clock."""

    def __init__(self) -> None:
        self.state, self.now_s, self.put_s = State(), 1000.0, float("inf")

    def has_backlog(self, before_s: float) -> bool:
        """*put_s*: when the oldest message that can be seen was put into the queue."""
        return self.put_s < before_s

    def decide(self, number: int, after: int = 0, message: str = "", delivery: int = 1) -> turns.Decision:
        return turns.decide(
            self.state, call(number, after, message, delivery), self.now_s, WAIT_S, CLAIM_S, self.has_backlog
        )

    def finish(self, number: int, value: str = "done", message: str = "") -> None:
        turns.finish(self.state, call(number, 0, message), value, self.now_s)

    def fail(self, number: int, message: str = "") -> None:
        turns.fail(self.state, call(number, 0, message), self.now_s, AGAIN_S)


def call(number: int, after: int = 0, message: str = "", delivery: int = 1) -> Call:
    return Call(Turn("t", number, after), f"call-{number}", message or f"m-{number}", delivery)


@pytest.fixture
def talk() -> Conversation:
    return Conversation()


def test_a_call_waits_for_the_one_that_may_be_under_way(talk: Conversation) -> None:
    """Turn 4 left a call unanswered: 5 goes after it, and 9, which follows nothing open, needs not wait for 6 to 8."""
    assert talk.decide(5, after=4).verdict == "hold"
    assert talk.decide(4).verdict == "run"
    assert talk.decide(5, after=4).verdict == "hold", "4 is running"
    talk.finish(4)
    assert talk.decide(5, after=4).verdict == "run"
    talk.finish(5)
    assert talk.decide(9).verdict == "run"


def test_one_that_never_comes_is_waited_for_as_long_as_was_said(talk: Conversation) -> None:
    """Lost, expired or poisoned: nobody can tell from outside, so the later ones go on and the log says so."""
    assert talk.decide(2, after=1).verdict == "hold"
    talk.now_s += WAIT_S - 1
    assert talk.decide(2, after=1).verdict == "hold"
    talk.now_s += 1
    found = talk.decide(2, after=1)
    assert (found.verdict, found.lost) == ("run", 1)
    talk.finish(2)
    assert talk.decide(1).verdict == "late", "once 2 has run, 1 may not"


def test_none_is_given_up_while_the_queue_is_behind(talk: Conversation) -> None:
    """After an outage hundreds wait: the one that is missing lies among them, and has not been met yet."""
    talk.put_s = talk.now_s
    talk.decide(2, after=1)
    talk.now_s += 2 * WAIT_S
    assert talk.decide(2, after=1).verdict == "hold"
    talk.put_s = talk.now_s - 1
    assert talk.decide(2, after=1) == turns.Decision("run", lost=1)


def test_those_that_wait_for_a_lost_one_go_on_in_their_order(talk: Conversation) -> None:
    """3 was met first and its time is over first; 2 is known to wait, and goes first all the same."""
    talk.decide(3, after=2)
    talk.now_s += WAIT_S - 1
    talk.decide(2, after=1)
    talk.now_s += 2
    assert talk.decide(3, after=2).verdict == "hold"
    talk.now_s += WAIT_S
    talk.decide(2, after=1)
    talk.finish(2)
    assert talk.decide(3, after=2).verdict == "run"


def test_a_call_that_failed_keeps_its_place_until_it_comes_again(talk: Conversation) -> None:
    """The host hides it for a while; the wait for what never comes does not count meanwhile."""
    assert talk.decide(1, message="m", delivery=1).verdict == "run"
    talk.decide(2, after=1)
    talk.now_s += WAIT_S + 1
    talk.fail(1, "m")
    assert talk.decide(2, after=1).verdict == "hold"
    talk.now_s += AGAIN_S
    assert talk.decide(1, message="m", delivery=2).verdict == "run"


def test_a_repeat_is_answered_from_memory_and_runs_nothing(talk: Conversation) -> None:
    """Twice the same call, at once and later, from whichever message."""
    talk.decide(1, message="a")
    assert talk.decide(1, message="copy").verdict == "hold"
    talk.finish(1, "42", message="a")
    assert talk.decide(1, message="copy") == turns.Decision("repeat", "42")
    assert talk.decide(2, after=1).verdict == "run", "the copy that waited holds nobody up"


def test_a_long_value_is_known_to_be_done_though_not_kept(talk: Conversation) -> None:
    """All conversations share the 48 KiB of a message."""
    talk.decide(1)
    talk.finish(1, "x" * (turns.KEPT_VALUE_CHARACTERS + 1))
    assert talk.decide(1, message="copy") == turns.Decision("repeat", None)


def test_a_copy_is_known_however_many_calls_its_turn_has_made(talk: Conversation) -> None:
    """A run may call a tool ten times in a row, all in one turn; the first of them must not run again."""
    calls = [Call(Turn("t", 1, 0), f"call-{each}", f"m-{each}", 1) for each in range(20)]
    for one in calls:
        assert turns.decide(talk.state, one, talk.now_s, WAIT_S, CLAIM_S, talk.has_backlog).verdict == "run"
        turns.finish(talk.state, one, one.id, talk.now_s)

    found = [turns.decide(talk.state, one, talk.now_s, WAIT_S, CLAIM_S, talk.has_backlog) for one in calls]

    assert {one.verdict for one in found} == {"repeat"}
    assert [one.value for one in found[-turns.KEPT_VALUES :]] == [
        one.id for one in calls[-turns.KEPT_VALUES :]
    ]


def test_the_message_of_a_host_that_died_takes_its_own_place(talk: Conversation) -> None:
    """Delivered once more, it need not wait for the claim of the delivery that is gone; others must."""
    talk.decide(1, message="m", delivery=1)
    assert talk.decide(2, after=1).verdict == "hold"
    assert talk.decide(1, message="m", delivery=2).verdict == "run"
    assert talk.decide(1, message="copy", delivery=1).verdict == "hold"
    talk.now_s += CLAIM_S
    assert talk.decide(1, message="copy", delivery=1).verdict == "run", "no function outlives its time limit"


def test_nothing_is_held_longer_than_anybody_waits_for_it(talk: Conversation) -> None:
    """A run expires after ten minutes; a call that is still held then has nobody to answer to."""
    talk.decide(2, after=1)
    while talk.now_s < 1000 + turns.RUN_LIVES_S:
        talk.now_s += 5
        talk.decide(1, message="other")
        talk.state.running = turns.Running(1, "call-1", "other", 1, talk.now_s + CLAIM_S)
        last = talk.decide(2, after=1).verdict
    assert last == "overdue"


@pytest.mark.parametrize("given", ["", "t", "t:0:0", "t:1:1", "t:2:3", "t:1", "t:x:0", "t u:1:0", "t:1:0:0"])
def test_a_turn_that_says_nothing_is_asked_for_again(given: str) -> None:
    """A model that forgot it reads the error and calls again; an ordered tool never runs without its place."""
    with pytest.raises(ToolError, match="conversation_turn"):
        turns.read(Question("c", {}, turn=given))


Step = tuple[str, int, int]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["deliver", "finish", "fail", "wait"]), st.integers(1, 5), st.integers(0, 2)
        ),
        max_size=60,
    )
)
def test_whatever_happens_no_call_runs_before_one_that_ran_later(steps: list[Step]) -> None:
    """Deliveries, copies, ends, failures and time in any order: begun in order, one at a time, done at most once."""
    talk, begun, done = Conversation(), list[int](), list[int]()
    running: tuple[int, str] | None = None
    for what, number, copy in steps:
        if what == "deliver" and (running is None or running != (number, f"{number}-{copy}")):
            verdict = talk.decide(number, number - 1, f"{number}-{copy}").verdict
            if verdict == "run":
                assert running is None and (not begun or number >= begun[-1]) and number not in done
                running = (number, f"{number}-{copy}")
                begun.append(number)
        elif what == "finish" and running is not None:
            turns.finish(talk.state, call(running[0], 0, running[1]), "done", talk.now_s)
            done.append(running[0])
            running = None
        elif what == "fail" and running is not None:
            turns.fail(talk.state, call(running[0], 0, running[1]), talk.now_s, AGAIN_S)
            running = None
        elif what == "wait":
            talk.now_s += 40 if running is None else 1
    assert sorted(done) == done
