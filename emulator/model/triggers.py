"""A quoted trigger that stands beside the question it is about: «What is X? What would foo say?» is one question."""

from collections.abc import Callable, Sequence

from emulator.model.asked import analyse
from emulator.model.conditions import contains_nearly
from emulator.model.instructions import Instructions
from emulator.model.questions import Part, Question
from emulator.model.text import squeeze


def joined_to_trigger(
    question: Question, instructions: Instructions, is_open: Callable[[Part], bool]
) -> Sequence[Part]:
    """Return the parts of *question*, a bare trigger joined to those that are open without it.

    The joined part keeps the words of the open ones, so that a tool gets the question and not the trigger.
    """
    triggers = [
        trigger
        for rule in instructions.tool_rules
        if rule.when and not rule.forbids
        for trigger in rule.when.triggers
        if contains_nearly(question.message, trigger)
    ]
    said = {stem for trigger in triggers for stem in analyse(trigger).stems}
    bare = [part for part in question.parts if _is_bare(part, triggers, said)]
    if not bare:
        return question.parts
    open_ones = [part for part in question.parts if not part.talk and part not in bare and is_open(part)]
    if not open_ones:
        return question.parts
    text = squeeze(" ".join(part.text for part in open_ones))
    joined = Part(text, analyse(f"{text} {bare[0].text}"))
    left = [part for part in question.parts if part not in bare and part not in open_ones[1:]]
    return [joined if part is open_ones[0] else part for part in left]


def _is_bare(part: Part, triggers: Sequence[str], said: set[str]) -> bool:
    return (
        part.talk is None
        and part.asked.stems <= said
        and any(contains_nearly(part.text, trigger) for trigger in triggers)
    )
