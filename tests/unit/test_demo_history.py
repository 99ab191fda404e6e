"""The day that is made up: believable, repeatable, and marked as made up to its last row."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median

import pytest

from services.agents.catalogue import CATALOGUE
from services.demo.history import Chapter, Setting, history
from services.demo.story import Execution
from services.telemetry.context import trace_of
from services.telemetry.records import EventRecord, MetricRecord, Record, SpanRecord
from services.telemetry.spans import argument_hash
from tools.telemetry import argument_hash as hash_of_the_function

HOURS = pytest.mark.parametrize("hour", [3, 9, 14, 22])
BURST_AGE_MIN = 52


def day(hour: int = 14, seed: int = 20) -> list[Chapter]:
    return history(Setting(now(hour), "local", "gpt-4o", CATALOGUE), seed)


def now(hour: int = 14) -> datetime:
    return datetime(2026, 11, 22, hour, 40, tzinfo=UTC)


def records(chapters: list[Chapter]) -> list[Record]:
    return [one for chapter in chapters for one in chapter.records]


def executions(chapters: list[Chapter]) -> list[Execution]:
    return [one for chapter in chapters for one in chapter.executions]


def answers(chapters: list[Chapter]) -> list[SpanRecord]:
    found = [one for one in records(chapters) if isinstance(one, SpanRecord) and one.name == "answer"]
    return sorted(found, key=lambda one: one.start_ns)


def age_min(at_ns: int, hour: int = 14) -> float:
    return (now(hour).timestamp() - at_ns / 1e9) / 60


def wait_ms(answer: SpanRecord) -> float | None:
    found = answer.attributes.get("relaydeck.queue_wait_ms")
    return None if found is None else float(found)


def test_every_record_says_that_it_is_made_up() -> None:
    """A row without the mark would be taken for something that happened."""
    told = records(day())

    assert {type(one) for one in told} == {SpanRecord, EventRecord, MetricRecord}
    assert all(one.attributes["relaydeck.demo"] == "true" for one in told)


def test_the_same_seed_and_moment_give_the_same_day() -> None:
    """A demonstration can be rehearsed."""
    assert day() == day()
    assert day() != day(seed=21)


@HOURS
def test_it_lies_in_the_last_day_and_ends_before_now(hour: int) -> None:
    """The ingestion endpoint refuses what is older than two days; nothing can come from the future."""
    chapters = day(hour)
    ends_ns = [one.end_ns for one in records(chapters) if isinstance(one, SpanRecord)]
    ends_ns += [one.ended_ns for one in executions(chapters)]

    assert min(chapter.at for chapter in chapters) >= now(hour) - timedelta(hours=24)
    assert max(ends_ns) <= now(hour).timestamp() * 1e9
    assert all(one.at >= two.at for one, two in pairwise(chapters)), "the newest comes first"


@HOURS
def test_there_is_enough_to_see_in_every_range_whenever_one_looks(hour: int) -> None:
    """Also at three in the morning: the last hour is what a page shows first."""
    ages = [age_min(one.start_ns, hour) for one in answers(day(hour))]

    assert 250 <= len(ages) <= 700
    assert sum(age <= 60 for age in ages) >= 40
    assert sum(age <= 15 for age in ages) >= 2


def test_the_day_has_its_rhythm() -> None:
    """Flat lines would not be believed: noon is busy, night is quiet."""
    by_hour = [0] * 24
    for one in answers(day(hour=22)):
        by_hour[datetime.fromtimestamp(one.start_ns / 1e9, UTC).hour] += 1

    assert sum(by_hour[9:17]) > 8 * sum(by_hour[0:6])


@HOURS
def test_a_burst_makes_the_queue_wait_grow(hour: int) -> None:
    """The picture that the product is about: waiting apart from working."""
    chapters = day(hour)
    burst = [
        wait
        for one in answers(chapters)
        if BURST_AGE_MIN - 1 < age_min(one.start_ns, hour) <= BURST_AGE_MIN and (wait := wait_ms(one))
    ]
    depths = [one.value for one in records(chapters) if isinstance(one, MetricRecord) and "depth" in one.name]

    third = len(burst) // 3
    early, late = median(burst[:third]), median(burst[-third:])
    assert late > 3 * early > 0
    assert late > 10_000
    assert max(depths) >= 5


@HOURS
def test_a_function_app_that_slept_starts_cold(hour: int) -> None:
    """A long wait of a single message, after a long silence."""
    told = sorted(executions(day(hour)), key=lambda one: one.inserted_at)
    cold = [
        later
        for earlier, later in pairwise(told)
        if later.inserted_at - earlier.inserted_at > timedelta(minutes=40)
        and later.began_ns / 1e9 - later.inserted_at.timestamp() > 4
    ]

    assert cold


@HOURS
def test_what_can_go_wrong_has_gone_wrong(hour: int) -> None:
    """Function errors, a poisoned message, a reply that never came, a model at its limit, a stop."""
    chapters = day(hour)
    problems = {one.attributes["relaydeck.problem"] for one in answers(chapters)}
    outcomes = {one.attributes["relaydeck.outcome"] for one in answers(chapters)}
    handled = {one.outcome for one in executions(chapters)}
    poison = [
        one.value
        for one in records(chapters)
        if isinstance(one, MetricRecord) and one.attributes.get("queue", "").endswith("-poison")
    ]

    assert {
        "The model is at its limit",
        "The answer took too long",
        "The function's reply never arrived",
    } < problems
    assert outcomes == {"answered", "failed", "cancelled", "expired"}
    assert handled == {"answered", "error", "failed"}
    assert max(one.delivery for one in executions(chapters)) == 3
    assert poison and max(poison) >= 1


def test_executions_and_answers_name_the_same_calls() -> None:
    """Trace, arguments and correlation id are what the stitching goes by."""
    chapters = day()
    traces = {one.trace_id for one in answers(chapters)}
    hashes = {
        one.attributes["relaydeck.argument_hash"]
        for one in records(chapters)
        if isinstance(one, SpanRecord) and one.name.startswith("execute_tool")
    }
    read = [one for one in executions(chapters) if one.arguments is not None]

    assert {one.traceparent.split("-")[1] for one in read} <= traces
    assert {hash_of_the_function(one.arguments or {}) for one in read} <= hashes
    assert all(argument_hash(json.dumps(one.arguments)) in hashes for one in read)
    assert any(one.arguments is None and not one.traceparent for one in executions(chapters)), "the poison"
    named = answers(chapters)[0].attributes
    assert trace_of(named["relaydeck.answer.id"]).trace_id in traces
    assert named["relaydeck.run.id"].startswith("run_Demo")


def test_what_nobody_could_measure_is_left_out() -> None:
    """An answer that was given up has no queue wait of zero."""
    given_up = [
        one
        for one in answers(day())
        if one.attributes["relaydeck.problem"]
        in ("The answer took too long", "The function's reply never arrived")
    ]

    assert given_up and all(wait_ms(one) is None for one in given_up)
    assert all("gen_ai.usage.input_tokens" not in one.attributes for one in given_up)
