"""How late a call ends, at worst, whatever the other side does: each client against each way to keep a caller waiting."""

import random
import socket
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from chaos.figure import Figure
from chaos.seam import CLIENTS, Operation, open_operations
from services.errors import ServiceError
from services.resilience import Limits
from services.resilience.clock import RealPace
from services.resilience.dependencies import FOUNDRY, QUEUES
from tests.scripted_server import Reply, ScriptedServer, as_json

CASES = 60
DEADLINE_S = 1.0
LATE_S = 0.5
AT_ONCE = 6
JSON = {"Content-Type": "application/json"}
TROUBLES = {
    "silent after the request": Reply(how="hang"),
    "a byte of the body at a time": Reply(body=b" " * 100_000, headers=JSON, how="drip"),
    "a byte of the head at a time": Reply(headers=JSON, how="drip_head"),
    "a body without end": Reply(body=b" " * 1_000, headers=JSON, how="flood"),
    "busy for a day": as_json({}, 429, Retry_After="86400"),
    "busy until a date": as_json({}, 503, Retry_After="Fri, 31 Dec 2100 23:59:59 GMT"),
    "busy in words": as_json({}, 429, Retry_After="soon; 7"),
    "busy for ever, a second each": as_json({}, 429, Retry_After="1"),
    "down": Reply(503),
    "reset": Reply(how="reset"),
}
MUTE, FULL = "silent from the first byte", "no room for a connection"
MORE_OPERATIONS = {FOUNDRY: ("create thread", "start run"), QUEUES: ("send",)}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one case ended. *wrong*: what came out instead of one of our errors; empty when one did."""

    client: str
    trouble: str
    took_s: float
    wrong: str


def cases(size: int, seed: int) -> list[tuple[str, str, str]]:
    """Return *size* cases as (client, operation, trouble), every client and every trouble among them when there is room."""
    found = [(client, "", trouble) for trouble, client in product((*TROUBLES, MUTE, FULL), CLIENTS)]
    found += [
        (client, name, trouble)
        for client, names in MORE_OPERATIONS.items()
        for name, trouble in product(names, TROUBLES)
    ]
    random.Random(seed).shuffle(found)
    return found[:size]


def run(size: int, seed: int, deadline_s: float = DEADLINE_S) -> Iterator[Figure]:
    """Yield how late the latest of *size* calls ended (the whole suite: 60), and how many ended otherwise than they should."""
    chosen = cases(size, seed)
    with places({trouble for _, _, trouble in chosen}) as where, ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(lambda case: play(case, where, deadline_s), chosen))
    latest = max(outcomes, key=lambda one: one.took_s)
    late_s = max(0.0, latest.took_s - deadline_s)
    told = {
        "seed": seed,
        "cases": len(chosen),
        "deadline_s": deadline_s,
        "latest": f"{latest.client}: {latest.trouble}",
    }
    yield Figure("deadlines.latest_end", round(late_s, 3), LATE_S, "s", late_s <= LATE_S, told)
    wrong = [f"{one.client}: {one.trouble}: {one.wrong}" for one in outcomes if one.wrong]
    yield Figure("deadlines.other_endings", len(wrong), 0, "calls", not wrong, {"seed": seed, "which": wrong})


def play(case: tuple[str, str, str], where: dict[str, tuple[str, str]], deadline_s: float) -> Outcome:
    """Make one call where its trouble waits, as a process does that has no connection yet."""
    client, name, trouble = case
    url, ca_file = where[trouble]
    with open_operations(url, ca_file, Limits(call_deadline_s=deadline_s), RealPace()) as operations:
        operation = next(one for one in operations if one.client == client and name in ("", one.name))
        began_s = time.monotonic()
        wrong = _ending(operation)
        return Outcome(client, trouble, time.monotonic() - began_s, wrong)


def _ending(operation: Operation) -> str:
    try:
        found = operation.call()
    except ServiceError:
        return ""
    except Exception as exc:  # noqa: BLE001 - the very thing that is looked for
        return f"{type(exc).__name__}: {exc}"
    return f"taken for a success: {found!r:.100}"


@contextmanager
def places(troubles: set[str]) -> Iterator[dict[str, tuple[str, str]]]:
    """Yield where each of *troubles* waits: its address and the authority to trust."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        found: dict[str, tuple[str, str]] = {}
        for trouble in sorted(troubles):
            server = opened.enter_context(ScriptedServer(folder, mute=trouble == MUTE))
            url = server.url
            if trouble in TROUBLES:
                server.play(TROUBLES[trouble])
            elif trouble == FULL:
                url = opened.enter_context(_no_room())
            found[trouble] = url, server.ca_file
        yield found


@contextmanager
def _no_room() -> Iterator[str]:
    """Yield the address of a server that takes no more connections, so that those who ask for one wait."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, ExitStack() as opened:
        port = listener.getsockname()[1]
        for _ in range(4):
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        yield f"https://127.0.0.1:{port}"
