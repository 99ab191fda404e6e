"""Things that are not as one would make them: a back-up keeps them, a restore says what it cannot do with them."""

from pathlib import Path
from typing import Any

import pytest

from services.backup.models import RestoreReport
from services.backup.words import restore_document, restore_lines
from tests.contract.backup_support import Place, talk

MARKUP = "<script>alert(1)</script> **[x](https://evil)** \x1b[31m\u202e"


def moved(old: Place, new: Place, folder: Path) -> RestoreReport:
    old.back_up(folder / "b.zip")
    return new.restore(folder / "b.zip")


def connection(agent_id: str, name: str = "other") -> dict[str, Any]:
    return {"type": "connected_agent", "connected_agent": {"id": agent_id, "name": name, "description": "x"}}


def test_an_agent_without_a_name_stays_without_one(old: Place, new: Place, tmp_path: Path) -> None:
    """Two of them are not agents of the same name."""
    for place in (old, new):
        place.lab.client.create_agent(body={"model": "gpt-4o", "instructions": "Nobody."})

    report = moved(old, new, tmp_path)

    assert (report.count("agent", "created"), report.same_names) == (1, ())
    assert [one.name for one in new.seam.backend.list_agents()] == ["", ""]


def test_the_longest_instructions_come_back_whole(old: Place, new: Place, tmp_path: Path) -> None:
    """256,000 characters, each of which takes four bytes."""
    instructions = "\U0001f600" * 255_990 + MARKUP[:10]
    old.lab.client.create_agent(body={"model": "gpt-4o", "name": "long", "instructions": instructions})

    moved(old, new, tmp_path)

    assert new.agents()["long"]["instructions"] == instructions


def test_names_with_markup_are_names(old: Place, new: Place, tmp_path: Path) -> None:
    """They come back as they are; what prints them takes the control characters out."""
    old.lab.client.create_agent(body={"model": "gpt-4o", "name": MARKUP, "description": MARKUP})
    thread = talk(old, MARKUP, title=MARKUP)

    report = moved(old, new, tmp_path)

    assert new.agents()[MARKUP]["description"] == MARKUP
    assert new.conversation(report.ids("thread")[thread]) == [("user", MARKUP)]


def test_a_kind_of_tool_that_nobody_knows_is_kept_and_its_refusal_told(
    old: Place, new: Place, tmp_path: Path
) -> None:
    """The old service had it, the new one does not take it: that agent is named, all others are restored."""
    tool = {"type": "quantum_oracle", "quantum_oracle": {"qubits": 3, "deep": {"er": [None, True]}}}
    old.store_agent({"id": "asst_odd", "name": "odd", "model": "gpt-4o", "tools": [tool]})
    leader = {"id": "asst_lead", "name": "lead", "model": "gpt-4o", "tools": [connection("asst_odd", "odd")]}
    old.store_agent(leader)
    old.lab.client.create_agent(body={"model": "gpt-4o", "name": "plain"})

    report = moved(old, new, tmp_path)

    assert set(new.agents()) == {"plain"}
    reasons = {one.name: one.reason for one in report.failed}
    assert "quantum_oracle" in reasons["odd"]
    assert reasons["lead"] == "it is connected to asst_odd, which could not be restored"


def test_a_connection_to_an_agent_that_is_gone_stays_as_broken_as_it_was(
    old: Place, new: Place, tmp_path: Path
) -> None:
    """And is told, so that nobody looks for it in the new project."""
    old.lab.client.create_agent(body={"model": "gpt-4o", "name": "lead", "tools": [connection("asst_gone")]})

    report = moved(old, new, tmp_path)

    assert new.agents()["lead"]["tools"] == [connection("asst_gone")]
    (outcome,) = [one for one in report.outcomes if one.kind == "agent"]
    assert outcome.notes == ("its connection to asst_gone, which is not in the back-up",)


def test_agents_connected_in_a_circle_are_told(old: Place, new: Place, tmp_path: Path) -> None:
    """None of them can be created first. An agent that is merely connected to one of them says so too."""
    for one, other in (("a", "b"), ("b", "a"), ("c", "a")):
        tools = [connection(f"asst_{other}")]
        old.store_agent({"id": f"asst_{one}", "name": one, "model": "gpt-4o", "tools": tools})
    old.lab.client.create_agent(body={"model": "gpt-4o", "name": "plain"})

    report = moved(old, new, tmp_path)

    assert [one.name for one in report.failed] == ["a", "b", "c"]
    assert all("circle" in one.reason for one in report.failed)
    assert set(new.agents()) == {"plain"}
    assert old.restore(tmp_path / "b.zip").count("agent", "present") == 4


def test_metadata_that_is_full_makes_room_and_says_for_what(old: Place, new: Place, tmp_path: Path) -> None:
    """The marks are what keeps a second attempt from doubling; our own pairs stay."""
    pairs = {f"pair_{number:02}": "x" for number in range(14)} | {
        "environment": "local",
        "relaydeck": "pooled",
    }
    old.lab.client.create_agent(body={"model": "gpt-4o", "name": "full", "metadata": pairs})
    thread = talk(old, "Hello?", **pairs)

    report = moved(old, new, tmp_path)

    found = new.agents()["full"]["metadata"]
    assert len(found) == 16 and {"opid", "restored_from", "environment", "relaydeck"} <= set(found)
    for outcome in (one for one in report.outcomes if one.kind in ("agent", "thread")):
        assert outcome.notes == ("metadata pair_13", "metadata pair_12")
    assert len(new.seam.backend.get_thread(report.ids("thread")[thread]).metadata) == 16


def test_a_message_without_text_is_left_out_and_told(old: Place, new: Place, tmp_path: Path) -> None:
    """A run that was cut off leaves one; the service takes none from outside."""
    thread = talk(old, "Hello?", "Hi.")
    emulator = old.lab.emulator

    def empty() -> None:
        store = emulator.foundry._store
        record = list(store.shelf("message", thread))[-1]
        store.save(
            type(record)("message", thread, {**record.document, "content": [], "status": "incomplete"})
        )

    emulator.call(empty)

    report = moved(old, new, tmp_path)

    (outcome,) = [one for one in report.outcomes if one.kind == "thread"]
    assert outcome.notes == ("messages without text or of an unknown role",)
    assert new.conversation(outcome.new_id) == [("user", "Hello?")]
    assert new.restore(tmp_path / "b.zip").count("thread", "present") == 1


def test_files_of_a_conversation_are_told(old: Place, new: Place, tmp_path: Path) -> None:
    """The model can no longer search what was uploaded to it."""
    resources = {"file_search": {"vector_store_ids": ["vs_1"]}}
    body = {"messages": [{"role": "user", "content": "Search it."}], "tool_resources": resources}
    thread = old.lab.client.threads.create(body=body)

    report = moved(old, new, tmp_path)

    assert {one.what: one.count for one in report.cannot_move}["vector stores"] == 1
    (outcome,) = [one for one in report.outcomes if one.old_id == thread.id]
    assert outcome.notes == ("vector store ids of file_search",)


def test_what_to_do_next_is_told(old: Place, new: Place, tmp_path: Path) -> None:
    """Another environment, another storage account, a model that is not deployed here."""
    old.lab.client.create_agent(body={"model": "gpt-99", "name": "a"})
    old.service(environment="prod").back_up(tmp_path / "b.zip", *_all_of_it())

    notes = "\n".join(new.restore(tmp_path / "b.zip").notes)

    assert "'prod'" in notes and "RELAYDECK_ENVIRONMENT" in notes
    assert "no model deployment 'gpt-99'" in notes
    assert new.seam.settings.storage_endpoint in notes


def _all_of_it() -> tuple[Any, Any]:
    from services.backup.models import Scope

    return Scope(), lambda _: None


@pytest.mark.parametrize("dry_run", [True, False], ids=["planned", "done"])
def test_the_report_is_complete_in_words_and_as_a_document(
    old: Place, new: Place, tmp_path: Path, dry_run: bool
) -> None:
    """The map of ids is what somebody needs who has old ids in tickets and bookmarks."""
    old.lab.client.create_agent(body={"model": "gpt-4o", "name": MARKUP})
    old.store_agent({"id": "asst_odd", "name": "odd", "model": "gpt-4o", "tools": [{"type": "oracle"}]})
    thread = talk(old, "Hello?", "Hi.")
    old.back_up(tmp_path / "b.zip")

    report = new.restore(tmp_path / "b.zip", dry_run=dry_run)

    document: Any = restore_document(report)
    text = "\n".join(restore_lines(report))
    agent = old.agents()[MARKUP]["id"]
    assert "There were none of these: runs, run steps, files" in text
    assert "ids and times of agents, threads and messages: 5." in text
    if dry_run:
        assert document["ids"] == {"agents": {}, "threads": {}}
        assert "Agents: 2 would be created" in text
        return
    assert document["ids"]["threads"] == report.ids("thread") and thread in document["ids"]["threads"]
    assert document["restored"]["agents"] == {"created": 1, "present": 0, "planned": 0, "failed": 1}
    assert document["messages_added"] == 2
    assert f"{agent} → {document['ids']['agents'][agent]}" in text
    assert [one["old_id"] for one in document["not_restored"]] == ["asst_odd"]
    assert "Threads: 1 created; 2 messages" in text and "Not restored:" in text
