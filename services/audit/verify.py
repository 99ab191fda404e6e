"""Whether records are those that were written, in their order, all of them; and if not, which is the first that is not.

Pure: reads nothing. What a chain cannot tell by itself, that its end was cut off, the exported heads tell.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

from services.audit.keys import GENESIS, Keys
from services.audit.record import Record, stamp

Why = Literal["changed", "missing", "moved", "inserted", "truncated"]
SETTLES: Final = timedelta(minutes=10)  # what was taken by the ingestion service is in the table by then


@dataclass(frozen=True, slots=True)
class Exported:
    """The head of a chain as it was told elsewhere, at *at*."""

    chain: str
    seq: int
    hash: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Fault:
    """The first record of a chain that is not as it was written. *at*: its own time, or the nearest known; '' if none is."""

    chain: str
    seq: int
    at: str
    why: Why
    words: str

    def __str__(self) -> str:
        return (
            f"Chain {self.chain}, record {self.seq:,} ({self.at or 'time unknown'}): {self.why}. {self.words}"
        )


@dataclass(frozen=True, slots=True)
class ChainVerdict:
    """*first*, *last*: sequence numbers that are good; -1 when none is. *head*: the hash of *last*.
    *fault*: None when the chain is whole.

    *notes*: what could not be checked, or is no fault. *open*: intents without a result.
    """

    chain: str
    records: int
    first: int
    last: int
    head: str
    fault: Fault | None = None
    notes: tuple[str, ...] = ()
    open: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """*unknown*: why nothing can be said of some records; empty when all were checked."""

    chains: tuple[ChainVerdict, ...]
    unknown: str = ""

    @property
    def records(self) -> int:
        """Return how many records were looked at, in all chains."""
        return sum(one.records for one in self.chains)

    @property
    def fault(self) -> Fault | None:
        """Return the earliest fault; None when every chain is whole."""
        faults = [one.fault for one in self.chains if one.fault is not None]
        return min(faults, key=lambda one: (one.at or "9", one.chain, one.seq), default=None)

    @property
    def is_valid(self) -> bool:
        """Return whether no fault was found and every record could be checked."""
        return self.fault is None and not self.unknown


@dataclass(slots=True)
class _Walk:
    """One chain, record by record. *settled*: what is younger may still be arriving; None: nothing may. *kept_since*: what
    is older may be gone, for the table keeps it no longer; None: nothing may."""

    chain: str
    rows: Sequence[Record]
    keys: Keys
    heads: Mapping[int, Exported]
    whole: bool
    settled: datetime | None
    kept_since: datetime | None = None
    first: int = -1
    last: Record | None = None
    notes: list[str] = field(default_factory=list)
    twice: int = 0
    _places: dict[int, int] = field(default_factory=dict)
    _deliveries: set[str] = field(default_factory=set)

    def run(self) -> Fault | None:
        self._places = {row.seq: index for index, row in enumerate(self.rows)}  # where each stands last
        for index, row in enumerate(self.rows):
            if self._is_again(row):
                self.twice += 1
                continue
            expected = self.last.seq + 1 if self.last else self._begins(row)
            if row.seq > expected and self._may_arrive(row) and expected not in self._places:
                self.notes.append(f"records from {expected:,} on may still be arriving")
                return None
            fault = self._check(index, row) if row.seq == expected else self._misplaced(index, row, expected)
            if fault is not None:
                return fault
            self.last, self._deliveries = row, {row.delivery}
        return self._end()

    def _is_again(self, row: Record) -> bool:
        """Return whether *row* is the one before it, brought by another upload of Relaydeck's own."""
        last = self.last
        if last is None or (row.seq, row.hash) != (last.seq, last.hash):
            return False
        if not row.delivery or row.delivery in self._deliveries or self._flaw(row):
            return False
        self._deliveries.add(row.delivery)
        return True

    def _begins(self, row: Record) -> int:
        """Return the number that the first record must have, when *row* stands there."""
        at = row.moment
        is_old = (
            self.kept_since is not None and at is not None and at < self.kept_since and not self._flaw(row)
        )
        return max(row.seq, 0) if is_old or not self.whole else 0

    def _may_arrive(self, follower: Record) -> bool:
        at = follower.moment
        return self.settled is not None and at is not None and at > self.settled and not self._flaw(follower)

    def _misplaced(self, index: int, row: Record, expected: int) -> Fault:
        """Return why *row* stands where record *expected* should."""
        flaw, later = self._flaw(row), self._places.get(expected, -1) > index
        if flaw and not later:  # its number is not to be trusted either
            lone = len(self.rows) == 1 and row.seq >= 0
            return self._fault(row.seq if lone else expected, row, "changed", flaw)
        if row.seq < expected:
            again = any(one.hash == row.hash for one in self.rows[:index])
            words = "It stands there twice." if again else flaw or "Another record has its number."
            return self._fault(row.seq, row, "inserted", words)
        if later:
            if flaw or self._places.get(row.seq, -1) > index:
                return self._fault(row.seq, row, "inserted", f"It stands before record {expected:,}.")
            return self._fault(expected, row, "moved", f"Record {row.seq:,} stands in its place.")
        until = row.seq - 1
        which = f"Records {expected:,} to {until:,} are" if until > expected else "It is"
        return self._fault(expected, row, "missing", f"{which} not there; record {row.seq:,} follows.")

    def _check(self, index: int, row: Record) -> Fault | None:
        """Return what is wrong with *row*, which has the number that is due."""
        told, before = self.heads.get(row.seq), self.heads.get(row.seq - 1)
        why: Why = "inserted" if self._places.get(row.seq, -1) > index else "changed"
        if flaw := self._flaw(row):
            return self._fault(row.seq, row, why, flaw)
        if self.last is not None and row.prev != self.last.hash:
            return self._fault(row.seq, row, "changed", "It does not follow from the record before it.")
        if row.seq == 0 and row.prev != GENESIS:
            return self._fault(0, row, "changed", "It claims a record before the first.")
        if told is not None and told.hash != row.hash:
            return self._fault(row.seq, row, "changed", "It is not the one whose hash was exported.")
        if self.last is None:
            if before is not None and before.hash != row.prev:
                return self._fault(row.seq, row, "changed", "It does not follow from the exported head.")
            if row.seq > 0 and before is None:
                self.notes.append(
                    f"begins at record {row.seq:,}; its link to what came before was not checked"
                )
            self.first = row.seq
        return None

    def _end(self) -> Fault | None:
        if self.last is None and not self.whole:
            return None  # all of it may lie before what was asked for
        last = self.last.seq if self.last else -1
        ahead = [one for seq, one in sorted(self.heads.items()) if seq > last]
        lost = [one for one in ahead if self.settled is None or one.at <= self.settled]
        lost = [one for one in lost if self.kept_since is None or one.at >= self.kept_since]
        if lost:
            told = lost[-1]
            words = f"The chain went on to record {told.seq:,}: so the head says that was exported at {stamp(told.at)}."
            return Fault(self.chain, last + 1, stamp(lost[0].at), "truncated", words)
        if ahead:
            self.notes.append(f"records up to {ahead[-1].seq:,} may still be arriving")
        return None

    def _flaw(self, row: Record) -> str:
        """Return what is wrong with *row* by itself; empty when nothing is."""
        if not self.keys.is_signed(row):
            return "Its hash does not fit what it holds."
        from_table = row.generated is not None or row.delivery or row.seal
        if from_table and not self.keys.is_sealed(row):
            return "Its seal does not fit: its time in the table, or the mark of its delivery, is another."
        return ""

    def _fault(self, seq: int, row: Record, why: Why, words: str) -> Fault:
        return Fault(self.chain, seq, row.at, why, words)


def verify(
    records: Iterable[Record],
    keys: Keys,
    heads: Iterable[Exported] = (),
    *,
    whole: bool = True,
    now: datetime | None = None,
    settles: timedelta = SETTLES,
    keeps: timedelta | None = None,
) -> Verdict:
    """Return what holds of *records*, chain by chain, each in the order given.

    *whole*: whether the records of each chain should begin with its first; else its first is taken as it comes.
    *now*: heads exported less than *settles* before it may be ahead of the table; None: none may. *keeps*: how long the
    table keeps records: what is older than that at *now* may be gone.
    """
    chains: dict[str, list[Record]] = {}
    for record in records:
        chains.setdefault(record.chain, []).append(record)
    told: dict[str, dict[int, Exported]] = {}
    for head in heads:
        told.setdefault(head.chain, {})[head.seq] = head
    settled = now - settles if now else None
    kept_since = now - keeps if now and keeps else None
    verdicts: list[ChainVerdict] = []
    foreign = 0
    for chain in dict.fromkeys([*chains, *told]):
        rows = chains.get(chain, [])
        if rows and not any(keys.knows(row) for row in rows):
            foreign += len(rows)
            continue
        walk = _Walk(chain, rows, keys, told.get(chain, {}), whole, settled, kept_since)
        verdicts.append(_verdict(walk, walk.run()))
    unknown = (
        f"{foreign:,} records were signed with a key that is not in RELAYDECK_AUDIT_KEY." if foreign else ""
    )
    return Verdict(tuple(verdicts), unknown)


def _verdict(walk: _Walk, fault: Fault | None) -> ChainVerdict:
    if walk.twice:
        walk.notes.append(f"{walk.twice:,} records were delivered again, by Relaydeck itself")
    ended = {row.pair for row in walk.rows if row.kind == "result"}
    open_ = sum(row.kind == "intent" and row.pair not in ended for row in walk.rows)
    last = walk.last
    return ChainVerdict(
        walk.chain,
        len(walk.rows),
        walk.first,
        last.seq if last else -1,
        last.hash if last else "",
        fault,
        tuple(walk.notes),
        open_,
    )
