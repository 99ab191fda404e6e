"""Tokens: Local Azure accepts what it issued, for whom it issued it, while it lasts, over TLS. Nothing else."""

import asyncio

import orjson
import pytest

from emulator.clock import Clock
from emulator.tokens import LIFETIME_S, Tokens
from emulator.wire import Request, Response, WireError

FOUNDRY, STORAGE = "https://ai.azure.com", "https://storage.azure.com"


def request(authorization: str = "", scheme: str = "https", query: str = "", header: str = "") -> Request:
    headers = {"authorization": authorization, "x-identity-header": header}
    return Request("GET", "/msi/token", query, headers, b"", scheme, "/msi/token")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(clock: Clock) -> Tokens:
    return Tokens("local-secret", clock)


def test_an_issued_token_opens_the_service_it_names(tokens: Tokens) -> None:
    token, _ = tokens.issue(FOUNDRY)

    tokens.require(request(f"Bearer {token}"), FOUNDRY)
    tokens.require(request(f"Bearer {token}"), FOUNDRY)


def test_the_local_secret_opens_every_service(tokens: Tokens) -> None:
    """The dashboard's own credential needs no round trip."""
    tokens.require(request("Bearer local-secret"), STORAGE)


@pytest.mark.parametrize(
    ("authorization", "scheme", "message"),
    [
        ("", "https", "no bearer token"),
        ("Basic abc", "https", "no bearer token"),
        ("Bearer local-secret", "http", "https only"),
        ("Bearer a.b.c", "https", "not issued"),
        ("Bearer nonsense", "https", "not issued"),
    ],
    ids=["missing", "basic", "plain-http", "foreign", "no-jwt"],
)
def test_what_is_no_valid_token_is_refused_in_words(
    tokens: Tokens, authorization: str, scheme: str, message: str
) -> None:
    with pytest.raises(WireError, match=message) as caught:
        tokens.require(request(authorization, scheme), FOUNDRY)

    assert caught.value.status == 401


def test_a_token_for_another_service_is_refused(tokens: Tokens) -> None:
    """Scripts that ask for the wrong scope must fail here as they would in Azure."""
    token, _ = tokens.issue(STORAGE)

    with pytest.raises(WireError, match=r"is for https://storage\.azure\.com"):
        tokens.require(request(f"Bearer {token}"), FOUNDRY)


def test_a_token_ends(tokens: Tokens, clock: Clock) -> None:
    token, _ = tokens.issue(FOUNDRY)
    clock.advance(LIFETIME_S + 1)

    with pytest.raises(WireError, match="expired"):
        tokens.require(request(f"Bearer {token}"), FOUNDRY)


def test_the_endpoint_answers_as_app_service_does(tokens: Tokens) -> None:
    asked = request(query=f"api-version=2019-08-01&resource={FOUNDRY}", header="local-secret", scheme="http")

    reply = asyncio.run(tokens.answer(asked, "get_token"))

    assert isinstance(reply, Response)
    document = orjson.loads(reply.body)
    assert document["token_type"] == "Bearer"
    assert document["expires_on"].isdigit()
    tokens.require(request(f"Bearer {document['access_token']}"), FOUNDRY)


@pytest.mark.parametrize(
    ("header", "query", "status"),
    [
        ("wrong", f"resource={FOUNDRY}", 401),
        ("local-secret", "", 400),
        ("local-secret", "resource=nonsense", 400),
    ],
    ids=["wrong-secret", "no-resource", "resource-no-uri"],
)
def test_the_endpoint_refuses_strangers_and_nonsense(
    tokens: Tokens, header: str, query: str, status: int
) -> None:
    with pytest.raises(WireError) as caught:
        asyncio.run(tokens.answer(request(query=query, header=header), "get_token"))

    assert caught.value.status == status
