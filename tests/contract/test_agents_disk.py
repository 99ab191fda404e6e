"""Local Azure is killed or its disk is full: nothing acknowledged is lost, nothing half-done is kept."""

import subprocess
import sys

import pytest
from azure.ai.agents import AgentsClient
from azure.core.exceptions import HttpResponseError

from emulator.model import TextPiece
from tests.contract.agents_support import MODEL, Lab, Pause, Site, StaticCredential, say

SERVER = """
import sys, time
from pathlib import Path
from emulator.server import Emulator, EmulatorSettings
from tests.contract.agents_support import ScriptedModel, call, calls
model = ScriptedModel()
model.plays("Use foo.", calls(call("foo", query="why")))
with Emulator(EmulatorSettings(state=Path(sys.argv[1])), model=model) as emulator:
    print(emulator.project_endpoint, emulator.token, emulator.ca_file, flush=True)
    time.sleep(60)
"""


def test_what_was_acknowledged_survives_a_kill(site: Site) -> None:
    """SIGKILL leaves no time to save anything: it must have been saved."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", SERVER, str(site.state)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process:
        try:
            endpoint, token, ca = process.stdout.readline().split()
            client = AgentsClient(endpoint, StaticCredential(token), connection_verify=ca)
            with client:
                agents = [client.create_agent(model=MODEL, name=str(n)).id for n in range(50)]
                thread = client.threads.create()
                client.messages.create(thread.id, role="user", content="Why?")
        finally:
            process.kill()

    with site.open() as lab:
        assert [agent.id for agent in lab.client.list_agents()] == agents[::-1]
        (message,) = lab.client.messages.list(thread.id)
        assert message.text_messages[0].text.value == "Why?"


def limit_pages(lab: Lab, extra: int) -> None:
    """Leave room for *extra* more pages of 4 KiB on the disk."""

    def limit() -> None:
        connection = lab.emulator.foundry._store._connection
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + extra}")

    lab.emulator.call(limit)


def test_a_full_disk_refuses_in_words_and_changes_nothing(site: Site) -> None:
    """507, and the state in memory is the state on disk."""
    with site.open() as lab:
        agent = lab.agent()
        limit_pages(lab, 0)
        with pytest.raises(HttpResponseError) as caught:
            lab.client.update_agent(agent.id, instructions="x" * 100_000, retry_total=0)
        found = lab.client.get_agent(agent.id)

    assert caught.value.status_code == 507
    assert "Local Azure cannot save its state: database or disk is full" in str(caught.value)
    assert found.instructions == "Repeat."


def test_an_answer_that_cannot_be_saved_is_saved_when_there_is_room_again(site: Site) -> None:
    """Whoever listens hears of it at once; nothing that was written is lost."""
    text = "x" * 100_000
    site.model.plays("Long.", [TextPiece("x"), Pause(), TextPiece(text[1:]), say("")[-1]])
    with site.open() as lab:
        agent, thread = lab.agent("Long."), lab.thread("Hello")
        with lab.client.runs.stream(thread.id, agent_id=agent.id) as stream:
            names = []
            for name, data, _ in stream:
                names.append(str(name))
                if name == "thread.message.delta" and not site.model.released():
                    lab.wait_for_pause()
                    limit_pages(lab, 0)
                    lab.release()
                if name == "error":
                    told = str(data)
        (run,) = lab.client.runs.list(thread.id)
        during = run.status
        limit_pages(lab, 1000)
        lab.emulator.advance(2)

        assert names[-2:] == ["error", "done"]
        assert "cannot save its state" in told
        assert during == "in_progress"
        assert lab.wait(run).status == "completed"
        assert lab.answer(run) == text
