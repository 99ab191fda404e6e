"""The audit trail read back: what there is, whether it is whole, and all of it as a file. Reads only."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.audit.keys import Keys
from services.audit.record import Record, read_row
from services.audit.verify import SETTLES, Exported, Verdict, verify
from services.errors import AccessDenied, ConfigurationError, ServiceError, Unavailable
from services.monitor.kql import Value
from services.monitor.logs import LogsService
from services.monitor.results import Ask, Row

log = logging.getLogger(__name__)
PAGE_ROWS: Final = 2_000  # what one reply holds without being cut
MOST_CHAINS: Final = 100  # in one request
LONGEST: Final = timedelta(days=3650)
AHEAD: Final = timedelta(days=1)  # clocks differ; what is dated after now is asked for, too
ATTEMPTS: Final = 2  # the workspace may be busy: a query that it gave up goes through a moment later
EDGE: Final = timedelta(days=1)  # the table deletes by the day
READING: Final = "read the audit trail"


@dataclass(frozen=True, slots=True)
class Checked:
    """A verification. *start*: None: from the first record on. *at*: when it was made."""

    verdict: Verdict
    start: datetime | None
    end: datetime
    at: datetime


class Auditor:
    """Threads share it. *logs*: makes a reader whose results nobody else keeps; None when no workspace is set. *keeps*: how
    long the table keeps records; None: for ever."""

    def __init__(
        self,
        logs: Callable[[], LogsService] | None,
        keys: Callable[[], Keys],
        environment: str,
        now: Callable[[], datetime],
        keeps: timedelta | None = None,
    ) -> None:
        self._logs, self._keys, self._environment, self._now = logs, keys, environment, now
        self._keeps = keeps - EDGE if keeps else None
        self._latest: Checked | None = None
        self._lock = threading.Lock()
        self._idle = threading.Condition()
        self._checking = False
        self._problem: ServiceError | None = None

    @property
    def environment(self) -> str:
        """Return the environment whose records are read."""
        return self._environment

    @property
    def latest(self) -> Checked | None:
        """Return the latest verification of this process; None before the first."""
        return self._latest

    @property
    def is_checking(self) -> bool:
        """Whether one is under way in the background."""
        return self._checking

    @property
    def problem(self) -> ServiceError | None:
        """Return why the latest one in the background came to nothing; None when it did not."""
        return self._problem

    def begin_check(self, wait_s: float = 0.0) -> None:
        """Verify everything in the background, unless that is under way; return when it ended, after *wait_s* at most."""
        with self._idle:
            if not self._checking:
                self._checking = True
                threading.Thread(target=self._check_all, name="audit-check", daemon=True).start()
            self._idle.wait_for(lambda: not self._checking, wait_s)

    def is_genuine(self, record: Record) -> bool | None:
        """Return whether *record* by itself is as it was written; None: that takes a key that is not here. Sends nothing."""
        try:
            keys = self._keys()
        except ServiceError:
            return None
        return keys.is_signed(record) and keys.is_sealed(record) if keys.knows(record) else None

    def check(
        self,
        start: datetime | None = None,
        end: datetime | None = None,
        settles: timedelta = SETTLES,
        noted: Sequence[Exported] = (),
    ) -> Checked:
        """Return whether the records of the range are all there and as they were written. About one request per 2,000.

        *start* None: from the first one on, which then must be the first of its chain. *noted*: heads that somebody kept
        elsewhere. Raises ServiceErrors: they cannot be read, or there is no key to check them with.
        """
        with self._lock:  # one at a time: it reads all there is
            now = self._now()
            records = list(self.records(start, end))
            heads = [*self._heads(start, end or now + AHEAD), *noted]
            found = verify(
                records,
                self._keys(),
                heads,
                whole=start is None,
                now=now,
                settles=settles,
                keeps=self._keeps,
            )
            self._latest = Checked(found, start, end or now, now)
        return self._latest

    def records(self, start: datetime | None = None, end: datetime | None = None) -> Iterator[Record]:
        """Yield every record of the range, chain by chain, each delivery of it. Raises ServiceErrors."""
        ask = _Reader(self._logs, self._environment, self._now(), start, end)
        small: list[str] = []
        held = 0
        for row in ask.rows("audit_chains"):
            chain, count = str(row["chain"] or ""), int(str(row["rows"]))
            first, last = row["first_seq"], row["last_seq"]
            if count > PAGE_ROWS and isinstance(first, int) and isinstance(last, int):
                for begin in range(first, last + 1, PAGE_ROWS):
                    yield from ask.records([chain], begin, begin + PAGE_ROWS)
                continue
            if small and (held + count > PAGE_ROWS or len(small) == MOST_CHAINS):
                yield from ask.records(small)
                small, held = [], 0
            small.append(chain)
            held += count
        if small:
            yield from ask.records(small)

    def _check_all(self) -> None:
        problem: ServiceError | None = None
        try:
            self.check()
        except ServiceError as exc:
            problem = exc
        except Exception:
            log.exception("audit.check_broken")
            problem = Unavailable(
                "The verification has a defect; the log holds the details.", operation=READING
            )
        with self._idle:
            self._checking, self._problem = False, problem
            self._idle.notify_all()

    def _heads(self, start: datetime | None, end: datetime) -> list[Exported]:
        ask = _Reader(self._logs, self._environment, self._now(), start, end)
        found: list[Exported] = []
        for row in ask.rows("audit_heads"):
            at, seq = row["at"], str(row["seq"])
            if isinstance(at, datetime) and seq.isdecimal():
                found.append(Exported(str(row["chain"]), int(seq), str(row["head"]), at))
        return found


class _Reader:
    """Asks about one range."""

    def __init__(
        self,
        logs: Callable[[], LogsService] | None,
        environment: str,
        now: datetime,
        start: datetime | None,
        end: datetime | None,
    ) -> None:
        if logs is None:
            raise ConfigurationError(
                "There is no Log Analytics workspace to read the audit trail from.",
                operation=READING,
                hint="Set RELAYDECK_LOGS_WORKSPACE and start again.",
            )
        self._logs = logs()
        self._values: dict[str, Value] = {
            "start": start or now - LONGEST,
            "end": end or now + AHEAD,
            "environment": environment,
        }

    def rows(self, query: str, **more: Value) -> Sequence[Row]:
        """Return all rows. Raises ServiceErrors: also when only a part came, for nothing follows from a part."""
        for attempt in range(ATTEMPTS):
            (result,) = self._logs.ask(Ask(query, {**self._values, **more}))
            if result.state in ("ok", "empty"):
                return result.rows
            if isinstance(result.problem, AccessDenied):
                break
            log.info("audit.read_again", extra={"query": query, "attempt": attempt, "state": result.state})
        problem: ServiceError | None = result.problem
        raise problem or Unavailable(
            f"Could not {READING}: only a part of it was read. {result.said}".rstrip(), operation=READING
        )

    def records(self, chains: Sequence[str], begin: int = -(2**62), end: int = 2**62) -> Iterator[Record]:
        rows = self.rows("audit_records", chains=list(chains), from_seq=begin, until_seq=end)
        return (read_row(row) for row in rows)
