"""Instructions read once: rules for tools, rules for replies, fixed arguments, persona, and the facts that remain."""

import re
from dataclasses import dataclass
from functools import lru_cache

from emulator.model.asked import Asked
from emulator.model.conditions import Condition, Occasion, read_condition
from emulator.model.facts import FactIndex
from emulator.model.labels import Label, read_labels
from emulator.model.lexicon import word_list
from emulator.model.passages import Passage, read_passages
from emulator.model.replies import Style, Wrapping, read_reply, read_style, read_wrapping
from emulator.model.text import clean, quotations, stems

_LEADS = r"(?:(?:always|please|then|also|only|first|simply|just|immediately|you|should|must|will|can|may|have to|need to|are to|to|make sure to|make sure (?:that )?you|be sure to|remember to|and|never|not|do not|don't)\s+)*"
_TOOL_VERBS = "use|call|invoke|delegate|route|forward|ask|consult|hand|pass|send|query|run|execute|trigger|refer|transfer|redirect|rely|utili[sz]e|employ|leverage|contact|involve|apply"
_REPLY_VERBS = "answer|respond|reply|say|return|output|write|print|tell|give|state|mention|inform|let|explain|note|start|begin|end|finish|prefix|append|add|sign|advise|remind|greet|apologi[sz]e|confirm"
_VERB = re.compile(rf"^\W*{_LEADS}(?P<verb>{_TOOL_VERBS}|{_REPLY_VERBS})(?:s|es|ing)?\b", re.IGNORECASE)
_COND_FIRST = re.compile(
    r"^\W*(?:(?:and|but|also|however|so)\s+)?(?:only\s+)?(?P<word>if|when(?:ever)?|any ?time|every time|each time|in case|should|as soon as|once|upon|for(?= (?:any|all|every|each|questions?|requests?|anything|\w+ questions?|\w+ requests?)\b)|on(?= questions?))\s+(?P<rest>.+)$",
    re.IGNORECASE | re.DOTALL,
)
_COND_LAST = re.compile(
    r"\s+(?:only |but only |and only )?(?:if|when(?:ever)?|any ?time|every time|each time|in case|for (?=(?:any|all|every|each|questions?|requests?)\b))\s+(?P<cond>.+)$",
    re.IGNORECASE | re.DOTALL,
)
_OTHERWISE = re.compile(
    r"^\W*(?:otherwise|else|in (?:all|any) other cases?|for (?:anything|everything) else|if not)\b[\s,:]*",
    re.IGNORECASE,
)
_ACTION_AHEAD = re.compile(
    rf"(?:[,:;]|\bthen\b|→|->|—|–)\s*{_LEADS}(?:{_TOOL_VERBS}|{_REPLY_VERBS}|do)(?:s|es)?\b", re.IGNORECASE
)
_ACTION_INSIDE = re.compile(rf"\s{_LEADS}(?:{_TOOL_VERBS}|{_REPLY_VERBS})\b(?!\s*[,.]?$)", re.IGNORECASE)
_TOOLISH = re.compile(
    r"\b(?:tools?|functions?|agents?|bots?|connected|specialists?|colleagues?|sub-?agents?|api|plugins?|experts?|provided)\b",
    re.IGNORECASE,
)
_HARD = re.compile(
    rf"^\W*(?:you(?:'re| are) (?!allowed|entitled|not|able|welcome|free|required|eligible|permitted)|your (?:job|task|role|goal|purpose|mission|duty|responsibilit)|act as|"
    rf"(?:always |please )?(?:be|keep|help|assist|stay|behave|think|speak|translate|summari[sz]e|format|ensure|make sure|try|avoid|follow|provide|handle|decide|combine|present|delegate|route)\b|"
    rf"(?:do not|don't|never)\b|you (?:must|should|will|can|may|need to|have to|always|only|never|do not|answer|help|assist|provide|speak|know everything)\s*(?:always |only |not |never )*(?:answer|help|assist|respond|reply|speak|use|call|provide|act|be|return|say|delegate|route|ask|translate|summari[sz]e|handle|write)?\b|"
    rf"{_LEADS}(?:answer|answers|respond|responds|reply|replies|return|returns)\b)",
    re.IGNORECASE,
)
_YOU_FACT = re.compile(
    r"^\W*you (?:can|may|must|should|will|need to|have to) (?!answer|help|assist|respond|reply|speak|use|call|provide|act|be|return|say|delegate|route|ask|translate|summar|handle|write|always|only|never|not)",
    re.IGNORECASE,
)
_SECRET = re.compile(
    r"\b(?:never|do not|don't|must not|may not|should not|not to)\b[^.]{0,30}\b(?:reveal|disclose|share|tell|mention|give|expose|leak|repeat|show)\b",
    re.IGNORECASE,
)
_KNOWN = re.compile(
    r"^\W*(?:you (?:also )?know(?: the following)?(?: facts?)?(?: that)?|remember(?: that)?|note(?: that)?|keep in mind(?: that)?|be aware(?: that)?|(?:(?:\w+ ){0,2}facts?|(?:\w+ )?information|context|background)(?=\s*:))\s*:?\s+(?=\S)",
    re.IGNORECASE,
)
_PERSONA = re.compile(
    r"^\W*(?:you(?:'re| are) (?!to\b|not\b|only\b|allowed|entitled|able|given|provided|going)|your name is |you are called |act as |your (?:job|task|role|purpose) is )",
    re.IGNORECASE,
)
_DOES = re.compile(  # «You manage a to-do list.» at the head says what the agent is for
    r"^\W*you (?!have\b|get\b|can\b|may\b|must\b|will\b|receive\b|owe\b|pay\b|need\b|were\b|had\b|know\b)[a-z]+\b(?! (?:that|is|are)\b)",
    re.IGNORECASE,
)
_ARGUMENT = re.compile(
    r"\b(?:specify|set|use|pass|provide|fill(?: in)?|supply|give|send|include|put|with)\s+(?:the\s+|a\s+|an\s+)?(?:parameter\s+|argument\s+|field\s+)?[\"'`]?(?P<name>[A-Za-z][\w -]{0,60}?)[\"'`]?\s*"
    r"(?:\b(?:parameter|argument|param|field|property|input|value)s?\b)?\s*(?:\bas\b|\bto\b|=|:|\bwith\b|\bequal to\b|\bis\b)\s*(?:the value\s+|value\s+|always\s+)?(?P<value>\S.*)$",
    re.IGNORECASE,
)
_ARGUMENT_IS = re.compile(
    r"(?:\bthe\s+)?[\"'`]?(?P<name>[A-Za-z][\w -]{0,60}?)[\"'`]?\s+(?:parameter|argument|param|field|property)\s+(?:must|should|is|has to|needs to|will|shall|to)\s*(?:always\s+)?(?:be\s+)?(?:set\s+to\s+|equal\s+to\s+|equal\s+)?(?:always\s+)?(?P<value>\S.*)$",
    re.IGNORECASE,
)
_ASSIGNMENT = re.compile(r"[\"'`]?(?P<name>[A-Za-z_]\w{0,60})[\"'`]?\s*=\s*(?P<value>\S.*)$")
_GIVES = re.compile(
    r"[\"'“„«‘`=]|https?:|\b(?:parameter|argument|param|field|property|specify|set)\b", re.IGNORECASE
)
_VALUE = re.compile(
    r"https?://[^\s\"'<>)]+|-?\d+(?:\.\d+)?(?![\w@])|true\b|false\b|[A-Za-z0-9_.@/+-]+", re.IGNORECASE
)


_ORDERS = re.compile(  # «you submit a ticket», «submit a ticket using the function»: an order, not a fact about you
    r"^\W*(?:you (?!can\b|may\b|are\b|have\b|get\b(?! (?:their|his|her)\b)|receive\b|will\b|pay\b)\w+\b|[a-z]+ (?:.{0,80}\b(?:using|with|through|via) (?:the|your|a)\s+(?:\w+ )?(?:function|tool|agent)s?\b))",
    re.IGNORECASE,
)
_DUTY = re.compile(
    rf"(?:,|;|\band\b|\bwho\b|\bthat\b|\bwhich\b|:)\s+(?={_LEADS}(?:{_TOOL_VERBS})s?\b)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class ToolRule:
    """A sentence that says what to do with tools. *when*: None if always; *forbids*: it says not to."""

    text: str
    when: Condition | None
    forbids: bool
    generic: bool


@dataclass(frozen=True, slots=True)
class ReplyRule:
    """Say *text* on *occasion*; for "question", when the condition is met."""

    text: str
    when: Condition | None

    @property
    def occasion(self) -> Occasion:
        return self.when.occasion if self.when else "any"


@dataclass(frozen=True, slots=True)
class WrappingRule:
    wrapping: Wrapping
    when: Condition | None


@dataclass(frozen=True, slots=True)
class FixedArgument:
    """The value that the instructions give to a parameter; *key*: its name, letters and digits only."""

    key: str
    value: str
    sentence: str


@dataclass(frozen=True, slots=True, eq=False)
class Instructions:
    text: str
    persona: tuple[str, ...]
    facts: FactIndex
    tool_rules: tuple[ToolRule, ...]
    replies: tuple[ReplyRule, ...]
    wrappings: tuple[WrappingRule, ...]
    arguments: tuple[FixedArgument, ...]
    style: Style
    sentences: tuple[str, ...]
    lowered: str
    topics: frozenset[str]  # stems of what the agent says it is for
    labels: tuple[Label, ...]  # what it chooses from when it classifies

    def reply_to(self, asked: Asked) -> str:
        """Return the words the instructions want said to this question; "" when they name none."""
        best = max(
            (rule for rule in self.replies if rule.when and rule.occasion == "question"),
            key=lambda rule: rule.when.closeness(asked) if rule.when else 0.0,
            default=None,
        )
        return best.text if best and best.when and best.when.met_by(asked) else ""

    def reply_on(self, occasion: Occasion) -> str:
        return next((rule.text for rule in self.replies if rule.occasion == occasion), "")

    def knows(self, asked: Asked) -> float:
        """Return 0 to 1: how surely these instructions hold what is *asked*."""
        hits = self.facts.search(asked, limit=1)
        rules = [rule.when.closeness(asked) for rule in self.replies if rule.when]
        return max([hits[0].coverage if hits else 0.0, *rules])


@lru_cache(maxsize=256)
def read_instructions(text: str) -> Instructions:
    """Return what *text* says, sorted. Cached: an agent's instructions are read once."""
    reader, passages = _Reader(), read_passages(clean(text))
    for passage in passages:
        reader.read(passage)
    background = stems(" ".join(reader.persona))
    return Instructions(
        text=text,
        persona=tuple(reader.persona),
        facts=FactIndex(reader.facts, background),
        tool_rules=tuple(reader.tool_rules),
        replies=tuple(reader.replies),
        wrappings=tuple(reader.wrappings),
        arguments=tuple(reader.arguments),
        style=read_style(reader.sentences),
        sentences=tuple(reader.sentences),
        lowered="\n".join(reader.sentences).lower(),
        topics=frozenset(stems(" ".join([*reader.persona, *reader.directives]))),
        labels=read_labels(reader.sentences, passages),
    )


class _Reader:
    def __init__(self) -> None:
        self.persona: list[str] = []
        self.facts: list[Passage] = []
        self.tool_rules: list[ToolRule] = []
        self.replies: list[ReplyRule] = []
        self.wrappings: list[WrappingRule] = []
        self.arguments: list[FixedArgument] = []
        self.sentences: list[str] = []
        self.directives: list[str] = []

    def read(self, passage: Passage) -> None:
        if passage.kind in ("field", "record", "pair"):
            self.facts.append(passage)
            return
        text = passage.text
        self.sentences.append(text)
        told = _KNOWN.match(text) if len(text) <= _LONGEST_RULE else None
        if told:
            text = text[told.end() :]
            text = text[:1].upper() + text[1:]
            passage = Passage(
                text, passage.kind, f"{passage.context} {told[0]}", passage.subject, passage.lead
            )
        if passage.kind == "entry" and not told and not _may_direct(text):
            self.facts.append(passage)
            return
        if not _may_rule(text):
            self.facts.append(passage)
            return
        if _SECRET.search(text):
            self.directives.append(text)
            return
        if self._read_rule(text):
            self.directives.append(text)
        elif _PERSONA.match(text) or (len(self.sentences) == 1 and _DOES.match(text)):
            self.persona.append(text)
            if tail := _DUTY.search(text):
                self._read_rule(text[tail.end() :])
        elif _HARD.match(text) and not _YOU_FACT.match(text):
            self.directives.append(text)
        else:
            self.facts.append(passage)

    def _read_rule(self, text: str) -> bool:
        """Take *text* as a rule; return False when it states a fact instead."""
        condition, action = split_condition(text)
        when = read_condition(condition) if condition else None
        given = read_arguments(action) or (read_arguments(text) if condition else [])
        self.arguments.extend(given)
        if wrapping := read_wrapping(action if condition else text):
            self.wrappings.append(WrappingRule(wrapping, None if when and about_tools(condition) else when))
            return True
        verb_found = _VERB.match(action)
        if verb_found is None and condition and _ORDERS.match(action):
            if _TOOLISH.search(action):
                self.tool_rules.append(ToolRule(text, when, _forbids(action), generic=True))
            return True
        if verb_found is None or (given and about_tools(condition)):
            return bool(given)
        verb = verb_found["verb"].lower()
        forbids = _forbids(action)
        toolish = bool(_TOOLISH.search(action))
        if re.fullmatch(_TOOL_VERBS, verb) and (
            toolish or re.search(r"\w_\w", action) or (condition and not read_reply(action))
        ):
            self.tool_rules.append(ToolRule(text, when, forbids, toolish))
            return toolish or bool(re.search(r"\w_\w", action))
        if forbids:
            return bool(re.fullmatch(_REPLY_VERBS, verb))
        reply = read_reply(action)
        if reply and (when or _unconditional(action)):
            self.replies.append(ReplyRule(reply, when))
            return True
        return bool(given)


def _forbids(action: str) -> bool:
    return bool(re.match(r"(?i)^\W*(?:\w+\s+){0,2}(?:never|not|do not|don't)\b", action))


_OPENERS = frozenset(
    word_list(
        f"""if when whenever any anytime every each in should as once upon for on only and but also however so always please
    then first simply just immediately you your must will can may have need are to make be sure remember never not do
    don't act keep help assist stay behave think speak translate summarize summarise format ensure try avoid follow
    provide handle decide combine present route prefix preface prepend append put specify set pass fill supply include
    otherwise else note it's its the it there under no {_TOOL_VERBS.replace("|", " ")} {_REPLY_VERBS.replace("|", " ")}
    utilise utilize apologise apologize answers responds replies returns says"""
    )
)
_HINT = re.compile(
    r"[\"'“„«‘`=]|https?:|\b(?:parameter|argument|param|field|property|never|not|tools?|functions?|agents?|bots?)\b|\w_\w"
)
_FIRST_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_LONGEST_RULE = 2_000


def _may_rule(text: str) -> bool:
    """Return whether *text* can be anything but a plain fact; cheap, as instructions may be long."""
    if len(text) > _LONGEST_RULE:
        return False
    first = _FIRST_WORD.search(text, 0, 60)
    word = first[0].lower().replace("’", "'") if first else ""
    return word in _OPENERS or word.split("'")[0] in _OPENERS or _HINT.search(text) is not None


def _may_direct(text: str) -> bool:
    """Return whether a «key: value» entry may be an order rather than a fact."""
    return bool(
        _COND_FIRST.match(text)
        or _VERB.match(text)
        or _HARD.match(text)
        or quotations(text)
        or _TOOLISH.search(text)
    )


def about_tools(condition: str) -> bool:
    return bool(
        _TOOLISH.search(condition)
        or re.search(
            r"\b(?:you (?:answer|reply|respond)|answering|responding|call(?:ing|ed)?|invok\w+)\b",
            condition,
            re.IGNORECASE,
        )
    )


def _unconditional(action: str) -> bool:
    """Return whether a reply without a condition is meant for every question."""
    return bool(
        re.search(
            r"\b(?:always|only|every|any|all|whatever|exactly|each|just|nothing else)\b",
            action,
            re.IGNORECASE,
        )
        or re.match(r"^\W*(?:reply|respond|answer|say)s?\b", action, re.IGNORECASE)
    )


def split_condition(sentence: str) -> tuple[str, str]:
    """Return the condition of *sentence* and the action; ("", sentence) when it has no condition."""
    inside = [(q.start, q.end) for q in quotations(sentence)]

    def is_free(at: int) -> bool:
        return not any(start < at < end for start, end in inside)

    if rest := _OTHERWISE.match(sentence):
        return "anything else", sentence[rest.end() :]
    if first := _COND_FIRST.match(sentence):
        offset = first.start("rest")
        comma = next((at for at in range(offset, len(sentence)) if sentence[at] in ",:" and is_free(at)), -1)
        for pattern in (_ACTION_AHEAD, _ACTION_INSIDE) if comma < 0 else (_ACTION_AHEAD,):
            for mark in pattern.finditer(sentence, offset):
                if is_free(mark.start()) and mark.start() > offset:
                    return sentence[offset : mark.start()].strip(), sentence[mark.start() :].lstrip(
                        " ,:;→->—–"
                    )
        if comma > 0:
            return sentence[offset:comma].strip(), sentence[comma + 1 :].strip()
        return "", sentence
    if _VERB.match(sentence):
        for mark in _COND_LAST.finditer(sentence):
            if is_free(mark.start()):
                return mark["cond"].rstrip(" ."), sentence[: mark.start()]
    return "", sentence


def read_arguments(sentence: str) -> list[FixedArgument]:
    """Return the parameter values that *sentence* prescribes."""
    found: list[FixedArgument] = []
    if _GIVES.search(sentence) is None:
        return found
    for pattern in (_ARGUMENT, _ARGUMENT_IS, _ASSIGNMENT):
        for match in pattern.finditer(sentence):
            value = _value(
                match["value"], quoted_only=pattern is _ARGUMENT and not _names_parameter(match[0])
            )
            key = re.sub(r"[\W_]+", "", match["name"]).lower()
            if value and key:
                found.append(FixedArgument(key, value, sentence))
        if found:
            break
    return found


def _names_parameter(text: str) -> bool:
    return bool(
        re.search(
            r"\b(?:parameter|argument|param|field|property|specify|set)\b|[a-z]_[a-z]", text, re.IGNORECASE
        )
    )


def _value(text: str, quoted_only: bool) -> str:
    quoted = quotations(text)
    if quoted and quoted[0].start == 0:
        return quoted[0].value
    found = _VALUE.match(text)
    if found is None or (quoted_only and "://" not in found[0]):
        return ""
    return found[0].rstrip(".,;")
