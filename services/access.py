"""Who acts, and what each role may do: one table, enforced where the work is done, not where it is drawn."""

import contextvars
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from services.errors import AccessDenied

Role = Literal["viewer", "operator", "admin"]
ActionName = Literal[
    "ask question",
    "cancel run",
    "replay message",
    "delete message",
    "look through queue",
    "send probe",
    "clean up",
    "delete agent",
    "delete thread",
    "update team",
    "back up",
    "delete queue",
    "purge queue",
    "restore",
    "switch scenario on",
    "switch scenario off",
    "clear scenarios",
]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
NEEDS: Final[Mapping[ActionName, Role]] = {
    "ask question": "operator",
    "cancel run": "operator",
    "replay message": "operator",
    "delete message": "operator",
    "look through queue": "operator",
    "send probe": "operator",
    "clean up": "operator",
    "delete agent": "operator",
    "delete thread": "operator",
    "update team": "operator",
    "back up": "operator",
    "delete queue": "admin",
    "purge queue": "admin",
    "restore": "admin",
    "switch scenario on": "operator",
    "switch scenario off": "operator",
    "clear scenarios": "operator",
}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts. *id*: the object id in Entra ID, or a name of ours such as `sweeper`. *tenant*, *session* and *address* are
    empty when there is none; *session* is a digest, never the session's own id."""

    id: str
    name: str
    roles: frozenset[Role] = field(default_factory=frozenset)
    tenant: str = ""
    session: str = ""
    address: str = ""

    def has(self, role: Role) -> bool:
        """Return whether it holds *role*, or one that includes it."""
        needed = ROLES.index(role)
        return any(ROLES.index(held) >= needed for held in self.roles)


PROCESS: Final = Principal("relaydeck", "Relaydeck itself", frozenset({"admin"}))
NOBODY: Final = Principal("", "nobody")
_acting: contextvars.ContextVar[Principal | None] = contextvars.ContextVar("acting", default=None)


@contextmanager
def acting_as(principal: Principal) -> Iterator[None]:
    """Let what is done inside, in this thread, be done by *principal*: for work that goes on after who asked has left."""
    token = _acting.set(principal)
    try:
        yield
    finally:
        _acting.reset(token)


class Access:
    """Threads share it. *who*: who sits before the page that this thread draws; None outside of pages.

    Order of preference: acting_as(), then *who*, then the process itself.
    """

    def __init__(self, who: Callable[[], Principal | None] = lambda: None) -> None:
        self.who = who

    def principal(self) -> Principal:
        """Return who acts in this thread now."""
        return _acting.get() or self.who() or PROCESS

    def may(self, action: ActionName) -> bool:
        return self.principal().has(NEEDS[action])

    def require(self, action: ActionName, target: str = "") -> Principal:
        """Return who acts. Raises AccessDenied: their role does not allow *action*; nothing was sent."""
        principal = self.principal()
        if principal.has(NEEDS[action]):
            return principal
        raise AccessDenied(
            f"Could not {action} {target}".rstrip() + f": that takes the role {NEEDS[action].capitalize()}.",
            operation=action,
            resource=target,
            code="RoleMissing",
            hint="Ask an administrator for the role, then sign in again. Nothing was changed.",
        )
