"""`run.py diagnose`: what it prints, and what it exits with."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.ai.agents import AgentsClient
from azure.storage.queue import QueueServiceClient

from commands import diagnose
from emulator.supervisor import LocalAzure, LocalOptions, attach_or_start
from services.clients import LocalCredential
from tests.contract.agents_support import function_tool
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    running = attach_or_start(LocalOptions(tmp_path_factory.mktemp("diagnose") / "state"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def stuck(azure: LocalAzure) -> tuple[str, str]:
    """A run of somebody else's agent that waits for a function, and its thread."""
    found = azure.connection
    credential = LocalCredential(found.token)
    with QueueServiceClient(found.storage_endpoint, credential, connection_verify=found.ca_file) as queues:
        for way in ("input", "output"):
            queues.create_queue(f"azure-function-oracle-{way}")
    with AgentsClient(found.project_endpoint, credential, connection_verify=found.ca_file) as agents:
        tools = function_tool(found.storage_endpoint, "oracle").definitions
        agent = agents.create_agent(model="m", name="seer", instructions="Ask the oracle.", tools=tools)
        thread = agents.threads.create()
        agents.messages.create(thread.id, role="user", content="Get answers from the oracle: why?")
        run = agents.runs.create(thread.id, agent_id=agent.id)
        wait_for(lambda: agents.runs.get(thread.id, run.id).status == "requires_action")
    return run.id, thread.id


@pytest.fixture(autouse=True)
def here(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> None:
    state: Path = Path(azure.connection.ca_file).parents[1]
    monkeypatch.setenv("RELAYDECK_STATE_DIR", str(state))


def test_the_lights_the_verdict_and_the_next_step_are_printed(
    stuck: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The conversation is looked up when it is not named."""
    code = diagnose.main([stuck[0]])
    told = capsys.readouterr().out

    assert code == 0, "it has only just begun"
    assert "● Enqueued" in told and "◔ Picked up" in told and "dequeue count 0" in told
    assert "Next: " in told and told.count("[working") == 1


def test_programs_get_one_document(stuck: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    diagnose.main([*stuck, "--json"])
    document = json.loads(capsys.readouterr().out)

    assert (document["run_id"], document["tool"]) == (stuck[0], "oracle")
    assert document["lights"][0]["name"] == "Enqueued"


def test_a_question_without_a_run_is_told_what_holds_it(
    stuck: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert diagnose.main(["-", stuck[1]]) == 3
    assert "[thread_locked]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["run_none"], 2), (["../x"], 2), (["run_none", "thread_none"], 4), ([], 2)],
    ids=["unknown", "no-id", "not-there", "nothing"],
)
def test_what_cannot_be_diagnosed_says_so_by_its_exit_code(arguments: list[str], code: int) -> None:
    assert diagnose.main(arguments) == code
