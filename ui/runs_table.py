"""The list of runs: one page of rows, opened by run id, selected by run id, sorted by the workspace."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from services.monitor.results import Row
from ui import filter_bar, formats, menu, runs_controls, runs_data, safe, tables
from ui.runs_filters import SORTS, Wanted, is_run_id
from ui.runs_looks import look_of
from ui.view import View

TABLE_KEY = "runs-table"
OPEN_KEY = "runs-table-open"
PAGES_KEY = "runs-pages"
SHOWN_KEY = "runs-shown"
OPENING_KEY = "runs-opening"
MOST_VISIBLE = 15
NOT_KNOWN = "not known"
HEADS = {  # a click on the head of a column sorts all runs, not these fifty
    "Started": ("newest", "oldest"),
    "Duration": ("longest", "shortest"),
    "Queue wait": ("longest-wait", "shortest-wait"),
    "Function": ("longest-function", "shortest-function"),
    "Tokens": ("most-tokens", "fewest-tokens"),
}


def draw(rows: Sequence[Row], wanted: Wanted, view: View, page: int, figure: Row) -> None:
    """Draw the rows, where they stand among all, and the way to the others. *figure*: of all that match; empty when not
    known. Sends nothing."""
    matching = runs_data.whole(figure.get("matching_runs"))
    shown = [str(row["run_id"] or "") for row in rows]
    st.session_state[SHOWN_KEY] = tuple(
        (str(row["run_id"] or ""), str(row["thread_id"] or "")) for row in rows
    )
    place = shown.index(wanted.run) if wanted.run and wanted.run in shown else None
    _select(place)
    tables.draw(
        [as_row(row, view) for row in rows],
        key=TABLE_KEY,
        most=MOST_VISIBLE,
        placeholder=NOT_KNOWN,
        columns=_columns(rows, wanted, view, runs_data.number(figure.get("p95_ms"))),
        on_select=take_selection,
        selection_mode=("single-row", "single-column"),
        alt=f"Runs {runs_data.place_words(page, len(rows), matching)}, {SORTS[wanted.sort].words.lower()}",
    )
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{runs_data.place_words(page, len(rows), matching)}**", width="content")
        draw_pages(wanted, page, matching)
    st.caption(
        f"{SORTS[wanted.sort].words}, over all runs that match and not only over those on this page. "
        "A click on a run's id opens its trace; a click on a column's head sorts by it."
    )
    if place is not None:
        draw_selected(rows[place], view)


def draw_pages(wanted: Wanted, page: int, matching: int | None) -> None:
    pages = max(page, runs_data.pages_of(matching or 0))
    key = f"{PAGES_KEY}-{wanted.filters!r}-{wanted.sort}"  # other filters, another widget: it begins at page 1 again
    filter_bar.draw_pages(pages, page, key, take_page)


def draw_selected(row: Row, view: View) -> None:
    """Draw what the list has no room for."""
    look, run_id = look_of(row["outcome"]), str(row["run_id"])
    with st.container(border=True, gap="xsmall", key="runs-selected"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(
                f":{look.colour}[{look.words}] after {duration(row['took_ms'])}, "
                f"asked {formats.told(view.clock(row['started']))}",  # type: ignore[arg-type]  # a datetime column
                width="content",
            )
            with st.container(horizontal=True, gap="small", width="content"):
                st.page_link(
                    menu.link("trace.py"),
                    label="Open trace",
                    icon=":material/timeline:",
                    query_params=link_of(run_id, str(row["thread_id"] or "")),
                )
                st.button(
                    "Close",
                    key="runs-unselect",
                    icon=":material/close:",
                    type="tertiary",
                    on_click=runs_controls.BAR.change,
                    kwargs={"run": ""},
                )
        if row["problem_title"]:
            st.markdown(safe.inline(str(row["problem_title"]), 600))
        st.caption(f"Run {safe.code(run_id)} · {parts_words(row)}")


def as_row(row: Row, view: View) -> dict[str, Any]:
    """Return a row as the table shows it; None where it is not known."""
    look, run_id = look_of(row["outcome"]), str(row["run_id"] or "")
    return {
        "Status": [look.words, *(["demo"] if row["demo"] else [])],
        "Started": view.clock(row["started"]),  # type: ignore[arg-type]  # a datetime column
        "Run": run_id if is_run_id(run_id) else None,
        "Duration": _seconds(row["took_ms"]),
        "Queue wait": _seconds(row["wait_ms"]),
        "Function": _seconds(row["function_ms"]),
        "Agents": path_words(row),
        "Tools": _names(row["tools"]) or "none",
        "Tokens": tokens(row),
        "Problem": safe.clean(str(row["problem_title"] or "")),
        "Certainty": row["certainty"] or None,
    }


def path_words(row: Row) -> str | None:
    """Return `main → connected, connected`; None when no agent is named."""
    return " → ".join(filter(None, [_names(row["agent_name"]), _names(row["agents"])])) or None


def tokens(row: Row) -> int | None:
    counts = [runs_data.whole(row[name]) for name in ("input_tokens", "output_tokens")]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def duration(value_ms: object) -> str:
    """Return a duration of the telemetry in words."""
    found = runs_data.number(value_ms)
    return formats.duration(None if found is None else found / 1000)


def parts_words(row: Row) -> str:
    named = (("model", "model_ms"), ("queue wait", "wait_ms"), ("function", "function_ms"))
    certainty = f" · told apart: {safe.inline(str(row['certainty']), 20)}" if row["certainty"] else ""
    return ", ".join(f"{name} {duration(row[column])}" for name, column in named) + certainty


def link_of(run_id: str, thread_id: str) -> dict[str, str]:
    """Return the address of a trace. What is no id stays out of it."""
    named = {"run": run_id, "thread": thread_id}
    return {name: value for name, value in named.items() if is_run_id(value)}


def take_selection() -> None:
    """Callback: a row is selected by its run, whatever stands at its place later; a column's head sorts."""
    chosen = st.session_state.get(TABLE_KEY, {}).get("selection", {})
    columns, places = chosen.get("columns") or [], chosen.get("rows") or []
    if columns:
        sort_by(str(columns[0]))
        return
    shown: tuple[tuple[str, str], ...] = st.session_state.get(SHOWN_KEY, ())
    run_id = shown[places[0]][0] if places and 0 <= places[0] < len(shown) else ""
    runs_controls.BAR.change(run=run_id if is_run_id(run_id) else "")


def sort_by(column: str) -> None:
    """For callbacks: sort by a column, the other way round when it is sorted by that already."""
    if column in HEADS:
        first, other = HEADS[column]
        now = st.query_params.get("runs-sort", "newest")
        wanted = other if now == first else first
        runs_controls.BAR.change(sort="" if wanted == "newest" else wanted)


def take_page(key: str) -> None:
    """Callback: the page goes into the address."""
    page = st.session_state.get(key, 1)
    runs_controls.BAR.change(page="" if page == 1 else str(page))


def take_open() -> None:
    """Callback: remember which run to open. Its id is what was clicked, so that no redraw can exchange it."""
    click = st.session_state.get(OPEN_KEY)
    run_id = str(click["label"]) if click else ""
    shown: Mapping[str, str] = dict(st.session_state.get(SHOWN_KEY, ()))
    ask_to_open(run_id, shown.get(run_id, ""))


def ask_to_open(run_id: str, thread_id: str) -> None:
    """For callbacks: have the page go to this run's trace."""
    if is_run_id(run_id):
        st.session_state[OPENING_KEY] = link_of(run_id, thread_id)


def open_if_asked() -> None:
    """Go to the trace that was asked for, if one was."""
    if found := st.session_state.pop(OPENING_KEY, None):
        st.switch_page(menu.link("trace.py"), query_params=found)


def _select(place: int | None) -> None:
    """Have the table show the selected run's row, wherever it stands now."""
    wanted = [] if place is None else [place]
    held = st.session_state.get(TABLE_KEY, {}).get("selection", {})
    if list(held.get("rows") or []) != wanted or held.get("columns"):
        st.session_state[TABLE_KEY] = {"selection": {"rows": wanted, "columns": []}}


def _columns(rows: Sequence[Row], wanted: Wanted, view: View, p95_ms: float | None) -> dict[str, Any]:
    """*p95_ms*: where the bars of the durations end, so that one that hung does not flatten all others."""
    longest_s = max((_seconds(row["took_ms"]) or 0.0 for row in rows), default=0.0)
    full_s = min(longest_s, p95_ms / 1000) if p95_ms else longest_s
    dated = any(len(view.clock(row["started"])) > len("00:00:00") for row in rows)  # type: ignore[arg-type]  # a datetime column
    looks = {look_of(row["outcome"]).words: look_of(row["outcome"]).colour for row in rows} | {
        "demo": "violet"
    }
    config = st.column_config
    return {
        "Status": config.MultiselectColumn(options=list(looks), color=list(looks.values()), width=145),
        "Started": config.TextColumn(_head("Started", wanted), width=130 if dated else 90),
        "Run": config.ButtonColumn(
            "Run", type="tertiary", alignment="left", on_click=take_open, key=OPEN_KEY, width=215
        ),
        "Duration": config.ProgressColumn(
            _head("Duration", wanted), min_value=0.0, max_value=full_s or 1.0, format="%.2f s", width=120
        ),
        "Queue wait": config.NumberColumn(_head("Queue wait", wanted), format="%.2f s", width=95),
        "Function": config.NumberColumn(_head("Function", wanted), format="%.2f s", width=90),
        "Agents": config.TextColumn(width=190),
        "Tools": config.TextColumn(width=120),
        "Tokens": config.NumberColumn(_head("Tokens", wanted), format="localized", width=80),
        "Problem": config.TextColumn(width=220),
        "Certainty": config.TextColumn(
            help="How surely queue wait and function time are told apart: exact, strong or a guess", width=90
        ),
    }


def _head(column: str, wanted: Wanted) -> str:
    first, other = HEADS[column]
    return f"{column} ↓" if wanted.sort == first else f"{column} ↑" if wanted.sort == other else column


def _names(value: object) -> str:
    return safe.clean(str(value or "")).replace(",", ", ")


def _seconds(value: object) -> float | None:
    found = runs_data.number(value)
    return None if found is None else found / 1000
