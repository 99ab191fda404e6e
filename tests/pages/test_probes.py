"""/livez, /readyz and /statusz: what machines ask, answered by the server while every dependency may be down."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

import runtime
from chaos.degraded_rig import OPERATIONS, Rig
from commands.stack import Control
from services.errors import ServiceError, Unavailable
from tests.pages.test_assets import Reply
from tests.waiting import wait_for
from ui import probes, startup
from ui.asgi import Message

HERE, ELSEWHERE = "127.0.0.1", "203.0.113.7"


def ask(path: str, client: str = HERE) -> Reply:
    """Return what our own routes answer, by ASGI, the protocol itself."""
    reply = Reply()
    scope: Message = {
        "type": "http",
        "method": "GET",
        "path": path,
        "root_path": "",
        "query_string": b"",
        "headers": [],
        "client": (client, 1),
        "server": (HERE, 1),
    }

    async def receive() -> Message:
        return {"type": "http.request"}

    asyncio.run(Starlette(routes=probes.ROUTES)(scope, receive, reply.send))
    return reply


def document(reply: Reply) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(reply.body)
    return found


@pytest.mark.usefixtures("control")
def test_a_dashboard_that_did_not_start_lives_and_is_not_ready() -> None:
    failure: ServiceError = Unavailable("Local Azure did not start.", operation="start")
    startup.failed(failure)
    try:
        assert ask("/livez").status == 200
        assert (ask("/readyz").status, ask("/readyz").body) == (503, b"not ok")
        found = ask("/statusz")
        assert found.status == 503 and document(found)["checks"]["services"] is False
    finally:
        startup.failed(None)


@pytest.mark.usefixtures("control")
def test_a_state_folder_that_takes_nothing_is_not_ready(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    running = runtime.current()
    away = running.services.settings.model_copy(update={"state_dir": tmp_path / "gone"})
    monkeypatch.setattr(running, "services", replace(running.services, settings=away))

    assert ask("/readyz").status == 503
    assert document(ask("/statusz"))["checks"]["state folder"] is False


@pytest.mark.usefixtures("control")
def test_a_blocked_event_loop_is_not_ready_while_it_is_and_just_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Measured on a loop of its own, blocked in earnest for as long as is too long."""
    monkeypatch.setattr(probes, "LAG_MOST_S", 0.2)

    async def blocked() -> tuple[float, float]:
        watch = probes.LoopWatch()
        async with watch.watching():
            await asyncio.sleep(0)
            quiet_s = watch.lag_s()
            time.sleep(probes.LAG_EVERY_S + 0.4)  # noqa: ASYNC251 - this is what is tested
            return quiet_s, watch.lag_s()

    quiet_s, lag_s = asyncio.run(blocked())
    assert quiet_s < 0.2 < lag_s
    monkeypatch.setattr(probes.loop_watch, "lag_s", lambda: lag_s)
    assert ask("/readyz").status == 503 and ask("/livez").status == 200


@pytest.fixture(scope="module")
def all_down(local_azure: Control) -> Iterator[runtime.Runtime]:
    """Services that have tried each dependency and found none."""
    rig = Rig(
        local_azure,
        {
            "RELAYDECK_CALL_RETRIES": "0",
            "RELAYDECK_STATE_DIR": str(local_azure.azure.connection.ca_file).rpartition("/")[0],
        },
    )
    failing = rig.failing(*((one, "down") for one in OPERATIONS))
    with closing(rig), failing, rig.fresh() as running:
        running.services.health.check_all()  # waits for a slow part no longer than people would
        standings = running.services.standings
        wait_for(lambda: any(one.failure for one in standings.all() if one.dependency == "sign-in"))
        yield running


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_neither_life_nor_readiness_depends_on_azure(all_down: runtime.Runtime, path: str) -> None:
    """One outage there would take every replica out of service, with the page that could have told of it."""
    reply = ask(path)

    assert (reply.status, reply.body) == (200, b"ok")
    assert reply.headers[b"cache-control"] == b"no-store"


def test_the_status_tells_how_each_dependency_stands(all_down: runtime.Runtime) -> None:
    reply = ask("/statusz")
    found = document(reply)
    by_name = {one["name"]: one for one in found["dependencies"]}

    assert reply.status == 200 and reply.headers[b"cache-control"] == b"no-store"
    assert found["status"] == "ok" and all(found["checks"].values())
    assert by_name["sign-in"]["last_error"] == "Unavailable" and by_name["sign-in"]["since"]
    assert by_name["sign-in"]["state"] in ("degraded", "down")
    assert by_name["sign-in"]["breaker"].keys() == {"state", "next_try_s", "failures", "calls"}
    assert {one["name"] for one in found["parts"]} >= {"Agents", "Queues", "Function app", "Model"}


def test_the_status_holds_no_secret_and_no_address(all_down: runtime.Runtime, local_azure: Control) -> None:
    connection = local_azure.azure.connection
    text = ask("/statusz").body.decode()

    assert connection.token not in text
    assert "127.0.0.1" not in text and "http" not in text


def test_who_is_not_here_is_told_ok_and_no_more(all_down: runtime.Runtime) -> None:
    assert (ask("/livez", ELSEWHERE).body, ask("/readyz", ELSEWHERE).body) == (b"ok", b"ok")
    refused = ask("/statusz", ELSEWHERE)
    assert (refused.status, document(refused)) == (401, {"status": "ok"})
