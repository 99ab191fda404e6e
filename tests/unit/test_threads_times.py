"""Time in each state of a run, as far as whole seconds and steps tell."""

from datetime import UTC, datetime, timedelta

from services.agents.backend import Run, RunStep
from services.inventory.threads_times import StretchKind, seconds_in, stretches

START = datetime(2026, 11, 26, 12, tzinfo=UTC)


def at(seconds: float | None) -> datetime | None:
    return None if seconds is None else START + timedelta(seconds=seconds)


def run(state: str, started: float | None, ended: float | None) -> Run:
    return Run(
        "run_1", "thread_1", "asst_1", state, START, None, {}, started_at=at(started), ended_at=at(ended)
    )


def calls(created: float, completed: float | None) -> RunStep:
    return RunStep("step", "run_1", "completed", "calls", created_at=at(created), completed_at=at(completed))


def told(found: Run, *steps: RunStep) -> list[tuple[str, float, float | None]]:
    return [
        (
            one.kind,
            (one.start - START).total_seconds(),
            None if one.end is None else (one.end - START).total_seconds(),
        )
        for one in stretches(found, steps)
    ]


def test_a_run_is_queued_works_waits_for_tools_and_works_again() -> None:
    assert told(run("completed", 2, 10), calls(4, 7)) == [
        ("queued", 0, 2),
        ("working", 2, 4),
        ("tools", 4, 7),
        ("working", 7, 10),
    ]


def test_the_states_of_a_run_add_up_to_all_of_its_time() -> None:
    found = stretches(run("failed", 1, 30), [calls(3, 9), calls(8, 20)])
    kinds: tuple[StretchKind, ...] = ("queued", "working", "tools")

    assert sum(seconds_in(found, kind, START) or 0.0 for kind in kinds) == 30
    assert seconds_in(found, "tools", START) == 17


def test_a_call_that_is_open_lasts() -> None:
    found = stretches(run("requires_action", 1, None), [calls(3, None)])

    assert found[-1].end is None
    assert seconds_in(found, "tools", START + timedelta(seconds=63)) == 60


def test_a_call_that_never_ended_ends_with_its_run() -> None:
    assert told(run("expired", 1, 600), calls(3, None))[-1] == ("tools", 3, 600)


def test_a_run_that_never_began_was_queued_all_the_time() -> None:
    assert told(run("queued", None, None)) == [("queued", 0, None)]
    assert told(run("cancelled", None, 5)) == [("queued", 0, 5)]


def test_a_run_whose_beginning_is_not_told_is_not_made_up() -> None:
    found = stretches(run("completed", None, 5), [])

    assert [one.kind for one in found] == ["untold"]
    assert seconds_in(found, "working", START) is None


def test_a_run_of_less_than_a_second_is_still_there() -> None:
    assert told(run("completed", 0, 0), calls(0, 0)) == [("working", 0, 0)]


def test_an_end_that_the_service_does_not_tell_is_not_made_up() -> None:
    """Such a run is over: its time must not grow with every look at it."""
    found = stretches(run("completed", 1, None), [])

    assert [(one.kind, one.end) for one in found] == [("untold", None)]
    assert seconds_in(found, "working", START + timedelta(days=1)) is None
