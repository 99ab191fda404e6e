"""The composition root: one runtime a process, warm in the background, words when it cannot start."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

import runtime
from emulator.connection import is_alive, read_connection
from services.errors import ConfigurationError, Unavailable


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """What a test freezes must not stay uncollected for the rest of the suite."""
    yield
    gc.unfreeze()


def test_a_process_has_one_runtime_from_start_to_close(state: Path) -> None:
    """Pages ask for current() on every run; two of them must never start two Local Azures."""
    with pytest.raises(RuntimeError, match="start"):
        runtime.current()
    environ = {"RELAYDECK_STATE_DIR": str(state)}
    told: list[str] = []
    running = runtime.start(environ, say=told.append)
    try:
        assert runtime.start(environ) is running is runtime.current()
        assert runtime.problem() is None
        assert told == ["Starting Local Azure", "Starting the function app"]
        connection = read_connection(state)
        assert connection is not None
        assert running.services.settings.project_endpoint == connection.project_endpoint
        assert running.wait_warm(20)
        checked = running.services.health.check_all()
        assert [part.state for part in checked[:4]] == ["ok"] * 4
        assert [part.part for part in checked[4:]] == ["Telemetry"]
        assert gc.get_freeze_count() > 10_000

        before = len(running.services.backend.list_agents(100))
        answer = running.services.answers.ask("What is 6 * 7?")
        for _ in running.services.answers.events(answer.id):
            pass
        final = running.services.answers.get(answer.id)
        assert final is not None and "42" in final.text
        assert len(running.services.backend.list_agents(100)) == before  # the warm-up had made the team
    finally:
        running.close()
        running.close()
    assert not is_alive(connection)
    with pytest.raises(RuntimeError):
        runtime.current()


def test_wrong_settings_are_kept_for_the_page_that_shows_them() -> None:
    """A page must show what is wrong instead of dying with the start."""
    with pytest.raises(ConfigurationError, match="Missing STORAGE_SERVICE_ENDPOINT"):
        runtime.start({"RELAYDECK_MODE": "azure"})
    problem = runtime.problem()
    assert problem is not None and "Missing PROJECT_ENDPOINT_ENT" in problem.message
    with pytest.raises(RuntimeError):
        runtime.current()


def test_a_local_azure_that_cannot_start_is_told_in_words(tmp_path: Path) -> None:
    """Its last words and its folder are in the message; there is no traceback to read."""
    blocked = tmp_path / "state"
    blocked.write_text("not a folder")
    with pytest.raises(Unavailable) as caught:
        runtime.start({"RELAYDECK_STATE_DIR": str(blocked)})
    assert "Local Azure" in caught.value.message
    assert caught.value.resource == str(blocked)


def test_freezing_takes_what_is_alive_out_of_later_collections() -> None:
    """Streamlit collects after every rerun: 170 ms and more each time with the SDKs imported."""
    runtime.freeze()
    assert gc.get_freeze_count() > 10_000
    assert len(gc.get_objects()) < gc.get_freeze_count() / 10
