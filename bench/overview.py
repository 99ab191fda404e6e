"""Overview with 1,000,000 spans stored: each of its queries against hand-written SQL, and how long its script takes.

Queries: KQL and SQL for the same rows in turn, inside one process, over one hour and over a day of them. Script: the
whole page by Streamlit's own test runner against Local Azure in its own process, over an hour; cold is with nothing
read before and plotly not imported, warm is a press within the refresh. Not measured: the browser, which `click` and
`pages` do, and the Azure SDK's import, which a start pays once.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import streamlit as st  # before the runtime, whose threads import pandas: plotly would meet a half of it
from streamlit.testing.v1 import AppTest

from bench.monitor import ask, by_hand, took_ms
from bench.report import emit, header
from emulator.clock import Clock
from emulator.monitor.results import Answerer
from emulator.monitor.schemas import DEPENDENCIES, TABLES
from emulator.monitor.service import FILE_NAME
from emulator.monitor.store import Store
from emulator.supervisor import ROOT, LocalOptions, attach_or_start
from services.monitor.catalogue import all_queries
from services.monitor.kql import Value

SPANS, ANSWERS, READINGS, ROUNDS, WARM_ROUNDS = 1_000_000, 100_000, 115_000, 5, 20
GOAL_RATIO, GOAL_COLD_MS, GOAL_WARM_MS = 3.0, 700.0, 120.0
RANGES = {
    "hour": (timedelta(hours=1), timedelta(minutes=1)),
    "day": (timedelta(days=1), timedelta(minutes=15)),
}
PAGE_TIMEOUT_S = 60
WAIT_S = "20"  # a page that shows what has come by then would be measured without the rest
EMPTY = {"string": "''"}
ANSWER = (
    'store."AppRequests" WHERE "TimeGenerated" >= $start AND "TimeGenerated" < $end AND "Name" = \'answer\''
)
PERCENTILES = ", ".join(f'quantile_disc("DurationMs", 0.{part}) p{part}' for part in (50, 95, 99))


def real(name: str) -> str:
    return f'TRY_CAST("Properties"->>\'$."{name}"\' AS DOUBLE)'


MODEL, WAIT, FUNCTION, READ, WRITTEN = (
    real(name)
    for name in (
        "relaydeck.model_ms",
        "relaydeck.queue_wait_ms",
        "relaydeck.function_ms",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
    )
)
WAITED = "count(*) FILTER (w > 0) waited, quantile_disc(w, 0.95) FILTER (w > 0) wait_p95"
SQL: Mapping[str, str] = {
    "kpis": f"""
        SELECT p, count(*) n, count(*) FILTER ("ResultCode" = 'answered') ok,
            count(*) FILTER ("ResultCode" IN ('failed', 'expired')) bad, count(*) FILTER ("ResultCode" = 'cancelled') c,
            {PERCENTILES}, {WAITED}, count(*) FILTER (i IS NOT NULL AND o IS NOT NULL) counted, sum(i) i, sum(o) o,
            count(*) FILTER ("Properties"->>'$."relaydeck.demo"' = 'true') demo,
            max("DurationMs"), arg_max("Properties", "DurationMs") slowest
        FROM (SELECT *, "TimeGenerated" >= $middle p, {WAIT} w, {READ} i, {WRITTEN} o FROM {ANSWER}) GROUP BY p""",
    "answers_over_time": f"""
        SELECT time_bucket($grain, "TimeGenerated") t, count(*) n, count(*) FILTER ("ResultCode" = 'answered') a,
            count(*) FILTER ("ResultCode" = 'failed') f, count(*) FILTER ("ResultCode" = 'expired') e,
            count(*) FILTER ("ResultCode" = 'cancelled') c, {PERCENTILES}, {WAITED},
            count(*) FILTER (k) measured, avg("DurationMs") FILTER (k) whole, avg(m) FILTER (k) m,
            avg(w) FILTER (k) w, avg(x) FILTER (k) x, count(u) counted, sum(u) u
        FROM (SELECT *, m IS NOT NULL AND w IS NOT NULL AND x IS NOT NULL k FROM (
            SELECT *, {MODEL} m, {WAIT} w, {FUNCTION} x, {READ} + {WRITTEN} u FROM {ANSWER})) GROUP BY t ORDER BY t""",
    "attention": f"""
        SELECT "Properties"->>'$."relaydeck.problem"' p, "ResultCode" r, count(*) n, min("TimeGenerated") oldest,
            max("TimeGenerated") newest, arg_max("Properties", "TimeGenerated") one
        FROM {ANSWER} AND "ResultCode" IN ('failed', 'expired') GROUP BY ALL ORDER BY n DESC LIMIT 10""",
    "queue_history": """
        SELECT time_bucket($grain, "TimeGenerated") t, "Properties"->>'$.queue' q, "Name" m,
            max(coalesce("Max", "Sum")) highest, count(*) n
        FROM store."AppMetrics" WHERE "TimeGenerated" >= $start AND "TimeGenerated" < $end
            AND "Name" IN ('relaydeck.queue.depth', 'relaydeck.queue.oldest_age_s') GROUP BY ALL ORDER BY t, q""",
}


def main() -> int:
    header("overview", rounds=ROUNDS)
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        good = measure_queries(state)
        good &= measure_page(state)
    return 0 if good else 1


# Queries ----------------------------------------------------------------------------------------------


def measure_queries(state: Path) -> bool:
    state.mkdir()
    store = Store(state / FILE_NAME, Clock(), 30 * 86_400)
    store.open()
    now = datetime.now(UTC).replace(tzinfo=None)
    store.run(lambda connection: fill(connection, now)).result()
    answerer, good = Answerer(store), True
    for word, (span, grain) in RANGES.items():
        for name in SQL:
            good &= compare(store, answerer, name, word, now, span, grain)
    answerer.close()
    store.close()
    return good


def compare(
    store: Store, answerer: Answerer, name: str, word: str, now: datetime, span: timedelta, grain: timedelta
) -> bool:
    query, end = all_queries()[name], now.replace(tzinfo=UTC)
    given: dict[str, Value] = {"start": end - span, "end": end, "grain": grain, "queues": []}
    kql = query.bound({key: given[key] for key in query.parameters})
    sql = filled(SQL[name], now, span, grain, twice=name == "kpis")
    ours, plain = [], []
    ask(answerer, kql)
    for _ in range(ROUNDS):
        ours.append(took_ms(lambda: ask(answerer, kql)))
        plain.append(took_ms(lambda: by_hand(store, sql, now)))
    ratios = [one / other for one, other in zip(ours, plain, strict=True)]
    emit(f"overview.kql.{name}_{word}", statistics.median(ours), "ms", None, ours)
    figure = f"overview.kql_to_sql.{name}_{word}"
    return emit(figure, statistics.median(ratios), "ratio", GOAL_RATIO, ratios, lower_is_better=True)


def filled(sql: str, now: datetime, span: timedelta, grain: timedelta, *, twice: bool) -> str:
    middle = now - span
    values = {
        "$start": f"TIMESTAMP '{middle - span if twice else middle}'",
        "$end": f"TIMESTAMP '{now}'",
        "$middle": f"TIMESTAMP '{middle}'",
        "$grain": f"INTERVAL {int(grain.total_seconds())} SECOND",
    }
    for name, value in values.items():
        sql = sql.replace(name, value)
    return sql


def fill(connection: "object", now: datetime) -> None:
    """Put SPANS spans of the last 24 hours into the tables, a tenth of them answers, and a reading each 15 s."""
    import duckdb

    assert isinstance(connection, duckdb.DuckDBPyConnection)
    bag = {
        "relaydeck.answer.id": "'ans_' || i",
        "relaydeck.outcome": "'answered'",
        "relaydeck.problem": "CASE WHEN i % 50 = 0 THEN 'The function is silent' ELSE '' END",
        "gen_ai.conversation.id": "'thread_' || i",
        "relaydeck.run.id": "'run_' || i",
        "gen_ai.agent.name": "'orchestrator'",
        "gen_ai.request.model": "'gpt-4o'",
        "gen_ai.usage.input_tokens": "(i % 700)::VARCHAR",
        "gen_ai.usage.output_tokens": "(i % 70)::VARCHAR",
        "relaydeck.model_ms": "(i % 500)::VARCHAR",
        "relaydeck.queue_wait_ms": "(i % 3000)::VARCHAR",
        "relaydeck.function_ms": "(i % 90)::VARCHAR",
    }
    packed = ", ".join(f"'{name}', {value}" for name, value in bag.items())
    code = "CASE WHEN i % 50 = 0 THEN 'failed' ELSE 'answered' END"
    span = {"DurationMs": "hash(i) % 20000 / 7.0", "Success": "i % 50 <> 0", "ResultCode": code}
    put(
        connection,
        "AppRequests",
        ANSWERS * 2,
        now,
        {
            **span,
            "Name": "CASE WHEN i % 2 = 0 THEN 'answer' ELSE 'foo' END",
            "Properties": f"json_object({packed})",
        },
    )
    others = {
        **span,
        "Name": "'chat gpt-4o'",
        "Properties": "json_object('relaydeck.answer.id', 'ans_' || i)",
    }
    put(connection, DEPENDENCIES.name, SPANS - ANSWERS * 2, now, others)
    metric = "CASE WHEN i % 2 = 0 THEN 'relaydeck.queue.depth' ELSE 'relaydeck.queue.oldest_age_s' END"
    queue = "json_object('queue', 'azure-function-foo-' || (i % 10) || '-input')"
    put(
        connection,
        "AppMetrics",
        READINGS,
        now,
        {"Name": metric, "Sum": "(i % 9)::DOUBLE", "Properties": queue},
    )
    connection.execute("CHECKPOINT")


def put(connection: "object", name: str, rows: int, now: datetime, values: Mapping[str, str]) -> None:
    import duckdb

    assert isinstance(connection, duckdb.DuckDBPyConnection)
    given = {
        "TimeGenerated": f"TIMESTAMP '{now - timedelta(days=1)}' + i * INTERVAL 86400000 MICROSECOND / {rows} * 1000",
        "_TimeReceived": f"TIMESTAMP '{now}'",
        "OperationId": "printf('%032x', i)",
        "ItemCount": "1",
        "Id": "printf('%016x', i)",
        **values,
    }
    columns = ", ".join(
        f'{given.get(column) or EMPTY.get(kind, "NULL")} AS "{column}"'
        for column, kind in TABLES[name].stored.items()
    )
    connection.execute(f'INSERT INTO store."{name}" SELECT {columns} FROM range({rows}) t(i)')


# The page ---------------------------------------------------------------------------------------------


def measure_page(state: Path) -> bool:
    import runtime

    azure = attach_or_start(LocalOptions(state))
    try:
        running = runtime.start({"RELAYDECK_STATE_DIR": str(state), "RELAYDECK_PAGE_WAIT_S": WAIT_S})
        running.wait_warm()
        cold, warm = page_times()
        running.close()
    finally:
        azure.stop()
    good = emit(
        "overview.script_cold", statistics.median(cold), "ms", GOAL_COLD_MS, cold, lower_is_better=True
    )
    return (
        emit("overview.script_warm", statistics.median(warm), "ms", GOAL_WARM_MS, warm, lower_is_better=True)
        and good
    )


def page_times() -> tuple[Sequence[float], Sequence[float]]:
    """Return how long the page took with nothing read before, and again within its refresh."""
    import runtime
    from ui import first_paint

    first_paint.TEXT_S = first_paint.CHARTS_S = 0.0  # no browser is there to tell what it shows
    cold: list[float] = []
    for _ in range(ROUNDS):
        st.cache_resource.clear()
        logs = runtime.current().services.logs
        assert logs is not None
        logs._kept.clear()
        page = AppTest.from_file(str(ROOT / "ui" / "shell.py"), default_timeout=PAGE_TIMEOUT_S)
        page.query_params["refresh"] = "30s"
        page.switch_page(str(ROOT / "pages" / "overview.py"))
        cold.append(took_ms(page.run))
        assert not page.exception and len(page.get("plotly_chart")) == 4, "the page is not whole"
        time.sleep(0.5)  # the check of health that a first page starts ends meanwhile
    runtime.freeze()
    warm = [took_ms(page.run) for _ in range(WARM_ROUNDS)]
    return cold, warm


if __name__ == "__main__":
    sys.exit(main())
