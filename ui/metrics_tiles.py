"""The figures at the top of Metrics. One that is not known is called so, one that is not whole says what it lacks."""

from decimal import Decimal

import streamlit as st

from services.monitor.overview import per_minute, share
from services.monitor.results import Result
from services.monitor.usage import Part, Spent, parts_in, spent_on
from ui import cards, formats, safe
from ui.metrics_data import Board
from ui.overview_tiles import percent, rate_words, short
from ui.view import View

NARROWEST_PX = 165


def draw(board: Board | None, view: View) -> None:
    if board is None:
        return
    agents = parts_in(board.health.rows, "agent")
    tools = parts_in(board.health.rows, "tool")
    with st.grid(5, min_column_width=NARROWEST_PX, gap="small", key="metrics-tiles"):
        _draw_calls("Calls of agents", agents, board.health, view)
        _draw_calls("Calls of tools", tools, board.health, view)
        _draw_failed(tools, board.health)
        spent = spent_on(board.uses())
        _draw_tokens(spent, board.tokens)
        _draw_cost(spent, board.tokens)
    cards.draw_doubts((board.health, board.tokens))


def usd(amount: Decimal | float | None) -> str | None:
    """Return `$12.34`, `$0.0042`, `<$0.0001`; None when it is not known."""
    if amount is None:
        return None
    if amount == 0:
        return "$0"
    if amount < Decimal("0.0001"):
        return "<$0.0001"
    return f"${amount:,.4f}" if amount < 1 else f"${amount:,.2f}"


def price_words(spent: Spent) -> str:
    """Return what the cost leaves out, in Markdown that is safe to draw; empty when it leaves out nothing."""
    found = [
        f"No price set for {safe.inline(model, 60)}: {formats.count(answers, 'answer')} not in it."
        for model, answers in spent.unpriced.items()
    ]
    if untold := spent.answers - spent.counted:
        verb = "does" if untold == 1 else "do"
        found.append(f"{formats.count(untold, 'answer')} {verb} not tell their tokens and are not in it.")
    return " ".join(found)


def _draw_calls(label: str, parts: tuple[Part, ...], result: Result, view: View) -> None:
    calls = sum(part.calls for part in parts)
    rate = per_minute(calls, view.end - view.start)
    value = f"{calls:,}" if result.is_known else None
    note = f"{rate_words(rate)} a minute" if value and rate is not None else ""
    cards.metric(label, value, note=note, help=f"In {view.words}.")


def _draw_failed(tools: tuple[Part, ...], result: Result) -> None:
    calls, failed = sum(part.calls for part in tools), sum(part.failed for part in tools)
    found = share(failed, calls)
    value = percent(found) if result.is_known and found is not None else None
    note = f"{failed:,} of {calls:,}" if value else ""
    cards.metric(
        "Tool calls that failed",
        value,
        note=note,
        help="Of the calls that agents made of function tools. Not known while there is none.",
    )


def _draw_tokens(spent: Spent, result: Result) -> None:
    known = result.is_known and spent.input_tokens is not None and spent.output_tokens is not None
    value = short((spent.input_tokens or 0) + (spent.output_tokens or 0)) if known else None
    note = (
        f"{short(spent.input_tokens or 0)} read, {short(spent.output_tokens or 0)} written" if known else ""
    )
    cards.metric("Tokens", value, note=note, help="Of answers that tell them.")


def _draw_cost(spent: Spent, result: Result) -> None:
    cost = usd(spent.cost_usd) if result.is_known else None
    lacks = result.is_known and not spent.is_whole
    about = price_words(spent) if lacks else "Tokens times the price list that RELAYDECK_PRICES names."
    if cost is None and result.is_known and spent.unpriced:
        cards.metric("Cost", "no price", note="set RELAYDECK_PRICES", help=about)
        return
    cards.metric("Cost", cost, note="not all of it" if cost and lacks else "", help=about)
