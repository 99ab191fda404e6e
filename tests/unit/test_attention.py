"""What Overview says needs somebody: which, how grave, since when, and where to look."""

from datetime import UTC, datetime, timedelta

import pytest

from services.models import Answer, HealthState, OpenRun, QueueDepth, Step
from services.monitor.attention import (
    MOST,
    UNNAMED,
    Concern,
    concerns_of_failures,
    concerns_of_open,
    concerns_of_queues,
    concerns_of_runs,
    concerns_of_telemetry,
    concerns_of_times,
    ordered,
)
from services.monitor.overview import Figures
from services.monitor.results import Row

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SLO_S, STUCK_S = 10.0, 60.0


def failure(count: int, title: str = "Silent", outcome: str = "failed", run: str = "run_1") -> Row:
    return {
        "problem_title": title,
        "outcome": outcome,
        "answers": count,
        "oldest": NOW - timedelta(minutes=30),
        "newest": NOW - timedelta(minutes=1),
        "run_id": run,
        "thread_id": "thread_1" if run else "",
    }


def asked(age_s: float, state: str = "working", run: str = "run_1") -> Answer:
    step = Step("function:c", None, "function", "get_foo", "active", 1.0)
    return Answer(
        f"ans_{age_s}",
        "why?",
        state,  # type: ignore[arg-type]  # a state by name
        thread_id="thread_1",
        run_id=run,
        asked_at=NOW - timedelta(seconds=age_s),
        steps=(step,) if run else (),
    )


@pytest.mark.parametrize(
    ("depth", "severity"),
    [
        (QueueDepth("q", 3, 2.0, "flowing"), None),
        (QueueDepth("q", 3, None, "flowing"), None),
        (QueueDepth("q", 3, 11.0, "flowing"), "slow"),
        (QueueDepth("q", 3, 700.0, "stalled"), "broken"),
        (QueueDepth("q-poison", 2, None, "poison"), "broken"),
    ],
)
def test_a_queue_needs_somebody_when_it_is_late_stalled_or_poisoned(
    depth: QueueDepth, severity: str | None
) -> None:
    found = concerns_of_queues([depth], NOW, SLO_S)

    assert [one.severity for one in found] == ([severity] if severity else [])
    if found:
        age_s = depth.oldest_age_s
        assert found[0].since == (NOW - timedelta(seconds=age_s) if age_s else None)
        where = "poison" if depth.state == "poison" else "queue"
        assert (found[0].place, found[0].target) == ("queues", {where: depth.name})


def test_open_answers_are_late_and_then_stuck_and_one_line_stands_for_all_alike() -> None:
    answers = [asked(5), asked(20), asked(30), asked(90), asked(200, "answered")]
    stuck, late = concerns_of_open(answers, NOW, SLO_S, STUCK_S)

    assert (stuck.severity, late.severity, late.weight) == ("broken", "slow", 2)
    assert stuck.what == "1 open answer is stuck"
    assert "1 min 30 s, at get_foo" in stuck.evidence
    assert late.what == "2 open answers are late"
    assert late.target == {"run": "run_1", "thread": "thread_1"}
    assert (stuck.place, stuck.target) == ("diagnosis", {**late.target, "diagnose": "yes"})


def test_a_question_in_line_has_no_run_to_look_at() -> None:
    (found,) = concerns_of_open([asked(20, "queued", run="")], NOW, SLO_S, STUCK_S)

    assert (found.place, dict(found.target)) == ("", {})
    assert "waiting for its turn" in found.evidence


def test_a_question_that_is_stuck_in_line_leads_to_what_its_conversation_waits_for() -> None:
    (found,) = concerns_of_open([asked(90, "queued", run="")], NOW, SLO_S, STUCK_S)
    assert (found.place, found.target) == ("diagnosis", {"thread": "thread_1", "diagnose": "yes"})


def test_stuck_runs_of_other_programs_are_told_once_and_lead_to_their_diagnosis() -> None:
    """What an answer of this process is at work on is told as that answer."""
    runs = [
        OpenRun(run, "thread_9", NOW - timedelta(seconds=age_s))
        for run, age_s in (("run_1", 500), ("run_2", 90), ("run_3", 300), ("run_4", 20))
    ]
    unknown = OpenRun("run_5", "thread_9", None)
    (found,) = concerns_of_runs([*runs, unknown], [asked(500)], NOW, STUCK_S)

    assert (found.what, found.weight) == ("2 runs of other programs are stuck", 2)
    assert (found.place, found.target["run"]) == ("diagnosis", "run_3")
    assert concerns_of_runs([runs[0]], [asked(500)], NOW, STUCK_S) == []


def test_a_problem_is_told_with_its_share_and_its_newest_run() -> None:
    (found,) = concerns_of_failures([failure(3)], Figures(answers=100))

    assert (found.severity, found.what, found.evidence) == (
        "failing",
        "Silent",
        "3 of 100 answers failed this way.",
    )
    assert (found.since, found.target["run"]) == (NOW - timedelta(minutes=30), "run_1")


@pytest.mark.parametrize(
    ("count", "answers", "severity"), [(6, 100, "broken"), (5, 100, "failing"), (1, 2, "failing")]
)
def test_what_costs_more_than_the_target_allows_is_grave_once_there_are_enough_answers(
    count: int, answers: int, severity: str
) -> None:
    """One of two is no statistic."""
    assert concerns_of_failures([failure(count)], Figures(answers=answers))[0].severity == severity


def test_a_problem_without_a_title_or_a_run_is_still_told() -> None:
    """The total may be unknown too: then no share is made up."""
    (found,) = concerns_of_failures([failure(2, title="", outcome="expired", run="")], Figures())

    assert (found.what, found.evidence, found.place) == (UNNAMED, "2 expired this way.", "")


@pytest.mark.parametrize(("p95_s", "count"), [(None, 0), (10.0, 0), (10.1, 1)])
def test_answers_are_slow_beyond_the_objective_only(p95_s: float | None, count: int) -> None:
    figures = Figures(answers=3, p95_s=p95_s, slowest_s=30.0, slowest_run="run_9")
    found = concerns_of_times(figures, SLO_S)

    assert len(found) == count
    if found:
        assert found[0].target["run"] == "run_9"
        assert "30.0 s" in found[0].evidence


@pytest.mark.parametrize(("state", "count"), [("ok", 0), ("unknown", 0), ("degraded", 1), ("down", 1)])
def test_telemetry_that_does_not_arrive_is_told_beside_figures_made_from_it(
    state: HealthState, count: int
) -> None:
    assert len(concerns_of_telemetry(state, "Nothing accepted.")) == count


def test_the_gravest_come_first_and_never_more_than_ten() -> None:
    found = [Concern("slow", "s", "", weight=99), Concern("failing", "f", "", weight=5)]
    found += [Concern("broken", f"b{number}", "", weight=number) for number in range(MOST + 2)]
    listed = ordered(found)

    assert len(listed) == MOST
    assert [one.what for one in listed[:2]] == [f"b{MOST + 1}", f"b{MOST}"]
    assert [one.what for one in ordered(found[:2])] == ["f", "s"]
