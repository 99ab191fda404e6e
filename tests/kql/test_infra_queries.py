"""What a deployment asks Log Analytics, before Microsoft's analyser: alerts, and the panels of the workbook."""

import pytest

from services.monitor.catalogue import all_queries
from services.monitor.workbook import PANELS, RANGE, text_of
from tests.infra.bicep import INFRA
from tests.kql.analyser import Diagnostic, analyse

ALERTS = {path.stem: path.read_text("utf-8") for path in sorted((INFRA / "alerts").glob("*.kql"))}
FILLED = {
    f"{{{RANGE}:startISO}}": "2026-11-26",
    f"{{{RANGE}:endISO}}": "2026-11-27",
    f"{{{RANGE}:grain}}": "30m",
}


def panels() -> dict[str, str]:
    texts = {panel.title: text_of(panel, all_queries()[panel.query]) for panel in PANELS}
    for token, value in FILLED.items():
        texts = {title: text.replace(token, value) for title, text in texts.items()}
    return texts


@pytest.fixture(scope="module")
def findings() -> dict[str, list[Diagnostic]]:
    return analyse(ALERTS | panels())


@pytest.mark.parametrize("name", [*ALERTS, *panels()])
def test_azure_can_run_it(findings: dict[str, list[Diagnostic]], name: str) -> None:
    assert findings[name] == []
