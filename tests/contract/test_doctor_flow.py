"""Doctor on what travels: agents, queues, messages, telemetry. Each check meets the condition it is there for."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from azure.ai.agents.models import AzureFunctionStorageQueue, AzureFunctionTool

from services.doctor import machine
from services.doctor.messages import is_base64
from services.errors import InvalidInput
from services.telemetry.outbox import Counts
from services.telemetry.service import TelemetryHealth
from tests.contract.agents_support import Lab
from tests.contract.doctor_support import Patient, open_patient
from tests.contract.monitor_support import envelope, rows, track
from tests.waiting import wait_for

ROOT = Path(__file__).parents[2]
INPUT, OUTPUT = "azure-function-foo-input", "azure-function-foo-output"
REFUSAL = "Invalid tool value(s): azure_function. Use the Enterprise Standard offering."


@pytest.fixture
def patient(lab: Lab) -> Iterator[Patient]:
    with open_patient(lab.emulator) as found:
        found.make_queues()
        yield found


def encoded(**document: object) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


def later(patient: Patient, seconds: float) -> datetime:
    return patient.subject.now() + timedelta(seconds=seconds)


# Agents -------------------------------------------------------------------------------------------


def test_a_deployment_that_there_is_not_names_its_setting(patient: Patient) -> None:
    settings = patient.subject.settings.model_copy(update={"model": "gpt-none"})
    found = patient.seen("model", settings=settings)
    assert found.state == "failed" and "gpt-none" in found.evidence
    assert "MODEL_DEPLOYMENT_NAME" in found.next_step


def test_a_team_is_missing_whole_or_in_part_until_a_question_makes_it(patient: Patient) -> None:
    nobody = patient.seen("team")
    patient.running.services.team.orchestrator()
    whole = patient.seen("team")
    backend = patient.running.services.backend
    backend.delete_agent(patient.running.services.team.standing()["calculate"].id)
    part = patient.seen("team")

    assert (nobody.state, whole.state, part.state) == ("warning", "ok", "warning")
    assert "calculate" in part.evidence


def test_the_basic_agent_setup_is_told_by_what_it_refuses(patient: Patient) -> None:
    """The service's own words say nothing to whoever has not read its documentation."""
    refused = json.dumps({"error": {"code": "invalid_request_error", "message": REFUSAL}})
    headers = {"content-type": "application/json"}
    patient.fail("foundry.create_agent", status=400, body=refused, headers=headers)
    with pytest.raises(InvalidInput):
        patient.running.services.team.orchestrator()

    setup, team = patient.seen("setup"), patient.seen("team")
    assert (setup.state, team.state) == ("failed", "failed")
    assert "azure_function" in setup.evidence and "standard agent setup" in setup.next_step


def test_the_standard_setup_is_proven_by_an_agent_that_carries_a_queue_function(patient: Patient) -> None:
    assert patient.seen("setup").state == "unknown"
    patient.running.services.team.orchestrator()
    found = patient.seen("setup")
    assert found.state == "ok" and "Standard" in found.evidence


@pytest.mark.parametrize(
    ("today", "state"), [("2026-11-26", "ok"), ("2027-02-01", "warning"), ("2027-04-02", "failed")]
)
def test_the_end_of_classic_agents_is_counted_in_days(patient: Patient, today: str, state: str) -> None:
    moment = datetime.combine(date.fromisoformat(today), datetime.min.time(), UTC)
    found = patient.seen("retirement", now=lambda: moment)
    assert found.state == state
    assert str(abs((machine.RETIRES - moment.date()).days)) in found.evidence


# Queues and function ------------------------------------------------------------------------------


def test_a_missing_queue_is_named_with_the_command_that_creates_it(patient: Patient) -> None:
    patient.running._clients.queues.delete_queue(OUTPUT)
    found = patient.seen("queues")
    assert found.state == "failed" and OUTPUT in found.evidence
    assert found.command.startswith("az storage queue create") and found.command.endswith(OUTPUT)


@pytest.mark.parametrize(
    ("endpoint", "queue", "told"),
    [
        ("https://other.queue.core.windows.net", INPUT, "other.queue.core.windows.net"),
        ("", "azure-function-gone-input", "azure-function-gone-input"),
    ],
    ids=["another-account", "another-queue"],
)
def test_agents_whose_tools_name_other_queues_are_found(
    patient: Patient, lab: Lab, endpoint: str, queue: str, told: str
) -> None:
    """Somebody edited an agent in the portal: it runs, and its calls go where nobody listens."""
    patient.running.services.team.orchestrator()
    assert patient.seen("account").state == "ok"
    tool = AzureFunctionTool(
        name="foo",
        description="",
        parameters={"type": "object", "properties": {}},
        input_queue=AzureFunctionStorageQueue(
            queue_name=queue, storage_service_endpoint=endpoint or lab.emulator.storage_endpoint
        ),
        output_queue=AzureFunctionStorageQueue(
            queue_name=OUTPUT, storage_service_endpoint=lab.emulator.storage_endpoint
        ),
    )
    agent = patient.running.services.team.standing()["foo"]
    lab.client.update_agent(agent.id, tools=tool.definitions)

    found = patient.seen("account")
    assert found.state == "failed" and told in found.evidence


def test_a_message_that_is_not_base64_is_found_where_it_lies(patient: Patient) -> None:
    """The host gives it up without a word about why."""
    patient.put(INPUT, encoded(query="why", CorrelationId="1"))
    assert patient.seen("encoding").state == "ok"
    patient.put(INPUT, '{"query": "why"}')
    found = patient.seen("encoding")
    assert found.state == "failed" and f"{INPUT} (1 of 2)" in found.evidence


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ('{"extensions": {"queues": {"messageEncoding": "none"}}}', "failed"),
        ('{"extensions": {}}', "ok"),
        ("{", "unknown"),
        (None, "unknown"),
    ],
)
def test_the_encoding_of_the_functions_host_is_read_from_its_file(
    patient: Patient, tmp_path: Path, text: str | None, state: str
) -> None:
    (tmp_path / "functions").mkdir()
    if text is not None:
        (tmp_path / "functions" / "host.json").write_text(text)
    assert patient.seen("encoding", root=tmp_path).state == state


def test_base64_is_text_in_base64_and_nothing_else() -> None:
    assert is_base64("e30=") and is_base64(" e30=\n")
    assert not any(map(is_base64, ("", "{}", "e30", "/////w==")))


def test_an_answer_without_its_correlation_id_is_found(patient: Patient) -> None:
    """The agent that waits for it never sees it, and waits until its run expires."""
    patient.put(OUTPUT, encoded(Value="42"))
    found = patient.seen("correlation")
    assert found.state == "failed" and OUTPUT in found.evidence and "CorrelationId" in found.next_step


def test_answers_that_nobody_reads_are_found(patient: Patient) -> None:
    """One that has just been written is on its way; one that lies there for minutes belongs to nobody."""
    patient.put(OUTPUT, encoded(Value="42", CorrelationId="1"))
    assert patient.seen("correlation").state == "unknown"
    moment = later(patient, 120)
    found = patient.seen("correlation", now=lambda: moment)
    assert found.state == "warning" and f"{OUTPUT} (1)" in found.evidence


def test_a_function_app_that_does_not_run_is_found_by_what_waits_for_it(lab: Lab) -> None:
    with open_patient(lab.emulator) as patient:
        patient.make_queues()
        patient.put(INPUT, encoded(query="why", CorrelationId="1"))
        patient.running.services.queues._now = lab.emulator.clock.now
        lab.emulator.advance(300)
        found = patient.seen("function")
    assert found.state == "failed" and INPUT in found.evidence
    assert found.command.startswith("az functionapp start")


def test_messages_that_were_given_up_on_are_told(patient: Patient) -> None:
    patient.running._clients.queues.create_queue(f"{INPUT}-poison").send_message("x")
    found = patient.seen("function")
    assert found.state == "warning" and f"{INPUT}-poison (1)" in found.evidence


def test_a_recent_invocation_proves_the_function_and_the_way_back(patient: Patient, lab: Lab) -> None:
    """Telemetry of the function app itself, and of a call that ended well; what was made up for a demo proves nothing."""
    invoked = {"relaydeck.invocation.id": "i-1", "relaydeck.queue_wait_ms": "5"}
    call = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "foo"}
    span = {"id": "a" * 16, "duration": "0.00:00:00.010", "success": True}

    def tell(**more: str) -> None:
        ran = {**span, "name": "foo", "responseCode": "0", "properties": {**invoked, **more}}
        called = {**span, "name": "foo", "type": "InProc", "properties": {**call, **more}}
        track(lab.emulator, [envelope("RequestData", ran), envelope("RemoteDependencyData", called)])

    tell(**{"relaydeck.demo": "true"})
    wait_for(lambda: rows(lab.emulator, "AppDependencies | where Name == 'foo'"))
    assert (patient.seen("function").state, patient.seen("correlation").state) == ("unknown", "unknown")

    tell()
    wait_for(lambda: patient.seen("function").state == "ok")
    assert "foo was executed last" in patient.seen("function").evidence
    assert "came back within the last 24 hours: 1." in patient.seen("correlation").evidence


# Telemetry and machine ----------------------------------------------------------------------------


def test_telemetry_that_is_off_is_told(patient: Patient) -> None:
    settings = patient.subject.settings.model_copy(update={"telemetry": "off"})
    found = patient.seen("insights", settings=settings)
    assert found.state == "warning" and found.next_step == "Set RELAYDECK_TELEMETRY=on"


@pytest.mark.parametrize("status", [403, 404])
def test_a_project_without_application_insights_is_told(patient: Patient, status: int) -> None:
    patient.fail("foundry.list_connections", status=status, code="NotFound")
    found = patient.seen("insights")
    assert found.state == "failed" and "APPLICATIONINSIGHTS_CONNECTION_STRING" in found.next_step


def test_telemetry_that_nobody_accepts_is_told(patient: Patient) -> None:
    failing = TelemetryHealth("example.com", "", Counts(waiting=7, reason="No connection.", failing_s=60))
    found = patient.seen("insights", telemetry=lambda: failing)
    assert found.state == "failed" and "No connection." in found.evidence


def test_without_a_workspace_there_is_no_history(patient: Patient) -> None:
    records, role = patient.seen("records", logs=None), patient.seen("role-logs", logs=None)
    assert (records.state, role.state) == ("warning", "unknown")
    assert "RELAYDECK_LOGS_WORKSPACE" in records.next_step


def test_a_workspace_that_cannot_be_read_is_not_called_empty(patient: Patient) -> None:
    patient.fail("monitor.query_batch", status=403, code="Forbidden")
    assert patient.seen("records").state == "unknown"


def test_records_that_stopped_coming_are_found_while_relaydeck_sends(patient: Patient, lab: Lab) -> None:
    """The workspace of another resource, or an ingestion that is cut off: both look like a quiet day."""
    assert patient.seen("records").state == "warning"
    old = envelope(
        "RequestData",
        {
            "id": "a" * 16,
            "name": "answer",
            "duration": "0.00:00:01.000",
            "success": True,
            "responseCode": "0",
        },
        lab.emulator.clock.now() - timedelta(minutes=20),
        tags={"ai.cloud.role": "relaydeck"},
    )
    track(lab.emulator, [old])
    seen = wait_for(lambda: found if (found := patient.seen("records")).state == "ok" else None)
    assert "relaydeck 20 min old" in seen.evidence

    sending = TelemetryHealth("example.com", "", Counts(sent=9))
    found = patient.seen("records", telemetry=lambda: sending)
    assert found.state == "failed" and "RELAYDECK_LOGS_WORKSPACE" in found.next_step


def test_packages_are_held_to_their_floors(patient: Patient) -> None:
    found = machine.packages(patient.subject, {"azure-identity": "99.1", "no-such-package": "1"})
    assert found.state == "failed"
    assert "azure-identity" in found.evidence and "needs 99.1" in found.evidence
    assert "Not installed: no-such-package" in found.evidence


def test_the_floors_are_those_of_the_requirements() -> None:
    """Written down twice, for requirements.in does not travel with a container."""
    lines = (ROOT / "requirements.in").read_text().splitlines()
    for name, floor in machine.FLOORS.items():
        (line,) = (one for one in lines if one.startswith((f"{name}>", f"{name}=")))
        assert machine.numbers(line.removeprefix(name).strip(">=").partition(",")[0]) == machine.numbers(
            floor
        )


def test_versions_are_compared_as_numbers() -> None:
    assert machine.numbers("1.10") > machine.numbers("1.9.9")
    assert machine.numbers("2.0") == machine.numbers("2.0.0")
    assert machine.numbers("1.8rc1") == (1, 8)
