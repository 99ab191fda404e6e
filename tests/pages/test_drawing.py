"""An answer as it is drawn, state by state: everything a person must be told is on the screen."""

import re
from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from services.models import Answer, Problem, Step, TimeParts, TokenCount
from ui import ask_steps, ask_times, formats

pytestmark = pytest.mark.usefixtures("started")  # what may be pressed depends on who asks

STEPS = (
    Step("1", None, "plan", "orchestrator", "done", 0.0, 0.3),
    Step("2", None, "delegate", "calculator", "done", 0.3, 1.9, '{"q": 1}', "391"),
    Step("3", "2", "wait", "calculate", "done", 0.6, 1.2, '{"expression": "17*23"}', certainty="exact"),
    Step("4", "2", "function", "calculate", "done", 1.8, 0.1, "", '{"Value": "391"}', "exact"),
    Step("5", None, "write", "orchestrator", "done", 2.1, 0.4),
)
PROBLEM = Problem(
    "The function is silent", "Nothing came back.", "Start it.", "Function app", "run_7", retry_safe=True
)


def answer(**changes: object) -> Answer:
    values: dict[str, object] = {
        "id": "ans_1",
        "question": "What is 17 * 23?",
        "state": "answered",
        "text": "**391**",
    }
    return Answer(**{**values, **changes})  # type: ignore[arg-type]  # the fields of Answer, by name


def draw(shown: Answer) -> AppTest:
    def script(shown) -> None:  # type: ignore[no-untyped-def]  # runs alone: it knows no name of this file
        import streamlit as st

        from ui import ask_answer, menu

        st.navigation([st.Page(menu.link("trace.py"))], position="hidden")  # an answer links to its trace
        ask_answer.draw(shown, newest=True, closed=1)

    at = AppTest.from_function(script, args=(shown,))
    at.run(timeout=10)
    assert not at.exception
    return at


def words(at: AppTest) -> str:
    return "\n".join(element.value for element in [*at.markdown, *at.caption, *at.code])


def labels(at: AppTest) -> list[str]:
    return [expander.label for expander in at.expander]


def test_an_answer_shows_its_way_and_where_its_time_went() -> None:
    """The three parts are the product: each has its icon, its word and its figure."""
    at = draw(
        answer(
            took_s=2.4,
            parts=TimeParts(1.1, 1.2, 0.1, "exact"),
            steps=STEPS,
            tokens=TokenCount(300, 112),
            thread_id="thread_a",
            run_id="run_a",
            child_run_ids=("run_b",),
        )
    )

    assert labels(at)[0] == "Answered in 2.4 s"
    assert "Delegated to calculator 1.9 s" in labels(at)[2].replace("\\", "")
    assert [label for label in labels(at) if "1\\.2 s" in label] == [r":orange[Waiting in the queue 1\.2 s]"]
    for figure in ("Model 1.1 s", "Queue wait 1.2 s", "Function 0.1 s", "measured", "412 tokens"):
        assert figure in words(at)
    for identifier in ("thread_a", "run_a", "run_b", "ans_1"):
        assert identifier in [code.value for code in at.code]


def test_what_travelled_can_be_read() -> None:
    """Arguments and output of a hop are the evidence when an answer is doubted."""
    at = draw(answer(steps=STEPS))

    shown = [code.value for code in at.code]
    assert '{\n  "expression": "17*23"\n}' in shown
    assert '{\n  "Value": "391"\n}' in shown


@pytest.mark.parametrize(
    ("certainty", "said"),
    [("exact", "measured"), ("strong", "closely"), ("guess", "estimate")],
)
def test_the_certainty_of_the_parts_is_said(certainty: str, said: str) -> None:
    parts = TimeParts(1.0, 0.5, 0.5, certainty)  # type: ignore[arg-type]  # one of Certainty

    assert said in words(draw(answer(parts=parts)))


def test_unknown_parts_are_never_zero() -> None:
    """A bar cannot say «not known», so there is none."""
    at = draw(answer(parts=TimeParts(None, None, None, "guess")))

    assert words(at).count("not known") >= 3
    assert ask_times.bar(TimeParts(1.0, None, 0.1, "guess")) == ""


def test_an_answer_without_a_function_says_so() -> None:
    assert "no function was called" in words(draw(answer(parts=TimeParts(0.8, 0.0, 0.0, "exact"))))


def test_the_bar_is_in_proportion() -> None:
    """Half the time in the queue is half the bar."""
    svg = ask_times.bar(TimeParts(1.0, 2.0, 1.0, "exact"))

    assert 'x="250.0" width="500.0"' in svg


def test_a_failure_says_what_where_and_what_next_and_offers_to_ask_again() -> None:
    at = draw(answer(state="failed", text="", took_s=60.2, problem=PROBLEM))

    assert labels(at)[0] == "Failed after 1 min 0 s"
    for told in ("The function is silent", "Nothing came back", "Start it", "Function app", "run\\_7"):
        assert told in words(at)
    assert at.button(key="retry-ans_1").label == "Ask again"


def test_a_failure_that_may_have_had_an_effect_offers_no_button() -> None:
    """A second press could run the function twice; the person is told why there is none."""
    problem = Problem("Lost", "", "", "Function app", "", retry_safe=False)
    at = draw(answer(state="failed", text="", problem=problem))

    assert "asking again may repeat what a function did" in words(at)
    assert [button.key for button in at.button] == []


def test_a_running_answer_can_be_stopped_and_counts() -> None:
    began = formats.now() - timedelta(seconds=3)
    live = (
        Step("1", None, "delegate", "calculator", "active", 1.0),
        Step("2", "1", "wait", "calculate", "active", 2.0),
    )
    at = draw(answer(state="working", text="Sev", asked_at=began, steps=live))

    first, delegate, wait, *_ = (label.replace("\\", "") for label in labels(at))
    assert re.fullmatch(r":shimmer\[Working on it\] [3-9]\.\d s", first)
    assert re.fullmatch(r":shimmer\[Delegated to calculator [2-9]\.\d s\]", delegate)
    assert re.fullmatch(r":shimmer\[Waiting in the queue [1-9]\.\d s\]", wait)
    assert at.button(key="stop-ans_1").label == "Stop"


def test_a_question_in_line_says_how_many_come_first() -> None:
    at = draw(answer(state="queued", text="", ahead=2))

    assert labels(at) == ["Waiting for its turn: 2 questions come first"]
    assert at.button(key="stop-ans_1").label == "Withdraw"


def test_an_answer_from_long_ago_does_not_invent_its_time() -> None:
    """History may not tell how long it took, or what its steps were."""
    at = draw(answer(run_id="run_a"))

    assert labels(at) == ["Answered"]
    assert "The steps of this answer are not known." in words(at)


def test_a_long_answer_is_cut_and_can_be_opened() -> None:
    at = draw(answer(text="word " * 10_000))

    assert "The first 20,000 of 50,000 characters are shown." in words(at)
    at.button(key="text-ans_1-all").click().run()
    assert "The first 20,000" not in words(at)


def test_long_payloads_are_cut() -> None:
    """A function may return 64 KiB; four times a second that would freeze the browser."""
    step = Step("1", None, "function", "calculate", "done", 0.0, 0.1, output="x" * 60_000)
    at = draw(answer(steps=(step,)))

    assert max(len(code.value) for code in at.code) == ask_steps.SHOWN_CHARACTERS
    assert "the first 4,000 of 60,000 characters" in words(at)
