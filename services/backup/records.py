"""The lines of a back-up: what each must be, whoever wrote it. Nothing of a file is believed before it passed here."""

import json
import re
from collections.abc import Mapping
from typing import NoReturn

from services.backup.models import Json, MessageRecord, ThreadRecord
from services.models import QueueSettings

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,255}")
QUEUE_NAME = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
METADATA_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
LATEST_S = 253402300799  # the year 9999


class DamagedError(ValueError):
    """A line is not what a back-up holds. Says what is wrong with it."""


def parse(line: bytes) -> Json:
    """Return the JSON object of *line*. Raises DamagedError, as all here do."""
    try:
        found = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as exc:
        raise DamagedError("it is no JSON") from exc
    if not isinstance(found, dict):
        raise DamagedError("it is no JSON object")
    return found


def agent(document: Json) -> Json:
    """Return the agent as it is, once every part that is looked at later has the type it must have."""
    _id(document)
    _metadata(document)
    for name in ("name", "description", "instructions", "model"):
        if not isinstance(document.get(name), str | None):
            raise DamagedError(f"{name} is no text")
    tools = document.get("tools")
    if not isinstance(tools, list | None) or any(not isinstance(tool, dict) for tool in tools or ()):
        raise DamagedError("tools is no list of objects")
    if not isinstance(document.get("tool_resources"), dict | None):
        raise DamagedError("tool_resources is no object")
    return document


def thread(document: Json) -> ThreadRecord:
    count = document.get("messages")
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise DamagedError("messages is no number")
    return ThreadRecord(_id(document), _time(document), _metadata(document), count, document)


def message(document: Json) -> MessageRecord:
    if not isinstance(role := document.get("role"), str):
        raise DamagedError("role is no text")
    content = document.get("content")
    if not isinstance(content, list) or any(not isinstance(block, dict) for block in content):
        raise DamagedError("content is no list of objects")
    _metadata(document)
    return MessageRecord(_id(document), role, _time(document), document)


def queue(document: Json) -> QueueSettings:
    """Return the queue. Its name becomes part of an address and its metadata of a header: both are held to the rules."""
    name = document.get("name")
    if not isinstance(name, str) or not QUEUE_NAME.fullmatch(name):
        raise DamagedError("name is no name of a queue")
    pairs = _metadata(document)
    for key, value in pairs.items():
        if not METADATA_NAME.fullmatch(key) or not value.isprintable():
            raise DamagedError("metadata has characters that no queue takes")
    return QueueSettings(name, pairs)


def text_of(document: Json, name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""


def metadata_of(document: Json) -> dict[str, str]:
    """Return the metadata of a checked document."""
    found = document.get("metadata")
    return dict(found) if isinstance(found, Mapping) else {}


def _id(document: Json) -> str:
    value = document.get("id")
    if not isinstance(value, str) or not ID.fullmatch(value):
        raise DamagedError("id is no id")
    return value


def _time(document: Json) -> int:
    value = document.get("created_at")
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LATEST_S:
        raise DamagedError("created_at is no time in seconds")
    return value


def _metadata(document: Json) -> dict[str, str]:
    found = document.get("metadata")
    if found is None:
        return {}
    if not isinstance(found, dict) or any(not isinstance(value, str) for value in found.values()):
        raise DamagedError("metadata is no object of texts")
    return found


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(text)
