"""The local Azure Monitor: how fast telemetry goes in and can be queried, and what KQL costs over plain SQL.

Ingestion is the whole HTTP path, envelopes as the exporter writes them, four connections. Queries run on 1,000,000
spans over 24 hours, KQL and hand-written SQL for the same result in turn, both inside one process. What it does not
measure: the SDK's own time, concurrent writing and reading, the first query of a shape (the translator's cold start).
"""

import http.client
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.report import emit, header
from emulator.monitor.results import Answerer, Question
from emulator.monitor.schemas import DEPENDENCIES
from emulator.monitor.store import Store
from emulator.server import Emulator, EmulatorSettings

CONNECTIONS, ITEMS, REQUESTS, ROUNDS = 4, 500, 16, 5
SPANS = 1_000_000
GOAL_SPANS, GOAL_VISIBLE_S, GOAL_RATIO = 5_000, 2.0, 3.0
PAIRS: dict[str, tuple[str, str]] = {
    "kpis_last_hour": (
        "AppDependencies | where TimeGenerated > ago(1h) | summarize n = sum(ItemCount),"
        " failed = countif(Success == false), p50 = percentile(DurationMs, 50), p95 = percentile(DurationMs, 95)",
        'SELECT sum("ItemCount") n, count(*) FILTER (NOT "Success") failed, quantile_disc("DurationMs", 0.5) p50,'
        ' quantile_disc("DurationMs", 0.95) p95 FROM store."AppDependencies"'
        ' WHERE "TimeGenerated" > $now - INTERVAL 1 HOUR',
    ),
    "rate_by_minute": (
        "AppDependencies | summarize n = sum(ItemCount), failed = countif(Success == false) by bin(TimeGenerated, 1m), Name",
        'SELECT time_bucket(INTERVAL 1 MINUTE, "TimeGenerated") t, "Name", sum("ItemCount") n,'
        ' count(*) FILTER (NOT "Success") failed FROM store."AppDependencies" GROUP BY ALL',
    ),
    "latency_percentiles": (
        "AppDependencies | summarize p50 = percentile(DurationMs, 50), p95 = percentile(DurationMs, 95),"
        " p99 = percentile(DurationMs, 99) by bin(TimeGenerated, 15m)",
        'SELECT time_bucket(INTERVAL 15 MINUTE, "TimeGenerated") t, quantile_disc("DurationMs", 0.5) p50,'
        ' quantile_disc("DurationMs", 0.95) p95, quantile_disc("DurationMs", 0.99) p99'
        ' FROM store."AppDependencies" GROUP BY ALL',
    ),
    "by_agent": (
        'AppDependencies | extend agent = tostring(Properties["gen_ai.agent.id"])'
        " | summarize runs = count(), avg(DurationMs) by agent",
        'SELECT "Properties"->>\'$."gen_ai.agent.id"\' agent, count(*) runs, avg("DurationMs") a'
        ' FROM store."AppDependencies" GROUP BY ALL',
    ),
    "tokens": (
        'AppDependencies | summarize tokens = sum(tolong(tostring(Properties["gen_ai.usage.output_tokens"])))'
        " by bin(TimeGenerated, 1h)",
        'SELECT time_bucket(INTERVAL 1 HOUR, "TimeGenerated") t,'
        ' sum(TRY_CAST("Properties"->>\'$."gen_ai.usage.output_tokens"\' AS BIGINT)) tokens'
        ' FROM store."AppDependencies" GROUP BY ALL',
    ),
    "slowest": (
        "AppDependencies | top 20 by DurationMs desc | project TimeGenerated, Name, DurationMs, OperationId",
        'SELECT "TimeGenerated", "Name", "DurationMs", "OperationId" FROM store."AppDependencies"'
        ' ORDER BY "DurationMs" DESC LIMIT 20',
    ),
    "outcomes": (
        "AppDependencies | summarize n = count() by ResultCode, Success",
        'SELECT "ResultCode", "Success", count(*) n FROM store."AppDependencies" GROUP BY ALL',
    ),
}


def main() -> int:
    header("monitor", rounds=ROUNDS)
    with tempfile.TemporaryDirectory() as folder:
        good = measure_ingestion(Path(folder) / "in")
        good &= measure_queries(Path(folder) / "out")
    return 0 if good else 1


# Ingestion --------------------------------------------------------------------------------------------


def measure_ingestion(state: Path) -> bool:
    with Emulator(EmulatorSettings(state=state)) as emulator:
        emulator.monitor._store.opened.wait()
        send(emulator.http_port, body("warm", 1))
        accepted, visible = [], []
        for number in range(ROUNDS):
            rate, lag_s = one_round(emulator, f"round {number}")
            accepted.append(rate)
            visible.append(lag_s)
    good = emit("monitor.spans_accepted", statistics.median(accepted), "spans/s", GOAL_SPANS, accepted)
    return (
        emit(
            "monitor.visible_after",
            statistics.median(visible),
            "s",
            GOAL_VISIBLE_S,
            visible,
            lower_is_better=True,
        )
        and good
    )


def one_round(emulator: Emulator, name: str) -> tuple[float, float]:
    """Return spans/s accepted, and the seconds from the last answer until all of them are in a query's result."""
    data = body(name, ITEMS)
    threads = [threading.Thread(target=send_all, args=[emulator.http_port, data]) for _ in range(CONNECTIONS)]
    started_s = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent_s = time.perf_counter()
    total = CONNECTIONS * REQUESTS * ITEMS
    answerer = Answerer(emulator.monitor._store)
    query = f"AppDependencies | where Name == '{name}' | count"
    while count(answerer, query) < total:
        time.sleep(0.01)
    lag_s = time.perf_counter() - sent_s
    answerer.close()
    return total / (sent_s - started_s), lag_s


def send_all(port: int, data: bytes) -> None:
    for _ in range(REQUESTS):
        send(port, data)


def send(port: int, data: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/v2.1/track", data, {"Content-Type": "application/json"})
    reply = connection.getresponse()
    document = json.load(reply)
    connection.close()
    assert reply.status == 200, document


def count(answerer: Answerer, query: str) -> int:
    found = ask(answerer, query)
    rows = json.loads(found)["tables"][0]["rows"]
    return int(rows[0][0])


def body(name: str, items: int) -> bytes:
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    properties = {
        "gen_ai.agent.id": "asst_1",
        "gen_ai.operation.name": "process_thread_run",
        "relaydeck": "x" * 80,
    }
    item = {
        "ver": 1,
        "name": "Microsoft.ApplicationInsights.RemoteDependency",
        "time": at,
        "sampleRate": 100.0,
        "iKey": "00000000-0000-0000-0000-000000000000",
        "tags": {
            "ai.operation.id": "a" * 32,
            "ai.operation.parentId": "b" * 16,
            "ai.cloud.role": "relaydeck",
        },
        "data": {
            "baseType": "RemoteDependencyData",
            "baseData": {
                "ver": 2,
                "id": "c" * 16,
                "name": name,
                "duration": "0.00:00:01.250",
                "success": True,
                "type": "GenAI | az.ai.agents",
                "target": "az.ai.agents",
                "properties": properties,
            },
        },
    }
    return json.dumps([item] * items).encode()


# Queries ----------------------------------------------------------------------------------------------


def measure_queries(state: Path) -> bool:
    from emulator.clock import Clock

    store = Store(state / "monitor.duckdb", Clock(), 30 * 86_400)
    store.open()
    now = datetime.now(UTC).replace(tzinfo=None)
    store.run(lambda connection: fill(connection, now)).result()
    answerer = Answerer(store)
    good = True
    for name, (kql, sql) in PAIRS.items():
        ours, plain = [], []
        ask(answerer, kql)
        for _ in range(ROUNDS):
            ours.append(took_ms(lambda text=kql: ask(answerer, text)))  # type: ignore[misc]  # bound now
            plain.append(took_ms(lambda text=sql: by_hand(store, text, now)))  # type: ignore[misc]  # bound now
        ratios = [one / other for one, other in zip(ours, plain, strict=True)]
        emit(f"monitor.kql.{name}", statistics.median(ours), "ms", None, ours)
        emit(f"monitor.sql.{name}", statistics.median(plain), "ms", None, plain)
        good &= emit(
            f"monitor.kql_to_sql.{name}",
            statistics.median(ratios),
            "ratio",
            GOAL_RATIO,
            ratios,
            lower_is_better=True,
        )
    least = [took_ms(lambda: ask(answerer, "AppDependencies | take 1 | count")) for _ in range(20)]
    emit("monitor.kql.least", statistics.median(least), "ms", None, least)
    answerer.close()
    cold = [not_remembered_ms(store, PAIRS["rate_by_minute"][0]) for _ in range(ROUNDS)]
    emit("monitor.kql.rate_by_minute_not_remembered", statistics.median(cold), "ms", None, cold)
    opening = []
    for _ in range(3):
        store.close()
        started_s = time.perf_counter()
        store = Store(state / "monitor.duckdb", Clock(), 30 * 86_400)
        store.open()
        store.opened.wait()
        opening.append((time.perf_counter() - started_s) * 1000)
    emit("monitor.open_and_check", statistics.median(opening), "ms", None, opening)
    store.close()
    return good


def fill(connection: "object", now: datetime) -> None:
    """Put SPANS spans of the last 24 hours into AppDependencies, in the order of their time."""
    import duckdb

    assert isinstance(connection, duckdb.DuckDBPyConnection)
    values = {
        "TimeGenerated": f"TIMESTAMP '{now - timedelta(days=1)}' + i * INTERVAL 86400000 MICROSECOND / {SPANS} * 1000",
        "_TimeReceived": f"TIMESTAMP '{now}'",
        "OperationId": "printf('%032x', i // 8)",
        "ParentId": "printf('%016x', i // 2)",
        "ItemCount": "1",
        "Id": "printf('%016x', i)",
        "Name": "'operation ' || (i * 7919 % 12)",
        "DurationMs": "hash(i) % 20000 / 7.0",
        "Success": "i % 50 <> 0",
        "ResultCode": "CASE WHEN i % 50 = 0 THEN '500' ELSE '200' END",
        "DependencyType": "'GenAI | az.ai.agents'",
        "Target": "'az.ai.agents'",
        "Data": "''",
        "Properties": "json_object('gen_ai.agent.id', 'asst_' || (i % 9), 'gen_ai.usage.output_tokens', (i % 700)::VARCHAR)",
    }
    columns = ", ".join(
        f'{values.get(name) or ("NULL" if kind == "dynamic" else repr(""))} AS "{name}"'
        for name, kind in DEPENDENCIES.stored.items()
    )
    connection.execute(f'INSERT INTO store."AppDependencies" SELECT {columns} FROM range({SPANS}) t(i)')
    connection.execute("CHECKPOINT")


def ask(answerer: Answerer, text: str) -> bytes:
    return answerer.answer(Question(text, None, 60), datetime.now(UTC).replace(tzinfo=None))


def not_remembered_ms(store: Store, text: str) -> float:
    """Return what a query takes whose text was not asked before: with its translation."""
    answerer = Answerer(store)
    ask(answerer, "print 1")
    took = took_ms(lambda: ask(answerer, text))
    answerer.close()
    return took


def by_hand(store: Store, sql: str, now: datetime) -> None:
    cursor = store.cursor()
    try:
        parameters = {"now": now} if "$now" in sql else {}
        cursor.execute(sql, parameters).fetchall()
    finally:
        cursor.close()


def took_ms(work: Callable[[], object]) -> float:
    started_s = time.perf_counter()
    work()
    return (time.perf_counter() - started_s) * 1000


if __name__ == "__main__":
    sys.exit(main())
