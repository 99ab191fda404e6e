"""Settings and identity: what was configured, whether it can be used, and as whom Relaydeck signs in."""

import base64
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

from services.doctor.findings import Said
from services.doctor.subject import Subject
from services.errors import ServiceError

SHORT_S = 300
LOGIN = "az login"
SHOWN = (
    "EnvironmentCredential",
    "WorkloadIdentityCredential",
    "ManagedIdentityCredential",
    "AzureCliCredential",
)
_TRIED = re.compile(r"^\s*(\w+Credential): (.+)$", re.MULTILINE)
CLAIMS = {
    "app": ("appid", "azp"),
    "object": ("oid",),
    "tenant": ("tid",),
    "user": ("upn", "unique_name", "preferred_username"),
}


def settings(subject: Subject) -> Said:
    if subject.problems:
        return Said(
            "failed",
            " · ".join(subject.problems),
            "Correct it in the environment or in the file .env beside run.py, then start Relaydeck again.",
        )
    given = subject.settings
    return Said(
        "ok", f"All can be used: {given.mode} mode, environment {given.environment}, team {given.team}."
    )


def start(subject: Subject) -> Said:
    failure = subject.failure
    if failure is None:
        return Said("ok", "The services of this process are there.")
    if subject.problems:
        return Said("failed", "They wait for the settings above.", "Correct the settings first.")
    return Said("failed", failure.message, failure.hint)


def signed_in(subject: Subject) -> Said:
    """Fetch a token for each service in use and say whose it is. The token itself goes nowhere."""
    credential = subject.credential
    if credential is None or not subject.places:
        return Said(
            "unknown", "There is nothing to sign in to yet.", "Correct the settings, or start Local Azure."
        )
    audiences = tuple(dict.fromkeys(place.audience for place in subject.places))
    words, shortest_s = "", float("inf")
    for audience in audiences:
        try:
            token = subject.looks.read(
                "sign in", audience, partial(credential.get_token, f"{audience}/.default")
            )
        except ServiceError as error:
            return Said("failed", _why(error, audience), error.hint.replace("`", ""), LOGIN)
        claims = claims_of(token.token)
        words = words or _who(claims)
        shortest_s = min(shortest_s, _left_s(claims, token.expires_on, subject.now()))
    told = f"{words} Audiences: {', '.join(one.removeprefix('https://') for one in audiences)}."
    if shortest_s <= 0:
        step = "Set this machine's clock right, for a fresh token is not old; then sign in anew."
        return Said("failed", f"{told} By this machine's clock the token has already ended.", step, LOGIN)
    told += f" The token lasts another {_span(shortest_s)}."
    if shortest_s < SHORT_S:
        return Said("warning", told, "It is renewed by itself; if it is not, sign in anew.", LOGIN)
    return Said("ok", told)


def identity_of(subject: Subject) -> Mapping[str, str]:
    """Return the claims of the identity in use, empty when they cannot be had. Most credentials remember the token."""
    credential = subject.credential
    if credential is None or not subject.places:
        return {}
    scope = f"{subject.places[0].audience}/.default"
    with suppress(ServiceError):
        return claims_of(subject.looks.read("sign in", "", lambda: credential.get_token(scope)).token)
    return {}


def claims_of(token: str) -> Mapping[str, str]:
    """Return what a token says of its owner; empty when it is not of a form that says anything."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _who(claims: Mapping[str, str]) -> str:
    if not claims:
        return "Signed in with a token that does not say whose it is."
    known = {
        word: value
        for word, names in CLAIMS.items()
        if (value := next(filter(None, map(claims.get, names)), ""))
    }
    return "Signed in as " + ", ".join(f"{word} {value}" for word, value in known.items()) + "."


def _why(error: ServiceError, audience: str) -> str:
    """Return what each kind of credential said, in a few words; several pages of advice come with it."""
    tried = _TRIED.findall(str(error.__cause__ or ""))
    told = "; ".join(
        f"{name.removesuffix('Credential')}: {reason.removeprefix(name).partition('. ')[0].strip(' .')}"
        for name, reason in tried
        if name in SHOWN
    )
    return (
        f"No identity could sign in to {audience.removeprefix('https://')}. Tried {told}."
        if told
        else error.message
    )


def _span(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3600:.0f} h"


def _left_s(claims: Mapping[str, str], expires_on: int, now: datetime) -> float:
    ends_s = float(claims["exp"]) if claims.get("exp", "").isdecimal() else float(expires_on)
    return (datetime.fromtimestamp(ends_s, UTC) - now).total_seconds()
