"""The Poison section of the Queues page: which queue, what lies in it and why, and what can be done about it."""

from collections.abc import Sequence

import streamlit as st

from services.models import QueueDepth
from services.poison.shapes import Look
from services.queues import POISON_SUFFIX
from ui import (
    context,
    feedback,
    filter_bar,
    first_paint,
    formats,
    poison_actions,
    poison_detail,
    poison_table,
    safe,
)

KEY = "poison"  # also in the address
HOW = {
    "catalogue": "known by the catalogue",
    "agent": "known by an agent's definition",
    "name": "known by its name",
    "chosen": "chosen by hand",
}


def draw(depths: Sequence[QueueDepth]) -> None:
    """Draw nothing where there is no poison queue. A queue that is chosen costs one look, shared and kept half a minute."""
    feedback.draw_said()  # an action redraws this fragment only, and not the frame around it
    known = {depth.name: depth for depth in depths if depth.name.endswith(POISON_SUFFIX)}
    if not known:
        return
    with st.container(border=True, gap="small", key="poison-desk"):
        st.markdown("**Poison: what was given up on, and what to do about it**")
        wanted = _choose(known)
        poison_actions.draw_report()
        if wanted:
            with feedback.showing_errors(retry=context.poison_board.clear, key="poison"):
                _draw_queue(context.poison_board().read(wanted))
        elif any(depth.messages for depth in known.values()):
            st.caption("Choose a queue to see its messages.")
        else:
            st.markdown(":green[:material/check_circle:] No message lies in any poison queue.")


def _choose(known: dict[str, QueueDepth]) -> str:
    names = sorted(known, key=lambda name: (-known[name].messages, name))
    with first_paint.later(filter_bar.HEIGHT_PX):
        chosen = st.selectbox(
            "Poison queue",
            names,
            index=None,
            key=KEY,
            bind="query-params",
            placeholder="Choose a poison queue",
            width=480,
        )
    return chosen or ""


def _draw_queue(look: Look) -> None:
    st.caption(" ".join(filter(None, [heading(look), target_words(look), *look.notes])))
    for problem in look.problems[:3]:
        with st.container(horizontal=True, gap="small"):
            st.caption(f":orange[:material/warning:] Not all is known. {safe.inline(problem.message, 300)}")
    if not look.messages:
        poison_actions.draw_bar(look, ())
        return
    chosen = poison_table.draw(look)
    poison_actions.draw_bar(look, chosen)
    if len(chosen) == 1:
        poison_detail.draw(look, chosen[0])
    elif not chosen:
        st.caption("Select a row to see what it holds, why it is there, and to change it.")


def heading(look: Look) -> str:
    """Return how much is shown of how much, and how old that is."""
    age = formats.age(formats.since_s(look.read_at))
    if not look.messages:
        if look.about:
            return f"About {formats.count(look.about, 'message')}, none visible: held by somebody for a moment. Looked at {age}."
        return f"No message lies here. Looked at {age}."
    shown = len(look.messages)
    if look.whole:
        return f"All {formats.count(shown, 'message')}, oldest first, gone through {age}."
    if look.about <= shown:
        return f"{formats.count(shown, 'message')}, oldest first. Looked at {age}; looking takes none."
    return f"First {shown} of about {look.about:,}, oldest first. Looked at {age}; looking takes none."


def target_words(look: Look) -> str:
    if look.destination is None:
        return "Nothing says where they belong: choose the queue when you replay them."
    return f"They belong to {safe.code(look.destination.queue)}, {HOW[look.destination.how]}."
