"""What a message holds, and whether a function could read it: the decode test. Pure.

The Functions host reads base64 of UTF-8 unless its host.json says `messageEncoding: none`; a function of ours wants a
JSON object with a CorrelationId in it (docs/function-tools.md).
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from services.queues import parse_object
from services.telemetry.context import PARAMETER

Encoding = Literal["base64", "plain", "base64 twice", "utf-16", "bytes"]
CORRELATION = "CorrelationId"
NESTED = "function_args"
MAX_CONTENT_BYTES = 64 * 1024  # of a message as it is stored
LONGEST_CORRELATION = 512
_TRACE = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_SPACE = re.compile(r"\s+")
FAULTS: dict[Encoding, str] = {
    "base64": "",
    "plain": "It is not in base64, which the Functions host reads unless its host.json says messageEncoding none.",
    "base64 twice": "It was put into base64 twice: the function finds base64 where it looks for JSON.",
    "utf-16": "It was put into base64 from UTF-16 text: the function reads UTF-8.",
    "bytes": "Decoded from base64 it holds bytes that are no UTF-8 text.",
}


@dataclass(frozen=True)  # no slots: what is worked out once is kept
class Reading:
    """*text*: decoded as far as it can be. *body*: its JSON object, None when it holds none."""

    content: str
    encoding: Encoding
    text: str
    body: Mapping[str, object] | None

    @property
    def encoding_fault(self) -> str:
        """Return why the host cannot decode it as it should be, in words; empty when it can."""
        return FAULTS[self.encoding]

    @cached_property
    def form_fault(self) -> str:
        """Return why the decoded text is no question that a function can answer; empty when it is one."""
        if self.body is None:
            return f"It holds {_found(self.text)}, and a function reads a JSON object."
        told = self.body.get(CORRELATION)
        if told is None or told == "":
            return f"It has no {CORRELATION}, so there is nobody to answer."
        if isinstance(told, bool) or not isinstance(told, str | int):
            return f"Its {CORRELATION} is neither text nor a whole number."
        if len(str(told)) > LONGEST_CORRELATION:
            return f"Its {CORRELATION} is longer than {LONGEST_CORRELATION} characters."
        if NESTED in self.body and not isinstance(self.body[NESTED], Mapping):
            return f"Its {NESTED} is no JSON object."
        return ""

    @property
    def correlation(self) -> str:
        """Return the CorrelationId as text; empty when it holds none that counts."""
        told = (self.body or {}).get(CORRELATION)
        if isinstance(told, bool) or not isinstance(told, str | int):
            return ""
        return str(told) if len(str(told)) <= LONGEST_CORRELATION else ""

    @cached_property
    def arguments(self) -> Mapping[str, object] | None:
        """Return what the function is called with, without the trace context; None when that cannot be told."""
        if self.body is None:
            return None
        inner = self.body.get(NESTED, {k: v for k, v in self.body.items() if k != CORRELATION})
        if not isinstance(inner, Mapping):
            return None
        return {name: value for name, value in inner.items() if name != PARAMETER}

    @property
    def trace_id(self) -> str:
        """Return the id of the trace that the call carries along; empty when it carries none."""
        inner = (self.body or {}).get(NESTED, self.body)
        told = inner.get(PARAMETER) if isinstance(inner, Mapping) else None
        found = _TRACE.fullmatch(told.strip()) if isinstance(told, str) else None
        return found[1] if found else ""


def read(content: str) -> Reading:
    """Return what *content*, a message as it is stored, holds. Never fails."""
    raw = _decoded(content)
    if raw is None:
        return Reading(content, "plain", content, parse_object(content))
    encoding, text = _as_text(raw)
    if encoding == "bytes":
        return Reading(content, encoding, content, None)
    body = parse_object(text)
    if body is None and encoding == "base64" and (inner := _decoded(text)) is not None:
        try:
            again = inner.decode("utf-8")
        except UnicodeDecodeError:
            again = ""
        if (found := parse_object(again)) is not None:
            return Reading(content, "base64 twice", again, found)
    return Reading(content, encoding, text, body)


def encode(text: str) -> str:
    """Return *text* as the Functions host reads it."""
    return base64.b64encode(text.encode("utf-8", "replace")).decode()


def _decoded(content: str) -> bytes | None:
    flat = _SPACE.sub("", content)  # .NET's decoder, which the host uses, takes blanks and line ends
    try:
        return base64.b64decode(flat, validate=True) if flat else None
    except (binascii.Error, ValueError):
        return None


def _as_text(raw: bytes) -> tuple[Encoding, str]:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return _utf16(raw, "utf-16")
    half = len(raw) / 2
    if raw and len(raw) % 2 == 0 and raw[1::2].count(0) > 0.8 * half and raw[::2].count(0) < 0.2 * half:
        return _utf16(raw, "utf-16-le")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "bytes", ""
    return ("base64", text) if "\0" not in text else ("bytes", "")


def _utf16(raw: bytes, name: str) -> tuple[Encoding, str]:
    try:
        return "utf-16", raw.decode(name)
    except UnicodeDecodeError:
        return "bytes", ""


def _found(text: str) -> str:
    """Return what *text* is, where it is no JSON object."""
    if not text.strip():
        return "nothing"
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return "text that is no JSON"
    if isinstance(value, list):
        return "a JSON array"
    return "a JSON value that is no object"
