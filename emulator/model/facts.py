"""Retrieval: which passages of a text answer a question, and how sure that is."""

import heapq
import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from emulator.model.asked import Asked, Term
from emulator.model.enumerations import narrowed, spelled_out
from emulator.model.lexicon import NUMBER_WORDS
from emulator.model.passages import Passage
from emulator.model.text import close, folded_text, related, spellings, squeeze, stem, stems

SURE = 0.6  # from here on a passage is given as the answer
POSSIBLE = 0.42  # enough when nothing else is there to ask
_RELATED_COUNTS = 0.75
_SLIP_COUNTS = 0.85
_CONTEXT_COUNTS = 0.7
_NAME_WEIGHS = 1.4
_MISSED_NAME_COSTS = 0.5
_MAX_LISTED = 12
_CODE_COVERS = 0.7  # one passage alone speaks of E-502: whoever names that code means it
_MAX_WEIGHED = 300  # of thousands of passages only the best covering ones are compared closely

_PRONOUN = re.compile(r"^(?:it|they|he|she|this|these|those|its|their|his|her|there)\b", re.IGNORECASE)
_CONTINUES = re.compile(r"^(?:the|it|its|they|their|he|his|she|her|our|there)\b", re.IGNORECASE)
_ASKING = re.compile(r"\b(?:what|which|when|where|who|how)\b", re.IGNORECASE)
_DIGIT = re.compile(r"\d")
_TIME = re.compile(
    r"\d|\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b(?:january|february|march|april|may|june|july|august|september|october|november|december)\b"
    r"|\b(?:daily|weekly|monthly|yearly|annually|noon|midnight|morning|evening|afternoon|today|tomorrow|always|never|hours?|days?|weeks?|months?|years?)\b",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"\b(?:in|at|on|near|room|floor|street|building|opposite|behind|next to|between)\b", re.IGNORECASE
)
_NAME = re.compile(r"(?<![.!?]\s)(?<!^)\b[A-Z][^\W\d_]+")
_REASON = re.compile(r"\b(?:because|since|due to|so that|in order to|reason)\b", re.IGNORECASE)
_NUMBER_WORD = re.compile(
    r"\b(?:" + "|".join(NUMBER_WORDS) + r"|once|twice|half|free|none|unlimited)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Hit:
    """*coverage*: 0 to 1, how much of the question the passage speaks of; *matched*: which of its terms."""

    passage: Passage
    coverage: float
    score: float
    matched: frozenset[str]
    position: int
    by_context: bool


class FactIndex:
    """Passages, found by the stems they hold. *background*: stems that all of them are about.

    Passages are read into words only when a question comes near them: instructions may be long.
    """

    def __init__(self, passages: Sequence[Passage], background: Iterable[str] = ()) -> None:
        self.passages = tuple(passages)
        self._background = frozenset(background)
        blocks = [folded_text(f"{passage.text} \x1f {_about(passage)}") for passage in self.passages]
        self._text = "\n".join(blocks)
        self._starts = [0, *accumulate(len(block) + 1 for block in blocks)]
        self._read: dict[int, dict[str, float]] = {}

    @property
    def size(self) -> int:
        """Return how many characters the passages have."""
        return len(self._text)

    def vocabulary(self) -> frozenset[str]:
        """Return all stems of all passages. Reads every passage."""
        return frozenset(word for at in range(len(self.passages)) for word in self._stems_of(at))

    def _stems_of(self, at: int) -> dict[str, float]:
        """Return how strongly passage *at* holds which stem: its own words fully, its context less."""
        held = self._read.get(at)
        if held is None:
            passage = self.passages[at]
            held = dict.fromkeys((*stems(_about(passage)), *_implied(passage.text)), _CONTEXT_COUNTS)
            held.update(dict.fromkeys(stems(passage.text), 1.0))
            self._read[at] = held
        return held

    def _near(self, spellings: Iterable[str]) -> set[int]:
        """Return the passages in whose text one of *spellings* begins a word or stands inside one."""
        found: set[int] = set()
        for spelling in spellings:
            at = self._text.find(spelling)
            while at >= 0:
                passage = bisect_right(self._starts, at) - 1
                found.add(passage)
                at = self._text.find(spelling, self._starts[passage + 1])
        return found

    def search(self, asked: Asked, limit: int = 5) -> list[Hit]:
        """Return the passages that speak of what is *asked*, best first."""
        if not asked.terms or not self.passages:
            return []
        weights, found = self._match(asked.terms)
        total = sum(weights.values()) or 1.0
        covering = []
        for at, by_term in found.items():
            covered = sum(weights.get(word, 0.0) * strength for word, strength in by_term.items()) / total
            missed = sum(t.name and t.stem in weights and t.stem not in by_term for t in asked.terms)
            covering.append((covered * _MISSED_NAME_COSTS ** min(2, missed), at, by_term))
        if len(covering) > _MAX_WEIGHED:
            covering = heapq.nlargest(_MAX_WEIGHED, covering, key=lambda entry: entry[0])
        hits = []
        for covered, at, by_term in covering:
            if any(_is_code(word) and len(self._holders(word)) == 1 for word in by_term):
                covered = max(covered, _CODE_COVERS)
            by_context = (
                all(strength <= _CONTEXT_COUNTS for strength in by_term.values())
                and not self._own(at) & by_term.keys()
            )
            bonus = self._bonus(asked, at, frozenset(by_term))
            hits.append(
                Hit(self.passages[at], min(1.0, covered), covered + bonus, frozenset(by_term), at, by_context)
            )
        hits.sort(key=lambda hit: (-hit.score, hit.position))
        return hits[:limit]

    def answer(self, asked: Asked, at_least: float = SURE) -> tuple[str, float]:
        """Return the sentence or sentences that answer *asked* and how sure that is; ("", 0.0) when none does."""
        hits = self.search(asked, limit=_MAX_LISTED + 8)
        if not hits or hits[0].coverage < at_least:
            return "", 0.0
        best = hits[0]
        if best.by_context and (entries := self._siblings(best, hits)):
            return entries, best.coverage
        best = self._whole_row(best, hits, asked)
        chosen = [best]
        open_terms = asked.stems - best.matched
        for hit in hits[1:]:
            if len(chosen) == 3 or not open_terms:
                break
            if _of_another(hit.passage, best.passage, asked):
                continue
            if len(hit.matched & open_terms) * 2 > len(open_terms) and hit.coverage >= 0.3:
                chosen.append(hit)
                open_terms -= hit.matched
        chosen.sort(key=lambda hit: hit.position)
        return " ".join(dict.fromkeys(_said(hit.passage, asked) for hit in chosen)), best.coverage

    @staticmethod
    def _whole_row(best: Hit, hits: Sequence[Hit], asked: Asked) -> Hit:
        """Return the row of *best* when two things are asked about it: «when is it, and in which room?»."""
        if best.passage.kind != "field" or len(_ASKING.findall(asked.text)) < 2:
            return best
        same = (h for h in hits if h.passage.kind == "record" and h.passage.subject == best.passage.subject)
        return next(same, best)

    @cached_property
    def _implying(self) -> set[int]:
        """Return the passages that give an address, a number to call or a price without naming it so."""
        return {at for at, passage in enumerate(self.passages) if _implied(passage.text)}

    def _own(self, at: int) -> frozenset[str]:
        return frozenset(word for word, strength in self._stems_of(at).items() if strength == 1.0)

    def _holders(self, word: str) -> dict[int, float]:
        """Return the passages that hold the stem *word*, and how strongly."""
        near = self._near(spellings(word))
        if word in _IMPLIED_STEMS:
            near |= self._implying
        held = {at: self._stems_of(at).get(word, 0.0) for at in near}
        return {at: strength for at, strength in held.items() if strength}

    def _match(self, terms: Sequence[Term]) -> tuple[dict[str, float], dict[int, dict[str, float]]]:
        """Return the weight of each term that counts, and per passage how strongly it holds which term."""
        weights: dict[str, float] = {}
        found: dict[int, dict[str, float]] = {}
        count = len(self.passages)
        for term in terms:
            holders = self._holders_of(term)
            if term.stem in self._background and not holders:
                continue
            rarity = 1.0 + 0.5 * math.log((count + 1) / (len(holders) + 1))
            weight = rarity * (_NAME_WEIGHS if term.name else 1.0)
            if term.stem in self._background:
                weight *= 0.4
            weights[term.stem] = weight
            for at, strength in holders.items():
                found.setdefault(at, {})[term.stem] = strength
        return weights, found

    def _holders_of(self, term: Term) -> dict[int, float]:
        holders = self._holders(term.stem)
        if not term.name:
            for word in related(term.stem):
                for at, strength in self._holders(word).items():
                    holders[at] = max(holders.get(at, 0.0), strength * _RELATED_COUNTS)
        if not holders and len(term.word) >= 5 and term.word.isalpha():
            for word in self._misspelled(term.word):
                for at, strength in self._holders(word).items():
                    holders[at] = max(holders.get(at, 0.0), strength * _SLIP_COUNTS)
        if not holders and 6 <= len(term.word) <= 30 and term.word.isalpha():
            apart = r"[-\s]?".join(map(re.escape, term.word))  # «checkout» finds «check-out»
            for match in re.finditer(apart, self._text):
                holders[bisect_right(self._starts, match.start()) - 1] = _SLIP_COUNTS
        return holders

    def _misspelled(self, word: str) -> set[str]:
        """Return the stems of the words of the text that differ from *word* by one slip."""
        pattern = rf"\b{re.escape(word[0])}\w{{{len(word) - 2},{len(word)}}}\b"
        return {stem(other) for other in set(re.findall(pattern, self._text)) if close(other, word)}

    def _bonus(self, asked: Asked, at: int, matched: frozenset[str]) -> float:
        passage, own = self.passages[at], self._own(at)
        bonus = 0.1 * len(matched) / max(3, len(own))
        if passage.kind != "pair" and not fits(asked.wants, passage.text):
            bonus -= 0.12
        elif asked.wants != "any":
            bonus += 0.08
        if own and own <= asked.stems and passage.kind == "sentence":
            bonus -= 0.3  # it only repeats the question
        if asked.hinted & own:
            bonus += 0.15
        if passage.kind == "record":
            owner = frozenset(stems(passage.subject))
            bonus += 0.2 if matched and matched <= owner else -0.05
        return bonus - min(0.1, 0.002 * max(0, len(own) - 15))

    def _siblings(self, best: Hit, hits: Sequence[Hit]) -> str:
        """Return all entries under one heading, when the question is about the heading itself."""
        same = [hit for hit in hits if hit.passage.context == best.passage.context and hit.by_context]
        if best.passage.kind == "pair" or len(same) < 2 or not best.passage.context:
            return ""
        same.sort(key=lambda hit: hit.position)
        listed = "; ".join(hit.passage.text.rstrip(".;") for hit in same[:_MAX_LISTED])
        return f"{squeeze(best.passage.context)}: {listed}."


_MAY_IMPLY = re.compile(r"[@$€£¥%\d]|://|www\.")
_IMPLIED = tuple(
    (re.compile(pattern), tuple(stems(meant)))
    for pattern, meant in (
        (r"\w@\w", "email contact address reach"),
        (r"\d\s?%", "percent rate discount"),
        (r"https?://|www\.", "website link url page online"),
        (r"\+\d[\d ()-]{6,}|\b\d{3}[- ]\d{3,4}\b", "phone telephone contact number reach"),
        (r"[$€£¥]\s?\d|\d\s?(?:[$€£¥]|EUR|USD|GBP|euros?|dollars?|pounds?|cents?)\b", "price cost"),
    )
)


_IMPLIED_STEMS = frozenset(word for _, meant in _IMPLIED for word in meant)


def _about(passage: Passage) -> str:
    """Return what *passage* is about besides its own words: its heading, what a pronoun stands for, its paragraph's names."""
    about = passage.context
    if passage.subject and (passage.kind != "sentence" or _PRONOUN.match(passage.text)):
        about = f"{about} {passage.subject}"
    if passage.lead and passage.lead != passage.text and _CONTINUES.match(passage.text):
        about = f"{about} {' '.join(_NAME.findall(passage.lead))}"
    return about


def _of_another(passage: Passage, best: Passage, asked: Asked) -> bool:
    """Return whether *passage* tells of a row that the question does not speak of, while *best* is of one that it does."""
    own, other = frozenset(stems(best.subject)), frozenset(stems(passage.subject))
    rows = {passage.kind, best.kind} <= {"field", "record"}
    return rows and own != other and bool(own & asked.stems) and not other & asked.stems


def _is_code(word: str) -> bool:
    return any(c.isdigit() for c in word) and any(c.isalpha() for c in word)


def _implied(text: str) -> list[str]:
    """Return stems of what *text* gives without naming it: an e-mail address, a price."""
    if _MAY_IMPLY.search(text) is None:
        return []
    return [word for pattern, meant in _IMPLIED if pattern.search(text) for word in meant]


def fits(wants: str, text: str) -> bool:
    """Return whether *text* holds the kind of thing that is wanted."""
    if wants == "number":
        return bool(_DIGIT.search(text) or _NUMBER_WORD.search(text))
    pattern = {"time": _TIME, "person": _NAME, "place": _PLACE, "reason": _REASON}.get(wants)
    return pattern is None or bool(pattern.search(text)) or (wants == "place" and bool(_NAME.search(text)))


def _said(passage: Passage, asked: Asked) -> str:
    text = narrowed(passage.text, asked) if passage.kind in ("sentence", "entry") else passage.text
    if passage.kind == "sentence" and passage.subject and _PRONOUN.match(passage.text):
        return spelled_out(text, passage.subject) or f"{passage.subject} {text}"
    return text
