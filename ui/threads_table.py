"""The list of threads: one page of rows, opened by id, in an order that holds for all threads that match."""

from typing import Any

import streamlit as st

from services.inventory.threads_search import SORTS
from services.inventory.threads_views import FoundThreads, ThreadRow
from ui import filter_bar, formats, safe, tables, threads_controls
from ui.threads_filters import Wanted, is_thread_id
from ui.threads_looks import look_of

TABLE_KEY, OPEN_KEY, OPENING_KEY = "threads-table", "threads-table-open", "threads-opening"
PAGE_ROWS = 50
MOST_VISIBLE = 15
NOT_KNOWN = "not known"


def draw(found: FoundThreads, wanted: Wanted) -> None:
    """Draw the rows, where they stand among all, and the way to the others. Sends nothing."""
    rows = [as_row(row) for row in found.rows]
    place = place_words(wanted.page, len(rows), found.matching)
    tables.draw(
        rows,
        key=TABLE_KEY,
        most=MOST_VISIBLE,
        placeholder=NOT_KNOWN,
        columns=_columns(found.rows),
        alt=f"Threads {place}, {SORTS[wanted.query.sort].words.lower()}",
    )
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{place}**", width="content")
        draw_pages(wanted, found.matching)
    st.caption(
        f"{SORTS[wanted.query.sort].words}, over all threads that match. A click on a thread's id opens it. "
        "Runs: of the latest 100 of a thread. Tokens: of its own runs, as far as they tell; child threads have theirs."
    )


def draw_pages(wanted: Wanted, matching: int) -> None:
    pages = max(wanted.page, -(-matching // PAGE_ROWS))
    key = f"threads-pages-{wanted.query!r}"  # other filters, another widget: it begins at page 1 again
    filter_bar.draw_pages(pages, wanted.page, key, take_page)


def place_words(page: int, shown: int, matching: int) -> str:
    """Return `51 to 100 of 1,204`; past the end, that there is nothing."""
    if not shown:
        return f"Page {page:,} is past the last of {formats.count(matching, 'thread')}"
    first = (page - 1) * PAGE_ROWS + 1
    return f"{first:,} to {first + shown - 1:,} of {matching:,}"


def as_row(row: ThreadRow) -> dict[str, Any]:
    """Return a row as the table shows it; None where it is not known."""
    one = row.thread
    return {
        "Status": status_words(row),
        "First question": question_words(row),
        "Thread": one.id if is_thread_id(one.id) else None,
        "Turns": None if one.turns is None else _counted(one.turns, more=one.more),
        "Runs": None if one.runs is None else _counted(len(one.runs), more=one.more),
        "Agents": safe.clean(", ".join(row.agents))[:200] or None,
        "Children": None if one.runs is None else len(one.children),
        "Tokens": one.tokens,
        "Last activity": formats.age(formats.since_s(one.active_at)),
        "Age": formats.age(formats.since_s(one.created_at)).removesuffix(" ago"),
        "Whose": "ours" if one.ours else "a child's" if row.parent else "of others",
    }


def status_words(row: ThreadRow) -> list[str]:
    """Return the worst status, and beside it that something runs now or could not be read."""
    one = row.thread
    if one.runs is None:
        return ["? Unreadable" if one.problem else "· Not read yet"]
    words = [look_of(one.worst or "none").words]
    if one.is_open and look_of(one.worst).colour != "blue":
        words.append("… open")
    return [*words, *(["? Stale"] if one.problem else [])]


def question_words(row: ThreadRow) -> str | None:
    """Return the first question; None while it has not been read."""
    if row.thread.question is None:
        return None
    mark = "└ " if row.parent else ""
    return mark + (safe.clean(row.thread.question) or "(holds no question)")


def take_page(key: str) -> None:
    """Callback: the page goes into the address."""
    page = st.session_state.get(key, 1)
    threads_controls.BAR.change(page="" if page == 1 else str(page))


def take_open() -> None:
    """Callback: remember which thread to open. Its id is what was clicked, so that no redraw can exchange it."""
    click = st.session_state.get(OPEN_KEY)
    ask_to_open(str(click["label"]) if click else "")


def ask_to_open(thread_id: str) -> None:
    """For callbacks: have the page show this thread alone."""
    if is_thread_id(thread_id):
        st.session_state[OPENING_KEY] = thread_id


def open_if_asked() -> None:
    """Show the thread that was asked for, if one was: the whole page is drawn again."""
    if found := st.session_state.pop(OPENING_KEY, None):
        st.query_params["thread"] = found
        st.rerun()


def _counted(count: int, *, more: bool) -> str:
    return f"{count:,}+" if more else f"{count:,}"


def _columns(rows: tuple[ThreadRow, ...]) -> dict[str, Any]:
    config = st.column_config
    looks = [look_of(row.thread.worst or "none") for row in rows]
    colours = {look.words: look.colour for look in looks} | {
        "… open": "blue",
        "· Not read yet": "gray",
        "? Unreadable": "orange",
        "? Stale": "orange",
    }
    return {
        "Status": config.MultiselectColumn(options=list(colours), color=list(colours.values()), width=105),
        "First question": config.TextColumn(width=210),
        "Thread": config.ButtonColumn(
            "Thread", type="tertiary", alignment="left", on_click=take_open, key=OPEN_KEY, width=115
        ),
        "Turns": config.TextColumn(width=50, alignment="right", help="How often something was asked in it"),
        "Runs": config.TextColumn(width=46, alignment="right"),
        "Agents": config.TextColumn(width=125),
        "Children": config.NumberColumn(
            width=70, help="Threads of connected agents that its runs have begun, found so far"
        ),
        "Tokens": config.NumberColumn(format="localized", width=72),
        "Last activity": config.TextColumn(width=88),
        "Age": config.TextColumn(width=58),
        "Whose": config.TextColumn(
            width=65, help="Ours: it carries Relaydeck's tag of this environment, and can be deleted here"
        ),
    }
