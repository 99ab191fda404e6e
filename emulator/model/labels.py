"""Classification: instructions that name the labels to choose from, and the label that a text gets."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from emulator.model.lexicon import word_list
from emulator.model.passages import Passage
from emulator.model.text import close, fold, related, squeeze, stem, stems, words

_CHOOSES = re.compile(
    r"\b(?:classif\w+|categori[sz]\w+|triage|label\w*|tag|assess\w*|estimat\w+|rat(?:e|ing)|prioriti[sz]\w+|sentiment|decide which|determine (?:the|which|how)|"
    r"choose (?:one )?from|(?:respond|reply|answer) with (?:exactly |only )?one of)\b",
    re.IGNORECASE,
)
_OFFERS = re.compile(
    r"\b(?:one of|following|choose|pick|scale|levels?|categor(?:y|ies)|labels?|classes|teams?|options|priorities)\b",
    re.IGNORECASE,
)
_INLINE = re.compile(
    r"\b(?:as|into|with|from|either|one of)\s*:?\s+(?P<list>[\"']?[\w-]+[\"']?(?:\s*,\s*[\"']?[\w-]+[\"']?)*,?\s+or\s+[\"']?[\w-]+[\"']?)",
    re.IGNORECASE,
)
_DEFAULTS = ("other", "neutral", "general", "misc", "miscellaneous", "unknown", "none")
_GOOD = frozenset(stem(w) for w in word_list("""good great excellent amazing love loved loves like liked happy wonderful fantastic perfect best pleased
    delighted awesome enjoy enjoyed recommend satisfied thanks brilliant superb fast friendly helpful delicious"""))  # fmt: skip
_BAD = frozenset(stem(w) for w in word_list("""bad worst terrible awful hate hated poor broken broke breaks disappointed disappointing disappointment slow rude horrible useless
    refund waste wasted never fail failed failing angry unhappy annoying dirty cold late cancel worse defective"""))  # fmt: skip
_SPEAKS_OF = {
    "positive": _GOOD,
    "negative": _BAD,
    "frontend": frozenset(stem(w) for w in word_list("app mobile page screen button browser layout css ui form website display font menu")),
    "backend": frozenset(stem(w) for w in word_list("api database server query password login authentication data endpoint sync")),
    "infrastructure": frozenset(stem(w) for w in word_list("network outage deployment dns cluster disk vpn hosting downtime certificate")),
    "marketing": frozenset(stem(w) for w in word_list("campaign newsletter banner brand social advert promotion seo")),
    "billing": frozenset(stem(w) for w in word_list("invoice charge charged refund payment paid price card subscription")),
    "technical": frozenset(stem(w) for w in word_list("crash error bug install login password slow broken fails update")),
    "high": frozenset(stem(w) for w in word_list("cannot can't outage down everyone blocked production urgent asap critical crash all")),
    "low": frozenset(stem(w) for w in word_list("typo cosmetic minor colour color wording suggestion nice")),
    "urgent": frozenset(stem(w) for w in word_list("asap immediately emergency now outage down critical")),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Label:
    name: str
    meaning: str = ""


def read_labels(sentences: Iterable[str], passages: Iterable[Passage]) -> tuple[Label, ...]:
    """Return the labels that the instructions choose from; empty when they classify nothing."""
    told = list(sentences)
    held = list(passages)
    if not any(_CHOOSES.search(text) for text in (*told, *(passage.context for passage in held))):
        return ()
    listed = [
        passage
        for passage in held
        if _OFFERS.search(passage.context) and passage.kind in ("entry", "sentence")
    ]
    first = [passage for passage in listed if passage.context == listed[0].context]
    if len(first) > 1 and all(len(passage.text.split(":")[0].split()) <= 4 for passage in first):
        parts = [passage.text.partition(":") for passage in first]
        return tuple(Label(squeeze(name).rstrip("."), squeeze(meaning)) for name, _, meaning in parts)
    for text in told:
        if _CHOOSES.search(text) and (found := _INLINE.search(text)):
            names = re.split(r"\s*,\s*(?:or\s+)?|\s+or\s+", found["list"])
            return tuple(Label(name.strip("\"'")) for name in names if name)
    return ()


def choose(text: str, labels: Sequence[Label]) -> tuple[Label, tuple[str, ...]]:
    """Return the label that fits *text* best and the words that speak for it.

    Without a word that does, it is the one for everything else, or the one in the middle.
    """
    spoken = {stem(word): word for word in words(text)}
    best = max(labels, key=lambda label: len(_reasons(label, spoken)))
    if reasons := _reasons(best, spoken):
        return best, reasons
    fallback = next((label for label in labels if fold(label.name) in _DEFAULTS), labels[len(labels) // 2])
    return fallback, ()


def said(text: str, labels: Sequence[Label]) -> str:
    """Return the label of *text* as a reply, with its meaning or the words that led to it."""
    label, reasons = choose(text, labels)
    if label.meaning:
        return f"{label.name}: {label.meaning.rstrip('.')}."
    return f"{label.name} (it mentions {', '.join(reasons[:3])})." if reasons else f"{label.name}."


def _reasons(label: Label, spoken: dict[str, str]) -> tuple[str, ...]:
    own = frozenset(stems(f"{label.name} {label.meaning}"))
    known = frozenset().union(*(_SPEAKS_OF.get(word, frozenset()) for word in words(label.name)))
    return tuple(
        word
        for key, word in spoken.items()
        if key in own | known
        or not related(key).isdisjoint(own)
        or any(close(word, fold(name)) for name in (label.name,))
    )
