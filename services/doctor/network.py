"""Addresses: does the name resolve, to what kind of address, does something answer, and is its clock ours."""

import ipaddress
import socket
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from azure.core.rest import HttpRequest, HttpResponse

from services.doctor.findings import Check, Said
from services.doctor.subject import LOGS, METRICS, PROJECT, STORAGE, Place, Subject
from services.doctor.words import not_reachable
from services.errors import ConfigurationError, ServiceError, Unavailable

SKEW_WARNS_S, SKEW_FAILS_S = 60.0, 300.0  # Entra refuses tokens that are five minutes off
OPTIONAL = (LOGS, METRICS)


def address_check(name: str) -> Check:
    key = {PROJECT: "project", STORAGE: "storage", LOGS: "logs", METRICS: "metrics"}[name]
    return Check(f"address-{key}", "Addresses", name, lambda subject: address(subject, name))


def address(subject: Subject, name: str) -> Said:
    """Send one unsigned request as the SDK would: through the same proxy, trusting the same authorities."""
    place = subject.place(name)
    if place is None:
        setting = {PROJECT: "PROJECT_ENDPOINT_ENT", STORAGE: "STORAGE_SERVICE_ENDPOINT"}.get(name, "")
        if name in OPTIONAL:
            return Said("unknown", "No address is set, so it is not asked.", _setting_of(name))
        return not_reachable(name, subject, setting)
    host = urlsplit(place.address).hostname or ""
    resolved = resolve(host)
    try:
        reply = ask(subject, place)
    except ServiceError as error:
        return _failed(place, host, resolved, error)
    where = f"{host} ({resolved})" if resolved else f"{host} (resolved by the proxy)"
    return Said("ok", f"{where} answers over TLS (HTTP {reply.status_code} to a request without a token).")


def clock(subject: Subject) -> Said:
    """Compare this machine's clock with the Date of a reply."""
    problem: ServiceError | None = None
    for place in subject.places:
        try:
            before, reply = subject.now(), ask(subject, place)
        except ServiceError as error:
            problem = error
            continue
        after = subject.now()
        try:
            told = parsedate_to_datetime(reply.headers.get("Date", ""))
        except (ValueError, TypeError):
            continue
        middle = before + (after - before) / 2
        return judge_skew(
            (middle - (told if told.tzinfo else told.replace(tzinfo=UTC))).total_seconds(), place.name
        )
    why = problem.message if problem else "No service told its time."
    return Said("unknown", why, "Put the addresses right first.")


def judge_skew(skew_s: float, name: str) -> Said:
    """Return what a clock *skew_s* ahead of that of *name* means; the Date header has whole seconds. Pure."""
    off_s = max(0.0, abs(skew_s) - 1.0)
    way = "ahead of" if skew_s > 0 else "behind"
    step, command = (
        "Switch on time synchronisation (on Windows: w32tm /resync).",
        "sudo timedatectl set-ntp true",
    )
    told = f"This machine's clock is {abs(skew_s):.0f} s {way} that of {name}."
    if off_s > SKEW_FAILS_S:
        return Said("failed", f"{told} Tokens are refused from five minutes on.", step, command)
    if off_s > SKEW_WARNS_S:
        return Said("warning", f"{told} Ages and waits on the pages are off by as much.", step, command)
    return Said("ok", f"Within {max(1.0, abs(skew_s)):.0f} s of that of {name}.")


def ask(subject: Subject, place: Place) -> HttpResponse:
    """Return the reply to one unsigned request. Raises Unavailable and ConfigurationError (the certificate)."""
    assert subject.transport is not None, "places come with a transport"
    connect = subject.transport

    def send() -> HttpResponse:
        with connect() as transport:
            reply: HttpResponse = transport.send(HttpRequest("GET", place.url))
            return reply

    return subject.looks.read("reach", place.name, send)


def resolve(host: str) -> str:
    """Return `10.1.2.4, a private address`; empty when the name is not known here."""
    try:
        found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ""
    address = ipaddress.ip_address(str(found[0][4][0]).partition("%")[0])
    kind = "this machine" if address.is_loopback else "private" if address.is_private else "public"
    what = kind if kind == "this machine" else f"a {kind} address"
    return what if str(address) == host else f"{address}, {what}"


def _failed(place: Place, host: str, resolved: str, error: ServiceError) -> Said:
    if isinstance(error, ConfigurationError):
        return Said(
            "failed", error.message, f"{error.hint} Set REQUESTS_CA_BUNDLE to the file that holds it."
        )
    if not resolved:
        step = f"{place.setting} is misspelt, or this network lacks a private DNS zone."
        return Said("failed", f"The name {host} is not known here. {error.message}", step, f"nslookup {host}")
    if isinstance(error, Unavailable):
        step = (
            "Look at firewalls, the resource's own network rules (Networking in the portal) and its private endpoint; "
            "behind a proxy set HTTPS_PROXY."
        )
        return Said("failed", f"{host} ({resolved}): {error.message}", step, f"curl -v {place.address}")
    return Said("failed", f"{host} ({resolved}): {error.message}", error.hint)


def _setting_of(name: str) -> str:
    if name == LOGS:
        return "Set RELAYDECK_LOGS_WORKSPACE to see history."
    return "Set RELAYDECK_METRICS_ENDPOINT and a resource id to see Azure's own metrics."
