"""The Doctor page: what it found, how one asks again, and what is shown while nothing has started."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import runtime
from commands.stack import Control
from services.errors import ConfigurationError, Unavailable
from tests.pages.conftest import ROOT, RUN_TIMEOUT_S, SHELL, words
from tests.waiting import wait_for
from ui import context, startup

PAGE = str(ROOT / "pages" / "doctor.py")
LONG_S = 20.0


def opened(page: str = PAGE) -> AppTest:
    at = AppTest.from_file(str(SHELL), default_timeout=RUN_TIMEOUT_S)
    at.switch_page(page)
    at.run()
    assert not at.exception
    return at


def examined(at: AppTest) -> AppTest:
    """Draw the page again once nothing is on its way any more."""
    wait_for(lambda: not context.doctor_board().known().busy, LONG_S)
    at.run()
    assert not at.exception
    return at


def told(at: AppTest) -> str:
    return words(at).replace("\\", "")


def test_every_check_is_shown_with_its_state_in_words(control: Control) -> None:
    at = examined(opened())
    shown = told(at)

    for group in ("Settings and identity", "Addresses", "Roles", "Agents", "Queues and function"):
        assert f"**{group}**" in shown
    assert ":green[:material/check_circle:] Queues may be listed" in shown
    assert "ok · " in shown and "looked at" in shown
    assert "All 6 queues of the function tools exist" in shown


def test_looking_at_the_report_again_asks_azure_nothing(control: Control) -> None:
    """A visit shows what was found; only Run again looks anew."""
    examined(opened())
    before = control.last_request()
    examined(opened())
    asked = [str(seen["operation"]) for seen in control.requests(before)]
    assert [one for one in asked if one in ("foundry.list_threads", "monitor.get_metrics")] == []


def test_what_failed_is_named_first_with_the_command_to_type(control: Control) -> None:
    at = examined(opened())
    control.fail(operation="foundry.list_threads", status=403, code="Forbidden")
    at.button(key="doctor-again").click().run()
    shown = told(examined(at))

    assert "Begin with: **Threads may be listed**" in shown
    assert ":red[:material/cancel:] Threads may be listed" in shown and "failed · " in shown
    assert any('--role "Foundry User"' in code.value for code in at.code)

    at.button(key="doctor-again").click().run()
    assert "Begin with" not in told(examined(at))


def test_a_probe_is_confirmed_and_its_six_lights_are_shown(control: Control) -> None:
    """The one button that sends something; it says so before."""
    threads = len(runtime.current().services.backend.list_threads(100))
    at = examined(opened())
    assert "A real question goes through the whole team" in told(at)
    at.button(key="doctor-probe-send").click().run()
    shown = told(examined(at))

    for hop in ("Enqueued", "Picked up", "Executed", "Output written", "Output read", "Run advanced"):
        assert f"**{hop}**" in shown
    assert "The question went all the way" in shown and "Deleted again" in shown
    assert len(runtime.current().services.backend.list_threads(100)) == threads


def test_the_report_is_there_to_copy_and_names_no_secret(control: Control) -> None:
    at = examined(opened())
    at.session_state["doctor-report"] = True
    at.run()
    (text,) = (code.value for code in at.code if code.value.startswith("# Relaydeck Doctor"))

    assert "| Queues may be listed | ok |" in text
    assert control.azure.connection.token not in text
    assert "InstrumentationKey" not in text


@pytest.fixture
def unready(control: Control, tmp_path: Path) -> Iterator[list[str]]:
    """A dashboard whose settings are wrong, as app.py leaves it. Yields what was tried again."""
    given = {
        "RELAYDECK_MODE": "azure",
        "MODEL_DEPLOYMENT_NAME": "gpt-4o",
        "RELAYDECK_STATE_DIR": str(tmp_path),
    }
    tried: list[str] = []
    problems = ("Missing PROJECT_ENDPOINT_ENT", "Missing STORAGE_SERVICE_ENDPOINT")
    error = ConfigurationError("\n".join(problems), operation="read the settings", problems=problems)

    def begin() -> None:
        tried.append("begin")
        startup.failed(None)

    startup.failed(error, lambda: runtime.examination(given, failure=error), begin)
    context.doctor_board.clear()
    yield tried
    startup.failed(None)
    context.doctor_board.clear()


@pytest.mark.parametrize("page", ["ask.py", "overview.py", "doctor.py"])
def test_while_a_setting_is_missing_every_page_is_doctor(unready: list[str], page: str) -> None:
    """Whatever link somebody opens, there is one thing to do."""
    at = examined(opened(str(ROOT / "pages" / page)))
    shown = told(at)

    assert "A setting needs you" in shown and "Missing PROJECT_ENDPOINT_ENT" in shown
    assert ":red[:material/cancel:] Settings" in shown and "Set STORAGE_SERVICE_ENDPOINT" in shown
    assert ":green[:material/check_circle:] Packages" in shown
    assert len(at.chat_input) == 0 and "doctor-probe-send" not in [one.key for one in at.button]


def test_a_corrected_setting_starts_relaydeck_from_the_page(unready: list[str]) -> None:
    """Without a restart, when it is in .env that it was corrected."""
    at = examined(opened())
    at.button(key="startup-again").click().run()
    assert unready == ["begin"]
    assert "A setting needs you" not in told(at) and "# Doctor" in told(at)


def test_a_local_azure_that_did_not_start_is_said_in_words(control: Control, tmp_path: Path) -> None:
    error = Unavailable("Local Azure did not start: port taken.", operation="start Local Azure", sent=False)
    given = {"RELAYDECK_STATE_DIR": str(tmp_path)}
    startup.failed(error, lambda: runtime.examination(given, failure=error))
    context.doctor_board.clear()
    try:
        shown = told(examined(opened()))
    finally:
        startup.failed(None)
        context.doctor_board.clear()
    assert "Relaydeck could not start" in shown
    assert ":red[:material/cancel:] Start" in shown and "port taken" in shown
