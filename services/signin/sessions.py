"""Whether a sign-in still holds: age, silence, the end of it, and what was learnt of the same person since.

Kept in memory, for each process by itself. A restart forgets who was silent and who signed out; the end of the token, the
greatest age and RELAYDECK_AUTH_NOT_BEFORE hold across it.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from services.access import ROLES, Principal, Role
from services.signin.claims import Login, Refused
from services.signin.rules import Rules

CLOCKS_APART_S = 300.0  # how far the provider's clock may be ahead of ours
KEPT_MOST = 100_000


@dataclass(slots=True)
class _Seen:
    """*at_s*: when a person last did something. *over_s*: when it may be forgotten."""

    at_s: float
    over_s: float
    ended: bool = False


class Sessions:
    """Threads share it. *now_s*: seconds since 1970."""

    def __init__(self, rules: Rules, now_s: Callable[[], float] = time.time) -> None:
        self._rules, self._now_s = rules, now_s
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        self._latest: OrderedDict[str, tuple[float, Role | None]] = OrderedDict()

    def judge(self, login: Login) -> Principal | Refused:
        """Return who acts by this sign-in now, with the role of their newest one, or why nobody does."""
        now_s, rules = self._now_s(), self._rules
        if login.ends_s is not None and now_s >= login.ends_s:
            return Refused("expired", login.name)
        too_new = login.issued_s > now_s + CLOCKS_APART_S
        if too_new or now_s - login.began_s >= rules.max_age_s or login.issued_s < rules.not_before_s:
            return Refused("too old", login.name)
        with self._lock:
            seen = self._known(login, now_s)
            role = self._role(login)
            if seen.ended:
                return Refused("ended", login.name)
            if now_s - seen.at_s >= rules.idle_s:
                return Refused("idle", login.name)
        if role is None:
            return Refused("no role", login.name)
        return Principal(login.oid, login.name, frozenset({role}), login.tenant, login.key)

    def touch(self, login: Login) -> None:
        """Note that a person, not a timer, did something. What was over stays over."""
        now_s = self._now_s()
        with self._lock:
            seen = self._known(login, now_s)
            if now_s - seen.at_s < self._rules.idle_s:
                seen.at_s = now_s

    def end(self, login: Login) -> None:
        """Let this sign-in be over in all its tabs, and for whoever copied its cookie."""
        with self._lock:
            self._known(login, self._now_s()).ended = True

    def _known(self, login: Login, now_s: float) -> _Seen:
        seen = self._seen.get(login.key)
        if seen is None:
            while self._seen and (
                len(self._seen) >= KEPT_MOST or next(iter(self._seen.values())).over_s < now_s
            ):
                self._seen.popitem(last=False)
            seen = self._seen[login.key] = _Seen(now_s, now_s + self._rules.max_age_s)
        return seen

    def _role(self, login: Login) -> Role | None:
        """Return the lower of the role it was given and the one that the same person's newest sign-in was given."""
        issued_s, newest = self._latest.get(login.oid, (0.0, None))
        if login.issued_s >= issued_s:
            self._latest[login.oid] = (login.issued_s, login.role)
            self._latest.move_to_end(login.oid)
            while len(self._latest) > KEPT_MOST:
                self._latest.popitem(last=False)
            return login.role
        if login.role is None or newest is None:
            return None
        return min(login.role, newest, key=ROLES.index)
