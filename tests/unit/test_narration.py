"""Steps in words: what the page and the terminal print."""

import pytest

from services.answers.narration import say, seconds
from services.models import Certainty, Step, StepKind, StepState


def step(
    kind: StepKind, state: StepState, took_s: float | None = None, certainty: Certainty | None = None
) -> Step:
    return Step("k", None, kind, "calculator", state, 0.0, took_s, certainty=certainty)


@pytest.mark.parametrize(
    ("one", "line"),
    [
        (step("plan", "active"), "Planning the answer"),
        (step("plan", "done", 0.42), "Planned the answer 0.4 s"),
        (step("delegate", "active"), "Delegated to calculator"),
        (step("wait", "active"), "Waiting in the queue"),
        (step("wait", "done", 1.2, "strong"), "Waiting in the queue 1.2 s"),
        (step("wait", "done", 0.02, "guess"), "Waiting in the queue about 0.02 s"),
        (step("wait", "done", None), "Waiting in the queue"),
        (step("function", "active"), "Function running"),
        (step("function", "done", 0.1), "Function ran 0.1 s"),
        (step("function", "failed", 0.1), "Function ran 0.1 s - failed"),
        (step("write", "active"), "Writing the answer"),
        (step("write", "cancelled"), "Wrote the answer - stopped"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_step_is_said_in_plain_words(one: Step, line: str) -> None:
    """The words are fixed: the page, the terminal and the documentation use the same ones."""
    assert say(one) == line


def test_an_active_step_shows_how_long_it_has_lasted() -> None:
    """A wait that grows is the one thing people look for."""
    assert say(step("wait", "active"), elapsed_s=4.04) == "Waiting in the queue 4.0 s"


@pytest.mark.parametrize(
    ("value_s", "text"),
    [
        (0.0, "0 s"),
        (0.004, "<0.01 s"),
        (0.094, "0.09 s"),
        (0.0951, "0.1 s"),
        (59.9, "59.9 s"),
        (60.0, "1 min 0 s"),
        (125.4, "2 min 5 s"),
    ],
)
def test_seconds_read_well_at_every_size(value_s: float, text: str) -> None:
    """Neither `0.0 s` for something nor `125.4 s` for two minutes."""
    assert seconds(value_s) == text
