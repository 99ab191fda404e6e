"""The only source of time in Local Azure. Tests move it; nobody sleeps."""

import asyncio
import time
from datetime import UTC, datetime


class Clock:
    """Wall-clock time plus an offset that only grows."""

    def __init__(self) -> None:
        self._offset_s = 0.0
        self.skew_s = 0.0  # how far the services believe to be ahead; who issues tokens is right
        self._sleepers: dict[asyncio.Future[None], float] = {}

    def now_s(self) -> float:
        """Return seconds since the Unix epoch."""
        return time.time() + self._offset_s

    def told_s(self) -> float:
        """Return the time that the services believe it is: what they tell, and judge tokens and signatures by."""
        return self.now_s() + self.skew_s

    def now(self) -> datetime:
        """Return the same instant as an aware datetime in UTC."""
        return datetime.fromtimestamp(self.now_s(), UTC)

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass at once. Call from the event loop's thread."""
        if seconds < 0:
            raise ValueError("time only moves forward")
        self._offset_s += seconds
        now_s = self.now_s()
        for sleeper, due_s in list(self._sleepers.items()):
            if due_s <= now_s and not sleeper.done():
                sleeper.set_result(None)

    async def sleep_until(self, due_s: float) -> None:
        """Return once now_s() has reached *due_s*, by waiting or by advance()."""
        loop = asyncio.get_running_loop()
        while (left_s := due_s - self.now_s()) > 0:
            sleeper: asyncio.Future[None] = loop.create_future()
            self._sleepers[sleeper] = due_s
            timer = loop.call_later(left_s, _wake, sleeper)
            try:
                await sleeper
            finally:
                timer.cancel()
                del self._sleepers[sleeper]

    async def sleep(self, seconds: float) -> None:
        """Return once *seconds* have passed on this clock."""
        if seconds > 0:
            await self.sleep_until(self.now_s() + seconds)


def _wake(sleeper: "asyncio.Future[None]") -> None:
    if not sleeper.done():
        sleeper.set_result(None)
