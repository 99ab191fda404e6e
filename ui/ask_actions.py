"""What the buttons of the Ask page do. All are callbacks: they run before the redraw, which then shows their effect.

A button redraws the fragment it stands in. Where more must change, the callback asks for the whole page.
"""

import time
from dataclasses import dataclass

import streamlit as st

from services.errors import Conflict, ServiceError
from services.ids import new_id
from services.models import Answer
from ui import context, feedback, safe

QUESTION_KEY = "question"
REFUSAL_KEY = "ask-refusal"
PRESS_KEY = "ask-press"
MISSING_KEY = "ask-missing-thread"  # the id in the URL that leads nowhere
THREAD_PARAM, ANSWER_PARAM = "thread", "answer"
THREAD_WAIT_S = 3.0
REPEATED_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a question was not taken. The question itself is back in the box."""

    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Press:
    """The last question that was sent. *at_s*: monotonic."""

    question: str
    at_s: float
    token: str


def send() -> None:
    """Ask what was typed."""
    question = str(st.session_state.get(QUESTION_KEY) or "")
    _ask(question, _token(question))


def ask_example(question: str) -> None:
    _ask(question, _token(question))
    st.rerun()


def ask_again(answer: Answer, closed: int) -> None:
    """Ask the same once more. *closed*: how many answers had ended when the button was drawn; pressed twice, it is one."""
    _ask(answer.question, f"again-{answer.id}-{closed}")
    st.rerun()


def stop(answer_id: str) -> None:
    with feedback.saying_errors():
        answer = context.services().answers.cancel(answer_id)
        feedback.say(_stopped_words(answer), ":material/stop_circle:")
        context.forget(answer.thread_id)


def start_new() -> None:
    st.query_params.clear()
    _leave()


def open_thread(thread_id: str) -> None:
    st.query_params.from_dict({THREAD_PARAM: thread_id})
    _leave()


def read_again(thread_id: str) -> None:
    context.forget(thread_id)


def check_health() -> None:
    context.health_board().check_again()


def _ask(question: str, token: str) -> None:
    st.session_state.pop(REFUSAL_KEY, None)
    try:
        answer = context.services().answers.ask(question, _thread(), token)
    except ServiceError as exc:
        _refuse(question, exc.message, exc.hint)
        return
    except Exception as exc:  # noqa: BLE001 - our bug must not cost the person the question
        _refuse(question, feedback.report_bug(exc), "The question is still in the box.")
        return
    context.forget(answer.thread_id)
    st.query_params.from_dict(place_of(answer))


def place_of(answer: Answer) -> dict[str, str]:
    """Return the URL state of *answer*: its thread alone once its run can be found there, until then its own id too.

    Who reloads after a restart is then told of a question that was taken and never sent.
    """
    place = {THREAD_PARAM: answer.thread_id} if answer.thread_id else {}
    return place if place and answer.run_id else {**place, ANSWER_PARAM: answer.id}


def _leave() -> None:
    """The words about a refused question stand outside the fragment that the press draws again."""
    if st.session_state.pop(REFUSAL_KEY, None):
        st.rerun()


def _token(question: str) -> str:
    """Return what marks this press, the same for its repetition: Streamlit may run a callback once more when another
    rerun overtakes it, and people press twice. The same question a moment later is a new one."""
    now_s = time.monotonic()
    last = st.session_state.get(PRESS_KEY)
    if last is None or last.question != question or now_s - last.at_s > REPEATED_WITHIN_S:
        last = Press(question, now_s, new_id("tok"))
        st.session_state[PRESS_KEY] = last
    return last.token


def _thread() -> str:
    """Return the conversation on screen; empty for a new one. Raises Conflict while its thread is being created."""
    if thread_id := st.query_params.get(THREAD_PARAM, ""):
        return "" if st.session_state.get(MISSING_KEY) == thread_id else thread_id
    answers = context.services().answers
    answer = answers.get(st.query_params.get(ANSWER_PARAM, ""))
    if answer is None:
        return ""
    if not answer.thread_id and answer.is_open:
        answer = answers.wait(answer.id, answer.version, THREAD_WAIT_S)
    if not answer.thread_id and answer.is_open:
        raise Conflict(
            "The first question of this conversation is still being set up.",
            operation="ask a question",
            hint="Send this one again in a moment.",
        )
    return answer.thread_id


def _refuse(question: str, message: str, hint: str) -> None:
    st.session_state[QUESTION_KEY] = question
    st.session_state[REFUSAL_KEY] = Refusal(message, hint)


def _stopped_words(answer: Answer) -> str:
    if answer.notice:
        return safe.inline(answer.notice)
    return "Stopped" if answer.state == "cancelled" else "This answer had already ended"
