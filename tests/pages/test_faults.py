"""The Fault desk: each scenario, switched on by the page, changes what an asked question meets, and ends."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

import runtime
from commands.stack import Control
from emulator.steering import Steering
from services.access import Principal
from services.errors import AccessDenied
from services.faults.desk import FaultDesk, ScenarioState
from services.faults.scenarios import SCENARIOS, Scenario, find
from services.models import Answer
from tests.pages.conftest import ROOT, RUN_TIMEOUT_S, SHELL, words
from tests.waiting import wait_for
from ui.fault_actions import key

IN, OUT = "azure-function-calculate-input", "azure-function-calculate-output"
QUESTION, VALUE = "What is (12.5 + 7) * 3?", "58.5"
REPLY = f"/devstoreaccount1/{OUT}/messages"
VIEWER = Principal("u1", "Ann", frozenset({"viewer"}))


def desk() -> FaultDesk:
    found = runtime.current().services.faults
    assert found is not None
    return found


@pytest.fixture(autouse=True)
def tidy(control: Control) -> Iterator[None]:
    """The team is there and warm; afterwards nothing is on, no answer is open, and no message is left."""
    services = runtime.current().services
    assert runtime.current().wait_warm()
    services.queues.ensure([IN, OUT, f"{IN}-poison"])
    yield
    desk().clear()
    for answer in services.answers.open_answers():
        services.answers.cancel(answer.id)
    for queue in (IN, OUT, f"{IN}-poison"):
        runtime.current()._clients.queues.get_queue_client(queue).clear_messages()
    wait_for(lambda: not services.answers.open_answers())


def opened(page: str = "faults.py") -> AppTest:
    at = AppTest.from_file(str(SHELL), default_timeout=RUN_TIMEOUT_S)
    at.switch_page(str(ROOT / "pages" / page))
    at.run()
    assert not at.exception
    return at


def press(at: AppTest, name: str) -> AppTest:
    at.button(key=name).click().run()
    assert not at.exception
    return at


def scenario(name: str) -> Scenario:
    found = find(name)
    assert found is not None
    return found


def switched_on(name: str, dial: float | None = None) -> AppTest:
    """Return the page with *name* switched on by its buttons."""
    at = opened()
    if dial is not None:
        at.segmented_control(key=key(scenario(name), "dial")).set_value(dial)
    press(at, key(scenario(name), "on"))
    assert state_of(name).is_on
    return at


def switch_off(at: AppTest, name: str) -> None:
    press(at, key(scenario(name), "off"))
    assert not state_of(name).is_on


def state_of(name: str) -> ScenarioState:
    return next(one for one in desk().look() if one.scenario.name == name)


def met(name: str) -> int:
    return state_of(name).met_count


def ask() -> Answer:
    return runtime.current().services.answers.ask(QUESTION)


def settled(answer: Answer) -> Answer:
    answers = runtime.current().services.answers
    for _ in answers.events(answer.id):
        pass
    found = answers.get(answer.id)
    assert found is not None
    return found


def now(answer: Answer) -> Answer:
    found = runtime.current().services.answers.get(answer.id)
    assert found is not None
    return found


def assert_answered(answer: Answer) -> None:
    assert answer.state == "answered", answer.problem
    assert VALUE in answer.text


def waiting_in(queue: str) -> int:
    return runtime.current().services.queues.depth_of(queue).messages


# What a question meets ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cold start", "function down"])
def test_a_host_that_sleeps_leaves_the_call_in_its_queue(name: str) -> None:
    at = switched_on(name, 45 if name == "cold start" else None)
    answer = ask()
    wait_for(lambda: met(name) > 2)
    assert now(answer).is_open
    assert [message.dequeue_count for message in runtime.current().services.queues.peek(IN)] == [0]

    switch_off(at, name)
    assert_answered(settled(answer))


def test_a_cold_host_wakes_by_itself(control: Control) -> None:
    switched_on("cold start", 5)
    started_s = time.monotonic()
    answer = settled(ask())
    assert_answered(answer)
    assert time.monotonic() - started_s >= 5
    assert answer.parts and (answer.parts.queue_wait_s or 0) > 4


def test_a_burst_comes_before_the_question_and_leaves_nothing(control: Control) -> None:
    before = control.last_request()
    switched_on("burst", 50)
    assert_answered(settled(ask()))

    replies = [
        one
        for one in control.requests(before)
        if one["operation"] == "queues.put_message" and one["path"] == REPLY
    ]
    assert len(replies) > 30, "the host has worked through those before it"
    assert met("burst") == 1
    wait_for(lambda: waiting_in(OUT) == waiting_in(IN) == 0)


def test_a_poisoned_call_is_delivered_and_never_answered() -> None:
    at = switched_on("poison")
    answer = ask()
    wait_for(lambda: met("poison") == 1)
    wait_for(lambda: waiting_in(IN) == 1)
    assert now(answer).is_open

    switch_off(at, "poison")
    told = words(at).replace("\\", "")
    assert "leaves a message in a poison queue" in told and "damaged calls: **1**" in told
    assert_answered(settled(ask()))


def test_a_lost_output_leaves_the_run_waiting() -> None:
    at = switched_on("lost output")
    answer = ask()
    wait_for(lambda: met("lost output") == 1)
    wait_for(lambda: waiting_in(IN) == 0)
    assert waiting_in(OUT) == 0 and now(answer).is_open

    switch_off(at, "lost output")
    assert_answered(settled(ask()))


def test_a_throttled_model_fails_the_question_in_words() -> None:
    at = switched_on("throttled model", 1.0)
    refused = settled(ask())
    assert refused.problem and refused.problem.code == "throttled"
    assert "Try again in 20 seconds" in refused.problem.detail

    switch_off(at, "throttled model")
    assert_answered(settled(ask()))


def test_a_call_delivered_twice_has_one_answer(control: Control) -> None:
    before = control.last_request()
    switched_on("duplicate delivery")
    assert_answered(settled(ask()))

    assert met("duplicate delivery") == 1
    wait_for(lambda: len([one for one in control.requests(before) if one["path"] == REPLY]) == 2)
    wait_for(lambda: waiting_in(OUT) == waiting_in(IN) == 0)


def test_a_slow_network_makes_the_answer_slow(control: Control) -> None:
    before = control.last_request()
    switched_on("slow network", 0.2)
    assert_answered(settled(ask()))

    made = [one for one in control.requests(before) if one["operation"] == "foundry.create_run"]
    assert made and all(float(str(one["took_ms"])) >= 200 for one in made)
    assert met("slow network") > 3


def test_while_ingestion_is_down_answers_go_on_and_telemetry_comes_later(control: Control) -> None:
    at = switched_on("ingestion down")
    assert_answered(settled(ask()))
    wait_for(lambda: met("ingestion down") > 0)
    before = control.last_request()

    switch_off(at, "ingestion down")
    wait_for(
        lambda: any(
            one["operation"] == "monitor.track" and one["status"] == 200 for one in control.requests(before)
        ),
        timeout_s=20,
    )


def test_a_new_conversation_is_missing_from_lists_that_lag() -> None:
    backend = runtime.current().services.backend
    at = switched_on("lists lag", 60)
    answer = settled(ask())
    assert_answered(answer)
    assert answer.thread_id not in {thread.id for thread in backend.list_threads(100)}

    switch_off(at, "lists lag")
    assert answer.thread_id in {thread.id for thread in backend.list_threads(100)}


# The page, its frame, and who may ------------------------------------------------------------------------


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
    for act in (lambda: desk().switch_on("poison"), lambda: desk().switch_off("poison"), desk().clear):
        with pytest.raises(AccessDenied):
            act()
    assert not any(one.is_on for one in desk().look())


def test_a_local_azure_that_is_away_is_said(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    running = runtime.current()
    nowhere = Steering(replace(control.azure.connection, url="https://127.0.0.1:9"))
    gone = FaultDesk(nowhere, running.services.actions)
    monkeypatch.setattr(running, "services", replace(running.services, faults=gone))

    assert "Local Azure does not answer" in words(opened()).replace("\\", "")
