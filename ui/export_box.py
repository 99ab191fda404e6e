"""The way to a file of what a list shows, the same on every page: it is made when somebody asks for it."""

import math
from collections.abc import Callable, Sequence
from typing import Final, Literal

import streamlit as st

from services.errors import ServiceError
from ui import feedback

Form = Literal["csv", "json"]
FORMS: Final[tuple[Form, ...]] = ("csv", "json")
MIME: Final = {"csv": "text/csv", "json": "application/json"}


def file_key(page: str) -> str:
    """Return where the file of *page* is kept while its box is open."""
    return f"{page}-file"


def keep(page: str, made: tuple[str, bytes] | ServiceError) -> None:
    """For callbacks: hand over the file, as its name and its content, or why there is none."""
    st.session_state[file_key(page)] = made


def draw(
    page: str, words: str, prepare: Callable[..., None], given: Sequence[object], about: str = ""
) -> None:
    """Draw the box. Sends nothing. *words*: what the file will hold. *prepare*: a callback that is given *given* and the
    form, and ends with keep()."""
    box = st.popover("Export", icon=":material/download:", key=f"{page}-export", on_change="rerun")
    if not box.open:
        st.session_state.pop(file_key(page), None)
        return
    with box:
        st.markdown(words)
        if about:
            st.caption(about)
        with st.container(horizontal=True, gap="small"):
            for form in FORMS:
                st.button(
                    f"Prepare {form.upper()}",
                    key=f"{page}-export-{form}",
                    on_click=prepare,
                    args=[*given, form],
                )
        made = st.session_state.get(file_key(page))
        if isinstance(made, ServiceError):
            feedback.draw_error(made)
        elif made is not None:
            name, content = made
            st.download_button(
                f"Download, {math.ceil(len(content) / 1024):,} KB",
                content,
                file_name=name,
                mime=MIME[name.rpartition(".")[2]],
                key=f"{page}-export-download",
                icon=":material/download:",
                type="primary",
                on_click="ignore",
            )
