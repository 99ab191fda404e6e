"""Back-up and restore when the service is in the way: nothing is lost, doubled, replaced or passed over in silence."""

from pathlib import Path
from typing import Any

import pytest

from services.backup.models import RestoreReport
from services.errors import AccessDenied, Conflict, Throttled
from services.models import QueueSettings
from tests.contract.backup_support import Place, talk


def fill(place: Place, threads: int = 6) -> None:
    """A small project: a team of two, conversations, one of them long, and a queue."""
    child = place.lab.client.create_agent(body={"model": "gpt-4o", "name": "child"})
    tool = {
        "type": "connected_agent",
        "connected_agent": {"id": child.id, "name": "child", "description": "x"},
    }
    place.lab.client.create_agent(body={"model": "gpt-4o", "name": "leader", "tools": [tool]})
    for number in range(threads - 1):
        talk(place, f"Question {number}?", f"Answer {number}.")
    talk(place, *(f"Line {number}" for number in range(40)))
    place.seam.queues.create(QueueSettings("orders", {"a": "b"}))


def assert_moved(old: Place, new: Place, report: RestoreReport) -> None:
    """Everything is there, once."""
    assert report.failed == ()
    made = new.agents()
    assert len(new.seam.backend.list_agents(100)) == len(made) == 2
    assert made["leader"]["tools"][0]["connected_agent"]["id"] == made["child"]["id"]
    ids = report.ids("thread")
    assert {one["id"] for one in new.threads()} == set(ids.values())
    assert len(ids) == len(old.threads())
    for before, after in ids.items():
        assert new.conversation(after) == old.conversation(before)
    assert new.seam.queues.list_configured() == old.seam.queues.list_configured()


def test_a_second_restore_adds_nothing(old: Place, new: Place, tmp_path: Path) -> None:
    """It says that all is there, and sends no write."""
    fill(old)
    old.back_up(tmp_path / "b.zip")
    first = new.restore(tmp_path / "b.zip")
    before = len(new.seam.asked())

    second = new.restore(tmp_path / "b.zip")

    assert new.writes(before) == []
    assert second.ids("agent") == first.ids("agent") and second.ids("thread") == first.ids("thread")
    assert (second.count("thread", "present"), second.count("agent", "present")) == (6, 2)
    assert_moved(old, new, second)


@pytest.mark.parametrize(
    ("operation", "skip"),
    [
        ("queues.create_queue", 0),
        ("foundry.create_agent", 1),
        ("foundry.create_thread", 3),
        ("foundry.create_message", 5),
        ("foundry.list_messages", 2),
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_restore_that_stopped_half_way_goes_on(
    old: Place, new: Place, tmp_path: Path, operation: str, skip: int, when: str
) -> None:
    """Access is taken away at that request, and with `after` the service has done what it denies."""
    fill(old)
    old.back_up(tmp_path / "b.zip")
    new.seam.fail(operation, status=403, code="Forbidden", skip=skip, when=when)

    try:
        first = new.restore(tmp_path / "b.zip")
    except AccessDenied as error:
        assert new.acted[-1][::2] == ("restore", "AccessDenied")
        assert error.hint
    else:  # of queues alone: the role may be missing where conversations matter more
        assert operation.startswith("queues") and [one.kind for one in first.failed] == ["queue"]

    assert_moved(old, new, new.restore(tmp_path / "b.zip"))


@pytest.mark.parametrize(
    "operation",
    [
        "queues.create_queue",
        "foundry.create_agent",
        "foundry.create_thread",
        "foundry.create_message",
        "foundry.list_messages",
    ],
)
@pytest.mark.parametrize(
    "trouble",
    [
        {"status": 429, "headers": {"Retry-After": "1"}, "times": 12},
        {"status": 503, "times": 3},
        {"kind": "reset", "when": "after", "times": 2},
        {"kind": "truncate", "when": "after"},
    ],
    ids=["429", "503", "lost-reply", "half-a-reply"],
)
def test_trouble_that_passes_is_waited_for(
    old: Place, new: Place, tmp_path: Path, operation: str, trouble: dict[str, Any]
) -> None:
    """With nothing made twice. Twelve refusals are more than one call's own attempts."""
    fill(old)
    old.back_up(tmp_path / "b.zip")
    new.seam.fail(operation, **trouble)

    assert_moved(old, new, new.restore(tmp_path / "b.zip"))


@pytest.mark.parametrize(
    "trouble",
    [
        {"status": 429, "headers": {"Retry-After": "1"}, "times": 12},
        {"kind": "reset", "times": 3},
        {"kind": "truncate"},
    ],
    ids=["429", "reset", "half-a-reply"],
)
def test_a_back_up_waits_for_trouble_that_passes(old: Place, tmp_path: Path, trouble: dict[str, Any]) -> None:
    """And then holds every message, once."""
    fill(old)
    for operation in ("list_agents", "list_threads", "list_messages"):
        old.seam.fail(f"foundry.{operation}", **trouble)

    manifest = old.back_up(tmp_path / "b.zip").manifest

    counts = manifest.counts
    assert (counts.agents, counts.threads, counts.messages, manifest.left_out_count) == (2, 6, 50, 0)


def test_a_service_that_asks_for_a_day_is_not_waited_for(old: Place, new: Place, tmp_path: Path) -> None:
    """The back-up ends and says so; an older one stays."""
    fill(old)
    old.back_up(tmp_path / "b.zip")
    before = (tmp_path / "b.zip").read_bytes()
    old.seam.fail("foundry.list_messages", status=429, headers={"Retry-After": "86400"})

    with pytest.raises(Throttled):
        old.back_up(tmp_path / "b.zip")

    assert list(tmp_path.iterdir()) == [tmp_path / "b.zip"]
    assert (tmp_path / "b.zip").read_bytes() == before
    assert old.acted[-1][::2] == ("back up", "Throttled")


@pytest.mark.parametrize(
    "operation", ["foundry.list_agents", "foundry.list_threads", "foundry.list_messages"]
)
def test_a_back_up_that_may_not_read_is_none(old: Place, tmp_path: Path, operation: str) -> None:
    """A file that lacks what nobody may read would be taken for whole on the day it is needed."""
    fill(old)
    old.seam.fail(operation, status=403, code="Forbidden")

    with pytest.raises(AccessDenied) as caught:
        old.back_up(tmp_path / "b.zip")

    assert "role" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_queues_that_may_not_be_read_are_named_as_left_out(old: Place, new: Place, tmp_path: Path) -> None:
    """Conversations matter where the role for the storage account is missing."""
    fill(old)
    old.seam.fail("queues.list_queues", status=403, code="AuthorizationPermissionMismatch")

    manifest = old.back_up(tmp_path / "b.zip").manifest

    assert (manifest.counts.queues, manifest.counts.threads, manifest.lost_count) == (0, 6, 1)
    (left_out,) = manifest.left_out
    assert left_out.kind == "queues" and "role" in left_out.reason
    assert {one.what: one.count for one in manifest.cannot_move}["messages in queues"] is None
    assert new.restore(tmp_path / "b.zip").count("thread", "created") == 6


def test_a_thread_that_is_deleted_meanwhile_is_left_out(old: Place, tmp_path: Path) -> None:
    """Between the list and its messages; that is as usual, and the back-up is whole."""
    fill(old)
    old.seam.fail("foundry.list_messages", status=404, code="not_found", skip=2)

    manifest = old.back_up(tmp_path / "b.zip").manifest

    assert (manifest.counts.threads, manifest.left_out_count, manifest.lost_count) == (5, 1, 0)
    assert manifest.left_out[0].reason == "it was deleted meanwhile"


def test_a_thread_that_cannot_be_read_is_named_and_the_others_are_kept(old: Place, tmp_path: Path) -> None:
    """One broken reply must not cost the back-up of all others, nor pass in silence."""
    fill(old)
    old.seam.fail("foundry.list_messages", status=200, body='{"data": [{"id": "msg_1"}]}', skip=2)

    manifest = old.back_up(tmp_path / "b.zip").manifest

    assert (manifest.counts.threads, manifest.left_out_count, manifest.lost_count) == (5, 1, 1)
    assert manifest.left_out[0].kind == "thread" and manifest.left_out[0].id.startswith("thread_")


def test_a_page_that_began_after_a_deleted_thread_is_read_all_the_same(old: Place, tmp_path: Path) -> None:
    """The service may refuse the place where the next page begins; the one before it does as well."""
    for number in range(103):
        talk(old, str(number))
    old.seam.fail("foundry.list_threads", status=400, code="invalid_value", skip=1)

    assert old.back_up(tmp_path / "b.zip").manifest.counts.threads == 103


def test_agents_of_the_same_names_need_a_yes(old: Place, new: Place, tmp_path: Path) -> None:
    """Nothing is written before; with it, the others stay as they are."""
    fill(old)
    fill(new, threads=1)
    there = {one.id for one in new.seam.backend.list_agents()}
    old.back_up(tmp_path / "b.zip")
    before = len(new.seam.asked())

    with pytest.raises(Conflict) as caught:
        new.restore(tmp_path / "b.zip")
    planned = new.restore(tmp_path / "b.zip", dry_run=True)

    assert caught.value.code == "SameNames" and "other agents called child, leader" in caught.value.message
    assert new.writes(before) == []
    assert (planned.same_names, planned.count("agent", "planned")) == (("child", "leader"), 2)
    report = new.restore(tmp_path / "b.zip", beside=True)
    after = {one.id for one in new.seam.backend.list_agents()}
    assert there < after and after - there == set(report.ids("agent").values())


def test_what_was_never_lost_is_not_made_again(old: Place, tmp_path: Path) -> None:
    """One agent and one conversation are deleted by mistake: the same project gets these two back, and nothing else."""
    fill(old)
    old.back_up(tmp_path / "b.zip")
    child, lost = old.agents()["child"]["id"], old.threads()[2]["id"]
    said = old.conversation(lost)
    old.seam.backend.delete_agent(child)
    old.seam.backend.delete_thread(lost)
    old.lab.client.messages.create(old.threads()[0]["id"], role="user", content="More.")

    report = old.restore(tmp_path / "b.zip")

    assert (report.count("agent", "created"), report.count("thread", "created")) == (1, 1)
    assert (len(old.agents()), len(old.threads()), report.failed) == (2, 6, ())
    assert old.conversation(report.ids("thread")[lost]) == said
    (leader,) = [one for one in report.outcomes if one.name == "leader"]
    assert leader.notes == (
        f"it is still connected to {child}, which is {report.ids('agent')[child]} now: connect it anew",
    )


def test_a_dry_run_writes_nothing_and_says_what_would_be(old: Place, new: Place, tmp_path: Path) -> None:
    fill(old)
    old.back_up(tmp_path / "b.zip")
    before = len(new.seam.asked())

    report = new.restore(tmp_path / "b.zip", dry_run=True)

    assert new.writes(before) == []
    assert [report.count(kind, "planned") for kind in ("agent", "thread", "queue")] == [2, 6, 1]
    assert new.acted == []


def test_a_conversation_that_somebody_went_on_with_is_left_as_it_is(
    old: Place, new: Place, tmp_path: Path
) -> None:
    """Half of it was restored and then used: what is missing would stand behind the new question."""
    thread_id = talk(old, *(f"Line {number}" for number in range(40)))
    old.back_up(tmp_path / "b.zip")
    new.seam.fail("foundry.create_message", status=403, skip=3)
    with pytest.raises(AccessDenied):
        new.restore(tmp_path / "b.zip")
    (half,) = new.threads()
    new.lab.client.messages.create(half["id"], role="user", content="Where were we?")
    before = new.conversation(half["id"])

    report = new.restore(tmp_path / "b.zip")

    (failed,) = report.failed
    assert failed.old_id == thread_id and "5 of its messages were missing" in failed.reason
    assert new.conversation(half["id"]) == before
