"""`run.py cleanup` as a process of its own: what it deletes, what it prints, and what it exits with."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.stack import Control
from emulator.supervisor import ROOT, LocalAzure, LocalOptions, attach_or_start
from runtime import build, local_endpoints
from services.agents.backend import AgentBackend, AgentDefinition
from services.assembly import Services
from services.ids import new_id
from services.settings_source import load_settings

OURS = {"relaydeck": "per_query", "environment": "local", "lives_s": "0"}
STAGING = {**OURS, "environment": "staging"}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    azure = attach_or_start(LocalOptions(tmp_path_factory.mktemp("cleanup") / "state"))
    yield azure
    azure.stop()


@pytest.fixture
def control(local: LocalAzure) -> Iterator[Control]:
    found = Control(local)
    found.reset()
    yield found
    assert found.pending_faults() == []


@pytest.fixture
def services(local: LocalAzure, control: Control) -> Iterator[Services]:
    place = local.connection
    settings = load_settings({}).at(
        project_endpoint=place.project_endpoint,
        storage_endpoint=place.storage_endpoint,
        model=place.model_deployment,
    )
    running = build(settings, local_endpoints(place))
    yield running.services
    running.close()


@pytest.fixture
def backend(services: Services) -> AgentBackend:
    return services.backend


class Done:
    def __init__(self, azure: LocalAzure, *arguments: str, **environ: str) -> None:
        state = str(Path(azure.connection.ca_file).parents[1])
        given = {name: value for name, value in os.environ.items() if not name.startswith("RELAYDECK_")}
        done = subprocess.run(
            [sys.executable, "-m", "commands", "cleanup", *arguments],
            cwd=ROOT,
            env={**given, "RELAYDECK_STATE_DIR": state, "RELAYDECK_TELEMETRY": "off", **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.out, self.err, self.code = done.stdout, done.stderr, done.returncode
        assert "Traceback" not in self.out + self.err


def agent(backend: AgentBackend, tags: dict[str, str]) -> str:
    wanted = AgentDefinition("left", "local-rules", "Repeat.")
    return backend.create_agent(wanted, {**tags, "opid": new_id("op")}).id


def left(backend: AgentBackend) -> set[str]:
    return {one.id for one in backend.list_agents()} | {one.id for one in backend.list_threads(100)}


def test_a_dry_run_shows_and_deletes_nothing(local: LocalAzure, backend: AgentBackend) -> None:
    mine, other = agent(backend, OURS), agent(backend, STAGING)
    done = Done(local, "--dry-run")
    assert done.code == 0
    assert f"{mine} left: Made for one answer" in done.out
    assert f"{other} left" in done.out and "[left alone]" in done.out
    assert "Would delete 1 agent." in done.err
    assert left(backend) == {mine, other}


def test_with_yes_it_deletes_what_is_ours_and_tells_as_json(local: LocalAzure, backend: AgentBackend) -> None:
    mine, other = agent(backend, OURS), agent(backend, STAGING)
    done = Done(local, "--yes", "--json")
    document = json.loads(done.out)
    assert done.code == 0
    assert {one["id"]: one["to_delete"] for one in document["found"]} == {mine: True, other: False}
    assert [(row["id"], row["outcome"]) for row in document["result"]["rows"]] == [(mine, "deleted")]
    assert left(backend) == {other}


def test_without_somebody_to_confirm_nothing_is_deleted(local: LocalAzure, backend: AgentBackend) -> None:
    mine = agent(backend, OURS)
    done = Done(local)
    assert done.code == 2 and "add --yes" in done.err
    assert left(backend) == {mine}


def test_kinds_narrow_and_also_widens(local: LocalAzure, backend: AgentBackend) -> None:
    mine, other = agent(backend, OURS), agent(backend, STAGING)
    assert Done(local, "--yes", "--kind", "old-thread").code == 0
    assert left(backend) == {mine, other}
    assert Done(local, "--yes", "--also", "asst_unknown").code == 2
    assert left(backend) == {mine, other}
    assert Done(local, "--yes", "--also", other).code == 0
    assert left(backend) == set()


def test_an_export_comes_first(local: LocalAzure, backend: AgentBackend, tmp_path: Path) -> None:
    mine, file = agent(backend, OURS), tmp_path / "gone.json"
    assert Done(local, "--yes", "--export", str(tmp_path / "nowhere" / "gone.json")).code == 2
    assert left(backend) == {mine}
    assert Done(local, "--yes", "--export", str(file)).code == 0
    (thing,) = json.loads(file.read_text())["things"]
    assert (thing["id"], thing["definition"]["instructions"]) == (mine, "Repeat.")
    assert left(backend) == set()


def test_a_refusal_is_exit_code_1_and_names_the_role(
    local: LocalAzure, backend: AgentBackend, control: Control
) -> None:
    agent(backend, OURS)
    control.fail(operation="foundry.delete_agent", status=403, code="Forbidden")
    done = Done(local, "--yes")
    assert done.code == 1 and "role Foundry User" in done.err


def test_what_cannot_be_read_is_exit_code_3(
    local: LocalAzure, backend: AgentBackend, control: Control
) -> None:
    control.fail(operation="foundry.list_threads", status=403, code="Forbidden")
    done = Done(local, "--dry-run")
    assert done.code == 3 and "Could not read the threads" in done.err


def test_while_another_one_cleans_up_it_is_exit_code_6(local: LocalAzure, services: Services) -> None:
    mine = agent(services.backend, OURS)
    lease = services.housekeeping._lease_of()
    lease.acquire()
    done = Done(local, "--yes")
    lease.release()
    assert done.code == 6 and "Another Relaydeck of this environment is cleaning up" in done.err
    assert left(services.backend) == {mine}


def test_an_unknown_kind_is_exit_code_2(local: LocalAzure) -> None:
    assert Done(local, "--kind", "everything").code == 2
