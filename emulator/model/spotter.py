"""Candidates for a parameter, and what speaks for each: the words beside it, its direction, what is left over."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from emulator.model import values
from emulator.model.kinds import Parameter, names_a_kind
from emulator.model.lexicon import STOP_WORDS
from emulator.model.text import fold, related, squeeze, stem, stems, words
from emulator.model.values import Found

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]

_FROM_BEFORE = frozenset(("from", "of", "since", "leaving", "departing"))
_TO_BEFORE = frozenset(("to", "into", "in", "until", "for"))
_DATE_WORDS = re.compile(r"\b(?:today|tomorrow|tonight|yesterday|monday|tuesday|wednesday|thursday|friday|saturday|sunday|week|weekend|month|year|morning|evening|afternoon|now|january|february|march|april|june|july|august|september|october|november|december)\b", re.IGNORECASE)  # fmt: skip


# Kinds whose values have a form of their own: the words behind «email of …» are no address.
_SHAPED = frozenset(
    ("query", "enum", "date", "datetime", "time", "expression", "email", "url", "phone", "currency")
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """*score*: how well it fits; 1 and more is evidence enough for an optional parameter."""

    value: Json
    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True)
class Spotter:
    """*vocabulary*: stems of the tool's own words, which are no values."""

    text: str
    today: date
    vocabulary: frozenset[str] = frozenset()

    def _phrases(self, before: frozenset[str]) -> list[Found]:
        return [
            phrase
            for phrase in values.phrases(self.text)
            if phrase.before in before
            and not all(
                names_a_kind(word) or word.isdigit() or word in STOP_WORDS for word in words(phrase.value)
            )
            and not _DATE_WORDS.search(phrase.value)
            and not set(stems(phrase.value)) <= self.vocabulary
            and not self._owned(phrase)
        ]

    def _owned(self, phrase: Found) -> bool:
        """Return whether *phrase* only says whose value is meant: «in my favourite city»."""
        owner = re.search(r"\b(?:my|our)\s+$", self.text[: phrase.start], re.IGNORECASE)
        return owner is not None and names_a_kind(words(phrase.value)[-1])

    def _scored(self, found: Sequence[Found], parameter: Parameter, base: float) -> list[Candidate]:
        return [Candidate(f.value, f.start, f.end, base + self._near(f, parameter)) for f in found if f.value]

    def _near(self, found: Found, parameter: Parameter) -> float:
        """Return a bonus when the words beside the value name the parameter, or its direction."""
        bonus = 0.0
        before, after = stem(found.before), stem(found.after)
        if before and (before in parameter.words or not related(before).isdisjoint(parameter.words)):
            bonus += 0.6
        if after and (after in parameter.words or not related(after).isdisjoint(parameter.words)):
            bonus += 0.6
        if not bonus and {before, after} & (parameter.about - parameter.words):
            bonus += 0.2
        if parameter.role == "from":
            bonus += 0.5 if found.before in _FROM_BEFORE else -0.4 if found.before in _TO_BEFORE else 0.0
        elif parameter.role == "to":
            bonus += 0.5 if found.before in _TO_BEFORE else -0.4 if found.before in _FROM_BEFORE else 0.0
        return bonus

    def _explicit(self, parameter: Parameter) -> list[Candidate]:
        """Return the value of «subject: Hello», «title is 'X'», «set the colour to red»."""
        if parameter.type != "string" or parameter.kind in _SHAPED:
            return []
        name = r"[\s_-]*".join(re.escape(part) for part in re.split(r"[\s_-]+", parameter.shown))
        pattern = rf"(?<!\w){name}(?!\w)(?:\s*[:=]\s*|\s+(?:is|to|as|of|should be|will be)\s+|\s+(?=[\"'“]))(?P<value>\"[^\"]+\"|'[^']+'|“[^”]+”|[^\s,;?!]+(?:\s+[^\s,;?!]+){{0,5}}?)(?=\s*(?:[,;?!]|\.?\s*$|\.\s|\s(?:and|with|for|from|to|in|on|at)\b))"
        found = re.search(pattern, self.text, re.IGNORECASE)
        if found is None or fold(found["value"]) in STOP_WORDS:
            return []
        return [Candidate(found["value"].strip("\"'“”"), found.start("value"), found.end("value"), 1.3)]

    def _residue(self, parameter: Parameter, score: float) -> list[Candidate]:
        """Return what of the text is neither small talk nor the tool's own words: «define serendipity»."""
        if not parameter.required:
            return []
        best: tuple[int, int] | None = None
        run: tuple[int, int] | None = None
        spans = [(f.start, f.end) for f in (*values.emails(self.text), *values.urls(self.text))]
        for match in [*re.finditer(r"[^\W_]+(?:['’.-][^\W_]+)*", self.text)]:
            plain = words(match[0])
            empty = all(
                w in STOP_WORDS
                or names_a_kind(w)
                or w.isdigit()
                or stem(w) in self.vocabulary
                or w in values._VERB_LIKE
                for w in plain
            ) or _DATE_WORDS.fullmatch(match[0])
            if empty or any(a <= match.start() < b for a, b in spans):
                run = None
                continue
            adjoining = run is not None and not self.text[run[1] : match.start()].strip()
            run = (run[0], match.end()) if run and adjoining else (match.start(), match.end())
            if best is None or run[0] == best[0] or run[1] - run[0] > best[1] - best[0]:
                best = run
        if best is None:
            return []
        return [Candidate(squeeze(self.text[best[0] : best[1]]), best[0], best[1], score)]
