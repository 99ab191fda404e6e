"""Overview over a day that holds 1,000,000 spans: its queries against SQL written by hand, and its script's time.

Both sides run inside one process on one file, in turn, over the same 24 hours; every round asks for a range of its
own, so nothing is remembered of the last. The script's time is a whole run of the page by Streamlit's test driver, on
the real services against Local Azure: cold, when nothing has been read yet, and warm, when the workspace's answers
and the queues' are kept. What it does not measure: the browser.
"""

import gc
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bench.monitor import ask, took_ms
from bench.report import emit, header
from emulator.clock import Clock
from emulator.monitor.results import Answerer
from emulator.monitor.schemas import TABLES
from emulator.monitor.service import FILE_NAME
from emulator.monitor.store import Store
from emulator.supervisor import LocalOptions, attach_or_start
from services.monitor.catalogue import all_queries
from services.monitor.kql import Value

if TYPE_CHECKING:
    import duckdb

SPANS, PER_ANSWER, READINGS = 1_000_000, 8, 46_080
ROUNDS, RUNS = 7, 9
RANGE, GRAIN = timedelta(hours=24), timedelta(minutes=15)
GOAL_RATIO, GOAL_COLD_MS, GOAL_WARM_MS = 3.0, 700.0, 120.0
SHELL = Path(__file__).parent.parent / "ui" / "shell.py"
OVERVIEW_TIMEOUT_S = 60
_NUMBER = 'TRY_CAST("Properties"->>\'$."{}"\' AS DOUBLE)'
_TEXT = '"Properties"->>\'$."{}"\''
MODEL, WAIT, FUNCTION = (_NUMBER.format(f"relaydeck.{one}_ms") for one in ("model", "queue_wait", "function"))
TOKENS_IN, TOKENS_OUT = (_NUMBER.format(f"gen_ai.usage.{one}_tokens") for one in ("input", "output"))
ANSWERS = (
    'FROM store."AppRequests" WHERE "Name" = \'answer\' AND "TimeGenerated" < $end AND "TimeGenerated" >= '
)
BY_HAND = {
    "kpis": f"""
        WITH own AS (SELECT "TimeGenerated" >= $start AS now, "DurationMs" d, "ResultCode" r, "Properties" p,
            {WAIT} w, {TOKENS_IN} i, {TOKENS_OUT} o, {_TEXT.format("relaydeck.demo")} demo
            {ANSWERS} $start - ($end - $start))
        SELECT now, count(*), count(*) FILTER (r = 'answered'), count(*) FILTER (r IN ('failed', 'expired')),
            count(*) FILTER (r = 'cancelled'), quantile_disc(d, [0.5, 0.95, 0.99]), count(*) FILTER (w > 0),
            quantile_disc(w, 0.95) FILTER (w > 0), count(*) FILTER (i IS NOT NULL AND o IS NOT NULL), sum(i), sum(o),
            count(*) FILTER (demo = 'true'), max(d), arg_max(p, d) FROM own GROUP BY now""",
    "answers_over_time": f"""
        WITH own AS (SELECT time_bucket(INTERVAL 15 MINUTE, "TimeGenerated") t, "DurationMs" d, "ResultCode" r,
            {MODEL} m, {WAIT} w, {FUNCTION} f, {TOKENS_IN} + {TOKENS_OUT} used {ANSWERS} $start),
        told AS (SELECT *, m IS NOT NULL AND w IS NOT NULL AND f IS NOT NULL AS whole FROM own)
        SELECT t, count(*), count(*) FILTER (r = 'answered'), count(*) FILTER (r = 'failed'),
            count(*) FILTER (r = 'expired'), count(*) FILTER (r = 'cancelled'), quantile_disc(d, [0.5, 0.95, 0.99]),
            count(*) FILTER (w > 0), quantile_disc(w, 0.95) FILTER (w > 0), count(*) FILTER (whole),
            avg(d) FILTER (whole), avg(m) FILTER (whole), avg(w) FILTER (whole), avg(f) FILTER (whole), count(used),
            sum(used) FROM told GROUP BY t ORDER BY t""",
    "attention": f"""
        SELECT {_TEXT.format("relaydeck.problem")} problem, "ResultCode", count(*) n, min("TimeGenerated"),
            max("TimeGenerated"), arg_max("Properties", "TimeGenerated") {ANSWERS} $start
            AND "ResultCode" IN ('failed', 'expired') GROUP BY ALL ORDER BY n DESC LIMIT 10""",
    "queue_history": f"""
        SELECT time_bucket(INTERVAL 15 MINUTE, "TimeGenerated") t, {_TEXT.format("queue")} queue, "Name",
            max(coalesce("Max", "Sum")), count(*) FROM store."AppMetrics" WHERE "TimeGenerated" >= $start
            AND "TimeGenerated" < $end AND "Name" IN ('relaydeck.queue.depth', 'relaydeck.queue.oldest_age_s')
            GROUP BY ALL ORDER BY t, queue""",
}


def main() -> int:
    header("overview", rounds=ROUNDS)
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        state.mkdir()
        now = datetime.now(UTC)
        store = Store(state / FILE_NAME, Clock(), 30 * 86_400)
        store.open()
        store.run(lambda connection: fill(connection, now.replace(tzinfo=None))).result()
        good = measure_queries(store)
        store.close()
        good &= measure_script(state)
    return 0 if good else 1


def fill(connection: "duckdb.DuckDBPyConnection", now: datetime) -> None:
    """Put in a day of answers, an eighth of all spans, with what belongs to them, and the readings of eight queues."""
    answers, others = SPANS // PER_ANSWER, SPANS - SPANS // PER_ANSWER
    began = now - RANGE
    _insert(connection, "AppRequests", began, answers, {
        "Name": "'answer'",
        "Id": "printf('%016x', i)",
        "OperationId": "printf('%032x', i)",
        "AppRoleName": "'relaydeck'",
        "DurationMs": "400 + hash(i) % 9000",
        "Success": "i % 50 <> 0",
        "ResultCode": "CASE WHEN i % 50 = 0 THEN 'failed' WHEN i % 333 = 0 THEN 'expired' ELSE 'answered' END",
        "Properties": """json_object('relaydeck.answer.id', 'ans_' || i, 'relaydeck.run.id', 'run_' || i,
            'gen_ai.conversation.id', 'thread_' || i // 3, 'relaydeck.outcome', 'answered', 'relaydeck.model_ms',
            (hash(i) % 4000)::VARCHAR, 'relaydeck.queue_wait_ms', (hash(i + 1) % 2000)::VARCHAR,
            'relaydeck.function_ms', (hash(i + 2) % 900)::VARCHAR, 'gen_ai.usage.input_tokens', '700',
            'gen_ai.usage.output_tokens', (i % 300)::VARCHAR, 'relaydeck.problem',
            CASE WHEN i % 50 = 0 THEN 'The function failed ' || (i % 7) ELSE '' END)""",
    })  # fmt: skip
    _insert(connection, "AppDependencies", began, others, {
        "Name": "'invoke_agent agent_' || (i % 9)",
        "Id": "printf('%016x', i + 1000000)",
        "ParentId": "printf('%016x', i // 7)",
        "OperationId": "printf('%032x', i // 7)",
        "DurationMs": "hash(i) % 3000",
        "Success": "true",
        "Properties": "json_object('gen_ai.agent.name', 'agent_' || (i % 9), 'relaydeck.run.id', 'run_' || i // 7)",
    })  # fmt: skip
    _insert(connection, "AppMetrics", began, READINGS, {
        "Name": "CASE WHEN i % 2 = 0 THEN 'relaydeck.queue.depth' ELSE 'relaydeck.queue.oldest_age_s' END",
        "Max": "hash(i) % 40",
        "Min": "0",
        "Sum": "hash(i) % 40",
        "Properties": "json_object('queue', 'azure-function-tool' || (i // 2 % 4) || '-input')",
    })  # fmt: skip
    connection.execute("CHECKPOINT")


def _insert(
    connection: "duckdb.DuckDBPyConnection", table: str, began: datetime, rows: int, values: dict[str, str]
) -> None:
    step = f"INTERVAL {int(RANGE.total_seconds() * 1e6)} MICROSECOND"
    given = {
        "TimeGenerated": f"TIMESTAMP '{began}' + {step} * (i / {rows})",
        "_TimeReceived": f"TIMESTAMP '{began}' + {step}",
        "ItemCount": "1",
        **values,
    }
    empty = {"string": "''"}
    columns = ", ".join(
        f'{given.get(name) or empty.get(kind, "NULL")} AS "{name}"'
        for name, kind in TABLES[table].stored.items()
    )
    connection.execute(f'INSERT INTO store."{table}" SELECT {columns} FROM range({rows}) t(i)')


def measure_queries(store: Store) -> bool:
    answerer, good = Answerer(store), True
    for name, sql in BY_HAND.items():
        ours: list[float] = []
        plain: list[float] = []
        for round_number in range(ROUNDS + 1):
            end = datetime.now(UTC)
            start = end - RANGE + timedelta(seconds=1)
            query = all_queries()[name]
            wanted: dict[str, Value] = {"start": start, "end": end, "grain": GRAIN, "queues": []}
            text = query.bound({one: wanted[one] for one in query.parameters})
            took = took_ms(lambda text=text: ask(answerer, text))  # type: ignore[misc]  # bound now
            by_hand = took_ms(lambda sql=sql, start=start, end=end: run(store, sql, start, end))  # type: ignore[misc]  # bound now
            if round_number:  # the first warms both
                ours.append(took)
                plain.append(by_hand)
        ratios = [one / other for one, other in zip(ours, plain, strict=True)]
        emit(f"overview.kql.{name}", statistics.median(ours), "ms", None, ours)
        emit(f"overview.sql.{name}", statistics.median(plain), "ms", None, plain)
        ratio = statistics.median(ratios)
        good &= emit(f"overview.kql_to_sql.{name}", ratio, "ratio", GOAL_RATIO, ratios, lower_is_better=True)
    answerer.close()
    return good


def run(store: Store, sql: str, start: datetime, end: datetime) -> None:
    cursor = store.cursor()
    try:
        cursor.execute(sql, {"start": start.replace(tzinfo=None), "end": end.replace(tzinfo=None)}).fetchall()
    finally:
        cursor.close()


def measure_script(state: Path) -> bool:
    import streamlit as st
    from streamlit.testing.v1 import AppTest

    import runtime

    azure = attach_or_start(LocalOptions(state))
    started = runtime.start({"RELAYDECK_STATE_DIR": str(state), "RELAYDECK_SEED": "off"})
    started.wait_warm()
    cold: list[float] = []
    warm: list[float] = []
    try:
        page = AppTest.from_file(str(SHELL), default_timeout=OVERVIEW_TIMEOUT_S)
        page.query_params["range"], page.query_params["refresh"] = "24h", "30s"
        page.run()
        page.switch_page(str(SHELL.parents[1] / "pages" / "overview.py")).run()  # imports plotly, which the process does once
        runtime.freeze()
        for _ in range(RUNS):
            time.sleep(5.1)  # what was read is kept for five seconds
            st.cache_resource.clear()
            cold.append(took_ms(page.run))
            warm.append(took_ms(page.run))
            if page.exception:
                raise RuntimeError(str(page.exception[0].value))
    finally:
        started.close()
        azure.stop()
        gc.unfreeze()
    return all([
        emit("overview.script_cold", statistics.median(cold), "ms", GOAL_COLD_MS, cold, lower_is_better=True),
        emit("overview.script_warm", statistics.median(warm), "ms", GOAL_WARM_MS, warm, lower_is_better=True),
    ])  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
