"""What the instructions say about the form of a reply: fixed words, what stands before and after, style."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from emulator.model.lexicon import NUMBER_WORDS
from emulator.model.text import Quoted, quotations, squeeze

_SLOT = re.compile(
    r"<[^<>\n]{1,40}>|\{\{?[^{}\n]{1,40}\}?\}|\[[^\[\]\n]{1,40}\]|_{3,}|(?<=[\s:])(?:\.\.\.|…)$|(?<=[\s:])XXX?\b"
)
_RESULT = (
    r"(?:response|answer|output|result|reply|value|message|text|data|outcome|information|what|whatever)s?"
)
_FOLLOWED = re.compile(
    r"^\s*(?:,\s*)?(?:(?:and|&|\+|,)?\s*then|followed by|plus|and|\+|before|,|:|-|—)?\s*(?:by |with |give |add |say |return )?(?:the |its |your )?"
    r"(?:[\w'’]+ ){0,4}?" + _RESULT + r"\b",
    re.IGNORECASE,
)
_PRECEDED = re.compile(
    r"\b" + _RESULT + r"\b[^\"'“‘«]{0,40}?(?:followed by|and then|then|plus|and)\s*$", re.IGNORECASE
)
_STARTS = re.compile(
    r"\b(?:start|begin|open|prefix|preface|prepend|precede|introduce)(?:s|es|ing|ed)?\b[^.]{0,60}?\b(?:with|by|saying)\b|\bprepend\b|\bput\b(?=.*\b(?:before|in front)\b)"
    r"|\b(?:prefix|prefixed)\s*:?\s*$",
    re.IGNORECASE,
)
_ENDS = re.compile(
    r"\b(?:end|finish|close|conclude|sign off|sign|suffix)(?:s|es|ing|ed)?\b[^.]{0,60}?\b(?:with|by|as)\b|\bappend\b|\badd\b(?=.*\bend\b)",
    re.IGNORECASE,
)
_TOOL_RESULT = re.compile(
    r"\b(?:tool|function|agent|bot|api|call|output|result|response from|came back|returned)\b", re.IGNORECASE
)
_LEAD = r"(?:(?:always|please|then|only|simply|just|immediately|politely|you|must|should|will|can|may|have to|need to|to|be sure to|make sure to|and)\s+)*"
_TELL = re.compile(
    rf"^{_LEAD}(?:tells?|inform|remind|advise|let)\s+(?:them|him|her|me|us|(?:the |every |all |your )?(?:users?|people|customers?|callers?|everyone|employees?|guests?|clients?|visitors?|students?|patients?|person))"
    r"(?:\s+know)?(?P<that>\s+that)?:?\s+(?P<text>.+)$",
    re.IGNORECASE,
)
_SAY_THAT = re.compile(
    rf"^{_LEAD}(?:says?|answers?|repl(?:y|ies)|responds?|states?|mentions?|explains?|returns?|outputs?|note|confirm)\s+that\s+(?P<text>.+)$",
    re.IGNORECASE,
)
_SAY = re.compile(
    rf"^{_LEAD}(?:says?|answers?|repl(?:y|ies)|responds?|returns?|outputs?|gives?|writes?|prints?|use|state)\b"
    r"(?:\s+(?:to\s+)?(?:every|any|all|each|whatever)\b[^,:\"'“]{0,40}?(?=\s+with\b))?"
    r"(?:\s+(?:only|exactly|just|simply|always|back|precisely))*(?:\s*,?\s*(?:with|using|:|as))?(?:\s+(?:only|exactly|just|simply|precisely))*"
    r"(?:\s+(?:the|this|a)\s+(?:single\s+|exact\s+|following\s+|fixed\s+)*(?:words?|phrase|text|sentence|number|value|string|message|answer|reply|response|line))?\s*:?\s+(?P<text>.+)$",
    re.IGNORECASE,
)
_NOT_LITERAL = re.compile(
    r"^(?:in|by|using|as|with|to|from|on|at|for|only|any|all|every|each|questions?|based|according|whatever|no more|not|never|always|accordingly|under|within|or|and|it(?! is| has| was|'s)|them|if|when|one|a single|of|about|like|json|xml|html|ya?ml|csv|markdown|plain text|bullets?|bullet points|lists?|sentences?|numbers?|prose)\b"
    r"|^\w+ly\b(?!\s+\w+ (?:is|are))",
    re.IGNORECASE,
)
_DETERMINED = re.compile(r"^(?:the|a|an|your|their|its|his|her|our|some|what|how)\b", re.IGNORECASE)
_FINITE = re.compile(
    r"\b(?:is|are|was|were|has|have|costs?|takes?|can|will|must|opens?|closes?|lasts|starts?|ends?|lives?|lies|does)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Wrapping:
    """Words round the reply. *template* holds slots such as <answer>; *after_tool*: only round a call's output."""

    prefix: str = ""
    suffix: str = ""
    template: str = ""
    after_tool: bool = False


@dataclass(frozen=True, slots=True)
class Style:
    case: str = ""  # "upper", "lower" or as it comes
    max_sentences: int = 0
    max_words: int = 0
    bullets: bool = False
    json_keys: tuple[str, ...] = ()

    @property
    def json(self) -> bool:
        return bool(self.json_keys)


def read_wrapping(sentence: str) -> Wrapping | None:
    """Return the wrapping that *sentence* asks for, None when it asks for none."""
    quoted = quotations(sentence)
    after_tool = bool(_TOOL_RESULT.search(_without(sentence, quoted)))
    for quote in quoted:
        before, after = sentence[: quote.start], sentence[quote.end :]
        if _SLOT.search(quote.value) and re.search(r"[^\W_]", _SLOT.sub("", quote.value)):
            several = len(_SLOT.findall(quote.value)) > 1
            return Wrapping(template=quote.value, after_tool=after_tool or several)
        if _STARTS.search(before) or re.search(
            r"^\s*(?:at the (?:start|beginning)|before|in front of|as (?:a |the )?prefix)", after
        ):
            return Wrapping(
                prefix=quote.value, suffix=_second_suffix(quoted, sentence), after_tool=after_tool
            )
        if _ENDS.search(before) or re.search(
            r"^\s*(?:at the (?:very )?end|after (?:the|your|every|each) (?:answer|reply|response))", after
        ):
            return Wrapping(suffix=quote.value, after_tool=after_tool)
        if _PRECEDED.search(before):
            return Wrapping(suffix=quote.value, after_tool=after_tool)
        if re.search(
            r"\b(?:answer|respond|repl|say|return|output|give|write|use|format)", before, re.IGNORECASE
        ) and _FOLLOWED.match(after):
            return Wrapping(
                prefix=quote.value, suffix=_second_suffix(quoted, sentence), after_tool=after_tool
            )
    return None if quoted else _read_unquoted(sentence, after_tool)


def fill_template(template: str, text: str, known: Mapping[str, str]) -> str | None:
    """Return *template* with each slot filled: by the value of that name in *known*, else by *text*.

    None when it has several slots and one of them has no value of its own.
    """
    slots = _SLOT.findall(template)
    fillings = []
    for slot in slots:
        name = re.sub(r"[\W_]+", "", slot).lower()
        own = next(
            (value for key, value in known.items() if re.sub(r"[\W_]+", "", key).lower() == name), None
        )
        if (
            own is None
            and len(slots) > 1
            and not re.search(r"answer|response|result|output|reply|text|value", name)
        ):
            return None
        fillings.append(text if own is None else own)
    parts = _SLOT.split(template)
    return "".join(part + filling for part, filling in zip(parts, [*fillings, ""], strict=False))


def _second_suffix(quoted: list[Quoted], sentence: str) -> str:
    """Return the words of «start with 'A' and end with 'B'» that end the reply."""
    for left, right in pairwise(quoted):
        between = sentence[left.end : right.start]
        if _ENDS.search(between) or re.search(
            _RESULT + r".*\b(?:and|then|followed by)\s*$", between, re.IGNORECASE
        ):
            return right.value
    return ""


def _read_unquoted(sentence: str, after_tool: bool) -> Wrapping | None:
    bare = sentence.strip().rstrip(".")
    if found := re.search(
        r"\b(?:start|begin|prefix|preface)s?\s+(?:(?:your|all|every|each|any|the)\s+)*(?:answers?|repl(?:y|ies)|responses?|messages?|sentences?)?\s*(?:with|by saying)\s+"
        r"(?:the (?:word|words|phrase)\s+)?(?P<text>[A-Z\W][^.]{0,80})$", bare, re.IGNORECASE,
    ):  # fmt: skip
        about_tool = bool(_TOOL_RESULT.search(bare[: found.start("text")]))
        return Wrapping(prefix=found["text"], after_tool=about_tool) if _is_speech(found["text"]) else None
    if found := re.search(
        r"\b(?:end|finish|close|sign)s?\s+(?:off\s+)?(?:(?:your|all|every|each|any|the)\s+)*(?:answers?|repl(?:y|ies)|responses?|messages?|sentences?)?\s*(?:with|by saying|as)\s+"
        r"(?:the (?:word|words|phrase)\s+)?(?P<text>[^.]{1,80}[.!?]?)$", bare, re.IGNORECASE,
    ):  # fmt: skip
        about_tool = bool(_TOOL_RESULT.search(bare[: found.start("text")]))
        return Wrapping(suffix=found["text"], after_tool=about_tool) if _is_speech(found["text"]) else None
    if found := re.search(
        r"(?i:\b(?:answer|respond|reply|say)s?(?: only)?(?: with)?) (?P<text>[A-Z][\w ]{1,40}?:?),? (?:and then|followed by|then) (?:the )?(?:\w+ ){0,3}?" + _RESULT + r"\b", bare
    ):  # fmt: skip
        return Wrapping(prefix=found["text"], after_tool=after_tool)
    return None


def _is_speech(text: str) -> bool:
    return bool(text[:1].isupper() or not text[:1].isalnum()) and not re.match(
        r"(?i)(?:a|an|the|your|some)\b", text
    )


def _without(sentence: str, quoted: list[Quoted]) -> str:
    for quote in reversed(quoted):
        sentence = f"{sentence[: quote.start]} {sentence[quote.end :]}"
    return sentence


def read_reply(action: str) -> str:
    """Return the very words that *action* («say that the office is closed») wants said; "" when it names none."""
    bare = action.strip()
    if found := _TELL.match(bare):
        text = re.sub(r"^to\s+", "", found["text"]) if not found["that"] else found["text"]
        return (
            finish(_unquoted(text))
            if found["that"] or _literal(text) or _FINITE.search(text) or text != found["text"]
            else ""
        )
    if found := _SAY_THAT.match(bare):
        return finish(_unquoted(found["text"]))
    if found := _SAY.match(bare):
        text = found["text"]
        if (quoted := quotations(text)) and (quoted[0].start <= 2 or not _literal(text)):
            return quoted[0].value
        text = re.sub(r"(?i),?\s+(?:and )?(?:nothing else|no more)\W*$", "", text)
        return _words_or_sentence(_unquoted(text)) if _literal(text) else ""
    return ""


def _literal(text: str) -> bool:
    """Return whether *text* is to be said as it stands, rather than describing what to say."""
    if _NOT_LITERAL.match(text):
        return False
    if _DETERMINED.match(text):
        return bool(_FINITE.search(text)) or bool(re.search(r"\d", text))
    return (
        bool(re.search(r"\d|[$€£@]", text))
        or text[:1].isupper()
        or len(text.split()) <= 4
        or bool(_FINITE.search(text))
    )


def _unquoted(text: str) -> str:
    quoted = quotations(text)
    if len(quoted) == 1 and quoted[0].start == 0 and quoted[0].end >= len(text.rstrip(" .!")):
        return quoted[0].value
    return text.rstrip()


def _words_or_sentence(text: str) -> str:
    return finish(text) if _FINITE.search(text) and len(text.split()) > 3 else text.rstrip(" .")


def finish(text: str) -> str:
    """Return *text* as a sentence: a capital first, a full stop last."""
    text = text.strip()
    if text[:1].islower() and not re.match(r"\S*[@/\d]|[a-z]+[A-Z]", text):
        text = text[0].upper() + text[1:]
    return text if not text or text[-1] in '.!?:…。！？)"”»' else f"{text}."


_COUNT = r"(?P<count>\d+|" + "|".join(NUMBER_WORDS) + r"|a single)"


_STYLE_WORD = re.compile(
    r"[Cc]a(?:se|ps|pital)|CA(?:SE|PS|PITAL)|[Ss]entence|[Ww]ord|[Bb]ullet|[Ll]ist|[Jj][Ss][Oo][Nn]"
)


def read_style(sentences: list[str]) -> Style:
    """Return the style the instructions ask for, as far as rules can follow it."""
    case, most_sentences, most_words, bullets = "", 0, 0, False
    keys: tuple[str, ...] = ()
    for sentence in sentences:
        if len(sentence) > 400 or _STYLE_WORD.search(sentence) is None:
            continue
        lowered = sentence.lower()
        if not re.search(
            r"answer|respon|repl|write|output|speak|use|return|always|only|be |keep|format|limit|say", lowered
        ):
            continue
        if re.search(r"\b(?:upper[ -]?case|all caps|capital letters|capitals only)\b", lowered):
            case = "upper"
        elif re.search(r"\blower[ -]?case\b", lowered):
            case = "lower"
        if found := re.search(rf"\b{_COUNT}\s+(?:\w+\s+)?sentences?\b", lowered):
            most_sentences = _count(found["count"])
        if found := re.search(
            rf"\b(?:at most|no more than|under|fewer than|less than|max(?:imum)?(?: of)?|up to|within|in|limit\w* to|exceed)\s+{_COUNT}\s+words?\b",
            lowered,
        ):
            most_words = _count(found["count"])
        if re.search(r"\bbullet(?:ed)?(?:[ -]points?| list|s)\b|\bas a list\b", lowered):
            bullets = True
        if re.search(r"\bjson\b", lowered) and re.search(
            r"\b(?:keys?|fields?|propert(?:y|ies)|attributes?)\b", lowered
        ):
            keys = _keys(sentence)
    return Style(case, most_sentences, most_words, bullets, keys)


def _count(text: str) -> int:
    return int(text) if text.isdigit() else NUMBER_WORDS.get(text, 1)


def _keys(sentence: str) -> tuple[str, ...]:
    if quoted := quotations(sentence):
        return tuple(dict.fromkeys(q.value for q in quoted if re.fullmatch(r"[\w-]{1,40}", q.value)))
    found = re.search(
        r"\b(?:keys?|fields?|properties|property|attributes?)\b:?\s+(?P<list>[\w ,-]+)", sentence
    )
    parts = re.split(r",|\band\b", found["list"]) if found else []
    return tuple(squeeze(part) for part in parts if re.fullmatch(r"\s*[\w-]{1,40}\s*", part))
