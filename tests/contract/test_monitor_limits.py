"""KQL through the real LogsQueryClient when it is too much, takes too long, or meets trouble on the way."""

import json
import ssl
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from azure.core.exceptions import ServiceResponseError
from azure.monitor.query import LogsQueryPartialResult

from emulator.faults import Fault
from emulator.monitor import results
from emulator.server import Emulator
from tests.contract.monitor_support import Json, ask, envelope, message, refused, rows, track

# Some 10^9 pairs: takes minutes unless it is stopped.
ENDLESS = (
    "range a from 1 to 100000 step 1 | extend k = 1 | join kind=inner (range b from 1 to 100000 step 1 | extend k = 1)"
    " on k | where a * b == 7 | count"
)


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
    assert time.monotonic() - started_s < 30
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

    assert slowest_s < 10


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
