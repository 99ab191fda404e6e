"""Readings that all viewers share: kept for a while, read anew in the background, an earlier one shown when that takes too
long or fails. Instances stand in ui/context.py, where all caches are."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, ParamSpec, TypeVar

from services.errands import Errand, Errands
from services.errors import Conflict, InvalidInput, NotFound, ServiceError
from ui import formats, patience

P = ParamSpec("P")
T = TypeVar("T")
GONE = (
    NotFound,
    InvalidInput,
    Conflict,
)  # these are news of the thing itself: nothing earlier stands in for it


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """*mark*: which state of things it was read in; one of an earlier state is not fresh, however young."""

    value: T
    read_at: datetime
    mark: Hashable = None


class Kept(Generic[P, T]):
    """One reading for each set of arguments. Threads share it.

    *what*: what is read, as a sentence begins. *fresh_s*: how long a reading serves. *most*: how many are kept.
    """

    def __init__(self, what: str, fetch: Callable[P, T], *, fresh_s: float, most: int) -> None:
        self._what, self._fetch, self._fresh_s, self._most = what, fetch, fresh_s, most
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, Reading[T]] = OrderedDict()
        self._errands: Errands[Reading[T]] = Errands()
        self._clears = 0

    def __call__(self, *args: P.args, **named: P.kwargs) -> T:
        """Return what read() does, of the present state of things."""
        return self.read(None, None, *args, **named).value

    def read(self, mark: Hashable, fresh_s: float | None, /, *args: P.args, **named: P.kwargs) -> Reading[T]:
        """Return what is kept while it is fresh (*fresh_s*: for this once); else what is read now, if that comes in time.

        What does not come in time, or fails, leaves the earlier reading, which the page then says is one. Raises
        ServiceErrors when there is none: NotYet while it is still being read.
        """
        key = (args, tuple(sorted(named.items())))
        known = self._fresh(key, mark, self._fresh_s if fresh_s is None else fresh_s)
        if known is not None:
            return known
        try:
            return self._send(key, mark, *args, **named).wait(patience.left_s())
        except GONE:
            with self._lock:
                self._known.pop(key, None)
            raise
        except ServiceError as error:
            return self._earlier(key, error)

    def begin(
        self, mark: Hashable, fresh_s: float | None, /, *args: P.args, **named: P.kwargs
    ) -> threading.Event | None:
        """Let it be read from now on, while something else is waited for. Returns what is set once that is over; None when
        it is not due."""
        key = (args, tuple(sorted(named.items())))
        if self._fresh(key, mark, self._fresh_s if fresh_s is None else fresh_s) is not None:
            return None
        return self._send(key, mark, *args, **named).done

    def known(self, mark: Hashable, fresh_s: float, /, *args: P.args, **named: P.kwargs) -> Reading[T] | None:
        """Return the last reading if it is no older than *fresh_s*; else None. Sends nothing."""
        return self._fresh((args, tuple(sorted(named.items()))), mark, fresh_s)

    def held(self, *args: P.args, **named: P.kwargs) -> T | None:
        """Return what was read last, however old; None when nothing was. Sends nothing."""
        with self._lock:
            known = self._known.get((args, tuple(sorted(named.items()))))
        return None if known is None else known.value

    def clear(self, *args: P.args, **named: P.kwargs) -> None:
        """Read this anew when it is drawn next. What is on its way by then is of the past, and not kept."""
        self._mark_old([(args, tuple(sorted(named.items())))])

    def clear_all(self) -> None:
        """Read all anew when they are drawn next."""
        self._mark_old(list(self._known))

    def _mark_old(self, keys: Iterable[Hashable]) -> None:
        with self._lock:
            self._clears += 1
            for key in keys:
                if key in self._known:
                    self._known[key] = replace(self._known[key], mark=_Old())

    def _fresh(self, key: Hashable, mark: Hashable, fresh_s: float) -> Reading[T] | None:
        with self._lock:
            known = self._known.get(key)
        if known is None or known.mark != mark or (formats.since_s(known.read_at) or 0.0) >= fresh_s:
            return None
        return known

    def _send(self, key: Hashable, mark: Hashable, *args: P.args, **named: P.kwargs) -> Errand[Reading[T]]:
        return self._errands.send(
            (key, mark, self._clears), self._what, lambda: self._read(key, mark, *args, **named)
        )

    def _read(self, key: Hashable, mark: Hashable, *args: P.args, **named: P.kwargs) -> Reading[T]:
        clears = self._clears
        found = Reading(self._fetch(*args, **named), formats.now(), mark)
        with self._lock:
            if clears == self._clears:
                self._known[key] = found
                self._known.move_to_end(key)
                while len(self._known) > self._most:
                    self._known.popitem(last=False)
        return found

    def _earlier(self, key: Hashable, error: ServiceError) -> Reading[T]:
        with self._lock:
            known = self._known.get(key)
        if known is None:
            raise error
        patience.tell(patience.Old(self._what, known.read_at, error))
        return known


class _Old:
    """The mark of what is to be read anew: equal to nothing else."""
