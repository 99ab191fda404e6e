"""Ask: put a question to the agents, watch it travel, trust the answer.

URL state: ?thread=, the conversation; ?answer= until its thread exists. Redraws four times a second while an answer
is open, never otherwise. Acts: asks, asks again, stops, withdraws, starts a new conversation.
"""

from datetime import datetime

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from services.errors import InvalidInput, NotFound, ServiceError
from services.models import Answer, Conversation, ThreadSummary
from ui import ask_actions, ask_answer, context, feedback, formats, rights, safe
from ui.ask_actions import ANSWER_PARAM, MISSING_KEY, THREAD_PARAM

LIVE_S = 0.25
FAILURE_KEY = "ask-failure"
SHOWN_ANSWERS = 20
SHOWN_TITLE = 60
RECENT_THREADS = 7
WAY = (
    (":material/psychology: Orchestrator", "blue"),
    (":material/alt_route: Connected agent", "blue"),
    (":material/hourglass_top: Input queue", "orange"),
    (":material/function: Azure Function", "green"),
    (":material/edit_note: Answer", "blue"),
)
WELCOME = """\
# Ask a question, watch it travel

Every question goes through the agents, a storage queue and an Azure Function, and back.
You see each hop as it happens, and where the time went.

{way}

**Try one of these**
"""


def main() -> None:
    sidebar = context.sidebar()
    if is_live():
        with st.container():  # stands where the fragment would: nothing moves when the answer ends
            draw_page(sidebar, live=True)
    else:
        st.fragment(draw_page, key="ask")(sidebar, live=False)
    draw_input()


def draw_page(sidebar: DeltaGenerator, *, live: bool) -> None:
    """A fragment while nothing is open: another conversation is then drawn without the frame around it.

    Never one with timers inside: a run that is cut short leaves nested fragments writing to places that are gone.
    """
    thread_id = st.query_params.get(THREAD_PARAM, "")
    with feedback.showing_errors(retry=lambda: ask_actions.read_again(thread_id), key="conversation"):
        draw_body(live=live)
    with sidebar:
        draw_conversations(thread_id)


def is_live() -> bool:
    """Whether an answer on this page is open. A failure to tell is kept for draw_body, which shows it."""
    st.session_state.pop(FAILURE_KEY, None)
    try:
        return any(answer.is_open for answer in load()[0])
    except ServiceError as exc:
        st.session_state[FAILURE_KEY] = exc
        return False


def load() -> tuple[tuple[Answer, ...], Conversation | None]:
    """Return what the URL names, each answer in its newest state; the conversation is None before its thread exists.

    Sends requests only for a conversation that is not cached. Raises ServiceErrors.
    """
    answer = context.services().answers.get(st.query_params.get(ANSWER_PARAM, ""))
    if answer and answer.thread_id:
        st.query_params.from_dict({THREAD_PARAM: answer.thread_id})
    if thread_id := st.query_params.get(THREAD_PARAM, ""):
        conversation = context.conversation(thread_id)
        return tuple(map(context.latest, conversation.answers)), conversation
    return (answer,) if answer else (), None


def draw_body(*, live: bool) -> None:
    st.session_state.pop(MISSING_KEY, None)
    thread_id, answer_id = st.query_params.get(THREAD_PARAM, ""), st.query_params.get(ANSWER_PARAM, "")
    try:
        if failure := st.session_state.pop(FAILURE_KEY, None):
            raise failure
        answers, conversation = load()
    except (NotFound, InvalidInput):
        st.session_state[MISSING_KEY] = thread_id
        draw_missing("This conversation does not exist, or no longer", thread_id)
        return
    if not live and any(answer.is_open for answer in answers):
        st.rerun()  # timers begin and end with a run of the whole page
    if answers or thread_id:
        draw_answers(answers, conversation)
    elif answer_id:
        draw_missing("This answer is not known here any more", answer_id)
    else:
        draw_welcome()


def draw_answers(found: tuple[Answer, ...], conversation: Conversation | None) -> None:
    draw_heading(conversation, found[0].asked_at if found else None)
    whole = bool(st.session_state.get("ask-whole"))
    answers = found if whole else found[-SHOWN_ANSWERS:]
    if hidden := len(found) - len(answers):
        st.button(f"Show {hidden} earlier", key="ask-earlier", icon=":material/history:", on_click=show_whole)
    closed = sum(not answer.is_open for answer in found)
    for answer in answers:
        newest = answer is answers[-1]
        if answer.is_open:
            st.fragment(draw_live, run_every=LIVE_S, key=f"live-{answer.id}")(answer, newest, closed)
        else:
            with st.container():
                ask_answer.draw(answer, newest=newest, closed=closed)


def draw_live(answer: Answer, newest: bool, closed: int) -> None:
    """Fragment: draws the answer as it is now, and the whole page once when it has ended."""
    feedback.draw_said()
    now = context.latest(answer)
    if now.thread_id and ANSWER_PARAM in st.query_params:
        st.query_params.from_dict({THREAD_PARAM: now.thread_id})
    ask_answer.draw(now, newest=newest, closed=closed)
    if not now.is_open:
        context.forget(now.thread_id)
        st.rerun()


def draw_heading(conversation: Conversation | None, asked_at: datetime | None) -> None:
    """Always one line, so that nothing moves when the thread is created."""
    began = conversation.created_at if conversation else asked_at
    told = ["Conversation", f"started {formats.told(formats.clock(began))}" if began else ""]
    if conversation and not conversation.complete:
        told.append("older questions are not shown")
    st.caption(" · ".join(filter(None, told)))


def draw_welcome() -> None:
    way = " :gray[→] ".join(f":{colour}-badge[{name}]" for name, colour in WAY)
    st.markdown(WELCOME.format(way=way), anchors=False)
    with st.container(gap="small"):
        for place, example in enumerate(examples()):
            st.button(
                safe.inline(example),
                key=f"example-{place}",
                icon=":material/arrow_outward:",
                width="content",
                on_click=ask_actions.ask_example,
                args=[example],
                **rights.button("ask question"),
            )


def examples() -> list[str]:
    """Return the catalogue's examples, the first of each function tool before any second."""
    lists = [tool.examples for tool in context.services().catalogue]
    rounds = range(max(map(len, lists), default=0))
    return [found[place] for place in rounds for found in lists if place < len(found)][:4]


def draw_missing(title: str, wanted: str) -> None:
    st.markdown(f"### :gray[:material/travel_explore:] {title}")
    st.code(safe.clean(wanted)[:200], language=None)
    st.markdown(
        "It may have been deleted, or belong to another project. What you ask now starts a new conversation."
    )
    st.button(
        "Start a new conversation",
        key="ask-start",
        icon=":material/edit_square:",
        on_click=ask_actions.start_new,
    )


def draw_input() -> None:
    with st.bottom:
        refusal = st.session_state.get(ask_actions.REFUSAL_KEY)
        if refusal:
            words = f"**{safe.inline(refusal.message, 600)}** {safe.inline(refusal.hint, 400)}"
            st.warning(f"{words} Your question is back in the box.", icon=":material/undo:")
        why = rights.barred("ask question")
        st.chat_input(
            f"Ask a question. {why}" if why else "Ask a question",
            key=ask_actions.QUESTION_KEY,
            on_submit=ask_actions.send,
            disabled=bool(why),
        )


def draw_conversations(current: str) -> None:
    st.button(
        "New conversation",
        key="ask-new",
        icon=":material/edit_square:",
        width="stretch",
        on_click=ask_actions.start_new,
    )
    with feedback.showing_errors():
        threads = context.recent_threads()
        st.caption("Recent conversations" if threads else "No conversation yet")
        with st.container(gap=None):
            for thread in threads[:RECENT_THREADS]:
                draw_thread(thread, current)
        if older := threads[RECENT_THREADS:]:
            with st.expander("Older", type="compact", key="threads-older", on_change="rerun") as more:
                if more.open:
                    with st.container(gap=None):
                        for thread in older:
                            draw_thread(thread, current)


def draw_thread(thread: ThreadSummary, current: str) -> None:
    st.button(
        safe.inline(thread.title or "Untitled", SHOWN_TITLE),
        key=f"thread-{thread.thread_id}",
        type="secondary" if thread.thread_id == current else "tertiary",
        wrap=False,
        on_click=ask_actions.open_thread,
        args=[thread.thread_id],
    )


def show_whole() -> None:
    st.session_state["ask-whole"] = True


main()
