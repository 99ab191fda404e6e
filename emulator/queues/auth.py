"""Who may do what: account key, shared access signature or bearer token.

Source: learn.microsoft.com/rest/api/storageservices/authorize-requests-to-azure-storage
"""

import base64
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote

from emulator.clock import Clock
from emulator.queues import errors
from emulator.queues.grants import NEEDS
from emulator.queues.models import AccessPolicy
from emulator.queues.sas import NIL_ID, Signatures, sign
from emulator.tokens import Tokens
from emulator.wire import Request, WireError

AUDIENCE = "https://storage.azure.com"
SIGNED_HEADERS = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)
# How Azure sorts header names: hyphens do not count, an underscore comes before digits and letters.
_COLLATION = str.maketrans({"-": None, "_": "\x01"})


@dataclass(frozen=True, slots=True)
class Account:
    """A storage account. *key*: base64, as a connection string holds it."""

    name: str
    key: str = field(repr=False)


class Authorizer:
    """*policies_of(queue)*: the stored access policies of a queue, none when it does not exist."""

    def __init__(
        self,
        account: Account,
        tokens: Tokens,
        clock: Clock,
        policies_of: Callable[[str], tuple[AccessPolicy, ...]],
    ) -> None:
        self._account, self._tokens, self._policies_of = account, tokens, policies_of
        self._key = base64.b64decode(account.key)
        self._audiences = (AUDIENCE, f"https://{account.name}.queue.core.windows.net")
        self.signatures = Signatures(account.name, self._key, clock)

    def check(self, request: Request, operation: str, queue: str) -> None:
        """Return when the request may carry *operation* out. Raises WireError 400, 401 or 403."""
        scheme, _, rest = request.header("authorization").partition(" ")
        kind = scheme.lower()
        if operation == "get_user_delegation_key" and kind != "bearer":
            raise errors.authorization_failure("A user delegation key is given to a bearer token only.")
        if "sig" in request.query:
            self._check_signature(request, operation, queue, kind)
        elif kind == "sharedkey":
            self._check_key(request, rest)
        elif kind == "bearer":
            self._check_bearer(request)
        elif kind:
            raise errors.malformed_authorization()
        else:
            raise errors.no_authentication()

    def _check_signature(self, request: Request, operation: str, queue: str, kind: str) -> None:
        if user := request.query.get("sduoid", ""):
            if kind != "bearer":
                raise errors.authentication_failed("The signature is for one user, whose token is missing.")
            self._check_bearer(request)
            if user != NIL_ID:
                raise errors.authentication_failed(f"The signature is for user {user}, the token is not.")
        elif kind:
            raise errors.malformed_authorization()
        self.signatures.check(request, queue, NEEDS[operation], self._policies_of(queue))

    def _check_bearer(self, request: Request) -> None:
        try:
            self._tokens.require(request, *self._audiences)
        except WireError as exc:
            raise errors.bearer_refused(exc.message) from exc

    def _check_key(self, request: Request, credential: str) -> None:
        name, found, signature = credential.strip().partition(":")
        if not found:
            raise errors.malformed_authorization()
        if name != self._account.name:
            raise errors.authentication_failed(f"The account is {self._account.name}, not {name}.")
        if not (request.header("x-ms-date") or request.header("date")):
            raise errors.authentication_failed("The request has neither a Date nor an x-ms-date header.")
        text = string_to_sign(request, name)
        if not hmac.compare_digest(sign(self._key, text).encode(), signature.encode()):
            raise errors.authentication_failed(
                f"The MAC signature found in the HTTP request '{signature}' is not the same as any computed"
                f" signature. Server used following string to sign: '{text}'."
            )


def string_to_sign(request: Request, account: str) -> str:
    """Return what a client signs with the account's key."""
    headers = request.headers
    lines = [request.method, *(headers.get(name, "") for name in SIGNED_HEADERS)]
    if lines[3] == "0":
        lines[3] = ""
    ours = sorted(
        ((name.lower(), value) for name, value in headers.items() if name[:5].lower() == "x-ms-"),
        key=lambda item: item[0].translate(_COLLATION),
    )
    lines += [f"{name}:{value}" for name, value in ours]
    lines.append(f"/{account}{request.raw_path}")
    values: dict[str, list[str]] = {}
    for part in request.query_string.split("&") if request.query_string else ():
        name, _, value = part.partition("=")
        values.setdefault(unquote(name).lower(), []).append(unquote(value))
    lines += [f"{name}:{','.join(sorted(values[name]))}" for name in sorted(values)]
    return "\n".join(lines)
