"""The control plane under /_emulator: health, reset, clock, scripted faults, request log, pace of the model."""

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass

import orjson

from emulator.clock import Clock
from emulator.faults import Fault, FaultScript
from emulator.front import FrontDoor
from emulator.ids import Ids
from emulator.scenarios import Scenarios
from emulator.tokens import Tokens
from emulator.wire import Reply, Request, Response, WireError, json_response

ROUTES: dict[tuple[str, str], str] = {
    ("GET", "/_emulator/health"): "health",
    ("GET", "/_emulator/requests"): "list_requests",
    ("GET", "/_emulator/counts"): "count_requests",
    ("POST", "/_emulator/reset"): "reset",
    ("POST", "/_emulator/seed"): "seed",
    ("POST", "/_emulator/clock"): "advance_clock",
    ("POST", "/_emulator/disk"): "fill_disk",
    ("GET", "/_emulator/pace"): "get_pace",
    ("POST", "/_emulator/pace"): "set_pace",
    ("GET", "/_emulator/faults"): "list_faults",
    ("POST", "/_emulator/faults"): "add_fault",
    ("DELETE", "/_emulator/faults"): "clear_faults",
    ("GET", "/_emulator/scenarios"): "list_scenarios",
    ("POST", "/_emulator/scenarios"): "start_scenario",
    ("DELETE", "/_emulator/scenarios"): "end_scenarios",
}


@dataclass(slots=True)
class Pace:
    """How long the local model takes, in seconds: before its first token, and for each token after it."""

    think_s: float = 0.0
    token_s: float = 0.0


class Control:
    """Everything but health asks for the local token, so that no web page can reset anything."""

    name = "control"

    def __init__(
        self,
        clock: Clock,
        ids: Ids,
        faults: FaultScript,
        tokens: Tokens,
        pace: Pace,
        reset: Callable[[], None],
    ) -> None:
        self._clock, self._ids, self._faults, self._tokens = clock, ids, faults, tokens
        self._pace, self._reset = pace, reset
        self._scenarios = Scenarios(faults, clock)
        self.front: FrontDoor | None = None
        self.health: Callable[[], dict[str, object]] = dict
        self.fill_disk: Callable[[bool], None] = lambda _: None

    def routes(self) -> list[tuple[str, str, str]]:
        return [(operation, method, path) for (method, path), operation in ROUTES.items()]

    def operation(self, request: Request) -> str | None:
        return ROUTES.get((request.method, request.path))

    async def answer(self, request: Request, operation: str) -> Reply:
        if operation == "health":
            return json_response({"status": "ok", "pid": os.getpid(), **self.health()})
        self._tokens.require(request, "local")
        if operation == "reset":
            self._reset()
        elif operation == "seed":
            self._ids.reseed(int(self._number(request, "seed")))
        elif operation == "advance_clock":
            return self._set_clock(request)
        elif operation == "fill_disk":
            self.fill_disk(bool(_document(request).get("full", True)))
        elif operation in ("get_pace", "set_pace"):
            return self._answer_pace(request, operation)
        elif operation == "add_fault":
            return self._add_fault(request)
        elif operation == "list_faults":
            return self._tell_faults()
        elif operation == "clear_faults":
            self._faults.clear(request.query.get("scenario"))
            return self._tell_faults()
        elif operation.endswith(("_scenario", "_scenarios")):
            return self._answer_scenarios(request, operation)
        elif operation == "list_requests" and self.front:
            after = int(request.query.get("after", "0"))
            return json_response(
                {"requests": [asdict(seen) for seen in self.front.seen if seen.number > after]}
            )
        elif operation == "count_requests" and self.front:
            counts = sorted(self.front.counts.items())
            return json_response({"counts": [{"operation": name, "count": count} for name, count in counts]})
        return json_response({"done": operation})

    def render_error(self, error: WireError, request: Request) -> Response:
        return json_response({"error": {"code": error.code, "message": error.message}}, error.status)

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def reset(self) -> None:
        self._faults.forget()
        self._clock.skew_s = 0.0
        self.fill_disk(False)
        self._pace.think_s = self._pace.token_s = 0.0

    def _answer_scenarios(self, request: Request, operation: str) -> Response:
        if operation == "start_scenario":
            try:
                self._scenarios.start(_document(request))
            except (TypeError, ValueError) as exc:
                raise WireError(400, "InvalidScenario", f"It cannot be switched on: {exc}.") from exc
        elif operation == "end_scenarios":
            self._scenarios.end(request.query.get("name"))
        return json_response(self._scenarios.tell())

    def _set_clock(self, request: Request) -> Response:
        if "skew_s" in _document(request):
            self._clock.skew_s = self._number(request, "skew_s")
        self._clock.advance(self._number(request, "advance_s"))
        return json_response({"now_s": self._clock.now_s(), "told_s": self._clock.told_s()})

    def _answer_pace(self, request: Request, operation: str) -> Response:
        if operation == "set_pace":
            think_s, token_s = self._number(request, "think_s"), self._number(request, "token_s")
            if not (0 <= think_s <= 600 and 0 <= token_s <= 60):
                raise WireError(
                    400, "InvalidPace", "think_s lies between 0 and 600, token_s between 0 and 60."
                )
            self._pace.think_s, self._pace.token_s = think_s, token_s
        return json_response({"think_s": self._pace.think_s, "token_s": self._pace.token_s})

    def _add_fault(self, request: Request) -> Response:
        try:
            document = _document(request)
            seed = document.pop("seed", None)
            if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
                raise ValueError("seed is a whole number")
            fault = Fault(**document) if document else None  # type: ignore[arg-type]  # Fault checks its values
        except (TypeError, ValueError) as exc:
            raise WireError(400, "InvalidFault", f"The fault cannot be scripted: {exc}.") from exc
        if seed is not None:
            self._faults.reseed(seed)
        if fault is not None:
            self._faults.add(fault)
        return self._tell_faults()

    def _tell_faults(self) -> Response:
        return json_response(
            {
                "faults": self._faults.pending(),
                "weather": self._faults.weather(),
                "met": [asdict(met) for met in self._faults.met()],
                "now_s": self._clock.now_s(),
            }
        )

    def _number(self, request: Request, name: str) -> float:
        value = _document(request).get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise WireError(400, "InvalidValue", f"{name} must be a number.")
        return float(value)


def _document(request: Request) -> dict[str, object]:
    try:
        document = orjson.loads(request.body or b"{}")
    except orjson.JSONDecodeError as exc:
        raise WireError(400, "InvalidJson", f"The body is not JSON: {exc}.") from exc
    if not isinstance(document, dict):
        raise WireError(400, "InvalidJson", "The body must be a JSON object.")
    return document
