"""The figures of Overview, a card each: what it asks, what was found, and the chart. Drawn after all that is text."""

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from services.monitor.overview import (
    Parts,
    Points,
    QueuePast,
    buckets,
    counts,
    mean_parts,
    parts_of,
    queue_pasts,
    values,
)
from services.monitor.results import Result
from ui import cards, context, formats, overview_data, safe
from ui.charts import palette, style
from ui.overview_data import Past
from ui.view import View

NARROWEST_PX = 430
STRIPS = 4
BODY_PX = 310  # of a sentence and a figure
NO_ANSWER = "No question was answered in this range. Ask one, or choose a longer range."
NO_READING = "No queue was read in this range. Queues are read every few seconds while Relaydeck runs."


def draw(past: Past | None, view: View) -> None:
    if past is None:
        cards.draw("What does the past look like?", None, lambda: None, key="overview-past")
        return
    with st.grid(2, min_column_width=NARROWEST_PX, gap="small", key="overview-charts"):
        cards.draw(
            "Where does the time go?",
            past.series,
            lambda: draw_parts(past.series, view),
            key="overview-parts",
            about=ABOUT_PARTS,
            empty=NO_ANSWER,
            grain=view.grain,
            height=BODY_PX,
        )
        cards.draw(
            "How long do answers take?",
            past.series,
            lambda: draw_times(past.series, view),
            key="overview-times",
            about=ABOUT_TIMES,
            empty=NO_ANSWER,
            grain=view.grain,
            height=BODY_PX,
        )
        cards.draw(
            "How do answers end?",
            past.series,
            lambda: draw_outcomes(past.series, view),
            key="overview-outcomes",
            about=ABOUT_OUTCOMES,
            empty=NO_ANSWER,
            grain=view.grain,
            height=BODY_PX,
        )
        cards.draw(
            "Do messages pile up?",
            past.queues,
            lambda: draw_queues(past.queues, view),
            key="overview-queues",
            about=ABOUT_QUEUES,
            empty=NO_READING,
            grain=view.grain,
            height=BODY_PX,
        )


def draw_parts(result: Result, view: View) -> None:
    parts = [(row["bucket"], parts_of(row)) for row in result.rows]
    placed = [(at, one) for at, one in parts if isinstance(at, datetime)]
    found = mean_parts([one for _, one in placed])
    said = parts_words(found)
    st.caption(said)
    if not found.measured:
        return
    from ui.charts import time_parts

    drawn = context.figure(
        "overview-parts",
        style.key_of([result], view),
        lambda: time_parts.figure(
            placed, start=view.start, end=view.end, grain=view.grain, theme=palette.theme(), zone=view.zone
        ),
    )
    style.draw(drawn, key="overview-parts-figure", alt=f"Stacked bars over {view.words}. {said}")


def draw_times(result: Result, view: View) -> None:
    moments = buckets(result.rows, view.start, view.end, view.grain)
    lines = {name: values(result.rows, f"{name}_ms", moments, 0.001) for name in ("p50", "p95", "p99")}
    answers = sum(int(value or 0) for _, value in counts(result.rows, "answers", moments))
    said = times_words(lines["p95"], answers, overview_data.slo_s())
    st.caption(said)
    from ui.charts import answer_times

    drawn = context.figure(
        "overview-times",
        style.key_of([result], view),
        lambda: answer_times.figure(
            lines,
            slo_s=overview_data.slo_s(),
            start=view.start,
            end=view.end,
            theme=palette.theme(),
            zone=view.zone,
        ),
    )
    style.draw(drawn, key="overview-times-figure", alt=f"Percentiles over {view.words}. {said}")


def draw_outcomes(result: Result, view: View) -> None:
    moments = buckets(result.rows, view.start, view.end, view.grain)
    from ui.charts import outcomes

    counted = {name: counts(result.rows, name, moments) for name in outcomes.STACK}
    sums = {name: int(sum(value or 0 for _, value in points)) for name, points in counted.items()}
    said = outcome_words(sums)
    st.caption(said)
    drawn = context.figure(
        "overview-outcomes",
        style.key_of([result], view),
        lambda: outcomes.figure(
            counted, start=view.start, end=view.end, grain=view.grain, theme=palette.theme(), zone=view.zone
        ),
    )
    style.draw(drawn, key="overview-outcomes-figure", alt=f"Stacked bars over {view.words}. {said}")


def draw_queues(result: Result, view: View) -> None:
    pasts = queue_pasts(result.rows, view.start, view.end, view.grain, context.services().settings.sample_s)
    busy = [one for one in pasts if one.deepest or one.longest_s]
    if all(one.deepest is None for one in pasts):
        st.caption(NO_READING)
        return
    said = queue_words(pasts, busy)
    st.caption(safe.inline(said, 400))
    if not busy:
        return
    from ui.charts import queue_strips

    drawn = context.figure(
        "overview-queues",
        style.key_of([result], view),
        lambda: queue_strips.figure(
            busy[:STRIPS], start=view.start, end=view.end, theme=palette.theme(), zone=view.zone
        ),
    )
    style.draw(drawn, key="overview-queues-figure", alt=f"A row for each queue over {view.words}. {said}")


# What was found, in words -----------------------------------------------------------------------------


def parts_words(found: Parts) -> str:
    """Return where most of the time goes, and on how many answers that was measured."""
    of = formats.count(found.answers, "answer")
    if not found.measured or not found.whole_s:
        return f"Of {of}, none was measured: wait and function are not told apart."
    names = {
        "waiting in queues": found.wait_s,
        "in functions": found.function_s,
        "in the model": found.model_s,
        "elsewhere": found.other_s,
    }
    most = max(names, key=lambda name: names[name] or 0.0)
    part = (names[most] or 0.0) / found.whole_s
    said = f"{part:.0%} of it {most}".replace("%", " %", 1)
    waited = found.wait_s or 0.0
    also = f", {formats.duration(waited)} waiting in queues" if most != "waiting in queues" and waited else ""
    measured = of if found.measured == found.answers else f"{found.measured:,} measured of {of}"
    return f"{formats.duration(found.whole_s)} on average, {said}{also}. n = {measured}."


def times_words(p95: Points, answers: int, slo_s: float) -> str:
    """Return in how much of the time answers took longer than they may."""
    known = [value for _, value in p95 if value is not None]
    over = sum(1 for value in known if value > slo_s)
    may = f"{slo_s:g} s"
    if over:
        said = f"p95 was above {may} in {over} of {len(known)} stretches with answers."
    else:
        said = f"p95 stayed within the {may} that an answer may take."
    return f"{said} n = {formats.count(answers, 'answer')}."


def outcome_words(sums: dict[str, int]) -> str:
    total = sum(sums.values())
    failed = sums.get("failed", 0) + sums.get("expired", 0)
    said = "None failed." if not failed else f"{failed:,} of {total:,} failed or expired."
    stopped = sums.get("cancelled", 0)
    return f"{said}{f' {stopped:,} stopped by somebody.' if stopped else ''} n = {formats.count(total, 'answer')}."


def queue_words(pasts: Sequence[QueuePast], busy: Sequence[QueuePast]) -> str:
    if not busy:
        return f"No. {formats.count(len(pasts), 'queue')} {'was' if len(pasts) == 1 else 'were'} empty at every look."
    worst = busy[0]
    deepest = formats.count(None if worst.deepest is None else int(worst.deepest), "message")
    oldest = f", the oldest for {formats.duration(worst.longest_s)}" if worst.longest_s else ""
    held = f"{len(busy)} of {formats.count(len(pasts), 'queue')} held any"
    shown = f", the {STRIPS} worst are drawn" if len(busy) > STRIPS else ""
    return f"{worst.name}: up to {deepest}{oldest}. {held}{shown}."


ABOUT_PARTS = (
    "The mean of each part over the answers of a stretch whose parts were all measured. *Queue wait*: from the entry of "
    "the call's message into the input queue until the function took it. *Function*: from there until its reply was "
    "read. *Model*: what is left of the answer: model turns, the agent service, the network. A stretch without a "
    "measured answer has no bar."
)
ABOUT_TIMES = (
    "From the question to its last word. p95: 95 of 100 answers took no longer. Of few answers, p95 and p99 are simply "
    "the slowest one. A stretch without answers is a gap, not a zero. The line is `RELAYDECK_SLO_S`."
)
ABOUT_OUTCOMES = (
    "Each answer once, when it was asked. *Failed*: an error on the way. *Expired*: not there within its deadline. "
    "*Stopped*: by whoever asked; this is no failure."
)
ABOUT_QUEUES = (
    "The highest reading of each stretch. Counts are approximate and include messages that are being worked on. The "
    "age is that of the oldest message that waits visibly; there is none while none waits. A gap: nobody looked. "
    "Queues that were empty at every look are not drawn."
)
