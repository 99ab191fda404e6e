"""Fixtures of the function and host tests: the real emulator, and apps written for one test."""

import sys
from collections.abc import Iterator

import pytest

from emulator.server import Emulator
from tests.functions.hosting import Queues


@pytest.fixture
def queues(emulator: Emulator) -> Iterator[Queues]:
    queues = Queues(emulator)
    yield queues
    queues.close()


@pytest.fixture(autouse=True)
def import_path() -> Iterator[None]:
    """A host puts its app first on sys.path; the next test must not find it there."""
    before = list(sys.path)
    yield
    sys.path[:] = before
    sys.modules.pop("function_app", None)
