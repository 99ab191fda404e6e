"""Words that several checks share: what keeps a check from looking, commands to type, texts without secrets."""

from collections.abc import Mapping, Sequence

from services.doctor.findings import Said
from services.doctor.subject import Subject
from services.redaction import redact

LONGEST = 1_500
PROBE_STEP, PROBE = "Let a real question prove it.", "python3 run.py doctor --probe"
GRANT_STEP = "Give the identity the role that is missing; a new one takes up to ten minutes."
NOBODY = Said("unknown", "Not tried: nobody is signed in.", "Put Sign-in right first.")


def scrub(text: str, secrets: Sequence[str] = ()) -> str:
    """Return *text* on one line, without keys, signatures and tokens, and without any of *secrets*."""
    for secret in secrets:
        text = text.replace(secret, "…")
    return redact(text, LONGEST)


def not_reachable(what: str, subject: Subject, setting: str) -> Said:
    """Return what a check says when the settings do not lead to *what*."""
    if subject.problems and subject.settings.mode == "azure":
        return Said("unknown", f"{what}: not looked at before the settings are right.", f"Set {setting}.")
    return Said("unknown", f"{what}: not looked at, as nothing is there to ask.", "Put Start right first.")


def grant(role: str, scope: str, identity: Mapping[str, str]) -> str:
    """Return the command that gives the identity in use *role*, with all that is known of it filled in."""
    who = identity.get("oid") or "<object id of the identity>"
    return f'az role assignment create --assignee-object-id {who} --role "{role}" --scope {scope}'


def create_queue(subject: Subject, name: str) -> str:
    """Return the command that creates a queue."""
    return f"az storage queue create --auth-mode login --account-name {account_of(subject)} --name {name}"


def account_of(subject: Subject) -> str:
    """Return the name of the storage account; a placeholder where it is not known."""
    place = subject.settings.storage_endpoint.removeprefix("https://")
    host, _, path = place.partition("/")
    return path or host.partition(".")[0] or "<account>"


def storage_scope(subject: Subject) -> str:
    """Return the resource id of the storage account as a scope; a placeholder where it is not known."""
    known = subject.settings.storage_resource.removesuffix("/queueServices/default")
    return known or f"<resource id of the storage account {account_of(subject)}>"


def foundry_scope(subject: Subject) -> str:
    return subject.settings.foundry_resource or "<resource id of the Foundry project>"


def listed(names: Sequence[str], most: int = 6) -> str:
    """Return the names in one phrase, cut after *most*."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
