"""The way of a question, step by step, as a timeline."""

import json

import streamlit as st

from services.answers.narration import say
from services.models import Answer, Step, StepKind
from ui import formats, safe

ICONS: dict[StepKind, str] = {
    "plan": ":material/psychology:",
    "delegate": ":material/alt_route:",
    "wait": ":material/hourglass_top:",
    "function": ":material/function:",
    "write": ":material/edit_note:",
}
COLOURS: dict[StepKind, str] = {"wait": "orange", "function": "green"}
MEANINGS: dict[StepKind, str] = {
    "plan": "The agent reads the question and decides who can answer it.",
    "delegate": "The orchestrator hands the question to a connected agent.",
    "wait": "From the message's entry into the input queue until a function took it.",
    "function": "From then until the function's reply was read from the output queue.",
    "write": "The reply is put together from what came back.",
}
CERTAINTIES = {
    "exact": "",
    "strong": " Told apart by size and time.",
    "guess": " Estimated from the times around it.",
}
SHOWN_CHARACTERS = 4_000
HEADS = {
    "answered": (":material/check_circle:", "Answered"),
    "failed": (":material/error:", "Failed"),
    "cancelled": (":material/stop_circle:", "Stopped"),
    "expired": (":material/timer_off:", "Given up"),
}


def draw(answer: Answer, *, opened: bool) -> None:
    """Draw one line that says how far the answer is, and inside it the steps."""
    icon, words = head(answer)
    with st.expander(words, icon=icon, type="compact", expanded=opened, key=f"steps-{answer.id}"):
        if not answer.steps:
            st.caption(_no_steps(answer))
        for step in answer.steps:
            if step.parent is None:
                _draw_step(step, answer)


def head(answer: Answer) -> tuple[str, str]:
    """Return the icon and the words of the line above the steps."""
    elapsed_s = formats.since_s(answer.asked_at)
    if answer.state == "queued":
        before = formats.count(answer.ahead, "question comes", "questions come")
        return (
            ":material/hourglass_top:",
            f"Waiting for its turn: {before} first" if answer.ahead else "Waiting for its turn",
        )
    if answer.state == "working":
        return (
            "spinner",
            f":shimmer[Working on it] {formats.duration(elapsed_s) if elapsed_s is not None else ''}".rstrip(),
        )
    icon, word = HEADS[answer.state]
    return (
        icon,
        word
        if answer.took_s is None
        else f"{word} {'in' if word == 'Answered' else 'after'} {formats.duration(answer.took_s)}",
    )


def _no_steps(answer: Answer) -> str:
    if answer.state == "queued":
        return "Questions of one conversation are answered one after another."
    if answer.is_open:
        return "No step yet."
    if answer.notice and not answer.run_id:
        return safe.inline(answer.notice, 400)
    return "The steps of this answer are not known." if answer.run_id else "It ended before the first step."


def _draw_step(step: Step, answer: Answer) -> None:
    children = [child for child in answer.steps if child.parent == step.key]
    with st.expander(
        _label(step, answer),
        icon=_icon(step),
        type="step",
        expanded=step.kind == "delegate",
        key=f"step-{answer.id}-{step.key}",
    ):
        st.caption(MEANINGS[step.kind] + CERTAINTIES.get(step.certainty or "exact", ""))
        for child in children:
            _draw_step(child, answer)
        if step.kind == "delegate" and (step.arguments or step.output):
            with st.expander("What was passed", type="compact", key=f"passed-{answer.id}-{step.key}"):
                _draw_payloads(step)
        else:
            _draw_payloads(step)


def _label(step: Step, answer: Answer) -> str:
    since_s = formats.since_s(answer.asked_at)
    elapsed_s = None if since_s is None else max(0.0, since_s - step.started_s)
    words = safe.inline(say(step, elapsed_s))
    if step.state == "failed":
        return f":red[{words}]"
    if step.state == "active":
        return f":shimmer[{words}]"
    colour = COLOURS.get(step.kind)
    return f":{colour}[{words}]" if colour else words


def _icon(step: Step) -> str:
    match step.state:
        case "active":
            return "spinner"
        case "failed":
            return ":material/error:"
        case "cancelled":
            return ":material/stop_circle:"
    return ICONS[step.kind]


def _draw_payloads(step: Step) -> None:
    draw_payload("Sent", step.arguments)
    draw_payload("Came back", step.output)


def draw_payload(title: str, text: str) -> None:
    """Draw what travelled, as JSON where it is some; the first of it when it is long."""
    if not text:
        return
    st.caption(
        title
        if len(text) <= SHOWN_CHARACTERS
        else f"{title}, the first {SHOWN_CHARACTERS:,} of {len(text):,} characters"
    )
    shown, language = _pretty(text)
    st.code(safe.clean(shown)[:SHOWN_CHARACTERS], language=language, wrap_lines=True)


def _pretty(text: str) -> tuple[str, str | None]:
    if len(text) > SHOWN_CHARACTERS:
        return text, None
    try:
        value = json.loads(text)
    except ValueError:
        return text, None
    return (
        (json.dumps(value, indent=2, ensure_ascii=False), "json")
        if isinstance(value, dict | list)
        else (text, None)
    )
