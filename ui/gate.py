"""Who sends a request, as far as this process can know: the one place that reads cookies and headers of signing in.

The cookie of `oidc` is Streamlit's, signed with our secret; what it says is checked by Streamlit for nothing but that. The
header of `easyauth` means something only where a platform's proxy writes it, and removes what the browser sent.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME
from streamlit.web.server.starlette.starlette_websocket import _get_signed_cookie_with_chunks

from services.access import Principal, this_user
from services.signin.claims import Login, Refused, read_claims, read_header
from services.signin.place import is_loopback
from services.signin.rules import Rules
from services.signin.sessions import Sessions
from ui.asgi import Message

PRINCIPAL_HEADER = "x-ms-client-principal"


@dataclass(frozen=True, slots=True)
class Gate:
    """*trusts_headers*: whether what X-MS-CLIENT-PRINCIPAL says is the platform's word. *sessions*: which sign-ins hold."""

    rules: Rules
    trusts_headers: bool
    sessions: Sessions = field(repr=False)

    def login_of(self, scope: Message) -> Login | Refused:
        """Return the sign-in that a request or a websocket comes with, or why there is none. Not yet judged by the clock."""
        request = HTTPConnection(scope)
        if self.rules.mode == "easyauth":
            return self.by_header(request.headers.get(PRINCIPAL_HEADER, ""))
        return self.by_claims(self._cookie(request.cookies))

    def by_header(self, header: str) -> Login | Refused:
        if not self.trusts_headers:
            return Refused("not set up")
        return self.by_claims(read_header(header))

    def by_claims(self, claims: Mapping[str, object]) -> Login | Refused:
        return read_claims(claims, self.rules)

    def judge(self, login: Login | Refused) -> Principal | Refused:
        return login if isinstance(login, Refused) else self.sessions.judge(login)

    def principal_of(self, scope: Message) -> Principal | None:
        """Return who sends this request; None: nobody who may see anything."""
        if self.rules.mode == "none":
            return this_user() if is_from_here(scope) else None
        found = self.judge(self.login_of(scope))
        return None if isinstance(found, Refused) else found

    def _cookie(self, cookies: Mapping[str, str]) -> Mapping[str, object]:
        try:
            raw = _get_signed_cookie_with_chunks(dict(cookies), USER_COOKIE_NAME)
            found = json.loads(raw) if raw else {}
        except ValueError:
            return {}
        ours = isinstance(found, dict) and found.get("is_logged_in") is True
        return found if ours and found.get("origin") == self.rules.address else {}


def is_from_here(scope: Message) -> bool:
    """Return whether both ends of a connection are this machine; so they are of a Unix socket, which has no addresses."""
    ends = (scope.get("client"), scope.get("server"))
    return all(end is None or end[1] is None or is_loopback(str(end[0])) for end in ends)


_gate = Gate(Rules(), False, Sessions(Rules()))


def configure(rules: Rules, *, trusts_headers: bool, now_s: Callable[[], float] = time.time) -> Gate:
    """Let *rules* hold in this process from now on. Whoever was signed in is looked at anew."""
    global _gate
    _gate = Gate(rules, trusts_headers and rules.mode == "easyauth", Sessions(rules, now_s))
    return _gate


def current() -> Gate:
    return _gate


def principal_of(scope: Message) -> Principal | None:
    """Return who sends a request to one of our own routes; None: nobody who may see anything."""
    return _gate.principal_of(scope)
