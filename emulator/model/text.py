"""Text as the rules see it: cleaned, cut into sentences, words and stems. Works on any script."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from emulator.model.lexicon import IDEAS, STOP_WORDS

_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_CHUNK = re.compile(r"[^\W_]+(?:['’.,:/@+-][^\W_]+)*")
_CJK = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")
_NUMBER_UNIT = re.compile(r"(\d+(?:[.,]\d+)*)([^\W\d_]{1,10})")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BOUNDARY = re.compile(r"[.!?…]{1,8}[\"'”’»)\]]{0,4}\s+|[。！？]{1,8}\s*|;\s+|\n+")
_WORDLY = re.compile(r"[^\W_]")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|mr|mrs|ms|dr|prof|st|no|nr|vs|etc|inc|ltd|approx|max|min|tel|ext|dept|jr|sr|u\.s|a\.m|p\.m)|(?<![^\s(])[A-Z])\.$",
    re.IGNORECASE,
)

_ANY_QUOTE = re.compile("[\"'“„«‘`]")
_QUOTED = re.compile(
    r"\"[^\"\n]{1,500}\"|“[^”\n]{1,500}”|„[^“”\n]{1,500}[“”]|«[^»\n]{1,500}»|‘[^’\n]{1,500}’|`[^`\n]{1,500}`"
    r"|(?<!\w)'(?=\S)(?:[^'\n]|(?<=\w)'(?=\w)){1,500}'(?!\w)"
)

_IRREGULAR = {
    "children": "child", "people": "person", "men": "man", "women": "woman", "mice": "mouse", "feet": "foot",
    "went": "go", "gone": "go", "goes": "go", "bought": "buy", "paid": "pay", "sold": "sell", "sent": "send",
    "built": "build", "met": "meet", "held": "hold", "left": "leave", "leaves": "leave", "led": "lead",
    "made": "make", "wrote": "write", "written": "write", "began": "begin", "begun": "begin", "ate": "eat",
    "taught": "teach", "kept": "keep", "spent": "spend", "flew": "fly", "flown": "fly", "flies": "fly",
    "drove": "drive", "ran": "run", "won": "win", "lost": "lose", "took": "take", "taken": "take",
    "came": "come", "saw": "see", "seen": "see", "chose": "choose", "chosen": "choose", "spoke": "speak",
    "spoken": "speak", "grew": "grow", "knew": "know", "known": "know", "found": "find", "told": "tell",
    "better": "good", "best": "good", "worst": "bad", "analyses": "analysis", "data": "data", "news": "news",
    "status": "status", "address": "address", "addresses": "address", "business": "business",
    "businesses": "business", "class": "class", "classes": "class", "bus": "bus", "buses": "bus",
    "gas": "gas", "lens": "lens", "series": "series", "species": "species", "analysis": "analysis",
    "colour": "color", "colours": "color", "favourite": "favorite", "centre": "center", "grey": "gray",
    "organisation": "organization", "programme": "program", "cheque": "check", "aluminium": "aluminum",
    "universe": "universe", "university": "university", "universities": "university",
    "thing": "thing", "nothing": "nothing", "something": "something", "morning": "morning",
    "evening": "evening", "during": "during", "string": "string", "ring": "ring", "king": "king",
    "spring": "spring", "bring": "bring", "sing": "sing", "wedding": "wedding", "building": "building",
    "weather": "weather", "number": "number", "numbers": "number", "order": "order", "orders": "order",
}  # fmt: skip
_SUFFIXES = (
    "ations", "ation", "ators", "ator", "ements", "ement", "ments", "ment", "ness", "ings", "ing", "edly",
    "ously", "ions", "ion", "ates", "ated", "ate", "ers", "er", "ors", "or", "ies", "ied", "ed", "ful", "ly",
    "al", "es", "s", "y", "e",
)  # fmt: skip
_LONG_STEM = frozenset(("ers", "er", "ors", "or", "al", "ment", "ments", "ion", "ions", "ate", "ates", "ated", "y"))  # fmt: skip


def clean(text: str) -> str:
    """Return *text* without control and direction characters and lone surrogates; line ends are \\n."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", text)


def squeeze(text: str) -> str:
    """Return *text* on one line with single spaces."""
    return " ".join(text.split())


@lru_cache(maxsize=65_536)
def fold(word: str) -> str:
    """Return *word* in lower case without accents."""
    word = word.casefold()
    if word.isascii():
        return word
    bare = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
    return unicodedata.normalize("NFC", bare)


def folded_text(text: str) -> str:
    """Return *text* in lower case without accents, its words where they were as near as that leaves them."""
    lowered = text.casefold()
    if lowered.isascii():
        return lowered
    bare = "".join(c for c in unicodedata.normalize("NFKD", lowered) if not unicodedata.combining(c))
    return unicodedata.normalize("NFC", bare)


@lru_cache(maxsize=65_536)
def spellings(word: str) -> tuple[str, ...]:
    """Return texts of which one is part of every word whose stem is *word*."""
    found = [word, *_SPELLED.get(word, ())]
    if 3 < len(word) <= 15 and word.isdecimal():
        found.append(f"{int(word):,}")
    return tuple(found)


def words(text: str) -> list[str]:
    """Return the folded words of *text* in order. Ids, times and numbers stay whole; 1,000 becomes 1000."""
    found: list[str] = []
    for chunk in _CHUNK.findall(text):
        found.extend(_split_chunk(chunk))
    return found


@lru_cache(maxsize=65_536)
def _split_chunk(chunk: str) -> tuple[str, ...]:
    if _CJK.search(chunk):
        return tuple(chunk[i : i + 2] for i in range(max(1, len(chunk) - 1)))
    word = fold(chunk).replace("’", "'")
    if any(c.isdigit() for c in word):
        if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", word):
            return (word.replace(",", ""),)
        unit = _NUMBER_UNIT.fullmatch(word)
        return (unit[1], unit[2]) if unit else (word,)
    word = word.removesuffix("'s")
    return tuple(part for part in re.split(r"[.,:/@+-]", word) if part)


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """Return the form under which *word* (folded) meets its relatives: calculator, calculate -> calcul."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) > 40 or len(word) <= 3 or not word.isascii() or not word.isalpha():
        return word
    for _ in range(2):  # "cancellations": first the plural and -ation, then what they leave
        shorter = _strip(word)
        if shorter == word:
            break
        word = shorter
    return word


def _strip(word: str) -> str:
    for suffix in _SUFFIXES:
        if not word.endswith(suffix):
            continue
        left = word[: -len(suffix)]
        if len(left) < (4 if suffix in _LONG_STEM else 3) or (
            suffix == "s" and left.endswith(("s", "u", "i"))
        ):
            continue
        if (
            suffix in ("ing", "ings", "ed", "er", "ers")
            and len(left) > 3
            and left[-1] == left[-2] not in "sz"
        ):
            left = left[:-1]
        return left
    return word


def stems(text: str) -> list[str]:
    """Return the stems of the words of *text* that carry meaning, in order, repeats kept."""
    return [stem(word) for word in words(text) if word not in STOP_WORDS]


def name_words(name: str) -> list[str]:
    """Return the words of an identifier: fetchOrder_status -> fetch, order, status."""
    return [fold(word) for word in re.split(r"[\W_]+", _CAMEL.sub(" ", name)) if word]


@dataclass(frozen=True, slots=True)
class Quoted:
    """A quotation inside a text: *value* without its quotes, which stand at *start* and before *end*."""

    value: str
    start: int
    end: int


def quotations(text: str) -> list[Quoted]:
    """Return what stands in quotes in *text*, in order. An apostrophe inside a word opens nothing."""
    if _ANY_QUOTE.search(text) is None:
        return []
    return [Quoted(found[0][1:-1], found.start(), found.end()) for found in _QUOTED.finditer(text)]


def sentences(text: str) -> list[str]:
    """Return the sentences of *text*, in order, trimmed.

    Abbreviations, decimals and what stands inside quotes do not end one.
    """
    if _BOUNDARY.search(text) is None:
        return [text.strip()] if _WORDLY.search(text) else []
    found: list[str] = []
    start = 0
    quoted = iter(quotations(text))
    inside = next(quoted, None)
    for boundary in _BOUNDARY.finditer(text):
        while inside and inside.end <= boundary.start():
            inside = next(quoted, None)
        if inside and inside.start < boundary.start() < inside.end - 1 and boundary.end() <= inside.end - 1:
            continue
        head = text[max(start, boundary.start() - 12) : boundary.start() + 1]
        if boundary[0].rstrip()[-1:] in "\"'”’»)" and text[boundary.end() : boundary.end() + 1].islower():
            continue  # «Say "Ahoy!" before each answer» goes on
        if boundary[0][0] == "." and "\n" not in boundary[0] and _ABBREVIATION.search(head):
            continue
        found.append(text[start : boundary.end()].strip().rstrip(";"))
        start = boundary.end()
    found.append(text[start:].strip())
    return [sentence for sentence in found if _WORDLY.search(sentence)]


@lru_cache(maxsize=65_536)
def related(word: str) -> frozenset[str]:
    """Return the stems that mean nearly the same as the stem *word*; empty when none is known."""
    return _RELATED.get(word, frozenset())


_SPELLED: dict[str, tuple[str, ...]] = {}
for _word, _stem in _IRREGULAR.items():
    _SPELLED[_stem] = (*_SPELLED.get(_stem, ()), _word)


def _build_related() -> dict[str, frozenset[str]]:
    table: dict[str, set[str]] = {}
    for idea in IDEAS:
        group = {stem(word) for part in idea for word in words(part)}
        for word in group:
            table.setdefault(word, set()).update(group - {word})
    return {word: frozenset(group) for word, group in table.items()}


_RELATED = _build_related()


def close(left: str, right: str) -> bool:
    """Return whether two words of five letters or more differ by one typing slip."""
    if abs(len(left) - len(right)) > 1 or min(len(left), len(right)) < 5 or left[0] != right[0]:
        return False
    at = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), None)
    if at is None:
        return True
    a, b = left[at:], right[at:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])


def count_tokens(text: str) -> int:
    """Return an estimate of what *text* costs: a token for every four bytes of UTF-8, rounded up."""
    return (len(text.encode("utf-8", "replace")) + 3) // 4
