"""Rebuilding answers from a thread: each by its run, whatever else lies around."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.agents.backend import Call, Run, RunStep, ThreadMessage, Usage
from services.answers import record
from services.answers.history import ChildStep, Found, questions_of, rebuild, text_of
from services.models import Answer, TimeParts, TokenCount

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def at(second: int) -> datetime:
    return NOON + timedelta(seconds=second)


def run(
    run_id: str, second: int, *, state: str = "completed", metadata: Mapping[str, str] | None = None
) -> Run:
    return Run(
        run_id, "thread_1", "asst_1", state, at(second), at(second + 2), metadata or {}, usage=Usage(9, 3)
    )


def message(
    role: Literal["user", "assistant"], text: str, second: int, run_id: str = "", opid: str = ""
) -> ThreadMessage:
    return ThreadMessage(f"msg_{text}", role, text, at(second), run_id, {record.OPID: opid} if opid else {})


def test_an_answer_is_what_its_own_run_wrote() -> None:
    """The last assistant message may be of an older run: the classic way to show a wrong answer."""
    messages = [message("assistant", "new", 5, "run_2"), message("assistant", "old", 6, "run_1")]
    assert text_of(run("run_2", 4), messages) == "new"
    assert text_of(run("run_3", 7), messages) == ""


def test_questions_are_found_by_their_mark() -> None:
    """Two questions in the same second: time cannot tell them apart, the opid can."""
    messages = [message("user", "A", 0, opid="op_a"), message("user", "B", 0, opid="op_b")]
    runs = [run("run_b", 0, metadata={"opid": "op_b"}), run("run_a", 0, metadata={"opid": "op_a"})]
    assert questions_of(runs, messages) == ["B", "A"]


def test_questions_of_other_programs_are_found_by_their_place() -> None:
    """A thread that another program began carries no marks of ours."""
    messages = [
        message("user", "first", 0),
        message("assistant", "1", 1, "run_1"),
        message("user", "second", 2),
        message("assistant", "2", 3, "run_2"),
        message("user", "third", 4),
    ]
    runs = [run("run_1", 0), run("run_2", 2), run("run_3", 4)]
    assert questions_of(runs, messages) == ["first", "second", "third"]


def test_a_run_without_a_question_gets_none() -> None:
    """Better no question than somebody else's."""
    assert questions_of([run("run_1", 0), run("run_2", 1)], [message("user", "only", 0)]) == ["only", ""]


def test_times_come_from_the_run_when_they_were_stored() -> None:
    """The process that answered measured them; the service itself knows whole seconds only."""
    parts = TimeParts(0.2, 0.3, 0.1, "strong")
    measured = Answer(
        "ans_0", "?", "answered", took_s=0.6, first_token_s=0.55, parts=parts, tokens=TokenCount(9, 3)
    )
    answer = rebuild(Found(run("run_1", 0, metadata=record.write(measured)), "Why?", "Because."))

    assert (answer.id, answer.took_s, answer.first_token_s, answer.parts) == ("ans_0", 0.6, 0.55, parts)
    assert answer.tokens == TokenCount(9, 3)


def test_without_stored_times_only_what_the_service_tells_is_shown() -> None:
    """Two whole seconds, and no parts: unknown is not zero."""
    answer = rebuild(Found(run("run_1", 0), "Why?", "Because."))
    assert (answer.took_s, answer.first_token_s, answer.parts) == (2.0, None, None)
    assert (answer.id, answer.text, answer.state) == ("ans_run_1", "Because.", "answered")


@pytest.mark.parametrize(
    ("state", "shown", "code"),
    [
        ("expired", "expired", "expired"),
        ("failed", "failed", "run_failed"),
        ("incomplete", "failed", "incomplete"),
        ("cancelled", "cancelled", "cancelled_elsewhere"),
    ],
)
def test_runs_that_ended_badly_say_why(state: str, shown: str, code: str) -> None:
    """A conversation read days later must not show a failed run as an empty answer."""
    answer = rebuild(Found(run("run_1", 0, state=state), "Why?", ""))
    assert answer.state == shown
    assert answer.problem is not None and answer.problem.code == code


def test_steps_nest_as_they_did() -> None:
    """Delegation, the function below it, and what travelled."""
    delegate = Call("call_1", "connected_agent", "calculator", "{}", "42", "thread_2", "run_2")
    function = Call("call_2", "azure_function", "calculate", '{"expression": "6*7"}', "42")
    found = Found(
        run("run_1", 0),
        "?",
        "42",
        (
            RunStep(
                "step_1", "run_1", "completed", "calls", (delegate,), created_at=at(0), completed_at=at(1)
            ),
            RunStep("step_2", "run_1", "completed", "message", created_at=at(1), completed_at=at(2)),
        ),
        (ChildStep("call_1", RunStep("step_3", "run_2", "completed", "calls", (function,))),),
    )
    answer = rebuild(found)

    assert [(step.kind, step.name, step.parent) for step in answer.steps] == [
        ("delegate", "calculator", None),
        ("function", "calculate", "delegate:call_1"),
        ("write", "", None),
    ]
    assert [step.took_s for step in answer.steps] == [1.0, None, 1.0]
    assert answer.child_run_ids == ("run_2",)


@given(
    st.dictionaries(st.sampled_from([record.PARTS, record.TOTAL, record.FIRST_TOKEN]), st.text(max_size=40))
)
def test_metadata_written_by_anybody_never_breaks_a_conversation(metadata: dict[str, str]) -> None:
    """Metadata is open to every program with access: believed only where it has the right form."""
    times = record.read(metadata)
    assert times.took_s is None or times.took_s >= 0
    assert times.parts is None or times.parts.certainty in ("exact", "strong", "guess")


def test_what_is_stored_fits_the_service() -> None:
    """Sixteen entries, keys of 64 and values of 512 characters: more is refused with 400."""
    answer = Answer(
        "ans_" + "f" * 20,
        "?",
        "answered",
        took_s=1e5 / 3,
        first_token_s=1e5 / 7,
        parts=TimeParts(1e5 / 3, 1e5 / 7, None, "strong"),
        tokens=TokenCount(10**9, 10**9),
    )
    entries = record.write(answer)
    assert len(entries) <= 8
    assert all(len(key) <= 64 and len(value) <= 512 for key, value in entries.items())
    assert record.read(entries).parts == TimeParts(33333.3333, 14285.7143, None, "strong")
