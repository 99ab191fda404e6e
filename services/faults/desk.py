"""The Fault desk: switches scenarios of Local Azure, and tells what they have done so far."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

from services.actions import Actions
from services.errors import InvalidInput, NotFound, Unavailable, UnexpectedReply
from services.faults.scenarios import LASTS_S, SCENARIOS, USUAL_LASTS_S, Scenario, find


class Steering(Protocol):
    """The control plane of Local Azure."""

    def send(
        self, method: str, what: str, document: Mapping[str, object] | None = None
    ) -> Mapping[str, object]:
        """Return its answer. One request. Raises OSError."""


@dataclass(frozen=True, slots=True)
class ScenarioState:
    """*left_s*: until it ends by itself; None when it is off. *intensity*: None when it is off or has none.

    *met*: how often it struck since it was switched on last, by operation of Local Azure (`queues.put_message`).
    """

    scenario: Scenario
    left_s: float | None
    intensity: float | None
    met: Mapping[str, int]

    @property
    def is_on(self) -> bool:
        """Return whether it is switched on."""
        return self.left_s is not None

    @property
    def met_count(self) -> int:
        """Return how often it struck, all operations together."""
        return sum(self.met.values())


class FaultDesk:
    """Threads share it. It keeps nothing: what is on is what Local Azure says, whoever switched it on."""

    def __init__(self, steering: Steering, actions: Actions) -> None:
        self._steering, self._actions = steering, actions

    def look(self) -> tuple[ScenarioState, ...]:
        """Return every scenario with its state, those that this version knows first. One request of the control plane.

        Raises Unavailable or UnexpectedReply.
        """
        return self._ask("look at the scenarios", "GET", "scenarios")

    def switch_on(
        self, name: str, intensity: float | None = None, lasts_s: float = USUAL_LASTS_S
    ) -> tuple[ScenarioState, ...]:
        """Return the states after *name* was switched on; one that is on begins anew. *intensity*: None for the usual one.

        Raises NotFound, InvalidInput, AccessDenied, Unavailable or UnexpectedReply.
        """
        scenario = _known(name)
        given = _checked(scenario, intensity)
        if not 1 <= lasts_s <= 3600:
            raise InvalidInput(
                f"A scenario lasts from 1 to 3,600 seconds, not {lasts_s:g}.",
                operation="switch scenario on",
                resource=name,
                hint=f"Usual are {', '.join(f'{one:g}' for one in LASTS_S)}.",
            )
        document = {"name": name, "faults": scenario.documents(given), "lasts_s": lasts_s}
        return self._actions.perform(
            "switch scenario on", name, lambda: self._ask("switch on", "POST", "scenarios", document)
        )

    def switch_off(self, name: str) -> tuple[ScenarioState, ...]:
        """Return the states after *name* was switched off; one that is off stays so. Raises as switch_on() does."""
        _known(name)
        what = f"scenarios?{urlencode({'name': name})}"
        return self._actions.perform(
            "switch scenario off", name, lambda: self._ask("switch off", "DELETE", what)
        )

    def clear(self) -> tuple[ScenarioState, ...]:
        """Return the states after every scenario was switched off. Raises as switch_on() does."""
        return self._actions.perform(
            "clear scenarios", "", lambda: self._ask("switch all off", "DELETE", "scenarios")
        )

    def _ask(
        self, operation: str, method: str, what: str, document: Mapping[str, object] | None = None
    ) -> tuple[ScenarioState, ...]:
        try:
            reply = self._steering.send(method, what, document)
        except OSError as exc:
            raise Unavailable(
                f"Local Azure does not answer: {exc}.",
                operation=operation,
                resource="scenarios",
                hint="Start Relaydeck again; a scenario ends with Local Azure.",
            ) from exc
        try:
            return states_of(reply)
        except (KeyError, TypeError, ValueError) as exc:
            raise UnexpectedReply(
                f"Local Azure told its scenarios in a form that is not known: {exc!r}.",
                operation=operation,
                resource="scenarios",
            ) from exc


def states_of(reply: Mapping[str, Any]) -> tuple[ScenarioState, ...]:
    """Return the states that the control plane tells. Pure. Raises KeyError, TypeError or ValueError."""
    on = {str(one["name"]): one for one in reply["scenarios"]}
    met: dict[str, dict[str, int]] = {}
    for one in reply["met"]:
        counts = met.setdefault(str(one["scenario"]), {})
        counts[str(one["operation"])] = counts.get(str(one["operation"]), 0) + int(one["count"])
    others = [_foreign(name) for name in on if find(name) is None]
    return tuple(_state(one, on.get(one.name), met.get(one.name, {})) for one in (*SCENARIOS, *others))


def _state(scenario: Scenario, on: Mapping[str, Any] | None, met: Mapping[str, int]) -> ScenarioState:
    if on is None:
        return ScenarioState(scenario, None, None, met)
    return ScenarioState(scenario, float(on["left_s"]), scenario.intensity_of(on["faults"][0]), met)


def _foreign(name: str) -> Scenario:
    """Return what is said of a scenario that another program switched on."""
    return Scenario(name, name, "Another program switched this on.", (), "failures", ())


def _known(name: str) -> Scenario:
    scenario = find(name)
    if scenario is None:
        raise NotFound(
            f"There is no scenario {name!r}.",
            operation="switch scenario",
            resource=name,
            hint=f"There are: {', '.join(one.name for one in SCENARIOS)}.",
        )
    return scenario


def _checked(scenario: Scenario, intensity: float | None) -> float | None:
    dial = scenario.dial
    if dial is None or intensity is None:
        return dial.usual if dial else None
    if not min(dial.values) <= intensity <= max(dial.values):
        low, high = (dial.words(edge) for edge in (min(dial.values), max(dial.values)))
        raise InvalidInput(
            f"{scenario.title} goes from {low} to {high}.",
            operation="switch scenario on",
            resource=scenario.name,
        )
    return intensity
