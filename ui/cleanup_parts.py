"""The parts of the Clean-up page. Nothing here asks Azure."""

from collections.abc import Sequence
from datetime import timedelta

import streamlit as st

from services.housekeeping.findings import (
    KINDS,
    UNDONE,
    Finding,
    Found,
    Kind,
    Outcome,
    Result,
    count_words,
    outcome_words,
)
from services.housekeeping.service import Status
from services.housekeeping.sweeper import Sweeper
from services.settings import Settings
from ui import cards, cleanup_actions, feedback, formats, rights, safe, tables
from ui.cleanup_filters import MEANINGS, NAMES

ROWS_SHOWN = 2_000
MOST_VISIBLE, MOST_OUTCOMES = 12, 8
PRODUCTION = ("prod", "production", "live")
PHASES = {"looking": "Looking", "deleting": "Deleting", "exporting": "Reading what goes into the file"}
OUTCOMES: dict[Outcome, str] = {
    "deleted": "deleted",
    "gone": "gone already",
    "refused": "refused",
    "busy": "still busy",
    "failed": "failed",
    "skipped": "not tried",
}


def draw_sweeper(sweeper: Sweeper, settings: Settings) -> None:
    """Draw what happens without anybody, and what came of it last."""
    days = settings.thread_retention_d
    kept = f"conversations are kept for {days:g} days" if days else "conversations are kept for ever"
    if not sweeper.on:
        st.caption(f":material/motion_photos_off: The sweeper is off (`RELAYDECK_SWEEP`); {kept}.")
        return
    last = sweeper.last()
    every = f"looks every {cards.grain_words(timedelta(seconds=sweeper.every_s))}"
    if last is None:
        st.caption(
            f":material/cleaning_services: The sweeper {every}; it has not looked yet. {kept.capitalize()}."
        )
        return
    colour = "orange" if last.outcome in ("refused", "failed") else "gray"
    st.caption(
        f":material/cleaning_services: The sweeper {every}. Last at {formats.clock(last.at)}: "
        f":{colour}[{safe.inline(last.words, 400)}] {kept.capitalize()}."
    )


def draw_work(status: Status) -> None:
    """Draw what goes on, how far it is, and the button that ends it."""
    words = safe.inline(status.words or PHASES.get(status.phase, ""), 120)
    with st.container(border=True, gap="small", key="cleanup-work"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            counted = f" · {status.done:,} of {status.total:,}" if status.total else ""
            st.markdown(f":shimmer[{words}]{counted}", width="stretch")
            st.button(
                "Stopping" if status.stopping else "Stop",
                key="cleanup-stop",
                icon=":material/stop_circle:",
                **rights.button("stop clean-up", disabled=status.stopping),
                on_click=cleanup_actions.stop,
            )
        if status.total:
            st.progress(min(1.0, status.done / status.total))


def draw_found(found: Found) -> None:
    """Draw what was found, in one sentence and by kind, and what could not be read."""
    wanted = [one for one in found.findings if one.deletable]
    st.markdown(f"### Would delete {count_words(wanted)}", anchors=False)
    st.caption(f"{_looked_words(found)} Looked at {formats.clock(found.at)}; nothing was changed.")
    for part, error in found.problems.items():
        st.markdown(
            f":orange[:material/rule:] The {part} could not be read: it is not known whether they are tidy."
        )
        feedback.draw_error(error)
    if not found.complete:
        st.caption(
            ":orange[:material/rule:] There are more threads than one look reads. Older teams are not judged."
        )
    counted = [(kind, [one for one in found.findings if one.kind == kind]) for kind in KINDS]
    tables.draw(
        [
            {
                "Kind": NAMES[kind],
                "Found": _count(found, kind, len(mine)),
                "Would go": _count(found, kind, sum(one.deletable for one in mine)),
                "Oldest": _oldest(mine),
                "What it is": MEANINGS[kind],
            }
            for kind, mine in counted
        ],
        key="cleanup-kinds",
        placeholder="–",
        columns={
            "Kind": st.column_config.TextColumn(width="medium"),
            "Found": st.column_config.TextColumn(width="small"),
            "Would go": st.column_config.TextColumn(width="small"),
            "Oldest": st.column_config.TextColumn(width="small"),
            "What it is": st.column_config.TextColumn(width="large"),
        },
        alt="What was found, by kind",
    )


def draw_list(shown: Sequence[Finding]) -> None:
    tables.draw(
        [
            {
                "Kind": NAMES[one.kind],
                "Name": safe.clean(one.name) or None,
                "Age": formats.age(formats.since_s(one.created_at)) if one.created_at else None,
                "Reason": safe.clean(one.reason),
                "Ours": "yes" if one.ours else "only reported" if one.sort in ("queue", "message") else "no",
                "Messages": one.count,
                "Id": one.id,
            }
            for one in shown[:ROWS_SHOWN]
        ],
        key="cleanup-list",
        most=MOST_VISIBLE,
        placeholder="–",
        columns={
            "Name": st.column_config.TextColumn(width="medium"),
            "Reason": st.column_config.TextColumn(width="large"),
        },
        alt=f"{len(shown):,} findings",
    )
    if len(shown) > ROWS_SHOWN:
        st.caption(f"The first {ROWS_SHOWN:,} of {len(shown):,}; what is done is done to all of them.")


def draw_actions(
    shown: Sequence[Finding], others: Sequence[Finding], status: Status, settings: Settings
) -> None:
    """Draw what can be done with what is *shown*. *others*: what may only go when somebody names it."""
    wanted = [one for one in shown if one.deletable]
    with st.container(horizontal=True, vertical_alignment="center", key="cleanup-actions"):
        if wanted:
            _draw_delete(wanted, settings)
            st.button(
                "Prepare an export",
                key="cleanup-export",
                icon=":material/archive:",
                help="Reads the messages of these threads and the definitions of these agents into one file.",
                on_click=cleanup_actions.export,
                args=[wanted],
            )
        if status.export is not None:
            made = status.export
            missed = f", {made.missed:,} not readable" if made.missed else ""
            st.download_button(
                f"Download {made.things:,}{missed}",
                made.data,
                f"relaydeck-cleanup-{formats.now():%Y%m%dT%H%M%SZ}.json",
                "application/json",
                key="cleanup-download",
                icon=":material/download:",
                on_click="ignore",
            )
        if others:
            _draw_widening(others)


def draw_result(result: Result) -> None:
    """Draw what became of each thing, what is not done first."""
    done = not result.undone
    with st.container(border=True, gap="small", key="cleanup-result"):
        icon, colour = (":material/check_circle:", "green") if done else (":material/warning:", "orange")
        st.markdown(
            f":{colour}[{icon}] **{outcome_words(result.rows).capitalize()}** in {formats.duration(result.took_s)}, "
            f"at {formats.clock(result.ended_at)}. {safe.inline(result.stopped)}"
        )
        rows = sorted(result.rows, key=lambda row: row.outcome not in UNDONE)
        if rows:
            tables.draw(
                [
                    {
                        "Outcome": OUTCOMES[row.outcome],
                        "What": row.finding.sort,
                        "Name": safe.clean(row.finding.name) or None,
                        "Why": safe.clean(row.why) or None,
                        "Waited": formats.duration(row.waited_s) if row.waited_s else None,
                        "Id": row.finding.id,
                    }
                    for row in rows[:ROWS_SHOWN]
                ],
                key="cleanup-rows",
                most=MOST_OUTCOMES,
                placeholder="–",
                columns={"Why": st.column_config.TextColumn(width="large")},
                alt="What became of each",
            )


def _draw_delete(wanted: Sequence[Finding], settings: Settings) -> None:
    guard = settings.environment if settings.environment.lower() in PRODUCTION else ""
    with st.popover(f"Delete {count_words(wanted)}", icon=":material/delete:", key="cleanup-delete"):
        st.markdown(
            f"**{count_words(wanted)}** of environment {safe.inline(settings.environment)} will be gone."
        )
        st.markdown("There is no way back. Prepare an export first if somebody may miss them.")
        if guard:
            st.text_input(f"Type {safe.inline(guard, 80)} to confirm", key=cleanup_actions.GUARD_KEY)
        st.button(
            "Delete them",
            key="cleanup-do",
            type="primary",
            on_click=cleanup_actions.delete,
            args=[wanted, guard],
            **rights.button("clean up"),
        )


def _draw_widening(others: Sequence[Finding]) -> None:
    found = {one.id: one for one in others}
    with st.popover("Something that is not ours", icon=":material/lock_open:", key="cleanup-widening"):
        st.markdown(
            "What does not carry this environment's tag, and every queue, stays unless it is named, one by one. "
            "A queue goes with all messages in it."
        )
        chosen = st.selectbox(
            "Which one",
            list(found),
            index=None,
            key=cleanup_actions.WIDEN_KEY,
            format_func=lambda key: f"{found[key].sort} {safe.clean(found[key].name) or key}",
        )
        one = found.get(chosen or "")
        if one is None:
            return
        st.caption(safe.inline(one.reason, 300))
        st.text_input(f"Type its id to confirm: {safe.code(one.id)}", key=cleanup_actions.NAMED_KEY)
        st.button(
            "Delete this one",
            key="cleanup-do-named",
            on_click=cleanup_actions.delete_named,
            args=[one],
            **rights.button("clean up widened"),
        )


def _looked_words(found: Found) -> str:
    agents, threads = (formats.count(found.agents), formats.count(found.threads))
    left = [
        formats.count(number, noun)
        for number, noun in ((found.foreign_agents, "agent"), (found.foreign_threads, "thread"))
        if number
    ]
    alone = f" Not ours, and left alone: {' and '.join(left)}." if left else ""
    return f"Agents in all: {agents}, threads: {threads}.{alone}"


def _count(found: Found, kind: Kind, number: int) -> str:
    """Return how many; where a part was not read, that there may be more."""
    if found.knows_all(kind):
        return f"{number:,}"
    return f"{number:,} or more" if number else formats.UNKNOWN


def _oldest(mine: Sequence[Finding]) -> str | None:
    born = min((one.created_at for one in mine if one.created_at is not None), default=None)
    return formats.age(formats.since_s(born)) if born else None
