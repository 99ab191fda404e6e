"""Every page while what it depends on fails: a frame, what is missing and since when, no traceback, no zero for unknown.

A covering part of the cross product that chaos/degraded.py goes through whole, on the same rig. Pages wait a moment only here,
and breakers open for a moment, so that what is tested is what they say and not how long a machine takes.
"""

import itertools
import time
from collections.abc import Iterator, Mapping
from contextlib import closing

import pytest
from streamlit.testing.v1 import AppTest

from chaos.degraded import is_well
from chaos.degraded_rig import FAULTS, OPERATIONS, Rig, Screen, Seen, complaints, look, screens
from commands.stack import Control
from services import assembly
from tests.waiting import wait_for
from ui import context, depth_board, recovery, view

LIMIT_S = 8.0  # less than what hangs here; that pages take 3 s at most is measured on a quiet machine
WAIT_S = 0.4
QUICK = {
    "RELAYDECK_PAGE_WAIT_S": str(WAIT_S),
    "RELAYDECK_BREAKER_OPEN_S": "0.2",
    "RELAYDECK_TELEMETRY": "off",
}
NAMES = (
    "ask",
    "ask: a conversation",
    "overview",
    "runs",
    "queues",
    "queues: messages",
    "metrics",
    "metrics: Azure Monitor",
    "trace",
    "trace: diagnosis",
    "agents",
    "agents: one",
    "threads",
    "threads: one",
    "doctor",
    "clean-up",
)
Screens = Mapping[str, Screen]
# Each dependency in each way at least once, and each page at least once, on a page that goes round.
ALONE = [
    (one, fault, NAMES[(3 * place) % len(NAMES)])
    for place, (one, fault) in enumerate(
        (one, fault)
        for number, one in enumerate(OPERATIONS)
        for turn, fault in enumerate(FAULTS)
        if (number + turn) % 3 == 0
    )
]
PAIRS = [
    (pair, NAMES[(5 * place) % len(NAMES)])
    for place, pair in enumerate(itertools.combinations(OPERATIONS, 2))
]


@pytest.fixture(scope="module")
def rig(local_azure: Control) -> Iterator[Rig]:
    with closing(Rig(local_azure, QUICK)) as found:
        yield found


@pytest.fixture(scope="module")
def shown(rig: Rig) -> Screens:
    """Every page by its name, with something to look at."""
    found = {screen.name: screen for screen in screens(rig.settle(warm=False))}
    assert tuple(found) == NAMES
    return found


@pytest.fixture(autouse=True)
def nothing_left(local_azure: Control) -> Iterator[None]:
    yield
    local_azure.clear_faults()


@pytest.mark.parametrize(("dependency", "fault", "page"), ALONE, ids=[" ".join(one) for one in ALONE])
def test_a_page_says_what_is_missing(
    rig: Rig, shown: Screens, dependency: str, fault: str, page: str
) -> None:
    screen = shown[page]
    broken = frozenset() if fault == "slow" else frozenset({dependency})
    with rig.failing((dependency, fault)), rig.fresh():
        _, seen = rig.open(screen)

    assert complaints(screen, seen, broken) == []
    assert seen.took_s < LIMIT_S


@pytest.mark.parametrize(("pair", "page"), PAIRS, ids=[f"{' '.join(pair)} {page}" for pair, page in PAIRS])
def test_a_page_stands_while_two_are_down(rig: Rig, shown: Screens, pair: tuple[str, str], page: str) -> None:
    screen = shown[page]
    with rig.failing(*((one, "down") for one in pair)), rig.fresh():
        _, seen = rig.open(screen)

    assert complaints(screen, seen, frozenset(pair)) == []
    assert seen.took_s < LIMIT_S


def test_every_page_stands_while_all_are_down(rig: Rig, shown: Screens) -> None:
    with rig.failing(*((one, "down") for one in OPERATIONS)), rig.fresh():
        found = {
            name: complaints(screen, rig.open(screen)[1], frozenset(OPERATIONS))
            for name, screen in shown.items()
        }

    assert {name: said for name, said in found.items() if said} == {}


@pytest.mark.parametrize(
    ("page", "dependency", "words"),
    [
        ("ask: a conversation", "agents", "This conversation is shown as read at"),
        ("threads: one", "agents", "This thread is shown as read at"),
        ("queues", "queues", "The list of queues is shown as read at"),
        ("queues: messages", "queues", "What waits in this queue is shown as read at"),
        ("overview", "logs", "This was read at"),
        ("runs", "logs", "This was read at"),
    ],
)
def test_what_was_read_before_stays_with_its_time(
    rig: Rig, shown: Screens, monkeypatch: pytest.MonkeyPatch, page: str, dependency: str, words: str
) -> None:
    """And it says since when nothing newer comes."""
    monkeypatch.setattr(view, "RETURN_S", 0.0)
    monkeypatch.setattr(depth_board, "DEPTHS_FRESH_S", 0.0)
    monkeypatch.setattr(assembly, "LOGS_FRESH_S", 0.0)
    screen = shown[page]
    with rig.fresh():
        at, _ = rig.open(screen)
        before = wait_for(lambda: seen_whole(at), 20.0, 0.3)
        context.peeks().clear_all()
        context.forget(screen.address.get("thread", ""))
        with rig.failing((dependency, "down")):
            at, _ = rig.open(screen)
            seen = wait_for(lambda: seen_with(at, words, "Failing since"), 20.0, 0.3)

    assert not complaints(screen, before, frozenset())
    assert seen.tiles.keys() == before.tiles.keys()


def seen_whole(at: AppTest) -> Seen | None:
    """Return the page once nothing on it is missing."""
    seen = look(at)
    return seen if is_well(seen.words) else None


def seen_with(at: AppTest, *words: str) -> Seen | None:
    """Return the page once it says all of *words*."""
    seen = look(at)
    return seen if all(one in seen.words for one in words) else None


@pytest.mark.parametrize("fault", ["down", "a sign-in page"])
def test_a_page_comes_right_once_the_dependency_is_back(rig: Rig, shown: Screens, fault: str) -> None:
    """Nobody does anything but look; that its timer looks too is seen in a browser."""
    screen = shown["threads: one"]
    with rig.fresh():
        with rig.failing(("agents", fault)):
            at, seen = rig.open(screen)
            assert complaints(screen, seen, frozenset({"agents"})) == []
            assert recovery.TIMED_KEY in at.session_state, "a timer stands on the page"
        wait_for(lambda: is_well(look(at).words), 20.0, 0.3)
        assert recovery.TIMED_KEY not in at.session_state


def test_a_page_that_is_well_has_no_timer_for_it(rig: Rig, shown: Screens) -> None:
    with rig.fresh():
        at, _ = rig.open(shown["ask"])
        assert recovery.TIMED_KEY not in at.session_state


def test_who_waits_for_what_hangs_waits_once_and_not_at_each_look(rig: Rig, shown: Screens) -> None:
    """What is known to be slow is not waited for again: the page stays quick, and says for how long it has been asked."""
    with rig.failing(("agents", "hanging")), rig.fresh():
        at, _ = rig.open(shown["ask: a conversation"])
        began_s = time.monotonic()
        wait_for(lambda: "asked for 1 s ago" in look(at).words or "asked for 2 s ago" in look(at).words, 10.0)
        assert time.monotonic() - began_s < 10
