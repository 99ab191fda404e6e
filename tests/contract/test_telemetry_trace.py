"""One question through the real local path: dashboard, agents, queue, function app. One trace comes out."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import runtime
from emulator.supervisor import LocalOptions, attach_or_start
from services.models import Answer
from services.telemetry.context import trace_of
from tests.ingestion import Ingestion, open_ingestion, properties

QUESTION = "What is (12.5 + 7) * 3?"


@contextmanager
def asked(folder: Path, **settings: str) -> Iterator[tuple[Answer, Ingestion]]:
    """Yield the answer to QUESTION and what was told of it, once everything has ended."""
    with open_ingestion() as ingestion:
        given = {"APPLICATIONINSIGHTS_CONNECTION_STRING": ingestion.connection_string}
        azure = attach_or_start(LocalOptions(folder / "state", functions_environment=given))
        try:
            started = runtime.start(
                {"RELAYDECK_STATE_DIR": str(folder / "state"), **given, **settings}, warm=False
            )
            try:
                answers = started.services.answers
                answer = answers.finish(answers.ask(QUESTION).id, 30)
            finally:
                started.close()
        finally:
            azure.stop()
        yield answer, ingestion


def test_the_function_continues_the_trace_of_the_answer(tmp_path: Path) -> None:
    """The exact link of a trace: context went through two agents and a queue and came back in the function's request.

    warm=False, as the terminal has it: the trace is told at the end of a process that lived for one answer.
    """
    with asked(tmp_path) as (answer, ingestion):
        trace = trace_of(answer.id)
        (handled,) = ingestion.of("RequestData", "calculate")
        (call,) = ingestion.of("RemoteDependencyData", "execute_tool calculate")
        (told,) = ingestion.of("RequestData", "answer")

        assert answer.state == "answered" and "58.5" in answer.text
        assert handled["tags"]["ai.operation.id"] == told["tags"]["ai.operation.id"] == trace.trace_id
        assert handled["tags"]["ai.operation.parentId"] == trace.span_id
        assert handled["tags"]["ai.cloud.role"] == "relaydeck-functions"
        found = properties(handled)
        assert found["relaydeck.argument_hash"] == properties(call)["relaydeck.argument_hash"]
        assert found["messaging.destination.name"] == "azure-function-calculate-input"
        assert found["relaydeck.dequeue_count"] == "1" and found["relaydeck.outcome"] == "answered"
        assert {"relaydeck.inserted_at", "relaydeck.queue_wait_ms", "messaging.message.id"} <= found.keys()
        assert {"relaydeck.correlation_id", "relaydeck.invocation.id"} <= found.keys()
        assert handled["data"]["baseData"]["responseCode"] == "answered"
        seen = [answer.text, *(text for step in answer.steps for text in (step.arguments, step.output))]
        assert not any("traceparent" in text for text in seen)


@pytest.mark.parametrize("setting", ["false"])
def test_without_the_context_everything_still_works_and_the_hash_joins(tmp_path: Path, setting: str) -> None:
    """A model may forget to copy it; then it is as if it were switched off."""
    with asked(tmp_path, RELAYDECK_TRACE_CONTEXT=setting) as (answer, ingestion):
        (handled,) = ingestion.of("RequestData", "calculate")
        (call,) = ingestion.of("RemoteDependencyData", "execute_tool calculate")

        assert answer.state == "answered" and "58.5" in answer.text
        assert handled["tags"]["ai.operation.id"] != trace_of(answer.id).trace_id
        assert properties(handled)["relaydeck.argument_hash"] == properties(call)["relaydeck.argument_hash"]
