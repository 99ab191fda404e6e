"""One answer's events as they come, and everybody who waits for the next one."""

import threading
import time
from collections.abc import Callable, Iterator

from services.answers.events import AnswerEvent, Asked
from services.answers.fold import apply, begin
from services.models import OPEN_STATES, Answer

Clock = Callable[[], float]
_LOOK_S = 5.0  # a waiter looks up this often even when nobody wakes it


class Journal:
    """Thread-safe. *age_s*: how long ago the question was asked, for an answer taken up from its thread."""

    def __init__(self, asked: Asked, clock: Clock = time.monotonic, age_s: float = 0.0) -> None:
        self._clock, self._zero_s = clock, clock() - age_s
        self._changed = threading.Condition()
        self._events: list[AnswerEvent] = [asked]
        self._answer = begin(asked)
        self._final, self._settled = threading.Event(), threading.Event()

    @property
    def answer(self) -> Answer:
        return self._answer

    def at_s(self) -> float:
        """Return the seconds since the question was asked."""
        return self._clock() - self._zero_s

    def record(self, *events: AnswerEvent) -> None:
        """Add *events*; one that changes nothing, such as a second end of the same answer, is dropped."""
        with self._changed:
            before = self._answer
            for event in events:
                after = apply(self._answer, event)
                if after is not self._answer:
                    self._events.append(event)
                    self._answer = after
            if self._answer is before:
                return
            if self._answer.state not in OPEN_STATES:
                self._final.set()
            if not self._answer.is_open:
                self._settled.set()
            self._changed.notify_all()

    def wait(self, version: int, timeout_s: float) -> Answer:
        """Return the answer once its version is not *version* any more, or as it is after *timeout_s*."""
        with self._changed:
            self._changed.wait_for(lambda: self._answer.version != version, timeout_s)
            return self._answer

    def wait_final(self, timeout_s: float) -> bool:
        """Return whether the answer was final within *timeout_s*."""
        return self._final.wait(timeout_s)

    def wait_settled(self, timeout_s: float) -> Answer:
        """Return the answer once nothing more comes, or as it is after *timeout_s*."""
        self._settled.wait(timeout_s)
        return self._answer

    def events(self, cursor: int = 0) -> Iterator[AnswerEvent]:
        """Yield the events from number *cursor* on as they come; end when the answer takes no more."""
        while True:
            with self._changed:
                while len(self._events) <= cursor and self._answer.is_open:
                    self._changed.wait(_LOOK_S)
                fresh, over = self._events[cursor:], not self._answer.is_open
            yield from fresh
            cursor += len(fresh)
            if over and not fresh:
                return

    def recorded(self) -> tuple[AnswerEvent, ...]:
        with self._changed:
            return tuple(self._events)
