"""From what a back-up holds to what the new project is sent: ids, addresses and marks. Pure."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from services.agents.plan import links_of_ids
from services.backup import records
from services.backup.marks import MARK, mark
from services.backup.models import Json, MessageRecord

OPID, LINKS = "opid", "links"
PAIRS_MOST = 16  # the service keeps so many pairs of metadata
KEPT_FIRST = ("relaydeck", "environment", "role", "definition", "instance", LINKS, "made", "title")
FIELDS = ("model", "name", "description", "instructions", "temperature", "top_p", "response_format")
ROLES = ("user", "assistant")
FILE_KEYS = ("file_ids", "vector_store_ids", "vector_stores")
IMAGE_GONE = "[An image stood here. Its file was not moved.]"
BLOCK_GONE = "[Something stood here that cannot be moved: {kind}.]"


@dataclass(frozen=True, slots=True)
class Addresses:
    """The storage account's address, before and now."""

    before: str
    now: str

    def moved(self, value: object) -> object:
        """Return *value* with the old address replaced in every text."""
        if self.before == self.now or not self.before.startswith(("http://", "https://")):
            return value
        if isinstance(value, str):
            return re.sub(re.escape(self.before) + r"(?![\w.:\-])", lambda _: self.now, value)
        if isinstance(value, Mapping):
            return {key: self.moved(one) for key, one in value.items()}
        return [self.moved(one) for one in value] if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request to make. *lost*: what of the original it lacks, in words."""

    body: dict[str, object]
    metadata: dict[str, str]
    lost: tuple[str, ...] = ()

    @property
    def opid(self) -> str:
        return self.metadata[OPID]


def connected_to(agent: Json) -> list[str]:
    """Return the ids of the agents that *agent* is connected to, in the order of its tools."""
    return [records.text_of(inner, "id") for inner in map(_connection, tools_of(agent)) if inner is not None]


def tools_of(agent: Json) -> list[Json]:
    tools = agent.get("tools")
    return list(tools) if isinstance(tools, list) else []


def agent_request(agent: Json, backup_id: str, new_ids: Mapping[str, str], addresses: Addresses) -> Wanted:
    """Return how to create *agent*. *new_ids*: of the agents it is connected to, as far as they are known."""
    lost: list[str] = []
    body = {name: agent[name] for name in FIELDS if agent.get(name) is not None}
    if "instructions" in body:
        body["instructions"] = addresses.moved(body["instructions"])
    body["tools"] = [addresses.moved(_reconnected(tool, new_ids, lost)) for tool in tools_of(agent)]
    if resources := without_files(agent.get("tool_resources"), lost):
        body["tool_resources"] = resources
    metadata = records.metadata_of(agent)
    before = connected_to(agent)
    if before and metadata.get(LINKS) == links_of_ids(before):
        metadata[LINKS] = links_of_ids(new_ids.get(one, one) for one in before)
    marked = marked_metadata(metadata, backup_id, str(agent["id"]), agent.get("created_at"), lost)
    return Wanted(body, marked, tuple(lost))


def message_request(message: MessageRecord, backup_id: str) -> Wanted | None:
    """Return how to add *message*; None when it has nothing that the service takes."""
    lost: list[str] = []
    if message.role not in ROLES:
        return None
    content = message.document["content"]
    blocks = [_block(block, lost) for block in content] if isinstance(content, list) else []
    if not any(block["type"] != "text" or str(block["text"]).strip() for block in blocks):
        return None
    texts = [str(block["text"]) for block in blocks if block["type"] == "text"]
    if message.document.get("attachments"):
        lost.append("attachments")
    body: dict[str, object] = {
        "role": message.role,
        "content": texts[0] if len(blocks) == len(texts) == 1 else blocks,
    }
    metadata = records.metadata_of(message.document)
    marked = marked_metadata(metadata, backup_id, message.id, message.created_at_s, lost)
    return Wanted(body, marked, tuple(lost))


def marked_metadata(
    metadata: Mapping[str, str], backup_id: str, old_id: str, created_at_s: object, lost: list[str]
) -> dict[str, str]:
    """Return *metadata* with our marks: an opid that is the same at every attempt, and where it comes from."""
    marks = {OPID: opid_of(backup_id, old_id), MARK: mark(backup_id, old_id, created_at_s)}
    rest = {key: value for key, value in metadata.items() if key not in marks}
    if (over := len(rest) + len(marks) - PAIRS_MOST) > 0:
        for key in [key for key in sorted(rest, reverse=True) if key not in KEPT_FIRST][:over]:
            del rest[key]
            lost.append(f"metadata {key}")
    return {**rest, **marks}


def opid_of(backup_id: str, old_id: str) -> str:
    return "op_" + hashlib.sha256(f"{backup_id} {old_id}".encode()).hexdigest()[:20]


def _connection(tool: Json) -> Json | None:
    inner = tool.get("connected_agent")
    return inner if tool.get("type") == "connected_agent" and isinstance(inner, Mapping) else None


def _reconnected(tool: Json, new_ids: Mapping[str, str], lost: list[str]) -> Json:
    inner = _connection(tool)
    if inner is None:
        return tool
    old = records.text_of(inner, "id")
    if old not in new_ids:
        lost.append(f"its connection to {old}, which is not in the back-up")
        return tool
    return {**tool, "connected_agent": {**inner, "id": new_ids[old]}}


def without_files(resources: object, lost: list[str]) -> dict[str, object]:
    """Return what tools refer to without what stays in the old project."""
    if not isinstance(resources, Mapping):
        return {}
    found: dict[str, object] = {}
    for kind, content in resources.items():
        if not isinstance(content, Mapping):
            found[kind] = content
            continue
        lost += [f"{key.replace('_', ' ')} of {kind}" for key in FILE_KEYS if content.get(key)]
        if rest := {key: value for key, value in content.items() if key not in FILE_KEYS}:
            found[kind] = rest
    return found


def _block(block: Json, lost: list[str]) -> dict[str, object]:
    kind = records.text_of(block, "type")
    if kind == "text":
        text = block.get("text")
        if isinstance(text, Mapping):
            if text.get("annotations"):
                lost.append("annotations")
            text = text.get("value")
        return {"type": "text", "text": text if isinstance(text, str) else ""}
    if kind == "image_url" and isinstance(block.get("image_url"), Mapping):
        return {"type": kind, kind: block[kind]}
    lost.append("an image file" if kind == "image_file" else f"a part of kind {kind[:40]}")
    return {"type": "text", "text": IMAGE_GONE if kind == "image_file" else BLOCK_GONE.format(kind=kind[:40])}
