"""The probe: a real question through the whole team, hop by hop, and nothing of it left behind."""

import threading
from collections.abc import Iterator

import pytest

from services.doctor.probe import Probe
from tests.contract.agents_support import Lab
from tests.contract.answers_support import answer_by_hand, plays_calculation, plays_talk
from tests.contract.doctor_support import Patient, open_patient


@pytest.fixture
def patient(lab: Lab) -> Iterator[Patient]:
    with open_patient(lab.emulator, RELAYDECK_ANSWER_DEADLINE_S="10") as found:
        found.make_queues()
        yield found


def threads(patient: Patient) -> list[str]:
    return [thread.id for thread in patient.running.services.backend.list_threads(100)]


def test_a_probe_goes_all_the_way_and_leaves_nothing(patient: Patient, lab: Lab) -> None:
    """A function answers by hand; both conversations, ours and the connected agent's, are gone afterwards."""
    plays_calculation(lab, "58.5")
    told: list[Probe] = []
    function = threading.Thread(target=answer_by_hand, args=[lab, "58.5"])
    function.start()
    probe = patient.running.services.prober.run(told.append)
    function.join()

    assert (probe.state, probe.tool) == ("ok", "calculate")
    assert [hop.name for hop in probe.hops] == [
        "Enqueued",
        "Picked up",
        "Executed",
        "Output written",
        "Output read",
        "Run advanced",
    ]
    assert {hop.state for hop in probe.hops} <= {"done", "unknown"} and probe.hops[-1].state == "done"
    assert told[0].state == "running" and told[-1] == probe
    assert any(one.state == "running" and one.hops for one in told)
    assert probe.writing is not None and probe.writing.state == "ok"
    assert threads(patient) == [] and "2 conversations" in probe.cleaned
    assert lab.left("azure-function-calculate-input") == []


def test_a_probe_of_another_conversation_touches_only_its_own(patient: Patient, lab: Lab) -> None:
    plays_talk(lab, "Just words.")
    mine = patient.running.services.backend.create_thread({"somebody": "else"})
    patient.running.services.prober.run()
    assert threads(patient) == [mine.id]


def test_an_answer_without_the_function_proves_nothing(patient: Patient, lab: Lab) -> None:
    """The model knew the result: the way through the queues was not gone."""
    plays_talk(lab, "58.5, of course.")
    probe = patient.running.services.prober.run()
    assert probe.state == "failed" and "no function was called" in probe.words
    assert threads(patient) == []


def test_a_probe_says_at_which_hop_it_stopped(lab: Lab) -> None:
    """Nobody takes the message: the light of that hop, and no other."""
    plays_calculation(lab)
    with open_patient(lab.emulator, RELAYDECK_ANSWER_DEADLINE_S="1") as patient:
        patient.make_queues()
        probe = patient.running.services.prober.run()

    states = {hop.name: hop.state for hop in probe.hops}
    assert probe.state == "failed" and states["Enqueued"] == "done"
    assert states["Executed"] != "done" and probe.next_step


def test_a_probe_that_cannot_begin_fails_in_words(patient: Patient) -> None:
    """A basic project, a missing role: the reason is the service's, the step is ours."""
    refusal = '{"error": {"code": "invalid", "message": "Invalid tool value(s): azure_function."}}'
    headers = {"content-type": "application/json"}
    patient.fail("foundry.create_agent", status=400, body=refusal, headers=headers)
    probe = patient.running.services.prober.run()

    assert probe.state == "failed" and "azure_function" in probe.words
    assert "standard agent setup" in probe.next_step


def test_what_cannot_be_deleted_is_named(patient: Patient, lab: Lab) -> None:
    plays_talk(lab, "Words.")
    patient.fail("foundry.delete_thread", status=403, code="Forbidden")
    probe = patient.running.services.prober.run()
    (left,) = threads(patient)
    assert left in probe.cleaned and "Could not be deleted" in probe.cleaned


def test_a_probe_is_an_action_of_an_operator(
    patient: Patient, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told like every other write, under its own name."""
    told: list[tuple[str, str, str]] = []
    monkeypatch.setattr(patient.running.services.actions, "_tell", lambda *what: told.append(what))
    plays_talk(lab, "Words.")
    patient.running.services.prober.run()
    assert [name for name, _, outcome in told if outcome == "done"] == ["ask question", "send probe"]
