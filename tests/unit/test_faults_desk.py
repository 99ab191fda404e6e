"""The Fault desk without a Local Azure: what it takes for an answer, what it refuses to ask, what its scenarios are."""

from collections.abc import Mapping

import pytest

from commands.faults import _carry_out, _options
from emulator.faults import Fault
from services.access import Access, Principal
from services.actions import Actions
from services.errors import AccessDenied, InvalidInput, NotFound, Unavailable, UnexpectedReply
from services.faults.desk import FaultDesk
from services.faults.scenarios import SCENARIOS, Scenario
from ui.fault_parts import screen_of

NOTHING: dict[str, object] = {"scenarios": [], "met": [], "now_s": 0.0}


class Recorded:
    """A control plane that answers the same to everything, and keeps what it was asked."""

    def __init__(self, reply: Mapping[str, object] | OSError = NOTHING) -> None:
        self.reply = reply
        self.asked: list[tuple[str, str, Mapping[str, object] | None]] = []

    def send(
        self, method: str, what: str, document: Mapping[str, object] | None = None
    ) -> Mapping[str, object]:
        self.asked.append((method, what, document))
        if isinstance(self.reply, OSError):
            raise self.reply
        return self.reply


def desk_on(plane: Recorded, told: list[str] | None = None, *roles: str) -> FaultDesk:
    who = Principal("u1", "Ann", frozenset(roles or ("operator",)))  # type: ignore[arg-type]  # roles by name
    tell = told if told is not None else []
    return FaultDesk(plane, Actions(lambda *what: tell.append(" ".join(what)), Access(lambda: who)))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_local_azure_takes_every_scenario_at_every_intensity(scenario: Scenario) -> None:
    """A misspelt field would show only when somebody presses the switch in front of guests."""
    values = scenario.dial.values if scenario.dial else (None,)
    for value in values:
        for document in scenario.documents(value):
            fault = Fault(**document)  # type: ignore[arg-type]  # Fault checks its values
            assert scenario.intensity_of(document) == value
            assert fault.label
    if scenario.dial:
        assert scenario.dial.usual in scenario.dial.values


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_every_page_that_a_scenario_names_exists(scenario: Scenario) -> None:
    for title in [watch.page for watch in scenario.watch] + [scenario.put_right] * bool(scenario.leaves):
        assert not screen_of(title).hidden


def test_switches_are_told_with_their_scenario() -> None:
    told: list[str] = []
    plane = Recorded()
    desk = desk_on(plane, told)
    desk.switch_on("burst", 500, 60)
    desk.switch_off("burst")
    desk.clear()

    assert told == [
        "switch scenario on burst done",
        "switch scenario off burst done",
        "clear scenarios  done",
    ]
    method, what, document = plane.asked[0]
    assert (method, what) == ("POST", "scenarios")
    assert document == {
        "name": "burst",
        "faults": [{"operation": "project.put_message", "kind": "crowd", "count": 500}],
        "lasts_s": 60,
    }
    assert [asked[:2] for asked in plane.asked[1:]] == [
        ("DELETE", "scenarios?name=burst"),
        ("DELETE", "scenarios"),
    ]


@pytest.mark.parametrize(
    ("name", "intensity", "lasts_s", "kind"),
    [
        ("earthquake", None, 60, NotFound),
        ("burst", 5000, 60, InvalidInput),
        ("slow network", -1, 60, InvalidInput),
        ("slow network", float("nan"), 60, InvalidInput),
        ("poison", None, 0, InvalidInput),
        ("poison", None, 86_400, InvalidInput),
    ],
    ids=["unknown", "too-strong", "negative", "no-number", "no-time", "a-day"],
)
def test_what_makes_no_sense_is_not_asked(
    name: str, intensity: float | None, lasts_s: float, kind: type[Exception]
) -> None:
    plane = Recorded()
    with pytest.raises(kind):
        desk_on(plane).switch_on(name, intensity, lasts_s)
    assert plane.asked == []


def test_a_viewer_sends_nothing() -> None:
    plane = Recorded()
    with pytest.raises(AccessDenied):
        desk_on(plane, None, "viewer").switch_on("poison")
    assert plane.asked == []


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"scenarios": None, "met": []},
        {"scenarios": [{"name": "poison"}], "met": []},
        {"scenarios": [], "met": [1]},
    ],
    ids=["nothing", "null", "half", "number"],
)
def test_an_answer_of_another_form_is_no_answer(reply: dict[str, object]) -> None:
    with pytest.raises(UnexpectedReply):
        desk_on(Recorded(reply)).look()


def test_a_control_plane_that_is_away_is_said() -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        desk_on(Recorded(OSError("connection refused"))).look()


def test_a_scenario_of_another_version_is_shown_and_not_switched() -> None:
    fault = {"operation": "foundry.*", "delay_s": 3.0}
    reply = {"scenarios": [{"name": "eclipse", "left_s": 5.0, "faults": [fault]}], "met": [], "now_s": 0.0}
    (foreign,) = [one for one in desk_on(Recorded(reply)).look() if one.is_on]

    assert (foreign.scenario.title, foreign.left_s, foreign.scenario.faults) == ("eclipse", 5.0, ())


def test_the_terminal_says_what_is_on_how_strong_and_what_it_has_done(
    capsys: pytest.CaptureFixture[str],
) -> None:
    reply = {
        "scenarios": [{"name": "slow network", "left_s": 61.4, "faults": [{"delay_s": 3.0}]}],
        "met": [{"scenario": "poison", "operation": "project.put_message", "kind": "garble", "count": 2}],
        "now_s": 0.0,
    }
    assert _carry_out(desk_on(Recorded(reply)), _options(["list"])) == 0
    told = capsys.readouterr().out
    assert "slow network: on, 1 min 1 s left, 3 s\n" in told
    assert "poison: off\n" in told and "Damaged calls: 2" in told and "Put it right on Queues." in told

    assert _carry_out(desk_on(Recorded(reply)), _options(["on", "slow-network", "--intensity", "3"])) == 0
    assert "slow network: on" in capsys.readouterr().out
