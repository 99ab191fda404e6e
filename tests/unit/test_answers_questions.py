"""What a question may be: refusals say what, how much and how to go on."""

import pytest

from services.answers.questions import MAX_CHARACTERS, check_question, notice_of, title_of
from services.errors import InvalidInput


@pytest.mark.parametrize(
    "raw", ["", "   ", "\n\t\r\n", "\x00\x01\x1b"], ids=["empty", "blanks", "lines", "control"]
)
def test_a_question_of_nothing_is_refused(raw: str) -> None:
    """The agent service would answer something to nothing, and bill it."""
    with pytest.raises(InvalidInput, match="empty"):
        check_question(raw)


def test_a_question_that_is_too_long_is_refused_with_both_numbers() -> None:
    """The service would refuse it too, but after the thread was made, and in its own words."""
    with pytest.raises(InvalidInput) as caught:
        check_question("x" * 300_000)

    assert "300,000" in caught.value.message and "256,000" in caught.value.message
    assert "44,000" in caught.value.hint and "several questions" in caught.value.hint


def test_the_longest_question_is_taken_whole() -> None:
    """The limit itself is allowed."""
    assert check_question("x" * MAX_CHARACTERS).text == "x" * MAX_CHARACTERS


@pytest.mark.parametrize(
    ("raw", "text", "removed"),
    [
        ("a\x00b\x1b[31mc", "ab[31mc", 2),
        ("one\r\ntwo\rthree\tfour", "one\ntwo\nthree\tfour", 0),
        ("lone \udcff surrogate", "lone  surrogate", 1),
        ("<b>bold</b> ![x](https://evil.example)", "<b>bold</b> ![x](https://evil.example)", 0),
        ("Grüße, 世界 👋🏽", "Grüße, 世界 👋🏽", 0),
    ],
    ids=["control", "line-ends", "surrogate", "markup", "letters"],
)
def test_only_what_nobody_can_see_is_removed(raw: str, text: str, removed: int) -> None:
    """Markup is text like any other; a terminal's control codes are not."""
    question = check_question(raw)
    assert (question.text, question.removed) == (text, removed)


def test_what_was_removed_is_said() -> None:
    """Nothing is changed in silence."""
    assert notice_of(check_question("a\x00b")).startswith("1 control character was removed")
    assert notice_of(check_question("a\x00\x01b")).startswith("2 control characters were removed")
    assert notice_of(check_question("plain")) == ""


def test_a_title_is_one_line_that_fits() -> None:
    """A metadata value holds 512 characters; a list shows one line."""
    assert title_of("What\n is   this?") == "What is this?"
    long = title_of("word " * 100)
    assert len(long) <= 120 and long.endswith("…")
