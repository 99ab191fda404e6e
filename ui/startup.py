"""What is on screen when Relaydeck could not start: which setting, what is wrong with it, what a right one looks like."""

import streamlit as st

from services.errors import ConfigurationError, ServiceError
from ui import safe

EXAMPLE = """\
RELAYDECK_MODE=azure
PROJECT_ENDPOINT_ENT=https://my-foundry.services.ai.azure.com/api/projects/my-project
MODEL_DEPLOYMENT_NAME=gpt-4o
STORAGE_SERVICE_ENDPOINT=https://mystorage.queue.core.windows.net"""

_failure: ServiceError | None = None


def failure() -> ServiceError | None:
    """Return why the services of this process are not there; None when they are."""
    return _failure


def failed(error: ServiceError | None) -> None:
    global _failure
    _failure = error


def draw(error: ServiceError) -> None:
    if isinstance(error, ConfigurationError):
        _draw_settings(error)
    else:
        _draw_parts(error)


def _draw_settings(error: ConfigurationError) -> None:
    st.markdown("# :material/tune: A setting needs you")
    st.markdown("Relaydeck runs, but cannot reach anything with these settings:")
    for problem in error.problems or tuple(error.message.split("\n")):
        st.error(safe.verbatim(problem), icon=":material/error:")
    st.markdown(
        "Correct it in the environment or in the file `.env`, then start Relaydeck again. This is a full example:"
    )
    st.code(EXAMPLE, language="ini")
    st.markdown("To run without Azure, leave all of them out and type:")
    st.code("python3 run.py", language="bash")


def _draw_parts(error: ServiceError) -> None:
    st.markdown("# :material/power_off: Relaydeck could not start")
    st.error(safe.verbatim(error.message), icon=":material/error:")
    st.markdown(safe.inline(error.hint, 600))
    st.markdown("When that is done, stop Relaydeck with Ctrl-C and start it again:")
    st.code("python3 run.py", language="bash")
