"""What a question may be. A refusal says what, how much and how to go on; nothing is cut in silence."""

import unicodedata
from dataclasses import dataclass

from services.errors import InvalidInput

MAX_CHARACTERS = 256_000  # of one message: learn.microsoft.com/azure/foundry-classic/agents/quotas-limits
TITLE_CHARACTERS = 120  # a metadata value holds 512; a list shows far less
_KEPT = "\n\t"


@dataclass(frozen=True, slots=True)
class Question:
    """*removed*: how many characters that no one can see or send were taken out of *text*."""

    text: str
    removed: int


def check_question(raw: str) -> Question:
    """Return *raw* as it will be sent: line ends unified, control characters removed, markup left as it is.

    Raises InvalidInput: nothing but blanks, or longer than the agent service takes.
    """
    unified = raw.replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(
        char for char in unified if char in _KEPT or unicodedata.category(char) not in ("Cc", "Cs")
    )
    if not text.strip():
        raise InvalidInput(
            "The question is empty.", operation="ask", hint="Type a question and send it again."
        )
    if len(text) > MAX_CHARACTERS:
        over = len(text) - MAX_CHARACTERS
        raise InvalidInput(
            f"The question has {len(text):,} characters; the agent service takes at most {MAX_CHARACTERS:,}. "
            "Nothing was sent.",
            operation="ask",
            hint=f"Shorten it by {over:,} characters, or send it in parts as several questions of one "
            "conversation: earlier ones are remembered.",
        )
    return Question(text, len(unified) - len(text))


def notice_of(question: Question) -> str:
    """Return what a person should know about the question as it was sent; empty when it was sent as typed."""
    if not question.removed:
        return ""
    plural = "s were" if question.removed > 1 else " was"
    return f"{question.removed} control character{plural} removed from the question before it was sent."


def title_of(question: str) -> str:
    """Return one line of at most TITLE_CHARACTERS that stands for *question* in a list."""
    line = " ".join(question.split())
    return line if len(line) <= TITLE_CHARACTERS else line[: TITLE_CHARACTERS - 1].rstrip() + "…"
