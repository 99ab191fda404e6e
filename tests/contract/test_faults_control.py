"""Faults and scenarios over the control plane: scripted, counted, ended, and refused when they make no sense."""

from collections.abc import Iterator

import pytest

from emulator.faults import Fault
from emulator.server import Emulator
from emulator.steering import Steering
from tests.contract.faults_support import connection_of
from tests.contract.seam_support import Seam

RAIN = {"operation": "foundry.list_agents", "kind": "slow", "delay_s": 0.0}


@pytest.fixture
def steering(emulator: Emulator) -> Iterator[Steering]:
    yield steering_of(emulator, emulator.token)


@pytest.fixture
def on_lab(seam: Seam) -> Steering:
    return steering_of(seam.emulator, seam.emulator.token)


def steering_of(emulator: Emulator, token: str) -> Steering:
    return Steering(connection_of(emulator, token))


def names_on(steering: Steering) -> list[str]:
    found = steering.send("GET", "scenarios")["scenarios"]
    assert isinstance(found, list)
    return sorted(one["name"] for one in found)


def start(steering: Steering, name: str, /, **more: object) -> None:
    steering.send("POST", "scenarios", {"name": name, "lasts_s": 60, "faults": [RAIN], **more})


def test_weather_is_scripted_seeded_and_counted_over_the_wire(seam: Seam, on_lab: Steering) -> None:
    """What chaos does: everything by chance, and afterwards how often each operation met what."""
    fault = {"operation": "foundry.list_agents", "kind": "slow", "delay_s": 0, "chance": 0.3, "times": None}
    counted = []
    for _ in range(2):
        on_lab.send("POST", "faults", {**fault, "seed": 5})
        for _ in range(30):
            seam.backend.list_agents(1)
        told = on_lab.send("DELETE", "faults")
        counted.append(told["met"])
        assert (told["faults"], told["weather"]) == ([], [])
        seam.emulator.call(seam.emulator.faults.forget)

    assert counted[0] == counted[1] != []
    assert counted[0][0]["operation"] == "foundry.list_agents"  # type: ignore[index]  # a list of objects


def test_a_scenario_that_is_on_begins_anew(seam: Seam, on_lab: Steering) -> None:
    start(on_lab, "rain")
    seam.backend.list_agents(1)
    seam.emulator.advance(50)
    start(on_lab, "rain", lasts_s=30)
    told = on_lab.send("GET", "scenarios")

    assert told["met"] == []
    assert told["scenarios"][0]["left_s"] == pytest.approx(30, abs=5)  # type: ignore[index]  # a list of objects
    seam.emulator.advance(31)
    assert names_on(on_lab) == []


def test_ending_one_leaves_the_others_and_what_was_promised(emulator: Emulator, steering: Steering) -> None:
    emulator.fail(Fault("foundry.delete_agent"))
    for name in ("rain", "fog", "hail"):
        start(steering, name)
    steering.send("DELETE", "scenarios?name=fog")
    assert names_on(steering) == ["hail", "rain"]

    steering.send("DELETE", "scenarios")
    assert names_on(steering) == []
    assert [fault["operation"] for fault in emulator.unspent_faults()] == ["foundry.delete_agent"]
    emulator.clear_faults()


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"faults": []},
        {"faults": "all"},
        {"faults": [{"kind": "slow"}]},
        {"faults": [{**RAIN, "colour": "grey"}]},
        {"faults": [RAIN, {**RAIN, "kind": "frogs"}]},
        {"lasts_s": 0},
        {"lasts_s": 7200},
        {"lasts_s": True},
    ],
    ids=[
        "no-name",
        "no-fault",
        "text",
        "no-operation",
        "unknown-field",
        "unknown-kind",
        "no-time",
        "long",
        "bool",
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused_whole(
    emulator: Emulator, steering: Steering, wrong: dict[str, object]
) -> None:
    with pytest.raises(OSError, match="400"):
        start(steering, "rain", **wrong)
    assert names_on(steering) == []


@pytest.mark.parametrize("path", ["faults", "scenarios"])
def test_nobody_stages_anything_without_the_token(emulator: Emulator, path: str) -> None:
    with pytest.raises(OSError, match="401"):
        steering_of(emulator, "wrong").send("GET", path)


def test_steering_is_no_traffic_and_never_fails(emulator: Emulator, steering: Steering) -> None:
    """A scenario over everything can still be ended, and the log of requests holds those of clients only."""
    start(steering, "storm", faults=[{"operation": "*", "status": 503}])
    assert names_on(steering) == ["storm"]
    steering.send("DELETE", "scenarios")

    assert emulator.requests() == []
    assert emulator.faults_met() == []
