"""Every shipped query passes Microsoft's analyser, and Local Azure's engine; a gate that lets all pass would fail here."""

from pathlib import Path

import pytest

from emulator.monitor.schemas import TABLES
from emulator.server import Emulator
from tests.contract.monitor_support import rows, table
from tests.kql.analyser import Diagnostic, analyse

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "services" / "monitor" / "queries").glob("**/*.kql"))
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
    shipped = {str(path.relative_to(ROOT)): path.read_text() for path in SHIPPED}
    return analyse(texts | shipped)


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


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_query_is_right_kql(findings: dict[str, list[Diagnostic]], path: Path) -> None:
    """It runs unchanged on real Log Analytics."""
    assert findings[str(path.relative_to(ROOT))] == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_query_runs_on_local_azure(emulator: Emulator, path: Path) -> None:
    """One dialect: nothing is rewritten for the local engine."""
    assert table(emulator, path.read_text()).columns


def test_the_analyser_and_the_engine_know_the_same_columns(emulator: Emulator) -> None:
    """The gate is worth nothing when it judges by other schemas than the tables have."""
    for name, known in TABLES.items():
        found = rows(emulator, f"{name} | getschema | project ColumnName, ColumnType")
        assert dict(found) == dict(known.columns)
