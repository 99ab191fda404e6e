"""The Fault desk: each scenario, switched on by the page, changes what an asked question meets, and ends."""

import time
from collections.abc import Iterator

import pytest

import runtime
from commands.stack import Control
from tests.pages.conftest import words
from tests.pages.faults_support import (
    IN,
    OUT,
    REPLY,
    ask,
    assert_answered,
    desk,
    met,
    nothing_staged,
    now,
    settled,
    switch_off,
    switched_on,
    waiting_in,
)
from tests.waiting import wait_for


@pytest.fixture(autouse=True)
def tidy(control: Control) -> Iterator[None]:
    with nothing_staged():
        yield


def replies_since(control: Control, before: int) -> int:
    """Return how many messages the function has put into its output queue; they are read at the same address."""
    made = [one for one in control.requests(before) if one["operation"] == "queues.put_message"]
    return sum(one["path"] == REPLY for one in made)


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

    assert replies_since(control, before) > 30, "the host has worked through those before it"
    assert met("burst") == 1
    wait_for(lambda: waiting_in(OUT) == waiting_in(IN) == 0)


def test_a_poisoned_call_is_delivered_and_never_answered() -> None:
    at = switched_on("poison")
    answer = ask()
    wait_for(lambda: met("poison") == 1)
    # A quick host has tried it five times within a third of a second, and given it up.
    wait_for(lambda: waiting_in(IN) + waiting_in(f"{IN}-poison") == 1)
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
    wait_for(lambda: replies_since(control, before) == 2)
    wait_for(lambda: waiting_in(OUT) == waiting_in(IN) == 0)


def test_a_slow_network_makes_the_answer_slow(control: Control) -> None:
    before = control.last_request()
    switched_on("slow network", 0.2)
    assert_answered(settled(ask()))

    made = [one for one in control.requests(before) if one["operation"] == "foundry.create_run"]
    assert made and float(str(made[-1]["took_ms"])) >= 195, made  # a timer of 200 ms may end a little early
    assert met("slow network") > 3


def test_two_scenarios_at_once_hide_nothing_of_each_other() -> None:
    """A request that is slow can fail as well."""
    desk().switch_on("slow network", 0.2)
    desk().switch_on("lost output")
    answer = ask()
    wait_for(lambda: met("lost output") == 1)
    assert now(answer).is_open and met("slow network") > 3


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
