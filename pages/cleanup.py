"""Clean-up: what does nobody need any more, and may it go?

URL state: ?cleanup-kind=, -age, -text (filters). Redraws every second while something goes on, else never. Sends nothing
by itself. Acts: looks (a dry run), saves what was found to a file, deletes it once confirmed, stops.
"""

import streamlit as st

from ui import cleanup_actions, cleanup_filters, cleanup_parts, context, feedback

EVERY_S = 1.0
DRAWN_WHILE_BUSY = 200  # more would be sent to each viewer every second
CAVEATS = (
    "Only what carries Relaydeck's tag and this environment is deleted, by one process of the environment at a time, "
    "orchestrators before the agents they are connected to. What was found more than two minutes ago is looked at "
    "again first. The terminal does the same: `python3 run.py cleanup --dry-run`."
)


def main() -> None:
    st.markdown("# Clean-up", anchors=False)
    cleanup_parts.draw_sweeper(context.services().sweeper, context.services().settings)
    busy = context.services().housekeeping.status().is_busy
    st.fragment(draw_body, run_every=EVERY_S if busy else None, key="cleanup")(busy)
    st.caption(CAVEATS)


def draw_body(was_busy: bool) -> None:
    """Fragment: what goes on, what was found, what can be done with it. It reads the memory of this process alone."""
    with feedback.showing_errors():
        status = context.services().housekeeping.status()
        if status.is_busy != was_busy:
            if was_busy and status.result is not None:
                context.forget("")  # the list of recent conversations may be shorter
            st.rerun()  # timers begin and end with a run of the whole page
        if status.is_busy:
            cleanup_parts.draw_work(status)
        else:
            st.button(
                "Look again" if status.found else "Look for leftovers",
                key="cleanup-look",
                icon=":material/search:",
                type="secondary" if status.found else "primary",
                help="A dry run: it reads and changes nothing.",
                on_click=cleanup_actions.look,
            )
        if status.problem is not None:
            feedback.draw_error(status.problem)
        if status.result is not None:
            cleanup_parts.draw_result(status.result)
        if status.found is None:
            if not status.is_busy:
                st.info(
                    "Nobody has looked since this process began. Looking changes nothing.",
                    icon=":material/search:",
                )
            return
        cleanup_parts.draw_found(status.found)
        if not status.found.findings:
            if not status.found.problems:
                st.success("Nothing is left over.", icon=":material/check_circle:")
            return
        shown = cleanup_filters.draw(status.found.findings)
        others = [one for one in shown if not one.deletable and one.sort != "message"]
        if not status.is_busy:
            cleanup_parts.draw_actions(shown, others, status, context.services().settings)
        if not status.is_busy or len(shown) <= DRAWN_WHILE_BUSY:
            cleanup_parts.draw_list(shown)


main()
