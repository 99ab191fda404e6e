"""Long work in spite of short trouble: waits out throttling and outages, and reads ahead in a few threads."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from services.errors import Throttled, Unavailable
from services.resilience.clock import Pace

T = TypeVar("T")
R = TypeVar("R")
LONGEST_S = 300.0
PAUSE_S, LONGEST_PAUSE_S, SLICE_S = 1.0, 30.0, 0.5
AT_ONCE = 8
WINDOW = 2 * AT_ONCE
Say = Callable[[str], None]


class Patience:
    """Repeats what the service is too busy for, for at most *longest_s* in a row. Threads share it."""

    def __init__(self, pace: Pace, say: Say, longest_s: float = LONGEST_S) -> None:
        self._pace, self._say, self._longest_s = pace, say, longest_s
        self._given_up = False

    def __call__(self, do: Callable[[], T], look_up: Callable[[], T | None] | None = None) -> T:
        """Return what *do* returns. Raises its ServiceError when that lasts, or cannot pass.

        *look_up*: for what creates; asked before each repetition whether an earlier attempt has done it after all.
        """
        waited_s, pause_s = 0.0, PAUSE_S
        while True:
            try:
                return do()
            except (Throttled, Unavailable) as error:
                wait_s = max(error.retry_after_s or 0.0, pause_s)
                if waited_s + wait_s > self._longest_s:
                    raise
                self._say(f"{error.message} Waiting {wait_s:.0f} s.")
                if not self._wait(wait_s):
                    raise
                waited_s, pause_s = waited_s + wait_s, min(2 * pause_s, LONGEST_PAUSE_S)
            if look_up is not None and (found := self(look_up)) is not None:
                return found

    def give_up(self) -> None:
        """End all waits: somebody else has met what does not pass."""
        self._given_up = True

    def _wait(self, seconds: float) -> bool:
        """Return False when the wait was cut short."""
        while seconds > 0 and not self._given_up:
            if not self._pace.sleep(min(seconds, SLICE_S)):
                return False
            seconds -= SLICE_S
        return not self._given_up


def in_order(fn: Callable[[T], R], items: Iterable[T], patience: Patience) -> Generator[R]:
    """Yield fn(item) for each of *items*, in their order; AT_ONCE of them run at the same time, none far ahead.

    Raises what *fn* raised first; then, and when it is closed, nothing new begins, *patience* ends and what runs is
    waited for.
    """
    waiting: deque[Future[R]] = deque()
    failures: list[BaseException] = []

    def guarded(item: T) -> R:
        try:
            return fn(item)
        except BaseException as failure:
            failures.append(failure)
            patience.give_up()  # at once: the one that is due may be waiting for minutes
            raise

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="back-up") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(guarded, item))
                if len(waiting) >= WINDOW:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BaseException as error:
            patience.give_up()
            if error in failures and error is not failures[0]:
                raise failures[0] from None
            raise
        finally:
            for future in waiting:
                future.cancel()


class Progress:
    """Says a line at most every *every_s* seconds."""

    def __init__(self, say: Say, pace: Pace, every_s: float = 2.0) -> None:
        self._say, self._pace, self._every_s = say, pace, every_s
        self._last_s = pace.now_s()

    def tell(self, line: str) -> None:
        if self._pace.now_s() - self._last_s >= self._every_s:
            self._last_s = self._pace.now_s()
            self._say(line)
