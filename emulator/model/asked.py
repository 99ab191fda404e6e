"""A piece of text that asks something, analysed once: its terms, which of them are names, what kind of answer fits."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from emulator.model.lexicon import ASKED_BY_OPENER, STOP_WORDS
from emulator.model.text import fold, stem, stems, words

Wanted = Literal["number", "time", "person", "place", "reason", "any"]

_MAX_ANALYSED = 4_000  # of a pasted document only its ends decide what is asked
_WORD = re.compile(r"[^\W_]+(?:['’.,:/@+-][^\W_]+)*")
_LEAD_IN = re.compile(
    r"^\s*(?:(?:by )?(?:using|with the help of) (?:the |your |all )?(?:[\w-]+ ){0,3}(?:functions?|tools?|agents?|bots?)\s*,\s*)?(?:(?:hi|hello|hey|please|so|well|ok|okay|and|but|also|then|now)\b[\s,!.]*)*"
    r"(?:(?:can|could|would|will) you (?:please |kindly )?(?:tell me|help me|find out|let me know|look up|check|give me)?|"
    r"(?:please )?(?:tell|give|show) me|(?:please )?(?:list|enumerate|name)(?= (?:all|the|every|me|our|your|my|three|two)\b)(?: me)?|i(?:'d| would)? (?:like|want|need) to know|do you know|i wonder)?\s*",
    re.IGNORECASE,
)
_ASKED_NOUN = re.compile(
    r"\b(?:what|which|at what|on which|on what|in which|in what) (?:time|day|date|year|month)s?(?= (?:is|are|was|were|do|does|did|can|will|must|has|have|should)\b)",
    re.IGNORECASE,
)
_CJK_ASKING = re.compile(
    "(?:は|が|を)?(?:誰|何時|何|どこ|いつ|いくら|どれ|なぜ)(?:ですか|ですが|です|か)?|ですか|ますか|是?(?:什么|誰|谁|哪里|哪儿|多少|几点)|[吗呢嗎]"
)
_WANTS: tuple[tuple[str, Wanted], ...] = (
    (r"\bhow (?:many|much|old|tall|far|fast|big|heavy|high|deep|large|warm|cold|hot|expensive)\b|\b(?:number|amount|count) of\b|\bprice\b|\bcosts?\b", "number"),
    (r"\bwhen\b|\bwhat (?:time|date|day|year|month|hours)\b|\bwhich (?:day|date|year|month)\b|\bhow (?:long|soon|often)\b", "time"),
    (r"\bwho(?:m|se)?\b", "person"),
    (r"\bwhere\b|\bwhat (?:room|address|place|city)\b|\bwhich (?:room|city|floor)\b", "place"),
    (r"\bwhy\b", "reason"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Term:
    """*name*: a proper name, an id or a number, which an answer must not swap for another."""

    stem: str
    name: bool
    word: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """*terms* without repeats, in order; *hinted*: stems that "how much" and the like stand for."""

    text: str
    terms: tuple[Term, ...]
    wants: Wanted
    hinted: frozenset[str]

    @property
    def stems(self) -> frozenset[str]:
        return frozenset(term.stem for term in self.terms)


@lru_cache(maxsize=512)
def analyse(text: str) -> Asked:
    """Return what *text* asks for. Of a very long text only the two ends are read."""
    if len(text) > 2 * _MAX_ANALYSED:
        text = f"{text[:_MAX_ANALYSED]} {text[-_MAX_ANALYSED:]}"
    bare = text[_LEAD_IN.match(text).end() :]  # type: ignore[union-attr]  # every part is optional: it always matches
    lowered = fold(bare)
    bare = _CJK_ASKING.sub(" ", bare)
    shorter = _ASKED_NOUN.sub(" ", bare)
    bare = shorter if stems(shorter) else bare
    hinted = {
        stem(word)
        for opener, stands_for in ASKED_BY_OPENER.items()
        if opener in lowered
        for word in stands_for.split()
    }
    wants: Wanted = next((kind for pattern, kind in _WANTS if re.search(pattern, lowered)), "any")
    return Asked(text, tuple(_terms(bare)), wants, frozenset(hinted))


def _terms(text: str) -> list[Term]:
    found: dict[str, Term] = {}
    capitals = sum(word[:1].isupper() for word in text.split())
    shouted = text.isupper() or capitals > 0.8 * max(1, len(text.split())) > 2
    for match in _WORD.finditer(text):
        opens = match.start() == 0 or _ends_sentence(text, match.start())
        for word in words(match[0]):
            if word in STOP_WORDS and not (match[0].isupper() and len(match[0]) > 1 and not shouted):
                continue
            named = any(c.isdigit() for c in word) or (match[0][0].isupper() and not opens and not shouted)
            key = stem(word)
            if key not in found or (named and not found[key].name):
                found[key] = Term(key, named, word)
    return list(found.values())


def _ends_sentence(text: str, at: int) -> bool:
    before = text[max(0, at - 3) : at].rstrip()
    return not before or before[-1] in ".!?:\n\"“'‘«("


def names_in(asked: Asked) -> frozenset[str]:
    return frozenset(term.stem for term in asked.terms if term.name)
