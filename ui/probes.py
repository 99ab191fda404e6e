"""Three addresses for machines: /livez (the process), /readyz (may it be sent people), /statusz (what it depends on).

The first two reveal `ok` or `not ok`, each on its own without a word more, and never depend on Azure: an outage there must
not take all replicas out of service. The third is for whoever is signed in; to others it says what /readyz does.
They are answered by the server itself, so that they tell the truth while pages are broken.
"""

import asyncio
import contextlib
import logging
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

import runtime
from services.standing import Standing
from services.version import version
from ui import gate, startup

log = logging.getLogger(__name__)
NO_STORE = {"Cache-Control": "no-store"}
LAG_MOST_S, LAG_WINDOW_S, LAG_EVERY_S = 1.0, 5.0, 0.25
WRITE_TIMEOUT_S = 1.0


class LoopWatch:
    """Measures how late the event loop is: whatever blocks it keeps every visitor waiting."""

    def __init__(self) -> None:
        self._late: deque[tuple[float, float]] = deque()
        self._looked_s = time.monotonic()
        self._watches = False

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Measure until the block ends."""
        self._watches, self._looked_s = True, time.monotonic()
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            self._watches = False
            task.cancel()

    def lag_s(self) -> float:
        """Return the longest delay of the last seconds, the one that lasts included; 0 while nothing measures."""
        now_s = time.monotonic()
        while self._late and self._late[0][0] < now_s - LAG_WINDOW_S:
            self._late.popleft()
        lasts_s = now_s - self._looked_s - LAG_EVERY_S if self._watches else 0.0
        return max([lasts_s, *(late_s for _, late_s in self._late), 0.0])

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LAG_EVERY_S)
            now_s = time.monotonic()
            self._late.append((now_s, max(0.0, now_s - self._looked_s - LAG_EVERY_S)))
            self._looked_s = now_s


loop_watch = LoopWatch()


async def livez(_: Request) -> Response:
    return PlainTextResponse("ok", headers=NO_STORE)


async def readyz(_: Request) -> Response:
    ready = all((await readiness()).values())
    return PlainTextResponse("ok" if ready else "not ok", 200 if ready else 503, headers=NO_STORE)


async def statusz(request: Request) -> Response:
    """Answer with the state of all there is; 401 with no more than /readyz says to whoever is not signed in."""
    checks = await readiness()
    ready = all(checks.values())
    if gate.principal_of(request.scope) is None:
        return JSONResponse({"status": "ok" if ready else "not ok"}, 401, headers=NO_STORE)
    document: dict[str, object] = {
        "status": "ok" if ready else "not ok",
        "version": version(),
        "checks": checks,
    }
    if checks["services"]:
        services = runtime.current().services
        document["dependencies"] = [described(one) for one in services.standings.all()]
        document["parts"] = [
            {"name": part.part, "state": part.state, "checked_at": _time(part.checked_at)}
            for part in services.health.latest()
        ]
    return JSONResponse(document, 200 if ready else 503, headers=NO_STORE)


ROUTES = [Route("/livez", livez), Route("/readyz", readyz), Route("/statusz", statusz)]


async def readiness() -> Mapping[str, bool]:
    """Return what must be right for people to be sent here, each by its name. Asks nothing of Azure."""
    composed = startup.failure() is None and runtime.is_running()
    return {
        "settings": runtime.problem() is None,
        "services": composed,
        "event loop": loop_watch.lag_s() < LAG_MOST_S,
        "state folder": not composed or await _is_writable(),
    }


def described(standing: Standing) -> Mapping[str, object]:
    """Return what /statusz says of a dependency: nothing that came over the wire, for that may hold anything."""
    next_try_s = standing.next_try_s
    return {
        "name": standing.dependency,
        "state": standing.state,
        "since": _time(standing.since),
        "breaker": {
            "state": standing.breaker,
            "next_try_s": None if next_try_s is None else round(next_try_s, 1),
            "failures": standing.failures,
            "calls": standing.calls,
        },
        "last_success": _time(standing.worked_at),
        "last_failure": _time(standing.failed_at),
        "last_error": standing.failure or None,
    }


async def _is_writable() -> bool:
    """Return whether the folder that is written to takes a file; True where none is. A disk that hangs does not."""
    settings = runtime.current().services.settings
    if settings.mode != "local":
        return True  # nothing of this process lies on a disk
    try:
        async with asyncio.timeout(WRITE_TIMEOUT_S):
            return await asyncio.to_thread(_write_and_remove, settings.state_dir.resolve())
    except TimeoutError:
        return False


def _write_and_remove(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"ready")
            file.flush()
    except OSError as exc:
        log.warning("probe.state_not_writable", extra={"folder": str(folder), "reason": str(exc)})
        return False
    return True


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"
