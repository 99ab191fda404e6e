"""Numbers and times as a person reads them. What is not known is said, never shown as zero."""

import time
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from services.answers.narration import seconds

UNKNOWN = "not known"
VIEW_KEY = "view-remembered"  # what the bar of a page was set to last, by parameter of the address


def duration(value_s: float | None) -> str:
    """Return `0.04 s`, `1.2 s`, `2 min 5 s`, or that it is not known."""
    return UNKNOWN if value_s is None else seconds(value_s)


def age(value_s: float | None) -> str:
    """Return how long ago something was: `just now`, `40 s ago`, `5 min ago`, `3 h ago`, `2 days ago`."""
    if value_s is None:
        return UNKNOWN
    if value_s < 2:
        return "just now"
    for limit_s, unit_s, unit in ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h")):
        if value_s < limit_s:
            return f"{int(value_s // unit_s)} {unit} ago"
    days = int(value_s // 86400)
    return f"{days} day{'s' if days > 1 else ''} ago"


def count(value: int | None, noun: str = "", plural: str = "") -> str:
    """Return `1 message`, `1,204 messages`, or that it is not known."""
    if value is None:
        return UNKNOWN
    word = noun if value == 1 else plural or (f"{noun}s" if noun else "")
    return f"{value:,} {word}".rstrip()


def clock(moment: datetime | None, zone: tzinfo | None = None) -> str:
    """Return the time of day in the zone the reader has chosen (`14:03:12`), with the date when that is not today."""
    if moment is None:
        return UNKNOWN
    zone = zone or chosen_zone()
    there, today = moment.astimezone(zone), now().astimezone(zone).date()
    return f"{there:%H:%M:%S}" if there.date() == today else f"{there:%Y-%m-%d %H:%M}"


def told(clock_text: str) -> str:
    """Return a time of day as it is written in markdown: `:03:` between colons would have the browser fetch the names of
    all emoji, 0.25 MB, to see whether it is one."""
    return clock_text.replace(":", "\\:")


def chosen_zone() -> tzinfo:
    """Return UTC when the reader has switched to it, in the address or before; else the browser's time zone."""
    remembered = st.session_state.get(VIEW_KEY, {})
    return UTC if st.query_params.get("zone", remembered.get("zone")) == "utc" else reader_zone()


def reader_zone() -> tzinfo:
    """Return the browser's time zone; UTC when it does not tell one that exists."""
    try:
        name = st.context.timezone
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)


def since_s(moment: datetime | None) -> float | None:
    """Return the seconds since *moment*, never negative; None when it is not known."""
    return None if moment is None else max(0.0, (now() - moment).total_seconds())
