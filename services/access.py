"""Who acts, and what each role may do: one table, enforced where the work is done, not where it is drawn."""

import contextvars
import functools
import getpass
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal, ParamSpec, TypeVar, get_args

from services.errors import AccessDenied

P = ParamSpec("P")
T = TypeVar("T")
Role = Literal["viewer", "operator", "admin"]
ActionName = Literal[
    "ask question",
    "cancel run",
    "replay message",
    "delete message",
    "look through queue",
    "send probe",
    "clean up",
    "clean up widened",
    "stop clean-up",
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
    "clean up widened": "admin",
    "stop clean-up": "operator",
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


Who = Callable[[], "Principal | None"]
PROCESS: Final = Principal("relaydeck", "Relaydeck itself", frozenset({"admin"}))
SWEEPER: Final = Principal("sweeper", "The sweeper", frozenset({"operator"}))
NOBODY: Final = Principal("", "nobody")
_acting: contextvars.ContextVar[Principal | None] = contextvars.ContextVar("acting", default=None)


@functools.cache
def this_user() -> Principal:
    """Return who runs this process, by the name that the operating system knows: the machine is theirs, and so is all that
    Relaydeck may do."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user need not have a name
        name = "unknown"
    return Principal(f"os:{name}", name, frozenset({"admin"}))


@contextmanager
def acting_as(principal: Principal) -> Iterator[None]:
    """Let what is done inside, in this thread, be done by *principal*: for work that goes on after who asked has left."""
    token = _acting.set(principal)
    try:
        yield
    finally:
        _acting.reset(token)


def nobody_in_particular() -> Principal | None:
    """Return None, always: for what has no person before it and lets the process itself act."""
    return None


class Access:
    """Threads share it. *who*: who sits before the page that this thread draws; None outside of pages.

    Order of preference: acting_as(), then *who*, then the process itself.
    """

    def __init__(self, who: Who = nobody_in_particular) -> None:
        self.who = who

    def principal(self) -> Principal:
        """Return who acts in this thread now."""
        return _acting.get() or self.who() or PROCESS

    def carried(self, work: Callable[P, T]) -> Callable[P, T]:
        """Return *work* to be done in another thread by who acts in this one: threads do not inherit that."""
        principal = self.principal()

        @functools.wraps(work)
        def run(*args: P.args, **named: P.kwargs) -> T:
            with acting_as(principal):
                return work(*args, **named)

        return run

    def may(self, action: ActionName) -> bool:
        """Return whether whoever acts now has the role that *action* needs. For drawing: what acts passes Actions,
        which refuses.
        """
        return self.principal().has(NEEDS[action])

    def require(self, action: ActionName, target: str = "") -> Principal:
        """Return who acts. Raises AccessDenied: nobody is signed in, or their role does not allow *action*; nothing was
        sent."""
        principal = self.principal()
        if principal.has(NEEDS[action]):
            return principal
        if principal == NOBODY:
            raise AccessDenied(
                f"Could not {action} {target}".rstrip() + ": nobody is signed in here, or not any more.",
                operation=action,
                resource=target,
                code="SignInNeeded",
                hint="Load the page again and sign in. Nothing was changed.",
            )
        raise AccessDenied(
            f"Could not {action} {target}".rstrip() + f": that takes the role {NEEDS[action].capitalize()}.",
            operation=action,
            resource=target,
            code="RoleMissing",
            hint="Ask an administrator for the role, then sign in again. Nothing was changed.",
        )
