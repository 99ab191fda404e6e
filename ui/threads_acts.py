"""What can be done with a thread: taken along as a file, and deleted."""

import math

import streamlit as st

from services.errors import ServiceError
from services.inventory.threads_export import as_html, as_json
from services.inventory.threads_service import WHOLE, ThreadDetail
from services.inventory.threads_views import ThreadRow
from ui import context, feedback, formats, rights, safe

FILE_KEY = "threads-file"
FORMS = {"JSON": ("json", "application/json", as_json), "HTML": ("html", "text/html", as_html)}


def draw_export(detail: ThreadDetail) -> None:
    """Draw the way to a file. It is read when somebody asks for it, and kept only while this is open."""
    box = st.popover("Export", icon=":material/download:", key="threads-export", on_change="rerun")
    if not box.open:
        st.session_state.pop(FILE_KEY, None)
        return
    with box:
        st.markdown("The whole conversation and its runs. HTML is one page that needs nothing beside itself.")
        with st.container(horizontal=True, gap="small"):
            for form in FORMS:
                st.button(
                    f"Prepare {form}",
                    key=f"threads-export-{form.lower()}",
                    on_click=prepare,
                    args=[detail.thread.id, form],
                )
        made = st.session_state.get(FILE_KEY)
        if isinstance(made, ServiceError):
            feedback.draw_error(made)
        elif made is not None:
            name, mime, content = made
            st.download_button(
                f"Download, {math.ceil(len(content) / 1024):,} KB",
                content,
                file_name=name,
                mime=mime,
                key="threads-download",
                icon=":material/download:",
                type="primary",
                on_click="ignore",
            )
            st.caption(safe.inline(name))


def prepare(thread_id: str, form: str) -> None:
    """Callback: read the whole thread; a failure is kept, to be told where the file would be."""
    ending, mime, write = FORMS[form]
    try:
        whole = context.services().thread.read(thread_id, WHOLE)
        st.session_state[FILE_KEY] = f"relaydeck-{thread_id}.{ending}", mime, write(whole)
    except ServiceError as error:
        st.session_state[FILE_KEY] = error


def draw_delete(detail: ThreadDetail, row: ThreadRow | None) -> None:
    box = st.popover("Delete", icon=":material/delete:", key="threads-delete", disabled=not detail.ours)
    if not detail.ours:
        child = row is not None and row.parent is not None
        st.caption(
            "It has no tag of its own: a connected agent worked in it for the thread above."
            if child
            else "It does not carry Relaydeck's tag of this environment, so it cannot be deleted here.",
            width="content",
        )
        return
    with box:
        st.markdown(
            f"**{formats.count(len(detail.messages), 'message')} and {formats.count(len(detail.runs), 'run')} go for good.** "
            "Export them first if anybody may want them."
        )
        st.button(
            "Delete this thread",
            key="threads-delete-sure",
            type="primary",
            icon=":material/delete_forever:",
            on_click=delete,
            args=[detail.thread.id],
            **rights.button("delete thread"),
        )


def delete(thread_id: str) -> None:
    """Callback: delete it, say so, and go back to the list; after a failure it stays open."""
    with feedback.saying_errors():
        outcome = context.services().thread.delete(thread_id)
        words = "was deleted" if outcome == "deleted" else "was gone already"
        feedback.say(f"Thread {safe.inline(thread_id, 60)} {words}.", ":material/delete:")
        st.query_params.pop("thread", None)
    context.forget(thread_id)
    st.rerun()
