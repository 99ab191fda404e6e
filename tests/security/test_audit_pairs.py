"""Nothing is written without an audit pair: each action, through the real services, and what it sends in between."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from emulator.faults import Fault
from emulator.front import Seen
from emulator.monitor.schemas import AUDIT_RULE, AUDIT_STREAM
from emulator.server import Emulator, EmulatorSettings
from services.access import PROCESS, ActionName, Principal, acting_as
from services.errors import ServiceError
from tests.security.deeds import Shop, open_shop
from tests.waiting import wait_for

ACTIONS: tuple[ActionName, ...] = get_args(ActionName)
UPLOAD = "monitor.upload_logs"
ADMIN = Principal("oid-ann", "Ann", frozenset({"admin"}), "tenant", "5e55", "10.0.0.7")
CHANGES_NOTHING = ("monitor.", "identity.", "control.")
COLD_S = 60.0
HOLDS = ("queues.get_messages", "queues.update_message")  # a message is held for a moment, and given back


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("pairs")
    with (
        Emulator(EmulatorSettings(state=folder / "state")) as emulator,
        open_shop(emulator, folder, audited(emulator, folder)) as found,
    ):
        emulator.monitor._store.opened.wait(COLD_S)  # what is tested is not how long a cold DuckDB takes
        yield found


def audited(emulator: Emulator, folder: Path) -> dict[str, str]:
    """Return what the shop needs beside its addresses to put on record what happens in it."""
    return {
        "state": str(folder / "relaydeck"),
        "logs_endpoint": emulator.url,
        "logs_workspace": emulator.workspace_id,
        "audit_endpoint": emulator.url,
        "audit_rule": AUDIT_RULE,
        "audit_stream": AUDIT_STREAM,
    }


def settle(shop: Shop) -> None:
    """Wait until nothing is at work any more, and everything is in the table."""
    shop.settle()
    shop.services.trail.note(PROCESS, "look")  # what could not be sent is tried again with it, and at once
    wait_for(lambda: waiting(shop) == 0)


def waiting(shop: Shop) -> int:
    state = shop.services.trail.state()
    return (state.writer.waiting if state.writer else 0) + state.open


def writes_since(shop: Shop, number: int, action: ActionName) -> list[Seen]:
    """Return the requests after request *number* by which *action* changed something.

    What is stopped by `cancel run` was begun by somebody else and goes on writing, so there only the stopping counts.
    """
    found = [
        one for one in shop.emulator.requests() if one.number > number and one.method not in ("GET", "HEAD")
    ]
    if action == "cancel run":
        return [one for one in found if one.operation == "foundry.cancel_run"]
    return [one for one in found if not one.operation.startswith((*CHANGES_NOTHING, *HOLDS))]


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_leaves_its_intent_before_it_sends_anything_and_its_result_after(
    shop: Shop, action: ActionName
) -> None:
    settle(shop)
    before = {record.hash for record in shop.services.auditor.records()}
    deed, last = shop.prepared(action), shop.last_request()

    with acting_as(ADMIN):
        deed()

    settle(shop)
    records = [
        one for one in shop.services.auditor.records() if one.actor == ADMIN.id and one.hash not in before
    ]
    intents = {record.pair: record for record in records if record.kind == "intent"}
    results = {record.pair: record for record in records if record.kind == "result"}
    assert action in {record.action for record in intents.values()}
    assert intents.keys() == results.keys()
    assert {result.outcome for result in results.values()} <= {"done", "failed"}
    recording = [
        one.number for one in shop.emulator.requests() if one.number > last and one.operation == UPLOAD
    ]
    assert [one.operation for one in writes_since(shop, last, action) if one.number < recording[0]] == []


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_that_cannot_be_put_on_record_changes_nothing(shop: Shop, action: ActionName) -> None:
    """Fail closed, for every action there is."""
    settle(shop)
    deed, last = shop.prepared(action), shop.last_request()
    for _ in range(40):
        shop.emulator.fail(Fault(UPLOAD, status=403))

    with acting_as(ADMIN):
        try:
            result: object = deed()
        except ServiceError as error:
            result = error
    written = writes_since(shop, last, action)
    shop.emulator.call(shop.emulator.faults.clear)

    assert [one.operation for one in written] == []
    assert "put on record" in told(result)


def told(result: object) -> str:
    """Return what the person hears, in whatever form this action reports."""
    return getattr(result, "message", "") or repr(result)


def test_the_chain_is_whole_after_all_of_it(shop: Shop) -> None:
    settle(shop)

    verdict = shop.services.auditor.check().verdict

    assert verdict.is_valid, verdict.fault
    assert verdict.records > 2 * len(ACTIONS)
