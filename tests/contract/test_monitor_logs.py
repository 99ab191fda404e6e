"""KQL through the real LogsQueryClient: results, time ranges, limits, and errors in Log Analytics' own words."""

import asyncio
import json
import ssl
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError, ServiceResponseError
from azure.monitor.query import (
    LogsBatchQuery,
    LogsQueryError,
    LogsQueryPartialResult,
    LogsQueryResult,
    LogsQueryStatus,
)

from emulator.faults import Fault
from emulator.monitor import results
from emulator.monitor.schemas import COMPONENT_ID, TABLES
from emulator.server import Emulator, EmulatorSettings
from tests.contract.monitor_support import (
    Json,
    ask,
    dependency,
    envelope,
    logs_client,
    message,
    rows,
    table,
    track,
)

# Some 10^9 pairs: takes minutes unless it is stopped.
ENDLESS = (
    "range a from 1 to 100000 step 1 | extend k = 1 | join kind=inner (range b from 1 to 100000 step 1 | extend k = 1)"
    " on k | where a * b == 7 | count"
)


def inner_error(error: HttpResponseError) -> Json:
    """Return the deepest innererror of the reply."""
    assert error.response is not None
    found = json.loads(error.response.text())["error"]
    while "innererror" in found:
        found = found["innererror"]
    return found


def refused(emulator: Emulator, query: str, **options: object) -> HttpResponseError:
    with pytest.raises(HttpResponseError) as caught:
        ask(emulator, query, **options)  # type: ignore[arg-type]  # the SDK's own names
    return caught.value


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


# Limits -----------------------------------------------------------------------------------------------


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(results, "MAX_ROWS", 5_000)
    monkeypatch.setattr(results, "MAX_BYTES", 100_000)
    yield


@pytest.mark.parametrize(
    ("query", "limit"),
    [
        ("range x from 1 to 9000 step 1", "5000 records"),
        (
            "range x from 1 to 4000 step 1 | extend t = 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'",
            "100000 bytes",
        ),
    ],
    ids=["rows", "bytes"],
)
def test_too_much_is_cut_and_said(emulator: Emulator, small_limits: None, query: str, limit: str) -> None:
    """Partial data with a PartialError: half a table that looks whole would be a lie."""
    found = ask(emulator, query)

    assert isinstance(found, LogsQueryPartialResult)
    assert found.partial_error is not None and found.partial_error.code == "PartialError"
    assert limit in str(found.partial_error.details)
    assert 0 < len(found.partial_data[0].rows) <= 5_000


def test_half_a_million_rows_are_the_limit_of_log_analytics(emulator: Emulator) -> None:
    """At the limit everything comes; one more and it is partial."""
    whole = get(emulator, "range x from 1 to 500000 step 1")
    partial = get(emulator, "range x from 1 to 500001 step 1")

    assert "error" not in whole and len(whole["tables"][0]["rows"]) == 500_000
    assert partial["error"]["code"] == "PartialError" and len(partial["tables"][0]["rows"]) == 500_000


def test_a_query_that_takes_too_long_is_stopped(emulator: Emulator) -> None:
    """504 after the wait that was asked for; the thread is free again."""
    started_s = time.monotonic()
    error = refused(emulator, ENDLESS, server_timeout=1)

    assert error.status_code == 504
    assert "Gateway timeout" in str(error)
    assert time.monotonic() - started_s < 5
    assert rows(emulator, "print 1") == [[1]]


def test_other_requests_are_served_while_queries_run(emulator: Emulator) -> None:
    """Four endless queries hold four threads, not the event loop; more of them wait their turn."""
    from azure.storage.queue import QueueServiceClient

    account = {"account_name": "devstoreaccount1", "account_key": emulator.account_key}
    with (
        ThreadPoolExecutor(4) as pool,
        QueueServiceClient(
            emulator.storage_endpoint, account, connection_verify=str(emulator.ca_file)
        ) as queues,
    ):
        list(queues.list_queues())
        stuck = [pool.submit(refused, emulator, ENDLESS, server_timeout=2) for _ in range(4)]
        slowest_s = 0.0
        while not all(one.done() for one in stuck):
            started_s = time.monotonic()
            list(queues.list_queues())
            slowest_s = max(slowest_s, time.monotonic() - started_s)
        assert {one.result().status_code for one in stuck} == {504}

    assert slowest_s < 1


def test_a_query_that_needs_too_much_memory_is_partial_and_harms_nothing(emulator: Emulator) -> None:
    """Log Analytics gives up on such a query in the same way."""
    found = ask(
        emulator,
        "range x from 1 to 300000 step 1 | extend k = strcat(tostring(x), strrep('x', 10000)) | summarize make_list(k)",
        server_timeout=60,
    )

    assert isinstance(found, LogsQueryPartialResult)
    assert "memory" in str(found.partial_error and found.partial_error.details)
    assert rows(emulator, "print 1") == [[1]]


# Trouble on the way -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault("monitor.query_workspace", status=429, headers={"Retry-After": "3"}), 429),
        (Fault("monitor.query_workspace", status=403, code="InsufficientAccessError"), 403),
        (Fault("monitor.query_workspace", status=503), 503),
    ],
    ids=["throttled", "forbidden", "down"],
)
def test_scripted_failures_reach_the_client(emulator: Emulator, fault: Fault, status: int) -> None:
    """With the headers that Azure would send."""
    emulator.fail(fault)
    error = refused(emulator, "print 1")

    assert error.status_code == status
    assert error.response is not None
    headers = error.response.headers  # type: ignore[attr-defined]  # every transport's response has them
    assert headers.get("retry-after") == ("3" if status == 429 else None)


def test_a_cut_connection_is_a_cut_connection(emulator: Emulator) -> None:
    """The SDK sees no reply at all."""
    emulator.fail(Fault("monitor.query_workspace", kind="reset"))
    with pytest.raises(ServiceResponseError):
        ask(emulator, "print 1")


def test_many_clients_at_once_get_their_own_answers(emulator: Emulator) -> None:
    """Each query has a cursor, a clock and a time range of its own."""
    track(emulator, [message(str(n)) for n in range(50)])

    def one(number: int) -> list[list[Json]]:
        return rows(emulator, f"AppTraces | where toint(Message) < {number} | count", timedelta(hours=1))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(40))) == [[[number]] for number in range(40)]


def test_the_async_client_is_served_alike(emulator: Emulator) -> None:
    """Pages may use either."""
    from azure.core.credentials import AccessToken
    from azure.monitor.query.aio import LogsQueryClient

    class Credential:
        async def get_token(self, *scopes: str, **_: object) -> AccessToken:
            return AccessToken(emulator.token, int(time.time()) + 3600)

        async def close(self) -> None: ...

        async def __aenter__(self) -> "Credential":
            return self

        async def __aexit__(self, *_: object) -> None: ...

    async def query() -> Json:
        async with LogsQueryClient(
            Credential(), endpoint=emulator.url, connection_verify=str(emulator.ca_file)
        ) as client:
            return await client.query_workspace(emulator.workspace_id, "print 1", timespan=None)

    pytest.importorskip("aiohttp")
    assert asyncio.run(query()).tables[0].rows[0][0] == 1


def get(emulator: Emulator, query: str, timespan: str = "") -> Json:
    """Return the reply to a GET: without an SDK, which takes half a minute for half a million rows."""
    asked = urllib.parse.urlencode({"query": query, "timespan": timespan})
    request = urllib.request.Request(
        f"{emulator.url}/v1/workspaces/{emulator.workspace_id}/query?{asked}",
        headers={"Authorization": f"Bearer {emulator.token}"},
    )
    context = ssl.create_default_context(cafile=str(emulator.ca_file))
    with urllib.request.urlopen(request, timeout=30, context=context) as reply:
        return json.load(reply)


def test_a_request_from_the_command_line_works_too(emulator: Emulator) -> None:
    """GET with query and timespan in the URL, as the REST reference has it."""
    track(emulator, [envelope("EventData", {"name": "x"})])

    assert get(emulator, "AppEvents | project Name", "PT1H")["tables"][0]["rows"] == [["x"]]
