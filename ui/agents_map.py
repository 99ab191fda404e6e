"""The map of who calls whom, and the same in words for who cannot see it."""

from collections.abc import Sequence

import streamlit as st

from services.inventory.agents_map import DependencyMap, map_of
from ui import agents_table, cards, feedback, formats, safe
from ui.agents_data import AgentEntry, Reading
from ui.charts import dependencies, palette, style

MAP_KEY = "agents-map"
ABOUT = (
    "From left to right: orchestrators, the agents they call, the tools of those, the queues of the tools. On a line: the "
    "95th percentile of how long those calls took in the range, or of how long messages waited in that input queue. Red "
    "and dashed: it is named and does not exist. A queue of another storage account is drawn, but whether it exists is "
    "not known."
)


def draw(reading: Reading, chosen: Sequence[AgentEntry], title: str) -> None:
    """Draw the map of *chosen* and what they call. Sends nothing."""
    if not chosen:
        return
    with st.container(border=True, gap="small", key="card-agents-map"), feedback.showing_errors():
        st.markdown(f"**{title}**")
        found = map_of(reading.board, reading.uses, chosen)
        if reading.board.queues_problem is not None:
            said = safe.inline(reading.board.queues_problem.message, 300)
            st.caption(f":orange[:material/rule:] Which queues exist could not be read. {said}")
        style.draw(
            dependencies.figure(found, palette.theme()),
            key=MAP_KEY,
            alt=words(found),
            on_select=take_click,
        )
        told = [f"Index of agents, read {formats.age(formats.since_s(reading.board.read_at))}"]
        if reading.use is not None:
            told.append(cards.source_words([reading.use]))
        if found.left_out:
            told.append(f"{formats.count(found.left_out, 'more agent')} not drawn: filter to see them")
        st.caption(" · ".join(told), help=ABOUT)
        st.caption(
            "On a line: p95 of the calls, or, amber, of the wait in that queue. A click on an agent opens it."
        )


def words(found: DependencyMap) -> str:
    names = {place.key: safe.clean(place.name) or dependencies.NAMELESS for place in found.places}
    lost = [names[place.key] for place in found.places if place.is_broken]
    calls = [
        f"{names[line.source]} calls {names[line.target]}" for line in found.lines if line.kind == "call"
    ]
    return f"Who calls whom. Missing: {', '.join(lost) or 'nothing'}. {'; '.join(calls)}"[:600]


def take_click() -> None:
    """Callback: the agent that was clicked is opened."""
    points = st.session_state.get(MAP_KEY, {}).get("selection", {}).get("points") or []
    told = points[0].get("customdata") if points else None
    agent_id = told[0] if isinstance(told, list) and told else told
    if agent_id:
        agents_table.open_agent(str(agent_id))
