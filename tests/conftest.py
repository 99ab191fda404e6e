"""Fixtures that every suite shares: one Local Azure per process, reset before each test."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from emulator.server import Emulator, EmulatorSettings
from tests import canaries, egress

if TYPE_CHECKING:  # the SDKs take long to import, and most tests need none
    from tests.contract.agents_support import Lab, Site
    from tests.contract.seam_support import Seam


egress.begin()
canaries.plant()


@pytest.hookimpl(tryfirst=True)  # before the folders of the tests are tidied away
def pytest_sessionfinish(session: pytest.Session) -> None:
    """What tried to leave this machine fails the session, whichever process of it did; so does a secret in a file."""
    told = [f"left this machine: {one}" for one in egress.attempts()]
    folders = getattr(session.config, "_tmp_path_factory", None)
    if folders is not None and folders._basetemp is not None:
        told += [
            f"a secret was written: {file}: {names}" for file, names in canaries.sightings(folders._basetemp)
        ]
    if told:
        print("", *told, sep="\n")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--azurite",
        action="store_true",
        help="run the queue contract on Azurite too (installs it with npm at first)",
    )


@pytest.fixture(scope="session", autouse=True)
def no_demo_history() -> Iterator[None]:
    """Whoever starts run.py here finds what they did themselves, unless they ask for more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RELAYDECK_SEED", "off")
        yield


@pytest.fixture(scope="session", autouse=True)
def every_call_is_watched() -> Iterator[None]:
    """Fail whatever request services/ sends past the wrapper of remote calls, in any test of any suite."""
    from services import transport
    from tests.escapes import refusing_escapes

    with refusing_escapes(transport._Session):
        yield


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


@pytest.fixture(scope="session")
def shared_lab(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Lab]":
    from tests.contract.agents_support import ScriptedModel, open_lab

    model = ScriptedModel()
    settings = EmulatorSettings(state=tmp_path_factory.mktemp("lab"))
    with Emulator(settings, model=model) as emulator, open_lab(emulator, model) as lab:
        yield lab


@pytest.fixture
def lab(shared_lab: "Lab") -> "Iterator[Lab]":
    """Local Azure, empty, with a model that says what the test tells it to."""
    shared_lab.emulator.reset(seed=1)
    shared_lab.model.reset()
    yield shared_lab
    assert shared_lab.emulator.unspent_faults() == []


@pytest.fixture
def seam(lab: "Lab") -> "Iterator[Seam]":
    """The application's own services on the Local Azure of *lab*."""
    from tests.contract.seam_support import open_seam

    with open_seam(lab.emulator) as seam:
        yield seam


@pytest.fixture
def site(state: Path) -> "Site":
    """A place for one Local Azure after the other: the same folder, the same ports."""
    from tests.contract.agents_support import Site

    return Site(state)
