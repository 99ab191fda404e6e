"""Tells listeners in this process when a queue has a message to give."""

import asyncio
import math
from collections.abc import Callable

from emulator.clock import Clock

Callback = Callable[[], None]


class Watchers:
    """*next_visible_s(queue, from_s)*: when, at or after *from_s*, a message of the queue becomes visible."""

    def __init__(self, clock: Clock, next_visible_s: Callable[[str, float], float | None]) -> None:
        self._clock, self._next_visible_s = clock, next_visible_s
        self._callbacks: dict[str, dict[object, Callback]] = {}
        self._alarms: dict[str, tuple[float, asyncio.Task[None]]] = {}

    def add(self, queue: str, callback: Callback) -> Callable[[], None]:
        """Return a function that ends the watch; calling it twice is harmless."""
        ticket = object()  # the same callback may watch twice
        self._callbacks.setdefault(queue, {})[ticket] = callback
        self._set_alarm(queue, self._next_visible_s(queue, self._after_now()))

        def remove() -> None:
            others = self._callbacks.get(queue, {})
            if others.pop(ticket, None) and not others:
                del self._callbacks[queue]
                self._cancel(queue)

        return remove

    def moved(self, queue: str, visible_s: float) -> None:
        """Note that a message of *queue* becomes visible at *visible_s*."""
        if queue not in self._callbacks:
            return
        if visible_s <= self._clock.now_s():
            self._ring(queue)
        else:
            self._set_alarm(queue, visible_s)

    def cancel_alarms(self) -> None:
        """Stop waiting for messages that are hidden now. The callbacks stay."""
        for queue in list(self._alarms):
            self._cancel(queue)

    def _ring(self, queue: str) -> None:
        # Later, not now: the message is stored, but its sender has not been answered yet.
        loop = asyncio.get_running_loop()
        for callback in self._callbacks.get(queue, {}).values():
            loop.call_soon(callback)

    def _set_alarm(self, queue: str, due_s: float | None) -> None:
        if due_s is None:
            return
        if alarm := self._alarms.get(queue):
            if alarm[0] <= due_s:
                return
            alarm[1].cancel()
        task = asyncio.get_running_loop().create_task(self._wait(queue, due_s))
        self._alarms[queue] = (due_s, task)

    async def _wait(self, queue: str, due_s: float) -> None:
        await self._clock.sleep_until(due_s)
        del self._alarms[queue]
        due = self._next_visible_s(queue, due_s)  # None or later: the message was deleted or hidden again
        if due is not None and due <= self._clock.now_s():
            self._ring(queue)
        self._set_alarm(queue, self._next_visible_s(queue, self._after_now()))

    def _after_now(self) -> float:
        return math.nextafter(self._clock.now_s(), math.inf)

    def _cancel(self, queue: str) -> None:
        if alarm := self._alarms.pop(queue, None):
            alarm[1].cancel()
