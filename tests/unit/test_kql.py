"""Values in queries: what goes in comes out, and never means more than itself."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.errors import InvalidInput
from services.monitor.kql import LONGEST_TEXT, Kind, Value, bind, literal
from tests.log_tables import LogTables

TABLES = LogTables()
WRITABLE = st.text(
    st.characters(exclude_categories=["Cs", "Zl", "Zp", "Cc"], include_characters="\t\n\r"), max_size=60
)
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
SPANS = st.timedeltas(timedelta(days=-30_000), timedelta(days=30_000))


def back(kind: Kind, value: Value) -> object:
    (row,) = TABLES.run(bind("print x = given", {"given": kind}, {"given": value}))
    return row["x"]


@settings(max_examples=80, deadline=None)
@given(WRITABLE)
def test_any_text_comes_back_as_it_was(text: str) -> None:
    """Whatever a person types into a filter or a URL is that text and nothing else."""
    assert back("string", text) == text


@settings(max_examples=30, deadline=None)
@given(st.lists(WRITABLE.filter(bool), min_size=1, max_size=5), st.data())
def test_a_list_lets_exactly_its_items_pass(items: list[str], data: st.DataObject) -> None:
    wanted = data.draw(st.sampled_from(items))
    text = "print x = wanted | where x in (items) | count"
    assert TABLES.run(bind(text, {"wanted": "string", "items": "list"}, {"wanted": wanted, "items": items}))[
        0
    ] == {"Count": 1}
    other = "".join(items) + "?"
    if other not in items:
        assert TABLES.run(
            bind(text, {"wanted": "string", "items": "list"}, {"wanted": other, "items": items})
        )[0] == {"Count": 0}


@settings(max_examples=30, deadline=None)
@given(MOMENTS, SPANS, st.integers(-(2**63) + 1, 2**63 - 1))
def test_times_and_numbers_come_back_as_they_were(moment: datetime, span: timedelta, number: int) -> None:
    assert back("datetime", moment) == moment.replace(tzinfo=None)
    assert back("timespan", span) == span
    assert back("int", number) == number


def test_a_time_elsewhere_is_the_same_moment() -> None:
    elsewhere = datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert literal("datetime", elsewhere) == "datetime(2026-01-01T00:00:00.000000Z)"


@pytest.mark.parametrize(
    "attempt",
    [
        '" ; AppRequests | take 1 //',
        '\\"; print 1',
        '"); .drop table AppRequests //',
        "' or 1==1",
        "x\n| union AppRequests",
        '\\\\" | take 5',
        "['/etc/passwd']",
        "@'x'",
        "```",
        "{{injected}}",
        '"\n;\nlet given = "y',
        "\\u0022 ; print 2",
    ],
)
def test_an_attempt_to_inject_is_only_a_text(attempt: str) -> None:
    assert back("string", attempt) == attempt
    text = "AppRequests | where Name == given | count"
    assert TABLES.run(bind(text, {"given": "string"}, {"given": attempt})) == [{"Count": 0}]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", "a\x00b"),
        ("string", "a\u2028b"),
        ("string", "\ud800"),
        ("string", "x" * (LONGEST_TEXT + 1)),
        ("string", 5),
        ("int", "5"),
        ("int", True),
        ("int", 2**63),
        ("datetime", "2026-01-01"),
        ("datetime", datetime(2026, 1, 1)),
        ("timespan", 5),
        ("list", "abc"),
        ("list", ["a"] * 201),
        ("list", ["a", 5]),
    ],
)
def test_what_no_literal_can_hold_is_refused_in_words(kind: Kind, value: Value) -> None:
    with pytest.raises(InvalidInput, match="cannot be asked of the logs"):
        literal(kind, value)


def test_a_parameter_too_few_or_too_many_is_refused() -> None:
    with pytest.raises(InvalidInput, match="needs run"):
        bind("print run", {"run": "string"}, {})
    with pytest.raises(InvalidInput, match="no parameter other"):
        bind("print 1", {}, {"other": "x"})
    with pytest.raises(InvalidInput, match="cannot name"):
        bind("print 1", {"x = 1; y": "string"}, {"x = 1; y": "x"})
