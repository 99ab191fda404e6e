"""Shared access signatures: of the account, of one queue, and those signed with a user delegation key.

Sources: learn.microsoft.com/rest/api/storageservices/create-account-sas, create-service-sas and
create-user-delegation-sas.
"""

import base64
import hashlib
import hmac
import ipaddress
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from emulator.clock import Clock
from emulator.queues import errors
from emulator.queues.grants import Needs
from emulator.queues.models import AccessPolicy
from emulator.wire import Request

FIRST_VERSION = "2015-04-05"
ENCRYPTION_SCOPE_VERSION = "2020-12-06"  # from here on an account SAS signs one more, empty line
NIL_ID = "00000000-0000-0000-0000-000000000000"  # tenant and user of Local Azure
CLIENT = ipaddress.ip_address("127.0.0.1")  # both listeners are bound to loopback
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d)(:\d\d)?(\.\d{1,7})?Z)?")


def sign(key: bytes, text: str) -> str:
    return base64.b64encode(hmac.digest(key, text.encode(), hashlib.sha256)).decode()


def parse_time_s(text: str) -> float | None:
    """Return Unix seconds of an ISO 8601 time in UTC as signatures write it; None when it is not one."""
    if not (found := _TIME.fullmatch(text)):
        return None
    day, minute, second, fraction = found.groups()
    try:
        whole = datetime.fromisoformat(f"{day}T{minute or '00:00'}{second or ':00'}").replace(tzinfo=UTC)
    except ValueError:
        return None
    return whole.timestamp() + float(fraction or 0)


class Signatures:
    """Checks the query parameters of a signature. *key*: the account's, decoded."""

    def __init__(self, account: str, key: bytes, clock: Clock) -> None:
        self._account, self._key, self._clock = account, key, clock

    def delegation_key(self, fields: Mapping[str, str]) -> str:
        """Return the key (base64) of a user delegation; the same fields always give the same key."""
        order = ("skoid", "sktid", "skt", "ske", "sks", "skv", "skdutid")
        return sign(self._key, "user delegation\n" + "\n".join(fields.get(name, "") for name in order))

    def check(self, request: Request, queue: str, needs: Needs, policies: tuple[AccessPolicy, ...]) -> None:
        """Return when the request's signature grants the operation. Raises WireError 400 or 403."""
        fields: Mapping[str, str] = request.query
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", fields.get("sv", "")) or fields["sv"] < FIRST_VERSION:
            raise errors.authentication_failed(f"sv must be a service version from {FIRST_VERSION} on.")
        if fields.get("ss") or fields.get("srt"):
            self._check_account(fields)
            granted, permission = fields, needs.account
        else:
            self._check_queue(fields, queue)
            granted, permission = _with_policy(fields, policies), needs.queue
        self._check_time(granted.get("st", ""), granted.get("se", ""))
        _check_connection(fields, request.scheme)
        if granted is fields and fields.get("srt"):
            if "q" not in fields.get("ss", ""):
                raise errors.not_authorized("Service", "service")
            if needs.resource not in fields["srt"]:
                raise errors.not_authorized("ResourceType", "resource type")
        if not set(permission) & set(granted.get("sp", "")):
            raise errors.not_authorized("Permission", "permission")

    def _check_account(self, fields: Mapping[str, str]) -> None:
        names = ["sp", "ss", "srt", "st", "se", "sip", "spr", "sv"]
        if fields["sv"] >= ENCRYPTION_SCOPE_VERSION:
            names.append("ses")
        lines = [self._account, *(fields.get(name, "") for name in names), ""]
        _compare(fields, sign(self._key, "\n".join(lines)), lines)

    def _check_queue(self, fields: Mapping[str, str], queue: str) -> None:
        head = [fields.get(name, "") for name in ("sp", "st", "se")]
        head.append(f"/queue/{self._account}/{queue}")
        tail = [fields.get(name, "") for name in ("sip", "spr", "sv")]
        if not fields.get("skoid"):
            lines = [*head, fields.get("si", ""), *tail]
            _compare(fields, sign(self._key, "\n".join(lines)), lines)
            return
        names = ("skoid", "sktid", "skt", "ske", "sks", "skv", "skdutid", "sduoid")
        lines = [*head, *(fields.get(name, "") for name in names), *tail]
        key = base64.b64decode(self.delegation_key(fields))
        _compare(fields, sign(key, "\n".join(lines)), lines)
        self._check_time(fields.get("skt", ""), fields.get("ske", ""))

    def _check_time(self, start: str, expiry: str) -> None:
        now_s = self._clock.told_s()
        start_s, expiry_s = parse_time_s(start), parse_time_s(expiry)
        if expiry_s is None or (start and start_s is None):
            raise errors.authentication_failed(
                f"Start {start!r} or expiry {expiry!r} is not a time such as 2030-01-31T09:00:00Z."
            )
        if not (start_s or 0) <= now_s < expiry_s:
            now = self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
            raise errors.authentication_failed(
                f"Signature not valid in the specified time frame: Start [{start}] - Expiry [{expiry}]"
                f" - Current [{now}]"
            )


def _compare(fields: Mapping[str, str], expected: str, lines: list[str]) -> None:
    if not hmac.compare_digest(fields.get("sig", "").encode(), expected.encode()):
        text = "\n".join(lines)
        raise errors.authentication_failed(f"Signature did not match. String to sign used was {text}")


def _with_policy(fields: Mapping[str, str], policies: tuple[AccessPolicy, ...]) -> Mapping[str, str]:
    """Return *fields* completed by the stored access policy they name."""
    if not (name := fields.get("si", "")):
        return fields
    policy = next((policy for policy in policies if policy.id == name), None)
    if policy is None:
        raise errors.authentication_failed(f"The queue has no stored access policy {name!r}.")
    stored = {"st": policy.start, "se": policy.expiry, "sp": policy.permission}
    for field, value in stored.items():
        if value and fields.get(field):
            raise errors.invalid_query_value(
                field, fields[field], f"The stored access policy {name!r} sets it too; one of both may."
            )
    return {**fields, **{field: value for field, value in stored.items() if value}}


def _check_connection(fields: Mapping[str, str], scheme: str) -> None:
    if (protocols := fields.get("spr", "")) and scheme not in protocols.split(","):
        raise errors.not_authorized("Protocol", "protocol")
    if not (allowed := fields.get("sip", "")):
        return
    first, _, last = allowed.partition("-")
    try:
        inside = int(ipaddress.IPv4Address(first)) <= int(CLIENT) <= int(ipaddress.IPv4Address(last or first))
    except ValueError:
        raise errors.authentication_failed(f"sip {allowed!r} is not an IPv4 address or range.") from None
    if not inside:
        raise errors.not_authorized("SourceIP", f"source IP {CLIENT}")
