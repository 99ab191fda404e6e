"""A message as somebody has changed it: what keeps it from being sent. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from services.poison.contract import Contract, check
from services.poison.reading import CORRELATION, MAX_CONTENT_BYTES, Reading, encode, read


@dataclass(frozen=True, slots=True)
class Edit:
    """*content*: what would be stored, empty when *faults* say why nothing can be. *problems*: what the contract says
    against it: sent all the same it would be answered with an error, or come back."""

    content: str
    faults: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def draft(reading: Reading) -> str:
    """Return the text to begin with: the message's JSON, indented; its text where it is none."""
    if reading.body is None:
        return reading.text
    return _dump(reading.body, indent=2)


def judge_edit(original: Reading, text: str, contract: Contract | None) -> Edit:
    """Return *text* as it would be sent in the place of *original*, or what is wrong with it.

    It is put into base64 as the Functions host reads it, whatever the original was in. The CorrelationId stays: it is
    what the run waits for, and what keeps a repeat from having a second effect.
    """
    body = read(encode(text)).body
    flat = _dump(body) if body is not None else text
    content = encode(flat)
    found = read(content)
    faults = [found.form_fault] if found.form_fault else []
    if original.correlation and found.correlation and found.correlation != original.correlation:
        faults.append(f"The {CORRELATION} was changed: the run waits for {original.correlation}.")
    if len(content) > MAX_CONTENT_BYTES:
        faults.append(
            f"It is too large: {len(content):,} bytes in base64, and a message holds {MAX_CONTENT_BYTES:,}."
        )
    if faults:
        return Edit("", tuple(faults))
    arguments = found.arguments
    verdict = check(arguments, contract.schema) if contract and arguments is not None else None
    return Edit(content, (), verdict.problems if verdict else ())


def _dump(body: Mapping[str, object], indent: int | None = None) -> str:
    """Return *body* as JSON; half a character (a lone surrogate), which no encoding can hold, stays an escape."""
    text = json.dumps(body, indent=indent, ensure_ascii=False)
    return text if _is_whole(text) else json.dumps(body, indent=indent)


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
