"""The list of actions, one row for intent and result, and what the list has no room for: records, hashes, digests."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import streamlit as st

from services.audit.record import Record
from services.monitor.results import Row
from ui import audit_filters, context, feedback, formats, safe, tables
from ui.audit_data import Reading
from ui.audit_filters import Filters
from ui.audit_looks import LOOKS, look_of, took_s
from ui.view import View

TABLE_KEY = "audit-table"
SHOWN_KEY = "audit-shown"
MOST_VISIBLE = 14
GENUINE = {True: "fits", False: "does NOT fit", None: "no key here"}


def draw(rows: Sequence[Row], filters: Filters, view: View) -> None:
    """Draw the rows. Sends nothing."""
    shown = tuple(str(row["pair"] or "") for row in rows)
    st.session_state[SHOWN_KEY] = shown
    _select(shown.index(filters.pair) if filters.pair and filters.pair in shown else None)
    now = formats.now()
    tables.draw(
        (as_row(row, view, now) for row in rows),
        key=TABLE_KEY,
        most=MOST_VISIBLE,
        columns=_columns(rows, view),
        on_select=take_selection,
        alt=f"Actions in {view.words}, newest first: {len(rows)} rows",
    )


def as_row(row: Row, view: View, now: datetime) -> dict[str, Any]:
    """Return a row as the table shows it; None where there is nothing."""
    at = row["at"]
    return {
        "Outcome": [look_of(row, now).words],
        "When": view.clock(at if isinstance(at, datetime) else None),
        "Who": person(row),
        "Action": safe.clean(str(row["action_name"] or "")),
        "On what": safe.clean(str(row["target_id"] or "")) or None,
        "Took": took_s(row),
        "Error": safe.clean(str(row["error"] or "")) or None,
    }


def person(row: Row) -> str:
    """Return the name of who acted; the id when there is none; `nobody` when neither is known."""
    return safe.clean(str(row["actor_name"] or row["actor"] or "")) or "nobody"


def draw_detail(row: Row | None, reading: Reading, view: View) -> None:
    """Draw the selected action with its raw records. *row*: None when it is not among those in the list."""
    records = reading.records()
    with st.container(border=True, gap="small", key="audit-detail"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(_title(row, view), width="stretch")
            st.button(
                "Close",
                key="audit-unselect",
                icon=":material/close:",
                type="tertiary",
                on_click=audit_filters.BAR.change,
                kwargs={"act": ""},
            )
        if reading.pair is not None and not reading.pair.is_known:
            if reading.pair.problem is not None:
                feedback.draw_error(reading.pair.problem)
            return
        if not records:
            st.caption("No record of this action lies in this range. Look at a longer one.")
            return
        _draw_facts(records)
        _draw_records(records, view)


def _title(row: Row | None, view: View) -> str:
    if row is None:
        return "**An action that is not in the list**"
    look, at = look_of(row, formats.now()), row["at"]
    when = formats.told(view.clock(at if isinstance(at, datetime) else None))
    what = safe.inline(f"{row['action_name']} {row['target_id']}".strip(), 300)
    return f":{look.colour}[{look.icon} {look.words}] **{what}** at {when}. {look.meaning}"


def _draw_facts(records: Sequence[Record]) -> None:
    first, last = records[0], records[-1]
    facts = {
        "Who": f"{first.actor_name} ({first.actor})" if first.actor else first.actor_name,
        "Roles": first.roles,
        "Tenant": first.tenant,
        "Session": first.session,
        "Address": first.address,
        "Target": f"{first.target_type} {first.target}".strip(),
        "Before": last.before,
        "After": last.after,
        "Error": last.error,
        "Trace": first.trace_id,
        "Written by": f"{first.instance}, Relaydeck {first.version}".rstrip(", "),
        "Action id": first.pair,
    }
    lines = [f"**{name}** {safe.inline(value, 400)}" for name, value in facts.items() if value]
    with st.grid(2, min_column_width=380, gap="xsmall", key="audit-facts"):
        for line in lines:
            st.markdown(line)
    if not last.before and not last.after:
        st.caption(
            "No digest of what was changed: it was not known, or this kind of action changes nothing that has one."
        )


def _draw_records(records: Sequence[Record], view: View) -> None:
    auditor = context.services().auditor
    tables.draw(
        (
            {
                "Record": record.seq,
                "Kind": safe.clean(record.kind),
                "When": view.clock(record.moment),
                "Signature": GENUINE[auditor.is_genuine(record)],
                "Hash": safe.clean(record.hash),
                "Hash before": safe.clean(record.prev),
                "Chain": safe.clean(record.chain),
            }
            for record in records
        ),
        key="audit-records",
        columns={"Record": st.column_config.NumberColumn(format="localized", width=70)},
        alt="The raw records of this action, with their hashes",
    )
    box = st.expander("Raw records", icon=":material/data_object:", key="audit-raw", on_change="rerun")
    if box.open:
        with box:
            st.code(
                "\n".join(json.dumps(record.document(), indent=1) for record in records),
                language="json",
                wrap_lines=True,
            )


def take_selection() -> None:
    """Callback: an action is selected by its id, whatever stands at its place later."""
    places = st.session_state.get(TABLE_KEY, {}).get("selection", {}).get("rows") or []
    shown: tuple[str, ...] = st.session_state.get(SHOWN_KEY, ())
    audit_filters.BAR.change(act=shown[places[0]] if places and 0 <= places[0] < len(shown) else "")


def _select(place: int | None) -> None:
    """Have the table show the selected action's row, wherever it stands now."""
    wanted = [] if place is None else [place]
    held = st.session_state.get(TABLE_KEY, {}).get("selection", {})
    if list(held.get("rows") or []) != wanted:
        st.session_state[TABLE_KEY] = {"selection": {"rows": wanted, "columns": []}}


def _columns(rows: Sequence[Row], view: View) -> dict[str, Any]:
    config = st.column_config
    dated = any(
        len(view.clock(at)) > len("00:00:00") for row in rows if isinstance(at := row["at"], datetime)
    )
    looks = {look.words: look.colour for look in LOOKS.values()}
    return {
        "Outcome": config.MultiselectColumn(options=list(looks), color=list(looks.values()), width=110),
        "When": config.TextColumn(width=130 if dated else 85),
        "Who": config.TextColumn(width=150),
        "Action": config.TextColumn(width=135),
        "On what": config.TextColumn(width=265),
        "Took": config.NumberColumn(format="%.2f s", width=75),
        "Error": config.TextColumn(width=120),
    }
