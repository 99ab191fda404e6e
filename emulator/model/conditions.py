"""When a rule of the instructions applies: «if the user asks for …», «any time the prompt contains '…'»."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from emulator.model.asked import Asked, Term, analyse
from emulator.model.lexicon import STOP_WORDS, word_list
from emulator.model.text import close, quotations, related, squeeze, stem, words

Occasion = Literal["question", "greeting", "thanks", "farewell", "unknown", "failure", "any"]

_MET_FROM = 0.65
_NOISE = frozenset(
    stem(word)
    for word in word_list("""user users customer customers someone caller person people prompt message messages question
    questions query contain contains containing include includes string word words phrase text term mention mentions
    mentioned mentioning request requests requested wants want ask asks asked asking say says about topic related
    inquire inquires enquire type types write writes input start starts come comes regarding concern concerning
    concerns need needs interested talk information info detail details know provided given employee client""")
)
_OCCASIONS: tuple[tuple[str, Occasion], ...] = (
    (r"\b(?:greets?|greeted|greeting|says? (?:hi|hello))\b", "greeting"),
    (r"\bthanks? you\b|\bthanks\b|\bthankful\b", "thanks"),
    (r"\b(?:goodbye|farewell|says? bye)\b", "farewell"),
    (
        r"\b(?:do not|don't|does not|doesn't|cannot|can't|unable|unsure|not sure|not know|no information|not (?:in|found|covered|listed|available|related)|unknown|"
        r"outside|unrelated|off-topic|anything else|something else|any other|other questions?|nothing else)\b",
        "unknown",
    ),
    (r"\b(?:fails?|failed|errors?|no (?:result|answer|response)|unavailable|empty)\b", "failure"),
)
_ANYTHING = re.compile(
    r"^\W*(?:the )?(?:user|users|someone|customer|you|they|asked|is|are|a|any|every|whatever|anything|question|questions|all|"
    r"message|asks?|says?|sends?|something|get|receive|answering|responding|replying|answer|respond|reply|to|\W)*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Condition:
    """*triggers*: quoted strings, one of which the question must contain; *topics*: alternatives to match."""

    text: str
    occasion: Occasion
    triggers: tuple[str, ...]
    topics: tuple[tuple[Term, ...], ...]

    def met_by(self, asked: Asked) -> bool:
        return self.occasion == "any" or (self.occasion == "question" and self.closeness(asked) >= _MET_FROM)

    def closeness(self, asked: Asked) -> float:
        """Return 0 to 1: how well what is *asked* fits. A name that the condition gives must be there."""
        if self.triggers:
            return 1.0 if any(contains_nearly(asked.text, trigger) for trigger in self.triggers) else 0.0
        return max((_covered(topic, asked) for topic in self.topics), default=0.0)


@lru_cache(maxsize=4_096)
def read_condition(text: str) -> Condition:
    """Return the condition that *text* (the words after «if» or «when») states."""
    quoted = quotations(text)
    lowered = text.lower()
    about_reply = re.search(r"\b(?:tool|function|agent|call)\b", lowered)
    occasion: Occasion = "question"
    for pattern, named in _OCCASIONS:
        if re.search(pattern, lowered) and (named != "failure" or about_reply) and not quoted:
            occasion = named
            break
    if occasion == "question" and not quoted and _ANYTHING.match(text):
        occasion = "any"
    triggers = tuple(q.value for q in quoted) if re.search(r"\b(?:contain|includ|mention|say|said|string|phrase|word|type|write|ask|message is|start|prompt)", lowered) else ()  # fmt: skip
    topics = tuple(topic for part in re.split(r",|\bor\b|/|;", text) if (topic := _topic(part)))
    return Condition(squeeze(text), occasion, triggers, topics)


def _topic(text: str) -> tuple[Term, ...]:
    return tuple(term for term in analyse(squeeze(text)).terms if term.name or term.stem not in _NOISE)


def _covered(topic: tuple[Term, ...], asked: Asked) -> float:
    have = asked.stems | asked.hinted
    total = found = 0.0
    for term in topic:
        weight = 1.4 if term.name else 1.0
        total += weight
        if term.stem in have:
            found += weight
        elif term.name:
            return 0.0
        elif not related(term.stem).isdisjoint(have) or any(close(term.word, o.word) for o in asked.terms):
            found += 0.85 * weight
    share = found / total if total else 0.0
    if (
        topic
        and share < _MET_FROM
        and topic[-1].stem in have
        and asked.stems <= {term.stem for term in topic}
    ):
        return _MET_FROM  # the question is shorter than the condition, but about the same noun
    return share


def contains_nearly(text: str, trigger: str) -> bool:
    """Return whether *trigger* occurs in *text*, whatever its case and punctuation.

    Up to two other words may stand between its words, and of four or more words one small one may be missing.
    """
    wanted = words(trigger)
    if not wanted:
        return trigger.strip() != "" and trigger.strip() in text
    haystack = " " + " ".join(words(text)) + " "
    if f" {' '.join(wanted)} " in haystack or _spread(tuple(wanted)).search(haystack):
        return True
    if len(wanted) < 4:
        return False
    return any(
        _spread(tuple(wanted[:at] + wanted[at + 1 :])).search(haystack)
        for at, word in enumerate(wanted)
        if word in STOP_WORDS
    )


@lru_cache(maxsize=2_048)
def _spread(wanted: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(r"(?<= )" + r" (?:\S+ ){0,2}".join(re.escape(word) for word in wanted) + "(?= )")
