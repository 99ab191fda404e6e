"""The eight figures at the top of Overview, each with its change against the stretch before."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import streamlit as st

from services.models import Answer
from services.monitor.attention import SUCCESS_TARGET, open_for_s
from services.monitor.overview import (
    Figures,
    Points,
    buckets,
    counts,
    difference,
    oldest_of_all,
    only_whole,
    per_minute,
    success_shares,
    values,
)
from ui import cards, feedback, formats, overview_data, safe
from ui.overview_data import Past, Queues
from ui.view import View

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

NARROWEST_PX = 200
KEYS = ("rate", "success", "p95", "wait", "oldest", "poison", "open", "tokens")
Good = Literal["up", "down", "none"]


@dataclass(frozen=True, slots=True)
class Tile:
    """*value*: None when it is not known. *trend*: over the stretch, oldest first."""

    key: str
    label: str
    value: str | None
    delta: str | None = None
    good: Good = "none"
    trend: Points = ()
    help: str = ""
    alarm: Literal["", "orange", "red"] = ""


def frame() -> Mapping[str, "DeltaGenerator"]:
    """Return the places of the tiles by their keys, so that those of the past need not wait for the queues."""
    with st.grid(4, min_column_width=NARROWEST_PX, gap="small", key="overview-tiles"):
        return {key: cards.tile(f"overview-{key}") for key in KEYS}


def draw(cells: "Mapping[str, DeltaGenerator]", tiles: Sequence[Tile]) -> None:
    for tile in tiles:
        cards.metric(
            tile.label,
            tile.value,
            place=cells[tile.key],
            delta=tile.delta,
            delta_good=tile.good,
            trend=[value for _, value in tile.trend],
            help=tile.help,
            alarm=tile.alarm,
        )


def draw_source(past: Past | None, queues: Queues, view: View) -> None:
    """Draw what the tiles are compared with, how old they are, and why one is not known."""
    st.caption(source_words(past, queues, view))
    if past is not None and past.figures.problem is not None:
        feedback.draw_error(past.figures.problem)
    if queues.problem is not None:
        feedback.draw_error(queues.problem)


def source_words(past: Past | None, queues: Queues, view: View) -> str:
    """Return what changes are measured against, and how old each source's figures are."""
    looked = f"queues seen {overview_data.age_words(queues.at, view)}" if queues.at else "queues not read"
    if past is None:
        return f"No history: no workspace is set · {looked}"
    said = [f"{_begin(view.words)}; changes are against {before_words(view)}"]
    if past.figures.is_known:
        said.append(f"{past.figures.source} read {overview_data.age_words(past.figures.read_at, view)}")
    else:
        said.append(f"{past.figures.source} could not be read")
    if past.figures.state == "stale":
        said.append(":orange[:material/history: not read again since]")
    if past.figures.state == "partial":
        said.append(":orange[:material/rule: only a part was read]")
    return " · ".join([*said, looked])


def before_words(view: View) -> str:
    """Return `the hour before`, `the 6 hours before`, …"""
    span_s = (view.end - view.start).total_seconds()
    for unit_s, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        number = span_s / unit_s
        if number >= 1 and abs(number - round(number)) < 0.01:
            return f"the {unit} before" if round(number) == 1 else f"the {round(number)} {unit}s before"
    return "a stretch as long before"


# Of the stretch ---------------------------------------------------------------------------------------


def of_past(past: Past | None, view: View, cost: str = "", cost_notes: str = "") -> tuple[Tile, ...]:
    """Return the tiles that telemetry fills; all of them not known when it could not be read.

    *cost*: what the answers cost, as it is shown; empty without a price list.
    """
    sums = overview_data.figures(past)
    rows = past.series.rows if past is not None and past.series.is_known else ()
    moments = buckets(rows, view.start, view.end, view.grain)

    def trend(points: Points) -> Points:
        return only_whole(points, view.start, view.end, view.grain)

    if sums is None:
        return (
            Tile("rate", "Answers per minute", None),
            Tile("success", "Success", None),
            Tile("p95", "Answer time, p95", None),
            Tile("wait", "Queue wait, p95", None),
            Tile("tokens", "Tokens", None),
        )
    now, before = sums
    return (
        _rate(now, before, view, trend(counts(rows, "answers", moments))),
        _success(now, before, trend(success_shares(rows, moments))),
        Tile(
            "p95",
            "Answer time, p95",
            formats.duration(now.p95_s) if now.answers else "no answers",
            seconds_change(difference(now.p95_s, before.p95_s)),
            "down",
            trend(values(rows, "p95_ms", moments, 0.001)),
            f"95 % of {formats.count(now.answers, 'answer')} took no longer. "
            f"An answer may take {overview_data.slo_s():g} s.",
        ),
        Tile(
            "wait",
            "Queue wait, p95",
            formats.duration(now.wait_p95_s) if now.waited else "no waits",
            seconds_change(difference(now.wait_p95_s, before.wait_p95_s)),
            "down",
            trend(values(rows, "wait_p95_ms", moments, 0.001)),
            f"How long the message of a function call lay in its input queue, in 95 % of the "
            f"{formats.count(now.waited, 'answer')} that called one and whose wait was seen.",
        ),
        _tokens(now, before, trend(values(rows, "tokens", moments)), cost, cost_notes),
    )


def _rate(now: Figures, before: Figures, view: View, trend: Points) -> Tile:
    span = view.end - view.start
    rate, rate_before = per_minute(now.answers, span), per_minute(before.answers, span)
    demo = f" {now.demo:,} of them are demo history." if now.demo else ""
    return Tile(
        "rate",
        "Answers per minute",
        None if rate is None else rate_words(rate),
        change(difference(rate, rate_before), rate_words),
        "none",
        trend,
        f"{formats.count(now.answers, 'answer')} in {view.words}, {before.answers:,} before it.{demo}",
    )


def _success(now: Figures, before: Figures, trend: Points) -> Tile:
    now_share, gained = now.success_share, difference(now.success_share, before.success_share)
    return Tile(
        "success",
        "Success",
        "no answers" if now_share is None else percent(now_share),
        change(
            None if gained is None else gained * 100,
            lambda value: f"{value:.1f}".rstrip("0").rstrip("."),
            " points",
        ),
        "up",
        trend,
        f"{now.succeeded:,} of {formats.count(now.answers - now.cancelled, 'question')} got an answer; "
        f"{now.failed:,} failed or expired. Stopped ones do not count ({now.cancelled:,}). "
        f"The target is {percent(SUCCESS_TARGET)}.",
    )


def _tokens(now: Figures, before: Figures, trend: Points, cost: str, cost_notes: str) -> Tile:
    told = f"Told for {now.counted:,} of {formats.count(now.answers, 'answer')}"
    if now.tokens is not None:
        told += f": {now.input_tokens or 0:,.0f} read, {now.output_tokens or 0:,.0f} written"
    known = None if now.tokens is None else " · ".join(filter(None, [short(now.tokens), cost]))
    return Tile(
        "tokens",
        "Tokens and cost" if cost else "Tokens",
        known if now.answers else "no answers",
        change(difference(now.tokens, before.tokens), short),
        "none",
        trend,
        f"{told}. {cost_notes}".strip(),
    )


# Of now -----------------------------------------------------------------------------------------------


def of_now(past: Past | None, queues: Queues, answers: Sequence[Answer], view: View) -> tuple[Tile, ...]:
    """Return the tiles of what is live: they need no workspace."""
    return (_oldest(past, queues, view), _poison(queues), _open(answers))


def _oldest(past: Past | None, queues: Queues, view: View) -> Tile:
    rows = past.queues.rows if past is not None and past.queues.is_known else ()
    moments = buckets(rows, view.start, view.end, view.grain)
    trend = only_whole(oldest_of_all(rows, moments), view.start, view.end, view.grain)
    label, oldest = "Oldest message now", queues.oldest
    if queues.depths is None:
        return Tile("oldest", label, None, trend=trend, help="The storage account could not be read.")
    if oldest is None:
        return Tile(
            "oldest", label, "none waits", trend=trend, help="No queue has a message that waits visibly."
        )
    late = (oldest.oldest_age_s or 0.0) > overview_data.slo_s()
    return Tile(
        "oldest",
        label,
        formats.duration(oldest.oldest_age_s),
        trend=trend,
        help=f"In {safe.inline(oldest.name, 80)}. Poison does not count here.",
        alarm="orange" if late else "",
    )


def _poison(queues: Queues) -> Tile:
    return Tile(
        "poison",
        "Poison messages",
        None if queues.poison is None else f"{queues.poison:,}",
        help="Messages that the function app gave up on, in all queues now. Each is a call that got no result.",
        alarm="red" if queues.poison else "",
    )


def _open(answers: Sequence[Answer]) -> Tile:
    now, stuck_s = formats.now(), overview_data.stuck_s()
    ages_s = [age_s for answer in answers if (age_s := open_for_s(answer, now)) is not None]
    stuck = sum(1 for age_s in ages_s if age_s > stuck_s)
    return Tile(
        "open",
        f"Open answers, {stuck} stuck" if stuck else "Open answers",
        f"{len(ages_s):,}",
        help="Questions asked through this Relaydeck that are under way. Stuck: for longer than "
        f"{stuck_s:g} s.",
        alarm="red" if stuck else "",
    )


# In words ---------------------------------------------------------------------------------------------


def rate_words(rate: float) -> str:
    """Return `12`, `0.3`, `0.02`; what is not nothing is not shown as 0."""
    if rate == 0:
        return "0"
    if rate < 0.01:
        return "<0.01"
    return f"{rate:.2f}" if rate < 0.1 else f"{rate:.1f}" if rate < 10 else f"{rate:,.0f}"


def percent(part: float) -> str:
    """Return `97.3 %`. 100 % only of all, and 0 % only of none."""
    shown = f"{part * 100:.1f}".removesuffix(".0")
    if shown == "100" and part < 1:
        return ">99.9 %"
    return "<0.1 %" if shown == "0" and part > 0 else f"{shown} %"


def short(value: float) -> str:
    """Return `640`, `12.3 k`, `4.1 M`."""
    if value < 1_000:
        return f"{value:,.0f}"
    return f"{value / 1_000:.1f} k" if value < 1_000_000 else f"{value / 1_000_000:.1f} M"


def seconds_change(difference_s: float | None) -> str | None:
    """Return `+0.4 s`; None for what rounds to nothing, and when there is nothing to compare with."""
    return change(difference_s, lambda value: formats.duration(value) if value >= 0.05 else "0")


def change(difference: float | None, words: Callable[[float], str], unit: str = "") -> str | None:
    """Return *difference* with its sign; None when it is none worth showing, or not known."""
    if difference is None:
        return None
    shown = words(abs(difference))
    if shown.strip("0.") == "" or shown.startswith("<"):
        return None
    return f"{'-' if difference < 0 else '+'}{shown}{unit}"


def _begin(words: str) -> str:
    return words[:1].upper() + words[1:]
