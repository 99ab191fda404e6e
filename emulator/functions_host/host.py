"""The Functions host as one object: starts the app's listeners, drains them, says why it ended."""

import asyncio
import concurrent.futures
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from emulator.clock import Clock
from emulator.functions_host.app import Output, QueueFunction, load_functions
from emulator.functions_host.backoff import PollBackoff
from emulator.functions_host.connections import Connections
from emulator.functions_host.errors import EXIT_DRAINED, EXIT_OVERRUN, EXIT_UNDRAINED
from emulator.functions_host.hostfile import HostFile, load_host_file
from emulator.functions_host.invocation import Runner
from emulator.functions_host.listener import Listener
from emulator.functions_host.settings import Settings
from emulator.functions_host.storage import Queue
from emulator.functions_host.worker import POISON_SUFFIX, Surroundings, Worker
from emulator.ids import Ids

log = logging.getLogger(__name__)
REQUESTS_AT_ONCE = 10  # what one HTTP connection pool of the SDK keeps open
REACH_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class HostOptions:
    """*lease_s*: how long a taken message stays hidden unless it is renewed, 600 in the real host."""

    app: Path
    connection: str | None = None
    create_queues: bool = False
    lease_s: int = 600
    drain_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Ready:
    """What the host says once it has tried every queue, and before it takes a message."""

    functions: list[str]
    queues: list[str] = field(default_factory=list)
    storage: str = "reachable"


class FunctionsHost:
    """Loads the app when it is made: raises AppError and ConfigurationError. Then run() once."""

    def __init__(
        self, options: HostOptions, settings: Settings, clock: Clock | None = None, ids: Ids | None = None
    ) -> None:
        self._options, self._clock, self._ids = options, clock or Clock(), ids or Ids()
        self.host_file: HostFile = load_host_file(options.app, settings)
        self._connections = Connections(settings)
        if options.connection:
            self._connections.client(options.connection)
        self.functions: list[QueueFunction] = load_functions(options.app, settings)
        for function in self.functions:
            for name in (function.connection, *(output.connection for output in function.outputs)):
                self._connections.client(name)
        self._runner = Runner(settings)
        self._pool = concurrent.futures.ThreadPoolExecutor(REQUESTS_AT_ONCE, "storage")
        self._queues: dict[tuple[str, str], Queue] = {}
        self._listeners: list[Listener] = []
        self._exit_code = EXIT_DRAINED
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self, on_ready: Callable[[Ready], None]) -> int:
        """Return the exit code once stop() was called and the work in hand is done."""
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._listeners = [self._listener(function) for function in self.functions]
        on_ready(
            await self._reach()
        )  # before any message is taken: one that kills the process must not hide it
        polling = [asyncio.create_task(listener.run()) for listener in self._listeners]
        stopped = asyncio.create_task(self._stop.wait())
        done, _ = await asyncio.wait({*polling, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not await self._drain(polling):
            self._exit_code = self._exit_code or EXIT_UNDRAINED
        for task in done - {stopped}:
            task.result()  # a listener that ended by itself has a defect: let it be seen
        return self._exit_code

    def stop(self) -> None:
        """Let run() end. Safe to call from any thread and from a signal handler, also twice."""
        if self._loop and self._stop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass on this host's clock. Safe to call from any thread."""
        assert self._loop is not None, "the host runs"
        self._loop.call_soon_threadsafe(self._clock.advance, seconds)

    def _listener(self, function: QueueFunction) -> Listener:
        queue = self._queue(function.connection, function.queue)
        poisoned = function.queue.endswith(POISON_SUFFIX)
        poison = None if poisoned else self._queue(function.connection, function.queue + POISON_SUFFIX)
        outputs = tuple(self._output_queue(output) for output in function.outputs)
        return Listener(
            queue,
            Worker(function, queue, poison, self._surroundings()),
            self.host_file,
            self._options.lease_s,
            PollBackoff(self.host_file.max_polling_interval_s, self._ids.uniform),
            (queue, *outputs) if self._options.create_queues else (),
        )

    def _surroundings(self) -> Surroundings:
        return Surroundings(
            host_file=self.host_file,
            lease_s=self._options.lease_s,
            runner=self._runner,
            clock=self._clock,
            ids=self._ids,
            queue_of=self._output_queue,
            wake=self._wake,
            overran=self._overran,
        )

    def _output_queue(self, output: Output) -> Queue:
        return self._queue(output.connection, output.queue)

    def _queue(self, connection: str, name: str) -> Queue:
        key = (connection, name)
        if key not in self._queues:
            self._queues[key] = Queue(name, self._connections.client(connection), self._pool, self._clock)
        return self._queues[key]

    def _wake(self, queue: str) -> None:
        for listener in self._listeners:
            if listener.queue.name == queue:
                listener.wake()

    def _overran(self, function: str) -> None:
        """A thread cannot be stopped, so the process ends, as the real host ends its worker; others take over."""
        log.error("host.stopping", extra={"reason": f"{function} outlived functionTimeout"})
        self._exit_code = EXIT_OVERRUN
        self.stop()

    async def _reach(self) -> Ready:
        reaching = [asyncio.create_task(listener.reach()) for listener in self._listeners]
        _, late = await asyncio.wait(reaching, timeout=REACH_WITHIN_S)
        for task in late:
            task.cancel()
        reached = not late and all(listener.trouble in (None, "missing") for listener in self._listeners)
        return Ready(
            [function.name for function in self.functions],
            [function.queue for function in self.functions],
            "reachable" if reached else "unreachable",
        )

    async def _drain(self, polling: list[asyncio.Task[None]]) -> bool:
        """Return whether everything taken was settled in time."""
        for listener in self._listeners:
            listener.stop()
        waiting = [asyncio.ensure_future(listener.drained()) for listener in self._listeners]
        _, late = await asyncio.wait({*polling, *waiting}, timeout=self._options.drain_s)
        for task in late:
            task.cancel()
        left = sum(listener.in_flight for listener in self._listeners)
        log.log(logging.ERROR if late else logging.INFO, "host.drained", extra={"unsettled": left})
        self._runner.close()
        self._pool.shutdown(wait=not late, cancel_futures=True)
        self._connections.close()
        return not late
