"""A query over another range is the same statement with other moments in it."""

from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from emulator.monitor.errors import QueryError
from emulator.monitor.kql import Translator
from emulator.monitor.plans import MOST_MOMENTS, shape_of
from services.monitor.catalogue import all_queries
from services.monitor.kql import Value

NOW = datetime(2026, 5, 4, 12, 0, 0)
VALUES: dict[str, Value] = {
    "string": "x\\'; let start = 1",
    "timespan": timedelta(minutes=5),
    "int": 3,
    "list": ["a"],
}


@pytest.fixture
def cursor() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


@pytest.mark.parametrize("name", sorted(all_queries()))
def test_a_planned_statement_is_the_translated_one(name: str, cursor: duckdb.DuckDBPyConnection) -> None:
    """Whether a plan was used must not show in any figure of any page."""
    query, planned = all_queries()[name], Translator()
    for hours in range(1, 5):
        end = datetime(2026, 5, 4, hours, 7, 8, 900 + hours, tzinfo=UTC)
        moments: dict[str, Value] = {"start": end - timedelta(hours=hours), "end": end}
        values = {one: moments.get(one, VALUES.get(kind, end)) for one, kind in query.parameters.items()}
        text = query.bound(values)

        assert planned.translate(text, cursor, NOW) == Translator().translate(text, cursor, NOW)
    if "start" in query.parameters:
        assert all(plan for (plan,) in planned._plans._things.values())  # else nothing was tested


def test_moments_that_are_computed_with_are_no_part_of_a_plan(cursor: duckdb.DuckDBPyConnection) -> None:
    """A translation that folds two moments into one value would carry the first range's into all later ones."""
    translator = Translator()
    for day in range(1, 5):
        text = f"let start = datetime(2026-05-0{day}T00:00:00.000000Z);\nprint x = strcat('2026', tostring(start - start))"

        assert translator.translate(text, cursor, NOW) == Translator().translate(text, cursor, NOW)


@pytest.mark.parametrize(
    "text",
    [
        "AppTraces | where TimeGenerated > datetime(2026-05-04T00:00:00.000000Z)",
        "let start = datetime(2026-05-04);\nAppTraces",
        "let start = datetime(2026-05-04T00:00:00.000000Z) ;\nAppTraces",
        "let start = datetime(2026-05-04T00:00:00.000000Z);\nprint '\x00'",
        "\n".join(f"let a{n} = datetime(2026-05-04T00:00:00.000000Z);" for n in range(MOST_MOMENTS + 1)),
    ],
)
def test_other_queries_are_translated_each_by_itself(text: str) -> None:
    assert shape_of(text) is None


def test_a_moment_that_there_is_not_finds_nothing(cursor: duckdb.DuckDBPyConnection) -> None:
    """As in Log Analytics' own reading of a literal that no calendar has: null, and no row is later than that."""
    translator = Translator()
    for day in ("01", "02", "99"):
        text = f"let start = datetime(2026-05-{day}T00:00:00.000000Z);\nprint is_null = isnull(start)"
        made = translator.translate(text, cursor, NOW)
        assert cursor.execute(made.sql, made.bind(NOW)).fetchall() == [(day == "99",)]


def test_a_table_that_there_is_not_is_refused_however_often_it_is_asked(
    cursor: duckdb.DuckDBPyConnection,
) -> None:
    """A plan must not lead past the guard."""
    translator = Translator()
    for day in range(1, 5):
        with pytest.raises(QueryError):
            translator.translate(
                f"let start = datetime(2026-05-0{day}T00:00:00.000000Z);\nduckdb_tables | where x > start",
                cursor,
                NOW,
            )
