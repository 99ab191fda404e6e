"""Query text reaches the known tables and nothing else: no file, no network, no setting, no write, no crash."""

import time
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError
from azure.monitor.query import LogsQueryPartialResult

from emulator.monitor.kql import MAX_QUERY_CHARACTERS
from emulator.server import Emulator
from tests.contract.monitor_support import ask, message, rows, track

SECRET = "the-secret-that-no-query-may-show"
# {file} is a CSV file that holds SECRET, {new} a path that must not come into being.
READS = [
    "['{file}'] | take 1",
    '["{file}"] | take 1',
    "['{file}.csv'] | count",
    "union AppTraces, ['{file}'] | take 5",
    "AppTraces | union ['{file}']",
    "AppTraces | join kind=fullouter (['{file}']) on $left.Message == $right.column0",
    "let t = ['{file}']; t | take 1",
    "let t = materialize(['{file}']); t",
    "print x = toscalar(['{file}'] | take 1)",
    "AppTraces | where Message in (['{file}'])",
    "AppTraces | lookup (['{file}']) on Message",
    "externaldata(a:string)['{file}']",
    "externaldata(a:string)[@'{file}'] with (format='csv')",
    "external_table('{file}')",
    "table('{file}')",
    "database('main').['{file}']",
    "cluster('x').database('y').AppTraces",
    "workspace('x').AppTraces",
    "app('x').requests",
    "read_csv('{file}')",
    "read_text('{file}')",
    "print x = read_text('{file}')",
    "print x = getenv('HOME')",
    "print x = current_setting('memory_limit')",
    "print x = duckdb_secrets()",
    "AppTraces | invoke read_csv('{file}')",
    "evaluate read_csv('{file}')",
    "AppTraces | evaluate python(typeof(*), 'import os')",
    "evaluate http_request('https://example.com')",
    "evaluate sql_request('x', 'select 1')",
    "['duckdb_settings']",
    "['duckdb_tables']",
    "['duckdb_databases'] | project path",
    "['pg_tables']",
    "['sqlite_master']",
    "['information_schema.tables']",
    "['information_schema'].['tables']",
    "['pg_catalog.pg_class']",
    "['store.AppTraces']",
    "['store'].AppTraces",
    "['main\".\"AppTraces']",
    "['platform_metrics']",
    "['arrived']",
    "AppTraces | join (['duckdb_settings']) on $left.Message == $right.name",
    "['AppTraces\" UNION SELECT 1 --']",
    "AppTraces | where Message == \"x\" or 1 == 1; ['{file}']",
    "AppTraces | where Message == 'x\\' UNION SELECT * FROM read_text(\\'{file}\\') --'",
    "AppTraces | extend ['a\" FROM read_text(\\'{file}\\') --'] = 1 | take 1",
    "AppTraces | project ['\"; SELECT read_text(\\'{file}\\'); --'] = Message",
    "AppTraces | where Message matches regex '\\') FROM read_text(\\'{file}\\') --'",
    "print x = strcat('a', \"'); SELECT content FROM read_text('{file}'); --\")",
    "print x = dynamic({{\"a\": \"'||(SELECT content FROM read_text('{file}'))||'\"}})",
]
WRITES = [
    ".create database x persist (@'{new}')",
    ".set-or-replace AppTraces <| print x = 1",
    ".set x <| print a = 1",
    ".append AppTraces <| AppTraces",
    ".drop table AppTraces",
    ".ingest inline into table AppTraces <| a",
    ".export to csv (h@'{new}') <| AppTraces",
    ".attach database x from '{new}'",
    "// a comment\n.drop table AppTraces",
    "\ufeff.drop table AppTraces",
    " \n\t.clear table AppTraces data",
    ";.drop table AppTraces",
    "AppTraces | take 1; .drop table AppTraces",
    "AppTraces | take 1\n\n.drop table AppTraces",
    "COPY (SELECT 1) TO '{new}'",
    "ATTACH '{new}' AS x",
    "INSTALL httpfs",
    "LOAD json",
    "PRAGMA memory_limit='10GB'",
    "SET memory_limit='10GB'",
    "set memory_limit='10GB'; print 1",
    "RESET lock_configuration",
    "DELETE FROM store.AppTraces",
    "DROP VIEW AppTraces",
    "CREATE TABLE x AS SELECT 1",
    "CALL pragma_version()",
    "EXPORT DATABASE '{new}'",
    "VACUUM",
    "CHECKPOINT",
    "select * from store.AppTraces",
    "print 1; DROP TABLE store.AppTraces",
    "print 1 -- \n; DELETE FROM store.AppTraces",
    "declare query_parameters(x:string = 'a'); AppTraces | where Message == x",
    "AppTraces | consume | as x; DROP VIEW AppTraces",
]
HUGE = {
    "parentheses": "print x = " + "(" * 400 + "1" + ")" * 400,
    "brackets": "print x = dynamic(" + "[" * 3000 + "]" * 3000 + ")",
    "calls": "print x = " + "tostring(" * 300 + "1" + ")" * 300,
    "subqueries": "AppTraces" + " | union (AppTraces" * 100 + ")" * 100,
    "terms": "AppTraces | where " + " or ".join(f"Message == '{n}'" for n in range(1500)),
    "operators": "AppTraces" + " | extend a = 1" * 400,
    "lets": "".join(f"let a{n} = {f'a{n - 1} + 1' if n else '1'}; " for n in range(300)) + "print a299",
    "recursion": "let f = (x:long) { f(x - 1) }; print f(3)",
    "itself": "let AppTraces = AppTraces; AppTraces | count",
    "too long": "print '" + "x" * MAX_QUERY_CHARACTERS + "'",
    "null character": "AppTraces | where Message == 'a\x00b'",
    "not closed": "AppTraces | where Message == '" + "x" * 1000,
    "binary": "\x01\x02\x03\xff",
}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret.csv"
    file.write_text(f"column0\n{SECRET}\n")
    return file


def attempt(emulator: Emulator, query: str) -> str:
    """Return everything the service says to *query*."""
    try:
        found = ask(emulator, query, server_timeout=20)
    except HttpResponseError as error:
        assert error.status_code in (400, 504), f"{error.status_code}: {error}"
        return str(error)
    tables = found.partial_data if isinstance(found, LogsQueryPartialResult) else found.tables
    return str([[list(row) for row in one.rows] for one in tables])


@pytest.mark.parametrize("query", READS)
def test_no_query_reads_what_is_not_ours(emulator: Emulator, secret: Path, query: str) -> None:
    """Neither files nor the database's own inside; the tables still answer afterwards."""
    track(emulator, [message("ours")])
    said = attempt(emulator, query.format(file=secret, new=""))

    assert SECRET not in said
    for inside in ("memory_limit'", "monitor.duckdb", "CREATE TABLE", str(Path.home()) + "'"):
        assert inside not in said
    assert rows(emulator, "AppTraces | project Message") == [["ours"]]


@pytest.mark.parametrize("query", WRITES)
def test_no_query_changes_anything(emulator: Emulator, tmp_path: Path, query: str) -> None:
    """No row, no table, no file, no setting."""
    track(emulator, [message("ours")])
    new = tmp_path / "made-by-a-query"
    with pytest.raises(HttpResponseError) as caught:
        ask(emulator, query.format(new=new))

    assert caught.value.status_code == 400
    assert list(tmp_path.iterdir()) == []
    assert rows(emulator, "AppTraces | project Message") == [["ours"]]


@pytest.mark.parametrize("name", HUGE)
def test_no_query_breaks_the_service(emulator: Emulator, name: str) -> None:
    """Deep, long or endless text costs its sender an error and nobody else anything."""
    started_s = time.monotonic()
    attempt(emulator, HUGE[name])

    assert time.monotonic() - started_s < 30
    assert rows(emulator, "print 1") == [[1]]


def test_even_sql_cannot_leave_the_database(emulator: Emulator, secret: Path) -> None:
    """Should a translation ever let text through, DuckDB itself has nothing to offer: the second wall."""
    import duckdb

    cursor = emulator.monitor._store.cursor()
    try:
        for statement in (
            f"SELECT * FROM '{secret}'",
            f"SELECT * FROM read_text('{secret}')",
            f"COPY (SELECT 1) TO '{secret.parent / 'new.csv'}'",
            f"ATTACH '{secret.parent / 'new.duckdb'}' AS x",
            "INSTALL httpfs",
            "LOAD httpfs",
            "SET enable_external_access = true",
            "SET lock_configuration = false",
            "SET memory_limit = '100GB'",
            "SELECT * FROM rows",  # a variable of this very test module
        ):
            with pytest.raises(duckdb.Error):
                cursor.execute(statement).fetchall()
        cursor.execute("BEGIN TRANSACTION READ ONLY")
        with pytest.raises(duckdb.Error):
            cursor.execute('DELETE FROM store."AppTraces"')
    finally:
        cursor.close()
    assert [path.name for path in secret.parent.iterdir()] == [secret.name]


def test_there_are_enough_attempts() -> None:
    """A list that shrinks would weaken the proof without a test that fails."""
    assert len(READS) + len(WRITES) + len(HUGE) >= 60
