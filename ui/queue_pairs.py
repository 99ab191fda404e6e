"""Queues as they are now: the figures above the page and a card for each pair."""

from collections.abc import Sequence

import streamlit as st

from services.models import QueueDepth
from services.monitor import flow
from services.monitor.flow import Rates, per_minute
from services.monitor.pairs import Pair
from ui import cards, formats, safe, tables
from ui.queue_charts import window_words
from ui.queue_data import Board

LOOKS = {
    "idle": ("gray", ":material/inbox:", "nothing waits"),
    "flowing": ("blue", ":material/sync:", "flowing"),
    "stalled": ("orange", ":material/hourglass_top:", "stalled: nobody has taken the oldest for 10 min"),
    "poison": ("red", ":material/error:", "has messages that were given up on"),
    "incomplete": ("orange", ":material/help:", "a queue of the pair does not exist"),
}
MOST_CARDS = 12
FACT_PX = 120


def draw_totals(board: Board) -> None:
    ages_s = [depth.oldest_age_s for depth in board.depths if depth.oldest_age_s is not None]
    poison = sum(depth.messages for depth in board.depths if depth.state == "poison")
    rates = flow.total(board.rates.values()) if board.rates is not None else None
    waiting = sum(depth.messages for depth in board.depths)
    with st.grid(5, min_column_width=160, gap="small"):
        cards.metric("Messages", formats.count(waiting), help="In all queues, approximate")
        oldest = formats.duration(max(ages_s)) if ages_s else "none visible" if waiting else "none waits"
        cards.metric("Oldest that waits", oldest, help="Of those that wait visibly")
        cards.metric(
            "Arrivals a minute",
            per_minute(rates.arrived, at_least=rates.at_least) if rates else None,
            help=f"Over the last {window_words()}, as functions and the queues tell",
        )
        cards.metric(
            "Finished a minute",
            per_minute(rates.completed) if rates else None,
            help=f"Over the last {window_words()}, as functions tell",
        )
        cards.metric(
            "Poison",
            formats.count(poison),
            help="Messages that were given up on, in all poison queues",
        )


def draw_pairs(board: Board) -> None:
    for pair in board.pairs[:MOST_CARDS]:
        draw_pair(pair, board.rates.get(pair.input_queue) if board.rates is not None else None)
    hidden = board.pairs[MOST_CARDS:]
    if hidden:
        st.caption(f"{len(hidden)} more pairs, none worse than those above")
        tables.draw(
            [_row(pair) for pair in hidden],
            key="queues-more-pairs",
            alt=f"{len(hidden)} more pairs of queues",
        )


def draw_pair(pair: Pair, rates: Rates | None) -> None:
    colour, icon, word = LOOKS[pair.state]
    with st.container(border=True, gap="xsmall", key=f"pair-{pair.input_queue}"):
        about = f" · carried by {safe.inline(pair.agent)}" if pair.agent else " · not in the catalogue"
        st.markdown(f":{colour}[{icon}] **{safe.inline(pair.name)}** :{colour}[{word}]{about}")
        with st.grid(7, min_column_width=FACT_PX, gap="small"):
            draw_fact("Input", *_depth(pair.input), help=pair.input_queue)
            draw_fact("Oldest", _oldest(pair.input))
            draw_fact("Arrivals", _rate(rates, "arrived"), "a minute")
            draw_fact("Finished", _rate(rates, "completed"), _failed(rates))
            draw_fact("Time to drain", *drain_words(flow.drain(pair.input, rates).words))
            draw_fact("Output", *_depth(pair.output), help=pair.output_queue)
            draw_fact("Poison", f":red[{formats.count(pair.poison)}]" if pair.poison else "0", "given up on")


def drain_words(words: str) -> tuple[str, str]:
    """Return the answer, and the reason as its smaller part."""
    answer, _, reason = words.partition(": ")
    return answer, f"  \n:small[{reason}]" if reason else ""


def draw_fact(name: str, value: str, unit: str = "", *, help: str = "") -> None:
    """Draw a small figure: its name above, its unit below. *value*: Markdown of ours."""
    st.markdown(
        f":small[:gray[{name}]]  \n**{value}** {unit}".rstrip(), help=safe.code(help) if help else None
    )


def draw_others(others: Sequence[QueueDepth]) -> None:
    if others:
        st.caption("Other queues")
        rows = [
            {
                "Queue": safe.clean(depth.name),
                "Messages": depth.messages,
                "Oldest": _oldest(depth),
                "State": depth.state,
            }
            for depth in others
        ]
        tables.draw(rows, key="queues-others", alt=f"{len(rows)} queues that belong to no pair")


def _depth(depth: QueueDepth | None) -> tuple[str, str]:
    if depth is None:
        return "no such queue", ""
    return f"{depth.messages:,}", "message" if depth.messages == 1 else "messages"


def _oldest(depth: QueueDepth | None) -> str:
    if depth is None:
        return formats.UNKNOWN
    if depth.oldest_age_s is None:
        return "none visible" if depth.messages else "none waits"
    return formats.duration(depth.oldest_age_s)


def _rate(rates: Rates | None, name: str) -> str:
    if rates is None:
        return formats.UNKNOWN
    if name == "arrived":
        return per_minute(rates.arrived, at_least=rates.at_least)
    return per_minute(rates.completed)


def _failed(rates: Rates | None) -> str:
    if rates is None or not rates.failed:
        return "a minute"
    return f"a minute, :red[{per_minute(rates.failed)} failed]"


def _row(pair: Pair) -> dict[str, str | int]:
    return {
        "Pair": safe.clean(pair.name),
        "Input": " ".join(_depth(pair.input)).strip(),
        "Oldest": _oldest(pair.input),
        "Output": " ".join(_depth(pair.output)).strip(),
        "Poison": pair.poison,
        "State": LOOKS[pair.state][2],
    }
