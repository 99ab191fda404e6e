"""What people say that asks for no fact: greetings, thanks, who are you, what did I ask before."""

import re
from typing import Literal

Talk = Literal[
    "greeting", "thanks", "farewell", "identity", "abilities", "wellbeing", "asked_before", "answered_before",
    "summary", "recap", "repeat_this", "acknowledge", "count_asked",
]  # fmt: skip
_NAME = r"(?:[ ,]+(?:there|all|everyone|team|bot|assistant|again|guys|folks|[A-Z]?\w+))?"

_TALK: tuple[tuple[Talk, str], ...] = (
    ("greeting", rf"(?:hi+|hello+|hey+|hiya|howdy|greetings|good (?:morning|afternoon|evening|day)|hallo|hola|bonjour|ciao|salut|servus|moin|ol[aá]|namaste|こんにちは|你好|привет|مرحبا|שלום){_NAME}"),
    ("thanks", r"(?:ok(?:ay)?,? )?(?:many thanks|thanks?(?: you)?|thx|cheers|merci|danke(?: sch[oö]n)?|gracias|great|perfect|awesome|cool|nice|got it|much appreciated)(?:[ ,!.]+(?:thanks|thank you|so much|very much|a lot|again|for (?:your|the) help|for that|that(?:'s| is|'ll be| will be) (?:all|it|everything)(?: (?:for )?(?:today|now|i needed?))?|everyone|\w+))*"),
    ("farewell", r"(?:good ?bye|bye(?: bye)?|see you(?: later| soon)?|farewell|ciao|good night|have a (?:nice|good|great) (?:day|evening|weekend))(?:[ ,!.]+\w+)?"),
    ("wellbeing", r"(?:(?:hi|hello|hey)[ ,!]+)?how are (?:you|things)(?: doing)?(?: today)?|how(?:'s| is) it going|are you (?:there|ok|okay|alive|ready|working)"),
    ("identity", r"(?:(?:so|and|but)[ ,]+)?(?:who|what) (?:are|r) you(?: exactly| really)?|(?:what(?:'s| is)|tell me) your name|do you have a name|introduce yourself|tell me (?:about yourself|who you are)|what(?:'s| is) your (?:job|role|purpose|task)|are you (?:a |an )?(?:bot|robot|human|ai|real person|machine|llm|language model|person)|(?:what|which) (?:model|llm) are you(?: using)?"),
    ("abilities", r"(?:what|which things) can you (?:do|help)(?: me)?(?: with)?(?: for me)?|how can you help(?: me)?|what do you do|help|what (?:tools|functions|agents|capabilities) do you have|what are your (?:capabilities|tools|functions|abilities)|can you help(?: me)?|i need (?:some )?help|what should i ask"),
    ("asked_before", r"(?:and )?what (?:did|have) i (?:just )?ask(?:ed)?(?: you)?(?: before| earlier| first| last| previously| just now)*|what was my (?:previous|last|earlier|first) (?:question|message)|(?:repeat|what is|what's) my (?:previous|last|first) (?:question|message)|what did i (?:just )?say(?: before| earlier)?|do you remember (?:what i asked|my (?:last|previous|first) question).*"),
    ("count_asked", r"how many questions (?:have i asked|did i ask)(?: you)?(?: so far)?"),
    ("answered_before", r"(?:can you |please )?(?:repeat|say) (?:that|it|your (?:last )?answer)(?: again| once more)?|what (?:did you|was your last) (?:just )?(?:say|answer|reply)(?: before)?|what was your (?:last|previous) (?:answer|reply)|say that again|pardon|sorry,? what|come again"),
    ("recap", r"(?:can you |could you |please )*(?:summari[sz]e|recap|sum up)(?: (?:our|the|this|what we)(?: \w+){0,5})?(?: so far)?|(?:give me )?a? ?(?:summary|recap) of (?:our|the|this) (?:conversation|chat|discussion|thread)(?: so far)?|what have we (?:discussed|talked about)(?: so far)?|what did we talk about"),
)  # fmt: skip
_COMPILED = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _TALK)
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")
_SAY_THIS = re.compile(
    r"^\W*(?:please |can you |could you |just |now )*(?:(?:repeat|echo)(?: after me| this| the following)?|say|(?:reply|respond|answer)(?: only| exactly| just| simply)*(?: with)?(?: only| exactly| just)*|print|output|write)"
    r"(?: (?:exactly|only|just|the (?:exact )?(?:word|words|phrase|text|sentence|string)|back)){0,3}\s*:?\s+(?P<text>.+?)\s*$",
    re.IGNORECASE | re.DOTALL,
)
_TO_SELF = re.compile(
    r"^\W*(?:my (?!question)|i\b|we\b|call me\b|remember\b|note that\b|the |our )", re.IGNORECASE
)


def talk_of(text: str) -> Talk | None:
    """Return what small talk *text* is; None when it asks for something."""
    bare = _EDGES.sub("", text[:200]) if len(text) <= 200 else ""
    if not bare:
        return None
    for kind, pattern in _COMPILED:
        found = pattern.fullmatch(bare)
        if found and not (
            kind in ("greeting", "thanks", "farewell")
            and re.search(r"\b(?:what|where|when|who|how|why|is|are|can)\b", bare, re.IGNORECASE)
        ):
            return kind
    return None


def words_to_say(text: str) -> str:
    """Return what «say hello» or «reply with the word OK» wants said; "" for anything else."""
    found = _SAY_THIS.match(text[:2_000])
    if found is None or talk_of(text):
        return ""
    said = found["text"].strip()
    quoted = re.fullmatch(r"[\"'“‘«`](.+?)[\"'”’»`][.!]?", said, re.DOTALL)
    if quoted:
        return quoted[1]
    literal = re.match(
        r"^\W*(?:please |can you |could you |just |now )*(?:say|repeat after me|echo)\b|.*\b(?:the (?:exact )?(?:word|phrase|text|string)|exactly|only|following)\b",
        text,
        re.IGNORECASE,
    )
    return (
        re.sub(r"(?<=\w)\.$", "", said)
        if literal
        and not re.match(
            r"(?:that|it|your|my|something|anything|a |an |to |about |in |hi to)", said, re.IGNORECASE
        )
        else ""
    )


def is_statement(text: str) -> bool:
    """Return whether *text* tells something about its author rather than asking."""
    return (
        bool(_TO_SELF.match(text))
        and not text.rstrip().endswith("?")
        and not re.match(
            r"^\W*i(?:'m| am)? (?:looking for|trying to|want|need|would like|'d like|would love|wonder|interested|wish|require|have (?:a|one|two|another) questions?)",
            text,
            re.IGNORECASE,
        )
    )


def speaks_of_self(text: str) -> bool:
    return bool(re.match(r"(?:my|i|we|our)\b", text, re.IGNORECASE)) and is_statement(text)


_SWAPS = {
    "i": "you", "me": "you", "my": "your", "mine": "yours", "myself": "yourself", "i'm": "you are", "i've": "you have",
    "i'd": "you would", "i'll": "you will", "am": "are", "you": "I", "your": "my", "yours": "mine", "yourself": "myself",
    "you're": "I am", "we": "you", "our": "your", "us": "you",
}  # fmt: skip
_PERSON = re.compile(
    r"(?<![\w'’-])(?:i['’]m|i['’]ve|i['’]d|i['’]ll|you['’]re|you are|you have|i was|myself|mine|my|me|i|am|yourself|yours|your|you|we|our|us)(?![\w'’-])",
    re.IGNORECASE,
)


def swap_person(text: str) -> str:
    """Return *text* seen from the other side: «My name is Ann» -> «Your name is Ann»."""

    def swapped(match: re.Match[str]) -> str:
        word = match[0].lower().replace("’", "'")
        other = {"you are": "I am", "you have": "I have", "i was": "you were"}.get(word) or _SWAPS.get(
            word, match[0]
        )
        starts = match.start() == 0 or text[: match.start()].rstrip()[-1:] in (".", "!", "?")
        return other[0].upper() + other[1:] if starts else other

    return _PERSON.sub(swapped, text)
