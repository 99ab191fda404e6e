"""The ingestion endpoint is down, busy or silent while people ask: answers go on, and what could be told is told later."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import runtime
from services.clients import Endpoints, LocalCredential
from services.settings_source import load_settings
from services.telemetry import outbox
from tests.contract.agents_support import Lab
from tests.contract.answers_support import Desk, make_queues, plays_talk
from tests.ingestion import Ingestion, open_ingestion

QUESTIONS = 4


@contextmanager
def telling_desk(lab: Lab, connection_string: str) -> Iterator[Desk]:
    """Yield a whole Relaydeck on the Local Azure of *lab* that tells *connection_string* of its answers.

    It grants an endpoint that asks for a pause a short one.
    """
    given = {
        "APPLICATIONINSIGHTS_CONNECTION_STRING": connection_string,
        "RELAYDECK_RETRY_AFTER_MAX_S": "0.2",
    }
    chosen = load_settings(given).at(
        project_endpoint=lab.emulator.project_endpoint,
        storage_endpoint=lab.emulator.storage_endpoint,
        model=lab.emulator.settings.model_deployment,
    )
    endpoints = Endpoints(
        chosen.project_endpoint,
        chosen.storage_endpoint,
        LocalCredential(lab.emulator.token),
        str(lab.emulator.ca_file),
    )
    running = runtime.build(chosen, endpoints, now=lab.emulator.clock.now, tell=True)
    try:
        desk = Desk(running)
        make_queues(desk)
        plays_talk(lab, "Hello.")
        running.services.telemetry.start()
        assert running.services.telemetry.wait_ready(60)
        yield desk
    finally:
        running.close()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same repeats, closer together."""
    monkeypatch.setattr(outbox, "LAST_RETRY_S", 0.1)


def told(ingestion: Ingestion) -> set[str]:
    return {
        one["data"]["baseData"]["properties"]["relaydeck.answer.id"]
        for one in ingestion.of("RequestData", "answer")
    }


@pytest.mark.parametrize("manner", ["fail", "busy"])
def test_answers_go_on_while_nothing_is_taken_and_all_of_it_is_told_later(lab: Lab, manner: str) -> None:
    """Also with a Retry-After of two minutes, of which the endpoint gets no more than the setting grants."""
    with open_ingestion() as ingestion, telling_desk(lab, ingestion.connection_string) as desk:
        telemetry = desk.running.services.telemetry
        ingestion.manner = manner  # type: ignore[assignment]  # both are manners
        answers = [desk.ask(f"Hello {number}?") for number in range(QUESTIONS)]
        ingestion.until(lambda: len(ingestion.requests) >= 2)

        assert all(one.state == "answered" and (one.took_s or 99) < 10 for one in answers)
        assert told(ingestion) == set()
        counts = telemetry.health().counts
        assert counts.waiting > 0 and counts.reason and (counts.dropped, counts.failed) == (0, 0)
        ingestion.manner = "accept"
        assert telemetry.flush(20)

        assert told(ingestion) == {one.id for one in answers}
        assert telemetry.health().verdict()[0] == "ok"


def test_a_partly_accepted_batch_costs_only_what_was_refused_and_says_so(lab: Lab) -> None:
    with open_ingestion() as ingestion, telling_desk(lab, ingestion.connection_string) as desk:
        ingestion.manner = "half"
        answer = desk.ask("Hello?")
        telemetry = desk.running.services.telemetry
        assert telemetry.flush(20)

        state, words = telemetry.health().verdict()
        assert answer.state == "answered"
        assert state == "degraded" and "were lost" in words and telemetry.health().counts.sent > 0


def test_a_silent_endpoint_delays_no_answer_and_the_end_by_seconds_only(lab: Lab) -> None:
    """What is lost at the end is counted, not swallowed."""
    with open_ingestion() as ingestion:
        with telling_desk(lab, ingestion.connection_string) as desk:
            ingestion.manner = "hang"
            answers = [desk.ask(f"Hello {number}?") for number in range(QUESTIONS)]
            telemetry = desk.running.services.telemetry
            ending_s = time.monotonic()
        took_s = time.monotonic() - ending_s

        assert all(one.state == "answered" and (one.took_s or 99) < 10 for one in answers)
        assert took_s < 15 and telemetry.health().counts.dropped > 0


def test_nothing_is_lost_at_the_end_when_the_endpoint_is_well(lab: Lab) -> None:
    """The process of a terminal command lives for one answer."""
    with open_ingestion() as ingestion:
        with telling_desk(lab, ingestion.connection_string) as desk:
            answers = [desk.ask(f"Hello {number}?") for number in range(QUESTIONS)]

        assert told(ingestion) == {one.id for one in answers}
        assert len(ingestion.of("EventData", "")) >= 4 * QUESTIONS


def test_an_address_where_nobody_listens_changes_nothing_but_the_list_of_parts(lab: Lab) -> None:
    with open_ingestion() as gone:
        nowhere = gone.connection_string
    with telling_desk(lab, nowhere) as desk:
        answer = desk.ask("Hello?")
        telemetry = desk.running.services.telemetry
        due_s = time.monotonic() + 20
        while not telemetry.health().counts.reason and time.monotonic() < due_s:
            time.sleep(0.02)

        assert answer.state == "answered"
        assert "cannot be reached" in telemetry.health().counts.reason
        assert telemetry.health().counts.waiting > 0
