"""Local Azure as an object: it stops once, however often it is told to, and says when it does not."""

import asyncio
from pathlib import Path

import pytest

from emulator import server
from emulator.server import Emulator, EmulatorSettings


@pytest.fixture
def slow(state: Path, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """One that takes longer to stop than anybody waits."""
    emulator = Emulator(EmulatorSettings(state=state))
    emulator.start()
    stop = emulator.queues.stop

    async def later() -> None:
        await asyncio.sleep(1.0)
        await stop()

    monkeypatch.setattr(emulator.queues, "stop", later)
    monkeypatch.setattr(server, "STOP_TIMEOUT_S", 0.2)
    return emulator


def test_it_can_be_told_to_stop_again(state: Path) -> None:
    with Emulator(EmulatorSettings(state=state)) as emulator:
        emulator.stop()
        emulator.stop()


def test_one_that_never_started_has_nothing_to_stop(state: Path) -> None:
    Emulator(EmulatorSettings(state=state)).stop()


def test_it_does_not_pretend_to_have_stopped(slow: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts another one on its ports would meet an error that says nothing of the reason."""
    with pytest.raises(TimeoutError, match="did not stop"):
        slow.stop()
    monkeypatch.setattr(server, "STOP_TIMEOUT_S", 20)
    slow.stop()


def test_a_loop_that_is_closed_already_is_no_error(slow: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TimeoutError):
        slow.stop()
    monkeypatch.setattr(server, "STOP_TIMEOUT_S", 20)
    assert slow._thread is not None
    slow._thread.join(20)
    slow.stop()
