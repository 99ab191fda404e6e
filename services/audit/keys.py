"""The keys of the chain: who has none can neither make a record nor change one unnoticed."""

import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from services.audit.record import LATE, Record, stamp

GENESIS: Final = "0" * 64
SHORTEST: Final = 16
KEY_FILE: Final = "audit.key"


class Keys:
    """*texts*: the first signs; the others were used before, and still verify."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._keys = {_name(text.encode()): text.encode() for text in texts}
        self.id = _name(texts[0].encode())

    def knows(self, record: Record) -> bool:
        """Return whether the key that *record* names is here."""
        return record.key_id in self._keys

    def sign(self, record: Record) -> Record:
        """Return *record* with the hash that this key makes of it."""
        return replace(record, hash=self._hash(record))

    def deliver(self, record: Record, now: datetime) -> Record:
        """Return *record* marked as a delivery of its own, with the time that the table is to give it.

        So what Relaydeck uploads twice, after a reply that was lost, differs from what somebody copies.
        """
        at = record.moment
        marked = replace(
            record, delivery=secrets.token_hex(8), generated=now if at is None or now - at > LATE else at
        )
        return replace(marked, seal=self._seal(marked))

    def is_signed(self, record: Record) -> bool:
        """Return whether its hash is right. False, too, when its key is not here."""
        return self.knows(record) and hmac.compare_digest(self._hash(record).encode(), record.hash.encode())

    def is_sealed(self, record: Record) -> bool:
        """Return whether Relaydeck itself made this delivery. False, too, when its key is not here."""
        if not self.knows(record):
            return False
        wanted = self._seal(record)
        return hmac.compare_digest(wanted.encode(), record.seal.encode())

    def _hash(self, record: Record) -> str:
        return self._mac(record.key_id, record.prev.encode() + b"\n" + record.signed())

    def _seal(self, record: Record) -> str:
        at = stamp(record.generated) if record.generated else ""
        return self._mac(record.key_id, f"delivery\n{record.hash}\n{record.delivery}\n{at}".encode())

    def _mac(self, key_id: str, data: bytes) -> str:
        return hmac.digest(self._keys[key_id], data, hashlib.sha256).hex()


def split(given: str) -> list[str]:
    """Return the keys of the setting: separated by commas."""
    return [part.strip() for part in given.split(",") if part.strip()]


def kept_key(folder: Path) -> str:
    """Return the key kept in *folder*, made at the first call and readable by its owner only. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / KEY_FILE
    if found := _read(path):
        return found
    made = secrets.token_urlsafe(32)
    draft = folder / f"{KEY_FILE}.{secrets.token_hex(4)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(made + "\n")
    try:
        os.link(draft, path)  # whoever comes first has made the key; a rename would let the last win
    except FileExistsError:
        return _read(path) or made
    finally:
        draft.unlink(missing_ok=True)
    return made


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""


def _name(key: bytes) -> str:
    return hmac.digest(key, b"relaydeck audit key", hashlib.sha256).hex()[:12]
