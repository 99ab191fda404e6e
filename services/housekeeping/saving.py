"""What is about to be deleted, as one JSON document: there is no way back but this."""

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.agents.backend import AgentBackend
from services.errors import NotFound, ServiceError
from services.housekeeping.findings import Finding

MESSAGES_MOST = 1000
BYTES_MOST = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Export:
    """*data*: JSON in UTF-8. *missed*: how many could not be read; each says why in the document."""

    data: bytes
    things: int
    missed: int


def save(
    backend: AgentBackend,
    findings: Sequence[Finding],
    now: datetime,
    stopped: threading.Event,
    tell: Callable[[int], None] = lambda _: None,
) -> Export:
    """Return *findings* with the messages of threads (at most 1,000 each) and the definitions of agents.

    One request or more for each. What cannot be read, or would make the document larger than 64 MB, is named in it
    and counted. *tell* is told how many are done.
    """
    pieces: list[str] = []
    size = missed = 0
    for number, one in enumerate(findings, 1):
        entry = describe(one)
        if stopped.is_set() or size > BYTES_MOST:
            entry["not_read"] = "Stopped." if stopped.is_set() else "The document would be too large."
            missed += 1
        else:
            try:
                entry |= _contents(backend, one)
            except ServiceError as error:
                entry["not_read"] = error.message
                missed += not isinstance(error, NotFound)
        pieces.append(json.dumps(entry, ensure_ascii=False, default=str))
        size += len(pieces[-1])
        tell(number)
    head = json.dumps({"relaydeck_cleanup": 1, "made_at": now.isoformat()})[:-1]
    data = head + ', "things": [\n' + ",\n".join(pieces) + "\n]}\n"
    return Export(data.encode("utf-8", "replace"), len(pieces), missed)


def describe(one: Finding) -> dict[str, object]:
    """Return a finding as a JSON object, without contents."""
    return {
        "kind": one.kind,
        "sort": one.sort,
        "id": one.id,
        "name": one.name,
        "reason": one.reason,
        "created_at": one.created_at.isoformat() if one.created_at else None,
        "environment": one.environment or None,
        "ours": one.ours,
        "messages": one.count,
        "metadata": dict(one.metadata),
    }


def _contents(backend: AgentBackend, one: Finding) -> dict[str, object]:
    if one.sort == "agent":
        return {"definition": dict(backend.get_definition(one.id).source)}
    if one.sort == "thread":
        found = backend.list_messages(one.id, MESSAGES_MOST)
        return {
            "messages_read": [
                {
                    "id": message.id,
                    "role": message.role,
                    "text": message.text,
                    "created_at": message.created_at.isoformat(),
                    "run_id": message.run_id or None,
                }
                for message in reversed(found)
            ],
            "complete": len(found) < MESSAGES_MOST,
        }
    return {}
