"""What a fault script does to a request, seen through the real SDK and our one wrapper: what is said, waited, repeated."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.utils import format_datetime

import pytest

from emulator.faults import WEATHER, Fault
from emulator.server import Emulator
from services.agents.backend import AgentDefinition
from services.agents.classic import ClassicBackend
from services.doctor.network import clock as examine_clock
from services.errors import AccessDenied, ServiceError, Throttled, Unavailable, UnexpectedReply
from services.ids import new_id
from services.resilience import Limits, Resilience
from services.resilience.clock import RealPace
from tests.contract.answers_support import open_desk
from tests.contract.seam_support import Seam, open_seam

AGENT = AgentDefinition("tested", "local-rules", "Repeat.")


class Counted(RealPace):
    """Pauses take no time and are written down; nothing is added to what a service asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.paused_s: list[float] = []

    def now_s(self) -> float:
        return sum(self.paused_s)

    def sleep(self, seconds: float) -> bool:
        self.paused_s.append(seconds)
        return True

    def between(self, low: float, high: float) -> float:
        return 0.0


@pytest.fixture
def pace() -> Counted:
    return Counted()


@pytest.fixture
def backend(seam: Seam, pace: Counted) -> ClassicBackend:
    return ClassicBackend(seam.clients.agents, Resilience("the Agent Service", Limits(), pace))


def marks() -> dict[str, str]:
    return {"relaydeck": "pooled", "environment": "local", "opid": new_id("op")}


def names(backend: ClassicBackend) -> list[str]:
    return [agent.name for agent in backend.list_agents(1000)]


# Retry-After ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503], ids=["busy", "away"])
@pytest.mark.parametrize(
    ("headers", "waited_s"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "0"}, 0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"x-ms-retry-after-ms": "1500"}, 1.5),
        ({"Retry-After": "9", "retry-after-ms": "250"}, 0.25),
        ({"Retry-After": "-5"}, 0),
        ({"Retry-After": "soon"}, 0),
        ({"Retry-After": "Wed, 31 Feb 2029 25:00:00 GMT"}, 0),
        ({"Retry-After": ""}, 0),
        ({}, 0),
    ],
    ids=["s", "zero", "ms", "x-ms", "both", "negative", "word", "no-date", "empty", "none"],
)
def test_a_pause_that_is_asked_for_is_kept(
    seam: Seam, backend: ClassicBackend, pace: Counted, headers: dict[str, str], waited_s: float, status: int
) -> None:
    """What cannot be read asks for nothing; no form of it escapes as an exception of its own."""
    seam.fail("foundry.list_agents", status=status, headers=headers)

    assert backend.list_agents(10) == []
    assert pace.paused_s == [waited_s]


@pytest.mark.parametrize(("ahead_s", "waited_s"), [(8, 8), (-60, 0)], ids=["to-come", "past"])
def test_a_pause_until_a_date_is_measured_by_the_services_own_clock(
    seam: Seam, backend: ClassicBackend, pace: Counted, ahead_s: int, waited_s: int
) -> None:
    """The clocks of service and client differ by an hour: only the difference of the two dates counts."""
    seam.emulator.skew(3600)
    told = seam.emulator.clock.now() + timedelta(seconds=3600 + ahead_s)
    seam.fail("foundry.list_agents", status=429, headers={"Retry-After": format_datetime(told, usegmt=True)})
    backend.list_agents(10)

    assert pace.paused_s == [pytest.approx(waited_s, abs=1.01)]


@pytest.mark.parametrize("form", ["86400", "999999999", "9" * 30], ids=["a-day", "thirty-years", "for-ever"])
def test_a_pause_beyond_all_patience_is_told_not_kept(
    seam: Seam, backend: ClassicBackend, pace: Counted, form: str
) -> None:
    seam.fail("foundry.list_agents", status=429, headers={"Retry-After": form})

    with pytest.raises(Throttled) as caught:
        backend.list_agents(10)

    assert caught.value.retry_after_s == min(float(form), 1e9)
    assert pace.paused_s == []


# The connection and the body ----------------------------------------------------------------------


@pytest.mark.parametrize("how", sorted(set(WEATHER) - {"drip", "truncate"}))
def test_an_agent_is_made_once_whatever_became_of_the_reply(
    seam: Seam, backend: ClassicBackend, how: str
) -> None:
    """Reset, 429 and 503 before the effect: made at the repeat. After it, a lost reply: found, not made again."""
    seam.fail("foundry.create_agent", **WEATHER[how])

    made = backend.create_agent(AGENT, marks())

    assert [agent.id for agent in backend.list_agents(10)] == [made.id]
    assert [met.kind for met in seam.emulator.faults_met()] == [how]


def test_a_truncated_reply_to_a_create_is_a_lost_one(seam: Seam, backend: ClassicBackend) -> None:
    seam.fail("foundry.create_agent", kind="truncate")

    made = backend.create_agent(AGENT, marks())

    assert [agent.id for agent in backend.list_agents(10)] == [made.id]


def test_a_truncated_list_is_read_again(seam: Seam, backend: ClassicBackend) -> None:
    backend.create_agent(AGENT, marks())
    seam.fail("foundry.list_agents", kind="truncate")

    assert names(backend) == ["tested"]


def test_a_dripping_reply_is_ended_by_the_deadline(seam: Seam) -> None:
    """Each byte comes in time for the read timeout; all of them together do not."""
    limits = Limits(call_deadline_s=0.4)
    hasty = ClassicBackend(seam.clients.agents, Resilience("the Agent Service", limits))
    seam.fail("foundry.list_agents", kind="drip", delay_s=0.05)

    with pytest.raises(Unavailable, match="not complete in time"):
        hasty.list_agents(10)


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "application/json"}], ids=["html", "called-json"])
def test_a_page_instead_of_a_list_is_never_an_empty_list(
    seam: Seam, backend: ClassicBackend, headers: dict[str, str]
) -> None:
    """A captive portal answers 200. It is no success, and no exception of a parser."""
    seam.fail("foundry.list_agents", status=200, body="<html>Sign in</html>", headers=headers, times=9)

    with pytest.raises(UnexpectedReply):
        backend.list_agents(10)
    seam.emulator.clear_faults()


def test_weather_over_every_operation_ends_in_our_errors_or_in_the_truth(
    seam: Seam, backend: ClassicBackend
) -> None:
    """Forty creates with one request in four in trouble: nothing is made twice, and what was said to be made is there."""
    seam.emulator.fail(
        Fault("foundry.*", "weather", times=None, chance=0.25, delay_s=0, headers={"retry-after-ms": "1"}),
        seed=11,
    )
    made, failed = [], 0
    for number in range(40):
        try:
            definition = AgentDefinition(f"agent-{number}", "local-rules", "Repeat.")
            made.append(backend.create_agent(definition, marks()).name)
        except ServiceError:
            failed += 1
    seam.emulator.clear_faults()
    found = names(backend)

    assert len(found) == len(set(found))
    assert set(made) <= set(found)
    assert len(made) + failed == 40
    assert sum(met.count for met in seam.emulator.faults_met()) > 8


# Time ----------------------------------------------------------------------------------------------


@contextmanager
def seam_with_token(emulator: Emulator, lifetime_s: float = 600) -> Iterator[Seam]:
    token = emulator.call(lambda: emulator.tokens.issue("https://ai.azure.com", lifetime_s)[0])
    with open_seam(emulator, token) as seam:
        yield seam


@pytest.mark.parametrize(
    ("skew_s", "said"), [(900, "has expired"), (-900, "is not valid yet")], ids=["ahead", "behind"]
)
def test_a_service_whose_clock_is_off_refuses_good_tokens(
    emulator: Emulator, skew_s: float, said: str
) -> None:
    """It cannot be told from a wrong token, except by its Date header."""
    with seam_with_token(emulator) as seam:
        assert seam.backend.list_agents(1) == []
        emulator.skew(skew_s)
        with pytest.raises(AccessDenied, match=said):
            seam.backend.list_agents(1)
        emulator.skew(60)
        assert seam.backend.list_agents(1) == []


@pytest.mark.parametrize(("skew_s", "state"), [(0, "ok"), (-120, "warning"), (900, "failed")])
def test_doctor_measures_how_far_the_clocks_are_apart(emulator: Emulator, skew_s: float, state: str) -> None:
    emulator.skew(skew_s)
    with open_desk(emulator) as desk:
        assert examine_clock(desk.running.services.doctor.subject).state == state


# Lists that lag and disks that are full ---------------------------------------------------------------


def test_what_was_just_created_may_be_missing_from_lists(seam: Seam, backend: ClassicBackend) -> None:
    """Eventual consistency: asked for by its id it is there at once, in lists some seconds later."""
    old = backend.create_agent(AGENT, marks())
    seam.emulator.advance(5)
    seam.fail("foundry.list_agents", kind="lag", delay_s=5, times=None)
    new = backend.create_agent(AGENT, marks())

    assert backend.get_definition(new.id).agent.id == new.id
    assert [agent.id for agent in backend.list_agents(10)] == [old.id]
    seam.emulator.advance(5)
    assert {agent.id for agent in backend.list_agents(10)} == {old.id, new.id}
    assert [met.count for met in seam.emulator.faults_met()] == [1], "a list that is whole has met nothing"


def test_threads_lag_as_agents_do(seam: Seam, backend: ClassicBackend) -> None:
    seam.fail("foundry.list_threads", kind="lag", delay_s=5)
    thread = backend.create_thread(marks())

    assert backend.list_threads(10) == []
    assert [found.id for found in backend.list_threads(10)] == [thread.id]


def test_a_full_disk_is_told_once_and_reading_goes_on(
    seam: Seam, pace: Counted, backend: ClassicBackend
) -> None:
    """Trying again does not make room, so nothing is repeated; what is there stays readable."""
    backend.create_agent(AGENT, marks())
    seam.emulator.fill_disk()
    fitted = []
    with pytest.raises(Unavailable) as caught:
        for number in range(200):  # what earlier tests left free is used up first
            large = AgentDefinition(f"large-{number}", "local-rules", "x" * 100_000)
            backend.create_agent(large, marks())
            fitted.append(large.name)
    assert caught.value.status == 507 and "disk is full" in caught.value.message
    assert sorted(names(backend)) == sorted(["tested", *fitted])

    seam.emulator.fill_disk(False)
    backend.create_agent(large, marks())
    assert pace.paused_s == []
    assert sorted(names(backend)) == sorted(["tested", *fitted, large.name])
