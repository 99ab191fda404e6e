"""The trail of actions on Local Azure: nothing happens that is not on record, and nothing on record is lost."""

import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.audit import killed, place_of
from emulator.faults import Fault
from emulator.server import Emulator
from services.access import Principal
from services.actions import Change
from services.audit.record import digest
from services.errors import AccessDenied, NotFound, Unavailable
from services.telemetry.context import trace_of
from tests.contract.audit_support import ANN, UPLOAD, Trailed, trailed
from tests.waiting import wait_for


@pytest.fixture
def trail(emulator: Emulator, tmp_path: Path) -> Iterator[Trailed]:
    with trailed(emulator, tmp_path, {"RELAYDECK_CALL_RETRIES": "0"}) as found:
        yield found


def act(trail: Trailed, target: str = "asst_1") -> list[str]:
    """Do something that leaves a trace when it is done."""
    done: list[str] = []
    trail.services.actions.perform("delete agent", target, lambda: done.append(target))
    return done


def test_intent_and_result_are_on_record_with_who_what_and_when(trail: Trailed) -> None:
    trail.services.actions.perform(
        "delete agent", "asst_1", lambda: {"a": 1}, change=lambda was: Change(was, {"a": 2})
    )

    epoch, intent, result = trail.records()

    assert (epoch.kind, epoch.target) == ("epoch", "this folder had no chain to go on with")
    assert (intent.kind, intent.action, intent.target_type, intent.target) == (
        "intent",
        "delete agent",
        "agent",
        "asst_1",
    )
    assert (intent.actor, intent.actor_name, intent.tenant, intent.roles, intent.session, intent.address) == (
        "oid-ann",
        "Ann",
        "tenant-1",
        "admin",
        "5e55",
        "10.0.0.7",
    )
    assert (result.kind, result.outcome, result.error, result.pair) == ("result", "done", "", intent.pair)
    assert (result.before, result.after) == (digest({"a": 1}), digest({"a": 2}))
    assert (intent.environment, intent.version) == ("local", "0.1.0")
    assert intent.at <= result.at


def test_the_intent_is_on_record_before_anything_happens(trail: Trailed) -> None:
    seen: list[str] = []

    def look() -> None:
        seen.extend(one.kind for one in trail.services.auditor.records())

    trail.services.actions.perform("purge queue", "parcels-poison", look)

    assert seen == ["epoch", "intent"]


def test_what_fails_is_on_record_with_the_kind_of_its_error(trail: Trailed) -> None:
    def fail() -> None:
        raise NotFound("Gone.", operation="delete agent")

    with pytest.raises(NotFound):
        trail.services.actions.perform("delete agent", "asst_1", fail)

    result = trail.records()[-1]
    assert (result.outcome, result.error) == ("failed", "NotFound")


def test_a_refusal_is_on_record_and_has_no_intent(trail: Trailed) -> None:
    trail.who = Principal("oid-bob", "Bob", frozenset({"viewer"}))

    with pytest.raises(AccessDenied):
        act(trail)

    assert trail.told() == [("refused", "delete agent", "asst_1", "refused")]


@pytest.mark.parametrize(
    "how", [{"status": 403}, {"status": 503}, {"status": 429}, {"kind": "reset"}], ids=lambda how: str(how)
)
def test_an_action_that_cannot_be_put_on_record_does_not_happen(
    trail: Trailed, how: dict[str, object]
) -> None:
    """Fail closed. The attempt is on record later, as one that never began."""
    trail.emulator.fail(Fault(UPLOAD, **how))  # type: ignore[arg-type]  # Fault checks its values

    with pytest.raises(Unavailable, match="could not be put on record first") as caught:
        assert act(trail) == ["never"]
    assert (caught.value.code, caught.value.sent) == ("NotOnRecord", False)

    again = [one for one in trail.told() if one[0] in ("intent", "result")]
    assert again == [
        ("intent", "delete agent", "asst_1", ""),
        ("result", "delete agent", "asst_1", "not started"),
    ]
    assert trail.check().verdict.is_valid


def test_a_refused_action_can_be_tried_again_once_the_table_answers(trail: Trailed) -> None:
    trail.fail(status=503)
    with pytest.raises(Unavailable):
        act(trail)

    assert act(trail, "asst_2") == ["asst_2"]
    assert trail.services.trail.state().writer is not None
    assert trail.check().verdict.is_valid


def test_a_result_that_cannot_be_sent_is_kept_and_sent_later(emulator: Emulator, tmp_path: Path) -> None:
    """The process may even end meanwhile: the next one in that folder sends it."""
    with trailed(emulator, tmp_path, {"RELAYDECK_CALL_RETRIES": "0"}) as trail:

        def cut_off() -> None:
            trail.fail(status=503)

        trail.services.actions.perform("delete agent", "asst_1", cut_off)
        trail.services.trail.close()
        assert [one.kind for one in trail.services.auditor.records()] == ["epoch", "intent"]
        state = trail.services.trail.state().writer
        assert state is not None
        assert (state.waiting, state.kept) == (1, True)
        assert "503" in state.problem

    with trailed(emulator, tmp_path) as trail:
        trail.services.trail.start()
        assert [one.kind for one in trail.records()] == ["epoch", "intent", "result"]
        assert trail.check().verdict.is_valid


def test_the_next_process_goes_on_with_the_chain(emulator: Emulator, tmp_path: Path) -> None:
    for target in ("asst_1", "asst_2"):
        with trailed(emulator, tmp_path) as trail:
            act(trail, target)
    with trailed(emulator, tmp_path) as trail:
        found = trail.check().verdict

        assert [(one.first, one.last) for one in found.chains] == [(0, 4)]
        assert found.is_valid


def test_two_processes_at_once_write_a_chain_each(emulator: Emulator, tmp_path: Path) -> None:
    """Replicas that share a folder must not fight for one chain."""
    with trailed(emulator, tmp_path) as one, trailed(emulator, tmp_path) as other:
        act(one)
        act(other)
        one.services.trail.close()
        found = other.check().verdict

        assert len(found.chains) == 2
        assert found.is_valid


def test_without_a_folder_to_write_the_chain_is_kept_in_memory_and_says_so(
    emulator: Emulator, tmp_path: Path
) -> None:
    """A container's file system may be read-only: what was done is on record all the same."""
    (tmp_path / "audit").write_text("a file where the folder should be")
    with trailed(emulator, tmp_path, {"RELAYDECK_AUDIT_KEY": "a key for this test alone"}) as trail:
        assert act(trail) == ["asst_1"]
        epoch = trail.records()[0]
        state = trail.services.trail.state().writer

        assert state is not None
        assert not state.kept
        assert epoch.target.startswith("the folder cannot be used")


def test_without_a_key_nothing_happens(emulator: Emulator, tmp_path: Path) -> None:
    """Better no action than one whose record nobody can check."""
    (tmp_path / "audit").write_text("a file where the folder should be")
    with (
        trailed(emulator, tmp_path) as trail,
        pytest.raises(Unavailable, match="RELAYDECK_AUDIT_KEY is not set, and none can be kept"),
    ):
        act(trail)


def test_the_key_of_the_state_folder_is_the_owners_alone(trail: Trailed) -> None:
    act(trail)

    key = trail.folder / "audit" / "audit.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert len(key.read_text().strip()) >= 32


def test_a_lost_reply_brings_a_record_twice_and_that_is_no_fault(emulator: Emulator, tmp_path: Path) -> None:
    with trailed(emulator, tmp_path) as trail:
        trail.fail(kind="reset", when="after")
        assert act(trail) == ["asst_1"]
        found = trail.check().verdict

        assert found.is_valid
        assert found.records == 5
        assert any("delivered again" in note for note in found.chains[0].notes)


def test_a_torn_last_line_of_the_journal_is_dropped(emulator: Emulator, tmp_path: Path) -> None:
    """A process was killed in the middle of a write: what it wrote last was never sent."""
    with trailed(emulator, tmp_path) as trail:
        act(trail)
    (journal,) = (tmp_path / "audit").glob("*.jsonl")
    with journal.open("ab") as file:
        file.write(json.dumps({"record": {"seq": 3}}).encode()[:-4])

    with trailed(emulator, tmp_path) as trail:
        act(trail, "asst_2")
        found = trail.check().verdict

    assert [(one.first, one.last) for one in found.chains] == [(0, 4)]
    assert found.is_valid


def test_a_journal_that_was_tampered_with_is_given_up(emulator: Emulator, tmp_path: Path) -> None:
    with trailed(emulator, tmp_path) as trail:
        act(trail)
    (journal,) = (tmp_path / "audit").glob("*.jsonl")
    journal.write_text(journal.read_text().replace("oid-ann", "oid-bob"))

    with trailed(emulator, tmp_path) as trail:
        act(trail, "asst_2")
        found = trail.check().verdict
        assert len(found.chains) == 2
        assert found.is_valid
    assert [path.stem for path in (tmp_path / "audit").glob("*.unverified")] == [journal.stem]


def test_with_too_much_waiting_nothing_begins(trail: Trailed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The state folder must not fill up while the table is away; the results of what was done are kept all the same."""
    monkeypatch.setattr("services.audit.writer.MOST_WAITING", 0)

    with pytest.raises(Unavailable, match="could not be put on record first"):
        act(trail)

    assert trail.records() == []


def test_many_at_once_are_put_on_record_together(trail: Trailed) -> None:
    """A clean-up deletes a hundred things a second: each waits for a request, not for a hundred."""
    threads = [threading.Thread(target=act, args=[trail, f"asst_{number}"]) for number in range(40)]
    before = len(trail.emulator.requests())
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent = [one for one in trail.emulator.requests()[before:] if one.operation == "monitor.upload_logs"]

    assert len(sent) < 60
    assert len(trail.told()) == 80
    assert trail.check().verdict.is_valid


def test_a_result_goes_to_the_table_with_the_next_intent(
    trail: Trailed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upload of its own would compete with the work that its intent has let begin."""
    monkeypatch.setattr("services.audit.writer.LINGER_S", 600)
    before = len(trail.emulator.requests())

    for number in range(3):
        act(trail, f"asst_{number}")

    sent = [one for one in trail.emulator.requests()[before:] if one.operation == UPLOAD]
    assert len(sent) == 3
    kept = trail.services.auditor.records()
    assert [one.kind for one in kept] == ["epoch", *["intent", "result"] * 2, "intent"]
    assert len(trail.told()) == 6
    assert trail.check().verdict.is_valid


def test_a_result_that_no_intent_follows_is_in_the_table_soon(trail: Trailed) -> None:
    act(trail)

    wait_for(lambda: len(list(trail.services.auditor.records())) == 3 or None)


def test_an_event_that_is_no_action_can_be_put_on_record(trail: Trailed) -> None:
    """Signing in and out, for those who do that."""
    trail.services.trail.note(ANN, "sign in", outcome="done")

    assert trail.told() == [("event", "sign in", "", "done")]


def test_a_sign_in_is_on_record_once_however_many_tabs_it_has(trail: Trailed) -> None:
    for _ in range(3):
        trail.services.trail.signed_in(ANN)

    assert trail.told() == [("event", "sign in", "", "done")]


def test_what_is_done_for_an_answer_names_its_trace(trail: Trailed) -> None:
    """So that the record leads to the Trace page, and back."""
    trail.services.trail.begin(ANN, "ask question", "ans_1")

    assert trail.records()[-1].trace_id == trace_of("ans_1").trace_id


def test_the_trail_can_be_off_and_says_why(emulator: Emulator, tmp_path: Path) -> None:
    with trailed(emulator, tmp_path, {"RELAYDECK_AUDIT": "off"}) as trail:
        assert act(trail) == ["asst_1"]
        assert trail.services.trail.state().off == "RELAYDECK_AUDIT is off."
        assert trail.records() == []


@pytest.mark.skipif(sys.platform == "win32", reason="the writers are forked, as on POSIX only")
def test_processes_killed_while_they_write_leave_a_whole_chain(emulator: Emulator, tmp_path: Path) -> None:
    """Three of the hundred that `run.py chaos` kills."""
    for figure in killed(place_of(emulator, tmp_path), 3, seed=5):
        assert figure.met, figure
