"""The model as a project meets it on a bad day: its limits of tokens a minute are scripted like any failure.

Source: learn.microsoft.com/azure/ai-foundry/openai/how-to/quota - a run that meets the limit ends as failed, with
last_error.code rate_limit_exceeded, inside a reply with status 200.
"""

import asyncio
from collections.abc import AsyncIterator

from emulator.faults import Fault, FaultScript
from emulator.model import Model, ModelError, ModelEvent, ModelRequest

OPERATION = "project.run_model"
TRY_AGAIN_S = "60"


class TroubledModel:
    """Meets faults of the operation `project.run_model`, one turn of a run: `status` fails the run (429:
    rate_limit_exceeded, else server_error), `slow` waits *delay_s* first, all others wait and fail."""

    def __init__(self, model: Model, faults: FaultScript) -> None:
        self._model, self._faults = model, faults

    async def turn(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        for fault in self._faults.meet(OPERATION, f"/{request.model}") if self._faults else ():
            if fault.kind != "status":
                await asyncio.sleep(fault.delay_s)  # real time: a client's patience is what is tested
            if fault.kind != "slow":
                raise _failure(fault)
        events = self._model.turn(request)
        try:
            async for event in events:
                yield event
        finally:
            if (close := getattr(events, "aclose", None)) is not None:
                await close()


def _failure(fault: Fault) -> ModelError:
    if fault.kind == "status" and fault.status == 429:
        wait_s = next((v for k, v in fault.headers.items() if k.lower() == "retry-after"), TRY_AGAIN_S)
        return ModelError("rate_limit_exceeded", f"Rate limit is exceeded. Try again in {wait_s} seconds.")
    return ModelError("server_error", fault.body or "Sorry, something went wrong.")
