"""The queries that go into Azure with a deployment: alerts and the workbook, on rows of which the answer is known."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from services.monitor.catalogue import all_queries
from services.monitor.workbook import PANELS, RANGE, WORKSPACE, text_of, workbook
from tests.infra.bicep import INFRA
from tests.log_tables import LogTables

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
DEPTH, AGE = "relaydeck.queue.depth", "relaydeck.queue.oldest_age_s"


@pytest.fixture
def tables() -> Iterator[LogTables]:
    found = LogTables()
    yield found
    found.close()


def rings(tables: LogTables, alert: str) -> bool:
    """An alert rings when its query has a row: alerts.bicep counts them."""
    return bool(tables.run((INFRA / "alerts" / f"{alert}.kql").read_text("utf-8")))


def read(tables: LogTables, metric: str, queue: str, *values: float, extremes: bool = False) -> None:
    for number, value in enumerate(values):
        tables.add_metric(metric, NOW + timedelta(minutes=number), value, extremes=extremes, queue=queue)


def answers(tables: LogTables, **how_many: int) -> None:
    for code, count in how_many.items():
        for number in range(count):
            tables.add_span("AppRequests", "answer", NOW, 900, span=f"{code}{number}", code=code)


@pytest.mark.parametrize("extremes", [False, True], ids=["one value", "aggregated"])
def test_poison_rings_for_a_message_that_was_given_up_on(tables: LogTables, extremes: bool) -> None:
    read(tables, DEPTH, "azure-function-foo-input", 7, extremes=extremes)
    read(tables, DEPTH, "azure-function-foo-input-poison", 0, 0, extremes=extremes)
    assert not rings(tables, "poison")

    read(tables, DEPTH, "azure-function-foo-input-poison", 1, extremes=extremes)
    assert rings(tables, "poison")


def test_old_work_rings_when_it_stays_old(tables: LogTables) -> None:
    """One long call is no outage; and what waits in an output queue or in poison is another alert's."""
    read(tables, AGE, "azure-function-foo-input", 20, 400, 15)
    read(tables, AGE, "azure-function-foo-input-poison", 9_000)
    read(tables, AGE, "azure-function-foo-output", 9_000)
    assert not rings(tables, "oldest-message")

    read(tables, AGE, "azure-function-calculate-input", 310, 370, 430)
    assert rings(tables, "oldest-message")


def test_failures_ring_when_they_are_many_of_enough(tables: LogTables) -> None:
    answers(tables, answered=4, failed=1)
    assert not rings(tables, "failed-runs")  # a fifth, and no more

    answers(tables, expired=1)
    assert rings(tables, "failed-runs")


def test_one_failure_at_night_wakes_nobody(tables: LogTables) -> None:
    answers(tables, failed=2, cancelled=2)

    assert not rings(tables, "failed-runs")


def test_silence_rings_when_there_is_nothing_at_all(tables: LogTables) -> None:
    """Without readings no other alert can ring, which looks like peace."""
    assert rings(tables, "silence")

    read(tables, DEPTH, "azure-function-foo-input", 0)
    assert not rings(tables, "silence")


def test_the_workbook_is_written_anew_after_a_change() -> None:
    """`python -m services.monitor.workbook > infra/workbook.json`."""
    assert json.loads((INFRA / "workbook.json").read_text("utf-8")) == workbook()


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.title)
def test_a_panel_asks_what_the_dashboard_asks(tables: LogTables, panel: object) -> None:
    """The text of the .kql file, unchanged, which runs with what a workbook puts in for its range."""
    assert panel in PANELS
    chosen = PANELS[PANELS.index(panel)]
    query = all_queries()[chosen.query]
    text = text_of(chosen, query)
    filled = (
        text.replace(f"{{{RANGE}:startISO}}", "2026-11-26T00:00:00Z")
        .replace(f"{{{RANGE}:endISO}}", "2026-11-27T00:00:00Z")
        .replace(f"{{{RANGE}:grain}}", "30m")
    )

    assert query.text.strip() in text
    assert RANGE not in filled
    tables.run(filled)


def test_nothing_but_the_workspace_is_left_to_put_in() -> None:
    """What Bicep replaces; any other pair of braces would be sent as it stands."""
    text = (INFRA / "workbook.json").read_text("utf-8").replace(WORKSPACE, "")

    assert "{{" not in text
    assert f"'{WORKSPACE}'" in (INFRA / "modules" / "workbook.bicep").read_text("utf-8")
