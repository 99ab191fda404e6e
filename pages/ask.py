"""Ask: put a question to the agents, watch it travel, trust the answer.

URL state: ?thread=, the conversation; ?answer= until its thread exists. Redraws four times a second while an answer
is open, never otherwise. Acts: asks, asks again, stops, withdraws, starts a new conversation.
"""

from datetime import datetime

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from services.errors import InvalidInput, NotFound
from services.models import Answer, Conversation, ThreadSummary
from ui import ask_actions, ask_answer, context, feedback, formats, safe
from ui.ask_actions import ANSWER_PARAM, LIVE_KEY, MISSING_KEY, THREAD_PARAM

LIVE_S = 0.25
WHOLE_RUN_KEY = "ask-whole-run"
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
    st.session_state[WHOLE_RUN_KEY] = True
    try:
        draw_page(context.sidebar())
    finally:
        st.session_state[WHOLE_RUN_KEY] = False
    draw_input()


@st.fragment(key="ask")
def draw_page(sidebar: DeltaGenerator) -> None:
    """Fragment: opening another conversation draws these two again and leaves the frame alone."""
    thread_id = st.query_params.get(THREAD_PARAM, "")
    with feedback.showing_errors(retry=lambda: ask_actions.read_again(thread_id), key="conversation"):
        draw_body(thread_id, st.query_params.get(ANSWER_PARAM, ""))
    with sidebar:
        draw_conversations(thread_id)


def draw_body(thread_id: str, answer_id: str) -> None:
    st.session_state.pop(MISSING_KEY, None)
    st.session_state[LIVE_KEY] = False
    if thread_id:
        try:
            draw_shown(*load(thread_id))
        except (NotFound, InvalidInput):
            st.session_state[MISSING_KEY] = thread_id
            draw_missing("This conversation does not exist, or no longer", thread_id)
    elif answer_id:
        answer = context.services().answers.get(answer_id)
        if answer is None:
            draw_missing("This answer is not known here any more", answer_id)
        else:
            draw_shown((answer,), None)
    else:
        draw_welcome()


def load(thread_id: str) -> tuple[tuple[Answer, ...], Conversation]:
    """Return the conversation with the newest state of each answer. Requests only when it is not cached."""
    conversation = context.conversation(thread_id)
    return tuple(map(context.latest, conversation.answers)), conversation


def draw_shown(found: tuple[Answer, ...], conversation: Conversation | None) -> None:
    """*conversation*: None before its thread exists."""
    draw_heading(conversation, found[0].asked_at if found else None)
    whole = bool(st.session_state.get("ask-whole"))
    answers = found if whole else found[-SHOWN_ANSWERS:]
    if hidden := len(found) - len(answers):
        st.button(f"Show {hidden} earlier", key="ask-earlier", icon=":material/history:", on_click=show_whole)
    closed = sum(not answer.is_open for answer in found)
    st.session_state[LIVE_KEY] = closed < len(found)
    if st.session_state[LIVE_KEY] and not st.session_state[WHOLE_RUN_KEY]:
        st.rerun()  # timers start, and end, with a run of the whole page only
    for answer in answers:
        timer_s = LIVE_S if answer.is_open else None
        newest = answer is answers[-1]
        st.fragment(draw_live, run_every=timer_s, key=f"live-{answer.id}")(answer, newest, closed)


def draw_live(answer: Answer, newest: bool, closed: int) -> None:
    """Fragment: draws the answer as it is now, and the whole page once when it has ended."""
    feedback.draw_said()
    now = context.latest(answer)
    if now.thread_id and ANSWER_PARAM in st.query_params:
        st.query_params.from_dict({THREAD_PARAM: now.thread_id})
    ask_answer.draw(now, newest=newest, closed=closed)
    if answer.is_open and not now.is_open:
        context.forget(now.thread_id)
        st.rerun()


def draw_heading(conversation: Conversation | None, asked_at: datetime | None) -> None:
    """Always one line, so that nothing moves when the thread is created."""
    began = conversation.created_at if conversation else asked_at
    told = ["Conversation", f"started {formats.clock(began)}" if began else ""]
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
        st.chat_input("Ask a question", key=ask_actions.QUESTION_KEY, on_submit=ask_actions.send)


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
