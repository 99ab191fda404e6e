"""Texts that a call carries on: the subject and the body of a message about what other calls found."""

import re
from collections.abc import Sequence

from emulator.model import FinishedCall
from emulator.model.chain import failed
from emulator.model.kinds import Parameter
from emulator.model.render import in_words
from emulator.model.text import squeeze

_TITLES = frozenset(("subject", "titl", "title", "topic", "headlin", "caption"))
_CARRIES = re.compile(
    r"\b(?:with|containing|including|about|regarding|on|telling (?:them|him|her)|that says)\s+(?:the\s+)?(?P<what>.+?)[.?!]*$",
    re.IGNORECASE | re.DOTALL,
)
_ADDRESS = re.compile(r"\s*\bto\s+\S+@\S+")
_LONGEST_TITLE = 100


def cargo(text: str) -> list[str]:
    """Return what a message is to carry: «e-mail Ann the time and the weather in Rome» carries two things."""
    about = _CARRIES.search(_ADDRESS.sub("", text))
    pieces = re.split(r",\s*(?:and\s+)?|\s+and\s+|\s*&\s*", about["what"]) if about else []
    return [squeeze(re.sub(r"^(?:the|current)\s+", "", piece)) for piece in pieces if piece.strip()]


def is_message(parameters: Sequence[Parameter]) -> bool:
    """Return whether a tool with *parameters* sends something: to somebody, with a text."""
    kinds = {parameter.kind for parameter in parameters}
    return "content" in kinds and not kinds.isdisjoint(("email", "phone", "person"))


def composed(parameter: Parameter, text: str, calls: Sequence[FinishedCall]) -> str | None:
    """Return what *parameter* (a title or a body) says of the outputs of *calls*; None when that is not its part."""
    told = [call for call in calls if not failed(call.output)]
    if parameter.type != "string" or parameter.kind != "content" or not told:
        return None
    if parameter.words & _TITLES:
        about = _CARRIES.search(_ADDRESS.sub("", text))
        title = squeeze(about["what"]) if about else "Information"
        return f"{title[0].upper()}{title[1:]}"[:_LONGEST_TITLE]
    return " ".join(_sentence(in_words(call.output, call.name)) for call in told)


def _sentence(text: str) -> str:
    return text if text[-1:] in ".!?" else f"{text}."
