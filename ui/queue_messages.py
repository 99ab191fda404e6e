"""The messages that wait in a queue, looked at and left as they are."""

import json

import streamlit as st

from services.models import PeekedMessage, QueueDepth
from services.queues import PEEK_MAX
from ui import context, feedback, formats, safe

SHOWN_BODY = 4_000


def draw(depth: QueueDepth) -> None:
    """Draw «first n of about N», each message decoded. One request."""
    with feedback.showing_errors():
        messages = context.services().queues.peek(depth.name, PEEK_MAX)
        st.caption(heading(len(messages), depth.messages))
        for number, message in enumerate(messages):
            draw_message(message, depth.name, number)


def heading(shown: int, about: int) -> str:
    if not shown:
        return (
            f"About {formats.count(about, 'message')}, none visible: being worked on, or hidden for a while."
            if about
            else "No message waits here."
        )
    return f"First {shown} of about {max(shown, about):,}, oldest first. Looking does not take them."


def draw_message(message: PeekedMessage, queue: str, number: int) -> None:
    age = formats.age(formats.since_s(message.inserted_at))
    tries = f" · delivered {formats.count(message.dequeue_count, 'time')}" if message.dequeue_count else ""
    with st.expander(
        f"{age}{tries}",
        icon=":material/mail:",
        type="compact",
        key=f"message-{queue}-{number}",
        on_change="rerun",
    ) as opened:
        if not opened.open:
            return
        facts = [
            f"id {safe.inline(message.id)}",
            f"inserted {formats.clock(message.inserted_at)}",
            f"expires {formats.clock(message.expires_at)}",
        ]
        if message.body is not None and (correlation := message.body.get("CorrelationId")):
            facts.append(f"CorrelationId {safe.inline(str(correlation))}")
        st.caption(" · ".join(facts))
        draw_body(message)


def draw_body(message: PeekedMessage) -> None:
    """Draw what the message holds, decoded."""
    is_object = message.body is not None
    text = json.dumps(message.body, indent=2, ensure_ascii=False) if is_object else message.text
    st.code(safe.clean(text[:SHOWN_BODY]), language="json" if is_object else None, wrap_lines=True)
    if len(text) > SHOWN_BODY:
        st.caption(f"The first {SHOWN_BODY:,} of {len(text):,} characters.")
    if not is_object:
        st.caption("No JSON object: the function cannot read this one.")
