"""The chaos suite's work on deadlines, in short; and what it cannot play: names that do not resolve."""

import gc
import socket
import threading
import time
import warnings
from collections.abc import Iterator

import pytest

from chaos import deadlines
from chaos.seam import CLIENTS, open_operations
from services.errors import Unavailable
from services.resilience import Limits

DEADLINE_S = 0.4


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Sign-ins that were given up on end when their server does; their connections are dropped here, not in other tests."""
    yield
    for thread in threading.enumerate():
        if thread.name in ("sign in", "resolve"):
            thread.join(5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_no_call_outlives_its_deadline() -> None:
    """Each trouble once or twice, with any client; the whole suite plays every pair."""
    latest, others = deadlines.run(24, seed=3, deadline_s=DEADLINE_S)

    assert latest.met and others.met, (latest, others)
    assert latest.detail["cases"] == 24


def test_every_client_meets_every_trouble() -> None:
    """Sixty cases are the goal; what is left out would be left unproven."""
    found = deadlines.cases(1_000, seed=1)

    assert len(found) >= deadlines.CASES
    assert len({client for client, _, _ in found}) == len(CLIENTS) == 8


@pytest.mark.parametrize("how", [deadlines.FULL, deadlines.MUTE])
def test_a_call_that_never_got_a_connection_was_not_sent(how: str) -> None:
    """So a creation may be repeated without looking it up, also when the deadline ended it."""
    limits = Limits(call_deadline_s=DEADLINE_S, call_retries=0)
    with (
        deadlines.places({how}) as where,
        open_operations(*where[how], limits) as operations,
        pytest.raises(Unavailable) as caught,
    ):
        operations[0].call()

    assert caught.value.sent is (how == deadlines.MUTE)


def test_a_name_that_takes_for_ever_to_resolve_ends_with_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The system's resolver waits up to half a minute, and nothing can stop it."""
    asked, over = threading.Event(), threading.Event()

    def resolve(*_: object, **__: object) -> list[object]:
        asked.set()
        over.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    limits = Limits(call_deadline_s=DEADLINE_S, call_retries=0)
    began_s = time.monotonic()
    with (
        open_operations("https://slow.example", "", limits) as operations,
        pytest.raises(Unavailable, match="no connection came up in time") as caught,
    ):
        operations[0].call()

    took_s = time.monotonic() - began_s
    over.set()
    assert asked.is_set() and caught.value.sent is False
    assert DEADLINE_S <= took_s < DEADLINE_S + 0.5
