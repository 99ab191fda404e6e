"""The reply: what each step found, put together in the order of the question and dressed as the instructions say."""

import re
from collections.abc import Sequence

from emulator.model import FinishedCall, ModelRequest, Tool, memory
from emulator.model.asked import Asked
from emulator.model.chain import failed, parse
from emulator.model.instructions import Instructions, WrappingRule
from emulator.model.kinds import Parameter
from emulator.model.render import as_answer, in_words, known_values, spaced, unwrap
from emulator.model.replies import Style, Wrapping, fill_template
from emulator.model.smalltalk import Talk, swap_person
from emulator.model.steps import Step, key_of
from emulator.model.text import sentences, squeeze

MODEL_URL_SETTING = "RELAYDECK_LOCAL_MODEL_URL"
_MAX_NAMED_TOOLS = 12


class Composer:
    def __init__(self, request: ModelRequest, instructions: Instructions, asked: Asked) -> None:
        self._request, self._instructions, self._asked = request, instructions, asked
        self._finished = {key_of(call.name, call.arguments): call for call in request.calls}
        self._tools = {tool.name: tool for tool in request.tools}

    def reply(self, steps: Sequence[Step]) -> str:
        """Return the whole reply to the question."""
        fixed = self._fixed(steps)
        if fixed:
            return self._wrapped(fixed, [], whole=True)
        steps = [s for s in steps if s.kind != "unknown"] or list(steps)[:1] if len(steps) < 2 else steps
        said: list[str] = []
        for step in steps:
            text, calls = self._step(step, alone=len(steps) == 1)
            if step.kind == "talk" and said:
                heard = " ".join(said)
                text = " ".join(s for s in sentences(text) if s not in heard)
            if text and text not in said:
                said.append(self._wrapped(text, calls, whole=False))
        text = _joined(said)
        text = self._wrapped(text, [], whole=True)
        return dressed(text, self._instructions.style)

    def facts(self, steps: Sequence[Step]) -> list[str]:
        """Return what the steps found, without wrapping: the material of a structured reply."""
        return [
            text
            for step in steps
            if step.kind in ("said", "call") and (text := self._step(step, alone=len(steps) == 1)[0])
        ]

    def _fixed(self, steps: Sequence[Step]) -> str:
        """Return the words the instructions want said whatever is asked; "" when there are none, or a call was made."""
        if any(step.kind in ("call", "ask") for step in steps):
            return ""
        if any(
            step.kind == "said" and step.text == self._instructions.reply_to(step.part.asked)
            for step in steps
            if step.text
        ):
            return ""
        return self._instructions.reply_on("any")

    def _step(self, step: Step, alone: bool) -> tuple[str, list[FinishedCall]]:
        if step.kind == "said":
            return step.text, []
        if step.kind == "call":
            calls = [found for call in step.calls if (found := self._finished.get(call.key))]
            return self._outputs(step, calls), calls
        if step.kind == "ask":
            return ask_for(step.missing, step.profile.tool.name if step.profile else ""), []
        if step.kind == "talk" and step.talk:
            return self._talk(step.talk, step), []
        return self._unknown(step, alone), []

    def _outputs(self, step: Step, calls: Sequence[FinishedCall]) -> str:
        if any(failed(call.output) for call in calls) and (reply := self._instructions.reply_on("failure")):
            return reply
        texts = []
        for call in calls:
            text = in_words(call.output, call.name)
            if len(calls) > 1:
                texts.append(
                    f"{_subject(call)}: {text}"
                    if _subject(call) and not _mentions(text, _subject(call))
                    else text
                )
            elif self._takes_raw():
                texts.append(text)
            elif step.profile and step.profile.arithmetic and _is_value(call.output):
                expression = known_values(call.arguments).get("expression", "")
                texts.append(
                    f"{expression} = {text}"
                    if expression and _is_number(text)
                    else as_answer(text, step.part.text)
                )
            elif _is_value(call.output):
                texts.append(as_answer(text, step.part.text))
            else:
                texts.append(text)
        return _joined(texts)

    # Wrapping -------------------------------------------------------------------------------------

    def _wrapped(self, text: str, calls: Sequence[FinishedCall], whole: bool) -> str:
        """Return *text* with the words that the instructions put round it.

        *whole*: those of every reply; otherwise those that go with the output of a call.
        """
        for rule in self._instructions.wrappings:
            wrapping = rule.wrapping
            for_call = wrapping.after_tool
            if for_call == whole or (for_call and not calls) or not self._applies(rule):
                continue
            known = {
                key: value
                for call in calls
                for source in (call.arguments, call.output)
                for key, value in known_values(source).items()
            }
            text = wrap(text, wrapping, known)
        return text

    def _takes_raw(self) -> bool:
        """Return whether the instructions put words before a call's output, which then stays as it came."""
        return any(
            r.wrapping.after_tool and (r.wrapping.prefix or r.wrapping.template) and self._applies(r)
            for r in self._instructions.wrappings
        )

    def _applies(self, rule: WrappingRule) -> bool:
        return rule.when is None or rule.when.met_by(self._asked)

    # Small talk and honesty -----------------------------------------------------------------------

    def _unknown(self, step: Step, alone: bool) -> str:
        if told := self._instructions.reply_on("unknown"):
            return told
        if not alone:
            return f"I have no answer to «{squeeze(step.part.text)[:120]}»."
        return (
            "I am the built-in rule-based model, and neither my instructions nor my tools answer this. "
            f"{self._can_use()}For a real language model, set {MODEL_URL_SETTING}."
        )

    def _can_use(self) -> str:
        names = [tool.name for tool in self._request.tools[:_MAX_NAMED_TOOLS]]
        return f"What I can use here: {', '.join(names)}. " if names else ""

    def _talk(self, talk: Talk, step: Step) -> str:
        persona = " ".join(_as_self(sentence) for sentence in self._instructions.persona[:2])
        conversation = self._request.conversation
        if talk == "greeting":
            return self._instructions.reply_on("greeting") or squeeze(f"Hello! {persona} How can I help you?")
        if talk == "thanks":
            return self._instructions.reply_on("thanks") or "You are welcome!"
        if talk == "farewell":
            return self._instructions.reply_on("farewell") or "Goodbye!"
        if talk == "wellbeing":
            return "I am ready. How can I help you?"
        if talk == "identity":
            about_model = re.search(
                r"\b(?:model|llm|bot|robot|human|ai|person|machine)\b", step.part.text, re.IGNORECASE
            )
            own = "My answers come from the built-in rule-based model of Local Azure, not from a language model."
            return squeeze(f"{persona or 'I am an assistant.'} {own if about_model or not persona else ''}")
        if talk == "abilities":
            return squeeze(f"{persona} {self._abilities()}")
        if talk == "asked_before":
            question = memory.previous_question(conversation, first="first" in step.part.text.lower())
            return f"You asked: «{question}»" if question else "You have not asked anything before this."
        if talk == "count_asked":
            count = sum(turn.role == "user" for turn in conversation) - 1
            return f"You have sent {count} {'message' if count == 1 else 'messages'} before this one."
        if talk == "answered_before":
            return memory.previous_answer(conversation) or "I have not answered anything before this."
        if talk == "recap":
            return memory.recap(conversation) or "We have not discussed anything yet."
        return f"Noted: {_noted(step.part.text)}"

    def _abilities(self) -> str:
        described = [_described(tool) for tool in self._request.tools[:_MAX_NAMED_TOOLS]]
        if described:
            return f"I can use {'; '.join(described)}."
        return "I answer from my instructions and from what you tell me; I have no tools here."


def _joined(texts: Sequence[str]) -> str:
    block = any("\n" in text for text in texts)
    closed = [
        text if block or text[-1:] in ".!?:…»\"'" or text is texts[-1] else f"{text}."
        for text in texts
        if text
    ]
    return ("\n" if block else " ").join(closed)


def _as_self(sentence: str) -> str:
    text = swap_person(sentence)
    text = re.sub(r"^Act as\b", "I am", text)
    text = re.split(r",?\s+and (?:use|call|delegate|ask)\b", text)[0]
    return text if text[-1:] in ".!?" else f"{text}."


def _noted(text: str) -> str:
    swapped = swap_person(squeeze(text))
    return (
        swapped[:1].lower() + swapped[1:]
        if re.match(r"(?:Your?|I)\b", swapped) and not swapped.startswith("I")
        else swapped
    )


def _described(tool: Tool) -> str:
    summary = squeeze(tool.description).rstrip(".")
    return f"{tool.name} ({summary[0].lower()}{summary[1:]})" if summary else tool.name


def ask_for(missing: Sequence[Parameter], tool: str) -> str:
    """Return the question that gets the *missing* values from the user."""
    shown = [parameter.shown for parameter in missing]
    listed = ", ".join(shown[:-1]) + (" and " if len(shown) > 1 else "") + shown[-1] if shown else "details"
    hints = [squeeze(str(p.schema.get("description", ""))).rstrip(".") for p in missing]
    hint = f" ({hints[0]})" if len(missing) == 1 and 0 < len(hints[0]) <= 100 else ""
    return f"To use {spaced(tool)} I need the {listed}{hint}. Which {'one' if len(shown) == 1 else 'ones'} do you mean?"


def _subject(call: FinishedCall) -> str:
    values = list(known_values(call.arguments).values())
    return squeeze(values[0])[:60] if values else ""


def _mentions(text: str, subject: str) -> bool:
    return subject.lower() in text.lower()


def _is_value(output: str) -> bool:
    return not isinstance(unwrap(parse(output)), dict | list)


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"-?[\d.,]+(?:[eE][+-]?\d+)?", text))


def wrap(text: str, wrapping: Wrapping, known: dict[str, str]) -> str:
    """Return *text* inside *wrapping*; what it already starts or ends with is not said twice."""
    if wrapping.template:
        filled = fill_template(wrapping.template, text, known)
        lead = re.split(r"[<{\[]", wrapping.template, maxsplit=1)[0].strip()
        return text if filled is None or (lead and text.startswith(lead)) else filled
    if wrapping.prefix and not text.lower().startswith(wrapping.prefix.strip().lower()):
        text = wrapping.prefix + ("" if wrapping.prefix[-1:].isspace() or not text else " ") + text
    if wrapping.suffix and not text.rstrip().lower().endswith(wrapping.suffix.strip().lower()):
        gap = "" if wrapping.suffix[:1] in ".,!?;:" or not text else " "
        closed = text if text[-1:] in ".!?:…" or not gap else f"{text}."
        text = closed + gap + wrapping.suffix
    return text


def dressed(text: str, style: Style) -> str:
    """Return *text* in the style that rules can keep: length, case, bullets."""
    if style.max_sentences:
        found = sentences(text)
        if len(found) > style.max_sentences:
            kept, rest = found[: style.max_sentences - 1], found[style.max_sentences - 1 :]
            text = " ".join([*kept, "; ".join(s.rstrip(".;") for s in rest) + "."])
    if style.max_words and len(text.split()) > style.max_words:
        text = " ".join(text.split()[: style.max_words]).rstrip(",;:") + "…"
    if style.bullets and len(sentences(text)) > 1:
        text = "\n".join(f"- {sentence}" for sentence in sentences(text))
    return text.upper() if style.case == "upper" else text.lower() if style.case == "lower" else text
