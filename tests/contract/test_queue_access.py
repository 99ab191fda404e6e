"""Who gets in: account key, signatures and tokens, good and bad. On our service and on Azurite."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.storage.queue import (
    AccessPolicy,
    QueueClient,
    QueueSasPermissions,
    QueueServiceClient,
    generate_queue_sas,
)

from tests.contract.conftest import (
    STORAGE_AUDIENCE,
    Connect,
    QueueTarget,
    bearer,
    error_code,
    new_name,
    sas,
)

HOUR = timedelta(hours=1)
OTHER_KEY = "b3RoZXI="


def queue_sas(target: QueueTarget, queue: str, permission: str = "raup", **more: object) -> str:
    """Return a signature for one queue, valid for an hour unless *more* says otherwise."""
    terms: dict[str, object] = {"permission": permission, "expiry": target.now() + HOUR, **more}
    return generate_queue_sas(target.account, queue, target.key, **terms)  # type: ignore[arg-type]  # the SDK's keywords


def refused(act: Callable[[], object]) -> tuple[int | None, str]:
    """Return status and code of the refusal that calling *act* meets."""
    with pytest.raises(HttpResponseError) as caught:
        act()
    return caught.value.status_code, error_code(caught.value)


# The account's key --------------------------------------------------------------------------------


def test_a_wrong_key_is_refused(queue_target: QueueTarget, connect: Connect) -> None:
    """403 AuthenticationFailed on Azure; Azurite with OAuth on complains about the header instead."""
    stranger = connect(queue_target, {"account_name": queue_target.account, "account_key": OTHER_KEY})
    with pytest.raises(ClientAuthenticationError) as caught:
        stranger.create_queue(new_name())
    found = (caught.value.status_code, error_code(caught.value))
    azure, azurite = (403, "AuthenticationFailed"), (400, "InvalidAuthenticationInfo")
    assert found == (azure if queue_target.name == "local" else azurite)


def test_a_foreign_account_is_refused(local_target: QueueTarget, connect: Connect) -> None:
    """Its key may even be the right one."""
    stranger = connect(local_target, {"account_name": "someoneelse", "account_key": local_target.key})
    with pytest.raises(ClientAuthenticationError):
        list(stranger.list_queues())


def test_no_credential_is_refused(queue_target: QueueTarget) -> None:
    """Queues are never public. Azure answers 401 and says how to sign in, Azurite 403."""
    reply = queue_target.raw("GET", "", "comp=list", signed=False)
    assert reply.status == (401 if queue_target.name == "local" else 403)
    if queue_target.name == "local":
        assert reply.headers["x-ms-error-code"] == "NoAuthenticationInformation"
        assert reply.headers["www-authenticate"].startswith("Bearer authorization_uri=https://")


@pytest.mark.parametrize("value", ["Basic dXNlcjpwdw==", "SharedKey", "SharedKey nonsense"])
def test_a_malformed_authorization_header_is_refused(local_target: QueueTarget, value: str) -> None:
    """400 says that it is the header and not the rights."""
    reply = local_target.raw("GET", "", "comp=list", headers={"authorization": value}, signed=False)
    assert (reply.status, reply.headers["x-ms-error-code"]) == (400, "InvalidAuthenticationInfo")


def test_the_key_works_over_http_too(local_target: QueueTarget, connect: Connect) -> None:
    """Connection strings of scripts that know no TLS."""
    queue = connect(local_target, plain=True).create_queue(new_name())
    queue.send_message("one")
    assert queue.peek_messages()[0].content == "one"


# Signatures for one queue -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("permission", "allowed"),
    [
        ("r", {"peek", "properties"}),
        ("a", {"send"}),
        ("u", {"update"}),
        ("p", {"receive", "delete"}),
        ("raup", {"peek", "properties", "send", "update", "receive", "delete"}),
    ],
)
def test_a_signature_grants_what_its_letters_say(
    queue: QueueClient, queue_target: QueueTarget, connect: Connect, permission: str, allowed: set[str]
) -> None:
    """Each letter opens its operations and no other: least privilege can be tested at home."""
    for _ in range(3):
        queue.send_message("one")
    first, second = queue.receive_message(), queue.receive_message()
    assert first and second
    guest = connect(
        queue_target, sas(queue_sas(queue_target, queue.queue_name, permission))
    ).get_queue_client(queue.queue_name)
    acts: dict[str, Callable[[], object]] = {
        "peek": guest.peek_messages,
        "properties": guest.get_queue_properties,
        "send": lambda: guest.send_message("two"),
        "update": lambda: guest.update_message(first, visibility_timeout=30),
        "receive": guest.receive_message,
        "delete": lambda: guest.delete_message(second),
        "clear": guest.clear_messages,
        "drop": guest.delete_queue,
        "describe": lambda: guest.set_queue_metadata({"a": "b"}),
        "policies": guest.get_queue_access_policy,
    }

    for name, act in acts.items():
        if name in allowed:
            act()
        else:
            assert refused(act)[0] == 403, name


def test_a_signature_opens_one_queue_only(
    queue_service: QueueServiceClient, queue: QueueClient, queue_target: QueueTarget, connect: Connect
) -> None:
    """The name is part of what is signed."""
    other = queue_service.create_queue(new_name())
    guest = connect(queue_target, sas(queue_sas(queue_target, queue.queue_name)))
    assert refused(guest.get_queue_client(other.queue_name).peek_messages) == (403, "AuthenticationFailed")


@pytest.mark.parametrize("case", ["expired", "not-yet", "other-key", "changed"])
def test_a_signature_that_does_not_hold_is_refused(
    queue: QueueClient, queue_target: QueueTarget, connect: Connect, case: str
) -> None:
    """Over, early, forged, or widened after signing."""
    name, now = queue.queue_name, queue_target.now()
    tokens = {
        "expired": queue_sas(queue_target, name, start=now - 2 * HOUR, expiry=now - HOUR),
        "not-yet": queue_sas(queue_target, name, start=now + HOUR, expiry=now + 2 * HOUR),
        "other-key": generate_queue_sas(queue_target.account, name, OTHER_KEY, "raup", now + HOUR),
        "changed": queue_sas(queue_target, name, "r").replace("sp=r", "sp=raup"),
    }
    guest = connect(queue_target, sas(tokens[case])).get_queue_client(name)
    assert refused(guest.peek_messages) == (403, "AuthenticationFailed")


def test_a_signature_ends_when_its_time_is_over(
    local_target_queue: QueueClient, local_target: QueueTarget, connect: Connect
) -> None:
    """On the emulator's clock, like everything else."""
    name = local_target_queue.queue_name
    guest = connect(local_target, sas(queue_sas(local_target, name))).get_queue_client(name)
    guest.peek_messages()

    local_target.pass_time(3601)

    assert refused(guest.peek_messages) == (403, "AuthenticationFailed")


def test_a_stored_policy_completes_and_revokes_a_signature(
    queue: QueueClient, queue_target: QueueTarget, connect: Connect
) -> None:
    """Taking the policy away ends every signature that names it, without a new account key."""
    now = queue_target.now()
    queue.set_queue_access_policy({"guests": AccessPolicy("r", expiry=now + HOUR, start=now - HOUR)})
    token = generate_queue_sas(queue_target.account, queue.queue_name, queue_target.key, policy_id="guests")
    guest = connect(queue_target, sas(token)).get_queue_client(queue.queue_name)

    guest.peek_messages()
    assert refused(lambda: guest.send_message("x"))[0] == 403

    queue.set_queue_access_policy({})
    assert refused(guest.peek_messages)[0] == 403


def test_a_signature_may_demand_https_and_an_address(
    local_target_queue: QueueClient, local_target: QueueTarget, connect: Connect
) -> None:
    """Azurite listens to one protocol at a time, so this is ours alone."""
    name = local_target_queue.queue_name
    https_only = queue_sas(local_target, name, protocol="https")
    connect(local_target, sas(https_only)).get_queue_client(name).peek_messages()
    plainly = connect(local_target, sas(https_only), plain=True).get_queue_client(name)
    assert refused(plainly.peek_messages) == (403, "AuthorizationProtocolMismatch")

    here = queue_sas(local_target, name, ip="127.0.0.0-127.0.0.9")
    connect(local_target, sas(here), plain=True).get_queue_client(name).peek_messages()
    elsewhere = connect(local_target, sas(queue_sas(local_target, name, ip="192.0.2.1")))
    assert refused(elsewhere.get_queue_client(name).peek_messages) == (403, "AuthorizationSourceIPMismatch")


# Signatures for the account -----------------------------------------------------------------------


def test_an_account_signature_opens_the_service(queue_target: QueueTarget, connect: Connect) -> None:
    """From listing to deleting, as far as its letters go."""
    name = new_name()
    guest = connect(queue_target, sas(queue_target.account_sas()))
    queue = guest.create_queue(name)
    queue.send_message("one")
    held = queue.receive_message()
    assert held is not None
    queue.update_message(held, visibility_timeout=0)
    queue.clear_messages()
    queue.set_queue_metadata({"a": "b"})
    assert name in [found.name for found in guest.list_queues(name_starts_with=name)]
    guest.get_service_properties()
    guest.delete_queue(name)


@pytest.mark.parametrize(
    ("permission", "types", "services", "code"),
    [
        ("r", "sco", "q", "AuthorizationPermissionMismatch"),
        ("l", "co", "q", "AuthorizationResourceTypeMismatch"),
        ("l", "sco", "b", "AuthorizationServiceMismatch"),
    ],
    ids=["permission", "resource-type", "service"],
)
def test_an_account_signature_grants_no_more_than_it_says(
    queue_target: QueueTarget, connect: Connect, permission: str, types: str, services: str, code: str
) -> None:
    """The code says which of its three limits was met."""
    guest = connect(queue_target, sas(queue_target.account_sas(permission, types, services)))
    assert refused(lambda: list(guest.list_queues())) == (403, code)


# Tokens -------------------------------------------------------------------------------------------


def test_a_bearer_token_opens_the_service(queue_target: QueueTarget, connect: Connect) -> None:
    """What every identity of Azure brings: audience storage, over https."""
    guest = connect(queue_target, bearer(queue_target.issue_token(STORAGE_AUDIENCE, 3600)))
    queue = guest.create_queue(new_name())
    queue.send_message("one")
    assert queue.peek_messages()[0].content == "one"


def test_the_accounts_own_address_is_an_audience_too(local_target: QueueTarget, connect: Connect) -> None:
    """The SDK's audience option asks for it."""
    audience = f"https://{local_target.account}.queue.core.windows.net"
    list(connect(local_target, bearer(local_target.issue_token(audience, 3600))).list_queues())


@pytest.mark.parametrize("case", ["other-audience", "expired"])
def test_a_token_that_does_not_hold_is_refused(
    queue_target: QueueTarget, connect: Connect, case: str
) -> None:
    """401, and the SDK raises ClientAuthenticationError."""
    token = {
        "other-audience": queue_target.issue_token("https://vault.azure.net", 3600),
        "expired": queue_target.issue_token(STORAGE_AUDIENCE, -60),
    }[case]
    with pytest.raises(ClientAuthenticationError) as caught:
        list(connect(queue_target, bearer(token)).list_queues())
    assert caught.value.status_code in (401, 403)


@pytest.mark.parametrize("token", ["nonsense", "a.b.c"])
def test_a_token_of_unknown_origin_is_refused(
    local_target: QueueTarget, connect: Connect, token: str
) -> None:
    """Ours checks the signature; Azurite takes any token that reads well."""
    with pytest.raises(ClientAuthenticationError) as caught:
        list(connect(local_target, bearer(token)).list_queues())
    assert (caught.value.status_code, error_code(caught.value)) == (401, "InvalidAuthenticationInfo")


def test_a_token_over_http_is_refused(local_target: QueueTarget) -> None:
    """The SDK would not send it; whoever does has shown it to everybody on the way."""
    token = local_target.issue_token(STORAGE_AUDIENCE, 3600)
    headers = {"authorization": f"Bearer {token}"}
    reply = local_target.raw("GET", "", "comp=list", headers=headers, signed=False, plain=True)
    assert (reply.status, reply.headers["x-ms-error-code"]) == (401, "InvalidAuthenticationInfo")
    assert b"https only" in reply.body


def test_a_user_delegation_key_signs_for_a_token(
    local_target_queue: QueueClient, local_target: QueueTarget, connect: Connect
) -> None:
    """Signatures without the account's key; Azurite does not know them for queues."""
    name, now = local_target_queue.queue_name, local_target.now()
    owner = connect(local_target, bearer(local_target.issue_token(STORAGE_AUDIENCE, 3600)))
    key = owner.get_user_delegation_key(start=now - HOUR, expiry=now + HOUR)

    def signed(expiry: timedelta) -> QueueClient:
        token = generate_queue_sas(
            local_target.account,
            name,
            user_delegation_key=key,
            permission=QueueSasPermissions(read=True),
            expiry=now + expiry,
        )
        return connect(local_target, sas(token)).get_queue_client(name)

    signed(2 * HOUR).peek_messages()
    assert refused(lambda: signed(HOUR).send_message("x")) == (403, "AuthorizationPermissionMismatch")
    local_target.pass_time(3601)
    assert refused(signed(2 * HOUR).peek_messages) == (403, "AuthenticationFailed")


def test_a_user_delegation_key_needs_a_token(local_target: QueueTarget, connect: Connect) -> None:
    """The account's key is no user."""
    service = connect(local_target)
    now = local_target.now()
    act = lambda: service.get_user_delegation_key(start=now, expiry=now + HOUR)  # noqa: E731 - one call
    assert refused(act) == (403, "AuthorizationFailure")
