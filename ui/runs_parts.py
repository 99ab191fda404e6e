"""The parts of the Runs page beside its list: what is open now, the figures, the charts, the export."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import streamlit as st

from services.errors import ServiceError
from services.models import Answer
from services.monitor import overview
from services.monitor.results import Ask, Result, Row
from ui import cards, context, export_box, formats, menu, runs_controls, runs_data, runs_table, safe
from ui.charts import palette, style
from ui.export_box import Form
from ui.runs_data import Reading
from ui.runs_export import EXPORT_ROWS, Export
from ui.runs_filters import Wanted
from ui.view import View

if TYPE_CHECKING:
    from ui.charts.figures import Figure

TILES, NARROWEST_PX = 4, 150  # narrower, and "not known" is cut
OPEN_SHOWN = 5
CARD_PX = 372
HISTOGRAM_KEY = "runs-histogram"
POINTS_KEY = "runs-points"
PAGE = "runs"
ABOUT_HISTOGRAM = (
    "Each bar counts the runs that began within its stretch of time and match the filters, by how they ended. "
    "Drag across the bars, or click one, to narrow the figures, the list and the other chart to that stretch."
)
ABOUT_POINTS = (
    "Each point is a run: when it began, and how long the answer took, on a logarithmic scale. A click opens its trace. "
    f"When more than {runs_data.MOST_POINTS:,} runs match, cells count them instead, ten steps of duration for each tenfold."
)


def draw_figures(reading: Reading | None, open_now: int) -> None:
    """Draw the tiles. What could not be read is not known; what no run has, none has."""
    is_known = reading is not None and reading.figures.is_known
    figure: Row = reading.figure if reading is not None else {}
    matching = reading.matching if reading is not None else None
    failed = runs_data.whole(figure.get("failed"))
    nothing = "none" if matching == 0 else None
    with st.grid(TILES if is_known else 3, min_column_width=NARROWEST_PX, gap="small", key="runs-figures"):
        cards.metric("Runs", None if matching is None else formats.count(matching))
        cards.metric(
            "Failed",
            None if failed is None else formats.count(failed),
            help=f"Runs that failed or expired{_share_words(failed, matching)}",
            alarm="red" if failed else "",
        )
        cards.metric(
            "Open now",
            formats.count(open_now),
            help="Runs that this dashboard works on now. The filters do not apply to them",
        )
        if not is_known:
            return
        cards.metric("Median time", _time(figure.get("p50_ms")) or nothing, help="Half took no longer")
        cards.metric("p95 time", _time(figure.get("p95_ms")) or nothing, help="19 of 20 took no longer")
        cards.metric(
            "p95 wait",
            _time(figure.get("wait_p95_ms"))
            or ("none" if runs_data.whole(figure.get("wait_known")) == matching else nothing),
            help="Of 20 runs that waited in a queue, 19 waited no longer; the others are not counted",
        )
        cards.metric(
            "Tokens",
            _count(figure.get("tokens_p50")) or nothing,
            help="The median of what was read and written, of the runs whose tokens are known",
        )


def draw_open(answers: Sequence[Answer], view: View) -> None:
    """Draw what is being worked on: it has no telemetry yet, so it stands apart from the list."""
    if not answers:
        return
    with st.container(border=True, gap="xsmall", key="runs-open-now"):
        st.markdown("**Open now**")
        for answer in list(reversed(answers))[:OPEN_SHOWN]:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(open_words(answer, view), width="content")
                if answer.run_id:
                    st.page_link(
                        menu.link("trace.py"),
                        label="Watch",
                        icon=":material/timeline:",
                        query_params=runs_table.link_of(answer.run_id, answer.thread_id),
                    )
        more = f"And {len(answers) - OPEN_SHOWN} more. " if len(answers) > OPEN_SHOWN else ""
        st.caption(f"{more}From this dashboard's own memory, live. The filters do not apply to them.")


def open_words(answer: Answer, view: View) -> str:
    if answer.state == "queued":
        state = (
            f":gray[:material/schedule: Waits for its turn, {formats.count(answer.ahead, 'question')} first]"
        )
    else:
        doing = next((step for step in reversed(answer.steps) if step.state == "active"), None)
        about = (
            {"wait": "waits in the queue", "function": "function runs"}.get(doing.kind, "model works")
            if doing
            else ""
        )
        state = f":blue[:material/progress_activity: Working]{f' · {about}' if about else ''}"
    age = formats.duration(formats.since_s(answer.asked_at))
    return f"{state} · {age} so far · asked {formats.told(view.clock(answer.asked_at))} · {safe.inline(answer.question, 60)}"


def draw_histogram(result: Result, wanted: Wanted, view: View) -> None:
    """Card: the bars, to mark a stretch in."""

    def body() -> None:
        drawn = context.figure(
            "runs-histogram",
            style.key_of([result], view, repr(wanted.filters)),
            lambda: _bars(result, wanted, view),
        )
        said = f"Stacked bars over {view.words}: how many runs answered, failed, expired or were stopped."
        style.draw(drawn, key=HISTOGRAM_KEY, alt=said, on_select=lambda: take_stretch(view))

    cards.draw(
        "How did runs end, and when?",
        result,
        body,
        key="runs-histogram",
        about=ABOUT_HISTOGRAM,
        empty="No run that matches began in this range.",
        grain=view.grain,
    )


def _bars(result: Result, wanted: Wanted, view: View) -> "Figure":
    from ui.charts import runs as charts

    moments = sorted({row["bucket"] for row in result.rows if isinstance(row["bucket"], datetime)})
    outcomes = ("failed", "expired", "cancelled", "answered")
    stretch = wanted.filters.stretch
    return charts.histogram(
        {outcome: summed(result.rows, outcome, moments) for outcome in outcomes},
        start=view.start,
        end=view.end,
        grain=view.grain,
        marked=(stretch.start, stretch.end) if stretch else None,
        theme=palette.theme(),
        zone=view.zone,
    )


def draw_durations(reading: Reading, wanted: Wanted, view: View) -> None:
    """Card: a point a run, or their density when there are too many to tell apart."""
    stretch = wanted.filters.stretch
    start, end = (stretch.start, stretch.end) if stretch else (view.start, view.end)
    many = len(reading.points.rows) > runs_data.MOST_POINTS
    result = reading.shape if many and reading.shape.is_known else reading.points

    def body() -> None:
        from ui.charts import runs as charts

        theme, zone, key = palette.theme(), view.zone, style.key_of([result], view, repr(wanted.filters))
        if many:
            cells = runs_data.rows_within(reading.shape.rows, start - view.grain, end)
            style.draw(
                context.figure(
                    "runs-density",
                    key,
                    lambda: charts.density(
                        cells, start=start, end=end, grain=view.grain, theme=theme, zone=zone
                    ),
                ),
                key="runs-density",
                alt="Cells: how many runs took how long, over time.",
            )
            return
        style.draw(
            context.figure(
                "runs-points",
                key,
                lambda: charts.scatter(result.rows, start=start, end=end, theme=theme, zone=zone),
            ),
            key=POINTS_KEY,
            alt="Points: when each run began and how long its answer took, by how it ended.",
            on_select=take_point,
        )

    cards.draw(
        "How long did they take?",
        result,
        body,
        key="runs-durations",
        about=ABOUT_POINTS,
        empty="No run that matches began in this stretch.",
        grain=view.grain if many else None,
    )


def draw_export(export: Export) -> None:
    """Draw the way to a file. It is read when somebody asks for it, and kept only while this is open."""
    export_box.draw(PAGE, export.words, prepare, [export])


def prepare(export: Export, form: Form) -> None:
    """Callback: read what the file holds; a failure is kept, to be told where the file would be."""

    def read(ask: Ask) -> Result | None:
        found = context.ask_logs(ask)
        return None if found is None else found[0]

    try:
        export_box.keep(PAGE, (export.file_name(form), export.content(form, read)))
    except ServiceError as error:
        export_box.keep(PAGE, error)


def export_of(view: View, wanted: Wanted, matching: int | None) -> Export:
    stretch = wanted.filters.stretch
    start, end = (stretch.start, stretch.end) if stretch else (view.start, view.end)
    ask = runs_data.list_ask(view, wanted.filters, wanted.sort, 0, EXPORT_ROWS)
    about = {**wanted.filters.values(), "sorted": wanted.sort}
    return Export(ask, start, end, about, matching)


def take_stretch(view: View) -> None:
    """Callback: what was dragged over, or the bars that were clicked, becomes the page's stretch."""
    chosen = st.session_state.get(HISTOGRAM_KEY, {}).get("selection", {})
    if found := stretch_of(chosen, view):
        runs_controls.mark(*found)


def take_point() -> None:
    """Callback: the run of the point that was clicked is opened."""
    points = st.session_state.get(POINTS_KEY, {}).get("selection", {}).get("points") or []
    told = points[0].get("customdata") if points else None
    if told and len(told) > 1:
        runs_table.ask_to_open(str(told[0]), str(told[1]))


def stretch_of(chosen: dict[str, list[dict[str, object]]], view: View) -> tuple[datetime, datetime] | None:
    """Return the stretch that a selection in the bars means, None when it means none. The axis has the zone's hands."""
    for box in chosen.get("box") or []:
        ends = [read_axis(text, view) for text in list(box.get("x") or [])]  # type: ignore[call-overload]  # a list
        known = sorted(end for end in ends if end is not None)
        if len(known) > 1 and known[0] < known[-1]:
            return known[0], known[-1]
    starts = [read_axis(point.get("x"), view) for point in chosen.get("points") or []]
    clicked = sorted(start for start in starts if start is not None)
    return (clicked[0], clicked[-1] + view.grain) if clicked else None


def read_axis(text: object, view: View) -> datetime | None:
    """Return the moment at a place of a time axis, which tells the hands of the clock in the view's zone."""
    try:
        return datetime.fromisoformat(str(text)[:26].strip()).replace(tzinfo=view.zone)
    except ValueError:
        return None


def summed(rows: Sequence[Row], outcome: str, moments: Sequence[datetime]) -> overview.Points:
    """Return how many runs of an outcome began in each bucket; none is 0, since the bucket was counted."""
    counts: dict[object, int] = {}
    for row in rows:
        if row["outcome"] == outcome:
            counts[row["bucket"]] = counts.get(row["bucket"], 0) + (runs_data.whole(row["runs"]) or 0)
    return tuple((moment, float(counts.get(moment, 0))) for moment in moments)


def _share_words(part: int | None, whole: int | None) -> str:
    return f": {part / whole:.1%} of those that match" if part and whole else ""


def _time(value_ms: object) -> str | None:
    """Return a duration as short as a tile is narrow: whole seconds up to ten minutes."""
    found = runs_data.number(value_ms)
    if found is None:
        return None
    return f"{found / 1000:.0f} s" if 60_000 <= found < 600_000 else formats.duration(found / 1000)


def _count(value: object) -> str | None:
    found = runs_data.number(value)
    return None if found is None else formats.count(round(found))
