"""What `run.py chaos questions` proves, in short: few questions, the same seed each time, every count but the timing's."""

import random
import sys

import pytest

from chaos import questions
from chaos.asking import MIX, Fate, Question
from chaos.asking import questions as make
from chaos.figure import Figure
from services.models import Answer

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
SEED, FEW = 11, 20


@pytest.mark.skipif(
    sys.platform == "win32", reason="Local Azure and the host are processes steered as on POSIX"
)
def test_no_question_is_lost_left_or_doubled_while_a_tenth_of_all_requests_fail() -> None:
    """Two to a kind, on the real services, with calls that lie in their queue twice."""
    found = questions.bout(FEW, 0.1, SEED)

    assert len(found.fates) == FEW
    assert sum(found.met.values()) > 5, "hardly a request met a fault: nothing was proven"
    figures = list(questions.figures("short", found, SEED))
    assert [_told(one) for one in figures if not one.met] == []


def test_every_twenty_questions_have_the_same_mix() -> None:
    """Samples of different sizes can then be compared by what a question costs."""
    asked = make(40, random.Random(1))

    assert sorted(one.kind for one in asked[:20]) == sorted(MIX) == sorted(one.kind for one in asked[20:])
    assert len({one.mark for one in asked}) == 40


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("12345 * 3 = 37035", False),
        ("12345 * 3 = 370", True),
        ("12345 * 3", True),
        ("calculator failed: The queue cannot be used.", False),
    ],
    ids=["whole", "cut in the number", "cut before it", "told as failed"],
)
def test_half_an_answer_is_no_answer(text: str, wrong: bool) -> None:
    """A stream that ends early must not pass for a short reply."""
    answer = Answer("ans_1", "What is 12345 * 3?", "answered", text=text)

    assert Fate(Question("12345", "sum"), answer).is_wrong is wrong


def test_an_answer_that_is_still_open_is_lost() -> None:
    assert not Fate(Question("12345", "sum"), Answer("ans_1", "What is 12345 * 3?", "working")).is_shown


def _told(figure: Figure) -> str:
    return f"{figure.name} {figure.value} {dict(figure.detail)}"
