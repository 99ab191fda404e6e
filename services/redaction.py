"""Takes keys, signatures and tokens out of texts that are shown, logged or told: by their form, and by what they are."""

import re
from collections.abc import Iterable, Mapping

MAX_QUOTE = 400
SHORTEST_SECRET = 12  # what is shorter would be found in the middle of words
_SECRET_NAME = re.compile(r"(?i)(secret|key|token|password|connection_?string)$")
_KEY_PART = re.compile(r"(?i)(?:key|signature|secret)=([^;]+)")
_NAMED = (
    r"[\w-]*(?:api[-_]?key|account_?key|access_?key|instrumentation_?key|client_?secret|cookie_?secret|password"
    r"|access_?token|refresh_?token|id_?token)"
)
_SECRETS = (
    # What Storage says it signed repeats the request with its account key's signature: never shown.
    (
        re.compile(r"(?is)(server used following string to sign|stringtosign|AuthenticationErrorDetail).*"),
        "…",
    ),
    (
        re.compile(r"(?i)(\b(?:sig|signature|skoid|se|sp|sv|code|key|api[-_]?key|accesskey)=)[^&\s\"'<>;]+"),
        r"\1…",
    ),
    (
        re.compile(
            r"(?i)((?:AccountKey|SharedAccessKey|InstrumentationKey|SharedAccessSignature)=)[^;\s\"']+"
        ),
        r"\1…",
    ),
    (re.compile(r"(?i)\b(Bearer|Basic|SharedKey(?:Lite)?)\s+[A-Za-z0-9+/_=.:~-]{8,}"), r"\1 …"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_.-]+"), "…"),
    (re.compile(r"(?i)\b((?:set-)?cookie[\"']?\s*[:=]\s*[\"']?)[^\r\n\"']+"), r"\1…"),
    (re.compile(rf"(?i)\b({_NAMED}[\"']?\s*[=:]\s*[\"']?)[^\s&\"',;}}]+"), r"\1…"),
)
_known: tuple[str, ...] = ()


def learn(values: Iterable[str]) -> None:
    """Have *values* taken out wherever they appear from now on: a token of our own has no form to know it by."""
    global _known
    found = {
        value.strip() for value in values if len(value.strip()) >= SHORTEST_SECRET and len(set(value)) > 5
    }
    if fresh := found - set(_known):
        _known = tuple(sorted({*_known, *fresh}, key=len, reverse=True))  # the whole before its part


def learn_named(values: Mapping[str, str]) -> None:
    """Do so with those of *values* whose name says that they are secret, and with the keys inside connection strings."""
    for name, value in values.items():
        if _SECRET_NAME.search(name):
            learn([value, *_KEY_PART.findall(value)])


def hide(text: str) -> str:
    """Return *text* without keys, signatures and tokens, else as it is."""
    for value in _known:
        if value in text:
            text = text.replace(value, "…")
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def hide_in(value: object) -> object:
    """Return *value*, a tree as JSON has it, without secrets in any of its texts; what is no such value as hidden text."""
    if isinstance(value, str):
        return hide(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {
            hide(str(name)): "…" if _names_secret(str(name), one) else hide_in(one)
            for name, one in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [hide_in(one) for one in value]
    return hide(str(value))


def redact(text: str, limit: int = MAX_QUOTE) -> str:
    """Return *text* in one line, without keys, signatures and tokens, cut to *limit* characters."""
    text = hide(" ".join("".join(c if c.isprintable() else " " for c in text).split()))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _names_secret(name: str, value: object) -> bool:
    """Return whether *value* stands under the name of a secret. Numbers do not: tokens are counted, too."""
    return isinstance(value, str) and _SECRET_NAME.search(name) is not None and bool(value)
