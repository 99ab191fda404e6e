"""ui.formats: what is not known is never shown as zero."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ui import formats


@pytest.mark.parametrize(
    ("age_s", "shown"),
    [
        (None, "not known"),
        (0.4, "just now"),
        (40, "40 s ago"),
        (300, "5 min ago"),
        (7300, "2 h ago"),
        (90_000, "1 day ago"),
    ],
    ids=["unknown", "now", "seconds", "minutes", "hours", "days"],
)
def test_an_age_reads_like_a_sentence(age_s: float | None, shown: str) -> None:
    assert formats.age(age_s) == shown


def test_unknown_is_said() -> None:
    """Zero messages and an unknown number of them ask for different actions."""
    assert (formats.count(None, "message"), formats.count(0, "message")) == ("not known", "0 messages")
    assert (formats.duration(None), formats.clock(None)) == ("not known", "not known")


def test_one_is_not_plural() -> None:
    assert (formats.count(1, "message"), formats.count(1204, "message")) == ("1 message", "1,204 messages")


def test_a_time_is_the_readers_own_and_has_its_date_when_that_is_not_today() -> None:
    """The server's zone means nothing to the person in front of the screen."""
    now = formats.now()
    zone = ZoneInfo("Asia/Kolkata")

    assert formats.clock(now, zone) == f"{now.astimezone(zone):%H:%M:%S}"
    assert formats.clock(datetime(2026, 1, 2, 23, 0, tzinfo=UTC), zone) == "2026-01-03 04:30"


def test_a_moment_in_the_future_was_never_ago() -> None:
    """Clocks of two machines differ; a negative age would be nonsense."""
    assert formats.since_s(formats.now() + timedelta(seconds=5)) == 0.0
