"""The pages on the real runtime: real services, real SDKs, one Local Azure with its Functions host for the session."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import runtime
from commands.stack import Control
from emulator.supervisor import LocalOptions, attach_or_start
from services.assembly import Services
from services.diagnosis.service import DiagnosisService, open_runs_of
from services.models import Answer
from services.monitor.logs import LogsService
from services.monitor.trace import TraceService
from tests.scripted_server import ScriptedServer
from tests.waiting import wait_for
from ui import first_paint, startup

ROOT = Path(__file__).parents[2]
SHELL = ROOT / "ui" / "shell.py"
RUN_TIMEOUT_S = 20
ANSWER_TIMEOUT_S = 20.0
Open = Callable[..., AppTest]


@pytest.fixture(scope="session")
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="session", autouse=True)
def nothing_to_paint() -> Iterator[None]:
    """No browser paints anything here, so none is waited for."""
    with (
        pytest.MonkeyPatch.context() as patched
    ):  # a test's own would be undone after the test's other fixtures
        patched.setattr(first_paint, "TEXT_S", 0.0)
        patched.setattr(first_paint, "CHARTS_S", 0.0)
        yield


@pytest.fixture(scope="session")
def local_azure(state_folder: Path) -> Iterator[Control]:
    azure = attach_or_start(LocalOptions(state_folder))
    yield Control(azure)
    azure.stop()


@pytest.fixture(scope="session")
def started(local_azure: Control, state_folder: Path) -> Iterator[runtime.Runtime]:
    found = runtime.start(
        {
            "RELAYDECK_STATE_DIR": str(state_folder),
            "RELAYDECK_TOOL_WAIT_S": "5",
            "RELAYDECK_SWEEP": "off",
            "RELAYDECK_AUDIT_DEADLINE_S": "60",
            "RELAYDECK_PAGE_WAIT_S": "15",  # how long a page waits is tested with degraded ones
        }
    )
    yield found
    found.close()


@pytest.fixture
def control(local_azure: Control, started: runtime.Runtime) -> Iterator[Control]:
    """The model as fast as it can be, and every service asked; afterwards no scripted failure is left over."""
    local_azure.pace()
    wait_for(lambda: all_are_asked(started), 40.0)
    st.cache_resource.clear()
    startup.failed(None)
    yield local_azure
    left = local_azure.pending_faults()
    local_azure.clear_faults()
    local_azure.pace()
    assert left == []


def all_are_asked(running: runtime.Runtime) -> bool:
    """Whether no service is left alone: what its background work met while another test had all of them down."""
    standings = running.services.standings
    if all(one.breaker == "closed" for one in standings.all()):
        return True
    standings.try_failing()
    return False


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScriptedServer]:
    """A server that answers as a test wrote it down."""
    with ScriptedServer(tmp_path_factory.mktemp("scripted")) as server:
        yield server


@pytest.fixture
def without_workspace(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relaydeck as it is while no Log Analytics workspace is set: live state, no history."""
    running = runtime.current()
    traces = TraceService(running.services.answers, None, runtime.now)
    blind = replace(
        running.services, logs=None, traces=traces, diagnosis=diagnosis_on(running.services, None)
    )
    monkeypatch.setattr(running, "services", blind)


def diagnosis_on(services: Services, logs: LogsService | None, fallback_s: float = 5.0) -> DiagnosisService:
    """Return a diagnosis as the runtime composes it, on another workspace or on none."""
    return DiagnosisService(
        services.backend,
        services.queues,
        services.answers,
        logs,
        services.catalogue,
        runtime.now,
        fallback_s=fallback_s,
        open_runs=open_runs_of(services.answers.open_answers),
    )


@pytest.fixture
def open_page(control: Control) -> Open:
    """Open the Ask page as a browser with these URL parameters would."""

    def opened(**parameters: str) -> AppTest:
        at = AppTest.from_file(str(SHELL), default_timeout=RUN_TIMEOUT_S)
        for name, value in parameters.items():
            at.query_params[name] = value
        at.run()
        assert not at.exception
        return at

    return opened


def answer_on(at: AppTest, place: int = -1) -> Answer:
    """Return the answer that the page shows, once it is final and measured; the page is drawn again."""
    answers = runtime.current().services.answers
    found = shown(at)[place]
    while found.is_open:
        found = answers.wait(found.id, found.version, ANSWER_TIMEOUT_S)
    at.run()
    assert not at.exception
    return found


def shown(at: AppTest) -> tuple[Answer, ...]:
    """Return the answers of what the page's URL names, as the service knows them."""
    answers = runtime.current().services.answers
    if thread := address(at, "thread"):
        return answers.conversation(thread).answers
    found = answers.get(address(at, "answer"))
    assert found is not None
    return (found,)


def address(at: AppTest, name: str) -> str:
    """Return a parameter of the page's URL, empty when it has none: AppTest holds it as text or as a list."""
    value = at.query_params.get(name, "")
    return value if isinstance(value, str) else value[0]


def words(at: AppTest) -> str:
    """Everything on the page that can be read."""
    texts = [element.value for element in [*at.markdown, *at.caption, *at.code, *at.warning, *at.error]]
    return "\n".join([*texts, *(expander.label for expander in at.expander)])
