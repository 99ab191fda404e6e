"""What is on screen while Relaydeck could not start: what is wrong, in words, and Doctor below it."""

from collections.abc import Callable

import streamlit as st

from services.doctor.service import Doctor
from services.errors import ConfigurationError, ServiceError
from ui import safe

EXAMPLE = """\
RELAYDECK_MODE=azure
PROJECT_ENDPOINT_ENT=https://my-foundry.services.ai.azure.com/api/projects/my-project
MODEL_DEPLOYMENT_NAME=gpt-4o
STORAGE_SERVICE_ENDPOINT=https://mystorage.queue.core.windows.net"""

_failure: ServiceError | None = None
_examine: Callable[[], Doctor] | None = None
_begin: Callable[[], None] | None = None


def failure() -> ServiceError | None:
    """Return why the services of this process are not there; None when they are."""
    return _failure


def failed(
    error: ServiceError | None,
    examine: Callable[[], Doctor] | None = None,
    begin: Callable[[], None] | None = None,
) -> None:
    """Take note of how the start ended. *examine*: makes a Doctor that needs no services. *begin*: starts once more."""
    global _failure, _examine, _begin
    _failure, _examine, _begin = error, examine, begin


def examiner() -> Callable[[], Doctor] | None:
    """Return what makes a Doctor of a Relaydeck that did not start; None when it did, or nobody can tell."""
    return _examine if _failure is not None else None


def draw(error: ServiceError) -> None:
    if isinstance(error, ConfigurationError):
        _draw_settings(error)
    else:
        _draw_parts(error)
    _draw_again()


def _draw_settings(error: ConfigurationError) -> None:
    st.markdown("# :material/tune: A setting needs you", anchors=False)
    st.markdown("Relaydeck runs, but cannot reach anything with these settings:")
    for problem in error.problems or tuple(error.message.split("\n")):
        st.error(safe.verbatim(problem), icon=":material/error:")
    st.markdown(
        "Correct it in the file `.env` beside `run.py` and try again; or in the environment, and start anew."
    )
    with st.expander("A full example, and how to run without Azure", key="startup-example"):
        st.code(EXAMPLE, language="ini")
        st.markdown("To run without Azure, leave all of them out and type:")
        st.code("python3 run.py", language="bash")


def _draw_parts(error: ServiceError) -> None:
    st.markdown("# :material/power_off: Relaydeck could not start", anchors=False)
    st.error(safe.verbatim(error.message), icon=":material/error:")
    st.markdown(safe.inline(error.hint, 600))


def _draw_again() -> None:
    if _begin is not None:
        st.button("Try again", key="startup-again", icon=":material/restart_alt:", on_click=_begin)
