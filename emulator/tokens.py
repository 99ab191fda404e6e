"""Entra ID on one machine: an App Service style token endpoint, and the check of what it issued.

Source: learn.microsoft.com/azure/app-service/overview-managed-identity (REST endpoint reference).
"""

import base64
import hashlib
import hmac
import secrets
from pathlib import Path

import orjson

from emulator.clock import Clock
from emulator.wire import Reply, Request, Response, WireError, json_response

LIFETIME_S = 3600
TOLERANCE_S = 300  # a token from a clock this far ahead is taken, as in Entra's own libraries
TENANT = "00000000-0000-0000-0000-000000000000"
ISSUER = f"https://sts.windows.net/{TENANT}/"
IDENTITY = (
    "10ca1000-0000-4000-8000-000000000000"  # Local Azure knows one: what a managed identity's token names
)


class Tokens:
    """Issues and checks bearer tokens. *secret* is also accepted as a token of its own, for every audience."""

    name = "identity"

    def __init__(self, secret: str, clock: Clock) -> None:
        self.secret = secret
        self._clock = clock
        self._seen: dict[str, tuple[str, float, float]] = {}

    def issue(self, audience: str, lifetime_s: float = LIFETIME_S) -> tuple[str, int]:
        """Return a signed token for *audience* and the Unix second at which it ends."""
        now_s = int(self._clock.now_s())
        expires_s = now_s + int(lifetime_s)
        claims = {
            "aud": audience,
            "iss": ISSUER,
            "iat": now_s,
            "nbf": now_s,
            "exp": expires_s,
            "oid": IDENTITY,
            "sub": IDENTITY,
            "appid": IDENTITY,
            "tid": TENANT,
            "idtyp": "app",
            "ver": "1.0",
        }
        head = _encode(orjson.dumps({"alg": "HS256", "typ": "JWT"}))
        signed = head + b"." + _encode(orjson.dumps(claims))
        return (signed + b"." + self._signature(signed)).decode(), expires_s

    def require(self, request: Request, *audiences: str) -> None:
        """Return when *request* carries a valid bearer token for one of *audiences*.

        Raises WireError 401: the header is missing, or the token is foreign, expired or for another audience.
        """
        kind, _, token = request.header("authorization").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise _refused("The request has no bearer token.")
        if request.scheme != "https":
            raise _refused("A bearer token is accepted over https only.")
        if hmac.compare_digest(token.encode(), self.secret.encode()):
            return
        audience, begins_s, expires_s = self._seen.get(token) or self._read(token)
        believed_s = self._clock.told_s()
        if expires_s <= believed_s:
            raise _refused("The token has expired.")
        if begins_s > believed_s + TOLERANCE_S:
            raise _refused("The token is not valid yet.")
        if audience.rstrip("/") not in audiences:
            raise _refused(f"The token is for {audience}, not for {audiences[0]}.")

    def _read(self, token: str) -> tuple[str, float, float]:
        signed, _, signature = token.encode().rpartition(b".")
        if not hmac.compare_digest(self._signature(signed), signature):
            raise _refused("The token was not issued by Local Azure.")
        claims = orjson.loads(base64.urlsafe_b64decode(signed.partition(b".")[2] + b"=="))
        if len(self._seen) > 1000:
            self._seen.clear()
        found = self._seen[token] = (
            str(claims["aud"]),
            float(claims["nbf"]),
            float(claims["exp"]),
        )
        return found

    def _signature(self, signed: bytes) -> bytes:
        return _encode(hmac.digest(self.secret.encode(), signed, hashlib.sha256))

    # The token endpoint -------------------------------------------------------------------------

    def routes(self) -> list[tuple[str, str, str]]:
        return [("get_token", "GET", "/msi/token")]

    def operation(self, request: Request) -> str | None:
        return "get_token" if request.method == "GET" and request.path == "/msi/token" else None

    async def answer(self, request: Request, operation: str) -> Reply:
        if not hmac.compare_digest(request.header("x-identity-header").encode(), self.secret.encode()):
            raise WireError(401, "invalid_client", "X-IDENTITY-HEADER does not match IDENTITY_HEADER.")
        resource = request.query.get("resource", "").rstrip("/")
        if not resource.startswith("https://"):
            raise WireError(400, "invalid_resource", "The query parameter resource must be an https URI.")
        token, expires_s = self.issue(resource)
        return json_response(
            {
                "access_token": token,
                "expires_on": str(expires_s),
                "resource": resource,
                "token_type": "Bearer",
            }
        )

    def render_error(self, error: WireError, request: Request) -> Response:
        return json_response({"statusCode": error.status, "message": error.message}, error.status)

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def reset(self) -> None: ...


def load_secret(path: Path) -> str:
    """Return the secret kept in *path*, made and readable by its owner only at the first call."""
    if not path.exists():
        path.touch(mode=0o600)
    secret = path.read_text().strip()
    if not secret:
        secret = secrets.token_urlsafe(32)
        path.write_text(secret + "\n")
    return secret


def _encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _refused(message: str) -> WireError:
    return WireError(401, "Unauthorized", message, headers=((b"www-authenticate", b"Bearer"),))
