"""The Fault desk's page, the bar on every other page, and who may switch."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

import runtime
from commands.stack import Control
from emulator.steering import Steering
from services.access import Principal
from services.errors import AccessDenied
from services.faults.desk import FaultDesk
from services.faults.scenarios import SCENARIOS
from tests.pages.conftest import words
from tests.pages.faults_support import desk, nothing_staged, opened, press, state_of
from tests.waiting import wait_for
from ui.fault_actions import key

VIEWER = Principal("u1", "Ann", frozenset({"viewer"}))


@pytest.fixture(autouse=True)
def tidy(control: Control) -> Iterator[None]:
    with nothing_staged():
        yield


def test_every_scenario_is_on_the_page_with_what_to_watch() -> None:
    told = words(opened())
    for one in SCENARIOS:
        assert f"**{one.title}**" in told and one.does in told
        assert len(one.watch) > 1


def test_a_scenario_ends_by_itself_and_what_it_did_stays_known() -> None:
    desk().switch_on("lists lag", lasts_s=1)
    runtime.current().services.backend.create_thread({"relaydeck": "pooled", "environment": "local"})
    runtime.current().services.backend.list_threads(10)
    wait_for(lambda: not state_of("lists lag").is_on)

    assert "When it was on last, incomplete lists: **" in words(opened()).replace("\\", "")


@pytest.mark.parametrize("page", ["queues.py", "ask.py", "faults.py"])
def test_every_page_says_what_is_staged_and_can_end_it(page: str) -> None:
    desk().switch_on("lists lag")
    desk().switch_on("slow network", 0.2)
    at = opened(page)
    told = words(at)
    assert "Staged trouble" in told and "**Slow network**, **Lists lag** · over in" in told

    press(at, "fault-bar-end")
    assert not any(one.is_on for one in desk().look())
    assert "Staged trouble" not in words(at)


def test_a_paused_page_says_until_when_since_a_countdown_would_stand_still() -> None:
    desk().switch_on("lists lag")
    at = opened("queues.py", refresh="off")
    assert "**Lists lag** · until " in words(at)


def test_without_a_scenario_there_is_no_bar() -> None:
    assert "Staged trouble" not in words(opened("queues.py"))


def test_what_is_on_is_what_local_azure_says(control: Control) -> None:
    """Another process has switched it on; this one has just begun, and knows nothing."""
    other = FaultDesk(Steering(control.azure.connection), runtime.current().services.actions)
    other.switch_on("slow network", 3, 300)
    told = words(opened()).replace("\\", "")
    assert "On · 3 s · " in told


def test_a_rerun_asks_no_service_anything(control: Control) -> None:
    at = opened()
    wait_for(lambda: not runtime.current().services.answers.open_answers())
    before = control.last_request()
    at.run()
    asked = {str(one["operation"]) for one in control.requests(before)}
    assert {
        name for name in asked if name.startswith("foundry.create") or name == "queues.list_queues"
    } == set()


def test_in_azure_the_desk_is_locked_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    running = runtime.current()
    monkeypatch.setattr(running, "services", replace(running.services, faults=None))
    at = opened()

    assert "connected to Azure" in at.info[0].value
    assert all(at.button(key=key(one, "on")).disabled for one in SCENARIOS)
    assert "Staged trouble" not in words(at)


def test_who_lacks_the_role_may_look_and_not_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The button is locked; and the service refuses, whatever the page does."""
    access = runtime.current().services.access
    monkeypatch.setattr(access, "who", lambda: VIEWER)
    at = opened()
    assert "takes the role Operator, which Ann does not have" in at.info[0].value.replace("\\", "")
    assert all(at.button(key=key(one, "on")).disabled for one in SCENARIOS)
    with pytest.raises(AccessDenied):
        desk().switch_on("poison")
    with pytest.raises(AccessDenied):
        desk().switch_off("poison")
    with pytest.raises(AccessDenied):
        desk().clear()
    assert not any(one.is_on for one in desk().look())


def test_a_local_azure_that_is_away_is_said(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    running = runtime.current()
    nowhere = Steering(replace(control.azure.connection, url="https://127.0.0.1:9"))
    gone = FaultDesk(nowhere, running.services.actions)
    monkeypatch.setattr(running, "services", replace(running.services, faults=gone))

    assert "Local Azure does not answer" in words(opened()).replace("\\", "")
