"""Twelve secrets that nobody else has. Wherever one of them turns up, something writes down what it must not.

Planted for the whole session: those that a setting or a variable can hold stand in the environment of every process that
the tests start, and when the session ends, all files that the tests left behind are searched for all of them.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MARK = "Zq7canary"  # begins every value: one search finds all


@dataclass(frozen=True, slots=True)
class Canary:
    """*text*: a sentence with the secret where it usually stands. *has_form*: it can be told by how it looks or stands;
    else it has to be known. *variable*: what holds it in the environment of the tests; empty: nothing does."""

    value: str
    text: str
    has_form: bool = True
    variable: str = ""


def _secret(kind: str) -> str:
    return f"{_MARK}{kind}0123456789abcdef"


_KEY = _secret("accountkey") + "=="
_JWT = f"eyJ{_secret('header')}.{_secret('claims')}.{_secret('signed')}"
_OIDC = f"eyJ{_secret('idhead')}.{_secret('idclaims')}.{_secret('idsigned')}"
CANARIES: dict[str, Canary] = {
    "account key": Canary(_KEY, f"before AccountKey={_KEY};EndpointSuffix=core.windows.net"),
    "signature": Canary(
        _secret("sig"), f"before GET https://a.queue.core.windows.net/q?sv=2026&sig={_secret('sig')}&se=x"
    ),
    "bearer": Canary(_secret("bearer"), f"before 'Authorization': 'Bearer {_secret('bearer')}'"),
    "jwt": Canary(_JWT, f"before token {_JWT} was refused"),
    "instrumentation key": Canary(
        _secret("ikey"), f"before InstrumentationKey={_secret('ikey')};IngestionEndpoint=https://x.example/"
    ),
    "cookie secret": Canary(
        _secret("cookie"), f"before signed by {_secret('cookie')}", False, "STREAMLIT_SERVER_COOKIE_SECRET"
    ),
    "client secret": Canary(
        _secret("client"),
        f"before client_secret={_secret('client')}&grant_type=x",
        variable="RELAYDECK_CANARY_SECRET",
    ),
    "oidc token": Canary(_OIDC, f'before {{"id_token": "{_OIDC}"}}'),
    "local token": Canary(_secret("local"), f"before {_secret('local')} is the token", False),
    "model key": Canary(
        _secret("model"), f"before asked with {_secret('model')}", False, "RELAYDECK_LOCAL_MODEL_KEY"
    ),
    "audit key": Canary(
        _secret("audit"), f"before chained by {_secret('audit')}", False, "RELAYDECK_CANARY_AUDIT_KEY"
    ),
    "connection string": Canary(
        _secret("conn"), f"before DefaultEndpointsProtocol=https;AccountName=a;AccountKey={_secret('conn')}"
    ),
}
SEARCHED_BYTES = 64 * 1024 * 1024


def plant() -> None:
    """Put into the environment what can stand there."""
    for canary in CANARIES.values():
        if canary.variable:
            os.environ.setdefault(canary.variable, canary.value)


def seen_in(text: str) -> list[str]:
    """Return the names of the canaries that *text* holds."""
    if _MARK not in text:
        return []
    return [name for name, canary in CANARIES.items() if canary.value in text] or ["a part of one"]


def sightings(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield each file below *folder* that holds one, with their names."""
    for file in sorted(folder.rglob("*")):
        if (
            file.is_file() and not file.is_symlink() and file.name != ".env"
        ):  # where settings are kept by their owner
            try:
                content = file.read_bytes()[:SEARCHED_BYTES]
            except OSError:  # gone meanwhile
                continue
            if _MARK.encode() in content and (found := seen_in(content.decode("latin-1"))):
                yield file, found
