"""Whoever is woken finds what to do: each alert of infra/ has its runbook, under its own name and title."""

import re

from tests.infra.bicep import INFRA
from tests.markdown import DOCS, rows, section

RULES = (INFRA / "modules" / "alerts.bicep").read_text("utf-8")
TITLES = dict(re.findall(r"name: '([\w-]+)'\n\s+title: '([^']+)'", RULES))
OPERATIONS = (DOCS / "operations.md").read_text("utf-8")


def test_every_alert_has_its_runbook_and_no_other() -> None:
    """The names are those of the portal; restarts is the one that counts a metric and asks no query."""
    runbooks = re.findall(r"^### (.+)$", section(OPERATIONS, "When an alert rings"), re.M)

    assert len(TITLES) == len(list((INFRA / "alerts").glob("*.kql")))
    assert sorted(runbooks) == sorted([*TITLES, "restarts"])
    assert "name: '${names.alert}-restarts'" in RULES


def test_a_runbook_begins_with_the_title_of_the_mail() -> None:
    """What is searched for at night are the words of the mail."""
    told = {name: re.search(r"\*\*(.+?)\.\*\*", section(OPERATIONS, name)) for name in TITLES}

    assert {name: found[1] if found else "" for name, found in told.items()} == TITLES


def test_what_makes_each_alert_ring_is_told() -> None:
    """In docs/deploy.md, beside how they are set up."""
    table = section((DOCS / "deploy.md").read_text("utf-8"), "Alerts and the workbook")

    assert {row[0] for row in rows(table)} == {*TITLES, "restarts"}
