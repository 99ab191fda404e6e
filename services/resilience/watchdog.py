"""Ends calls that outlive their deadline by cutting their connection.

Socket timeouts bound silence, not a reply that drips a byte at a time: only a wall-clock limit does. A call costs
two dictionary operations; one thread looks at the calls under way four times a second and when the next one is due, and sleeps when there are none.
"""

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

LOOK_EVERY_S, SOONEST_S = 0.25, 0.02


class Line(Protocol):
    """The connection that a call uses, as others may touch it."""

    def cut(self) -> None:
        """End it, from any thread; whoever reads it gets an error at once."""

    def limit_silence(self, seconds: float) -> None:
        """Let the next reads wait no longer than *seconds*. Call from the reading thread."""


@dataclass(slots=True)
class Watched:
    """A call under way. *line*: set by the transport when the call takes a connection."""

    due_s: float
    line: Line | None = None
    overdue: bool = False


@dataclass  # without slots: a slot of a thread-local object is shared by all threads
class _Current(threading.local):
    watched: Watched | None = field(default=None)


_current = _Current()


def line_taken(line: Line) -> None:
    """Called by the transport, in the calling thread, when a request goes out on *line*."""
    if (watched := _current.watched) is not None:
        watched.line = line


def line_in_use() -> Line | None:
    """Return the connection of the watched call that this thread is making; None outside one."""
    watched = _current.watched
    return watched.line if watched is not None else None


def seconds_left() -> float | None:
    """Return what is left to the watched call that this thread is making, never below zero; None outside one."""
    watched = _current.watched
    return None if watched is None else max(watched.due_s - time.monotonic(), 0.0)


class Watchdog:
    """Starts its thread with the first call. *stop()* when done with it."""

    def __init__(self) -> None:
        self._calls: dict[int, Watched] = {}
        self._numbers = itertools.count()
        self._busy = threading.Event()
        self._stopping = False
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def watch(self, seconds: float) -> Iterator[Watched]:
        """Cut the connection of the call made inside after *seconds*; `overdue` of what is yielded tells."""
        watched = Watched(time.monotonic() + seconds)
        number = next(self._numbers)
        outer, _current.watched = _current.watched, watched
        self._calls[number] = watched
        if not self._busy.is_set():
            self._wake()
        try:
            yield watched
        finally:
            del self._calls[number]
            _current.watched = outer

    def stop(self) -> None:
        with self._starting:  # a call that comes now has started the thread, or will not
            self._stopping = True
        self._busy.set()
        if self._thread is not None:
            self._thread.join(2 * LOOK_EVERY_S)

    def _wake(self) -> None:
        with self._starting:
            if self._thread is None and not self._stopping:
                self._thread = threading.Thread(target=self._run, name="call-watchdog", daemon=True)
                self._thread.start()
        self._busy.set()

    def _run(self) -> None:
        while not self._stopping:
            if not self._calls:
                self._busy.clear()
                if not self._calls:  # a call may have come between the two lines
                    self._busy.wait()
            calls = list(self._calls.values())
            soonest_s = min((watched.due_s for watched in calls), default=0.0) - time.monotonic()
            time.sleep(min(max(soonest_s, SOONEST_S), LOOK_EVERY_S))
            now_s = time.monotonic()
            for watched in list(self._calls.values()):
                if watched.due_s <= now_s and watched.line is not None:
                    watched.overdue = True
                    watched.line.cut()
