"""What the conversation itself holds: what the user told, and what was answered."""

import re
from collections.abc import Sequence

from emulator.model import Turn
from emulator.model.asked import Asked
from emulator.model.facts import FactIndex
from emulator.model.passages import Passage
from emulator.model.questions import asks
from emulator.model.smalltalk import is_statement, swap_person, talk_of
from emulator.model.text import clean, sentences, squeeze

_MAX_TURNS = 60
_MAX_TURN = 6_000
_MAX_RECALLED = 300
_ANNOUNCED = re.compile(
    r"^\W*(?:(?:please )?(?:remember|note|keep in mind)(?: that)?:?\s+|(?:here (?:is|are)|here's|given|consider)\b[^:.]{0,40}:\s+|(?:text|context|facts?|data|background):\s+)",
    re.IGNORECASE,
)
_OWN = re.compile(r"\b(?:my|mine|i|me|we|our|us)\b", re.IGNORECASE)


def told_by_user(conversation: Sequence[Turn], but: str = "") -> FactIndex:
    """Return what the user stated so far, in the words that repeat it back; *but* is the part that asks now."""
    said = []
    for turn in conversation[-_MAX_TURNS:]:
        if turn.role == "user":
            for sentence in sentences(clean(turn.text)[:_MAX_TURN]):
                remember = re.match(r"(?i)^\W*(?:please )?(?:remember|note|keep in mind)\b", sentence)
                if sentence != but and talk_of(sentence) is None and (remember or not asks(sentence)):
                    text = swap_person(_ANNOUNCED.sub("", sentence))
                    said.append(Passage(text[:1].upper() + text[1:], "sentence"))
    return FactIndex(said)


def answered(conversation: Sequence[Turn]) -> FactIndex:
    """Return what the assistant said so far."""
    said = [
        Passage(sentence, "sentence")
        for turn in conversation[-_MAX_TURNS:]
        if turn.role == "assistant"
        for sentence in sentences(clean(turn.text)[:_MAX_TURN])
        if not sentence.endswith("?")
    ]
    return FactIndex(said)


def is_about_user(asked: Asked) -> bool:
    return bool(_OWN.search(asked.text))


def previous_question(conversation: Sequence[Turn], first: bool = False) -> str:
    """Return what the user asked before the last message, small talk left out; "" when nothing."""
    turns = [turn.text for turn in conversation if turn.role == "user"][:-1]
    asked = [squeeze(clean(text)) for text in turns if text.strip() and talk_of(text) is None] or [
        squeeze(t) for t in turns
    ]
    return (asked[0] if first else asked[-1])[:_MAX_RECALLED] if asked else ""


def previous_answer(conversation: Sequence[Turn]) -> str:
    return next((clean(turn.text).strip() for turn in reversed(conversation) if turn.role == "assistant"), "")


def recap(conversation: Sequence[Turn]) -> str:
    """Return the conversation so far in a few lines; "" when there is none."""
    lines: list[str] = []
    question = ""
    for turn in conversation[:-1]:
        text = squeeze(clean(turn.text))
        if turn.role == "user":
            question = text
            if is_statement(text):
                lines.append(f"You told me: {text[:120]}")
        elif question and not is_statement(question) and talk_of(question) is None:
            lines.append(f"You asked: {question[:120]} I answered: {text[:160]}")
    return "\n".join(lines[-10:])
