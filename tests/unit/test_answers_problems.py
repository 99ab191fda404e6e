"""Every failure in words: title, what happened, what next, where, and whether asking again is safe."""

from datetime import UTC, datetime

import pytest

from services.agents.backend import Run
from services.answers import problems
from services.answers.problems import QueueFacts
from services.errors import (
    AccessDenied,
    ConfigurationError,
    Conflict,
    InvalidInput,
    NotFound,
    ServiceError,
    Throttled,
    Unavailable,
    UnexpectedReply,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def ended(state: str, code: str = "", message: str = "") -> Run:
    return Run("run_1", "thread_1", "asst_1", state, NOON, None, {}, code, message)


@pytest.mark.parametrize(
    ("run", "code", "words"),
    [
        (
            ended("failed", "rate_limit_exceeded", "Rate limit. Try again in 60 seconds."),
            "throttled",
            "1 min 0 s",
        ),
        (ended("failed", "rate_limit_exceeded", "Too many."), "throttled", "Wait a minute"),
        (ended("failed", "server_error", "Sorry, something went wrong."), "model_error", "Ask again"),
        (ended("failed", "content_filter", "The response was filtered"), "filtered", "other words"),
        (
            ended("failed", "tool_user_error", "Invalid tool value(s): azure_function. Use the Enterprise…"),
            "tool_refused",
            "standard agent set-up",
        ),
        (ended("failed", "x", "Assistant Tool Call Depth Error"), "tool_refused", "two levels"),
        (ended("failed", "invalid_prompt", "No."), "filtered", "other words"),
        (ended("failed"), "run_failed", "Ask again"),
        (ended("expired"), "expired", "Ask again"),
        (ended("incomplete", "max_completion_tokens"), "incomplete", "shorter"),
        (ended("cancelled"), "cancelled_elsewhere", "Ask again"),
        (ended("something_new"), "run_failed", "Ask again"),
    ],
    ids=lambda value: value.state + ":" + value.error_code if isinstance(value, Run) else "",
)
def test_every_end_of_a_run_has_words_and_a_next_step(run: Run, code: str, words: str) -> None:
    """Azure says most of these inside HTTP 200; nothing of it may pass for an answer."""
    found = problems.from_run(run)
    assert found is not None
    assert (found.code, found.reference) == (code, "run_1")
    assert words in found.next_step
    assert found.title and found.detail and found.where


def test_a_completed_run_is_no_problem() -> None:
    assert problems.from_run(ended("completed")) is None


@pytest.mark.parametrize(
    ("facts", "advice"),
    [
        (QueueFacts("foo", "in", 3, 0, 0), "function app runs"),
        (QueueFacts("foo", "in", 0, 0, 1), "poison"),
        (QueueFacts("foo", "in", 0, 2, 0), "CorrelationId"),
        (QueueFacts("foo", "in", 0, 0, 0), "function's log"),
    ],
    ids=["nobody-takes", "given-up", "not-read", "taken"],
)
def test_an_expired_run_says_what_its_queues_show(facts: QueueFacts, advice: str) -> None:
    """The documented pain: the run hangs and no tool says at which hop. This sentence does."""
    found = problems.from_run(ended("expired"), [facts])
    assert found is not None
    assert "never arrived" in found.title
    assert advice in found.next_step
    assert facts.words() in found.detail


def test_a_queue_that_could_not_be_read_is_not_shown_as_empty() -> None:
    """Unknown is not zero."""
    assert "could not be read" in QueueFacts("foo", "in", None, None, None).words()
    assert "unknown replies" in QueueFacts("foo", "in", 1, None, 0).words()


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (AccessDenied, "denied"),
        (ConfigurationError, "configuration"),
        (Conflict, "conflict"),
        (InvalidInput, "invalid_question"),
        (NotFound, "not_found"),
        (Throttled, "throttled"),
        (Unavailable, "unavailable"),
        (UnexpectedReply, "unexpected"),
    ],
)
def test_every_service_error_becomes_a_problem(kind: type[ServiceError], code: str) -> None:
    """A page draws problems; an error class without words would be a blank."""
    found = problems.from_service_error(
        kind("It said no.", operation="start run", request_id="req-1"), "ans_1"
    )
    assert (found.code, found.reference, found.detail) == (code, "req-1", "It said no.")
    assert "start run" in found.where and found.next_step


def test_a_busy_service_says_when_to_come_back() -> None:
    error = Throttled("Slow down.", operation="start run", retry_after_s=7.0)
    assert problems.from_service_error(error, "ans_1").next_step == "Ask again in 7.0 s."


def test_asking_again_is_unsafe_once_a_function_was_called() -> None:
    """The function may have had its effect although the run failed afterwards."""
    called = problems.from_run(ended("failed", "server_error"), called=True)
    untouched = problems.from_run(ended("failed", "server_error"), called=False)
    assert called and untouched
    assert (called.retry_safe, untouched.retry_safe) == (False, True)


def test_the_deadline_names_what_was_waited_for() -> None:
    found = problems.at_deadline(120, "run_1", (), waiting="another run (run_9) held the conversation")
    assert "2 min 0 s" in found.detail and "run_9" in found.detail
    assert found.code == "deadline"
