"""Fixtures that every suite shares: one Local Azure per process, reset before each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.server import Emulator, EmulatorSettings


@pytest.fixture(scope="session")
def shared_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(EmulatorSettings(state=tmp_path_factory.mktemp("local-azure"))) as emulator:
        yield emulator


@pytest.fixture
def emulator(shared_emulator: Emulator) -> Iterator[Emulator]:
    """Local Azure, empty. A fault that was scripted and not met fails the test."""
    shared_emulator.reset(seed=1)
    yield shared_emulator
    assert shared_emulator.unspent_faults() == []


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A folder for a Local Azure of the test's own, one it may kill or damage."""
    return tmp_path / "state"
