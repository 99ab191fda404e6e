"""Durations, intervals and timespans as the query API and KQL write them."""

from datetime import datetime, timedelta

import pytest

from emulator.monitor.timespans import (
    Span,
    read_duration,
    read_span,
    write_duration,
    write_timespan,
)

NOW = datetime(2026, 11, 22, 12)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PT1H", Span(NOW - HOUR, NOW)),
        ("PT3600.0S", Span(NOW - HOUR, NOW)),
        ("P1DT2H", Span(NOW - 26 * HOUR, NOW)),
        ("P1W", Span(NOW - 168 * HOUR, NOW)),
        ("2026-11-22T10:00:00Z/2026-11-22T11:00:00Z", Span(NOW - 2 * HOUR, NOW - HOUR)),
        ("2026-11-22T10:00:00+01:00/PT1H", Span(NOW - 3 * HOUR, NOW - 2 * HOUR)),
        ("PT1H/2026-11-22T11:00:00.000Z", Span(NOW - 2 * HOUR, NOW - HOUR)),
        ("2026-11-22T10:00:00/2026-11-22T11:00:00", Span(NOW - 2 * HOUR, NOW - HOUR)),
    ],
)
def test_every_form_of_a_time_range_is_read(text: str, expected: Span) -> None:
    """The SDK writes three of them, people the others."""
    assert read_span(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "P", "PT", "1H", "PT1X", "-PT1H", "PT0S", "/", "x/PT1H", "P9999999D/x"])
def test_what_is_no_time_range_is_refused(text: str) -> None:
    """With words, and never read as everything."""
    with pytest.raises(ValueError, match=r"."):
        read_span(text, NOW)


def test_a_range_of_ages_ends_at_the_first_day() -> None:
    """A hundred years and more reach back as far as time goes, without an overflow."""
    assert read_span("P999999D", NOW).start < datetime(1950, 1, 1)
    assert read_duration("P999999W") == timedelta(days=36_500)


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(seconds=1), "00:00:01"),
        (timedelta(days=2, hours=3, microseconds=5), "2.03:00:00.0000050"),
        (-timedelta(minutes=90), "-01:30:00"),
        (timedelta(), "00:00:00"),
    ],
)
def test_timespans_are_written_as_kql_prints_them(span: timedelta, text: str) -> None:
    """Pages parse them."""
    assert write_timespan(span) == text


@pytest.mark.parametrize(
    ("minutes", "text"), [(1, "PT1M"), (15, "PT15M"), (60, "PT1H"), (1440, "P1D"), (90, "PT1H30M")]
)
def test_grains_are_written_as_azure_names_them(minutes: int, text: str) -> None:
    """MetricsClient reads them back."""
    assert write_duration(timedelta(minutes=minutes)) == text
