"""What many viewers of one page cost: 100 sessions on Overview, each redrawing every five seconds.

Every session is a WebSocket that does what the browser does: it opens the page, learns of the timed fragment, and asks
for it again each time. CPU is that of the dashboard's process; lateness is how long after the moment it was due a
redraw had ended, less what a single viewer waits. Log queries are counted by Local Azure, for one session and for all.
What it does not measure: the browsers' own drawing, a network.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.typing import Origin, Subprotocol

from bench.report import emit, header
from commands.stack import Control, running

SESSIONS, MEASURED_S, REFRESH_S = 100, 45.0, 5.0
GOAL_CORE, GOAL_LATE_MS, GOAL_QUERIES = 0.70, 250.0, 1.25
LOG_QUERIES = ("monitor.query_batch", "monitor.query_workspace")
PAGE, QUERY = "overview", "refresh=5s&range=1h"
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def main() -> int:
    if not Path("/proc/self/stat").exists():
        print("This benchmark reads processor times from /proc, which this system has not.", file=sys.stderr)
        return 1
    header("viewers", rounds=1)
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "state") as stack:
        alone = asyncio.run(watch(stack.url, 1, stack.control))
        all_of_them = asyncio.run(watch(stack.url, SESSIONS, stack.control))
    return 0 if report(alone, all_of_them) else 1


@dataclass(slots=True)
class Seen:
    """*late_ms*: for each redraw, from the moment it was due to its end. *queries*: log queries meanwhile."""

    late_ms: list[float] = field(default_factory=list)
    core: float = 0.0
    queries: int = 0
    failures: int = 0


async def watch(url: str, sessions: int, control: Control) -> Seen:
    """Open the page in *sessions* sessions, spread over one interval, and watch them for a while."""
    seen, running_now = Seen(), asyncio.Event()
    tasks = [
        asyncio.create_task(session(url, place / sessions * REFRESH_S, seen, running_now))
        for place in range(sessions)
    ]
    await asyncio.sleep(2 * REFRESH_S + sessions * 0.1)
    process = dashboard_of(url)
    before = await asyncio.to_thread(control.requests)
    last = max((int(str(one["number"])) for one in before), default=0)
    cpu_s, began_s = cpu_of(process), time.monotonic()
    running_now.set()
    await asyncio.sleep(MEASURED_S)
    running_now.clear()
    seen.core = (cpu_of(process) - cpu_s) / (time.monotonic() - began_s)
    asked = await asyncio.to_thread(control.requests, last)
    seen.queries = sum(one["operation"] in LOG_QUERIES for one in asked)
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    seen.failures = sum(not isinstance(one, asyncio.CancelledError) for one in ended)
    return seen


async def session(url: str, delay_s: float, seen: Seen, counts: asyncio.Event) -> None:
    await asyncio.sleep(delay_s)
    address = f"{url.replace('http', 'ws', 1)}/_stcore/stream"
    async with websockets.connect(
        address,
        subprotocols=[Subprotocol("streamlit")],
        origin=Origin(url),
        max_size=None,
        compression=None,
    ) as socket:
        await socket.send(rerun(lambda _: None))
        fragment_id, interval_s = await first_run(socket)
        due_s = time.monotonic() + interval_s

        def again(message: BackMsg) -> None:
            message.rerun_script.fragment_id = fragment_id
            message.rerun_script.is_auto_rerun = True

        while True:
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            await socket.send(rerun(again))
            await end_of_run(socket)
            if counts.is_set():
                seen.late_ms.append((time.monotonic() - due_s) * 1000)
            due_s = max(due_s + interval_s, time.monotonic())


def rerun(change: Callable[[BackMsg], None]) -> bytes:
    message = BackMsg()
    message.rerun_script.query_string = QUERY
    message.rerun_script.page_name = PAGE
    change(message)
    data: bytes = message.SerializeToString()
    return data


async def first_run(socket: websockets.ClientConnection) -> tuple[str, float]:
    """Return the timed fragment that the page has. Raises RuntimeError: it has none."""
    fragments: list[tuple[str, float]] = []
    while True:
        message = ForwardMsg.FromString(bytes(await socket.recv()))  # type: ignore[arg-type]  # binary frames only
        if message.WhichOneof("type") == "auto_rerun":
            fragments.append((message.auto_rerun.fragment_id, message.auto_rerun.interval))
        elif message.WhichOneof("type") == "script_finished":
            body = [one for one in fragments if one[1] == REFRESH_S]  # the sidebar has a slower one
            if len(body) != 1:
                raise RuntimeError(f"Not one part of the page is redrawn every {REFRESH_S:g} s: {fragments}")
            return body[0]


async def end_of_run(socket: websockets.ClientConnection) -> None:
    while True:
        message = ForwardMsg.FromString(bytes(await socket.recv()))  # type: ignore[arg-type]  # as above
        if message.WhichOneof("type") == "script_finished":
            return


def dashboard_of(url: str) -> int:
    """Return the id of the process that listens at *url*."""
    port = url.rpartition(":")[2]
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"commands.dashboard" in words and port.encode() in words:
            return int(entry.name)
    raise RuntimeError(f"No dashboard process for {url} was found.")


def cpu_of(process: int) -> float:
    """Return the processor time of *process* so far, in s."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def report(alone: Seen, everyone: Seen) -> bool:
    wait_ms = statistics.median(alone.late_ms)
    emit("viewers.redraw_alone", wait_ms, "ms", None, alone.late_ms)
    emit("viewers.failed_sessions", everyone.failures, "sessions", None, [everyone.failures])
    late = sorted(max(0.0, one - wait_ms) for one in everyone.late_ms)
    expected = SESSIONS * MEASURED_S / REFRESH_S
    emit("viewers.redraws_of_expected", len(late) / expected, "ratio", None, [len(late) / expected])
    p95_ms = late[int(len(late) * 0.95)]
    growth = everyone.queries / max(1, alone.queries)
    good = [
        emit("viewers.core_share", everyone.core, "cores", GOAL_CORE, [everyone.core], lower_is_better=True),
        emit("viewers.p95_lateness", p95_ms, "ms", GOAL_LATE_MS, late, lower_is_better=True),
        emit("viewers.log_queries_against_one", growth, "x", GOAL_QUERIES, [growth], lower_is_better=True),
    ]
    return all(good) and everyone.failures == 0 and len(late) > 0.8 * expected


if __name__ == "__main__":
    sys.exit(main())
