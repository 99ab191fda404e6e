"""What answers take: tokens over time, and what they cost by the operator's own price list."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal

import streamlit as st

from services.monitor.overview import Points
from services.monitor.usage import Spent, Split, by_day, cost_stacks, spent_on, token_stacks
from ui import cards, formats, metrics_data, safe
from ui.charts import palette, style
from ui.metrics_data import Board
from ui.metrics_tiles import price_words, usd
from ui.overview_tiles import short
from ui.view import View

SPLITS: Mapping[str, Split] = {"Read and written": "direction", "Model": "model", "Agent": "agent"}
DAY = timedelta(days=1)
DAYS_FROM = timedelta(days=2)
NO_ANSWER = "No question was answered in this range. Ask one, or choose a longer range."
ABOUT_TOKENS = (
    "Tokens that the service counted for the run of each answer, summed by when the question was asked. Tokens of "
    "connected agents' own runs are not told apart by the service. An answer that failed before its count was known is "
    "not in the bars."
)
ABOUT_COST = (
    "Tokens times the price of the model, from the file that `RELAYDECK_PRICES` names. Relaydeck comes with no price: "
    "a model without one has no cost here, which does not mean that it costs nothing."
)
HOW_TO_PRICE = (
    "Put the price of each model into a file and let `RELAYDECK_PRICES` name it:\n\n"
    '```toml\n[models."<model deployment>"]\ninput_usd_per_million = …\noutput_usd_per_million = …\n```'
)


def draw(board: Board | None, view: View) -> None:
    if board is None:
        cards.draw("What do answers take?", None, lambda: None, key="metrics-tokens-none")
        return
    cards.draw(
        "What do answers take?",
        board.tokens,
        lambda: draw_tokens(board, view),
        key="metrics-token-bars",
        about=ABOUT_TOKENS,
        empty=NO_ANSWER,
        grain=view.grain,
    )
    cards.draw(
        "What does it cost?",
        board.tokens,
        lambda: draw_cost(board, view),
        key="metrics-cost-bars",
        about=ABOUT_COST,
        empty=NO_ANSWER,
        grain=cost_grain(view),
    )


def draw_tokens(board: Board, view: View) -> None:
    uses = board.uses()
    spent = spent_on(uses)
    if not spent.counted:
        st.caption(f"None of {formats.count(spent.answers, 'answer')} tells how many tokens it took.")
        return
    st.markdown(_token_words(spent))
    chosen = st.segmented_control(
        "By",
        tuple(SPLITS),
        default="Read and written",
        key="tokens_by",
        bind="query-params",
        label_visibility="collapsed",
    )
    from ui.charts import stacks

    split = SPLITS.get(chosen or "Read and written", "direction")
    found = token_stacks(uses, split, metrics_data.moments(board.tokens, view))
    drawn = stacks.figure(
        found,
        start=view.start,
        end=view.end,
        grain=view.grain,
        theme=palette.theme(),
        zone=view.zone,
        y_title="tokens",
        hover="%{y:,.0f} tokens",
    )
    style.draw(drawn, key="metrics-token-figure", alt=f"Tokens over time, {_sums(found, short)}")


def draw_cost(board: Board, view: View) -> None:
    uses = board.uses()
    spent = spent_on(uses)
    missing = price_words(spent)
    if spent.cost_usd is None:
        models = ", ".join(safe.inline(model, 60) for model in spent.unpriced)
        st.markdown(
            f"**No price set for {models}.** So the cost is not known."
            if models
            else "No answer tells its tokens, so the cost is not known."
        )
        if models:
            st.markdown(HOW_TO_PRICE)
        return
    each = spent.cost_usd / sum(use.counted for use in uses if use.cost_usd is not None and use.counted)
    st.markdown(f"**{_plain_usd(spent.cost_usd)}** in all, {_plain_usd(each)} an answer.")
    if missing:
        st.caption(f":orange[:material/money_off:] {missing}")
    from ui.charts import stacks

    grain = cost_grain(view)
    found = cost_stacks(uses, metrics_data.moments(board.tokens, view))
    if grain == DAY:
        found = by_day(found, view.zone)
    start = min([view.start, *(at for points in found.values() for at, _ in points)])
    drawn = stacks.figure(
        found,
        start=start,
        end=view.end,
        grain=grain,
        theme=palette.theme(),
        zone=view.zone,
        y_title="USD a day" if grain == DAY else f"USD every {cards.grain_words(grain)}",
        hover="$%{y:,.4f}",
        prefix="$",
    )
    style.draw(
        drawn,
        key="metrics-cost-figure",
        alt=f"Cost over time, {_sums(found, lambda value: usd(value) or '')}",
    )


def cost_grain(view: View) -> timedelta:
    """Return a day for ranges of some days, for that is how one pays; else the grain of the view."""
    return DAY if view.end - view.start >= DAYS_FROM else view.grain


def _token_words(spent: Spent) -> str:
    read, written = spent.input_tokens or 0, spent.output_tokens or 0
    each = (read + written) / spent.counted
    words = f"**{short(read + written)}** tokens: {short(read)} read, {short(written)} written; {short(each)} an answer."
    untold = spent.answers - spent.counted
    return words + (
        f" {formats.count(untold, 'answer')} of {spent.answers:,} not in it: their tokens are not told."
        if untold
        else ""
    )


def _plain_usd(amount: Decimal) -> str:
    """Return an amount for Markdown, where a dollar may begin a formula."""
    return (usd(amount) or formats.UNKNOWN).replace("$", "\\$").replace("<", "\\<")


def _sums(stacks: Mapping[str, Points], words: Callable[[float], str]) -> str:
    return "; ".join(
        f"{name} {words(sum(value or 0 for _, value in points))}" for name, points in stacks.items()
    )
