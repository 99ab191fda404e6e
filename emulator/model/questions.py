"""A message cut into what it asks, each piece understandable alone; follow-ups completed from earlier turns."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from emulator.model import Turn
from emulator.model import values as found_values
from emulator.model.asked import Asked, analyse
from emulator.model.smalltalk import Talk, is_statement, speaks_of_self, talk_of
from emulator.model.text import clean, quotations, sentences, squeeze, words

MAX_PARTS = 12
_WH = r"(?:what(?:'s)?|which|who(?:'s|m|se)?|where(?:'s)?|when(?:'s)?|why|how|wann|wie|wo|wer|welche[mnrs]?|warum|quand|où|combien|quel(?:le)?s?|cuándo|dónde|cuánto|quién|cuál|qué)"
_AUX = r"(?:is|are|was|were|do|does|did|can|could|will|would|has|have|should)"
_ORDERED = r"(?:tell|give|show|find|get|check|look|calculate|compute|convert|translate|book|send|create|add|cancel|schedule|list|order|search|set|turn|define|explain|ask|multiply|divide|subtract|reserve|fetch|remind|email|update|delete)"
_HARD_AND = re.compile(
    rf"(?:,?\s+(?:and|but|und|et|y)(?:\s+(?:also|then))?|\s*[;,]\s*(?:also|then|and)?|\s+(?:also|plus|then)),?\s+(?={_WH}\b|(?:please\s+)?{_ORDERED}\s+(?!and\b|or\b)\w|(?:{_AUX})\s+(?:the|my|our|your|there|it|i|you|order|he|she|they|[A-Z#\d])\b)",
    re.IGNORECASE,
)
_SOFT_AND = re.compile(
    r"\s*,\s*(?:and\s+|also\s+|as well as\s+)?|\s+(?:and|as well as|plus|along with|together with|&)\s+(?:also\s+|then\s+)?",
    re.IGNORECASE,
)
_ASKS = re.compile(
    rf"^\W*(?:(?:hi|hello|hey|please|so|and|but|also|then|ok|okay|now|well)\b[\s,!.]*)*(?:{_WH}|{_AUX}|{_ORDERED}|let me know|i (?:want|need|would like|wonder)|i'd like|please)\b",
    re.IGNORECASE,
)
_LEAD = re.compile(
    rf"^\W*(?:(?:please|can you|could you|would you|so|hi|hello|and)[\s,]+)*(?:{_WH}\s+(?:is|are|was|were|'s)|what's|{_ORDERED}\s+me(?:\s+about)?|{_WH}(?:\s+\w+)?\s+(?:does|do|did)\b|i (?:want|need) to know|i (?:want|need)|{_ORDERED})\b",
    re.IGNORECASE,
)
_ELLIPSIS = re.compile(
    r"^\W*(?:and|or|but|so)?\W*(?:(?:what|how) about|and|also|same (?:for|with)|now|then|or|the same for|again for|what of)\b[\s,]*(?:the (?:one|same) )?",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"\b(?P<object>it|its|that one|this one|he|she|they|them|him|his|her|their|there|that|this)\b",
    re.IGNORECASE,
)
_GREETING_LEAD = re.compile(
    r"^\s*(?:hi|hello|hey|good (?:morning|afternoon|evening)|greetings|dear \w+|thanks|thank you|ok|okay|great|please)(?: (?:there|all|team|everyone|bot))?\s*[,!.:-]+\s*(?=\S)",
    re.IGNORECASE,
)
_WANTED = re.compile(r"^To use .{1,200} I need the .+\?$", re.DOTALL)  # the words of compose.ask_for
_BARE_WH = re.compile(  # «… and in which room?» asks more about the same
    r"^\W*(?:(?:in|at|on|from|to|for|by)\s+)?(?:(?:which|what|how much|how many)(?:\s+(?!is|are|was|were|do|does|did|about)\w+)|where|when|why|who|how)\s*\?*$",
    re.IGNORECASE,
)
_OPENING = re.compile(rf"^(?P<opening>(?:i|we|i'm|we're)\b[^:?]{{3,120}}):\s+(?={_WH}\b)", re.IGNORECASE)
_MAX_READ = 8_000
_MAX_CUT = 2_000  # longer texts are documents: nobody follows up on one with «and in Paris?»


@dataclass(frozen=True, slots=True)
class Part:
    """One thing asked. *text* can be understood alone; *talk*: the small talk it is, None for a real question."""

    text: str
    asked: Asked
    talk: Talk | None = None
    statement: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """*message*: the last user message, completed if it is a follow-up; *earlier*: user turns before, latest first."""

    original: str
    message: str
    parts: tuple[Part, ...]
    earlier: tuple[str, ...]

    @property
    def real_parts(self) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if part.talk is None and not part.statement)


def read_question(conversation: Sequence[Turn]) -> Question:
    """Return what the last user message asks."""
    resolved: list[str] = []
    assistant = original = ""
    for turn in conversation[-60:]:
        text = clean(turn.text).strip()
        if turn.role == "assistant":
            assistant = text
            continue
        original = text
        previous = next((earlier for earlier in reversed(resolved) if talk_of(earlier) is None), "")
        resolved.append(complete(text, previous, assistant))
        assistant = ""
    message = resolved.pop() if resolved else ""
    return Question(original, message, tuple(cut(message)), tuple(reversed(resolved)))


def cut(message: str) -> list[Part]:
    """Return the parts of *message*. Only the two ends of a very long one are read for what they ask."""
    if len(message) > 2 * _MAX_READ:
        ends = sentences(f"{message[:_MAX_READ]}\n{message[-_MAX_READ:]}")
        asks = [s for s in ends if s.endswith("?") or _ASKS.match(s)][:MAX_PARTS]
        return [Part(s, analyse(s)) for s in asks] or [Part(message, analyse(message))]
    texts: list[str] = []
    for sentence in sentences(message):
        bare = sentence
        while (lead := _GREETING_LEAD.match(bare)) and any(c.isalnum() for c in bare[lead.end() :]):
            bare = bare[lead.end() :]
        texts.extend(_introduced(bare))
    if len(texts) > MAX_PARTS:
        texts = [*texts[: MAX_PARTS - 1], " ".join(texts[MAX_PARTS - 1 :])]
    parts: list[Part] = []
    for text in texts:
        if parts and not parts[-1].talk and not parts[-1].statement and _BARE_WH.match(text):
            text = f"{parts.pop().text.rstrip(' ?.!')} and {text[:1].lower()}{text[1:]}"
        if parts and parts[-1].talk is None:
            text = _with_antecedent(text, parts[-1].text)
        asked = analyse(text)
        if parts and parts[-1].statement and not asked.terms and not asked.hinted:
            text = f"{parts.pop().text} {text}"  # «My laptop is broken. What can I do?» is one question
            parts.append(Part(text, analyse(text)))
            continue
        talk = talk_of(text)
        parts.append(Part(text, analyse(text), talk, talk is None and not _is_asking(text)))
    return parts or ([Part(message, analyse(message))] if message.strip() else [])


def _introduced(sentence: str) -> list[str]:
    """Return the questions of *sentence*; a name that its opening gives («I want to go to Rome: …») goes with each."""
    opening = _OPENING.match(sentence)
    about = found_values.names(opening["opening"]) if opening else ()
    if opening is None or not about:
        return _split(sentence)
    pieces = _split(sentence[opening.end() :])
    return [piece if found_values.names(piece) else f"For {about[-1].value}: {piece}" for piece in pieces]


def _is_asking(text: str) -> bool:
    return (
        text.rstrip().endswith("?")
        or bool(_ASKS.match(text))
        or (not is_statement(text) and len(text.split()) <= 8)
    )


def asks(text: str) -> bool:
    """Return whether *text* is worded as a question or an order."""
    return text.rstrip().endswith("?") or bool(_ASKS.match(text))


def _split(sentence: str) -> list[str]:
    """Return *sentence* cut before «and where …», «, then calculate …»; never inside quotes."""
    inside = [(q.start, q.end) for q in quotations(sentence)]
    pieces, start = [], 0
    for match in _HARD_AND.finditer(sentence):
        if any(a < match.start() < b for a, b in inside) or not words(sentence[start : match.start()]):
            continue
        left = sentence[start : match.start()]
        if not _ASKS.match(left) and not re.search(rf"\b{_WH}\b", left, re.IGNORECASE):
            continue
        pieces.append(sentence[start : match.start()].strip())
        start = match.end()
    pieces.append(sentence[start:].strip())
    return [_as_question(piece) for piece in pieces if piece]


def _as_question(text: str) -> str:
    text = text[:1].upper() + text[1:]
    if text[-1:] not in ".?!:" and re.match(rf"^(?:{_WH}|{_AUX})\b", text, re.IGNORECASE):
        return f"{text}?"
    return text


def soft_cuts(text: str) -> list[tuple[str, str]]:
    """Return the ways to cut «the price of X and the weather in Y» in two; the second half gets the first one's lead."""
    if len(text) > _MAX_CUT:
        return []
    inside = [(q.start, q.end) for q in quotations(text)]
    found = []
    lead = _LEAD.match(text)
    for match in _SOFT_AND.finditer(text):
        left, right = text[: match.start()].strip(), text[match.end() :].strip()
        if not left or not right or _BARE_WH.match(right) or any(a < match.start() < b for a, b in inside):
            continue
        if lead and lead.end() < match.start() and not _ASKS.match(right) and not speaks_of_self(right):
            right = f"{squeeze(lead[0])} {right}"
        if "?" in text[-2:]:
            left = left.rstrip(" ?,") + "?"
        found.append((left, right))
    return found[:8]


def complete(text: str, previous: str, assistant: str) -> str:
    """Return *text* understandable alone: «and in Paris?» after a question about Oslo becomes that about Paris."""
    wanted = _WANTED.match(assistant) is not None and not asks(text)
    if (
        not previous
        or len(previous) > _MAX_CUT
        or talk_of(text)
        or (not wanted and (len(text) > 300 or is_statement(text)))
    ):
        return text
    opener = _ELLIPSIS.match(text)
    asked_back = assistant.rstrip().endswith("?") and len(text.split()) <= 8 and not _ASKS.match(text)
    rest = text[opener.end() :].strip() if opener else text
    full = len(rest.split()) > 7 or (
        re.match(rf"^(?:{_WH}|{_ORDERED})\b", rest, re.IGNORECASE) is not None and len(rest.split()) > 2
    )
    if asked_back or wanted:
        return f"{previous.rstrip(' ?.!')}: {text}"
    if opener and not full and re.match(r"(?:its|his|her|their)\b", rest, re.IGNORECASE):
        lead = _LEAD.match(previous)
        return _with_antecedent(f"{squeeze(lead[0]) if lead else 'What is'} {rest}", previous)
    if opener and not full:
        return _replaced(previous, rest) or f"{previous.rstrip(' ?.!')} {rest}"
    if opener and full:
        text = rest[:1].upper() + rest[1:]
    fragment = (
        len(text.split()) <= 3
        and not _ASKS.match(text)
        and bool(found_values.ids(text) or found_values.names(text))
    )
    if fragment and (swapped := _replaced(previous, text)):
        return swapped
    return _with_antecedent(text, previous)


def _replaced(previous: str, rest: str) -> str:
    """Return *previous* with its value of the same kind exchanged for the one in *rest*; "" when there is none."""
    rest = rest.strip(" ?.!")
    bare = re.sub(r"^(?:in|for|of|at|on|with|to|from|about|order|the)\s+", "", rest, flags=re.IGNORECASE)
    for finder in (found_values.ids, found_values.dates, found_values.names):
        new, old = finder(rest), finder(previous)
        if new and old:
            return f"{previous[: old[-1].start]}{new[0].value}{previous[old[-1].end :]}"
    numbers_new, numbers_old = found_values.numbers(rest), found_values.numbers(previous)
    if numbers_new and numbers_old:
        old_at, new_at = numbers_old[-1].found, numbers_new[0].found
        return f"{previous[: old_at.start]}{new_at.value}{previous[old_at.end :]}"
    preposition = re.match(r"^(in|for|of|at|on|with|to|from|about)\b", rest, re.IGNORECASE)
    for phrase in reversed(found_values.phrases(previous)):
        same = (
            phrase.before == preposition[1].lower()
            if preposition
            else bool(found_values.names(phrase.value)) or not found_values.dates(rest)
        )
        if same and not found_values.dates(rest):
            return f"{previous[: phrase.start]}{bare}{previous[phrase.end :]}"
    return ""


def _with_antecedent(text: str, previous: str) -> str:
    """Return *text* with its pronoun exchanged for what the previous question was about, when that is plain."""
    if found_values.ids(text) or found_values.names(text) or not (pronoun := _PRONOUN.search(text)):
        return text
    if pronoun["object"].lower() in ("that", "this", "there") and not text.rstrip().endswith("?"):
        return text
    held = found_values.ids(previous) or found_values.names(previous)
    if not held:
        return text
    thing = held[-1].value
    before = held[-1].before
    if (
        found_values.ids(previous)
        and before.isalpha()
        and before not in ("is", "about", "for", "of", "the", "my", "to")
    ):
        thing = f"{before} {thing}"
    word = pronoun["object"].lower()
    if word in ("its", "his", "her", "their"):
        thing = f"{thing}'s"
    elif word == "there":
        if pronoun.start() and re.search(
            r"\b(?:is|are|was|were)\s+$", text[: pronoun.start()], re.IGNORECASE
        ):
            return text
        thing = f"in {thing}"
    return f"{text[: pronoun.start()]}{thing}{text[pronoun.end() :]}"
