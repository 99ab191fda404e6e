"""Which findings are shown: the filters above the list. Their state is the address."""

from collections.abc import Sequence
from datetime import timedelta

import streamlit as st

from services.housekeeping.findings import KINDS, Finding, Kind
from ui import formats

KIND_KEY, AGE_KEY, TEXT_KEY = "cleanup-kind", "cleanup-age", "cleanup-text"
NAMES: dict[Kind, str] = {
    "crashed-answer": "Crashed answers",
    "old-team": "Older teams",
    "unlinked-agent": "Unlinked agents",
    "old-thread": "Old conversations",
    "loose-queue": "Queues without a tool",
    "expiring-message": "Messages about to expire",
}
MEANINGS: dict[Kind, str] = {
    "crashed-answer": "Made for one answer, whose process ended before it could delete them.",
    "old-team": "Agents of an older definition of the team; nothing runs on them.",
    "unlinked-agent": "Agents of the team that no question can reach.",
    "old-thread": "Nothing happened in them for longer than they are kept.",
    "loose-queue": "Neither a tool nor an agent names them. Only reported.",
    "expiring-message": "They are dropped within a day. Only reported.",
}
AGES: dict[str, timedelta | None] = {
    "any age": None,
    "older than 1 day": timedelta(days=1),
    "older than 7 days": timedelta(days=7),
    "older than 30 days": timedelta(days=30),
}


def draw(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Draw the filters; return those of *findings* that match them."""
    counts = {kind: sum(one.kind == kind for one in findings) for kind in KINDS}
    with st.container(horizontal=True, vertical_alignment="bottom", key="cleanup-filters"):
        kinds = st.pills(
            "Kind",
            [kind for kind in KINDS if counts[kind]],
            selection_mode="multi",
            key=KIND_KEY,
            bind="query-params",
            format_func=lambda kind: f"{NAMES[kind]} · {counts[kind]:,}",
            width="content",
        )
        age = st.selectbox("Age", list(AGES), key=AGE_KEY, bind="query-params", width=190)
        text = st.text_input("Name, id or reason", key=TEXT_KEY, bind="query-params", width=240)
    return matching(findings, kinds, AGES.get(age or ""), text or "")


def matching(
    findings: Sequence[Finding], kinds: Sequence[str], age: timedelta | None, text: str
) -> tuple[Finding, ...]:
    """Return the findings of *kinds* (all when empty), at least *age* old, that hold *text*. What has no age has no
    place among the old ones."""
    wanted, now = text.strip().lower(), formats.now()
    return tuple(
        one
        for one in findings
        if (not kinds or one.kind in kinds)
        and (age is None or (one.created_at is not None and now - one.created_at >= age))
        and wanted in f"{one.name} {one.id} {one.reason}".lower()
    )
