"""One message that was given up on: why, whose it is, what it holds, and how to change it before it runs again."""

import json

import streamlit as st

from services.models import Certainty
from services.poison.edit import Edit, draft, judge_edit
from services.poison.shapes import CauseKind, Look, PoisonMessage
from ui import formats, menu, poison_actions, poison_table, safe

ICONS: dict[CauseKind, str] = {
    "encoding": ":orange[:material/translate:]",
    "form": ":orange[:material/data_object:]",
    "exception": ":red[:material/bug_report:]",
    "contract": ":violet[:material/rule:]",
    "unknown": ":gray[:material/help:]",
}
SURE: dict[Certainty, str] = {
    "exact": "",
    "strong": " :gray[≈ by the time alone, and nothing else fits]",
    "guess": " :gray[? a guess: one of several at that time]",
}
SHOWN_BODY = 6_000
EDIT_PX = 220


def draw(look: Look, message: PoisonMessage) -> None:
    """Draw all that is known of *message*. Sends nothing."""
    with st.container(border=True, gap="small", key="poison-detail"):
        with st.grid(2, min_column_width=320, gap="medium"):
            with st.container():
                _draw_why(look, message)
            with st.container():
                _draw_body(message)
        _draw_edit(look, message)


def _draw_why(look: Look, message: PoisonMessage) -> None:
    st.markdown("**Why is it here?**")
    for cause in message.causes:
        sure = SURE[cause.certainty] if cause.kind == "exception" and cause.certainty else ""
        st.markdown(f"{ICONS[cause.kind]} {safe.inline(cause.words, 1_200)}{sure}")
    st.caption(_contract_words(look, message))
    st.markdown("**Does anybody still wait?**")
    st.markdown(waiting_words(message))
    if message.owner is not None:
        parameters = {"run": message.owner.run_id, "thread": message.owner.thread_id, "show": "Messages"}
        st.page_link(
            menu.link("trace.py"),
            label="Open its trace",
            icon=":material/timeline:",
            query_params={name: value for name, value in parameters.items() if value},
        )
    st.caption(" · ".join(_facts(message)))


def waiting_words(message: PoisonMessage) -> str:
    """Return whether the answer would still reach somebody."""
    if message.owner is None:
        return (
            ":gray[:material/help:] Which run it belongs to is not known, so whether one waits is not either."
        )
    sure = "" if message.owner.certainty == "exact" else " (told by its arguments, not by an id)"
    run = safe.inline(message.owner.run_id)
    if message.awaited == "yes":
        return f":blue[:material/hourglass_top:] Its run {run} is open and waits{sure}: replayed in time it gets its answer."
    if message.awaited == "no":
        return (
            f":orange[:material/warning:] Its run {run} is over ({safe.inline(message.run_state)}){sure}: replayed, its answer "
            "reaches nobody and stays in the output queue."
        )
    return f":gray[:material/help:] It belongs to the run {run}{sure}, whose state could not be read."


def _contract_words(look: Look, message: PoisonMessage) -> str:
    contract = look.contract
    if contract is None:
        return "No contract is known for this queue: neither the catalogue nor an agent names its tool."
    source = "an agent's definition of" if contract.source == "agent" else "the catalogue's entry of"
    name = safe.inline(contract.tool)
    if message.verdict is None:
        return f"Not held against {source} {name}: it holds no arguments that could be."
    left_out = ", ".join(message.verdict.unchecked)
    more = f" Not checked: {safe.inline(left_out, 300)}." if left_out else ""
    if message.verdict.problems:
        return f"Checked against {source} {name}.{more}"
    return f"Its arguments meet {source} {name}.{more}"


def _facts(message: PoisonMessage) -> list[str]:
    facts = [
        f"id {safe.inline(message.id)}",
        f"given up {formats.clock(message.inserted_at)}",
        f"expires {poison_table.expires_words(message)}",
        f"{message.size_bytes:,} bytes",
    ]
    if message.reading.correlation:
        facts.append(f"CorrelationId {safe.inline(message.reading.correlation)}")
    if message.failure is not None:
        facts.append(
            f"message in the input queue {safe.inline(message.failure.message_id or formats.UNKNOWN)}"
        )
        facts.append(f"last execution {formats.clock(message.failure.ended_at)}")
    return facts


def _draw_body(message: PoisonMessage) -> None:
    st.markdown("**What it holds**")
    found = message.reading
    is_object = found.body is not None
    text = json.dumps(found.body, indent=2, ensure_ascii=False) if is_object else found.text
    st.code(
        safe.clean(text[:SHOWN_BODY]) or " ",
        language="json" if is_object else None,
        wrap_lines=True,
        height=260,
    )
    if len(text) > SHOWN_BODY:
        st.caption(f"The first {SHOWN_BODY:,} of {len(text):,} characters.")


def _draw_edit(look: Look, message: PoisonMessage) -> None:
    """Draw the message to be changed. What is wrong with the change is said before it can be sent."""
    opened = st.expander(
        "Change it and replay", icon=":material/edit:", key=f"poison-edit-{message.id}", on_change="rerun"
    )
    if not opened.open:
        return
    with opened:
        text = st.text_area(
            "The message, as JSON; it is put into base64 when it is sent",
            draft(message.reading),
            key=f"poison-text-{message.id}",
            height=EDIT_PX,
        )
        edit = judge_edit(message.reading, text, look.contract)
        insist = _draw_verdict(edit, look, message)
        blocked = bool(edit.faults) or (bool(edit.problems) and not insist)
        poison_actions.draw_replay_edited(look, message, text, insist=insist, blocked=blocked)


def _draw_verdict(edit: Edit, look: Look, message: PoisonMessage) -> bool:
    """Return whether the person wants it sent although the contract speaks against it."""
    for words in edit.faults:
        st.markdown(f":red[:material/block:] {safe.inline(words, 600)}")
    for words in edit.problems:
        st.markdown(f":violet[:material/rule:] {safe.inline(words, 600)}")
    if edit.faults:
        return False
    if not edit.problems:
        said = (
            "It meets the contract."
            if look.contract
            else "It is a JSON object with a CorrelationId; no contract is known."
        )
        st.markdown(f":green[:material/check_circle:] {said}")
        return False
    return st.checkbox("Send it although it breaks the contract", key=f"poison-insist-{message.id}")
