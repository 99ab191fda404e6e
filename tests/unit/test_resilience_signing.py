"""Signing in: within a deadline, behind a breaker of its own, and never held against the service that was to be called."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError

from services.errors import AccessDenied, ServiceError, Unavailable, UnexpectedReply
from services.resilience import Dependencies, Limits
from services.resilience.dependencies import FOUNDRY, TOKEN
from services.resilience.signing import BoundedCredential

SCOPE = "https://ai.azure.com/.default"


class Credential:
    """Does what the test says, and counts how often it is asked. *over*: ends all that waits."""

    def __init__(self) -> None:
        self.asked = 0
        self.over = threading.Event()
        self.does: Callable[[], Any] = lambda: AccessToken("abc", 4_000_000_000)

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        self.asked += 1
        return self.does()  # type: ignore[no-any-return]  # a token, unless the test wants it otherwise


@pytest.fixture
def credential() -> Iterator[Credential]:
    made = Credential()
    yield made
    made.over.set()


@pytest.fixture
def dependencies() -> Iterator[Dependencies]:
    made = Dependencies(Limits(call_retries=0))
    yield made
    made.close()


def bounded(credential: Credential, dependencies: Dependencies, deadline_s: float = 0.2) -> BoundedCredential:
    return BoundedCredential(credential, dependencies.caller(TOKEN), deadline_s)


def raises(error: Exception) -> Callable[[], Any]:
    def does() -> Any:
        raise error

    return does


def state_of(dependencies: Dependencies, name: str) -> str:
    return next(view.state for view in dependencies.views() if view.dependency == name)


def test_a_token_comes_through_as_it_is(credential: Credential, dependencies: Dependencies) -> None:
    """In both of the forms that SDKs ask for."""
    one = bounded(credential, dependencies)

    assert one.get_token(SCOPE) == AccessToken("abc", 4_000_000_000)
    assert one.get_token_info(SCOPE).expires_on == 4_000_000_000


def test_the_time_to_renew_a_token_at_is_kept(dependencies: Dependencies) -> None:
    """Managed identities tell one; without it a token is renewed five minutes before its end."""

    class Knowing(Credential):
        def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
            assert options == {"claims": "c"}
            return AccessTokenInfo("abc", 4_000_000_000, refresh_on=3_000_000_000)

    found = bounded(Knowing(), dependencies).get_token_info(SCOPE, options={"claims": "c"})

    assert found.refresh_on == 3_000_000_000


def test_signing_in_ends_with_its_deadline(credential: Credential, dependencies: Dependencies) -> None:
    """The address of a managed identity may swallow requests; its SDK would wait for minutes."""
    credential.does = credential.over.wait
    began_s = time.monotonic()

    with pytest.raises(Unavailable, match="no token came") as caught:
        bounded(credential, dependencies).get_token(SCOPE)

    assert 0.2 <= time.monotonic() - began_s < 0.7 and caught.value.sent is False


def test_signing_in_has_no_more_time_than_the_call_it_is_for(
    credential: Credential, dependencies: Dependencies
) -> None:
    """Else a call of one second would take fifteen."""
    credential.does = credential.over.wait
    one, caller = bounded(credential, dependencies, deadline_s=15), dependencies.caller(FOUNDRY)
    began_s = time.monotonic()

    with pytest.raises(Unavailable):
        caller.read("get thread", "t", lambda: one.get_token(SCOPE), deadline_s=0.2)
    assert time.monotonic() - began_s < 0.7


def test_all_who_need_a_token_wait_for_the_same_request(
    credential: Credential, dependencies: Dependencies
) -> None:
    """A process that starts asks for it from every thread at once."""
    go = threading.Event()

    def does() -> AccessToken:
        assert go.wait(5)
        return AccessToken("abc", 4_000_000_000)

    credential.does = does
    one = bounded(credential, dependencies, deadline_s=5)
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(one.get_token(SCOPE).token)) for _ in range(8)]
    for thread in threads:
        thread.start()
    while credential.asked == 0:
        threading.Event().wait(0.001)
    go.set()
    for thread in threads:
        thread.join()

    assert found == ["abc"] * 8 and credential.asked <= 2  # the last may come after the first was served


@pytest.mark.parametrize(
    ("does", "expected"),
    [
        (raises(ClientAuthenticationError("no identity")), AccessDenied),
        (raises(ServiceRequestError("no route")), ServiceError),
        (lambda: json.loads("<html>"), UnexpectedReply),
        (lambda: None, UnexpectedReply),
        (lambda: AccessToken("", 1), UnexpectedReply),
        (lambda: AccessToken(5, 1), UnexpectedReply),  # type: ignore[arg-type]  # as a proxy may make it
        (lambda: AccessToken("a\nb", 1), UnexpectedReply),
        (lambda: AccessToken("abc", "soon"), UnexpectedReply),  # type: ignore[arg-type]
    ],
    ids=["nobody", "network", "not-json", "none", "empty", "number", "two-lines", "no-end"],
)
def test_only_our_errors_come_out(
    credential: Credential, dependencies: Dependencies, does: Callable[[], Any], expected: type[ServiceError]
) -> None:
    """And each says whose failure it is."""
    credential.does = does

    with pytest.raises(expected) as caught:
        bounded(credential, dependencies).get_token(SCOPE)
    assert caught.value.dependency == TOKEN


def test_a_failing_sign_in_opens_its_own_breaker_and_no_other(
    credential: Credential, dependencies: Dependencies
) -> None:
    """The agent service was never asked: it must not be left alone for what Entra did."""
    credential.does = raises(ClientAuthenticationError("no identity"))
    one, caller = bounded(credential, dependencies), dependencies.caller(FOUNDRY)
    for _ in range(10):
        with pytest.raises(AccessDenied):
            caller.read("get thread", "t", lambda: one.get_token(SCOPE))
    asked = credential.asked

    with pytest.raises(Unavailable, match="sign-in has failed repeatedly and is left alone") as caught:
        caller.read("get thread", "t", lambda: one.get_token(SCOPE))

    assert asked == credential.asked == 10 and caught.value.dependency == TOKEN
    assert (state_of(dependencies, TOKEN), state_of(dependencies, FOUNDRY)) == ("open", "closed")


def test_a_creation_without_a_token_is_not_looked_up(
    credential: Credential, dependencies: Dependencies
) -> None:
    """Nothing was sent, so nothing can have been made."""
    credential.does = lambda: None
    one, caller = bounded(credential, dependencies), dependencies.caller(FOUNDRY)

    def look_up() -> str:
        raise AssertionError("not asked")

    with pytest.raises(UnexpectedReply):
        caller.create("create thread", "", lambda: one.get_token(SCOPE).token, look_up)
