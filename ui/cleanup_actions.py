"""What the buttons of the Clean-up page do. All are callbacks; the work goes on in the background of the process."""

from collections.abc import Sequence

import streamlit as st

from services.errors import InvalidInput
from services.housekeeping.findings import Finding
from ui import context, feedback

NAMED_KEY, WIDEN_KEY, GUARD_KEY = "cleanup-named", "cleanup-widen", "cleanup-guard"


def look() -> None:
    with feedback.saying_errors():
        context.services().housekeeping.start_look()


def export(findings: Sequence[Finding]) -> None:
    with feedback.saying_errors():
        context.services().housekeeping.start_export(frozenset(one.id for one in findings))


def stop() -> None:
    with feedback.saying_errors():
        context.services().housekeeping.stop()


def delete(findings: Sequence[Finding], guard: str) -> None:
    """*guard*: what has to be typed first; empty when nothing has."""
    with feedback.saying_errors():
        if guard and str(st.session_state.get(GUARD_KEY) or "").strip() != guard:
            raise InvalidInput(
                f"Type {guard} to confirm: this is a production environment.", operation="clean up", hint=""
            )
        context.services().housekeeping.start_delete(frozenset(one.id for one in findings))


def delete_named(one: Finding) -> None:
    """Delete what is not ours, or a queue, when its name was typed letter by letter."""
    with feedback.saying_errors():
        if str(st.session_state.get(NAMED_KEY) or "").strip() != one.id:
            raise InvalidInput(
                "What was typed is not its id: nothing was deleted.", operation="clean up", hint=""
            )
        ids = frozenset({one.id})
        context.services().housekeeping.start_delete(ids, ids)
        st.session_state[NAMED_KEY] = ""
