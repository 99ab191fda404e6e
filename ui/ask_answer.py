"""One question and its answer, in whatever state it is."""

import streamlit as st

from services.models import Answer, Problem
from ui import ask_actions, ask_steps, ask_times, context, menu, rights, safe

CURSOR = "▍"


def draw(answer: Answer, *, newest: bool, closed: int) -> None:
    """Draw the exchange. *newest*: its steps stand open, as those of any open answer do. *closed*: ended answers of the conversation, see ask_again."""
    with st.chat_message("user", avatar=":material/person:"):
        safe.draw_verbatim(answer.question, key=f"question-{answer.id}", limit=2_000)
    with st.chat_message("assistant", avatar=context.image("icon.svg")):
        ask_steps.draw(answer, opened=newest or answer.is_open)
        if answer.notice and answer.is_open:
            st.caption(f":material/info: {safe.inline(answer.notice, 400)}")
        if answer.text:
            safe.draw(answer.text + (CURSOR if answer.state == "working" else ""), key=f"text-{answer.id}")
        if answer.problem:
            draw_problem(answer, answer.problem, closed)
        elif answer.state == "answered" and not answer.text:
            st.caption("The agent ended without a word.")
        ask_times.draw(answer)
        draw_actions(answer, closed)


def draw_problem(answer: Answer, problem: Problem, closed: int) -> None:
    """Draw what went wrong, where, and what to do; a button only when asking again cannot repeat an effect."""
    colour, icon = (
        ("gray", ":material/stop_circle:") if answer.state == "cancelled" else ("red", ":material/error:")
    )
    with st.container(border=True, gap="small", key=f"problem-{answer.id}"):
        st.markdown(f":{colour}[{icon}] **{safe.inline(problem.title, 300)}**")
        if problem.detail:
            safe.draw_verbatim(problem.detail, key=f"detail-{answer.id}", limit=2_000)
        if problem.next_step:
            st.markdown(f":material/arrow_forward: {safe.inline(problem.next_step, 600)}")
        facts = [
            safe.inline(problem.where),
            f"Reference {safe.inline(problem.reference)}" if problem.reference else "",
        ]
        if not problem.retry_safe:
            facts.append("asking again may repeat what a function did")
        st.caption(" · ".join(filter(None, facts)))
        if problem.retry_safe:
            st.button(
                "Ask again",
                key=f"retry-{answer.id}",
                icon=":material/refresh:",
                on_click=ask_actions.ask_again,
                args=[answer, closed],
                **rights.button("ask question"),
            )


def draw_actions(answer: Answer, closed: int) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if answer.state in ("queued", "working"):
            st.button(
                "Withdraw" if answer.state == "queued" else "Stop",
                key=f"stop-{answer.id}",
                icon=":material/stop_circle:",
                on_click=ask_actions.stop,
                args=[answer.id],
                **rights.button("cancel run"),
            )
        elif answer.problem is None:
            st.button(
                "Ask again",
                key=f"again-{answer.id}",
                icon=":material/refresh:",
                type="tertiary",
                on_click=ask_actions.ask_again,
                args=[answer, closed],
                **rights.button("ask question"),
            )
        if answer.run_id:
            st.page_link(
                menu.link("trace.py"),
                label="Open trace",
                icon=":material/timeline:",
                query_params={"run": answer.run_id, "thread": answer.thread_id},
            )
        draw_ids(answer)


def draw_ids(answer: Answer) -> None:
    """Each id with a button that copies it. Always there: opening them asks nothing of the server.

    No captions: an id begins with what it is of.
    """
    found = (answer.thread_id, answer.run_id, *answer.child_run_ids, answer.id)
    with st.popover("Ids", icon=":material/tag:", type="tertiary", key=f"ids-{answer.id}"):
        for value in filter(None, found):
            st.code(safe.clean(value), language=None)
        if not answer.run_id:
            st.caption("The run has no id yet." if answer.is_open else "No run is known.")
