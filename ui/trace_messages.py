"""The two messages of each function call, as far as telemetry or the queues know them."""

from collections.abc import Sequence

import streamlit as st

from services.errors import ServiceError
from services.models import PeekedMessage
from services.monitor.passages import same_call
from services.monitor.shapes import Passage, Trace
from services.queues import POISON_SUFFIX
from ui import ask_steps, context, feedback, formats, menu, queue_messages, safe, trace_parts


def draw(trace: Trace) -> None:
    """Draw the messages. Looks into the queues only where a message may still lie in one: up to three requests a call."""
    if not trace.passages:
        st.caption("No function was called, so no message went through a queue.")
        return
    for number, passage in enumerate(trace.passages):
        draw_passage(passage, number, trace)
    st.caption(
        "Payloads come from the steps of the run, and from the queue while a message waits in it; telemetry holds them "
        "only when content recording is on. Looking does not take a message."
    )


def draw_passage(passage: Passage, number: int, trace: Trace) -> None:
    title = trace_parts.call_words(passage, number, len(trace.passages))
    with st.container(border=True, gap="small", key=f"trace-message-{number}"):
        st.markdown(f"**{safe.inline(title)}**")
        waiting = found_in_queues(passage, trace) if number == len(trace.passages) - 1 else {}
        left, right = st.columns(2)
        with left:
            draw_input(passage, waiting)
        with right:
            draw_output(passage, waiting)


def draw_input(passage: Passage, waiting: dict[str, PeekedMessage]) -> None:
    st.markdown(
        f":material/arrow_downward: **Into** {safe.inline(passage.input_queue or 'an unknown queue')}"
    )
    message = waiting.get(passage.input_queue) or waiting.get(passage.input_queue + POISON_SUFFIX)
    facts = {
        "MessageId": passage.message_id or (message.id if message else ""),
        "CorrelationId": passage.correlation_id or correlation_of(message),
        "Inserted": formats.clock(passage.inserted_at or (message.inserted_at if message else None)),
        "Deliveries": deliveries(passage, message),
    }
    draw_facts(facts)
    if message is not None:
        poisoned = passage.input_queue + POISON_SUFFIX in waiting and passage.input_queue not in waiting
        word = (
            ":red[:material/error: It lies in the poison queue.]"
            if poisoned
            else ":orange[It waits there now.]"
        )
        st.markdown(word)
        if poisoned:
            st.page_link(
                menu.link("queues.py"),
                label="See why, and replay it",
                icon=":material/inbox:",
                query_params={"poison": passage.input_queue + POISON_SUFFIX},
            )
        queue_messages.draw_body(message)
        return
    ask_steps.draw_payload("Arguments", passage.arguments)
    if not passage.arguments:
        st.caption("What it said is not known.")


def draw_output(passage: Passage, waiting: dict[str, PeekedMessage]) -> None:
    st.markdown(
        f":material/arrow_upward: **Out of** {safe.inline(passage.output_queue or 'an unknown queue')}"
    )
    message = waiting.get(passage.output_queue)
    draw_facts(
        {
            "MessageId": message.id if message else "",
            "CorrelationId": passage.correlation_id or correlation_of(message),
            "Outcome": passage.outcome,
        }
    )
    if message is not None:
        st.markdown(":orange[It waits there now: nobody has read it.]")
        queue_messages.draw_body(message)
        return
    ask_steps.draw_payload("Value", passage.output)
    if not passage.output:
        st.caption("No reply is known.")


def draw_facts(facts: dict[str, str]) -> None:
    told = [f"{name} {safe.inline(value)}" if value else f"{name} not known" for name, value in facts.items()]
    st.caption("  \n".join(told))


def deliveries(passage: Passage, message: PeekedMessage | None) -> str:
    if passage.dequeue_count is not None:
        return str(passage.dequeue_count)
    return str(message.dequeue_count) if message is not None else ""


def correlation_of(message: PeekedMessage | None) -> str:
    return str(message.body.get("CorrelationId") or "") if message is not None and message.body else ""


def found_in_queues(passage: Passage, trace: Trace) -> dict[str, PeekedMessage]:
    """Return the messages of this call that wait somewhere, by queue; none are looked for once the call was answered."""
    if passage.output and not trace.is_open:
        return {}
    names = [passage.input_queue, passage.output_queue, passage.input_queue + POISON_SUFFIX]
    found: dict[str, PeekedMessage] = {}
    for name in filter(None, names):
        try:
            messages, _ = context.peeked(name)
        except ServiceError as error:
            if error.status != 404:
                feedback.draw_error(error)
            continue
        if (message := _of_call(messages, passage)) is not None:
            found[name] = message
    return found


def _of_call(messages: Sequence[PeekedMessage], passage: Passage) -> PeekedMessage | None:
    return next(
        (
            one
            for one in messages
            if same_call(one.body, passage) or (passage.message_id and one.id == passage.message_id)
        ),
        None,
    )
