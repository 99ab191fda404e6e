"""Why a function gave a message up: from the message, the tool's own schema and the last exception. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from services.answers.hop import CORRELATION_ID
from services.diagnosis.verdicts import Code
from services.models import PeekedMessage
from services.telemetry.context import PARAMETER

LONGEST = 200
DENIED = re.compile(
    r"\b403\b|AuthorizationPermissionMismatch|AuthorizationFailure|PermissionDenied|Forbidden"
    r"|not authorized to perform|identity may not do that",
    re.IGNORECASE,
)
_CODEC = re.compile(
    r"base-?64|binascii|incorrect padding|UnicodeDecodeError|FormatException|codec can't decode",
    re.IGNORECASE,
)
_NO_JSON = re.compile(
    r"JSONDecodeError|JsonReaderException|not JSON|Expecting value|Unexpected token", re.IGNORECASE
)
_CONTRACT = re.compile(
    r"UnanswerableError|CorrelationId|KeyError|function_args|ValidationError|JsonSerializationException"
    r"|missing (?:a )?required|must be a JSON object",
    re.IGNORECASE,
)
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "array": list,
    "object": dict,
}


@dataclass(frozen=True, slots=True)
class Reason:
    """*words*: a clause that goes on after "because". *next_step*: what puts it right."""

    code: Code
    words: str
    next_step: str


def reason(message: PeekedMessage, schema: Mapping[str, object], exception: str) -> Reason:
    """Return why *message* was given up. *exception*: the last one that the function's log tells; empty: none known."""
    said = f" ({shorten(exception)})" if exception else ""
    if not message.encoded:
        return Reason(
            "poison_encoding",
            f"it is not base64{said}",
            "Send it in base64, or set messageEncoding in host.json to what the sender writes; then replay it.",
        )
    if DENIED.search(exception):
        return Reason(
            "poison_role",
            f"the function's identity lacks a role: {shorten(exception)}",
            "Give the function app's identity the roles of docs/permissions.md on the storage account; then replay it.",
        )
    if message.body is None:
        return Reason(
            "poison_contract",
            f"it holds no JSON object{said}",
            "Look at who wrote it: a call is a JSON object with the arguments and a CorrelationId.",
        )
    if _CODEC.search(exception) or _NO_JSON.search(
        exception
    ):  # what is there is base64 and JSON: the host is set otherwise
        return Reason(
            "poison_encoding",
            f"the function could not decode it, although it is base64 and holds JSON: {shorten(exception)}",
            "Set messageEncoding in host.json to base64, as agents write it; then replay it.",
        )
    fault = contract_fault(message.body, schema)
    if fault or _CONTRACT.search(exception):
        words = fault or f"the function does not accept its form: {shorten(exception)}"
        return Reason(
            "poison_contract",
            f"{words}{said if fault else ''}",
            "Compare the tool's declared parameters with what the function reads; then replay it, corrected.",
        )
    if exception:
        return Reason(
            "poison_exception",
            f"the function failed each time: {shorten(exception)}",
            "Correct the function, then replay the message.",
        )
    return Reason(
        "poison_unknown",
        "of something that its log does not tell (yet)",
        "Look at the function's log; connect Application Insights to see the reason here.",
    )


def contract_fault(body: Mapping[str, object], schema: Mapping[str, object]) -> str:
    """Return what is wrong with a call by the tool's own *schema*, as a clause; empty when nothing is."""
    if not body.get(CORRELATION_ID):
        return "it has no CorrelationId"
    nested = body.get("function_args")
    told = nested if isinstance(nested, Mapping) else body
    arguments = {name: value for name, value in told.items() if name not in (CORRELATION_ID, PARAMETER)}
    required = schema.get("required")
    for name in required if isinstance(required, list) else []:
        if name not in arguments:
            return f"the argument {shorten(str(name))} is missing"
    declared = schema.get("properties")
    for name, rule in (declared if isinstance(declared, Mapping) else {}).items():
        wanted = rule.get("type") if isinstance(rule, Mapping) else None
        kind = _TYPES.get(wanted) if isinstance(wanted, str) else None
        value = arguments.get(name)
        if kind is None or value is None:
            continue
        if not isinstance(value, kind) or (isinstance(value, bool) and wanted in ("number", "integer")):
            return f"the argument {shorten(str(name))} is not of type {wanted}"
    return ""


def shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
