"""Paste any id: the box that takes it, and what was found."""

import streamlit as st

from services.errors import NotYet, ServiceError
from services.monitor.lookup import Found
from ui import context, feedback, menu, safe

BOX_KEY = "find-id"
WANTED_KEY = "find-wanted"
FOUND_KEY = "find-found"
PAGES = {"run": "trace.py", "conversation": "ask.py", "queue": "queues.py"}
LINKS = {"run": "Open the trace", "conversation": "Open the conversation", "queue": "Open the queue"}


def draw_box() -> None:
    """Draw where an id is pasted. Looking for it sends requests (services/monitor/lookup.py); drawing does not."""
    st.text_input(
        "Find by id",
        key=BOX_KEY,
        type="search",
        placeholder="Find any id",
        icon=":material/search:",
        label_visibility="collapsed",
        on_change=take,
    )


def take() -> None:
    """Callback: what was pasted is looked for when the page is drawn, not before."""
    wanted = st.session_state[BOX_KEY].strip()
    forget()
    if wanted:
        context.lookups().clear(wanted)
        st.session_state[WANTED_KEY] = wanted


def draw_result() -> None:
    """Look for what was pasted and go there; say so when it is not known, leads elsewhere, or is still being looked for."""
    wanted = st.session_state.get(WANTED_KEY, "")
    if wanted:
        with feedback.showing_errors(key="find"):
            try:
                with st.spinner("Looking for it"):
                    st.session_state[FOUND_KEY] = context.lookups()(wanted)
            except NotYet:
                raise  # asked for again when the page is drawn next
            except ServiceError as error:
                st.session_state[FOUND_KEY] = error
            st.session_state.pop(WANTED_KEY)
    found = st.session_state.get(FOUND_KEY)
    if isinstance(found, ServiceError):
        feedback.draw_error(found)
    elif found is not None:
        _draw_found(found)


def forget() -> None:
    for key in (WANTED_KEY, FOUND_KEY):
        st.session_state.pop(key, None)


def address_of(found: Found) -> dict[str, str]:
    """Return the parameters of the page that shows *found*."""
    named = {
        "run": {"run": found.run_id, "thread": found.thread_id},
        "conversation": {"thread": found.thread_id},
        "queue": {"queue": found.queue},
    }.get(found.place, {})
    return {name: value for name, value in named.items() if value}


def _draw_found(found: Found) -> None:
    if found.place != "nowhere" and found.sure:
        forget()
        st.switch_page(menu.link(PAGES[found.place]), query_params=address_of(found))
    with st.container(border=True, gap="xsmall", key="find-result"):
        icon = ":material/travel_explore:" if found.place == "nowhere" else ":material/manage_search:"
        st.markdown(f"{icon} {safe.inline(found.words, 600)}")
        for problem in found.problems:
            st.markdown(f":red[:material/error:] Not read: {safe.inline(problem.message, 400)}")
        if found.agent_id:
            st.page_link(
                menu.link("agents.py"),
                label="Open the agent",
                icon=":material/smart_toy:",
                query_params={"agent": found.agent_id},
            )
        if found.place != "nowhere":
            st.page_link(
                menu.link(PAGES[found.place]),
                label=LINKS[found.place],
                icon=":material/open_in_new:",
                query_params=address_of(found),
            )
