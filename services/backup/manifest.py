"""The manifest of a back-up as JSON: what is in the file, of what, and the hash of each part."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from services.backup import records
from services.backup.models import (
    FORMAT,
    MEMBERS,
    VERSION,
    CannotMove,
    Counts,
    LeftOut,
    Manifest,
    MemberFacts,
    Scope,
    Source,
)

SEAL = "seal"


class UnreadableError(ValueError):
    """It is no manifest, or one that this version does not read. *code*: which of these."""

    def __init__(self, why: str, code: str) -> None:
        super().__init__(why)
        self.code = code


def document_of(manifest: Manifest) -> dict[str, object]:
    return {
        "format": FORMAT,
        "version": VERSION,
        **asdict(manifest),
        "created_at": manifest.created_at.isoformat(),
        "members": {name: asdict(facts) for name, facts in manifest.members.items()},
    }


def sealed(document: Mapping[str, object]) -> dict[str, object]:
    """Return *document* with a hash of itself. It shows damage and careless edits; whoever means to can renew it."""
    rest = {key: value for key, value in document.items() if key != SEAL}
    canonical = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return {**rest, SEAL: hashlib.sha256(canonical.encode()).hexdigest()}


def parse(content: bytes) -> dict[str, Any]:
    """Return the document, of our version and whole. Raises UnreadableError."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as exc:
        raise UnreadableError("its manifest is no JSON", "NotABackup") from exc
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UnreadableError("it is no back-up of Relaydeck", "NotABackup")
    version = document.get("version")
    if isinstance(version, int) and not isinstance(version, bool) and version > VERSION:
        why = f"it was made by a newer Relaydeck (format {version}; this one reads {VERSION})"
        raise UnreadableError(why, "NewerVersion")
    if version != VERSION or sealed(document)[SEAL] != document.get(SEAL):
        raise UnreadableError("its manifest was altered", "Altered")
    return document


def manifest_of(document: Mapping[str, Any]) -> Manifest:
    """Return the manifest that a parsed document holds. Raises UnreadableError."""
    try:
        return _manifest(document)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise UnreadableError("its manifest cannot be read", "Altered") from exc


def _manifest(document: Mapping[str, Any]) -> Manifest:
    source, created_at = document["source"], datetime.fromisoformat(document["created_at"])
    if not all(isinstance(value, str) for value in source.values()):
        raise TypeError("source")
    if not records.ID.fullmatch(document["id"]) or created_at.tzinfo is None:
        raise ValueError("id or created_at")
    return Manifest(
        id=document["id"],
        created_at=created_at,
        source=Source(**source),
        scope=Scope(**document["scope"]),
        counts=Counts(**{name: int(count) for name, count in document["counts"].items()}),
        members={name: _facts(document["members"][name]) for name in MEMBERS},
        left_out=tuple(LeftOut(**one) for one in document["left_out"]),
        left_out_count=int(document["left_out_count"]),
        lost_count=int(document["lost_count"]),
        cannot_move=tuple(CannotMove(**one) for one in document["cannot_move"]),
    )


def _facts(document: Mapping[str, Any]) -> MemberFacts:
    return MemberFacts(str(document["sha256"]), int(document["size_bytes"]), int(document["lines"]))
