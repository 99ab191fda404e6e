"""Values that stand in a text: quotations, addresses, ids, numbers, dates, names. Each with where it stands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from emulator.model.lexicon import (
    CURRENCIES,
    CURRENCY_CODES,
    NUMBER_WORDS,
    SCALE_WORDS,
    STOP_WORDS,
    word_list,
)
from emulator.model.text import fold, quotations


@dataclass(frozen=True, slots=True)
class Found:
    """*before*: the word in front, in lower case; *after*: the word behind."""

    value: str
    start: int
    end: int
    before: str = ""
    after: str = ""


_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_URL = re.compile(r"\b(?:https?|ftp)://[^\s\"'<>)\]]+|\bwww\.[^\s\"'<>)\]]+")
_PHONE = re.compile(r"(?<![\w-])\+?\d[\d ()/-]{6,18}\d(?![\w-])")
_GUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_ID = re.compile(
    rf"\b{_GUID}\b|#\s?(?P<hash>\w[\w-]*)|\b[A-Za-z]{{1,10}}(?:[-_/][A-Za-z0-9]{{1,12}}){{0,3}}[-_/]\d[\w-]*\b|\b[A-Z]{{1,6}}\d[\w-]*\b|\b[A-Z]{{2,6}} \d{{1,10}}\b|\b\d+-\d[\d-]*\b|(?<![\w.,])\d+[A-DF-Z][A-Z]*\d*\b|\b[a-z]{{1,4}}\d{{2,}}\b|\b\d{{4,}}\b"
)
_LABELLED = re.compile(
    r"\b(?:id|number|no\.?|nr\.?|code|sku|reference|ref\.?|serial|ticket|order|invoice|case|case number|account|flight|employee|customer|booking|patient|student|device|item|product|policy|claim|gate|room|badge|asset|user|member|table|seat|train|bus|issue|task|request|report|file|record|locker|vehicle|lot|batch|part|project|member|tenant|shipment|parcel|package|loan|card)\s*(?:id|number|no\.?|nr\.?|code|is|:|#|=)*\s*#?(?P<value>[A-Za-z]*-?\d[\w-]*)",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"(?<![\w.,/-])(?P<sign>-?)(?P<money>[$€£¥])?\s?(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?P<scale>\s?(?:k|m|thousand|million|billion)\b)?(?=\s?%|[^\W\d_]{0,12}\b|$|\W)(?!-\d)"
)
_WORD_NUMBER = re.compile(
    r"\b(?:a\s+)?(?:"
    + "|".join([*NUMBER_WORDS, *SCALE_WORDS])
    + r")(?:[\s-]+(?:and\s+)?(?:"
    + "|".join([*NUMBER_WORDS, *SCALE_WORDS])
    + r"))*\b",
    re.IGNORECASE,
)
_MONTHS = word_list("january february march april may june july august september october november december")
_MONTH = r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
_DAYS = word_list("monday tuesday wednesday thursday friday saturday sunday")
_DATES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?P<year>\d{4})-(?P<number>\d{1,2})-(?P<day>\d{1,2})(?:T[\d:.Z+-]+)?\b",
        rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\.?(?: of)? {_MONTH}(?:,? (?P<year>\d{{4}}))?(?!\w)",
        rf"\b{_MONTH} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:,? (?P<year>\d{{4}}))?\b",
        r"\b(?P<day>\d{1,2})\.(?P<number>\d{1,2})\.(?P<year>\d{4})\b",
        r"\b(?P<number>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})\b",
        r"\b(?P<relative>the day after tomorrow|today|tonight|tomorrow|yesterday)\b",
        rf"\b(?:(?P<next>next|this|last|on)\s+)?(?P<weekday>{'|'.join(_DAYS)})\b",
        r"\bin (?P<ahead>\d+|a|one|two|three|four|five|six|seven) (?P<unit>days?|weeks?)\b",
        r"\b(?P<span>(?:this|next|last) (?:week|weekend|month|year|morning|afternoon|evening|night))\b",
    )
)
_TIME = re.compile(
    r"\b(?:[01]?\d|2[0-3])[:h][0-5]\d(?!\d)(?::[0-5]\d)?(?:\s?[ap]\.?m\b\.?)?"
    r"|\b(?:[01]?\d|2[0-3])\.[0-5]\d(?=\s?(?:[ap]\.?m\b|uhr\b|o'clock))(?:\s?[ap]\.?m\b\.?)?"
    r"|(?:(?<=\bat )|(?<=\bum )|(?<=\bby ))(?:[01]?\d|2[0-3])\.[0-5]\d(?![\d%])(?!\s?(?:eur|usd|gbp|euros?|dollars?|pounds?|per|each|a)\b)|\b(?:1[0-2]|0?[1-9])\s?[ap]\.?m\b\.?|\b(?:noon|midnight)\b",
    re.IGNORECASE,
)
_CAPITAL = r"[^\W\d_a-z][^\W_]*(?:['’&.-][^\W_]+)*"
_NAME = re.compile(
    rf"{_CAPITAL}(?:\s+(?:(?:of|de|da|del|della|di|du|la|le|el|al|van|von|der|den|bin|ibn|y|the|&)\s+){{0,2}}{_CAPITAL}|\s\d{{1,3}}(?![\w-]|[.,]\d))*"
)
_PHRASE = re.compile(
    r"\b(?P<prep>in|for|of|at|from|to|near|about|on|by|with|called|named|regarding|into|around|titled|against|is|between)\s+(?:the\s+|a\s+|an\s+|my\s+|our\s+)?"
    r"(?P<value>[^\W_][\w'’&.-]*(?:\s+[\w'’&.-]+){0,4}?)(?=\s*$|\s*[?!,;:)]|\.(?:\s|$)|\s+(?:and|or|in|on|at|for|to|from|with|of|about|near|by|via|using|today|tomorrow|tonight|now|right|this|next|last|please|as|is|are|was|be|per|when|if|into|between|versus|vs|that|which|who|because|so|then|due|starting|until|costs?|does|do)\b)",
    re.IGNORECASE,
)
_STREET = re.compile(
    r"\b\d{1,5}[a-z]?\s+(?:[A-Z][\w'’.-]*\s+){1,4}?(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Way|Square|Sq|Court|Ct|Place|Pl|Terrace|Close|Row|Quay|Alley|Parkway|Highway)\b\.?(?:,\s+[A-Z][\w'’-]*(?:\s+[A-Z0-9][\w'’-]*)*)*"
    r"|\b[A-ZÄÖÜ][\wäöüß.-]*(?:straße|strasse|gasse|weg|platz|allee)\s+\d{1,4}[a-z]?(?:,\s+(?:\d{4,5}\s+)?[A-ZÄÖÜ][\w-]*)?"
)
_VERB_LIKE = frozenset(
    word_list("""what which who whose where when why how is are was were do does did can could will would should may might has
    have had tell give show find get check look lookup search calculate compute convert translate book send create add
    cancel schedule please list name explain describe summarise summarize call use ask order buy sell need want help
    let make set turn write read open close start stop update delete remove register track order i i'm i'd i'll i've
    hi hello hey thanks thank yes no ok okay and or but also then so dear good any if define spell reserve plan
    generate submit report request file fetch query return say repeat estimate weather price stock status multiply
    divide subtract sum remind email invite notify message assign move copy print compare rate play toggle extract
    classify triage convert multiply busca buscar muestra dime dame envía envia crea calcula cherche trouve montre
    donne envoie crée calcule suche zeige finde gib nenne sende sage rechne berechne cerca trova mostra dammi procura
    mostre zoek toon geef""")
)
_WORD_BEFORE = re.compile(r"([^\W_][\w'’-]*)\W*$")
_WORD_AFTER = re.compile(r"^[\s%-]*([^\W\d_][\w'’]*)")


def _at(text: str, value: str, start: int, end: int) -> Found:
    before = _WORD_BEFORE.search(text[max(0, start - 40) : start])
    after = _WORD_AFTER.search(text[end : end + 40])
    return Found(value, start, end, fold(before[1]) if before else "", fold(after[1]) if after else "")


def currencies(text: str) -> tuple[Found, ...]:
    """Return the currencies of *text* as codes; where they stand is where they are named."""
    found = [
        _at(text, m[0].upper(), m.start(), m.end())
        for m in re.finditer(r"\b[A-Za-z]{3}\b", text)
        if m[0].upper() in CURRENCY_CODES
        and (m[0].isupper() or fold(m[0]) in ("usd", "eur", "gbp", "jpy", "chf"))
    ]
    for name, code in CURRENCIES.items():
        pattern = re.escape(name) if not name[0].isalpha() else rf"\b{name}\b"
        for m in re.finditer(pattern, text, re.IGNORECASE):
            if not _overlaps(m.start(), m.end(), [(f.start, f.end) for f in found]):
                found.append(_at(text, code, m.start(), m.end()))
    return tuple(sorted(found, key=lambda f: f.start))


def tickers(text: str) -> list[Found]:
    """Return what looks like the symbol of a share: MSFT, BRK.B."""
    if text.isupper():
        return []
    return [
        _at(text, m[0], m.start(), m.end())
        for m in re.finditer(r"\b[A-Z]{2,5}(?:\.[A-Z]{1,2})?\b", text)
        if m[0] not in CURRENCY_CODES
    ]


def streets(text: str) -> list[Found]:
    """Return the postal addresses: 5 Elm Street, 12b Mill Lane, Springfield."""
    return [_at(text, m[0].strip(" ,."), m.start(), m.end()) for m in _STREET.finditer(text)]


def quoted(text: str) -> list[Found]:
    return [_at(text, q.value, q.start, q.end) for q in quotations(text)]


def emails(text: str) -> list[Found]:
    return [_at(text, m[0].rstrip("."), m.start(), m.end()) for m in _EMAIL.finditer(text)]


def urls(text: str) -> list[Found]:
    return [_at(text, m[0].rstrip(".,;:?!"), m.start(), m.end()) for m in _URL.finditer(text)]


def phones(text: str) -> list[Found]:
    return [_at(text, m[0].strip(), m.start(), m.end()) for m in _PHONE.finditer(text)]


@lru_cache(maxsize=512)
def ids(text: str) -> tuple[Found, ...]:
    """Return what looks like an id: A-1002, ORD 42, #123, INV-2024-7, or a number that a label announces."""
    taken = [
        (f.start, f.end)
        for f in (
            *emails(text),
            *urls(text),
            *(d for d in dates(text) if d.value[:1].isdigit() or d.value[-1:].isdigit()),
            *times(text),
        )
    ]
    found: dict[int, Found] = {}
    for match in _ID.finditer(text):
        value = (match["hash"] or match[0]).strip("-")
        year = re.fullmatch(r"(?:19|20)\d\d", value) and not match["hash"]
        if not year and not _overlaps(match.start(), match.end(), taken):
            found[match.start()] = _at(text, value, match.start(), match.end())
    covered = [(f.start, f.end) for f in found.values()]
    for match in _LABELLED.finditer(text):
        start, end = match.span("value")
        if not _overlaps(start, end, covered) and not _overlaps(start, end, taken):
            found[start] = _at(text, match["value"], start, end)
    return tuple(found[start] for start in sorted(found))


def _overlaps(start: int, end: int, spans: list[tuple[int, int]]) -> bool:
    return any(start < other_end and other_start < end for other_start, other_end in spans)


@dataclass(frozen=True, slots=True)
class Number:
    """*unit*: the word or sign behind the number, in lower case; *money*: its currency sign."""

    value: float
    found: Found
    unit: str
    money: str

    @property
    def exact(self) -> int | float:
        return int(self.value) if self.value.is_integer() and abs(self.value) < 1e15 else self.value


def numbers(text: str) -> list[Number]:
    """Return the numbers of *text* in order, written in digits or in English words."""
    taken = [
        (f.start, f.end)
        for f in (*emails(text), *urls(text), *(i for i in ids(text) if not i.value.isdigit()))
    ]
    found = []
    for match in _NUMBER.finditer(text):
        start, end = match.span()
        if not _overlaps(start, end, taken):
            value = float(match["sign"] + match["digits"].replace(",", ""))
            metres = (match["scale"] or "").strip() == "m" and not match["money"]
            value *= 1.0 if metres else _scale(match["scale"])
            at = _at(text, match[0].strip(), start, end)
            percent = text[end : end + 2].lstrip().startswith("%")
            found.append(Number(value, at, "%" if percent else at.after, match["money"] or ""))
    spans = [(n.found.start, n.found.end) for n in found]
    for match in _WORD_NUMBER.finditer(text):
        named = read_number_words(match[0])
        if named is not None and not _overlaps(*match.span(), spans):
            at = _at(text, match[0], *match.span())
            found.append(Number(float(named), at, at.after, ""))
    return sorted(found, key=lambda n: n.found.start)


def _scale(text: str | None) -> float:
    return {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "billion": 1e9}.get(
        (text or "").strip().lower(), 1.0
    )


def read_number_words(text: str) -> int | None:
    """Return the number that English words such as «two hundred and five» name; None when they name none."""
    total = group = 0
    known = False
    for word in re.split(r"[\s-]+", fold(text)):
        if word in NUMBER_WORDS:
            group, known = group + NUMBER_WORDS[word], True
        elif word == "hundred":
            group, known = (group or 1) * 100, True
        elif word in SCALE_WORDS:
            total, group, known = total + (group or 1) * SCALE_WORDS[word], 0, True
        elif word not in ("and", "a"):
            return None
    return total + group if known else None


@lru_cache(maxsize=512)
def dates(text: str) -> tuple[Found, ...]:
    """Return the dates of *text* as written: absolute, relative (tomorrow) and weekdays."""
    found: list[Found] = []
    for pattern in _DATES:
        for match in pattern.finditer(text):
            if not _overlaps(*match.span(), [(f.start, f.end) for f in found]):
                start = (
                    match.start("weekday")
                    if match.groupdict().get("weekday") and match["next"] in ("on", "On")
                    else match.start()
                )
                found.append(_at(text, text[start : match.end()], start, match.end()))
    return tuple(sorted(found, key=lambda f: f.start))


def iso_date(text: str, today: date) -> str | None:
    """Return the date that *text* names as YYYY-MM-DD, seen from *today*; None when it names no single day."""
    for pattern in _DATES:
        match = pattern.fullmatch(text.strip())
        if match is None:
            continue
        part = match.groupdict()
        if part.get("relative"):
            ahead = {"tomorrow": 1, "yesterday": -1, "the day after tomorrow": 2}.get(
                part["relative"].lower(), 0
            )
            return (today + timedelta(days=ahead)).isoformat()
        if part.get("weekday"):
            ahead = (_DAYS.index(part["weekday"].lower()) - today.weekday()) % 7
            back = (part.get("next") or "").lower() == "last"
            return (today + timedelta(days=ahead - 7 if back else ahead or 7)).isoformat()
        if part.get("ahead"):
            count = (
                int(part["ahead"]) if part["ahead"].isdigit() else NUMBER_WORDS.get(part["ahead"].lower(), 1)
            )
            return (today + timedelta(days=count * (7 if part["unit"].startswith("week") else 1))).isoformat()
        if part.get("day"):
            return _calendar_day(part, today)
    return None


def _calendar_day(part: dict[str, str | None], today: date) -> str | None:
    name = (part.get("month") or "")[:3].lower()
    number = (
        int(part["number"] or 0)
        if part.get("number")
        else next((i for i, m in enumerate(_MONTHS, 1) if m[:3] == name), 0)
    )
    try:
        return date(int(part.get("year") or today.year), number, int(part["day"] or 0)).isoformat()
    except ValueError:
        return None


def times(text: str) -> list[Found]:
    return [_at(text, m[0], m.start(), m.end()) for m in _TIME.finditer(text)]


@lru_cache(maxsize=512)
def names(text: str) -> tuple[Found, ...]:
    """Return the proper names of *text*: capitalised words in a row, without what merely opens a sentence."""
    taken = [
        (f.start, f.end)
        for f in (*urls(text), *emails(text), *dates(text), *(i for i in ids(text) if not i.value.isdigit()))
    ]
    found = []
    for match in _NAME.finditer(text):
        for start, end in _trim_name(text, match.start(), match.end()):
            value = re.sub(r"['’]s$", "", text[start:end]).rstrip(".")
            if (
                value
                and not _overlaps(start, end, taken)
                and fold(value) not in STOP_WORDS | {"i'm", "i'd", "i'll", "i've"}
            ):
                found.append(_at(text, value, start, start + len(value)))
    return tuple(found)


def _opens_only(word: str) -> bool:
    """Return whether a capitalised *word* at the start of a sentence is no name."""
    return fold(re.sub(r"['’]s$", "", word)) in _VERB_LIKE | STOP_WORDS


def _trim_name(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    opens = not text[:start].strip() or text[:start].rstrip()[-1:] in ".!?:\n"
    pieces = [(m.start() + start, m.end() + start) for m in re.finditer(r"\S+", text[start:end])]
    while pieces and opens and _opens_only(text[pieces[0][0] : pieces[0][1]]):
        pieces = pieces[1:]
    while pieces and text[pieces[0][0] : pieces[0][1]].isdigit():
        pieces = pieces[1:]
    run_start = None
    for at, (piece_start, piece_end) in enumerate(pieces):  # "Seattle's Mayor" is two names
        run_start = piece_start if run_start is None else run_start
        if re.search(r"['’]s$", text[piece_start:piece_end]) or at == len(pieces) - 1:
            yield run_start, piece_end
            run_start = None


@lru_cache(maxsize=512)
def phrases(text: str) -> tuple[Found, ...]:
    """Return what follows a preposition, up to the next one; *before* holds the preposition."""
    found = []
    at = 0
    while match := _PHRASE.search(text, at):
        value = match["value"].rstrip(".'’")
        if fold(value) not in STOP_WORDS:
            found.append(
                Found(value, match.start("value"), match.start("value") + len(value), fold(match["prep"]))
            )
        at = match.start("value") + 1 if match["prep"].lower() == "is" else match.end("value")
    return tuple(found)
