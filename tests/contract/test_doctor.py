"""Doctor: every check is made to fail by the very condition it is there for, on the wire."""

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.identity import ManagedIdentityCredential

import runtime
from services.clients import LocalCredential
from services.doctor import report as reports
from services.doctor.catalogue import CHECKS
from services.doctor.findings import Check, Said
from services.doctor.service import Doctor
from services.doctor.subject import Place
from tests.contract.agents_support import Lab
from tests.contract.doctor_support import Patient, open_patient

EMPTY_TEAM = ("team", "setup", "account")
UNPROVEN = ("correlation", "function", "records")


@pytest.fixture
def patient(lab: Lab) -> Iterator[Patient]:
    with open_patient(lab.emulator) as found:
        yield found


def test_a_sound_installation_has_nothing_that_failed(patient: Patient) -> None:
    """What nobody has tried yet is not known, or a warning, and never said to be well."""
    patient.make_queues()
    report = patient.doctor.examine()

    states = {one.id: one.state for one in report.findings}
    assert report.count("failed") == 0
    assert [name for name, state in states.items() if state != "ok"] == [*EMPTY_TEAM, *UNPROVEN]
    assert [one.id for one in report.findings] == [check.id for check in CHECKS]
    assert all(one.evidence and one.took_s is not None for one in report.findings)


def test_findings_are_told_in_order_as_they_come(patient: Patient) -> None:
    told: list[str] = []
    patient.doctor.examine(lambda finding: told.append(finding.id))
    assert told == [check.id for check in CHECKS]


# Settings and identity ----------------------------------------------------------------------------


def test_missing_settings_are_named_and_the_rest_is_still_looked_at(tmp_path: Path) -> None:
    """One wrong setting among thirty must not hide what the others lead to."""
    given = {"RELAYDECK_MODE": "azure", "RELAYDECK_TEAM_SIZE": "99", "RELAYDECK_STATE_DIR": str(tmp_path)}
    doctor = runtime.examination(given)
    looks = {check.id: doctor.look(check) for check in CHECKS if check.id not in ("identity",)}
    doctor.close()

    settings = looks["settings"]
    assert settings.state == "failed" and ".env" in settings.next_step
    for name in ("MODEL_DEPLOYMENT_NAME", "STORAGE_SERVICE_ENDPOINT", "RELAYDECK_TEAM_SIZE"):
        assert name in settings.evidence
    assert looks["queues"].state == "unknown" and "STORAGE_SERVICE_ENDPOINT" in looks["queues"].next_step
    assert looks["packages"].state == "ok"


def test_a_mode_that_there_is_not_leads_nowhere(tmp_path: Path) -> None:
    """Local Azure, which is the default, is not what was meant."""
    doctor = runtime.examination({"RELAYDECK_MODE": "azur", "RELAYDECK_STATE_DIR": str(tmp_path)})
    assert doctor.look(CHECKS[0]).state == "failed"
    assert doctor.subject.places == ()


def test_a_start_that_failed_is_told_with_its_reason(tmp_path: Path) -> None:
    """The settings are right; the folder of Local Azure is not."""
    (blocked := tmp_path / "state").write_text("not a folder")
    given = {"RELAYDECK_STATE_DIR": str(blocked)}
    with pytest.raises(Exception, match="did not start") as caught:
        runtime.start(given)
    doctor = runtime.examination(given, failure=caught.value)  # type: ignore[arg-type]  # an Unavailable

    found = {check.id: doctor.look(check) for check in CHECKS[:3]}
    assert (found["settings"].state, found["start"].state) == ("ok", "failed")
    assert "RELAYDECK_STATE_DIR" in found["start"].next_step


@pytest.fixture
def managed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Patient]:
    """Signed in as a container in Azure is: by the real ManagedIdentityCredential."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{lab.emulator.http_url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", lab.emulator.token)
    with open_patient(lab.emulator, ManagedIdentityCredential()) as found:
        yield found


def test_the_identity_is_named_and_its_token_is_not(managed: Patient) -> None:
    """Who am I is the first question when access is denied."""
    found = managed.seen("identity")

    assert found.state == "ok"
    assert "object 10ca1000-" in found.evidence and "tenant 00000000-" in found.evidence
    assert "storage.azure.com" in found.evidence and "eyJ" not in found.evidence


def test_a_sign_in_that_is_refused_fails_and_the_roles_are_not_blamed(managed: Patient) -> None:
    managed.fail("identity.get_token", status=400, code="invalid_client", times=20)
    identity, role = managed.seen("identity"), managed.seen("role-agents")
    managed.forgive()

    assert identity.state == "failed" and identity.command == "az login"
    assert role.state == "unknown" and "nobody is signed in" in role.evidence


def test_a_token_that_seems_to_have_ended_points_at_the_clock(managed: Patient) -> None:
    late = managed.subject.now() + timedelta(hours=2)
    found = managed.seen("identity", now=lambda: late)
    assert found.state == "failed" and "clock" in found.next_step


# Addresses ----------------------------------------------------------------------------------------


def elsewhere(patient: Patient, address: str) -> tuple[Place, ...]:
    return tuple(replace(place, address=address) for place in patient.subject.places)


def test_a_host_that_nobody_knows_is_a_matter_of_names(patient: Patient) -> None:
    found = patient.seen("address-storage", places=elsewhere(patient, "https://nothing.invalid"))
    assert found.state == "failed" and found.command == "nslookup nothing.invalid"
    assert "STORAGE_SERVICE_ENDPOINT" in found.next_step


def test_a_port_where_nobody_listens_is_a_matter_of_firewalls(patient: Patient) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"https://127.0.0.1:{closed.getsockname()[1]}"
        found = patient.seen("address-project", places=elsewhere(patient, address))
    assert found.state == "failed" and "this machine" in found.evidence
    assert found.command == f"curl -v {address}"


def test_a_certificate_that_is_not_trusted_is_a_matter_of_proxies(lab: Lab) -> None:
    """What a company's proxy that opens connections looks like."""
    with open_patient(lab.emulator, ca_file=None) as patient:
        found = patient.seen("address-project")
    assert found.state == "failed" and "certificate" in found.evidence
    assert "REQUESTS_CA_BUNDLE" in found.next_step


@pytest.mark.parametrize(("ahead_s", "state"), [(0, "ok"), (120, "warning"), (900, "failed")])
def test_a_clock_that_is_minutes_off_is_found_by_the_services_own(
    patient: Patient, ahead_s: float, state: str
) -> None:
    """Tokens and signatures are refused then, with words that speak of neither."""
    patient.emulator.advance(ahead_s)
    found = patient.seen("clock")
    assert found.state == state
    assert state == "ok" or ("behind" in found.evidence and "timedatectl" in found.command)


# Roles --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("check", "operation", "role"),
    [
        ("role-agents", "foundry.list_agents", "Foundry User"),
        ("role-threads", "foundry.list_threads", "Foundry User"),
        ("role-queues", "queues.list_queues", "Storage Queue Data Reader"),
        ("role-peek", "queues.peek_messages", "Storage Queue Data Reader"),
        ("role-logs", "monitor.query_batch", "Log Analytics Reader"),
        ("role-metrics", "monitor.get_metrics", "Monitoring Reader"),
    ],
)
def test_a_missing_role_is_found_by_trying_and_named_with_its_command(
    patient: Patient, check: str, operation: str, role: str
) -> None:
    """The commonest state of a fresh deployment; the other roles are judged for themselves."""
    patient.make_queues()
    patient.fail(operation, status=403, code="AuthorizationPermissionMismatch")
    found = patient.seen(check)

    assert found.state == "failed" and "403" in found.evidence
    assert f'--role "{role}"' in found.command
    assert patient.seen(check).state == "ok"  # as soon as it is granted


def test_the_command_for_a_role_names_the_identity_in_use(managed: Patient) -> None:
    managed.fail("foundry.list_agents", status=403, code="Forbidden")
    assert "--assignee-object-id 10ca1000-" in managed.seen("role-agents").command


def test_a_refused_sign_in_is_no_missing_role(lab: Lab) -> None:
    with open_patient(lab.emulator, LocalCredential("nonsense")) as patient:
        found = patient.seen("role-queues")
    assert found.state == "failed" and found.command == "az login"


def test_writing_is_tried_without_a_trace(patient: Patient) -> None:
    """The function must never see what Doctor puts into its queue."""
    patient.make_queues()
    found = patient.seen("role-write")
    queue = patient.running.services.queues.depth_of("azure-function-foo-input")
    assert (found.state, queue.messages) == ("ok", 0)


def test_an_identity_that_only_looks_is_as_it_is_meant_to_be(patient: Patient) -> None:
    """Relaydeck asks for the reader's role; that it may not write is worth a word, not an alarm."""
    patient.make_queues()
    patient.fail("queues.put_message", status=403, code="AuthorizationPermissionMismatch")
    found = patient.seen("role-write")
    assert found.state == "warning" and "Contributor" in found.command


# How it works -------------------------------------------------------------------------------------


def test_a_look_that_hangs_is_unknown_and_holds_up_nothing(patient: Patient) -> None:
    """And the next examination joins it instead of starting another."""
    patient.fail("foundry.list_threads", kind="slow", delay_s=0.8)
    doctor = Doctor(patient.subject, timeout_s=0.4)
    report = doctor.examine()
    doctor.examine()

    found = {one.id: one for one in report.findings}
    assert found["role-threads"].state == "unknown" and found["role-threads"].took_s is None
    assert found["role-agents"].state == "ok" and report.took_s < 2


def test_a_defect_in_a_check_is_not_shown_as_azures(patient: Patient) -> None:
    def broken(_: object) -> Said:
        raise KeyError("x")

    found = Doctor(patient.subject).look(Check("broken", "Agents", "Broken", broken))
    assert found.state == "unknown" and "itself" in found.evidence


def test_no_secret_ever_reaches_a_report(lab: Lab) -> None:
    """Whatever a service quotes back: reports are pasted into tickets."""
    canaries = {
        "token": "canary-token-0123456789abcdef",
        "key": "0badc0de-0000-4000-8000-00000000c0de",
        "account": "Y2FuYXJ5LWFjY291bnQta2V5",
        "jwt": "eyJhbGciOiJub25lIn0.eyJjYW5hcnkiOiJ5ZXMifQ.c2ln",
        "sas": "canarysignature",
    }
    insights = f"InstrumentationKey={canaries['key']};IngestionEndpoint=https://localhost:1/"
    quoted = {
        "error": {
            "code": "Forbidden",
            "message": f"Bearer {canaries['token']} AccountKey={canaries['account']}; {canaries['jwt']} "
            f"?sig={canaries['sas']} {insights}",
        }
    }
    given = {"APPLICATIONINSIGHTS_CONNECTION_STRING": insights}
    with open_patient(lab.emulator, LocalCredential(canaries["token"]), **given) as patient:
        for operation in ("foundry.list_agents", "foundry.list_threads", "queues.*"):
            how: dict[str, Any] = {
                "headers": {"content-type": "application/json"},
                "body": json.dumps(quoted),
            }
            patient.fail(operation, status=403, times=30, **how)
        report = patient.doctor.examine()
        patient.forgive()

    told = reports.markdown(report, "1.0") + json.dumps(reports.document(report, "1.0"))
    assert "Bearer …" in told  # the quotation was there
    for name, canary in canaries.items():
        assert canary not in told, name


def test_what_is_quoted_cannot_break_out_of_the_report(patient: Patient) -> None:
    """Markdown of our making, text of somebody else's."""
    report = patient.doctor.examine()
    evil = replace(report.findings[0], evidence="a | b\n# c [x](http://evil) <b>")
    text = reports.markdown(replace(report, findings=(evil,)), "1.0")
    assert "a \\| b # c \\[x\\](http://evil) \\<b\\>" in text
