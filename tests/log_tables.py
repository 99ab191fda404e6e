"""Log Analytics tables for tests: the columns the queries use, on DuckDB, asked in KQL through duckdb-kql."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import duckdb
import duckdb_kql

from emulator.monitor.schemas import AUDIT, DUCKDB_TYPES
from services.monitor.catalogue import all_queries
from services.monitor.kql import Value

SPAN_COLUMNS = (
    "TimeGenerated TIMESTAMPTZ, Name VARCHAR, DurationMs DOUBLE, Success BOOLEAN, ResultCode VARCHAR, "
    "OperationId VARCHAR, Id VARCHAR, ParentId VARCHAR, AppRoleName VARCHAR, Properties JSON"
)


class LogTables:
    def __init__(self) -> None:
        self._con = duckdb.connect(config={"threads": 1})
        self._con.execute("set timezone='UTC'")
        for table in ("AppRequests", "AppDependencies"):
            self._con.execute(f"create table {table} ({SPAN_COLUMNS})")
        self._con.execute(
            "create table AppMetrics (TimeGenerated TIMESTAMPTZ, Name VARCHAR, Sum DOUBLE, Min DOUBLE, Max DOUBLE, "
            "ItemCount INTEGER, Properties JSON, AppRoleName VARCHAR)"
        )

        self._con.execute(
            "create table AppTraces (TimeGenerated TIMESTAMPTZ, Message VARCHAR, SeverityLevel INTEGER, "
            "OperationId VARCHAR, Properties JSON)"
        )
        self._con.execute(
            "create table AppExceptions (TimeGenerated TIMESTAMPTZ, ExceptionType VARCHAR, OuterMessage VARCHAR, "
            "InnermostMessage VARCHAR, SeverityLevel INTEGER, OperationId VARCHAR, Properties JSON)"
        )
        self._con.execute("create table AppEvents (TimeGenerated TIMESTAMPTZ, Name VARCHAR, Properties JSON)")
        audit = ", ".join(f'"{name}" {DUCKDB_TYPES[kind]}' for name, kind in AUDIT.stored.items())
        self._con.execute(f"create table {AUDIT.name} ({audit})")

    def add_line(self, at: datetime, message: str, **properties: str) -> None:
        row = [at, message, 1, "op", json.dumps(properties)]
        self._con.execute("insert into AppTraces values (?, ?, ?, ?, ?)", row)

    def add_exception(self, at: datetime, kind: str, message: str, **properties: str) -> None:
        row = [at, kind, message, message, 3, "op", json.dumps(properties)]
        self._con.execute("insert into AppExceptions values (?, ?, ?, ?, ?, ?, ?)", row)

    def add_span(
        self,
        table: str,
        name: str,
        at: datetime,
        took_ms: float,
        *,
        operation: str = "op",
        span: str = "",
        parent: str = "",
        role: str = "relaydeck",
        success: bool = True,
        code: str = "0",
        **properties: str,
    ) -> None:
        """*properties*: with a double underscore for each dot."""
        named = {key.replace("__", "."): value for key, value in properties.items()}
        row = [at, name, took_ms, success, code, operation, span or name, parent, role, json.dumps(named)]
        self._con.execute(f"insert into {table} values ({', '.join('?' * 10)})", row)

    def add_metric(
        self, name: str, at: datetime, value: float, *, extremes: bool = False, **properties: str
    ) -> None:
        """*extremes*: whether it has Min and Max; a gauge comes without."""
        ends = value if extremes else None
        row = [at, name, value, ends, ends, 1, json.dumps(properties), "relaydeck"]
        self._con.execute("insert into AppMetrics values (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def ask(self, name: str, values: Mapping[str, Value]) -> list[dict[str, Any]]:
        """Return the rows of a query of ours, each by its column names."""
        return self.run(all_queries()[name].bound(values))

    def run(self, kql: str) -> list[dict[str, Any]]:
        found = duckdb_kql.query(self._con, kql, allow_write=False)
        return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]

    def close(self) -> None:
        self._con.close()
