"""The fold from events to an answer: pages, terminal and history all believe in it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.answers.events import (
    AnswerEvent,
    Asked,
    Began,
    ChildFound,
    Closed,
    Lined,
    Noted,
    PartsMeasured,
    RunFound,
    Settled,
    StageBegan,
    StageEnded,
    StepBegan,
    StepEnded,
    StepFilled,
    TextGrew,
    TextSet,
    ThreadFound,
    TokensCounted,
)
from services.answers.fold import apply, begin, fold
from services.models import OPEN_STATES, Problem, TimeParts

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ASKED = Asked(0.0, "ans_1", "Why?", "", NOON)
PROBLEM = Problem("It failed", "…", "Ask again.", "here", "run_1", retry_safe=True)
PARTS = TimeParts(0.5, 0.25, 0.25, "strong")

times = st.floats(0, 100)
keys = st.sampled_from(["plan", "delegate:1", "wait:1", "function:1", "write"])
kinds = st.sampled_from(["plan", "delegate", "wait", "function", "write"])
stages = st.sampled_from(["creation", "configuration", "execution", "monitoring", "cleanup"])
texts = st.text(max_size=5)
events: st.SearchStrategy[AnswerEvent] = st.one_of(
    st.builds(Lined, times, st.integers(0, 5)),
    st.builds(Began, times),
    st.builds(StageBegan, times, stages),
    st.builds(StageEnded, times, stages, st.booleans()),
    st.builds(ThreadFound, times, st.sampled_from(["", "thread_1"])),
    st.builds(RunFound, times, st.sampled_from(["run_1", "run_2"]), st.just("asst_1")),
    st.builds(ChildFound, times, keys, st.just("thread_2"), st.sampled_from(["run_3", "run_4"])),
    st.builds(StepBegan, times, keys, st.none() | keys, kinds, texts, texts),
    st.builds(StepFilled, times, keys, st.none() | texts, st.none() | texts),
    st.builds(StepEnded, times, keys, st.sampled_from(["done", "failed", "active"]), st.just("guess")),
    st.builds(TextGrew, times, texts),
    st.builds(TextSet, times, texts, st.booleans()),
    st.builds(TokensCounted, times, st.integers(0, 9), st.integers(0, 9)),
    st.builds(Noted, times, texts),
    st.builds(
        Closed,
        times,
        st.sampled_from(["answered", "failed", "cancelled", "expired", "working"]),
        st.none() | st.just(PROBLEM),
        st.booleans(),
    ),
    st.builds(PartsMeasured, times, st.just(PARTS)),
    st.builds(Settled, times),
)


@given(st.lists(events, max_size=40))
def test_any_order_of_events_keeps_an_answer_sound(happened: list[AnswerEvent]) -> None:
    """Watchers, stream and cancel write at once: no interleaving may break what a page relies on."""
    answer, seen_final = begin(ASKED), None
    for event in happened:
        after = apply(answer, event)
        assert after.version == answer.version + (after is not answer)
        if after is not answer and isinstance(event, TextGrew):
            assert after.text == answer.text + event.text
        answer = after
        if answer.state not in OPEN_STATES and seen_final is None:
            seen_final = answer
    if seen_final is not None:
        kept = ("state", "text", "problem", "took_s", "first_token_s", "run_id", "thread_id")
        assert all(getattr(answer, name) == getattr(seen_final, name) for name in kept)
        assert all(step.state != "active" for step in answer.steps)
    known = [step.key for step in answer.steps]
    assert len(known) == len(set(known))
    assert all(step.parent is None or step.parent in known for step in answer.steps)
    assert all(step.took_s is None or step.took_s >= 0 for step in answer.steps)
    assert len({stage.name for stage in answer.stages}) == len(answer.stages)


@given(st.lists(events, max_size=30), st.integers(0, 30))
def test_folding_in_two_goes_gives_the_same_answer(happened: list[AnswerEvent], cut: int) -> None:
    """A page that joins late replays from its cursor: it must not see another answer than one that was there."""
    answer = fold([ASKED, *happened[:cut]])
    for event in happened[cut:]:
        answer = apply(answer, event)
    assert answer == fold([ASKED, *happened])


def test_the_first_event_must_be_the_question() -> None:
    """A fold of half a journal would be an answer to nothing."""
    with pytest.raises(ValueError, match="Asked"):
        fold([Began(0.0)])


def test_a_whole_life_is_told() -> None:
    """The example that the documentation walks through, from the question to the settled answer."""
    answer = fold(
        [
            ASKED,
            Began(0.001),
            StageBegan(0.001, "creation"),
            ThreadFound(0.004, "thread_1"),
            StageEnded(0.004, "creation"),
            RunFound(0.006, "run_1", "asst_1", "orchestrator"),
            StepBegan(0.006, "plan", None, "plan", "orchestrator"),
            StepEnded(0.106, "plan"),
            StepBegan(0.106, "delegate:1", None, "delegate", "calculator", "{}"),
            ChildFound(0.107, "delegate:1", "thread_2", "run_2"),
            StepBegan(0.110, "wait:1", "delegate:1", "wait", "calculate"),
            StepEnded(0.160, "wait:1", certainty="strong"),
            TextGrew(0.3, "4"),
            TextGrew(0.4, "2"),
            TokensCounted(0.4, 10, 2),
            Closed(0.5, "answered", measuring=True),
            PartsMeasured(0.51, PARTS),
            Settled(0.52),
        ]
    )

    assert (answer.state, answer.text, answer.took_s, answer.first_token_s) == ("answered", "42", 0.5, 0.3)
    assert [(step.key, step.state) for step in answer.steps] == [
        ("plan", "done"),
        ("delegate:1", "done"),
        ("wait:1", "done"),
    ]
    assert answer.steps[2].took_s == pytest.approx(0.05)
    assert (answer.child_run_ids, answer.parts, answer.is_open) == (("run_2",), PARTS, False)
    assert answer.tokens and answer.tokens.total == 12


def test_an_answer_stays_open_while_it_is_measured() -> None:
    """A page stops watching when nothing more comes; the three parts come a moment after the last word."""
    answer = fold([ASKED, Began(0.0), Closed(1.0, "answered", measuring=True)])
    assert (answer.state, answer.is_open) == ("answered", True)
    assert not apply(answer, Settled(1.1)).is_open


def test_the_end_of_a_hop_may_be_learnt_after_the_answer() -> None:
    """The watcher's last look comes after the stream's last event."""
    answer = fold(
        [
            ASKED,
            Began(0.0),
            StepBegan(0.1, "wait:1", None, "wait", "foo"),
            Closed(1.0, "answered", measuring=True),
        ]
    )
    assert (answer.steps[0].state, answer.steps[0].took_s) == ("done", None)

    late = apply(answer, StepEnded(0.6, "wait:1", certainty="strong"))

    assert late.steps[0].took_s == pytest.approx(0.5)


def test_steps_stand_in_the_order_they_happened() -> None:
    """The watcher tells of a wait when the answer is being written already; it came before that."""
    answer = fold(
        [
            ASKED,
            Began(0.0),
            StepBegan(0.1, "delegate:1", None, "delegate", "calculator"),
            StepBegan(0.4, "write", None, "write", ""),
            StepBegan(0.2, "wait:1", "delegate:1", "wait", "calculate"),
        ]
    )
    assert [step.kind for step in answer.steps] == ["delegate", "wait", "write"]


@pytest.mark.parametrize(
    ("state", "step"), [("failed", "failed"), ("cancelled", "cancelled"), ("expired", "failed")]
)
def test_open_steps_end_as_their_answer_does(state: str, step: str) -> None:
    """A spinner that turns for ever beside a failed answer would be a lie."""
    answer = fold([ASKED, Began(0.0), StepBegan(0.1, "plan", None, "plan", ""), Closed(2.0, state)])  # type: ignore[arg-type]  # a parameter
    assert answer.steps[0].state == step
