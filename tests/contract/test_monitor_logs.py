"""KQL through the real LogsQueryClient: results, time ranges, limits, and errors in Log Analytics' own words."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError
from azure.monitor.query import (
    LogsBatchQuery,
    LogsQueryError,
    LogsQueryResult,
    LogsQueryStatus,
)

from emulator.monitor.schemas import COMPONENT_ID, TABLES
from emulator.server import Emulator, EmulatorSettings
from tests.contract.monitor_support import (
    Json,
    ask,
    dependency,
    logs_client,
    message,
    refused,
    rows,
    table,
    track,
)


def inner_error(error: HttpResponseError) -> Json:
    """Return the deepest innererror of the reply."""
    assert error.response is not None
    found = json.loads(error.response.text())["error"]
    while "innererror" in found:
        found = found["innererror"]
    return found


# Results ----------------------------------------------------------------------------------------------


def test_each_type_of_kql_comes_back_as_itself(emulator: Emulator) -> None:
    """The SDK reads the types from the reply: a number as text would sort as text."""
    found = table(
        emulator,
        "print d = datetime(2026-01-02 03:04:05.678), s = 'é', l = 9007199254740993, r = 1.5, b = true, t = 1d + 2s,"
        " j = dynamic({'a': [1]}), g = guid(74be27de-1e4e-49d9-b579-fe0b331d3642), i = int(7), n = long(null), e = ''",
    )

    types = [
        "datetime",
        "string",
        "long",
        "real",
        "bool",
        "timespan",
        "dynamic",
        "guid",
        "int",
        "long",
        "string",
    ]
    assert found.columns_types == types
    (row,) = found.rows
    assert row["d"] == datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)
    assert [row[name] for name in "slrbtgine"] == [
        "é",
        9007199254740993,
        1.5,
        True,
        "1.00:00:02",
        "74be27de-1e4e-49d9-b579-fe0b331d3642",
        7,
        None,
        "",
    ]
    assert json.loads(row["j"]) == {"a": [1]}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_without_rows_is_empty_and_no_error(emulator: Emulator, name: str) -> None:
    """A fresh installation has asked before anything was sent."""
    found = table(emulator, name)

    assert found.rows == []
    assert dict(zip(found.columns, found.columns_types, strict=True)) == dict(TABLES[name].columns)


def test_lists_and_bags_arrive_as_json_text(emulator: Emulator) -> None:
    """Dynamic values come as text, as from Log Analytics."""
    ((made, packed),) = rows(emulator, "range x from 1 to 3 step 1 | summarize make_list(x), make_set(x % 2)")

    assert json.loads(made) == [1, 2, 3]
    assert sorted(json.loads(packed)) == [0, 1]


def test_a_string_that_is_not_there_is_empty_and_not_null(emulator: Emulator) -> None:
    """In a union, the columns that only the other table has."""
    track(emulator, [message("said"), dependency("call")])

    assert rows(emulator, "union AppTraces, AppDependencies | project Message, Name | order by Name asc") == [
        ["said", ""],
        ["", "call"],
    ]


def test_statistics_and_the_chart_asked_for_come_on_request(emulator: Emulator) -> None:
    """And only then."""
    query = 'AppTraces | summarize count() by SeverityLevel | render columnchart with (title="By level")'
    found = ask(emulator, query, include_statistics=True, include_visualization=True)
    bare = ask(emulator, query)

    assert found.statistics and found.statistics["query"]["executionTime"] > 0
    assert found.visualization and found.visualization["visualization"] == "columnchart"
    assert found.visualization["title"] == "By level"
    assert (bare.statistics, bare.visualization) == (None, None)


# Time -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        pytest.param(lambda _: timedelta(minutes=15), ["now"], id="duration"),
        pytest.param(lambda _: timedelta(hours=3), ["hour", "now"], id="longer"),
        pytest.param(
            lambda now: (now - timedelta(hours=2), now - timedelta(minutes=30)), ["hour"], id="start-end"
        ),
        pytest.param(
            lambda now: (now - timedelta(hours=2), timedelta(minutes=90)), ["hour"], id="start-duration"
        ),
        pytest.param(lambda now: (now + timedelta(hours=1), now + timedelta(hours=2)), [], id="future"),
        pytest.param(lambda _: timedelta(days=3650), ["hour", "now", "yesterday"], id="ten-years"),
        pytest.param(lambda _: None, ["hour", "now", "yesterday"], id="none"),
    ],
)
def test_the_time_range_of_the_request_limits_every_table(
    emulator: Emulator, span: Json, expected: list[str]
) -> None:
    """Also inside joins and unions, where the query itself says nothing of time."""
    now = emulator.clock.now()
    for text, age in (("now", 1), ("hour", 60), ("yesterday", 1440)):
        at = now - timedelta(minutes=age)
        assert track(emulator, [message(text, at), dependency(text, at)]).status == 200

    found = rows(
        emulator,
        "AppTraces | join kind=inner (AppDependencies | project Name) on $left.Message == $right.Name"
        " | project Message | order by Message asc",
        span(now),
    )

    assert [row[0] for row in found] == expected


@pytest.mark.parametrize(
    "span", ["PT0S", "yesterday", "2026-01-02T00:00:00Z/2026-01-01T00:00:00Z", "a/b", "P1D/P1D", "/", "P"]
)
def test_a_time_range_that_cannot_be_is_refused_in_words(emulator: Emulator, span: str) -> None:
    """Reversed, empty or unreadable: never silently everything."""
    with logs_client(emulator) as client, pytest.raises(HttpResponseError) as caught:
        client._execute(emulator.workspace_id, {"query": "AppTraces", "timespan": span})

    assert caught.value.status_code == 400
    assert inner_error(caught.value)["message"].startswith("timespan: ")


def test_now_is_the_clock_of_local_azure(emulator: Emulator) -> None:
    """A test lets an hour pass at once, and ago() passes with it."""
    track(emulator, [message("x", emulator.clock.now())])
    query = "AppTraces | where TimeGenerated > ago(30m) | count"
    before = rows(emulator, query)
    emulator.advance(3600)

    assert (before, rows(emulator, query)) == ([[1]], [[0]])


def test_what_is_older_than_the_retention_is_gone(state: Path) -> None:
    """From the moment it is too old, and from the disk with the next writes."""
    with Emulator(EmulatorSettings(state=state, retention_days=2)) as emulator:
        track(emulator, [message("old")])
        emulator.advance(1.5 * 86_400)
        track(emulator, [message("new", emulator.clock.now())])
        both = rows(emulator, "AppTraces | count")
        emulator.advance(86_400)
        one = rows(emulator, "AppTraces | project Message")
        track(emulator, [message("newest", emulator.clock.now())])
        on_disk = emulator.monitor._store.run(
            lambda connection: connection.execute('SELECT count(*) FROM store."AppTraces"').fetchone()
        )

        assert (both, one) == ([[2]], [["new"]])
        assert on_disk.result(10) == (2,)


# Errors -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        pytest.param("AppTraces | where (", "SYN0002", "could not be parsed", id="syntax"),
        pytest.param("AppTraces | where Nope == 1", "SEM0100", "named 'Nope'", id="column"),
        pytest.param("Nope | take 1", "SEM0100", "named 'Nope'", id="table"),
        pytest.param("union AppTraces, Nope", "SEM0100", "named 'Nope'", id="table-in-union"),
        pytest.param("AppTraces | join (Nope) on Id", "SEM0100", "named 'Nope'", id="table-in-join"),
        pytest.param(
            "AppTraces | make-series count() on TimeGenerated step 1h",
            "NotImplemented",
            "Log Analytics may",
            id="make-series",
        ),
        pytest.param(
            "AppTraces | summarize percentiles(SeverityLevel, 50, 95)",
            "NotImplemented",
            "percentiles",
            id="percentiles",
        ),
        pytest.param("", "BadArgumentError", "empty", id="empty"),
        pytest.param(".show tables", "BadArgumentError", "Control commands", id="command"),
    ],
)
def test_a_wrong_query_is_refused_as_log_analytics_does(
    emulator: Emulator, query: str, code: str, words: str
) -> None:
    """BadArgumentError with the cause nested inside; nothing is rewritten on the way."""
    error = refused(emulator, query)

    assert error.status_code == 400
    assert error.error is not None and error.error.code == "BadArgumentError"
    assert inner_error(error)["code"] == code
    assert words in inner_error(error)["message"]


def test_a_syntax_error_names_its_place(emulator: Emulator) -> None:
    """A page can mark it."""
    found = inner_error(refused(emulator, "AppTraces\n| wher Message == 'x'"))

    assert (found["line"], found["pos"], found["token"]) == (2, 0, "|")


def test_another_workspace_is_not_ours(emulator: Emulator) -> None:
    """404 and the id that would have been right."""
    with pytest.raises(HttpResponseError) as caught:
        ask(emulator, "AppTraces", "11111111-1111-1111-1111-111111111111")

    assert caught.value.status_code == 404
    assert emulator.workspace_id in str(caught.value)


def test_the_component_can_be_asked_for_by_its_resource_id(emulator: Emulator) -> None:
    """Any other resource has no telemetry here, and says so."""
    track(emulator, [message("said")])
    with logs_client(emulator) as client:
        found = client.query_resource(COMPONENT_ID, "AppTraces | project Message", timespan=None)
        with pytest.raises(HttpResponseError) as caught:
            client.query_resource("/subscriptions/local/resourceGroups/x", "AppTraces", timespan=None)

    assert isinstance(found, LogsQueryResult)
    assert [list(row) for row in found.tables[0].rows] == [["said"]]
    assert caught.value.status_code == 404


def test_a_batch_answers_each_query_for_itself(emulator: Emulator) -> None:
    """One wrong query of a page leaves the other cards alone."""
    queries = ["AppTraces | count", "AppTraces | where (", "Nope", "print x = 2", "AppTraces | sample 1"]
    asked = [LogsBatchQuery(emulator.workspace_id, query, timespan=None) for query in queries]
    with logs_client(emulator) as client:
        found = client.query_batch([*asked, LogsBatchQuery("other", "print 1", timespan=None)])

    assert [one.status for one in found] == [
        LogsQueryStatus.SUCCESS,
        LogsQueryStatus.FAILURE,
        LogsQueryStatus.FAILURE,
        LogsQueryStatus.SUCCESS,
        LogsQueryStatus.FAILURE,
        LogsQueryStatus.FAILURE,
    ]
    assert isinstance(found[1], LogsQueryError) and found[1].code == "BadArgumentError"
    assert isinstance(found[3], LogsQueryResult) and list(found[3].tables[0].rows[0]) == [2]
    assert isinstance(found[5], LogsQueryError) and found[5].code == "WorkspaceNotFoundError"


@pytest.mark.parametrize(
    "audience",
    ["https://api.loganalytics.io", "own"],
)
def test_a_token_for_the_query_api_is_taken(emulator: Emulator, audience: str) -> None:
    """The SDK asks for its endpoint's own audience unless told otherwise."""
    token = emulator.call(lambda: emulator.tokens.issue(emulator.url if audience == "own" else audience)[0])
    with logs_client(emulator, token) as client:
        found = client.query_workspace(emulator.workspace_id, "print 1", timespan=None)

    assert found.status == LogsQueryStatus.SUCCESS


def test_a_token_for_something_else_is_refused(emulator: Emulator) -> None:
    """401, as for every other service."""
    token = emulator.call(lambda: emulator.tokens.issue("https://storage.azure.com")[0])
    with logs_client(emulator, token) as client, pytest.raises(HttpResponseError) as caught:
        client.query_workspace(emulator.workspace_id, "print 1", timespan=None)

    assert caught.value.status_code == 401
