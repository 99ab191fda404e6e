"""Every shipped query passes Microsoft's analyser, and Local Azure's engine; a gate that lets all pass would fail here."""

from datetime import UTC, datetime, timedelta

import pytest

from emulator.monitor.schemas import TABLES
from emulator.server import Emulator
from services.monitor.catalogue import Query, all_queries
from services.monitor.kql import Kind, Value
from tests.contract.monitor_support import rows, table
from tests.kql.analyser import Diagnostic, analyse

SHIPPED = all_queries()
SAMPLES: dict[Kind, Value] = {
    "string": "one",
    "datetime": datetime(2026, 1, 1, tzinfo=UTC),
    "timespan": timedelta(minutes=5),
    "int": 5,
    "list": ["one", "two"],
}
GOOD = {
    "percentiles": "AppDependencies | where TimeGenerated > ago(1h)"
    " | summarize percentiles(DurationMs, 50, 95) by bin(TimeGenerated, 5m), Name",
    "properties": 'AppDependencies | extend agent = tostring(Properties["gen_ai.agent.id"]) | summarize count() by agent',
    "union": "union withsource=Kind AppRequests, AppTraces | summarize count() by Kind",
    "make-series": "AppRequests | make-series count() on TimeGenerated step 1h",
    "every table": "union " + ", ".join(TABLES) + " | summarize count() by Type",
}
BAD = {
    "column": ("AppRequests | where Nope == 1", "KS142"),
    "table": ("Nope | take 1", "KS204"),
    "function": ("AppRequests | extend x = foo(1)", "KS211"),
    "syntax": ("AppRequests | where (", "KS006"),
    "aggregate": ("AppRequests | summarize bar(DurationMs)", "KS211"),
}


@pytest.fixture(scope="module")
def findings() -> dict[str, list[Diagnostic]]:
    texts = GOOD | {name: text for name, (text, _) in BAD.items()}
    return analyse(texts | {name: filled(query) for name, query in SHIPPED.items()})


@pytest.mark.parametrize("name", GOOD)
def test_the_analyser_accepts_what_log_analytics_runs(
    findings: dict[str, list[Diagnostic]], name: str
) -> None:
    """Also what Local Azure cannot run: the gate judges the language, not our engine."""
    assert findings[name] == []


@pytest.mark.parametrize("name", BAD)
def test_the_analyser_names_what_is_wrong(findings: dict[str, list[Diagnostic]], name: str) -> None:
    """Otherwise a misspelt column would be found by a person, in Azure, later."""
    assert BAD[name][1] in {found.code for found in findings[name]}


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_query_is_right_kql(findings: dict[str, list[Diagnostic]], name: str) -> None:
    """It runs unchanged on real Log Analytics."""
    assert findings[name] == []


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_query_runs_on_local_azure(emulator: Emulator, name: str) -> None:
    """One dialect: nothing is rewritten for the local engine."""
    query = SHIPPED[name]

    answered = table(emulator, filled(query))

    assert set(query.columns) <= set(answered.columns)


def filled(query: Query) -> str:
    """Return *query* as it is sent, every parameter bound to some value of its kind."""
    return query.bound({name: SAMPLES[kind] for name, kind in query.parameters.items()})


def test_the_analyser_and_the_engine_know_the_same_columns(emulator: Emulator) -> None:
    """The gate is worth nothing when it judges by other schemas than the tables have."""
    for name, known in TABLES.items():
        found = rows(emulator, f"{name} | getschema | project ColumnName, ColumnType")
        assert dict(found) == dict(known.columns)
