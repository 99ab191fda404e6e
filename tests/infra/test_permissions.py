"""docs/permissions.md, infra/ and Doctor name the same roles for the same identities."""

import re

import pytest

from services.diagnosis import words
from services.doctor import roles as doctor
from tests.infra.tables import GRANTS, ROLES
from tests.markdown import DOCS, rows, section

PAGE = (DOCS / "permissions.md").read_text("utf-8")
WHO = {
    "web": "The dashboard's identity",
    "function": "The function app's identity",
    "project": "The Foundry project's identity",
    "deployer": "Who deploys",
}
INSTEAD = {"Log Analytics Reader": "Log Analytics Data Reader"}  # older and wider; either will do


def roles_of(heading: str) -> list[str]:
    """Return the first role of each row below *heading*, without what it was called before."""
    return [re.split(r" \(|, ", row[0])[0] for row in rows(section(PAGE, heading))]


@pytest.mark.parametrize("who", WHO)
def test_each_identity_is_given_the_roles_that_are_documented_and_no_other(who: str) -> None:
    """By hand or by azd up, it must come to the same; GRANTS is what the tests hold infra/ to."""
    ids = {role.lower(): role for role in ROLES}
    told = {ids[role.replace(" ", "").lower()] for role in roles_of(WHO[who])}

    assert told == {role for one, role in GRANTS if one == who}


def test_doctor_asks_for_roles_that_the_dashboard_is_meant_to_have() -> None:
    """The command it prints must not give more than the table, nor something else."""
    asked = {
        doctor.FOUNDRY_USER,
        doctor.QUEUE_READER,
        doctor.QUEUE_CONTRIBUTOR,
        doctor.LOGS_READER,
        doctor.MONITORING_READER,
    }
    table = section(PAGE, WHO["web"])

    assert {INSTEAD.get(role, role) for role in asked} <= set(roles_of(WHO["web"]))
    assert all(role in table for role in asked)


def test_a_diagnosis_names_roles_that_the_table_has() -> None:
    """What it says of a refusal leads to this page."""
    assert words.ROLE_OF_READER.partition(" on ")[0] in roles_of(WHO["web"])
    assert words.ROLE_ON_PROJECT.partition(" (")[0] in roles_of(WHO["web"])
    assert words.ROLE_OF_PROJECT.partition(" on ")[0] in roles_of(WHO["project"])
