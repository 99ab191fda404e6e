"""The messages that wait in a queue, looked at and left as they are."""

import json
from collections.abc import Sequence
from datetime import timedelta

import streamlit as st

from services.models import PeekedMessage, QueueDepth
from services.monitor.owners import Owner, correlation_of, owners
from services.monitor.results import Ask, Row
from ui import context, feedback, formats, menu, safe

SHOWN_BODY = 4_000
LOOK_BACK = timedelta(days=7)  # a message lives no longer unless it was told to


def draw(depth: QueueDepth) -> None:
    """Draw «first n of about N», each message decoded. One request, and one for the runs of those nobody here knows."""
    with feedback.showing_errors(retry=context.peeks().clear_all, key="queue-messages"):
        messages, at = context.peeked(depth.name)
        st.caption(f"{heading(len(messages), depth.messages)} Looked at {formats.age(formats.since_s(at))}.")
        known = owners_of(messages)
        with st.container(gap="xxsmall", key="queue-messages"):
            for number, message in enumerate(messages):
                draw_message(message, depth.name, number, known.get(message.id))


def heading(shown: int, about: int) -> str:
    if not shown:
        return (
            f"About {formats.count(about, 'message')}, none visible: being worked on, or hidden for a while."
            if about
            else "No message waits here."
        )
    return f"First {shown} of about {max(shown, about):,}, oldest first. Looking does not take them."


def owners_of(messages: Sequence[PeekedMessage]) -> dict[str, Owner]:
    """Return the run of each message that is known. Asks the workspace only for those that this process never saw."""
    answers = context.services().answers
    told = {correlation_of(message) for message in messages} - {""}
    known = {one: answer for one in told if (answer := answers.of_message(one)) is not None}
    rows: Sequence[Row] = ()
    if unknown := sorted(told - known.keys()):
        end = formats.now()
        asked = Ask(
            "message_runs", {"start": end - LOOK_BACK, "end": end, "correlations": unknown}, "|".join(unknown)
        )
        found = context.ask_logs_once(asked)
        rows = found[0].rows if found is not None else ()
    return owners(messages, answers.open_answers(), known, rows)


def draw_message(message: PeekedMessage, queue: str, number: int, owner: Owner | None) -> None:
    age = formats.age(formats.since_s(message.inserted_at))
    tries = f" · delivered {formats.count(message.dequeue_count, 'time')}" if message.dequeue_count else ""
    preview = safe.inline(message.text, 80)
    with st.expander(
        f"{age}{tries} · {preview}",
        icon=":material/mail:" if message.body is not None else ":material/drafts:",
        type="compact",
        key=f"message-{queue}-{number}",
        on_change="rerun",
    ) as opened:
        if not opened.open:
            return
        facts = [
            f"id {safe.inline(message.id)}",
            f"inserted {formats.told(formats.clock(message.inserted_at))}",
            f"expires {formats.told(formats.clock(message.expires_at))}",
        ]
        if correlation := correlation_of(message):
            facts.append(f"CorrelationId {safe.inline(correlation)}")
        st.caption(" · ".join(facts))
        draw_owner(owner)
        draw_body(message)


def draw_owner(owner: Owner | None) -> None:
    if owner is None:
        st.caption("Which run it belongs to is not known.")
        return
    sure = "" if owner.certainty == "exact" else " (≈ by its arguments)"
    parameters = {"run": owner.run_id, "thread": owner.thread_id, "show": "Messages"}
    st.page_link(
        menu.link("trace.py"),
        label=f"Open its trace{sure}",
        icon=":material/timeline:",
        query_params={name: value for name, value in parameters.items() if value},
    )


def draw_body(message: PeekedMessage) -> None:
    """Draw what the message holds, decoded."""
    is_object = message.body is not None
    text = json.dumps(message.body, indent=2, ensure_ascii=False) if is_object else message.text
    st.code(safe.clean(text[:SHOWN_BODY]), language="json" if is_object else None, wrap_lines=True)
    if len(text) > SHOWN_BODY:
        st.caption(f"The first {SHOWN_BODY:,} of {len(text):,} characters.")
    if not is_object:
        st.caption("No JSON object: the function cannot read this one.")
