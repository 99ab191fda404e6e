"""What an address asks for, and what is shown when it asks for nonsense."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.monitor.kql import literal
from ui import formats
from ui.time_range import LONGEST, MOST_POINTS, RANGES, SHORTEST, View, canonical, parse, written

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
ONE_HOUR = timedelta(hours=1)
HOUR = (NOW - ONE_HOUR, NOW)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "now", lambda: NOW)


def view(**stated: str) -> View:
    """The view of an address; `since` and `to` are its ?from= and ?to=."""
    if "since" in stated:
        stated["from"] = stated.pop("since")
    return parse(stated, NOW, BERLIN)


def test_an_address_that_says_nothing_shows_the_last_hour_and_moves() -> None:
    found = view()
    assert (found.start, found.end) == HOUR
    assert (found.label, found.words, found.refresh_s, found.zone) == ("1h", "the last hour", 5.0, BERLIN)
    assert found.moves
    assert found.problem == ""


@pytest.mark.parametrize(("name", "span"), RANGES.items(), ids=list(RANGES))
def test_a_range_ends_now_and_has_a_bearable_number_of_points(name: str, span: timedelta) -> None:
    found = view(range=name)
    assert (found.end - found.start, found.label) == (span, name)
    assert 20 <= span / found.grain <= MOST_POINTS


@pytest.mark.parametrize(
    "minutes", [1, 5, 30, 90, 600, 1440, 5000, 20_000, LONGEST.total_seconds() / 60], ids=str
)
def test_a_custom_range_has_a_bearable_number_of_points(minutes: float) -> None:
    span = timedelta(minutes=minutes)
    found = view(since=written(NOW - span), to=written(NOW))
    assert found.end - found.start == span
    assert 1 <= span / found.grain <= MOST_POINTS


def test_a_custom_range_stands_still() -> None:
    """What is over does not change: to read it every five seconds would cost and bring nothing."""
    found = view(range="custom", since="2026-11-21T14:00Z", to="2026-11-21T15:30Z", refresh="5s", zone="utc")
    assert (found.moves, found.refresh_s) == (False, None)
    assert found.words == "21 Nov 14:00 to 15:30 UTC"
    assert found.label == "2026-11-21T14:00:00Z/2026-11-21T15:30:00Z"
    assert found.problem == ""


@pytest.mark.parametrize(
    ("since", "to", "words"),
    [
        ("2026-11-21T14:00Z", "2026-11-21T15:30Z", "21 Nov 15:00 to 16:30 CET"),
        ("2026-11-20T14:00Z", "2026-11-21T15:30Z", "20 Nov 15:00 to 21 Nov 16:30 CET"),
        ("2025-11-01T14:00Z", "2025-11-02T15:30Z", "1 Nov 2025 15:00 to 2 Nov 2025 16:30 CET"),
    ],
    ids=["same day", "two days", "another year"],
)
def test_a_range_is_told_in_the_readers_zone(since: str, to: str, words: str) -> None:
    assert view(since=since, to=to).words == words


@pytest.mark.parametrize(
    ("since", "to", "start", "end", "told"),
    [
        ("2026-11-22T11:30Z", "2026-11-22T11:00Z", NOW - ONE_HOUR, NOW - ONE_HOUR / 2, "wrong way round"),
        ("2026-11-22T11:00Z", "2026-11-23T11:00Z", *HOUR, "up to now"),
        ("2026-12-01T00:00Z", "2026-12-02T00:00Z", *HOUR, "lies in the future"),
        ("2016-11-22T12:00Z", "2026-11-22T12:00Z", NOW - LONGEST, NOW, "31 days at most"),
        (
            "2026-11-22T11:00Z",
            "2026-11-22T11:00Z",
            NOW - ONE_HOUR - SHORTEST,
            NOW - ONE_HOUR,
            "a minute at least",
        ),
        ("yesterday", "2026-11-22T11:00Z", *HOUR, "“yesterday” is not a time that can be read"),
        ("2026-11-22T11:00Z", "99999", *HOUR, "“99999” is not a time that can be read"),
        ("0001-01-01T00:00+14:00", "2026-11-22T11:00Z", *HOUR, "is not a time that can be read"),
        ("1969-12-31T00:00Z", "1970-01-01T00:00Z", *HOUR, "ends before the year 2000"),
        ("2026-11-22T11:00Z", "", *HOUR, "The address has no to time"),
        ('2026-11-22"); drop', "2026-11-22T11:00Z", *HOUR, "is not a time that can be read"),
    ],
    ids=[
        "reversed",
        "reaches into the future",
        "in the future",
        "ten years",
        "no length",
        "words",
        "number",
        "before time",
        "before all",
        "half",
        "injected",
    ],
)
def test_a_range_that_makes_no_sense_is_told_and_replaced(
    since: str, to: str, start: datetime, end: datetime, told: str
) -> None:
    """A stakeholder who mangled a link sees a chart and why it is another one."""
    found = view(range="custom", since=since, to=to)
    assert (found.start, found.end) == (start, end)
    assert told in found.problem


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ({"range": "10y"}, "There is no range “10y”: the last hour is shown."),
        ({"range": "'; drop table x --"}, "There is no range “'; drop table x --”"),
        ({"refresh": "1ms"}, "There is no refresh “1ms”"),
        ({"zone": "Mars/Base"}, "There is no zone “Mars/Base”: times are local."),
    ],
    ids=["range", "injected", "refresh", "zone"],
)
def test_what_there_is_not_is_told_and_the_usual_is_shown(stated: dict[str, str], told: str) -> None:
    found = view(**stated)
    assert told in found.problem
    assert (found.start, found.end, found.refresh_s, found.zone) == (*HOUR, 5.0, BERLIN)


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert view(range="x", refresh="y", zone="z").problem.count("There is no") == 3


def test_a_plus_that_the_address_made_a_blank_is_still_a_zone() -> None:
    assert view(since="2026-11-22T10:00 01:00", to="2026-11-22T11:00Z").start == NOW - 3 * ONE_HOUR


def test_a_range_that_is_named_wins_over_two_times() -> None:
    assert view(range="6h", since="2026-11-20T10:00Z", to="2026-11-20T11:00Z").label == "6h"


def test_a_link_is_remembered_as_it_was_understood() -> None:
    """Another page must not complain again about what was put right here."""
    stated = {"range": "custom", "from": "2026-11-22T11:30Z", "to": "2026-11-22T11:00Z", "zone": "mars"}
    kept = canonical(stated, parse(stated, NOW, BERLIN))
    assert kept == {"range": "custom", "from": "2026-11-22T11:00:00Z", "to": "2026-11-22T11:30:00Z"}
    assert parse(kept, NOW, BERLIN).problem == ""
    assert canonical({}, view()) == {}
    assert canonical({"range": "10y", "refresh": "off"}, view(range="10y")) == {
        "range": "1h",
        "refresh": "off",
    }


@given(
    st.dictionaries(
        st.sampled_from(["range", "from", "to", "refresh", "zone"]),
        st.text(max_size=60)
        | st.sampled_from([*RANGES, "custom", "off"])
        | st.datetimes().map(lambda moment: moment.isoformat()),
    )
)
def test_any_address_gives_a_range_that_a_query_can_be_asked_for(stated: dict[str, str]) -> None:
    """Whoever writes the address: the range is sane, its sentence short, and its ends are literals of KQL."""
    found = parse(stated, NOW, BERLIN)
    assert SHORTEST <= found.end - found.start <= LONGEST
    assert found.end <= NOW
    assert 1 <= (found.end - found.start) / found.grain <= MOST_POINTS
    assert len(found.problem) < 600
    assert literal("datetime", found.start).startswith("datetime(")
    assert parse(canonical(stated, found), NOW, BERLIN).problem == ""


def test_values_are_those_of_a_query() -> None:
    found = view(range="15m")
    assert found.values(grain=found.grain) == {
        "start": NOW - timedelta(minutes=15),
        "end": NOW,
        "grain": timedelta(seconds=30),
    }


def test_the_clock_is_in_the_readers_zone() -> None:
    assert view().clock(NOW) == "13:00:00"
    assert view(zone="utc").clock(NOW) == "12:00:00"
    assert view(zone="utc").clock(NOW - timedelta(days=1)) == "2026-11-21 12:00"
    assert view().clock(None) == "not known"
