"""The cheaper form of a translated query gives the same values as the translator's own."""

from datetime import datetime

import duckdb
import duckdb_kql
import pytest

from emulator.monitor.tuning import tune

SCHEMA = {"AppEvents": ["TimeGenerated", "Properties"]}
VALUES = [
    "12",
    " 12 ",
    "-3",
    "+4",
    "0x1F",
    "1.5",
    "1e3",
    "",
    "abc",
    "9223372036854775807",
    "9223372036854775808",
    "2147483648",
    "NaN",
    "true",
    "é",
    "'; DROP TABLE AppEvents; --",
]
ROWS = [
    f'{{"a.b": {text}}}'
    for text in [*('"' + value + '"' for value in VALUES), "7", "1.5", "true", "null", "[1]", '{"c": 1}']
]


@pytest.fixture
def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute('CREATE TABLE "AppEvents" ("TimeGenerated" TIMESTAMP, "Properties" JSON)')
    for number, row in enumerate([*ROWS, "{}", None]):
        at = datetime(
            2026, 3, 29, number % 24, number * 7 % 60, number * 13 % 60, number * 99_991 % 1_000_000
        )
        connection.execute('INSERT INTO "AppEvents" VALUES (?, ?)', [at, row])
    connection.execute("INSERT INTO \"AppEvents\" VALUES (TIMESTAMP '1969-12-31 23:59:59.5', NULL)")
    return connection


@pytest.mark.parametrize(
    "query",
    [
        *(
            f'AppEvents | project TimeGenerated, x = {function}(tostring(Properties["a.b"])) | order by TimeGenerated asc'
            for function in ("tolong", "toint", "toreal", "todouble")
        ),
        'AppEvents | project TimeGenerated, x = tostring(Properties["a.b"]) | order by TimeGenerated asc',
        *(
            f"AppEvents | summarize count() by bin(TimeGenerated, {size}) | order by TimeGenerated asc"
            for size in (
                "1m",
                "5m",
                "15m",
                "1h",
                "6h",
                "1d",
                "7d",
                "10s",
                "100ms",
                "timespan(02:15:00.500000)",
            )
        ),
        *(
            f"let m = datetime({moment}); AppEvents | extend later = TimeGenerated > m, m | order by TimeGenerated asc"
            for moment in (
                "2026-03-29T05:00:00.000000Z",
                "2026-02-30T05:00:00.000000Z",
                "0000-00-00T00:00:00.000000Z",
            )
        ),
    ],
)
def test_the_cheap_form_means_the_same(database: duckdb.DuckDBPyConnection, query: str) -> None:
    """Value by value, for texts that are numbers, nearly numbers, and none."""
    sql = str(duckdb_kql.to_sql(query, schema=SCHEMA, allow_write=False))
    cheap = tune(sql)

    assert cheap != sql
    found, expected = (database.execute(text).fetchall() for text in (cheap, sql))
    assert repr(found) == repr(expected)  # NaN is no equal of itself


def test_a_text_that_looks_like_an_expression_stays_a_text(database: duckdb.DuckDBPyConnection) -> None:
    """What the user wrote is data."""
    for text in (
        """json_extract("Properties", '$.x') ->> '$'""",
        """to_timestamp(floor(epoch("TimeGenerated") / epoch(INTERVAL '5m')) * epoch(INTERVAL '5m')) AT TIME ZONE 'UTC'""",
    ):
        sql = str(duckdb_kql.to_sql(f"print x = {_quoted(text)}", allow_write=False))

        assert tune(sql) == sql
        assert database.execute(tune(sql)).fetchone() == (text,)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
