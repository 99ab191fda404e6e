"""An OpenID Connect provider on loopback: real HTTP, tokens signed with RS256, one tenant's addresses as Entra ID has them.

A person signs in by a press on their name. What their token says is theirs to set, so that a test can have it say anything.
https://openid.net/specs/openid-connect-core-1_0.html
"""

import base64
import hashlib
import html
import json
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

TENANT = "11111111-2222-4333-8444-555555555555"
OTHER_TENANT = "99999999-2222-4333-8444-555555555555"
CLIENT = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
CLIENT_SECRET = "the client's own secret"
COOKIE_SECRET = "0123456789abcdef" * 4
TOKEN_LIVES_S = 3_600


@dataclass
class Person:
    """*says*: claims that differ from what the provider would say; None leaves a claim out."""

    name: str
    roles: list[str] = field(default_factory=list)
    says: dict[str, object] = field(default_factory=dict)

    @property
    def oid(self) -> str:
        return f"oid-{self.name.lower()}"


class OidcProvider:
    """*people*: who has an account, changed as a test likes. *away*: answers nothing but 503. *asked*: each authorization
    request, as it came."""

    def __init__(self) -> None:
        self.people: dict[str, Person] = {}
        self.away = False
        self.asked: list[Mapping[str, str]] = []
        self._codes: dict[str, tuple[Person, Mapping[str, str]]] = {}
        self._key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.issuer = f"{self.url}/{TENANT}/v2.0"

    def __enter__(self) -> "OidcProvider":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(self, name: str, *roles: str, **says: object) -> Person:
        self.people[name] = person = Person(name, list(roles), says)
        return person

    def environment(self, address: str) -> dict[str, str]:
        """Return the settings with which a dashboard at *address* lets these people in."""
        return {
            "RELAYDECK_AUTH": "oidc",
            "RELAYDECK_AUTH_TENANT_ID": TENANT,
            "RELAYDECK_AUTH_CLIENT_ID": CLIENT,
            "RELAYDECK_AUTH_CLIENT_SECRET": CLIENT_SECRET,
            "RELAYDECK_AUTH_COOKIE_SECRET": COOKIE_SECRET,
            "RELAYDECK_AUTH_ADDRESS": address,
            "RELAYDECK_AUTH_AUTHORITY": self.url,
        }

    # What the addresses answer ------------------------------------------------------------------------

    def metadata(self) -> dict[str, object]:
        place = f"{self.url}/{TENANT}"
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{place}/oauth2/v2.0/authorize",
            "token_endpoint": f"{place}/oauth2/v2.0/token",
            "jwks_uri": f"{place}/discovery/v2.0/keys",
            "end_session_endpoint": f"{place}/oauth2/v2.0/logout",
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        }

    def keys(self) -> dict[str, object]:
        public = self._key.public_key().public_numbers()
        size = (public.n.bit_length() + 7) // 8
        key = {
            "kty": "RSA",
            "use": "sig",
            "kid": "one",
            "alg": "RS256",
            "n": _encoded(public.n.to_bytes(size, "big")),
            "e": _encoded(public.e.to_bytes(3, "big")),
        }
        return {"keys": [key]}

    def sign_in_page(self, query: str) -> str:
        links = "".join(
            f'<p><a href="?{html.escape(query)}&amp;{urlencode({"as": name})}">{html.escape(name)}</a></p>'
            for name in self.people
        )
        return f"<!doctype html><title>Pick an account</title><h1>Pick an account</h1>{links}"

    def code_for(self, asked: Mapping[str, str]) -> str:
        """Return where the browser goes with its code."""
        if asked.get("client_id") != CLIENT or asked.get("response_type") != "code":
            raise ValueError("another client, or another flow")
        code = secrets.token_urlsafe(16)
        self._codes[code] = (self.people[asked["as"]], asked)
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, form: Mapping[str, str], basic: str) -> dict[str, object]:
        """Return the tokens for a code, once. Raises KeyError or ValueError: it is none, or not theirs."""
        person, asked = self._codes.pop(form["code"])
        given = base64.b64decode(basic).decode() if basic else f"{form['client_id']}:{form['client_secret']}"
        proof = _encoded(hashlib.sha256(form["code_verifier"].encode()).digest())
        if given.replace("+", " ").replace("%27", "'") != f"{CLIENT}:{CLIENT_SECRET}":
            raise ValueError("another secret")
        if proof != asked["code_challenge"]:
            raise ValueError("another verifier")
        claims = self.claims(person, asked.get("nonce", ""))
        return {
            "token_type": "Bearer",
            "expires_in": TOKEN_LIVES_S,
            "access_token": secrets.token_urlsafe(24),
            "id_token": self.signed(claims),
        }

    def claims(self, person: Person, nonce: str = "") -> dict[str, object]:
        now_s = int(time.time())
        said: dict[str, object] = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": f"sub-{person.oid}",
            "oid": person.oid,
            "tid": TENANT,
            "name": person.name,
            "preferred_username": f"{person.name.lower()}@contoso.example",
            "iat": now_s,
            "nbf": now_s,
            "exp": now_s + TOKEN_LIVES_S,
            "uti": secrets.token_hex(8),
            **({"nonce": nonce} if nonce else {}),
            **({"roles": person.roles} if person.roles else {}),
            **person.says,
        }
        return {name: value for name, value in said.items() if value is not None}

    def signed(self, claims: Mapping[str, object]) -> str:
        head = _encoded(json.dumps({"alg": "RS256", "typ": "JWT", "kid": "one"}).encode())
        body = f"{head}.{_encoded(json.dumps(claims).encode())}"
        return f"{body}.{_encoded(self._key.sign(body.encode(), padding.PKCS1v15(), SHA256()))}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _handler(provider: OidcProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            place = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(place.query).items()}
            end = place.path.removeprefix(f"/{TENANT}")
            if provider.away:
                self._answer(503, "text/plain", "away")
            elif end == "/v2.0/.well-known/openid-configuration":
                self._answer(200, "application/json", json.dumps(provider.metadata()))
            elif end == "/discovery/v2.0/keys":
                self._answer(200, "application/json", json.dumps(provider.keys()))
            elif end == "/oauth2/v2.0/authorize" and "as" in asked:
                self._answer(302, "text/plain", "", provider.code_for(asked))
            elif end == "/oauth2/v2.0/authorize":
                provider.asked.append(asked)
                self._answer(200, "text/html", provider.sign_in_page(place.query))
            elif end == "/oauth2/v2.0/logout":
                self._answer(302, "text/plain", "", asked["post_logout_redirect_uri"])
            else:
                self._answer(404, "text/plain", "no such address")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            basic = self.headers.get("Authorization", "").removeprefix("Basic ")
            try:
                self._answer(200, "application/json", json.dumps(provider.token(form, basic)))
            except (KeyError, ValueError) as error:
                self._answer(
                    400, "application/json", json.dumps({"error": "invalid_grant", "why": str(error)})
                )

        def _answer(self, status: int, kind: str, text: str, place: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(text.encode())))
            if place:
                self.send_header("Location", place)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    return Handler
