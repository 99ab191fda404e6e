"""The hours of the week: when people ask, and when they wait."""

import streamlit as st

from services.monitor.usage import week_of
from ui import cards, formats
from ui import view as bar
from ui.charts import palette, style
from ui.charts.week import DAYS
from ui.metrics_data import Board
from ui.view import View

NARROWEST_PX = 430
NO_ANSWER = "No question was answered in this range. Ask one, or choose a longer range."
ABOUT = (
    "Answers by weekday and hour of when they were asked, in the zone of the bar as it is set today: across a change of "
    "the clocks, hours before it are an hour off. Not an average: a range of three weeks adds up three Mondays."
)


def draw(board: Board | None, view: View) -> None:
    if board is None:
        cards.draw("When is it busy?", None, lambda: None, key="metrics-week-none")
        return
    if board.week is None:
        with st.container(border=True, key="card-metrics-week-short"):
            st.markdown("**When is it busy, and when is it slow?**")
            st.caption(f"The hours of a week do not show in {view.words}: at least two days are needed.")
            st.button(
                "Show the last 7 days",
                key="metrics-week-7d",
                icon=":material/date_range:",
                on_click=bar.change,
                kwargs={"range": "7d"},
            )
        return
    week = week_of(board.week.rows)
    with st.grid(2, min_column_width=NARROWEST_PX, gap="small", key="metrics-week"):
        cards.draw(
            "When is it busy?",
            board.week,
            lambda: draw_volume(week.answers),
            key="metrics-week-volume",
            about=ABOUT,
            empty=NO_ANSWER,
        )
        cards.draw(
            "When is it slow?",
            board.week,
            lambda: draw_slowness(week.p95_s),
            key="metrics-week-slow",
            about=ABOUT,
            empty=NO_ANSWER,
        )


def draw_volume(answers: tuple[tuple[int, ...], ...]) -> None:
    from ui.charts import week

    count, day, hour = max(
        (count, -day, -hour) for day, hours in enumerate(answers) for hour, count in enumerate(hours)
    )
    words = f"Most on {DAYS[-day]} at {-hour}:00, {formats.count(count, 'answer')}."
    st.caption(words)
    style.draw(
        week.volume(answers, palette.theme()),
        key="metrics-week-volume-figure",
        alt=f"Answers by hour. {words}",
    )


def draw_slowness(p95_s: tuple[tuple[float | None, ...], ...]) -> None:
    from ui.charts import week

    known = [
        (one, -day, -hour)
        for day, hours in enumerate(p95_s)
        for hour, one in enumerate(hours)
        if one is not None
    ]
    if not known:
        st.caption("No answer tells how long it took.")
        return
    slowest_s, day, hour = max(known)
    words = f"Slowest on {DAYS[-day]} at {-hour}:00, p95 {formats.duration(slowest_s)}."
    st.caption(words)
    style.draw(
        week.slowness(p95_s, palette.theme()), key="metrics-week-slow-figure", alt=f"p95 by hour. {words}"
    )
