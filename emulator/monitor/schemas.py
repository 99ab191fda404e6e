"""The tables of Log Analytics: columns, types, and how they lie in DuckDB. Application Insights fills all but the custom one.

Source: learn.microsoft.com/azure/azure-monitor/reference/tables-index (Application Insights) and
learn.microsoft.com/azure/azure-monitor/logs/log-standard-columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

KqlType = Literal["string", "datetime", "real", "int", "long", "bool", "dynamic"]
Columns = Mapping[str, KqlType]

WORKSPACE_ID = "00000000-0000-0000-0000-00000000000a"
COMPONENT_ID = (
    "/subscriptions/local/resourceGroups/local/providers/microsoft.insights/components/local-insights"
)
DUCKDB_TYPES: Mapping[str, str] = {
    "string": "VARCHAR",
    "datetime": "TIMESTAMP",
    "real": "DOUBLE",
    "int": "INTEGER",
    "long": "BIGINT",
    "bool": "BOOLEAN",
    "dynamic": "JSON",
}
# What every item carries. The order is the order in which envelopes.py writes a row.
COMMON: Columns = {
    "TimeGenerated": "datetime",
    "_TimeReceived": "datetime",
    "OperationId": "string",
    "ParentId": "string",
    "OperationName": "string",
    "AppRoleName": "string",
    "AppRoleInstance": "string",
    "AppVersion": "string",
    "IKey": "string",
    "SDKVersion": "string",
    "SyntheticSource": "string",
    "SessionId": "string",
    "UserId": "string",
    "UserAuthenticatedId": "string",
    "UserAccountId": "string",
    "ClientType": "string",
    "ClientModel": "string",
    "ClientOS": "string",
    "ClientIP": "string",
    "ItemCount": "int",
    "Properties": "dynamic",
    "Measurements": "dynamic",
}
# The same on every row of a workspace that has one component, so nothing is stored: (type, SQL).
CONSTANT: Mapping[str, tuple[KqlType, str]] = {
    "TenantId": ("string", f"'{WORKSPACE_ID}'"),
    "ClientCity": ("string", "''"),
    "ClientStateOrProvince": ("string", "''"),
    "ClientCountryOrRegion": ("string", "''"),
    "ClientBrowser": ("string", "''"),
    "ReferencedItemId": ("string", "''"),
    "ReferencedType": ("string", "''"),
    "ResourceGUID": ("string", "''"),
    "SourceSystem": ("string", "'Azure'"),
    "_ResourceId": ("string", f"'{COMPONENT_ID}'"),
    "_SubscriptionId": ("string", "'local'"),
    "_IsBillable": ("string", "'False'"),
    "_BilledSize": ("real", "NULL::DOUBLE"),
}
BUCKETS: Sequence[tuple[float, str]] = (
    (250, "<250ms"),
    (500, "250ms-500ms"),
    (1_000, "500ms-1sec"),
    (3_000, "1sec-3sec"),
    (7_000, "3sec-7sec"),
    (15_000, "7sec-15sec"),
    (30_000, "15sec-30sec"),
    (60_000, "30sec-1min"),
    (120_000, "1min-2min"),
    (300_000, "2min-5min"),
)
PERFORMANCE_BUCKET = (
    "CASE "
    + " ".join(f"WHEN DurationMs < {edge} THEN '{name}'" for edge, name in BUCKETS)
    + " ELSE '>=5min' END"
)


@dataclass(frozen=True, slots=True)
class Table:
    """One table. *own*: its columns beside *common*; *computed*: (type, SQL) of those that follow from others.

    *constant*: the same of those that have one value in every row.
    """

    name: str
    own: Columns
    computed: Mapping[str, tuple[KqlType, str]] = field(default_factory=dict)
    common: Columns = field(default_factory=lambda: COMMON)
    constant: Mapping[str, tuple[KqlType, str]] = field(default_factory=lambda: CONSTANT)

    @property
    def stored(self) -> Columns:
        """Return the columns that lie on disk, in the order of a row."""
        return {**self.common, **self.own}

    @property
    def columns(self) -> Columns:
        """Return every column that a query sees."""
        return {**self.stored, **{name: kind for name, (kind, _) in self._derived().items()}}

    def _derived(self) -> Mapping[str, tuple[KqlType, str]]:
        return {**self.computed, **self.constant, "Type": ("string", f"'{self.name}'")}

    def create_sql(self) -> str:
        """Return the statement that makes the table, in schema `store`."""
        stored = ", ".join(f'"{name}" {DUCKDB_TYPES[kind]}' for name, kind in self.stored.items())
        return f'CREATE TABLE IF NOT EXISTS store."{self.name}" ({stored})'

    def view_sql(self) -> str:
        """Return the statement that makes what a query sees: every column, the rows from `since` to `until`."""
        derived = ", ".join(f'{sql} AS "{name}"' for name, (_, sql) in self._derived().items())
        return (
            f'CREATE TEMP VIEW "{self.name}" AS SELECT *, {derived} FROM store."{self.name}"'  # noqa: S608 - our own names
            " WHERE \"TimeGenerated\" >= getvariable('since') AND \"TimeGenerated\" < getvariable('until')"
        )


_CALL: Columns = {
    "Id": "string",
    "Name": "string",
    "DurationMs": "real",
    "Success": "bool",
    "ResultCode": "string",
}
_BUCKET: Mapping[str, tuple[KqlType, str]] = {"PerformanceBucket": ("string", PERFORMANCE_BUCKET)}
REQUESTS = Table("AppRequests", {**_CALL, "Source": "string", "Url": "string"}, _BUCKET)
DEPENDENCIES = Table(
    "AppDependencies", {**_CALL, "DependencyType": "string", "Target": "string", "Data": "string"}, _BUCKET
)
TRACES = Table("AppTraces", {"Message": "string", "SeverityLevel": "int"})
EVENTS = Table("AppEvents", {"Name": "string"})
METRICS = Table("AppMetrics", {"Name": "string", "Sum": "real", "Min": "real", "Max": "real"})
EXCEPTIONS = Table(
    "AppExceptions",
    {
        "ProblemId": "string",
        "HandledAt": "string",
        "ExceptionType": "string",
        "Assembly": "string",
        "Method": "string",
        "OuterType": "string",
        "OuterMessage": "string",
        "OuterAssembly": "string",
        "OuterMethod": "string",
        "InnermostType": "string",
        "InnermostMessage": "string",
        "InnermostAssembly": "string",
        "InnermostMethod": "string",
        "SeverityLevel": "int",
        "Details": "dynamic",
    },
)
# A custom table, as a data collection rule writes it: the columns that its owner declared, and the standard ones.
AUDIT = Table(
    "RelaydeckAudit_CL",
    {
        "At": "string",
        "ChainId": "string",
        "Seq": "long",
        "Kind": "string",
        "RecordId": "string",
        "Environment": "string",
        "ActorId": "string",
        "ActorName": "string",
        "ActorTenant": "string",
        "ActorRoles": "string",
        "ActorSession": "string",
        "ActorAddress": "string",
        "Action": "string",
        "TargetType": "string",
        "TargetId": "string",
        "BeforeDigest": "string",
        "AfterDigest": "string",
        "TraceId": "string",
        "Outcome": "string",
        "ErrorClass": "string",
        "Instance": "string",
        "Version": "string",
        "KeyId": "string",
        "PrevHash": "string",
        "Hash": "string",
        "Delivery": "string",
        "Seal": "string",
    },
    common={"TimeGenerated": "datetime", "_TimeReceived": "datetime"},
    constant={name: CONSTANT[name] for name in ("TenantId", "_SubscriptionId", "_IsBillable", "_BilledSize")}
    | {"_ResourceId": ("string", "''")},
)
TABLES: Mapping[str, Table] = {
    table.name: table for table in (REQUESTS, DEPENDENCIES, TRACES, EVENTS, METRICS, EXCEPTIONS, AUDIT)
}
# Data collection rules: the immutable id of each, and the table that each of its streams goes to.
AUDIT_RULE, AUDIT_STREAM = "dcr-00000000000000000000000000000a0d", "Custom-RelaydeckAudit_CL"
RULES: Mapping[str, Mapping[str, Table]] = {AUDIT_RULE: {AUDIT_STREAM: AUDIT}}


def documented() -> dict[str, dict[str, str]]:
    """Return {table: {column: KQL type}} of everything a query may name."""
    return {name: dict(table.columns) for name, table in TABLES.items()}
