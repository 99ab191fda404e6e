"""Doctor: everything that must be right for a question to be answered, what is not, and what to do about it.

No URL state. Redraws while an examination or a probe is on its way, else not at all: a visit shows the last report.
Acts: examines again; sends a probe, once confirmed. It is also what is shown while Relaydeck could not start.
"""

import streamlit as st

from ui import doctor_parts, feedback


def main() -> None:
    st.markdown("# Doctor", anchors=False)
    with feedback.showing_errors():
        doctor_parts.draw()


main()
