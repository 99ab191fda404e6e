"""A project moved into another one: two Local Azures, the real SDKs, one file between them."""

import json
import zipfile
from pathlib import Path
from typing import Any

from services.agents.backend import AgentDefinition
from services.agents.plan import links_of_ids
from services.backup.models import AGENTS, MANIFEST, QUEUES, THREADS, Scope
from services.models import QueueSettings
from tests.contract.agents_support import Lab, say
from tests.contract.answers_support import LEAD, make_queues, open_desk
from tests.contract.backup_support import Place, talk

FULL: dict[str, Any] = {
    "name": "full",
    "model": "gpt-4o",
    "instructions": "Say <b>nothing</b>.",
    "description": "All there is.",
    "temperature": 0.25,
    "top_p": 0.5,
    "response_format": {"type": "json_object"},
    "tools": [
        {"type": "code_interpreter"},
        {
            "type": "mcp",
            "server_label": "docs",
            "server_url": "https://example.com/mcp",
            "allowed_tools": ["a"],
        },
        {"type": "openapi", "openapi": {"name": "shop", "spec": {"openapi": "3.0.1", "paths": {}}}},
        {
            "type": "function",
            "function": {"name": "here", "parameters": {"type": "object", "properties": {}}},
        },
    ],
}
KEPT = ("name", "model", "instructions", "description", "temperature", "top_p", "response_format", "tools")


def test_an_agent_comes_back_with_all_that_defines_it(old: Place, new: Place, tmp_path: Path) -> None:
    """Tools of every kind too, also those that Relaydeck itself never makes."""
    old.lab.client.create_agent(body={**FULL, "metadata": {"team": "blue"}})

    old.back_up(tmp_path / "b.zip")
    report = new.restore(tmp_path / "b.zip")

    agent = new.agents()["full"]
    assert {key: agent[key] for key in KEPT} == {key: FULL[key] for key in KEPT}
    assert agent["metadata"]["team"] == "blue"
    assert agent["metadata"]["restored_from"].startswith(
        f"{report.manifest.id} {old.agents()['full']['id']} "
    )
    assert report.failed == ()


def test_an_orchestrator_leads_the_new_agents(old: Place, new: Place, tmp_path: Path) -> None:
    """It was created before them in the file's order, so that only their dependency can have decided."""
    leader = old.seam.backend.create_agent(AgentDefinition("leader", "gpt-4o", "Lead."), {"opid": "op_0"})
    child = old.seam.backend.create_agent(AgentDefinition("child", "gpt-4o", "Help."), {"opid": "op_1"})
    old.lab.client.update_agent(
        leader.id,
        body={
            "tools": [
                {
                    "type": "connected_agent",
                    "connected_agent": {"id": child.id, "name": "child", "description": "Helps."},
                }
            ]
        },
    )

    old.back_up(tmp_path / "b.zip")
    report = new.restore(tmp_path / "b.zip")

    made = new.agents()
    (tool,) = made["leader"]["tools"]
    assert tool["connected_agent"] == {"id": made["child"]["id"], "name": "child", "description": "Helps."}
    assert made["child"]["id"] != child.id
    assert report.ids("agent") == {leader.id: made["leader"]["id"], child.id: made["child"]["id"]}


def test_the_pooled_team_works_in_the_new_project(old: Place, new: Place, tmp_path: Path) -> None:
    """Its tools and instructions name the new storage account, and the mark of its connections fits the new ids."""
    old.seam.team().orchestrator()

    old.back_up(tmp_path / "b.zip")
    report = new.restore(tmp_path / "b.zip")

    text = json.dumps(new.agents())
    assert old.seam.settings.storage_endpoint not in text
    assert text.count(new.seam.settings.storage_endpoint) == json.dumps(old.agents()).count(
        old.seam.settings.storage_endpoint
    )
    assert any(new.seam.settings.storage_endpoint in note for note in report.notes)
    leader = new.agents()["orchestrator"]
    ids = [tool["connected_agent"]["id"] for tool in leader["tools"]]
    assert set(ids) <= {agent["id"] for agent in new.agents().values()}
    assert leader["metadata"]["links"] == links_of_ids(ids)


def test_after_the_loss_of_agents_the_restored_team_is_the_pooled_one(old: Place, tmp_path: Path) -> None:
    """The same project, the same storage account: Relaydeck asks the restored team and makes none of its own."""
    old.seam.team().orchestrator()
    old.back_up(tmp_path / "b.zip")
    for agent in old.agents().values():
        old.seam.backend.delete_agent(agent["id"])

    old.restore(tmp_path / "b.zip")

    assert old.seam.team().orchestrator().id == old.agents()["orchestrator"]["id"]
    assert len(old.agents()) == 4


def test_conversations_come_back_word_for_word(old: Place, new: Place, tmp_path: Path) -> None:
    """Of any length: what exceeds the first request follows message by message, and all of it in order."""
    short = talk(old, "One?", "Uno.", title="Numbers")
    long = talk(old, *(f"Line {number}\n<b>é</b> \u202e" for number in range(131)))
    empty = talk(old)

    result = old.back_up(tmp_path / "b.zip")
    report = new.restore(tmp_path / "b.zip")

    ids = report.ids("thread")
    assert set(ids) == {short, long, empty}
    for before, after in ids.items():
        assert new.conversation(after) == old.conversation(before)
    assert len(new.conversation(ids[long])) == 131
    assert new.seam.backend.get_thread(ids[short]).metadata["title"] == "Numbers"
    assert {one["id"] for one in new.threads()} == set(ids.values())
    assert (result.manifest.counts.threads, result.manifest.counts.messages) == (3, 133)
    assert report.failed == ()


def test_queues_come_back_with_their_metadata_and_without_messages(
    old: Place, new: Place, tmp_path: Path
) -> None:
    """A message taken along would be hidden from its reader; the report says how many stay."""
    old.seam.queues.create(QueueSettings("orders-input", {"Owner": "shop"}))
    old.lab.queues.get_queue_client("orders-input").send_message("wait for me")

    old.back_up(tmp_path / "b.zip")
    report = new.restore(tmp_path / "b.zip")

    assert new.seam.queues.list_configured() == [QueueSettings("orders-input", {"Owner": "shop"})]
    assert new.seam.queues.depth_of("orders-input").messages == 0
    assert {one.what: one.count for one in report.cannot_move}["messages in queues"] == 1
    assert old.seam.queues.depth_of("orders-input").messages == 1


def test_a_restored_conversation_goes_on(old: Place, new: Place, tmp_path: Path) -> None:
    """The model of the new project is given what was said in the old one."""

    def talks(lab: Lab) -> None:
        lab.model.answers(LEAD, lambda request: say(f"{len(request.conversation)} messages so far."))

    talks(old.lab)
    with open_desk(old.lab.emulator) as desk:
        make_queues(desk)
        first = desk.ask("What is your name?")
    old.back_up(tmp_path / "b.zip")
    report = new.restore(tmp_path / "b.zip")
    talks(new.lab)

    thread_id = report.ids("thread")[first.thread_id]
    with open_desk(new.lab.emulator) as desk:
        answer = desk.ask("And mine?", thread_id=thread_id)
        conversation = desk.answers.conversation(thread_id)

    assert (answer.state, answer.text) == ("answered", "3 messages so far.")
    told = [part.text for part in new.lab.model.requests[-1].conversation]
    assert told == ["What is your name?", "1 messages so far.", "And mine?"]
    asked = [(one.question, one.text, one.state) for one in conversation.answers]
    assert asked == [
        ("What is your name?", "1 messages so far.", "answered"),
        ("And mine?", "3 messages so far.", "answered"),
    ]
    assert conversation.answers[0].notice.startswith("Restored from a back-up")
    assert conversation.title == "What is your name?"
    assert new.conversation(thread_id)[:2] == old.conversation(first.thread_id)


def test_what_stays_behind_is_counted(old: Place, new: Place, tmp_path: Path) -> None:
    """Runs, attachments, files and vector stores, each with its reason."""
    agent = old.lab.agent()
    old.lab.ask(agent, "Once?")
    old.lab.ask(agent, "Twice?")
    resources = {
        "file_search": {"vector_store_ids": ["vs_1"]},
        "code_interpreter": {"file_ids": ["f_1", "f_2"]},
    }
    old.lab.client.create_agent(
        body={
            "model": "gpt-4o",
            "name": "reader",
            "tools": [{"type": "file_search"}],
            "tool_resources": resources,
        }
    )
    thread = old.lab.client.threads.create()
    content: Any = [
        {"type": "text", "text": "Look:"},
        {"type": "image_file", "image_file": {"file_id": "f_3"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    ]
    old.lab.client.messages.create(
        thread.id,
        body={
            "role": "user",
            "content": content,
            "attachments": [{"file_id": "f_4", "tools": [{"type": "file_search"}]}],
        },
    )

    old.back_up(tmp_path / "b.zip")
    report = new.restore(tmp_path / "b.zip")

    counts = {one.what: one.count for one in report.cannot_move}
    assert (counts["runs"], counts["attachments of messages"]) == (2, 1)
    assert (counts["files"], counts["vector stores"]) == (4, 1)
    assert counts["run steps"] is None
    assert all(one.why for one in report.cannot_move)
    lost = {one.old_id: one.notes for one in report.outcomes if one.notes}
    assert lost[thread.id] == ("an image file", "attachments")
    assert new.agents()["reader"]["tool_resources"] == {}
    (message,) = new.seam.backend.message_documents(report.ids("thread")[thread.id]).documents
    assert [block["type"] for block in message["content"]] == ["text", "text", "image_url"]  # type: ignore[attr-defined]  # raw JSON
    assert words_contain(message, "An image stood here")


def words_contain(message: Any, words: str) -> bool:
    return any(words in block["text"]["value"] for block in message["content"] if block["type"] == "text")


def test_the_file_names_what_is_in_it(old: Place, tmp_path: Path) -> None:
    """So that somebody without Relaydeck can read it: JSON lines and a manifest with hashes."""
    talk(old, "One?", "Uno.")
    old.lab.agent()

    result = old.back_up(tmp_path / "b.zip")

    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert sorted(archive.namelist()) == sorted([AGENTS, THREADS, QUEUES, MANIFEST])
        manifest = json.loads(archive.read(MANIFEST))
        lines = [json.loads(line) for line in archive.read(THREADS).splitlines()]
    assert (manifest["format"], manifest["version"], manifest["id"]) == (
        "relaydeck-backup",
        1,
        result.manifest.id,
    )
    assert manifest["source"]["project_endpoint"] == old.seam.settings.project_endpoint
    assert manifest["counts"] == {"agents": 1, "threads": 1, "messages": 2, "queues": 0}
    assert manifest["members"][THREADS]["lines"] == 3
    assert [line.get("role") for line in lines] == [None, "user", "assistant"]
    assert list(tmp_path.iterdir()) == [tmp_path / "b.zip"]
    assert (tmp_path / "b.zip").stat().st_mode & 0o077 == 0
    assert old.acted == [("back up", result.manifest.id, "done")]


def test_only_the_newest_threads_when_so_asked(old: Place, new: Place, tmp_path: Path) -> None:
    """In the order they began, so that the new project lists them as the old one did."""
    made = [talk(old, str(number)) for number in range(4)]

    old.back_up(tmp_path / "b.zip", Scope(threads=2))
    report = new.restore(tmp_path / "b.zip")

    assert list(report.ids("thread")) == made[2:]
    assert old.back_up(tmp_path / "none.zip", Scope(threads=0)).manifest.counts.threads == 0


def test_only_ours_when_so_asked(old: Place, tmp_path: Path) -> None:
    """Of this environment; and of the queues those that our tools name."""
    old.seam.team().orchestrator()
    old.lab.agent()
    ours = talk(old, "Ours.", relaydeck="pooled", environment=old.seam.settings.environment)
    talk(old, "Another's.", relaydeck="pooled", environment="elsewhere")
    for name in ("azure-function-foo-input", "strange"):
        old.seam.queues.create(QueueSettings(name, {}))

    result = old.back_up(tmp_path / "b.zip", Scope(ours=True))

    counts = result.manifest.counts
    assert (counts.agents, counts.threads, counts.queues) == (4, 1, 1)
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert json.loads(archive.read(THREADS).splitlines()[0])["id"] == ours


def test_agents_made_for_one_question_are_left_out(old: Place, tmp_path: Path) -> None:
    """Restored they would be litter: nobody is left to delete them. That is no failure of the back-up."""
    with old.seam.team().per_query_team():
        result = old.back_up(tmp_path / "b.zip")

    assert (result.manifest.counts.agents, result.manifest.left_out_count) == (0, 4)
    assert result.manifest.lost_count == 0
