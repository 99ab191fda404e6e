"""Traces through the real SDKs: Local Azure, its monitor, its Functions host; runs that this process never followed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import runtime
from commands.stack import Control
from emulator.supervisor import LocalAzure, LocalOptions, attach_or_start
from services.assembly import Services
from services.errors import AccessDenied, NotFound
from services.models import Answer
from services.monitor.shapes import Trace
from tests.waiting import wait_for

QUESTION = "What is (12.5 + 7) * 3?"
WITHIN_S = 30.0


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalAzure, Path]]:
    folder = tmp_path_factory.mktemp("traces")
    found = attach_or_start(LocalOptions(folder))
    yield found, folder
    found.stop()


@contextmanager
def relaydeck(folder: Path, **settings: str) -> Iterator[Services]:
    """Yield the services of a process that has just started and remembers nothing."""
    started = runtime.start({"RELAYDECK_STATE_DIR": str(folder), **settings}, warm=False)
    try:
        yield started.services
    finally:
        started.close()


def asked_by_another(folder: Path) -> Answer:
    """Return an answer of a program that tells no telemetry and hands no trace context on, as others do not."""
    other = {"RELAYDECK_TELEMETRY": "off", "RELAYDECK_TRACE_CONTEXT": "false"}
    with relaydeck(folder, **other) as services:
        return services.answers.finish(services.answers.ask(QUESTION).id, WITHIN_S)


def test_a_run_of_another_program_is_stitched_from_its_steps_and_the_functions_telemetry(
    azure: tuple[LocalAzure, Path],
) -> None:
    """Nobody watched its queues and no span of it exists: the function app's own telemetry still parts wait and work."""
    answer = asked_by_another(azure[1])
    with relaydeck(azure[1]) as services:

        def joined() -> Trace | None:
            trace = services.traces.read(answer.run_id, answer.thread_id)
            return trace if any(one.invocations for one in trace.passages) else None

        trace = wait_for(joined, timeout_s=WITHIN_S, every_s=0.5)

    (function,) = [bar for bar in trace.bars if bar.kind == "function"]
    assert trace.state == "answered" and trace.rows == ()
    assert function.certainty == "strong" and "same arguments" in function.evidence
    assert trace.passages[0].message_id and trace.passages[0].dequeue_count == 1
    assert [hop.state for hop in trace.passages[0].hops][:4] == ["done"] * 4
    assert "did not follow this run" in " ".join(trace.notes)


def test_a_run_that_does_not_exist_is_said_not_to(azure: tuple[LocalAzure, Path]) -> None:
    with relaydeck(azure[1]) as services, pytest.raises(NotFound, match="run_nobody"):
        services.traces.read("run_nobody")


def test_a_workspace_that_refuses_is_not_a_run_that_does_not_exist(azure: tuple[LocalAzure, Path]) -> None:
    control = Control(azure[0])
    control.fail(operation="monitor.query_batch", status=403, code="InsufficientAccessError")
    with relaydeck(azure[1]) as services, pytest.raises(AccessDenied):
        services.traces.read("run_nobody")
    assert control.pending_faults() == []
