"""One audit record: what it holds, how it is written into the table, and the bytes that are signed. Never any content."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from services.access import ActionName

TABLE: Final = "RelaydeckAudit_CL"
Kind = Literal["epoch", "intent", "result", "refused", "event"]
LONGEST_TEXT: Final = 1_000  # the table cuts at 64 KiB without a word, and a cut text would look forged
LATE: Final = timedelta(hours=36)  # Log Analytics replaces times older than two days by that of arrival
COLUMNS: Final[Mapping[str, str]] = {  # field: column
    "at": "At",
    "chain": "ChainId",
    "seq": "Seq",
    "kind": "Kind",
    "pair": "RecordId",
    "environment": "Environment",
    "actor": "ActorId",
    "actor_name": "ActorName",
    "tenant": "ActorTenant",
    "roles": "ActorRoles",
    "session": "ActorSession",
    "address": "ActorAddress",
    "action": "Action",
    "target_type": "TargetType",
    "target": "TargetId",
    "before": "BeforeDigest",
    "after": "AfterDigest",
    "trace_id": "TraceId",
    "outcome": "Outcome",
    "error": "ErrorClass",
    "instance": "Instance",
    "version": "Version",
    "key_id": "KeyId",
    "prev": "PrevHash",
    "hash": "Hash",
}
TARGETS: Final[Mapping[ActionName, str]] = {
    "ask question": "answer",
    "cancel run": "run",
    "replay message": "message",
    "delete message": "message",
    "look through queue": "queue",
    "send probe": "function tool",
    "clean up": "environment",
    "delete agent": "agent",
    "delete thread": "thread",
    "update team": "team",
    "back up": "backup",
    "delete queue": "queue",
    "purge queue": "queue",
    "restore": "backup",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """What there is to record, before it has its place in a chain. *pair*: shared by an intent and its result.

    *outcome*: of an intent `""`; of a result `done`, `failed` or `not started`. *before*, *after*: digest().
    """

    kind: Kind
    pair: str
    at: datetime
    action: str
    target: str = ""
    target_type: str = ""
    actor: str = ""
    actor_name: str = ""
    tenant: str = ""
    roles: str = ""
    session: str = ""
    address: str = ""
    before: str = ""
    after: str = ""
    trace_id: str = ""
    outcome: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One link of a chain. *at*: UTC, to the millisecond, as it is signed. *seq*: 0 opens the chain.

    *prev*: the hash of the record before; of the first, zeros. *delivery*, *seal*: which upload brought it here;
    empty until one did. *generated*: the table's own time; None when it was not read from there.
    """

    at: str
    chain: str
    seq: int
    kind: str
    pair: str
    environment: str
    actor: str
    actor_name: str
    tenant: str
    roles: str
    session: str
    address: str
    action: str
    target_type: str
    target: str
    before: str
    after: str
    trace_id: str
    outcome: str
    error: str
    instance: str
    version: str
    key_id: str
    prev: str
    hash: str = ""
    delivery: str = ""
    seal: str = ""
    generated: datetime | None = None

    @property
    def moment(self) -> datetime | None:
        """Return *at* as a time; None when it is none."""
        try:
            return datetime.fromisoformat(self.at)
        except ValueError:
            return None

    def signed(self) -> bytes:
        """Return the bytes that the chain's hash covers: every column but the hash itself, in canonical JSON."""
        document = {column: getattr(self, name) for name, column in COLUMNS.items() if name != "hash"}
        return canonical(document)

    def row(self) -> dict[str, object]:
        """Return the row that is uploaded: of a record that keys.deliver() has marked."""
        row: dict[str, object] = {column: getattr(self, name) for name, column in COLUMNS.items()}
        generated = stamp(self.generated) if self.generated else self.at
        return row | {"TimeGenerated": generated, "Delivery": self.delivery, "Seal": self.seal}

    def document(self) -> dict[str, object]:
        """Return the record as JSON has it: in the journal and in exports."""
        found = asdict(self)
        found["generated"] = stamp(self.generated) if self.generated else None
        return found


def chained(
    draft: Draft, *, chain: str, seq: int, prev: str, key_id: str, place: Mapping[str, str]
) -> Record:
    """Return *draft* at its place in a chain, not signed yet. *place*: environment, instance and version."""
    names = [one.name for one in fields(draft) if one.name not in ("at", "kind")]
    words = {name: clean(str(getattr(draft, name))) for name in names}
    where = {name: clean(value) for name, value in place.items()}
    link = {
        "at": stamp(draft.at),
        "chain": chain,
        "seq": seq,
        "kind": draft.kind,
        "prev": prev,
        "key_id": key_id,
    }
    return read_document({**words, **where, **link})


def read_document(document: Mapping[str, object]) -> Record:
    """Return the record that *document* holds, whatever somebody made of it: what does not fit is empty, or -1."""
    known = {one.name for one in fields(Record)}
    texts = {
        name: value if isinstance(value := document.get(name), str) else ""
        for name in known - {"seq", "generated"}
    }
    seq, generated = document.get("seq"), document.get("generated")
    return Record(
        seq=seq if isinstance(seq, int) and not isinstance(seq, bool) else -1,
        generated=_moment(generated) if isinstance(generated, str) else None,
        **texts,
    )


def read_row(row: Mapping[str, object]) -> Record:
    """Return the record that *row* of the table holds, in the columns of audit_records.kql."""
    generated = row.get("TimeGenerated")
    found = read_document({name: row.get(column) for name, column in COLUMNS.items()})
    return replace(
        found,
        delivery=str(row.get("Delivery") or ""),
        seal=str(row.get("Seal") or ""),
        generated=generated if isinstance(generated, datetime) else None,
    )


def canonical(value: object) -> bytes:
    """Return *value* as JSON in the one form there is for it: keys sorted, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str).encode()


def digest(value: object) -> str:
    """Return `sha256:` and the digest of *value* in canonical JSON; '' for None: it is not known, or there is none."""
    return "" if value is None else "sha256:" + hashlib.sha256(canonical(value)).hexdigest()


def stamp(at: datetime) -> str:
    """Return `2026-11-26T17:22:18.123Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clean(text: str) -> str:
    """Return *text* as it comes back from the table: cut, without what JSON or the table cannot hold."""
    kept = "".join(letter for letter in text[:LONGEST_TEXT] if letter.isprintable())
    return kept.encode("utf-8", "replace").decode()


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
