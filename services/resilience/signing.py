"""Signing in, within a deadline and behind a breaker.

A credential sends its requests over transports of its own (to Entra, to a managed identity's address, to `az`), where no
watchdog can cut them, and waits for as long as its SDK likes. So it works on a thread that is left behind when it is late.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from azure.core.credentials import (
    AccessToken,
    AccessTokenInfo,
    SupportsTokenInfo,
    TokenCredential,
    TokenRequestOptions,
)

from services.errors import ShapeError, Unavailable
from services.resilience.call import Resilience
from services.resilience.watchdog import seconds_left

OPERATION = "sign in"
Token = AccessToken | AccessTokenInfo


@dataclass(slots=True)
class _Flight:
    """One request for a token, which all who want the same one wait for."""

    done: threading.Event = field(default_factory=threading.Event)
    token: Token | None = None
    error: BaseException | None = None


class BoundedCredential:
    """Hands out the tokens of *credential*, each within *deadline_s* and within what is left to the call it is for.

    Raises ServiceErrors, whose `dependency` is that of *calls*: none of them speaks of the service that is called.
    """

    def __init__(self, credential: TokenCredential, calls: Resilience, deadline_s: float) -> None:
        self._credential, self._calls, self._deadline_s = credential, calls, deadline_s
        self._lock = threading.Lock()
        self._flights: dict[str, _Flight] = {}

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """Return a token for *scopes*, as TokenCredential declares it."""

        def fetch() -> Token:
            return self._credential.get_token(*scopes, **options)

        token = self._bounded(scopes, f"{scopes} {options}", fetch)
        return AccessToken(token.token, token.expires_on)

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """Return the same with the time to renew it at, where the credential tells one; as SupportsTokenInfo declares it."""
        given = options or {}

        def fetch() -> Token:
            if hasattr(self._credential, "get_token_info"):  # as azure-core tells them apart
                return cast(SupportsTokenInfo, self._credential).get_token_info(*scopes, options=given)
            return self._credential.get_token(*scopes, **given)

        token = self._bounded(scopes, f"{scopes} {given} info", fetch)
        if isinstance(token, AccessTokenInfo):
            return token
        return AccessTokenInfo(token.token, token.expires_on)

    def _bounded(self, scopes: tuple[str, ...], key: str, fetch: Callable[[], Token]) -> Token:
        left_s = seconds_left()
        limit_s = self._deadline_s if left_s is None else min(self._deadline_s, left_s)
        audience = scopes[0].removesuffix("/.default") if scopes else ""
        return self._calls.read(
            OPERATION,
            audience,
            lambda: _checked(self._wait(key, fetch, limit_s)),
            deadline_s=max(limit_s, 0.001),
        )

    def _wait(self, key: str, fetch: Callable[[], Token], limit_s: float) -> Token:
        with self._lock:
            flight = self._flights.get(key)
            if flight is None:
                flight = self._flights[key] = _Flight()
                threading.Thread(
                    target=self._fly, args=[key, flight, fetch], name=OPERATION, daemon=True
                ).start()
        if not flight.done.wait(max(limit_s, 0)):
            self._forget(key, flight)
            raise Unavailable(
                f"Could not {OPERATION}: no token came within {limit_s:.0f} s.",
                sent=False,
                operation=OPERATION,
            )
        if flight.error is not None:
            raise flight.error
        assert flight.token is not None, "one of the two is there"
        return flight.token

    def _fly(self, key: str, flight: _Flight, fetch: Callable[[], Token]) -> None:
        try:
            flight.token = fetch()
            if flight.token is None:
                raise ShapeError("the token", "there")
        except BaseException as exc:  # noqa: BLE001 - told to those who wait
            flight.error = exc
        self._forget(key, flight)
        flight.done.set()

    def _forget(self, key: str, flight: _Flight) -> None:
        with self._lock:
            if self._flights.get(key) is flight:
                del self._flights[key]


def _checked(token: Token) -> Token:
    """Return *token* if it is one. Raises ShapeError: what answered was no sign-in service."""
    value, ends = getattr(token, "token", None), getattr(token, "expires_on", None)
    if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable():
        raise ShapeError("the token", "a text")
    if isinstance(ends, bool) or not isinstance(ends, int):
        raise ShapeError("the end of the token", "a time in seconds")
    return token
